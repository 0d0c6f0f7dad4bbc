"""A4: a code package leaks before its packs are shipped, and a crew claims 20,000 numbers in the order of the file.

They know the file: every code of it, canaries among them, and nothing of cartons. One after another of a hundred
accounts takes the next twenty lines, hours after the packs became active. Truth: the items as harvested.
"""

import numpy as np
from numpy.typing import NDArray

from antifraud.simulator.adversaries.pace import SECOND
from antifraud.simulator.geography import country
from antifraud.simulator.plan import Attack
from antifraud.simulator.scene import Scene
from antifraud.simulator.visits import Cause, Visits, at_place, visits

ITEMS, ACCOUNTS, LINES = 20_000, 100, 20
Whole = NDArray[np.int64]


def act(scene: Scene) -> Visits:
    dice, made = scene.dice("A4"), scene.supply
    items = _lines(scene, scene.size(Attack.A4, ITEMS, 60))
    carton = np.searchsorted(made.first_item, items, side="right") - 1
    active = np.maximum.accumulate(made.packed[carton] + 0.1)
    day = active + np.arange(len(items)) * dice.uniform(1, 3, len(items)).mean() * SECOND
    hideouts = np.repeat(country().anywhere(dice, 2), scene.size(Attack.A4, ACCOUNTS, 4))
    crew = scene.hire(dice, hideouts, Attack.A4)
    who = crew[np.arange(len(items)) // LINES % len(crew)]
    printed = ~np.isin(items, made.canaries)
    scene.mark(items[printed], Attack.A4, day[printed])
    people = scene.cast.people()
    at = at_place(dice, people.region[who], people.place[who])
    return visits(day, items, who, at, Cause.LEAKED, home=True, attack=Attack.A4)


def _lines(scene: Scene, n: int) -> Whole:
    """n lines of the file of a run that was made in the first half, from a canary on; fewer if runs end."""
    made, dice = scene.supply, scene.dice("A4 file")
    half = made.canaries[made.canaries < made.first_item[len(made) // 2]]
    first = int(dice.choice(half))
    last = min(first + n, int(made.first_item[-1] + made.count[-1]))
    return np.arange(first, last)
