"""R-H2: an actor whose codes come from too many cartons. Who drinks opens few cartons; who collects caps, all of them.

Distinct cartons of the last 20 codes: honest p99 8, recycler p1 19; of the last 50: 16 against 48 (simulated, toy).
Flagged from 14 of 20 within a week or 32 of 50 within two: who buys one bottle a day for a month is no recycler.
"""

import math

import numpy as np

from antifraud.batch.actors import Harvest, Trail
from antifraud.batch.items import DAY_US
from antifraud.batch.proof import BatchFinding, found, ordered
from antifraud.findings import Severity
from antifraud.params import Params

__all__ = ["judge_mixes"]


def judge_mixes(harvest: Harvest, params: Params) -> list[BatchFinding]:
    """The touched actors whose last codes come from too many cartons."""
    rules = ((50, params.batch.mix_50, 2 * params.batch.mix_days), (20, params.batch.mix_20, params.batch.mix_days))
    findings = []
    for one in np.flatnonzero(harvest.actors.sizes >= 20).tolist():
        mine = harvest.trail.take(slice(int(harvest.actors.starts[one]), int(harvest.actors.stops[one])))
        for codes, limit, days in rules:
            last = mine.take(slice(-codes, None))
            cartons = np.unique(last.carton)
            if len(last) == codes and len(cartons) >= limit and last.at[-1] - last.at[0] <= days * DAY_US:
                findings.append(_mixed(harvest.kind, last, cartons.tolist(), limit))
                break
    return ordered(findings)


def _mixed(kind: str, last: Trail, cartons: list[int], limit: int) -> BatchFinding:
    values = {"codes": len(last), "cartons": len(cartons), "limit": limit, "dealers": len(np.unique(last.dealer))}
    return found(
        "HRV_CARTON_MIX", Severity.HIGH, f"{kind}:{int(last.actor[0])}", values,
        2 + math.log(len(cartons) / limit) * 4, at=last.at[-1], scans=last.seq, cartons=cartons, holds=True,
    )  # fmt: skip
