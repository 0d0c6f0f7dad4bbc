"""R-H5: opened for the codes and closed again. A carton no store took in, 60 % of its codes scanned within an hour by
at most three accounts in one place, and the same people did it to three cartons on two days.

One banquet opens one carton, or five in one evening, and registered businesses are left out; a team opens cartons day
after day. Error rate: that of unregistered restaurants who empty whole cartons within an hour, again and again.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from antifraud.batch.items import DAY_US, row_of
from antifraud.batch.memory import Memory, groups, stack
from antifraud.batch.proof import BatchFinding, found, ordered
from antifraud.columns import Cartons, Columns, Outcome, Scans, StoreScans
from antifraud.findings import Severity
from antifraud.params import Params
from antifraud.regions import CELLS_PER_DEG

__all__ = ["ResealState", "judge_reseals"]

Whole = NDArray[np.int64]
LEAST = 4  # codes; fewer are a dinner


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened(Columns):
    """The first scan of each code of a carton. cell: -1 without a fix."""

    carton: Whole
    seq: Whole
    at: Whole
    item: Whole
    person: Whole
    cell: Whole


def _nothing() -> Opened:
    whole = np.zeros(0, dtype=np.int64)
    return Opened(carton=whole, seq=whole, at=whole, item=whole, person=whole, cell=whole)


@dataclass(slots=True)
class ResealState:
    """sold: cartons a store took in. emptied: person -> carton -> (day, rows of the hour)."""

    scans: int = 0
    opened: Memory[Opened] = field(default_factory=lambda: Memory(_nothing()))
    sold: set[int] = field(default_factory=set)
    emptied: dict[int, dict[int, tuple[int, int, tuple[int, ...]]]] = field(default_factory=dict)


def judge_reseals(
    scans: Scans, stores: StoreScans, cartons: Cartons, params: Params, state: ResealState,
    exempt: Whole | None = None,
) -> list[BatchFinding]:  # fmt: skip
    """The people who emptied carton after carton. exempt: registered businesses."""
    state.sold.update(stores.carton.tolist())
    for carton in stores.carton.tolist():  # It was for sale after all, whichever came first.
        for emptied in state.emptied.values():
            emptied.pop(carton, None)
    fresh = _opened(scans, state.scans, exempt)
    state.scans += len(scans)
    touched = np.unique(fresh.carton)
    kept = _firsts(stack([state.opened.look(touched), fresh]))
    state.opened.put(touched, kept)
    people = _emptied(kept, cartons, params, state)
    return ordered(one for person in sorted(people) if (one := _team(person, state, params)) is not None)


def _opened(scans: Scans, first: int, exempt: Whole | None) -> Opened:
    fit = (scans.outcome == Outcome.VALID) & scans.claim_face & (scans.carton != 0) & (scans.person != 0)
    if exempt is not None:
        fit &= ~np.isin(scans.person, exempt)
    rows = np.flatnonzero(fit)
    rows = rows[np.argsort(scans.carton[rows], kind="stable")]
    lat, lon = scans.lat[rows], scans.lon[rows]
    placed = np.isfinite(lat) & np.isfinite(lon)
    cell = np.full(len(rows), -1)
    y, x = (np.floor(part[placed] * CELLS_PER_DEG).astype(np.int64) for part in (lat, lon))
    cell[placed] = y * (1 << 20) + x
    return Opened(
        carton=scans.carton[rows], seq=rows + first, at=scans.at[rows], item=scans.item[rows],
        person=scans.person[rows], cell=cell,
    )  # fmt: skip


def _firsts(opened: Opened) -> Opened:
    order = np.lexsort((opened.seq, opened.item, opened.carton))
    carton, item = opened.carton[order], opened.item[order]
    first = np.ones(len(order), dtype=bool)
    first[1:] = (carton[1:] != carton[:-1]) | (item[1:] != item[:-1])
    rows = order[first]
    return opened.take(rows[np.lexsort((opened.seq[rows], opened.carton[rows]))])


def _emptied(opened: Opened, cartons: Cartons, params: Params, state: ResealState) -> set[int]:
    """Note the cartons emptied within an hour; the people who did it."""
    index = groups(opened.carton)
    row = row_of(index.keys, cartons)
    size = np.where(row >= 0, cartons.count[row], 0) if len(cartons) else np.zeros(len(index), dtype=np.int64)
    enough = np.maximum(LEAST, np.ceil(params.batch.reseal_share * size)).astype(np.int64)
    people: set[int] = set()
    for one in np.flatnonzero((size > 0) & (index.sizes >= enough)).tolist():
        carton = int(index.keys[one])
        mine = opened.take(slice(int(index.starts[one]), int(index.stops[one])))
        hour = _fullest(mine, params.batch.reseal_within_s)
        who, cells = set(hour.person.tolist()), set(hour.cell[hour.cell >= 0].tolist())
        placed = 2 * int((hour.cell >= 0).sum()) >= len(hour)
        if len(hour) < enough[one] or len(who) > params.batch.reseal_accounts or len(cells) != 1 or not placed:
            continue
        if carton not in state.sold:
            proof = (int(hour.at[0]) // DAY_US, int(hour.at[-1]), tuple(hour.seq.tolist()))
            for person in who:
                state.emptied.setdefault(person, {})[carton] = proof
            people |= who
    return people


def _fullest(mine: Opened, within_s: float) -> Opened:
    """The rows of the hour with most codes, the first such."""
    stop = np.searchsorted(mine.at, mine.at + int(within_s * 1e6), side="right")
    start = int(np.argmax(stop - np.arange(len(mine))))
    return mine.take(slice(start, int(stop[start])))


def _team(person: int, state: ResealState, params: Params) -> BatchFinding | None:
    emptied = state.emptied[person]
    days = {day for day, _, _ in emptied.values()}
    if len(emptied) < params.batch.reseal_cartons or len(days) < params.batch.reseal_days:
        return None
    values = {"cartons": len(emptied), "days": len(days), "limit_cartons": params.batch.reseal_cartons}
    rows = sorted(row for _, _, proof in emptied.values() for row in proof)
    return found(
        "HRV_OPEN_RESEAL", Severity.HIGH, f"person:{person}", values, 1.5 * len(emptied),
        at=max(at for _, at, _ in emptied.values()), scans=rows, cartons=sorted(emptied), holds=True,
    )  # fmt: skip
