"""Guilt by proximity: what moved together with known copies is likelier a copy (Dada and Magerkurth, SAP, 2008).

    p_i <- 1 - (1 - p_i) prod over neighbours j of (1 - w p_j),  damped, at most 3 rounds

Neighbours share a shipment (w = .05) or a run at one dealer (w = .02). A weight for the score and for inspections; it
never holds anything by itself, because most neighbours of a fake are genuine.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from antifraud.batch.proof import BatchFinding, found, ordered
from antifraud.columns import Cartons
from antifraud.findings import Severity

__all__ = ["judge_proximity", "proximity"]

Real = NDArray[np.float64]
ROUNDS, DAMPING = 3, 0.5
SHIPMENT, ROUTE = 0.05, 0.02
SAID_FROM = 0.1


def proximity(cartons: Cartons, own: Real) -> Real:
    """P of each carton after its neighbours spoke. own: (n,) from findings about the carton itself, in [0, 1)."""
    _, route = np.unique(np.column_stack([cartons.dealer, cartons.run]), axis=0, return_inverse=True)
    _, shipment = np.unique(cartons.shipment, return_inverse=True)
    ties = [(shipment, cartons.shipment != 0, SHIPMENT), (route, cartons.dealer != 0, ROUTE)]
    p = own.copy()
    for _ in range(ROUNDS):
        miss = np.log1p(-own)
        for group, known, weight in ties:
            doubt = np.where(known, np.log1p(-weight * p), 0.0)
            total = np.bincount(group, doubt, minlength=int(group.max()) + 1 if len(group) else 0)
            miss += np.where(known, total[group] - doubt, 0.0)
        p += DAMPING * (1 - np.exp(miss) - p)
    return np.maximum(p, own)


def judge_proximity(cartons: Cartons, known: Mapping[int, float], at: int) -> list[BatchFinding]:
    """Cartons that deserve a look for the company they kept. known: P(copy or diverted) of those with findings."""
    if not len(cartons) or not known:
        return []
    own = np.array([min(0.999, known.get(one, 0.0)) for one in cartons.carton.tolist()])
    p = proximity(cartons, own)
    near = np.flatnonzero((own == 0) & (p >= SAID_FROM))
    return ordered(
        found(
            "CLN_PROXIMITY", Severity.INFO, f"carton:{int(cartons.carton[one])}",
            {"probability": round(float(p[one]), 3)}, float(-np.log1p(-p[one])), at=at, cartons=[cartons.carton[one]],
        )
        for one in near.tolist()
    )  # fmt: skip
