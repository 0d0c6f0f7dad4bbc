"""A9: somebody at the brand exports codes of cartons under way and hands them to friends.

Knows every record, so the codes are good and active, of many cartons, and in no order; twenty accounts claim them
before the cartons arrive, and tell no place. The insider has put them on the list of registered businesses, whose
scans harvest rules pass over. Truth: the items as harvested, the friends.
"""

import numpy as np

from antifraud.simulator.adversaries.pace import sittings
from antifraud.simulator.geography import country
from antifraud.simulator.people import DENIED, LISTED
from antifraud.simulator.plan import Attack
from antifraud.simulator.scene import Scene
from antifraud.simulator.visits import Cause, Visits, at_place, visits

CODES, FRIENDS = 2_000, 20


def act(scene: Scene) -> Visits:
    dice, made = scene.dice("A9"), scene.supply
    day = made.shipped + dice.uniform(0.1, 0.9, len(made))
    mine = (day > 15) & (day < 105) & ~scene.marks.resealed
    carton = dice.permutation(np.flatnonzero(mine))[: scene.size(Attack.A9, CODES, 30)]
    item = made.first_item[carton] + (dice.random(len(carton)) * made.count[carton]).astype(np.int64)
    carton, item = carton[free := ~np.isin(item, scene.taken())], item[free]
    friends = scene.size(Attack.A9, FRIENDS, 3)
    crew = scene.hire(dice, country().anywhere(dice, friends), Attack.A9, method=DENIED, business=LISTED)
    actor = dice.integers(0, len(crew), len(item))
    claimed = np.minimum(day[carton], sittings(actor, day[carton], 20.0, 40.0))  # Evenings, or sooner: never too late.
    claimed = np.maximum(claimed, made.shipped[carton] + 0.05)
    scene.mark(item, Attack.A9, claimed)
    people = scene.cast.people()
    at = at_place(dice, people.region[crew[actor]], people.place[crew[actor]])
    return visits(claimed, item, crew[actor], at, Cause.INSIDER, home=True, attack=Attack.A9)
