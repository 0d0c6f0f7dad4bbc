"""R-P7: the budget breaker. Payouts of a region in five minutes against what that hour of the week usually sees.

Expected: an exponentially weighted mean (.02) by region and hour of the week, started from the region's mean over all
hours. A bin with 20 payouts or more whose Poisson tail is below 1e-6 pauses high prizes; it does not teach the mean.
Honest alarms: 345 regions x 288 bins a day x 1e-6 = one in ten days if payouts were Poisson; the least of 20 and the
warm day keep quiet regions out. One row more counts the whole country.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.stats import poisson

from antifraud.batch.fixes import likeliest, masses
from antifraud.batch.proof import BatchFinding, found, ordered
from antifraud.batch.territory import at as place_of
from antifraud.batch.territory import codes
from antifraud.columns import Scans
from antifraud.findings import Severity
from antifraud.params import Params

__all__ = ["BudgetState", "judge_budget"]

Whole = NDArray[np.int64]
Real = NDArray[np.float64]
BIN_US = 300_000_000
HOURS = 168
BINS_AN_HOUR = 12
FLOOR = 0.5  # payouts a bin; what a region that never paid is expected to


def _zeros(*shape: int) -> "Real":
    return np.zeros((len(codes()) + 1, *shape))


@dataclass(slots=True)
class BudgetState:
    """hourly, seen: by (region, hour of the week); overall: by region. open: the bin being filled, counts and rows."""

    scans: int = 0
    bins: int = 0
    open: int = -1
    counts: Real = field(default_factory=_zeros)
    overall: Real = field(default_factory=_zeros)
    hourly: Real = field(default_factory=lambda: _zeros(HOURS))
    seen: Real = field(default_factory=lambda: _zeros(HOURS))


def judge_budget(scans: Scans, params: Params, state: BudgetState, *, close: bool = False) -> list[BatchFinding]:
    """The regions whose payouts burst in a bin that is over. close: the last bin is over too."""
    rows = np.flatnonzero(scans.value_fen > 0)
    paid = scans.take(rows)
    region = place_of(likeliest(masses(paid), len(paid)))
    state.scans += len(scans)
    when = np.maximum.accumulate(paid.at // BIN_US) if len(paid) else paid.at
    findings: list[BatchFinding] = []
    for one in np.unique(when).tolist():
        findings += _advance(state, one, params)
        mine = region[when == one]
        state.counts += np.append(np.bincount(mine, minlength=len(codes())), len(mine))
    if close and state.open >= 0:
        findings += _advance(state, state.open + 1, params)
    return ordered(findings)


def _advance(state: BudgetState, to: int, params: Params) -> list[BatchFinding]:
    """Judge the open bin and the empty ones up to `to`, which is open then."""
    findings: list[BatchFinding] = []
    while 0 <= state.open < to:
        findings += _judge(state, params)
        state.counts = _zeros()
        state.open = state.open + 1 if to - state.open < HOURS * BINS_AN_HOUR else to
    state.open = max(state.open, to)
    return findings


def _judge(state: BudgetState, params: Params) -> list[BatchFinding]:
    hour = state.open // BINS_AN_HOUR % HOURS
    rate = params.batch.breaker_ewma
    known = state.seen[:, hour] / (state.seen[:, hour] + BINS_AN_HOUR)
    expected = np.maximum(FLOOR, known * state.hourly[:, hour] + (1 - known) * state.overall)
    tail = poisson.sf(state.counts - 1, expected)
    burst = (tail < params.batch.breaker_tail) & (state.counts >= params.batch.breaker_least)
    burst &= state.bins >= params.batch.breaker_warm_bins
    learn = np.where(burst, 0.0, np.maximum(rate, 1 / (1 + state.seen[:, hour])))
    state.hourly[:, hour] += learn * (state.counts - state.hourly[:, hour])
    state.overall += np.where(burst, 0.0, max(rate / 10, 1 / (1 + state.bins))) * (state.counts - state.overall)
    state.seen[:, hour] += 1
    state.bins += 1
    return [_burst(place, state, float(expected[place]), params) for place in np.flatnonzero(burst).tolist()]


def _burst(place: int, state: BudgetState, expected: float, params: Params) -> BatchFinding:
    country = place == len(codes())
    region = None if country else int(codes()[place])
    values = {
        "region": region, "payouts": int(state.counts[place]), "expected": round(expected, 2), "minutes": 5,
        "limit_tail": params.batch.breaker_tail,
    }  # fmt: skip
    pivot = "budget:all" if country else f"budget:{region}"
    return found("ABU_BUDGET_BREAKER", Severity.CRITICAL, pivot, values, 10.0, at=(state.open + 1) * BIN_US, holds=True)
