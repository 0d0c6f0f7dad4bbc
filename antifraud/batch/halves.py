"""R-C5: an outer code of one carton and a code under the cap of another, by one phone within minutes, neither with its
own other half. One such pair is a mistake of packing data or somebody with two bottles; the in-line part files it.

When pairs of one carton come from several phones, its caps were moved: refilled bottles or relabelled ones. Error rate:
that of the carton data, about 2 % wrong parents, so two unrelated phones on one carton by chance are below 1e-3.
"""

from dataclasses import dataclass, field

import numpy as np

from antifraud.batch.items import _nothing
from antifraud.batch.memory import stack
from antifraud.batch.proof import BatchFinding, found, ordered
from antifraud.columns import Outcome, Scans
from antifraud.findings import Severity
from antifraud.params import Params

__all__ = ["Halves", "judge_halves"]


@dataclass(slots=True)
class Halves:
    """tail: the last minutes of scans; pairs: carton of the outer code -> (phone, carton of the inner, row, time)."""

    tail: Scans = field(default_factory=_nothing)
    scans: int = 0
    pairs: dict[int, list[tuple[int, int, int, int]]] = field(default_factory=dict)


def judge_halves(scans: Scans, params: Params, state: Halves) -> list[BatchFinding]:
    """The cartons whose codes were newly found beside the caps of others."""
    whole = stack([state.tail, scans])
    offset = state.scans - len(state.tail)
    touched = set()
    for outer, inner in _mismatches(whole, params.pair_s, len(state.tail)):
        carton = int(whole.carton[outer])
        row = max(outer, inner)
        mine = (int(whole.device[row]), int(whole.carton[inner]), row + offset, int(whole.at[row]))
        state.pairs.setdefault(carton, []).append(mine)
        touched.add(carton)
    state.scans += len(scans)
    if len(whole):
        state.tail = whole.take(whole.at >= whole.at.max() - int(params.pair_s * 1e6))
    findings = (_moved(carton, state.pairs[carton], params) for carton in sorted(touched))
    return ordered(one for one in findings if one is not None)


def _mismatches(scans: Scans, pair_s: float, fresh: int) -> list[tuple[int, int]]:
    """(outer row, inner row) of each pair whose later scan is at `fresh` or after."""
    usable = np.flatnonzero((scans.outcome == Outcome.VALID) & (scans.device != 0) & (scans.carton != 0))
    device, face = scans.device[usable], scans.claim_face[usable]
    usable = usable[np.isin(device, np.intersect1d(device[face], device[~face]))]
    recent: dict[int, list[int]] = {}
    pairs = []
    for row in usable.tolist():
        phone, inner = int(scans.device[row]), bool(scans.claim_face[row])
        near = [one for one in recent.get(phone, []) if scans.at[row] - scans.at[one] <= pair_s * 1e6]
        recent[phone] = [*near, row]
        halves = {(bool(scans.claim_face[one]), int(scans.item[one])) for one in near}
        if row < fresh or (not inner, int(scans.item[row])) in halves:
            continue
        alone = [
            one for one in near
            if scans.claim_face[one] != inner and scans.carton[one] != scans.carton[row]
            and (inner, int(scans.item[one])) not in halves
        ]  # fmt: skip
        if alone:
            pairs.append((alone[-1], row) if inner else (row, alone[-1]))
    return pairs


def _moved(carton: int, pairs: list[tuple[int, int, int, int]], params: Params) -> BatchFinding | None:
    phones = {phone for phone, _, _, _ in pairs}
    if len(phones) < params.batch.mismatch_phones:
        return None
    others = sorted({other for _, other, _, _ in pairs})
    limit = params.batch.mismatch_phones
    values = {"carton": carton, "pairs": len(pairs), "phones": len(phones), "limit_phones": limit}
    return found(
        "CLN_PAIR_MISMATCH", Severity.CRITICAL, f"carton:{carton}", values, 3.0 * len(phones),
        at=max(at for *_, at in pairs), scans=sorted(row for _, _, row, _ in pairs), cartons=[carton, *others],
        holds=True,
    )  # fmt: skip
