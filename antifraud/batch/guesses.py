"""R-G1: guessed codes, by sequential tests on the share of well-formed wrong codes; many actors at once.

Of one phone or network: p1 = .99, alpha 1e-6, beta .01, alarm at 13.8 nats: four straight wrong codes at an honest
share of 3 %, six at 8 %. Of a pool (operator, browser, entry page): a campaign of 200 addresses with five tries each
passes under every single test, so the *first* tries of phones never seen before are added up per pool, against the
pool's own last week; p1 = .25, because honest newcomers come the same way. Asks for a challenge, no more.

Sums are whole micro-nats, so that they are the same whatever the batches were. Measured on a busy core: 0.9 us a
scan.
"""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from antifraud.batch.items import DAY_US
from antifraud.batch.memory import Memory, groups
from antifraud.batch.proof import BatchFinding, found, ordered
from antifraud.columns import Columns, Outcome, Scans
from antifraud.evidence import Sprt
from antifraud.findings import Severity
from antifraud.params import Params

__all__ = ["GuessState", "judge_guesses", "judge_pools"]

Whole = NDArray[np.int64]
MICRO = 1e6
FAR = 1 << 38  # More micro-nats than a batch can add up.
WEEK = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums(Columns):
    key: Whole
    llr: Whole
    at: Whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Newcomers(Columns):
    """phone; when it was first seen; how many tries it has made, up to pool_tries."""

    phone: Whole
    first: Whole
    tries: Whole


def _sums() -> Memory[Sums]:
    whole = np.zeros(0, dtype=np.int64)
    return Memory(Sums(key=whole, llr=whole, at=whole))


def _newcomers() -> Memory[Newcomers]:
    whole = np.zeros(0, dtype=np.int64)
    return Memory(Newcomers(phone=whole, first=whole, tries=whole))


@dataclass(slots=True)
class GuessState:
    """weeks: (pool, day) -> [right, wrong] among first tries."""

    scans: int = 0
    phones: Memory[Sums] = field(default_factory=_sums)
    networks: Memory[Sums] = field(default_factory=_sums)
    pools: Memory[Sums] = field(default_factory=_sums)
    newcomers: Memory[Newcomers] = field(default_factory=_newcomers)
    weeks: dict[tuple[int, int], Whole] = field(default_factory=dict)


def judge_guesses(scans: Scans, params: Params, state: GuessState) -> list[BatchFinding]:
    """The phones and networks that just passed the alarm. Call before `judge_pools`, which counts the rows."""
    wrong, right = _wrong(scans), scans.outcome == Outcome.VALID
    test = Sprt(params.honest_invalid, params.guesser_invalid, params.enumeration_alpha, params.enumeration_beta)
    step = np.where(wrong, _micro(test.p1 / test.p0), _micro((1 - test.p1) / (1 - test.p0)))
    findings = []
    for kind, memory, key in (("device", state.phones, scans.device), ("address", state.networks, scans.network)):
        rows = np.flatnonzero((wrong | right) & (key != 0))
        for row, llr in _alarms(memory, rows, key, scans.at, step, test.alarm, params):
            mine = np.flatnonzero((key == key[row]) & wrong & (np.arange(len(scans)) <= row))
            findings.append(found(
                "HRV_ENUMERATION", Severity.HIGH, f"{kind}:{int(key[row])}",
                {"invalid": len(mine), "honest_share": params.honest_invalid}, llr,
                at=scans.at[row], scans=mine + state.scans,
            ))  # fmt: skip
    return ordered(findings)


def judge_pools(scans: Scans, params: Params, state: GuessState) -> list[BatchFinding]:
    """The pools whose newcomers send too many wrong codes."""
    wrong = _wrong(scans)
    fresh = _first_tries(scans, params, state)
    fresh = fresh[(scans.pool[fresh] != 0) & (wrong[fresh] | (scans.outcome[fresh] == Outcome.VALID))]
    day, pool = scans.at[fresh] // DAY_US, scans.pool[fresh]
    _count(state, pool, day, wrong[fresh])
    p0 = _honest(state, pool, day, params)
    p1 = np.maximum(params.batch.pool_invalid, 2 * p0)
    step = np.zeros(len(scans), dtype=np.int64)
    step[fresh] = np.where(wrong[fresh], _micro_of(p1 / p0), _micro_of((1 - p1) / (1 - p0)))
    alarm = Sprt(params.honest_invalid, params.guesser_invalid, params.enumeration_alpha, params.enumeration_beta).alarm
    share = dict(zip(fresh.tolist(), p0.tolist(), strict=True))
    findings = []
    for row, llr in _alarms(state.pools, fresh, scans.pool, scans.at, step, alarm, params):
        mine = fresh[(pool == scans.pool[row]) & (fresh <= row)]
        bad = mine[wrong[mine]]
        findings.append(found(
            "HRV_ENUM_POOL", Severity.HIGH, f"pool:{int(scans.pool[row])}",
            {"invalid": len(bad), "tries": len(mine), "honest_share": round(share[row], 4)}, llr,
            at=scans.at[row], scans=bad + state.scans,
        ))  # fmt: skip
    state.scans += len(scans)
    return ordered(findings)


def _wrong(scans: Scans) -> NDArray[np.bool_]:
    return np.asarray((scans.outcome == Outcome.BAD_TAG) | (scans.outcome == Outcome.NOT_ISSUED))


def _micro(odds: float) -> int:
    return round(math.log(odds) * MICRO)


def _micro_of(odds: NDArray[np.float64]) -> Whole:
    return np.round(np.log(odds) * MICRO).astype(np.int64)


def _alarms(
    memory: Memory[Sums], rows: Whole, key: Whole, at: Whole, step: Whole, alarm: float, params: Params
) -> list[tuple[int, float]]:
    """(row, nats) of each time a key's sum passes the alarm. The sum is kept at or above 0, and forgotten in a day."""
    rows = rows[np.argsort(key[rows], kind="stable")]
    if not len(rows):
        return []
    index = groups(key[rows])
    known = memory.look(index.keys)
    slot = np.searchsorted(index.keys, known.key)
    before, last = np.zeros(len(index), dtype=np.int64), np.full(len(index), -FAR)
    before[slot], last[slot] = known.llr, known.at
    previous = np.append(0, at[rows][:-1])
    previous[index.starts] = last
    quiet = at[rows] - previous > params.enumeration_memory_s * MICRO
    opens = quiet | (index.place == 0)
    x = step[rows]
    carried = index.starts[~quiet[index.starts]]
    x[carried] += before[index.of[carried]]
    sums = _reflected(x, np.cumsum(opens) - 1)
    limit = round(alarm * MICRO)
    earlier = np.append(0, sums[:-1])
    earlier[opens] = 0
    earlier[carried] = before[index.of[carried]]
    _store(memory, index.keys, sums[index.stops - 1], at[rows][index.stops - 1])
    hit = np.flatnonzero((sums >= limit) & (earlier < limit))
    return sorted((int(rows[one]), float(sums[one]) / MICRO) for one in hit.tolist())


def _reflected(x: Whole, segment: Whole) -> Whole:
    """max(0, sum so far) of each segment: the sum less its lowest point. One pass over all segments at once."""
    total = np.cumsum(x)
    start = np.searchsorted(segment, np.arange(segment[-1] + 1))
    own = total - (total - x)[start][segment]
    lowest = np.minimum.accumulate(own - FAR * segment) + FAR * segment
    return np.asarray(own - np.minimum(0, lowest))


def _store(memory: Memory[Sums], keys: Whole, llr: Whole, at: Whole) -> None:
    """A sum of 0 says nothing and is not kept."""
    kept = llr > 0
    memory.put(keys, Sums(key=keys[kept], llr=llr[kept], at=at[kept]))


def _first_tries(scans: Scans, params: Params, state: GuessState) -> Whole:
    """The rows that are among the first tries of a phone, within a day of its first."""
    rows = np.flatnonzero(scans.device != 0)
    rows = rows[np.argsort(scans.device[rows], kind="stable")]
    index = groups(scans.device[rows])
    known = state.newcomers.look(index.keys)
    slot = np.searchsorted(index.keys, known.phone)
    first, tries = scans.at[rows[index.starts]], np.zeros(len(index), dtype=np.int64)
    first[slot], tries[slot] = known.first, known.tries
    nth = tries[index.of] + index.place
    fresh = (nth < params.batch.pool_tries) & (scans.at[rows] - first[index.of] <= DAY_US)
    many = np.minimum(tries + index.sizes, params.batch.pool_tries)
    state.newcomers.put(index.keys, Newcomers(phone=index.keys, first=first, tries=many))
    return np.sort(rows[fresh])


def _count(state: GuessState, pool: Whole, day: Whole, wrong: NDArray[np.bool_]) -> None:
    keys, slot = np.unique(np.column_stack([pool, day]), axis=0, return_inverse=True)
    bad = np.bincount(slot.ravel(), wrong, len(keys)).astype(np.int64)
    all_of = np.bincount(slot.ravel(), minlength=len(keys))
    for (one, when), k, n in zip(keys.tolist(), bad.tolist(), all_of.tolist(), strict=True):
        state.weeks[one, when] = state.weeks.get((one, when), np.zeros(2, dtype=np.int64)) + np.array((n - k, k))


def _honest(state: GuessState, pool: Whole, day: Whole, params: Params) -> NDArray[np.float64]:
    """The pool's own share of wrong first tries in the seven days before, drawn to the honest one."""
    keys, slot = np.unique(np.column_stack([pool, day]), axis=0, return_inverse=True)
    worth, shares = params.batch.pool_memory, []
    for one, when in keys.tolist():
        past = [state.weeks[one, d] for d in range(when - WEEK, when) if (one, d) in state.weeks]
        right, wrong = np.sum(past, axis=0).tolist() if past else (0, 0)
        shares.append((worth * params.honest_invalid + wrong) / (worth + right + wrong))
    return np.asarray(np.clip(np.array(shares, dtype=np.float64), 0.005, 0.4)[slot.ravel()])
