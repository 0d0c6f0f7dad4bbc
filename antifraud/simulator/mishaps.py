"""Honest oddities of no store: gifts passed on, phones sold on, labels tried at the plant, lots recalled."""

import numpy as np
from numpy.typing import NDArray

from antifraud.columns import Outcome
from antifraud.simulator.days import DAY_US, START_US, waking
from antifraud.simulator.geography import country
from antifraud.simulator.parameters import Parameters
from antifraud.simulator.people import Cast
from antifraud.simulator.shopping import Basket, FirstScans, Packs
from antifraud.simulator.streams import chance, stream
from antifraud.simulator.supply import Supply
from antifraud.simulator.visits import Cause, Visits, at_place, visits

REGIFTED = 0.01  # Of scanned liquor: somebody in another province scans it again, days later.
SOLD_ON = 600  # Phones that change hands, at scale 1.
LINE_TESTS = 300  # Labels tried at the plant before they are active, at scale 1.


def regifted(parameters: Parameters, seed: int, packs: Packs, basket: Basket, first: FirstScans, cast: Cast) -> Visits:
    """A bottle that was scanned, kept closed and given away across provinces: two honest people, one code."""
    dice = stream(seed, "gifts")
    liquor = np.flatnonzero(np.array([one.liquor for one in parameters.skus])[packs.sku[first.pack]])
    chosen = chance(dice, REGIFTED, len(liquor))
    chosen[:1] = True
    rows = liquor[chosen]
    goal, codes = country().anywhere(dice, len(rows)), country().codes
    origin = basket.region[first.purchase[rows]]
    for _ in range(8):
        near = codes[goal] // 10_000 == codes[origin] // 10_000
        goal[near] = country().anywhere(dice, int(near.sum()))
    who = cast.resident(dice, goal)
    day = waking(dice, first.day[rows] + dice.uniform(3, 20, len(rows)))
    at = at_place(dice, goal, cast.people().place[who])
    return visits(day, packs.item[first.pack[rows]], who, at, Cause.REGIFTED, home=True)


def sell_phones(parameters: Parameters, seed: int, cast: Cast) -> None:
    """Second-hand phones: from some day on somebody else's account is on a known phone."""
    dice, people = stream(seed, "second hand"), cast.people()
    n = parameters.count(SOLD_ON, 5)
    pairs = dice.choice(cast.consumers, (2, n), replace=False)
    buyer, seller = pairs[0], pairs[1]
    people.second_device[buyer] = people.device[seller]
    people.second_device[seller] = people.device[seller] + 500_000_000  # A new one.
    day = dice.uniform(10, parameters.days - 20, n)
    people.switched_us[buyer] = people.switched_us[seller] = START_US + np.rint(day * DAY_US).astype(np.int64)


def line_tests(parameters: Parameters, seed: int, supply: Supply, cast: Cast) -> Visits:
    """Workers of three plants who try a label on the line: genuine, and not active yet."""
    dice = stream(seed, "line tests")
    rows = dice.integers(0, len(supply), parameters.count(LINE_TESTS, 3))
    plants = cast.join(dice, country().anywhere(dice, 3))
    who = plants[supply.run[rows] % 3]
    people = cast.people()
    at = at_place(dice, people.region[who], people.place[who])
    day = np.maximum(0.0, supply.packed[rows] - dice.uniform(0.01, 0.1, len(rows)))
    return visits(day, supply.first_item[rows], who, at, Cause.LINE_TEST, outcome=Outcome.NOT_ACTIVATED)


def recalled_from(parameters: Parameters, seed: int, supply: Supply) -> NDArray[np.float64]:
    """The day each carton's lot is called back; infinite for nearly all."""
    dice = stream(seed, "recalls")
    chosen = chance(dice, parameters.recalled, int(supply.lot.max()) + 1)
    if parameters.recalled > 0:
        chosen[1] = True
    return np.where(chosen[supply.lot], supply.arrived + 15.0, np.inf)
