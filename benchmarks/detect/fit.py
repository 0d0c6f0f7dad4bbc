"""What is learnt on the seeds for learning, and written down as data: nothing is chosen on a seed that is reported.

The weights of the four scores, by antifraud.batch.fusion; labels are the truth of the worlds.

dealer_null: how often an honest dealer's carton is flagged. The reference's 1e-3 holds where records never err; where
one carton in a hundred is recorded to the wrong dealer, each looks diverted and is nobody's crime, so the list of
dealers must expect it. The least null of a grid is taken with which honest dealers are hardly ever listed.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from antifraud.batch.dealers import meter
from antifraud.batch.fusion import FITTED
from antifraud.batch.meters import e_bh
from antifraud.params import Params
from antifraud.simulator.world import World
from benchmarks.detect.nights import Season

SEEDS = range(1, 11)
NULLS = (1e-3, 2e-3, 5e-3, 1e-2, 1.5e-2, 2e-2, 3e-2, 5e-2)
FALSE_AT_MOST = 0.02  # Of the list; below the gate of 0.05, because seasons differ.

Counts = list[tuple[list[float], bool]]
Learnt = tuple[float, dict[str, float], int]


def counts(world: World, season: Season, params: Params) -> Counts:
    """(log of the meter with each of NULLS, guilty) of each dealer at the end of the season."""
    truth = world.truth.dealers
    guilty = dict(zip(truth.dealer.tolist(), (truth.diverts > 0).tolist(), strict=True))
    return [
        ([meter(account, null, params) for null in NULLS], guilty[dealer])
        for dealer, account in sorted(season.dealers.accounts.items())
    ]  # fmt: skip


def dealer_null(seasons: Sequence[Counts], params: Params) -> float:
    """The least null of the grid with a false discovery rate of FALSE_AT_MOST at most, over all these seasons."""
    for null in NULLS:
        if np.mean([_false_discovery(season, null, params) for season in seasons]) <= FALSE_AT_MOST:
            return null
    return NULLS[-1]


def _false_discovery(season: Counts, null: float, params: Params) -> float:
    logs, guilty = np.array([of[NULLS.index(null)] for of, _ in season]), np.array([bad for _, bad in season])
    listed = e_bh(np.exp(np.minimum(700.0, logs)), params.batch.dealer_fdr)
    return float((listed & ~guilty).sum() / max(1, listed.sum()))


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


def _fitted() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FITTED.read_text("utf-8"))
    return found
