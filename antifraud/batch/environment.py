"""R-P3: hints that no person holds the phone: an emulator, a hooked browser, a data centre's address, an accuracy of
zero, the same fix to six decimals on three accounts. Weights for the score; none of them holds or blocks by itself, and
no error rates of them are published.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from antifraud.batch.fixes import located
from antifraud.batch.memory import Memory, groups, stack
from antifraud.batch.proof import BatchFinding, found, ordered
from antifraud.columns import METHODS, Columns, Environment, Scans
from antifraud.findings import Severity
from antifraud.params import Params

__all__ = ["WEIGHTS", "EnvironmentState", "judge_environment"]

Whole = NDArray[np.int64]
WEIGHTS = {"emulator": 1.5, "hooked": 1.5, "datacentre": 0.8, "accuracy_zero": 0.5, "same_fix": 1.0}
SAID_FROM = 1.0
KEPT = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixes(Columns):
    """The first accounts that sent one fix, to six decimals."""

    fix: Whole
    account: Whole


def _memory() -> Memory[Fixes]:
    whole = np.zeros(0, dtype=np.int64)
    return Memory(Fixes(fix=whole, account=whole))


@dataclass(slots=True)
class EnvironmentState:
    """hints: person -> what was ever seen of it."""

    scans: int = 0
    fixes: Memory[Fixes] = field(default_factory=_memory)
    hints: dict[int, set[str]] = field(default_factory=dict)


def judge_environment(scans: Scans, params: Params, state: EnvironmentState) -> list[BatchFinding]:
    """The people with hints in this batch that add up to something."""
    marks = {
        "emulator": (scans.environment & Environment.EMULATOR) > 0,
        "hooked": (scans.environment & Environment.HOOKED) > 0,
        "datacentre": (scans.environment & Environment.DATACENTRE) > 0,
        "accuracy_zero": located(scans) & (scans.accuracy_m == 0),
        "same_fix": _same_fix(scans, params, state),
    }
    latest: dict[int, int] = {}
    for name, flags in marks.items():
        for row in np.flatnonzero(flags & (scans.person != 0)).tolist():
            person = int(scans.person[row])
            state.hints.setdefault(person, set()).add(name)
            latest[person] = max(latest.get(person, 0), row)
    first, state.scans = state.scans, state.scans + len(scans)
    return ordered(
        found(
            "ABU_ENVIRONMENT", Severity.INFO, f"person:{person}", {"hints": sorted(state.hints[person])},
            _weight(state.hints[person]), at=scans.at[row], scans=[row + first],
        )
        for person, row in latest.items() if _weight(state.hints[person]) >= SAID_FROM
    )  # fmt: skip


def _weight(hints: set[str]) -> float:
    return sum(WEIGHTS[name] for name in sorted(hints))


def _same_fix(scans: Scans, params: Params, state: EnvironmentState) -> NDArray[np.bool_]:
    """The satellite fixes that three accounts sent to the last decimal."""
    answer = np.zeros(len(scans), dtype=bool)
    rows = np.flatnonzero(located(scans) & (scans.method == METHODS.index("gps")) & (scans.account != 0))
    lat, lon = (np.round(part[rows] * 1e6).astype(np.int64) for part in (scans.lat, scans.lon))
    fix = (lat + 90_000_000) * 400_000_000 + lon + 180_000_000
    order = np.argsort(fix, kind="stable")
    fresh = Fixes(fix=fix[order], account=scans.account[rows[order]])
    touched = np.unique(fix)
    both = stack([state.fixes.look(touched), fresh])
    first = np.sort(np.unique(np.column_stack([both.fix, both.account]), axis=0, return_index=True)[1])
    kept = both.take(first)
    kept = kept.take(np.argsort(kept.fix, kind="stable"))
    index = groups(kept.fix)
    state.fixes.put(touched, kept.take(index.place < KEPT))
    shared = index.keys[index.sizes >= params.batch.fix_accounts]
    answer[rows] = np.isin(fix, shared)
    return answer
