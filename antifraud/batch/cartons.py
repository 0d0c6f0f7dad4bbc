"""Diversion by carton (section 3.5): several people of one carton in one and the same foreign region.

Counted: located scans of shipped cartons on a known route, after shipping and within the time it should be sold, one a
person, phone and item; and stores that took a carton in, whose place is known. Codes that look copied do not count. The
posterior is antifraud.batch.mixture's; simulated with exact regions, 2 % diverted, h = .05: precision .99, recall .92
of cartons with two scans or more, 1e-4 false flags a carton. Blurred fixes in a region that touches the dealer's own
count half as home; satellite fixes there meet the leak the climate has learnt.

Measured on a busy core: 6 us a scan that counts, four of them the region of its fix.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from antifraud.batch.climate import Climate, uniform
from antifraud.batch.fixes import Masses, masses
from antifraud.batch.items import row_of
from antifraud.batch.memory import Memory, groups, stack
from antifraud.batch.mixture import Opinions, Seen, assess_many
from antifraud.batch.proof import BatchFinding, found, ordered
from antifraud.batch.records import Neighbours, misrecorded, neighbours
from antifraud.batch.territory import DAY_US, Territories, at, codes, territories
from antifraud.columns import METHODS, Cartons, Columns, Dealers, Outcome, Scans, StoreScans
from antifraud.diversion import REGIONS_EACH
from antifraud.findings import Severity, Value
from antifraud.location import FLOOR
from antifraud.params import Params

__all__ = ["Buyers", "CartonState", "Judged", "Route", "judge_cartons"]

Whole = NDArray[np.int64]
Real = NDArray[np.float64]
PEOPLE = 16
BLURRED = np.array([one in ("fuzzy", "wifi") for one in METHODS])
STORE_SIGMA_KM = 0.0085


@dataclass(frozen=True, slots=True, kw_only=True)
class Buyers(Columns):
    """Who scanned a carton, first come first; region, mass: (n, 3), heaviest first. A store has a negative person."""

    carton: Whole
    seq: Whole
    at: Whole
    item: Whole
    person: Whole
    device: Whole
    method: NDArray[np.uint8]
    region: Whole
    mass: Real


@dataclass(frozen=True, slots=True)
class Route:
    """The cartons, where each may be sold, and which were printed beside each other."""

    cartons: Cartons
    territories: Territories
    near: Neighbours

    @classmethod
    def of(cls, cartons: Cartons, dealers: Dealers, params: Params) -> "Route":
        return cls(cartons, territories(cartons, dealers, params), neighbours(cartons))


@dataclass(slots=True)
class CartonState:
    """buyers: by carton; climate: what they teach; unknown: run -> cartons scanned on a route nobody knows."""

    scans: int = 0
    buyers: Memory[Buyers] = field(default_factory=lambda: Memory(_buyers(0)))
    climate: Climate = field(default_factory=Climate)
    unknown: dict[int, set[int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judged:
    """The touched cartons on known routes: their ids, rows in the table, buyers and opinions; and what to say."""

    carton: Whole
    row: Whole
    buyers: Buyers
    opinions: Opinions
    findings: list[BatchFinding]


def judge_cartons(
    scans: Scans, stores: StoreScans, route: Route, params: Params, state: CartonState,
    *, learnt: bool = True, copied: Whole | None = None, shares: Mapping[int, float] | None = None,
) -> Judged:  # fmt: skip
    """Fold the scans and say what is thought of the cartons they touch. learnt: by the climate, else flat h and g.

    copied: items that look copied. shares: of each dealer's cartons, how many are thought to be diverted; what is said
    of a carton reckons with it, what is kept does not, or a meter would count its own opinion.
    """
    lost = _astray(scans, route, state)
    fresh = stack([_people(scans, route, params, state, copied), _stores(stores, route, params)])
    state.scans += len(scans)
    fresh = fresh.take(np.lexsort((fresh.seq, fresh.carton)))
    touched = np.unique(fresh.carton)
    before = state.buyers.look(touched)
    after = _kept(stack([before, fresh]))
    state.buyers.put(touched, after)
    for buyers, sign in ((before, -1), (after, 1)):
        _teach(state.climate, buyers, route, sign)
    row = row_of(touched, route.cartons)
    seen = _seen(after, row, route, params, state.climate if learnt else None)
    places = route.territories
    rival = misrecorded(seen, row, route.near, places.of, places.home, params)
    opinions = assess_many(seen, len(touched), params.diverted, rival=rival)
    share = np.array([(shares or {}).get(one, params.diverted) for one in route.cartons.dealer[row].tolist()])
    findings = _said(touched, row, after, opinions, shifted(opinions.posterior, share, params), route, params)
    findings += _doubted(touched, row, after, opinions, route, params) + _unknown(state, lost, scans, params)
    return Judged(touched, row, after, opinions, ordered(findings))


def _buyers(n: int) -> Buyers:
    whole, wide = np.zeros(n, dtype=np.int64), np.zeros((n, REGIONS_EACH))
    return Buyers(
        carton=whole, seq=whole, at=whole, item=whole, person=whole, device=whole, method=whole.astype(np.uint8),
        region=wide.astype(np.int64), mass=wide,
    )  # fmt: skip


def _people(scans: Scans, route: Route, params: Params, state: CartonState, copied: Whole | None) -> Buyers:
    row = row_of(scans.carton, route.cartons)
    fit = (scans.outcome == Outcome.VALID) & (scans.person != 0) & (row >= 0)
    if copied is not None and len(copied):
        fit &= ~np.isin(scans.item, copied)
    known = fit & (route.territories.of[row] >= 0) if len(route.cartons) else fit
    rows = np.flatnonzero(known & _in_time(scans.at, row, route, params))
    one = scans.take(rows)
    spread = masses(one)
    region, mass = _heaviest(spread, len(one))
    buyers = Buyers(
        carton=one.carton, seq=rows + state.scans, at=one.at, item=one.item, person=one.person, device=one.device,
        method=one.method, region=region, mass=mass,
    )  # fmt: skip
    return buyers.take(np.unique(spread.row))


def _in_time(when: Whole, row: Whole, route: Route, params: Params) -> NDArray[np.bool_]:
    """Whether it was scanned after shipping and while it may still be for sale."""
    if not len(route.cartons):
        return np.zeros(len(when), dtype=bool)
    age = when - route.cartons.shipped_at[row]
    return np.asarray((age >= 0) & (age <= params.batch.sold_within_days * DAY_US))


def _stores(stores: StoreScans, route: Route, params: Params) -> Buyers:
    """Stores that took cartons in: their place is known, and they are somebody of their own."""
    n = len(stores)
    row = row_of(stores.carton, route.cartons)
    whole, real = np.zeros(n, dtype=np.int64), np.full(n, STORE_SIGMA_KM)
    small, flag = whole.astype(np.uint8), np.zeros(n, dtype=bool)
    as_scans = Scans(
        at=stores.at, told=whole, item=whole, outcome=small, claim_face=flag, claimed=flag, value_fen=whole,
        carton=stores.carton, person=-stores.store, account=whole, device=whole, network=whole, pool=whole, payee=whole,
        lat=stores.lat, lon=stores.lon, sigma_km=real, method=np.full(n, METHODS.index("gps"), dtype=np.uint8),
        accuracy_m=real, environment=small,
    )  # fmt: skip
    spread = masses(as_scans)
    region, mass = _heaviest(spread, n)
    buyers = Buyers(
        carton=stores.carton, seq=np.full(n, -1), at=stores.at, item=-stores.store, person=-stores.store, device=whole,
        method=as_scans.method, region=region, mass=mass,
    )  # fmt: skip
    fit = (row >= 0) & (stores.store != 0) & _in_time(stores.at, row, route, params)
    fit &= route.territories.of[row] >= 0 if len(route.cartons) else False
    return buyers.take(np.intersect1d(np.flatnonzero(fit), np.unique(spread.row)))


def _heaviest(spread: Masses, n: int) -> tuple[Whole, Real]:
    """The regions of each fix, heaviest first, at most three, as the in-line row keeps them."""
    order = np.lexsort((spread.region, -spread.mass, spread.row))
    row = spread.row[order]
    place = groups(row).place
    kept = (place < REGIONS_EACH) & (spread.mass[order] >= FLOOR)
    region, mass = np.zeros((n, REGIONS_EACH), dtype=np.int64), np.zeros((n, REGIONS_EACH))
    region[row[kept], place[kept]] = at(spread.region[order][kept])
    mass[row[kept], place[kept]] = np.round(spread.mass[order][kept], 3)
    return region, mass


def _kept(buyers: Buyers) -> Buyers:
    """The first of each person, phone and item of a carton; 16 a carton."""
    rows = buyers.take(np.lexsort((buyers.seq, buyers.at, buyers.carton)))
    names = [_named(rows.carton, getattr(rows, name)) for name in ("person", "device", "item")]
    left, kept = np.arange(len(rows)), np.zeros(len(rows), dtype=bool)
    while len(left):  # A row is kept if no kept row before it shares a name: so later batches change nothing.
        clear = np.ones(len(left), dtype=bool)
        for name in names:
            first = np.zeros(len(rows), dtype=np.int64)
            first[name[left[::-1]]] = left[::-1]
            clear &= first[name[left]] == left
        kept[left[clear]] = True
        taken = np.zeros(len(left), dtype=bool)
        for name in names:
            used = np.zeros(len(rows), dtype=bool)
            used[name[left[clear]]] = True
            taken |= used[name[left]]
        left = left[~taken]
    rows = rows.take(kept)
    return rows.take(groups(rows.carton).place < PEOPLE)


def _named(carton: Whole, value: Whole) -> Whole:
    """A number for each (carton, value); a value that is not known is nobody's double."""
    order = np.lexsort((value, carton))
    new = np.ones(len(order), dtype=bool)
    new[1:] = (carton[order][1:] != carton[order][:-1]) | (value[order][1:] != value[order][:-1])
    new |= value[order] == 0
    name = np.empty(len(order), dtype=np.int64)
    name[order] = np.cumsum(new) - 1
    return name


def _teach(climate: Climate, buyers: Buyers, route: Route, sign: int) -> None:
    if not len(buyers):
        return
    row = row_of(buyers.carton, route.cartons)
    territory = route.territories.of[row]
    foreign = buyers.mass * ~route.territories.home[territory[:, None], buyers.region]
    key = buyers.carton[:, None] << 12 | buyers.region
    keys, slot = np.unique(key, return_inverse=True)
    met = np.bincount(slot.ravel(), (foreign > 0).ravel(), len(keys))[slot.ravel()].reshape(key.shape)
    climate.fold(
        route.cartons.dealer[row], buyers.at // DAY_US, foreign, buyers.region, np.where(met < 2, foreign, 0.0), sign
    )


def _seen(buyers: Buyers, row: Whole, route: Route, params: Params, climate: Climate | None) -> Seen:
    index = groups(buyers.carton)
    carton_row = row[index.of]
    territory = route.territories.of[carton_row]
    home = route.territories.home[territory[:, None], buyers.region]
    beside = route.territories.beside[territory[:, None], buyers.region] & BLURRED[buyers.method][:, None]
    away = np.where(home, 0.0, np.where(beside & (climate is not None), 0.5, 1.0))
    g = np.zeros((len(route.territories.home), len(codes())))
    for one in np.unique(territory).tolist():
        mine = route.territories.home[one]
        dealer = int(route.territories.dealer[one])
        g[one] = climate.strays(dealer, mine, params) if climate else uniform(mine)
    dealer_of = route.cartons.dealer[carton_row]
    flat = np.full(len(buyers), params.out_of_home)
    h = climate.home(dealer_of, buyers.at // DAY_US, params) if climate else flat
    return Seen(index.of, buyers.region, buyers.mass, away, g[territory[:, None], buyers.region], h)


def _said(
    carton: Whole, row: Whole, buyers: Buyers, opinions: Opinions, posteriors: Real, route: Route, params: Params
) -> list[BatchFinding]:
    index = groups(buyers.carton)
    findings = []
    for one in np.flatnonzero(posteriors >= params.carton_notice).tolist():
        sure = posteriors[one] >= params.carton_task and opinions.agree[one] >= 2
        mine = buyers.take(slice(int(index.starts[one]), int(index.stops[one])))
        region = int(codes()[opinions.target[one]])
        posterior = float(posteriors[one])
        values: dict[str, Value] = {
            "sscc": str(int(carton[one])), "region": region, "people": len(mine), "agree": int(opinions.agree[one]),
            "posterior": posterior, "least": float(opinions.least[one]),
            "limit": params.carton_task if sure else params.carton_notice, "mix": _mix(mine),
        }  # fmt: skip
        findings.append(found(
            "DIV_CARTON_TASK" if sure else "DIV_CARTON_NOTICE", Severity.MEDIUM if sure else Severity.INFO,
            f"dealer:{int(route.cartons.dealer[row[one]])}:{region}", values,
            np.log(posterior / max(1e-9, 1 - posterior)), at=mine.at.max(), scans=mine.seq[mine.seq >= 0],
            cartons=[carton[one]],
        ))  # fmt: skip
    return findings


def _doubted(
    carton: Whole, row: Whole, buyers: Buyers, opinions: Opinions, route: Route, params: Params
) -> list[BatchFinding]:
    """Cartons abroad whose record is likelier wrong than their dealer: work on the data, and no dealer is named."""
    index = groups(buyers.carton)
    findings = []
    for one in np.flatnonzero((opinions.misrecorded >= params.carton_task) & (opinions.agree >= 2)).tolist():
        mine = buyers.take(slice(int(index.starts[one]), int(index.stops[one])))
        values: dict[str, Value] = {
            "sscc": str(int(carton[one])), "region": int(codes()[opinions.target[one]]), "people": len(mine),
            "agree": int(opinions.agree[one]), "probability": float(opinions.misrecorded[one]),
            "shipment": int(route.cartons.shipment[row[one]]),
        }  # fmt: skip
        findings.append(found(
            "DIV_RECORD_DOUBTED", Severity.INFO, f"carton:{int(carton[one])}", values, 0.0, at=mine.at.max(),
            scans=mine.seq[mine.seq >= 0], cartons=[carton[one]],
        ))  # fmt: skip
    return findings


def shifted(posterior: Real, share: Real, params: Params) -> Real:
    """The posteriors with `share` in the place of params.diverted."""
    odds = (
        posterior / np.maximum(1e-9, 1 - posterior) * (share / (1 - share)) / (params.diverted / (1 - params.diverted))
    )
    return np.asarray(np.round(odds / (1 + odds), 6))


def _mix(buyers: Buyers) -> Mapping[str, int]:
    both = zip(buyers.person.tolist(), buyers.method.tolist(), strict=True)
    names = ["store" if person < 0 else METHODS[method] for person, method in both]
    return {name: names.count(name) for name in sorted(set(names))}


def _astray(scans: Scans, route: Route, state: CartonState) -> list[int]:
    """Note the scanned cartons on record that go nobody knows where; returns their runs."""
    row = row_of(scans.carton, route.cartons)
    row = np.unique(row[(row >= 0) & (scans.outcome == Outcome.VALID)])
    lost = row[route.territories.of[row] < 0]
    for run, carton in zip(route.cartons.run[lost].tolist(), route.cartons.carton[lost].tolist(), strict=True):
        state.unknown.setdefault(run, set()).add(carton)
    return sorted(set(route.cartons.run[lost].tolist()))


def _unknown(state: CartonState, lost: list[int], scans: Scans, params: Params) -> list[BatchFinding]:
    """Cartons whose route nobody recorded: work on the data, and no dealer is named."""
    latest = int(scans.at.max()) if len(scans) else 0
    return [
        found(
            "DIV_ROUTE_UNKNOWN", Severity.INFO, f"run:{run}", {"cartons": len(state.unknown[run]), "run": run}, 0.0,
            at=latest, cartons=sorted(state.unknown[run]),
        )
        for run in lost if len(state.unknown[run]) >= params.batch.unknown_route_cartons
    ]  # fmt: skip
