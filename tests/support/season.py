"""A simulated season written straight into the tables, as factory, gates and phones would have left them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy import Engine, text

from antifraud import scan_log
from antifraud.columns import METHODS, Cartons, Dealers, Environment, Outcome, Scans
from antifraud.event_reader import LookOutside, Outside, micros, number
from antifraud.simulator.world import World
from foundation.database import ReadTx, Tx, transaction

DAY_US = 86_400_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_SSCC = 369_012_300_000_000_000
VERDICT = {
    Outcome.VALID: "genuine", Outcome.NOT_ACTIVATED: "not_active", Outcome.NOT_ISSUED: "unknown",
    Outcome.BAD_TAG: "unknown", Outcome.CANARY: "genuine", Outcome.INACTIVE: "expired",
}  # fmt: skip


def instant(at_us: int) -> datetime:
    return EPOCH + timedelta(microseconds=int(at_us))


def sscc(carton: int) -> str:
    return f"{FIRST_SSCC + carton:018d}"


def write(engine: Engine, world: World) -> None:
    """Everything the brand has on record, and every scan."""
    events = world.events
    with transaction(engine) as tx:
        _records(tx, events.cartons, events.dealers)
        _scans(tx, events.scans, events.cartons)


def last_days(world: World, days: int) -> World:
    """The same world, of which only the scans of its last days are on record."""
    scans = world.events.scans
    late = scans.take(scans.at > scans.at[-1] - days * DAY_US)
    return replace(world, events=replace(world.events, scans=late))


def end_of(world: World) -> datetime:
    """An hour after the last scan."""
    return instant(int(world.events.scans.at[-1])) + timedelta(hours=1)


def _copy(tx: Tx, table: str, columns: str, rows: Iterator[Sequence[Any]]) -> None:
    cursor = tx.connection.cursor()
    with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:  # type: ignore[attr-defined]
        for row in rows:
            copy.write_row(row)


def _records(tx: Tx, cartons: Cartons, dealers: Dealers) -> None:
    start = EPOCH + timedelta(days=int(cartons.packed_at[cartons.packed_at > 0].min()) // DAY_US - 1)
    place = {"now": start}
    tx.execute(text("INSERT INTO brands (name, host, created_at) VALUES ('茶', 'id.brand.cn', :now)"), place)
    tx.execute(text("INSERT INTO epochs (brand_id, next_index, created_at) VALUES (1, 68719476736, :now)"), place)
    for sku in np.unique(cartons.sku).tolist():
        product = place | {"gtin": f"{sku:014d}"}
        tx.execute(text("INSERT INTO products VALUES (:gtin, 1, '茶', 'tea', :now)"), product)
    for run in np.unique(cartons.run).tolist():
        mine = cartons.take(cartons.run == run)
        first, stop = int(mine.first_item.min()), int((mine.first_item + mine.count).max())
        row = place | {"gtin": f"{int(mine.sku[0]):014d}", "order": f"order {run}", "items": f"[{first},{stop})"}
        tx.execute(text(_RUN), row)
    wanted = sorted({*dealers.territory, *np.unique(cartons.dealer[cartons.dealer != 0]).tolist()})
    _copy(tx, "dealers", "id, brand_id, name, created_at", ((one, 1, f"dealer {one}", start) for one in wanted))
    _copy(tx, "dealer_regions", "dealer_id, region, valid_from, valid_to", _regions(dealers))
    every = [(*row, sscc(row[0])) for row in zip(*(getattr(cartons, name).tolist() for name in _CARTON), strict=True)]
    _copy(tx, "units", "sscc, brand_id, level, created_at", ((row[-1], 1, "case", start) for row in every))
    _copy(
        tx, "unit_contents", "sscc, items, packed_by, packed_at",
        ((row[-1], f"[{row[3]},{row[3] + row[4]})", "line 1", instant(row[5])) for row in every if row[5] and row[4]),
    )  # fmt: skip
    shipped = [row for row in every if row[1] and row[6]]
    sent = sorted({(row[2], row[1], row[6]) for row in shipped})  # A case that was forgotten follows by itself.
    numbered = {key: at for at, key in enumerate(sent, 1)}
    _copy(
        tx, "shipments", "id, dealer_id, document, shipped_at",
        ((numbered[key], key[1], f"note {key[0]} of {key[2]}", instant(key[2])) for key in sent),
    )  # fmt: skip
    _copy(
        tx, "shipment_units", "sscc, shipment_id, outermost_sscc",
        ((row[-1], numbered[row[2], row[1], row[6]], row[-1]) for row in shipped),
    )  # fmt: skip


_CARTON = ("carton", "dealer", "shipment", "first_item", "count", "packed_at", "shipped_at")
_RUN = """
INSERT INTO runs (brand_id, epoch, gtin, order_id, items, profile, claim_face, host, qr_version, created_at)
VALUES (1, 1, :gtin, :order, CAST(:items AS int8range), 0, 0, 'id.brand.cn', 3, :now)
"""


def _regions(dealers: Dealers) -> Iterator[Sequence[Any]]:
    for dealer, held in sorted(dealers.territory.items()):
        for start, until, regions in held:
            for region in sorted(regions):
                yield dealer, region, instant(start), instant(until) if until else None


def _scans(tx: Tx, scans: Scans, cartons: Cartons) -> None:
    for month in sorted({(instant(at).year, instant(at).month) for at in scans.at[::50].tolist()}):
        scan_log.ensure_partitions(tx, datetime(*month, 1, tzinfo=UTC))
    dealer = dict(zip(cartons.carton.tolist(), cartons.dealer.tolist(), strict=True))
    rows = [line(scans, at, dealer) for at in range(len(scans))]
    names = ", ".join(rows[0])
    _copy(tx, "scans", names, (tuple(row.values()) for row in rows))
    taken = [(row, at) for at, row in enumerate(rows) if scans.claimed[at] and scans.account[at]]
    first = {row["item"]: row for row, _ in reversed(taken)}
    _copy(
        tx, "claims", "item, face, kind, member_id, scan_id, claimed_at",
        ((item, row["face"], "consumer", row["member_id"], row["scan_id"], row["received_at"])
         for item, row in sorted(first.items())),
    )  # fmt: skip


def line(scans: Scans, at: int, dealer: dict[int, int]) -> dict[str, Any]:
    """One row of the log; the id carries the phone's time and the row's number."""
    outcome, carton, account = Outcome(int(scans.outcome[at])), int(scans.carton[at]), int(scans.account[at])
    where, network = METHODS[scans.method[at]], int(scans.network[at])
    placed = where != "none" and bool(np.isfinite(scans.lat[at]))
    # An id whose time is further off gets no answer.
    told_ms = min(max(int(scans.told[at]), int(scans.at[at]) - DAY_US), int(scans.at[at]) + DAY_US) // 1000
    known = outcome not in (Outcome.BAD_TAG,)
    return {
        "scan_id": UUID(int=told_ms << 80 | 7 << 76 | 2 << 62 | at), "input_hash": b"\0" * 32,
        "received_at": instant(scans.at[at]), "text": "a code", "verdict": VERDICT[outcome],
        "reasons": ["PKG_LEAK"] if outcome is Outcome.CANARY else [],
        "item": int(scans.item[at]) if known and scans.item[at] else None,
        "face": (0 if scans.claim_face[at] else 1) if known and outcome != Outcome.NOT_ISSUED else None,
        "sscc": sscc(carton) if carton else None, "dealer_id": dealer.get(carton) or None,
        "device": f"phone-{int(scans.device[at])}", "address": f"10.{network >> 8 & 255}.{network & 255}.7",
        "member_id": UUID(int=account) if account else None,
        "lat": float(scans.lat[at]) if placed else None, "lon": float(scans.lon[at]) if placed else None,
        "sigma_km": float(scans.sigma_km[at]) if placed else None, "method": where if placed else None,
        "claim": bool(scans.claimed[at]), "reward_points": int(scans.value_fen[at]), "reward_state": "none",
        "answer": "{}", "params_version": "season",
        "features": '{"device_llr": 3.4}' if outcome is Outcome.BAD_TAG else '{"device_llr": 0.0}',
        "contributions": "{}", "pool": f"pool {int(scans.pool[at])}" if scans.pool[at] else None,
        "hints": int(scans.environment[at]) | (Environment.ACCURACY_ZERO if scans.accuracy_m[at] == 0 else 0),
    }  # fmt: skip


def outside(world: World) -> LookOutside:
    """Stores and referrals by the numbers the reader gives people, from the day of the first scan on."""
    stores, referrals = world.events.stores, world.events.referrals
    stores = stores.take(stores.at >= int(world.events.scans.at[0]) // DAY_US * DAY_US)
    stores = replace(stores, carton=stores.carton + FIRST_SSCC)
    accounts = sorted({*referrals.inviter.tolist(), *referrals.invitee.tolist()} - {0})
    member = {one: number("member", str(UUID(int=one))) for one in accounts}
    referrals = replace(
        referrals, inviter=np.array([member[one] for one in referrals.inviter.tolist()], dtype=np.int64),
        invitee=np.array([member[one] for one in referrals.invitee.tolist()], dtype=np.int64),
    )  # fmt: skip
    registered = [number("member", str(UUID(int=one))) for one in world.registered.tolist()]

    def look(_tx: ReadTx, begin: datetime, end: datetime) -> Outside:
        start, stop = micros(begin), micros(end)
        mine = (stores.at >= start) & (stores.at < stop), (referrals.at >= start) & (referrals.at < stop)
        return Outside(
            stores=stores.take(mine[0]), referrals=referrals.take(mine[1]),
            registered=np.array(registered, dtype=np.int64),
            names={member[one]: f"member:{UUID(int=one)}" for one in accounts},
        )  # fmt: skip

    return look
