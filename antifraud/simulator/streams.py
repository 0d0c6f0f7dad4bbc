"""Randomness by name: every part of the world has its own stream, so a change in one part shifts no other."""

from zlib import crc32

import numpy as np
from numpy.typing import NDArray

Dice = np.random.Generator


def stream(seed: int, part: str) -> Dice:
    """The stream of one part of one world; the same on every machine (PCG64, seeded by both)."""
    return np.random.default_rng([seed, crc32(part.encode())])


def chance(dice: Dice, probability: NDArray[np.float64] | float, n: int) -> NDArray[np.bool_]:
    """(n,) outcomes of trials with these probabilities."""
    return dice.random(n) < probability


def among(dice: Dice, first: NDArray[np.int64], count: NDArray[np.int64], skew: float = 1.0) -> NDArray[np.int64]:
    """One of the `count` numbers from `first` on, for each row. skew above 1 prefers the lower ones."""
    return first + np.minimum((dice.random(len(first)) ** skew * count).astype(np.int64), count - 1)
