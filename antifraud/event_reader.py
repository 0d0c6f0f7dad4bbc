"""What the batch detectors read, out of PostgreSQL: scans after a place, the cartons they touch, dealers' territories.

A page ends at a horizon before which no transaction is still open, as in `antifraud.scan_feed`, so nothing in flight is
skipped; it costs what is new, not what there is. Columns come as arrays, one row an answer. Names of people, phones
and networks become numbers by a hash, which nobody reads back.

Not here, and 0: who is paid out. A red packet goes to the WeChat identity of its member, which no other member has.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text

from antifraud.batch.cartons import Route
from antifraud.batch.items import _nothing as no_scans
from antifraud.batch.memory import stack
from antifraud.batch.records import SPAN
from antifraud.batch.watch import Stretch, Watch
from antifraud.columns import METHODS, Cartons, Dealers, Environment, Outcome, Referrals, Scans, StoreScans
from antifraud.params import Params
from antifraud.scan_feed import BEGINNING, DELAY, FIRST_WINDOW, GROWTH, NOBODY, Place
from antifraud.signals import network, storable
from foundation.database import ReadTx, settled_before

__all__ = [
    "Outside", "Page", "Rows", "cartons_of", "micros", "next_midnight", "nothing_outside", "number", "read",
    "read_scans", "route_of",
]  # fmt: skip

Whole = NDArray[np.int64]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICRO, DAY = timedelta(microseconds=1), timedelta(days=1)
FAR_FUTURE = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What other packages know of an interval of time. names: who the accounts of the referrals are."""

    stores: StoreScans
    referrals: Referrals
    registered: Whole
    names: Mapping[int, str] = field(default_factory=dict)


LookOutside = Callable[[ReadTx, datetime, datetime], Outside]
"""(tx, from, until) -> what happened in [from, until)."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Scans with the id of each, 16 bytes, in the order of judgement."""

    scans: Scans
    ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """A stretch, the ids of its scans, where to read on; complete: nothing more is ready at this moment."""

    stretch: Stretch
    ids: tuple[UUID, ...]
    place: Place
    complete: bool


def number(kind: str, value: str) -> int:
    """What a detector knows somebody or something by: 63 bits, never 0."""
    digest = blake2b(value.encode("utf-8", "replace"), digest_size=8, person=kind.encode()).digest()
    return int.from_bytes(digest, "big") >> 1 or 1


def micros(at: datetime | None) -> int:
    """Microseconds since 1970 UTC; 0 for what has not happened."""
    return (at - EPOCH) // MICRO if at is not None else 0


def nothing_outside(tx: ReadTx, begin: datetime, end: datetime) -> Outside:  # noqa: ARG001
    whole, real = np.zeros(0, dtype=np.int64), np.zeros(0)
    return Outside(
        stores=StoreScans(at=whole, carton=whole, store=whole, lat=real, lon=real),
        referrals=Referrals(at=whole, inviter=whole, invitee=whole, unlocked_at=whole), registered=whole,
    )  # fmt: skip


def read(
    tx: ReadTx, place: Place, watch: Watch, *, params: Params, limit: int, now: datetime, outside: LookOutside,
    until: datetime | None = None, stop: Place | None = None,
) -> Page:  # fmt: skip
    """The stretch after `place`, at most `limit` scans. until: nothing received then or later. stop: nothing after it.

    watch: whose remembered items say which other cartons are in question.
    """
    horizon = settled_before(tx, now, delay=DELAY)
    if until is not None:
        horizon = min(horizon, until)
    rows, end, complete = _page(tx, place, horizon, limit, stop)
    seen = outside(tx, place.at, end.at)
    route = _route(tx, rows.scans, seen.stores, watch, params)
    stretch = Stretch(rows.scans, seen.stores, seen.referrals, route, seen.registered, seen.names)
    return Page(stretch, rows.ids, end, complete)


def _page(
    tx: ReadTx, place: Place, horizon: datetime, limit: int, stop: Place | None
) -> tuple[Rows, Place, bool]:  # fmt: skip
    """In windows that grow, for the index on received_at finds blocks by time.

    A page with scans never goes past a midnight, so a day of the past is judged as it was when it was the present.
    """
    parts: list[Rows] = []
    found, window = 0, FIRST_WINDOW
    if stop is not None:
        horizon = stop.at + (MICRO if stop.scan_id != NOBODY else timedelta())
    if place.at == BEGINNING:
        place = Place(_first(tx) or horizon)
    midnight, ready = next_midnight(place.at), horizon
    while found < limit and place.at < horizon:
        end = min(place.at + window, horizon)
        rows = read_scans(tx, place, end, limit - found, stop)
        if rows.ids and not found:
            first = _instant(int(rows.scans.at[0]))
            if first >= midnight:  # Days without a scan are a page of their own.
                return Rows(no_scans(), ()), Place(next_midnight(first) - DAY), False
            horizon = min(horizon, midnight)
        parts.append(rows)
        found += len(rows.ids)
        # A window that was not cut short is read for good: nothing will appear in it.
        place = Place(end) if found < limit else Place(_instant(int(rows.scans.at[-1])), rows.ids[-1])
        window *= GROWTH
    if found and place.at >= midnight:
        return _joined(parts, midnight), Place(midnight), midnight >= ready
    complete = found < limit
    return _joined(parts, None), stop if stop is not None and complete else place, complete


def next_midnight(at: datetime) -> datetime:
    """The end of a day, UTC."""
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + DAY


def _joined(parts: Sequence[Rows], before: datetime | None) -> Rows:
    full = [part for part in parts if part.ids]
    if not full:
        return Rows(no_scans(), ())
    scans, ids = stack([part.scans for part in full]), tuple(one for part in full for one in part.ids)
    count = len(ids) if before is None else int(np.searchsorted(scans.at, micros(before)))
    return Rows(scans.take(slice(0, count)), ids[:count])


def _first(tx: ReadTx) -> datetime | None:
    return tx.execute(text("SELECT min(received_at) FROM scans")).scalar_one()  # type: ignore[no-any-return]


def _instant(at_us: int) -> datetime:
    return EPOCH + at_us * MICRO


def read_scans(tx: ReadTx, place: Place, end: datetime, limit: int, stop: Place | None = None) -> Rows:
    """The scans after `place` received before `end`, at most `limit`, none after `stop`, in the order of judgement."""
    last = stop or Place(FAR_FUTURE)
    where = {"at": place.at, "scan": place.scan_id, "end": end, "last_at": last.at, "last": last.scan_id}
    row = tx.execute(text(_SCANS), where | {"limit": limit}).one()._mapping
    ids = tuple(row["scan_id"] or ())
    if not ids:
        return Rows(no_scans(), ())
    return Rows(_columns({name: row[name] for name in row if name != "scan_id"}, ids), ids)


def _columns(row: Mapping[str, Any], ids: Sequence[UUID]) -> Scans:
    device, account = _numbers("device", row["device"]), _numbers("member", row["member"])
    real = {name: np.array(row[name], dtype=float) for name in ("lat", "lon", "sigma_km")}  # None is NaN.
    outcome, environment = (np.array(row[name], dtype=np.uint8) for name in ("outcome", "hints"))
    return Scans(
        at=np.array(row["at"], dtype=np.int64),
        told=np.array([(one.int >> 80) * 1000 for one in ids], dtype=np.int64),  # UUIDv7: the phone's milliseconds
        item=np.array(row["item"], dtype=np.int64), outcome=outcome,
        claim_face=np.array(row["claim_face"], dtype=bool), claimed=np.array(row["claimed"], dtype=bool),
        value_fen=np.array(row["points"], dtype=np.int64), carton=np.array(row["carton"], dtype=np.int64),
        person=np.where(account != 0, account, device), account=account, device=device,
        network=_numbers("network", [network(one) for one in row["address"]]), pool=_numbers("pool", row["pool"]),
        payee=np.zeros_like(device), method=np.array([_METHOD[one] for one in row["method"]], dtype=np.uint8),
        accuracy_m=np.where(environment & Environment.ACCURACY_ZERO, 0.0, np.nan), environment=environment, **real,
    )  # fmt: skip


_METHOD = {name: at for at, name in enumerate(METHODS)}


def _numbers(kind: str, values: Sequence[str | None]) -> Whole:
    """0 for nobody."""
    known = {value: number(kind, storable(value)) if value else 0 for value in set(values)}
    return np.array([known[value] for value in values], dtype=np.int64)


# A text that is no code of anybody's says nothing of guessing, as in line: it left no evidence, and counts as inactive.
_SCANS = f"""
WITH fresh AS MATERIALIZED (
    SELECT * FROM scans
    WHERE received_at >= :at AND received_at < :end
      AND (received_at, scan_id) > (:at, :scan) AND (received_at, scan_id) <= (:last_at, :last)
    ORDER BY received_at, scan_id LIMIT :limit
), seen AS (
    SELECT s.*, CASE WHEN r.items @> s.item THEN r.claim_face END AS paying, c.scan_id IS NOT NULL AS took
    FROM fresh s
    LEFT JOIN LATERAL (
        SELECT items, claim_face FROM runs WHERE lower(items) <= s.item ORDER BY lower(items) DESC LIMIT 1
    ) r ON s.face IS NOT NULL
    LEFT JOIN claims c ON c.item = s.item AND c.face = s.face AND c.kind = 'consumer' AND c.scan_id = s.scan_id
)
SELECT array_agg(scan_id ORDER BY received_at, scan_id) AS scan_id,
    array_agg(CAST(extract(epoch FROM received_at) * 1000000 AS bigint) ORDER BY received_at, scan_id) AS at,
    array_agg(coalesce(item, 0) ORDER BY received_at, scan_id) AS item,
    array_agg(CASE
        WHEN 'PKG_LEAK' = ANY (reasons) THEN {Outcome.CANARY:d}
        WHEN verdict = 'unknown' AND item IS NOT NULL THEN {Outcome.NOT_ISSUED:d}
        WHEN verdict = 'unknown' AND CAST(coalesce(features ->> 'device_llr', '1') AS double precision) > 0
            THEN {Outcome.BAD_TAG:d}
        WHEN verdict = 'not_active' THEN {Outcome.NOT_ACTIVATED:d}
        WHEN verdict IN ('unknown', 'void', 'recalled', 'expired') THEN {Outcome.INACTIVE:d}
        ELSE {Outcome.VALID:d} END ORDER BY received_at, scan_id) AS outcome,
    array_agg(coalesce(face = paying, false) ORDER BY received_at, scan_id) AS claim_face,
    array_agg(took ORDER BY received_at, scan_id) AS claimed,
    array_agg(reward_points ORDER BY received_at, scan_id) AS points,
    array_agg(CASE WHEN sscc ~ '^[0-9]{{18}}$' THEN CAST(sscc AS bigint) ELSE 0 END ORDER BY received_at, scan_id)
        AS carton,
    array_agg(CAST(member_id AS text) ORDER BY received_at, scan_id) AS member,
    array_agg(device ORDER BY received_at, scan_id) AS device,
    array_agg(address ORDER BY received_at, scan_id) AS address,
    array_agg(lat ORDER BY received_at, scan_id) AS lat, array_agg(lon ORDER BY received_at, scan_id) AS lon,
    array_agg(sigma_km ORDER BY received_at, scan_id) AS sigma_km,
    array_agg(coalesce(method, 'none') ORDER BY received_at, scan_id) AS method,
    array_agg(pool ORDER BY received_at, scan_id) AS pool, array_agg(hints ORDER BY received_at, scan_id) AS hints
FROM seen
"""  # noqa: S608


def _route(tx: ReadTx, scans: Scans, stores: StoreScans, watch: Watch, params: Params) -> Route:
    """The cartons of these scans, and those that the same items were seen in before."""
    remembered = watch.items.memory.look(np.unique(scans.item)).carton
    wanted = np.unique(np.concatenate([scans.carton, stores.carton, remembered]))
    wanted = wanted[wanted != 0]
    return route_of(tx, np.union1d(wanted, _printed_beside(tx, wanted)), params)


def _printed_beside(tx: ReadTx, cartons: Whole) -> Whole:
    """The cartons before and after each of these in the order of printing: where those went says whose record errs."""
    found = tx.execute(text(_BESIDE), {"ssccs": [f"{one:018d}" for one in cartons.tolist()], "span": SPAN}).scalar()
    return np.array(found or (), dtype=np.int64)


def route_of(tx: ReadTx, wanted: Whole, params: Params) -> Route:
    """These cartons, and where each may be sold."""
    cartons = cartons_of(tx, wanted)
    return Route.of(cartons, _dealers(tx, np.unique(cartons.dealer)), params)


def cartons_of(tx: ReadTx, cartons: Whole) -> Cartons:
    """These cartons as they are on record now, by rising number; those that are not on record are absent.

    The latest delivery counts. One that contradicts another within a week, or the gate of another dealer the carton
    came in at since, leaves no addressee: nobody is accused by records that do not agree.
    """
    row = tx.execute(text(_CARTONS), {"ssccs": [f"{one:018d}" for one in cartons.tolist()]}).one()._mapping
    return Cartons(**{name: np.array(row[name] or (), dtype=np.int64) for name in Cartons.__dataclass_fields__})


# By unit_contents_start_idx: six rows a carton, whatever the run.
_BESIDE = """
SELECT array_agg(DISTINCT CAST(beside.sscc AS bigint))
FROM (
    SELECT sscc, min(lower(items)) AS first_item FROM unit_contents
    WHERE sscc = ANY (CAST(:ssccs AS text[])) GROUP BY sscc
) c
CROSS JOIN LATERAL (
    (SELECT sscc FROM unit_contents WHERE lower(items) < c.first_item AND unpacked_at IS NULL
     ORDER BY lower(items) DESC LIMIT :span)
    UNION ALL
    (SELECT sscc FROM unit_contents WHERE lower(items) > c.first_item AND unpacked_at IS NULL
     ORDER BY lower(items) LIMIT :span)
) beside
WHERE beside.sscc ~ '^[0-9]{18}$'
"""
_US = "CAST(extract(epoch FROM {0}) * 1000000 AS bigint)"
_CARTONS = f"""
WITH units AS (
    SELECT u.sscc, c.first_item, c.count, c.packed_at, r.id AS run, CAST(r.gtin AS bigint) AS sku,
           s.id AS shipment, s.shipped_at,
           CASE WHEN s.dealers = 1 AND elsewhere.id IS NULL THEN s.dealer_id END AS dealer
    FROM units u
    JOIN LATERAL (
        SELECT min(lower(items)) AS first_item, min(packed_at) AS packed_at,
               coalesce(sum(upper(items) - lower(items)) FILTER (WHERE unpacked_at IS NULL), 0) AS count
        FROM unit_contents WHERE sscc = u.sscc
    ) c ON c.first_item IS NOT NULL
    LEFT JOIN LATERAL (
        SELECT id, gtin, items FROM runs WHERE lower(items) <= c.first_item ORDER BY lower(items) DESC LIMIT 1
    ) r ON r.items @> c.first_item
    LEFT JOIN LATERAL (
        SELECT sh.id, sh.shipped_at, sh.dealer_id,
               (SELECT count(DISTINCT o.dealer_id) FROM shipment_units ou JOIN shipments o ON o.id = ou.shipment_id
                WHERE ou.sscc = u.sscc AND o.shipped_at > sh.shipped_at - interval '7 days') AS dealers
        FROM shipment_units su JOIN shipments sh ON sh.id = su.shipment_id
        WHERE su.sscc = u.sscc ORDER BY sh.shipped_at DESC, sh.id DESC LIMIT 1
    ) s ON true
    LEFT JOIN LATERAL (
        SELECT a.id FROM arrival_units au JOIN arrivals a ON a.id = au.arrival_id
        WHERE au.sscc = u.sscc AND a.dealer_id <> s.dealer_id AND a.received_at >= s.shipped_at LIMIT 1
    ) elsewhere ON true
    WHERE u.sscc = ANY (CAST(:ssccs AS text[]))
)
SELECT array_agg(CAST(sscc AS bigint) ORDER BY sscc) AS carton,
    array_agg(coalesce(run, 0) ORDER BY sscc) AS run, array_agg(coalesce(sku, 0) ORDER BY sscc) AS sku,
    array_agg(coalesce(dealer, 0) ORDER BY sscc) AS dealer,
    array_agg(coalesce(shipment, 0) ORDER BY sscc) AS shipment,
    array_agg(first_item ORDER BY sscc) AS first_item, array_agg(CAST(count AS bigint) ORDER BY sscc) AS count,
    array_agg(coalesce({_US.format("packed_at")}, 0) ORDER BY sscc) AS packed_at,
    array_agg(coalesce({_US.format("shipped_at")}, 0) ORDER BY sscc) AS shipped_at
FROM units
"""  # noqa: S608


def _dealers(tx: ReadTx, dealers: Whole) -> Dealers:
    """Their regions with the dates they held; a dealer without any has no entry."""
    held: dict[int, dict[tuple[int, int], set[int]]] = {}
    for row in tx.execute(text(_TERRITORY), {"dealers": dealers.tolist()}):
        interval = (micros(row.valid_from), micros(row.valid_to))
        held.setdefault(row.dealer_id, {}).setdefault(interval, set()).add(row.region)
    return Dealers({
        dealer: tuple((start, until, frozenset(some)) for (start, until), some in sorted(grants.items()))
        for dealer, grants in held.items()
    })  # fmt: skip


_TERRITORY = """
SELECT dealer_id, region, valid_from, valid_to FROM dealer_regions
WHERE dealer_id = ANY (CAST(:dealers AS bigint[])) ORDER BY dealer_id, valid_from, region
"""
