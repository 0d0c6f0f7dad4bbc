"""Four scores of a subject, one for each kind of suspicion; never one number.

    score_x = sigmoid(b_x + sum over reasons of w_k phi_k)        x: clone, harvest, diversion, abuse

phi_k is a reason's contribution in nats, at most 7 either way; w_k >= 0, so more evidence never lowers a score.
Weights are data: a name, the seeds of the worlds and how many labels they were fitted on. With fewer than 200 labels
for a score they are provisional, and whoever shows the score says so. The reasons shown are the largest parts of the
sum.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from antifraud.batch.proof import BatchFinding
from antifraud.findings import Reason

__all__ = ["LEARNT", "PRIOR", "SCORES", "Score", "Weights", "features", "fit", "score", "score_of", "scored"]

Real = NDArray[np.float64]
SCORES = ("clone", "harvest", "diversion", "abuse")
KINDS = {"CLN": "clone", "FACE": "clone", "HRV": "harvest", "PKG": "harvest", "KEY": "harvest", "DIV": "diversion",
         "ABU": "abuse"}  # fmt: skip
CLIP = 7.0
LABELS_ENOUGH = 200
TOP = 3


@dataclass(frozen=True)
class Weights:
    """bias: by score; weight: by reason code, 0 for one never fitted. seeds: of the worlds; labels: by score."""

    name: str
    bias: Mapping[str, float]
    weight: Mapping[str, float]
    seeds: tuple[int, ...] = ()
    labels: Mapping[str, int] | None = None

    def provisional(self, kind: str) -> bool:
        return (self.labels or {}).get(kind, 0) < LABELS_ENOUGH


@dataclass(frozen=True, slots=True)
class Score:
    """value: 0..1. reasons: (code, part of the sum), the largest first."""

    kind: str
    value: float
    provisional: bool
    reasons: tuple[tuple[str, float], ...]


def score_of(code: str) -> str | None:
    """The score a reason belongs to; None for one that accuses nobody."""
    return KINDS.get(code.split("_", 1)[0])


def features(reasons: Iterable[Reason]) -> dict[str, float]:
    """phi by code: the strongest of each, clipped."""
    phi: dict[str, float] = {}
    for reason in reasons:
        if score_of(reason.code) is not None:
            value = max(-CLIP, min(CLIP, reason.contribution))
            phi[reason.code] = max(value, phi.get(reason.code, -CLIP))
    return phi


def score(reasons: Iterable[Reason], weights: "Weights | None" = None) -> tuple[Score, ...]:
    """The four scores of one subject, in the order of SCORES."""
    given, phi = weights or LEARNT, features(reasons)
    answer = []
    for kind in SCORES:
        parts = [(code, given.weight.get(code, 0.0) * phi[code]) for code in sorted(phi) if score_of(code) == kind]
        value = _sigmoid(given.bias[kind] + sum(part for _, part in parts))
        top = sorted((pair for pair in parts if pair[1]), key=lambda pair: -pair[1])[:TOP]
        answer.append(Score(kind, round(value, 6), given.provisional(kind), tuple((c, round(p, 4)) for c, p in top)))
    return tuple(answer)


def scored(findings: Iterable[BatchFinding], weights: "Weights | None" = None) -> dict[str, tuple[Score, ...]]:
    """pivot -> its four scores, by rising pivot."""
    by_pivot: dict[str, list[Reason]] = {}
    for one in findings:
        by_pivot.setdefault(one.pivot, []).append(one.finding.reason)
    return {pivot: score(by_pivot[pivot], weights) for pivot in sorted(by_pivot)}


def fit(
    kind: str, subjects: Sequence[Mapping[str, float]], guilty: Sequence[bool], *, ridge: float = 1.0
) -> tuple[float, dict[str, float]]:  # fmt: skip
    """(bias, weights) of one score by ridge logistic regression with w >= 0.

    subjects: phi by code of each (`features`). ridge: pulls a weight towards 1, where a contribution is what it says.
    """
    codes = sorted({code for phi in subjects for code in phi if score_of(code) == kind})
    x = np.array([[phi.get(code, 0.0) for code in codes] for phi in subjects]).reshape(len(subjects), len(codes))
    y = np.array(guilty, dtype=float)

    def loss(theta: Real) -> tuple[float, Real]:
        z = theta[0] + x @ theta[1:]
        p = 1 / (1 + np.exp(-np.clip(z, -500, 500)))
        off = theta[1:] - 1
        value = float(np.logaddexp(0, z).sum() - y @ z + ridge / 2 * off @ off)
        return value, np.concatenate([[float((p - y).sum())], x.T @ (p - y) + ridge * off])

    start = np.concatenate([[math.log((y.sum() + 0.5) / (len(y) - y.sum() + 0.5))], np.ones(len(codes))])
    bounds = [(-20.0, 20.0)] + [(0.0, 20.0)] * len(codes)
    best = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    weights = {code: round(float(w), 4) for code, w in zip(codes, best[1:], strict=True)}
    return round(float(best[0]), 4), weights


def _sigmoid(z: float) -> float:
    return 1 / (1 + math.exp(-z)) if z > -700 else 0.0


CODES = (
    "CLN_USERS_MANY", "CLN_USERS_SPREAD", "CLN_TRAVEL_GROUND", "CLN_TRAVEL_AIR", "CLN_SIMULTANEOUS",
    "CLN_VICTIM_CLUSTER", "CLN_PAIR_MISMATCH", "CLN_PROXIMITY", "FACE_OTHER_CASE", "HRV_ENUMERATION", "HRV_ENUM_POOL",
    "HRV_BEFORE_PACK", "HRV_IN_WAREHOUSE", "HRV_NOT_SHIPPED", "HRV_CARTON_MIX", "HRV_PRINT_ORDER", "HRV_OPEN_RESEAL",
    "PKG_LEAK", "KEY_COMPROMISE", "DIV_CARTON_NOTICE", "DIV_CARTON_TASK", "DIV_DEALER_EVIDENCE", "DIV_FLOW_EXCESS",
    "ABU_VELOCITY", "ABU_DEVICE_REUSE", "ABU_PAYEE_REUSE", "ABU_ENVIRONMENT", "ABU_LOCKSTEP", "ABU_DENSE_BLOCK",
    "ABU_REFERRAL_RING", "ABU_BUDGET_BREAKER",
)  # fmt: skip
PRIOR = Weights("unfitted", dict.fromkeys(SCORES, -4.0), dict.fromkeys(CODES, 1.0))
"""Every contribution at its word, against odds of one in fifty; until weights are fitted on worlds and labels."""


def _learnt(path: Path) -> Weights:
    """What was learnt on worlds, from its file; a score or code that none taught keeps its prior."""
    if not path.exists():
        return PRIOR
    fitted = json.loads(path.read_text("utf-8"))
    bias, weight = {**PRIOR.bias, **fitted["bias"]}, {**PRIOR.weight, **fitted["weight"]}
    return Weights(fitted["name"], bias, weight, tuple(fitted["seeds"]), fitted["labels"])


FITTED = Path(__file__).parents[1] / "data" / "fitted.json"
LEARNT = _learnt(FITTED)
"""In force. `onecode bench detect` with DETECT_FIT=1 learns them anew."""
