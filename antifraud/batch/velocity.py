"""R-P1: more scans than a person makes: 10 in 10 minutes, 30 or 3 places a day, 20 accounts an hour on one network.

Exact: a limit of L in a window is passed when the L-th scan before this one is still in it, so the last scans of an
actor are all that need be kept. Networks behind a carrier's address translation are thousands of people and exempt.
Defaults are judgement, to be swept; what follows is a challenge or a hold, never a block.

Measured on a busy core: 1.5 us a scan.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from antifraud.batch.fixes import located
from antifraud.batch.items import DAY_US
from antifraud.batch.memory import Groups, Memory, groups, stack
from antifraud.batch.proof import BatchFinding, found, ordered
from antifraud.columns import Columns, Environment, Scans
from antifraud.findings import Severity, Value
from antifraud.params import Params
from antifraud.regions import CELLS_PER_DEG

__all__ = ["VelocityState", "judge_velocity"]

Whole = NDArray[np.int64]
MINUTE_US, HOUR_US = 60_000_000, 3_600_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Recent(Columns):
    """The last scans of each actor. mark: the cell of a person's scan (-1 for none), the account on a network."""

    actor: Whole
    seq: Whole
    at: Whole
    mark: Whole


def _memory() -> Memory[Recent]:
    whole = np.zeros(0, dtype=np.int64)
    return Memory(Recent(actor=whole, seq=whole, at=whole, mark=whole))


@dataclass(slots=True)
class VelocityState:
    scans: int = 0
    people: Memory[Recent] = field(default_factory=_memory)
    networks: Memory[Recent] = field(default_factory=_memory)


def judge_velocity(scans: Scans, params: Params, state: VelocityState) -> list[BatchFinding]:
    """The people and networks that passed a limit in this batch, each limit once."""
    limits = params.batch
    rows, index, fresh = _fold(state.people, scans.person != 0, scans.person, _cells(scans), scans, state.scans, params)
    findings = []
    counts = (("scans_10min", limits.person_10min, 10 * MINUTE_US), ("scans_day", limits.person_day, DAY_US))
    for kind, limit, window in counts:
        for at in _passed(rows, index, fresh, limit, window):
            findings.append(_fast("person", rows, at, kind, limit + 1, limit))
    for at, many in _distinct(rows, index, fresh, limits.person_cells_day, DAY_US):
        findings.append(_fast("person", rows, at, "places_day", many, limits.person_cells_day))
    shared = (scans.environment & Environment.CARRIER_NAT) == 0
    shared &= (scans.network != 0) & (scans.account != 0)
    rows, index, fresh = _fold(state.networks, shared, scans.network, scans.account, scans, state.scans, params)
    for at, many in _distinct(rows, index, fresh, limits.network_accounts_hour, HOUR_US):
        findings.append(_fast("network", rows, at, "accounts_hour", many, limits.network_accounts_hour))
    state.scans += len(scans)
    return ordered(findings)


def _cells(scans: Scans) -> Whole:
    fit = located(scans)
    lat, lon = np.where(fit, scans.lat, 0.0), np.where(fit, scans.lon, 0.0)
    cell = np.floor(lat * CELLS_PER_DEG) * (1 << 20) + np.floor(lon * CELLS_PER_DEG)
    return np.where(fit, cell.astype(np.int64), -1)


def _fold(
    memory: Memory[Recent], fit: NDArray[np.bool_], actor: Whole, mark: Whole, scans: Scans, first: int, params: Params
) -> tuple[Recent, Groups, int]:
    """Everything recent of the touched actors, and the number of the batch's first scan."""
    some = np.flatnonzero(fit)
    some = some[np.argsort(actor[some], kind="stable")]
    fresh = Recent(actor=actor[some], seq=some + first, at=scans.at[some], mark=mark[some])
    touched = np.unique(fresh.actor)
    rows = stack([memory.look(touched), fresh])
    rows = rows.take(np.argsort(rows.actor, kind="stable"))
    index = groups(rows.actor)
    from_end = index.stops[index.of] - np.arange(len(rows))
    latest = rows.at[index.stops - 1][index.of] if len(rows) else rows.at
    kept = ((from_end <= _most(params)) | _last_marks(rows)) & (rows.at >= latest - DAY_US)
    memory.put(touched, rows.take(kept))
    return rows, index, first


def _most(params: Params) -> int:
    """How many scans of an actor may still matter to a count."""
    return max(params.batch.person_10min, params.batch.person_day)


def _last_marks(rows: Recent) -> NDArray[np.bool_]:
    """Whether a row is the latest of its actor and mark: what a count of different marks needs."""
    order = np.lexsort((rows.seq, rows.mark, rows.actor))
    last = np.ones(len(order), dtype=bool)
    last[:-1] = (rows.actor[order][1:] != rows.actor[order][:-1]) | (rows.mark[order][1:] != rows.mark[order][:-1])
    answer = np.zeros(len(order), dtype=bool)
    answer[order[last]] = True
    return answer


def _passed(rows: Recent, index: Groups, fresh: int, limit: int, window: int) -> Iterator[int]:
    """The first new row of each actor whose limit-th predecessor is still in the window."""
    at = np.flatnonzero((index.place >= limit) & (rows.seq >= fresh))
    hit = at[rows.at[at] - rows.at[at - limit] < window]
    yield from hit[np.unique(index.of[hit], return_index=True)[1]].tolist()


def _distinct(rows: Recent, index: Groups, fresh: int, limit: int, window: int) -> Iterator[tuple[int, int]]:
    """(row, how many) where an actor's different marks in the window first exceed the limit."""
    order = np.lexsort((rows.mark, index.of))
    new = np.ones(len(order), dtype=bool)
    new[1:] = (rows.mark[order][1:] != rows.mark[order][:-1]) | (index.of[order][1:] != index.of[order][:-1])
    marks = np.bincount(index.of[order][new & (rows.mark[order] != -1)], minlength=len(index))
    for one in np.flatnonzero(marks > limit).tolist():  # Few: most people are in one place.
        last: dict[int, int] = {}
        for row in range(int(index.starts[one]), int(index.stops[one])):
            mark, now = int(rows.mark[row]), int(rows.at[row])
            if mark == -1:
                continue
            last[mark] = now
            if len(last) > limit:
                last = {key: when for key, when in last.items() if now - when < window}
            if len(last) > limit and rows.seq[row] >= fresh:
                yield row, len(last)
                break


def _fast(kind: str, rows: Recent, at: int, what: str, many: int, limit: int) -> BatchFinding:
    values: dict[str, Value] = {"what": what, "count": many, "limit": limit}
    pivot = f"{kind}:{int(rows.actor[at])}"
    proof = rows.seq[max(0, at - many) : at + 1][rows.actor[max(0, at - many) : at + 1] == rows.actor[at]]
    return found("ABU_VELOCITY", Severity.MEDIUM, pivot, values, 1.5, at=rows.at[at], scans=proof, holds=True)
