"""How fast a code is judged: genuine and forged, one at a time as a phone sends it and in batches as scans are taken.

Ten million forgeries are `python -m benchmarks.forgeries`; this one tries enough of each kind to say that none passes.
"""

import json
import time
from typing import Any

import numpy as np

from benchmarks import forgeries
from codegen import wire

ALONE, BATCH, BATCHES = 20_000, 1000, 200
FORGED = 140_000


def run() -> dict[str, Any]:
    """Rates per second, and forgeries accepted."""
    ring, stolen, runs = forgeries.keys()
    dice = np.random.default_rng(11)
    figures: dict[str, Any] = {}
    for name, make in (("genuine", forgeries.genuine), ("forged", forgeries.character)):
        texts = forgeries.texts_of(make(stolen, dice, BATCH * BATCHES))
        begun = time.perf_counter()
        for text in texts[:ALONE]:
            wire.decode(text, keys=ring, runs=runs)
        figures[f"{name}_alone_per_s"] = round(ALONE / (time.perf_counter() - begun))
        begun = time.perf_counter()
        for at in range(0, len(texts), BATCH):
            wire.decode_many(texts[at : at + BATCH], keys=ring, runs=runs)
        figures[f"{name}_batch_per_s"] = round(len(texts) / (time.perf_counter() - begun))
    tried = forgeries.run(FORGED)
    return figures | {"forgeries": tried["forged"], "accepted": tried["accepted"]}


if __name__ == "__main__":
    print(json.dumps(run()))
