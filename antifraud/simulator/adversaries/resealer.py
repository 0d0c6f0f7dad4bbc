"""A5: opens liquor before it is sold, scans the caps, seals the bottles again and sells them on.

Knows how to open a cap without a trace. A team of three phones works in one place: all six codes of a carton within the
hour, and no store scans such a carton in. The buyer later finds the code taken. Truth: the cartons as resealed, their
items as harvested.
"""

import numpy as np

from antifraud.simulator.geography import PLACES
from antifraud.simulator.plan import Attack
from antifraud.simulator.scene import Ground, Scene
from antifraud.simulator.visits import Cause, Visits, at_place, visits

CARTONS, TEAMS, PHONES = 300, 4, 3


def tamper(ground: Ground) -> None:
    """Cartons of liquor in a few cities where much of it is sold; no store scans them."""
    made, dice = ground.supply, ground.dice("A5")
    liquor = np.array([one.liquor for one in ground.parameters.skus])[made.sku] & (made.arrived < 90)
    region = made.store_region[made.store]
    cities = np.argsort(-np.bincount(region[liquor]), kind="stable")[: ground.size(Attack.A5, TEAMS)]
    there = np.flatnonzero(liquor & np.isin(region, cities))
    chosen = dice.permutation(there)[: ground.size(Attack.A5, CARTONS, 4)]
    made.store_scan[chosen], ground.marks.resealed[chosen] = False, True


def act(scene: Scene) -> Visits:
    dice, made, packs = scene.dice("A5 caps"), scene.supply, scene.packs
    pack = np.flatnonzero(scene.marks.resealed[packs.carton])
    carton = packs.carton[pack]
    city, which = np.unique(made.store_region[made.store[carton]], return_inverse=True)
    place = np.repeat(dice.integers(0, PLACES, len(city)), PHONES)
    crew = scene.hire(dice, np.repeat(city, PHONES), Attack.A5, place=place)
    who = crew[which * PHONES + dice.integers(0, PHONES, len(pack))]
    opened = made.arrived + 0.2 + dice.random(len(made)) * 0.5
    day = opened[carton] + dice.uniform(0, 0.9 / 24, len(pack))
    scene.mark(packs.item[pack], Attack.A5, day)
    people = scene.cast.people()
    at = at_place(dice, people.region[who], people.place[who])
    return visits(day, packs.item[pack], who, at, Cause.RESEALED, home=True, attack=Attack.A5)
