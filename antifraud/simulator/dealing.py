"""The dealers, where each may sell, and the agreements that change in the middle of the season."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from antifraud.simulator.geography import country
from antifraud.simulator.parameters import Parameters
from antifraud.simulator.streams import Dice

REASSIGNED_DAY = 60.0
REASSIGNED = 0.02  # Of dealers: one prefecture goes to another dealer, while the stock in its shops stays.

Whole = NDArray[np.int64]
Real = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Dealing:
    """D dealers, numbered from 0. volume: relative; out_of_home: each one's own h.

    territory: (D, R) whether a dealer sells in a prefecture from the start. moved: (dealer, region, new dealer) whose
    agreement changes on REASSIGNED_DAY. national: the dealer who may sell anywhere.
    """

    volume: Real
    out_of_home: Real
    territory: NDArray[np.bool_]
    moved: tuple[tuple[int, int, int], ...]
    national: int

    def home_region(self, dice: Dice, dealer: Whole) -> Whole:
        """One prefecture of each dealer's own, by how many people it has."""
        share = self.territory * country().people
        until = np.cumsum(share / share.sum(axis=1, keepdims=True), axis=1)
        flat = (until + np.arange(len(until))[:, None]).ravel()
        found = np.searchsorted(flat, dealer + dice.random(len(dealer)), side="right")
        return np.asarray(np.minimum(found - dealer * until.shape[1], until.shape[1] - 1))


def deal(parameters: Parameters, dice: Dice) -> Dealing:
    """Share the country out: one to three prefectures that lie together each, no prefecture twice."""
    china = country()
    n = min(parameters.count(parameters.dealers, 12), len(china))
    seats = dice.choice(len(china), n, replace=False, p=china.people)
    territory = np.zeros((n, len(china)), dtype=bool)
    territory[np.arange(n), seats] = True
    taken = set(seats.tolist())
    for dealer in np.argsort(seats, kind="stable").tolist():
        for region in china.near[seats[dealer]][: dice.integers(0, 3)].tolist():
            territory[dealer, region] |= region not in taken
            taken.add(region)
    volume = (territory * china.people).sum(axis=1) * dice.lognormal(0, 0.3, n)
    national = int(np.argsort(volume)[n // 2])  # An ordinary size, whatever the seed.
    territory[national] = True
    return Dealing(volume, _honest_spread(parameters, dice, n), territory, _moves(dice, territory, national), national)


def _honest_spread(parameters: Parameters, dice: Dice, n: int) -> Real:
    """Each dealer's h: Beta with the mean and the spread of the parameters."""
    mean, sd = parameters.out_of_home, parameters.out_of_home_sd
    if sd == 0:
        return np.full(n, mean)
    size = mean * (1 - mean) / sd**2 - 1
    return dice.beta(mean * size, (1 - mean) * size, n)


def _moves(dice: Dice, territory: NDArray[np.bool_], national: int) -> tuple[tuple[int, int, int], ...]:
    several = np.flatnonzero((territory.sum(axis=1) > 1) & (np.arange(len(territory)) != national))
    chosen = dice.permutation(several)[: max(1, round(REASSIGNED * len(territory)))]
    moves = []
    for dealer in chosen.tolist():
        region = int(dice.choice(np.flatnonzero(territory[dealer])))
        others = [other for other in range(len(territory)) if other not in (dealer, national)]
        moves.append((dealer, region, int(dice.choice(others))))
    return tuple(moves)
