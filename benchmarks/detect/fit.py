"""What is learnt on the seeds for learning, and written down as data: nothing is chosen on a seed that is reported.

The weights of the four scores, by antifraud.batch.fusion; labels are the truth of the worlds.

dealer_null: how often an honest dealer's carton is flagged. The reference's 1e-3 holds where records never err; where
one carton in a hundred is recorded to the wrong dealer, each looks diverted and is nobody's crime, so the list of
dealers must expect it. The least null of a grid is taken with which honest dealers are hardly ever listed.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from antifraud.batch.fusion import PRIOR, Weights
from antifraud.batch.meters import e_bh, log_e
from antifraud.params import Params
from antifraud.simulator.world import World
from benchmarks.detect.nights import Season

SEEDS = range(1, 11)
FITTED = Path(__file__).parents[2] / "antifraud" / "data" / "fitted.json"
NULLS = (1e-3, 2e-3, 5e-3, 1e-2, 1.5e-2, 2e-2, 3e-2, 5e-2)
FALSE_AT_MOST = 0.02  # Of the list; below the gate of 0.05, because seasons differ.

Counts = list[tuple[int, int, bool]]
Learnt = tuple[float, dict[str, float], int]


def counts(world: World, season: Season, params: Params) -> Counts:
    """(cartons flagged, cartons judged, guilty) of each dealer."""
    verdicts, truth = season.verdicts, world.truth.dealers
    flagged = (verdicts.posterior >= params.carton_task) & (verdicts.agree >= 2)
    guilty = dict(zip(truth.dealer.tolist(), (truth.diverts > 0).tolist(), strict=True))
    return [
        (int((flagged & mine).sum()), int((verdicts.people[mine] >= 2).sum()), guilty[dealer])
        for dealer in np.unique(verdicts.dealer).tolist()
        for mine in [verdicts.dealer == dealer]
    ]  # fmt: skip


def dealer_null(seasons: Sequence[Counts], params: Params) -> float:
    """The least null of the grid with a false discovery rate of FALSE_AT_MOST at most, over all these seasons."""
    for null in NULLS:
        if np.mean([_false_discovery(season, null, params) for season in seasons]) <= FALSE_AT_MOST:
            return null
    return NULLS[-1]


def _false_discovery(season: Counts, null: float, params: Params) -> float:
    x, n, guilty = (np.array(column) for column in zip(*season, strict=True))
    listed = e_bh(np.exp(np.minimum(700.0, log_e(x, n, null))), params.batch.dealer_fdr)
    return float((listed & ~guilty.astype(bool)).sum() / max(1, listed.sum()))


def write(null: float, learnt: Mapping[str, Learnt], *, scale: float) -> None:
    """learnt: (bias, weights, labels) by kind of score."""
    fitted = {
        "name": "simulated", "seeds": list(SEEDS), "scale": scale, "batch": {"dealer_null": null},
        "bias": {kind: bias for kind, (bias, _, _) in learnt.items()},
        "weight": {code: weight for _, weights, _ in learnt.values() for code, weight in sorted(weights.items())},
        "labels": {kind: labels for kind, (_, _, labels) in learnt.items()},
    }  # fmt: skip
    FITTED.write_text(json.dumps(fitted, indent=1) + "\n", "utf-8")


def params() -> Params:
    """The detectors' parameters with what was learnt; as published, where nothing was."""
    if not FITTED.exists():
        return Params()
    fitted = _fitted()
    return replace(Params(), name=fitted["name"], batch=replace(Params().batch, **fitted["batch"]))


def weights() -> Weights:
    """Of the four scores; a score or code that no world taught keeps its prior."""
    if not FITTED.exists():
        return PRIOR
    fitted = _fitted()
    bias, weight = {**PRIOR.bias, **fitted["bias"]}, {**PRIOR.weight, **fitted["weight"]}
    return Weights(fitted["name"], bias, weight, tuple(fitted["seeds"]), fitted["labels"])


def _fitted() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FITTED.read_text("utf-8"))
    return found
