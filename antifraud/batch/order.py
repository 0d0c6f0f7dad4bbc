"""R-H3: codes claimed in the order they were printed. Codes on packs look random, so only who holds the file knows
it.

Of an actor's last fifty codes, at least 24: half or more steps between neighbours of at most 24 item numbers, over
three cartons or more that follow each other (who buys carton after carton jumps from each to the next, who reads a file
from few), and the Wald-Wolfowitz runs test about the median rejects chance at 1e-6 (exact). A household
that opens one carton scans near numbers, and a restaurant opens cartons in order; so one of these must hold as well:
the cartons had not left yet, the codes were scanned in several places, or half the steps are exactly one, which hands
that take bottles out of a carton do not do.
"""

import math

import numpy as np

from antifraud.batch.actors import Harvest, Trail
from antifraud.batch.fixes import region_of_many
from antifraud.batch.proof import BatchFinding, found, ordered
from antifraud.findings import Severity
from antifraud.params import Params

__all__ = ["judge_order", "runs_p"]

CARTONS = 3


def runs_p(runs: int, above: int, below: int) -> float:
    """P(at most this many runs) of `above` and `below` marks in random order, exactly."""
    ways = 0
    for one in range(2, runs + 1):
        k = one // 2
        if one % 2 == 0:
            ways += 2 * math.comb(above - 1, k - 1) * math.comb(below - 1, k - 1)
        else:
            ways += math.comb(above - 1, k) * math.comb(below - 1, k - 1)
            ways += math.comb(above - 1, k - 1) * math.comb(below - 1, k)
    return min(1.0, ways / math.comb(above + below, above))


def judge_order(harvest: Harvest, params: Params) -> list[BatchFinding]:
    """The touched actors whose codes come in the order of a file."""
    findings = []
    for one in np.flatnonzero(harvest.actors.sizes >= params.batch.order_least).tolist():
        mine = harvest.trail.take(slice(int(harvest.actors.starts[one]), int(harvest.actors.stops[one])))
        steps = np.abs(np.diff(mine.item))
        near = float((steps <= params.batch.order_step).mean())
        cartons = np.unique(mine.carton)
        jumps = int((steps > params.batch.order_step).sum())
        if near < params.batch.order_share or len(cartons) < CARTONS or 2 * jumps > len(cartons) - 1:
            continue
        if not _no_hands(mine, steps):
            continue
        marks = mine.item > np.median(mine.item)
        runs = 1 + int((marks[1:] != marks[:-1]).sum())
        p = runs_p(runs, int(marks.sum()), int((~marks).sum()))
        if p < params.batch.order_p:
            findings.append(_in_order(harvest.kind, mine, near, p, cartons.tolist(), params))
    return ordered(findings)


def _no_hands(mine: Trail, steps: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> bool:
    """Whether nobody can have taken these out of open cartons in one place."""
    if (steps == 1).mean() >= 0.5 or mine.sealed.mean() >= 0.5:
        return True
    placed = np.isfinite(mine.lat) & np.isfinite(mine.lon)
    where = region_of_many(mine.lat[placed], mine.lon[placed])
    _, counts = np.unique(where[where > 0], return_counts=True)
    return bool(counts.sum() >= 10 and counts.max() < 0.5 * counts.sum())


def _in_order(kind: str, mine: Trail, near: float, p: float, cartons: list[int], params: Params) -> BatchFinding:
    values = {
        "codes": len(mine), "share": round(near, 3), "limit_share": params.batch.order_share,
        "cartons": len(cartons), "log10_p": round(math.log10(max(p, 1e-300)), 1),
    }  # fmt: skip
    return found(
        "HRV_PRINT_ORDER", Severity.HIGH, f"{kind}:{int(mine.actor[0])}", values, min(20.0, -math.log(max(p, 1e-300))),
        at=mine.at[-1], scans=mine.seq, cartons=cartons, holds=True,
    )  # fmt: skip
