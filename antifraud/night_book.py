"""Writes what a stretch said of cartons, dealers and flows, in bulk: the newest opinion in place of the one before."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from sqlalchemy import TextClause, text

from antifraud.batch.cartons import Judged, Route
from antifraud.batch.dealers import DealerState, learnt_prior
from antifraud.batch.items import row_of
from antifraud.batch.memory import groups
from antifraud.batch.meters import log_e
from antifraud.batch.territory import codes, distances_km
from antifraud.batch.watch import Watch
from antifraud.location import LOCATED
from antifraud.params import Params
from foundation.database import ReadTx, Tx

__all__ = ["judged_since", "store_flows", "store_meters", "store_verdicts"]

Whole = NDArray[np.int64]
Row = Mapping[str, Any]
WORTH_SHOWING = 0.5  # Cartons thought to be diverted to a region, and cartons of a flow.
DAY_US = 86_400_000_000


def store_verdicts(tx: Tx, judged: Judged, scanned: Whole, route: Route, *, now: datetime) -> None:
    """The opinion of each carton judged; of each scanned one nobody knows the route of, that it was seen.

    scanned: cartons of this stretch's scans.
    """
    row = row_of(scanned, route.cartons)
    lost = scanned[(row >= 0) & (route.territories.of[row] < 0)] if len(route.cartons) else scanned[:0]
    target = codes()[judged.opinions.target]
    rows = [
        {"sscc": f"{carton:018d}", "dealer_id": dealer, "posterior": posterior, "target": place}
        for carton, dealer, posterior, place in zip(
            judged.carton.tolist(), route.cartons.dealer[judged.row].tolist(), judged.opinions.posterior.tolist(),
            target.tolist(), strict=True,
        )
    ]  # fmt: skip
    rows += [{"sscc": f"{one:018d}", "dealer_id": None, "posterior": 0.0, "target": 0} for one in lost.tolist()]
    _write(tx, _VERDICTS, rows, now=now, located=sorted(LOCATED))


_VERDICTS = text("""
INSERT INTO carton_verdicts (sscc, dealer_id, posterior, target, scans, located, mix, judged_at)
SELECT r.sscc, r.dealer_id, r.posterior, r.target, coalesce(m.scans, 0), coalesce(m.located, 0),
    coalesce(m.mix, '{}'), :now
FROM json_to_recordset(CAST(:rows AS json))
    AS r (sscc text, dealer_id bigint, posterior double precision, target integer)
LEFT JOIN LATERAL (
    SELECT CAST(sum(n) AS integer) AS scans,
        CAST(coalesce(sum(n) FILTER (WHERE method = ANY (:located)), 0) AS integer) AS located,
        jsonb_object_agg(method, n) AS mix
    FROM (SELECT coalesce(method, 'none') AS method, count(*) AS n FROM scans s WHERE s.sscc = r.sscc GROUP BY 1) AS by
) m ON true
ORDER BY r.sscc
ON CONFLICT (sscc) DO UPDATE SET dealer_id = excluded.dealer_id, posterior = excluded.posterior,
    target = excluded.target, scans = excluded.scans, located = excluded.located, mix = excluded.mix,
    judged_at = excluded.judged_at
""")


def store_meters(tx: Tx, judged: Judged, route: Route, state: DealerState, params: Params, *, end: datetime) -> None:
    """Of the dealers whose cartons were judged, towards each region worth showing or shown before."""
    touched = sorted({dealer for dealer in route.cartons.dealer[judged.row].tolist() if dealer in state.accounts})
    if not touched:
        return
    shown: dict[int, set[int]] = {}
    day = end.astimezone(UTC).date()
    for dealer, region in tx.execute(_SHOWN, {"dealers": touched, "day": day}):
        shown.setdefault(dealer, set()).add(region)
    listed = _listed(state, params)
    rows = [one for dealer in touched for one in _meters(dealer, state, shown.get(dealer, set()), listed, params)]
    _write(tx, _METERS, rows, day=day)


_SHOWN = text("SELECT DISTINCT dealer_id, region FROM dealer_meters WHERE dealer_id = ANY (:dealers) AND day <= :day")
_METERS = text("""
INSERT INTO dealer_meters (day, dealer_id, region, log_e, cartons, diverted, listed)
SELECT :day, dealer_id, region, log_e, cartons, diverted, listed
FROM json_to_recordset(CAST(:rows AS json)) AS r (dealer_id bigint, region integer, log_e double precision,
    cartons integer, diverted double precision, listed boolean)
ORDER BY dealer_id, region
ON CONFLICT (day, dealer_id, region) DO UPDATE SET log_e = excluded.log_e, cartons = excluded.cartons,
    diverted = excluded.diverted, listed = excluded.listed
""")


def _listed(state: DealerState, params: Params) -> frozenset[int]:
    """The dealers on the list, as `judge_dealers` lists them."""
    return frozenset(dealer for dealer, sure in state.listed(params).items() if sure)


def _flagged(state: DealerState, dealer: int, params: Params) -> list[int]:
    """The target of each carton an inspector would be sent for."""
    suspects = state.accounts[dealer].suspects.values()
    return [place for posterior, _, agree, place, *_ in suspects if posterior >= params.carton_task and agree >= 2]


def _meters(
    dealer: int, state: DealerState, shown: set[int], listed: frozenset[int], params: Params
) -> Sequence[Row]:  # fmt: skip
    account = state.accounts[dealer]
    suspects = [account.suspects[carton] for carton in sorted(account.suspects)]
    _, posteriors, _ = learnt_prior(np.array([one[0] for one in suspects]), account.small, account.seen, params)
    diverted: dict[int, float] = {}
    for (_, _, _, place, *_), p in zip(suspects, posteriors.tolist(), strict=True):
        diverted[place] = diverted.get(place, 0.0) + p
    flagged, regions = _flagged(state, dealer, params), codes()
    worth = {place for place, many in diverted.items() if many >= WORTH_SHOWING}
    places = sorted(worth | set(np.searchsorted(regions, sorted(shown)).tolist()))
    x = np.array([flagged.count(place) for place in places], dtype=np.int64)
    nats = log_e(x, np.full(len(places), account.judged), params.batch.dealer_null) if places else np.zeros(0)
    heaviest = max(sorted(diverted), key=lambda place: diverted[place], default=-1)
    return [
        {"dealer_id": dealer, "region": int(regions[place]), "log_e": round(float(e), 4), "cartons": account.judged,
         "diverted": round(diverted.get(place, 0.0), 4), "listed": dealer in listed and place == heaviest}
        for place, e in zip(places, nats, strict=True)
    ]  # fmt: skip


def store_flows(tx: Tx, watch: Watch, judged: Judged, route: Route, *, begin_us: int, day: datetime) -> None:
    """The day's people of the judged cartons, by where the dealer is at home and where they were.

    begin_us: people who scanned before are of an earlier day. Home is the dealer's region nearest to where they were.
    """
    rows = _flows(watch, judged, route, begin_us)
    _write(tx, _FLOWS, rows, day=day.astimezone(UTC).date())


_FLOWS = text("""
INSERT INTO flows (day, from_region, to_region, cartons, expected, llr)
SELECT :day, from_region, to_region, cartons, expected, llr
FROM json_to_recordset(CAST(:rows AS json)) AS r (from_region integer, to_region integer, cartons double precision,
    expected double precision, llr double precision)
ORDER BY from_region, to_region
ON CONFLICT (day, from_region, to_region) DO UPDATE SET cartons = excluded.cartons, expected = excluded.expected,
    llr = excluded.llr
""")


def _flows(watch: Watch, judged: Judged, route: Route, begin_us: int) -> list[Row]:
    buyers = judged.buyers.take(judged.buyers.at >= begin_us)
    if not len(buyers):
        return []
    climate, params, regions = watch.cartons.climate, watch.params, codes()
    index = groups(buyers.carton)
    row = row_of(index.keys, route.cartons)
    of = route.territories.of[row].tolist()
    strays = {
        one: climate.strays(int(route.territories.dealer[one]), route.territories.home[one], params) for one in set(of)
    }
    nearest = {one: _nearest(route.territories.home[one]) for one in set(of)}
    seen: dict[tuple[int, int], float] = {}
    expected: dict[tuple[int, int], float] = {}
    for one, territory in enumerate(of):
        home = route.territories.home[territory]
        mine = buyers.take(slice(int(index.starts[one]), int(index.stops[one])))
        dealer = int(route.territories.dealer[territory])
        h = float(climate.home(np.full(len(mine), dealer), mine.at // DAY_US, params).sum())
        there = np.bincount(mine.region.ravel(), mine.mass.ravel(), minlength=len(regions))
        for place in np.flatnonzero(~home & (there > 0)).tolist():
            pair = (int(nearest[territory][place]), place)
            seen[pair] = seen.get(pair, 0.0) + min(1.0, float(there[place]))
        for place in np.flatnonzero(~home & (strays[territory] > 0)).tolist():
            pair = (int(nearest[territory][place]), place)
            expected[pair] = expected.get(pair, 0.0) + h * float(strays[territory][place])
    return [
        {"from_region": int(regions[here]), "to_region": int(regions[there]), "cartons": round(many, 4),
         "expected": round(expected.get((here, there), 0.0), 6), "llr": _llr(many, expected.get((here, there), 0.0))}
        for (here, there), many in sorted(seen.items()) if many >= WORTH_SHOWING
    ]  # fmt: skip


def _nearest(home: NDArray[np.bool_]) -> Whole:
    """The region of a territory that is nearest to each region."""
    return np.asarray(np.flatnonzero(home)[np.argmin(distances_km()[home], axis=0)])


def _llr(c: float, e: float) -> float:
    """Of a Poisson count: c log(c / e) - (c - e) where there is more than expected, else 0."""
    return round(c * float(np.log(c / e)) - (c - e), 4) if c > e > 0 else 0.0


def judged_since(tx: ReadTx, since: datetime) -> Whole:
    """The cartons that were judged since."""
    found = "SELECT array_agg(CAST(sscc AS bigint) ORDER BY sscc) FROM carton_verdicts WHERE judged_at >= :since"
    known = found + " AND dealer_id IS NOT NULL"
    return np.array(tx.execute(text(known), {"since": since}).scalar() or (), dtype=np.int64)


def _write(tx: Tx, statement: TextClause, rows: Sequence[Row], **place: Any) -> None:
    if rows:
        tx.execute(statement, {"rows": orjson.dumps(rows).decode(), **place})
