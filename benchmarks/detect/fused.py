"""The four fused scores against the truth, and each reason code alone."""

from collections.abc import Mapping

import numpy as np

from antifraud.batch.fusion import Weights
from antifraud.batch.fusion import fit as fit_score
from benchmarks.detect.scoring import Figures, f_half, ranked, share
from benchmarks.detect.subjects import Phi, Subjects

SURE = 0.5


def figures(found: Mapping[str, Subjects], weights: Weights) -> dict[str, Figures]:
    """By kind of score: area under precision and recall, and both where the score says more likely than not."""
    return {f"fused_{kind}": _kind(some, kind, weights) for kind, some in found.items()}


def _kind(some: Subjects, kind: str, weights: Weights) -> Figures:
    scores = {number: _score(phi, kind, weights) for number, phi in some.phi.items()}
    sure = np.array([number for number in sorted(scores) if scores[number] >= SURE], dtype=np.int64)
    hits = np.isin(sure, sorted(some.guilty))
    precision = share(hits, sure > 0)
    recall = float(np.isin(sure, sorted(some.true)).sum() / len(some.true)) if some.true else None
    fair = {number: score for number, score in scores.items() if number in some.true or number not in some.guilty}
    return ranked(fair, set(some.true), len(some.true)) | {
        "precision": precision, "recall": recall, "f_half": f_half(precision, recall),
    }  # fmt: skip


def _score(phi: Phi, kind: str, weights: Weights) -> float:
    z = weights.bias[kind] + sum(weights.weight.get(code, 0.0) * value for code, value in phi.items())
    return float(1 / (1 + np.exp(-z)))


def by_code(found: Mapping[str, Subjects]) -> Figures:
    """Of the subjects that each reason speaks against, the share that is guilty."""
    hits: dict[str, list[bool]] = {}
    for some in found.values():
        for number, phi in some.phi.items():
            for code in phi:
                hits.setdefault(code, []).append(number in some.guilty)
    return {code: float(np.mean(hits[code])) for code in sorted(hits)}


def learn(kind: str, worlds: list[list[tuple[Phi, bool]]]) -> tuple[float, dict[str, float], int]:
    """(bias, weights, labels) of one score from the subjects of many worlds."""
    labelled = [one for world in worlds for one in world]
    bias, weights = fit_score(kind, [phi for phi, _ in labelled], [guilty for _, guilty in labelled])
    return bias, weights, len(labelled)
