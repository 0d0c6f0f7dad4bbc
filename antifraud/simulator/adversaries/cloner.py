"""A1: prints copies of genuine codes on counterfeit packs.

Knows nothing but the codes he bought. Either one code on 10, 50, 500 or 5,000 packs, or many codes in rotation on 25
packs each; sold in one prefecture, or everywhere. His buyers are honest and scan like any other. Truth: the items, how
many packs carry each, and since when.
"""

import numpy as np
from numpy.typing import NDArray

from antifraud.simulator.days import waking
from antifraud.simulator.geography import country
from antifraud.simulator.plan import Attack
from antifraud.simulator.scene import Scene
from antifraud.simulator.shopping import column
from antifraud.simulator.streams import Dice, chance
from antifraud.simulator.truth import CLONED
from antifraud.simulator.visits import Cause, Visits, at_place, visits

COPIES = (10, 50, 500, 5_000)  # One code, both ways to sell it.
ROTATED, EACH = 200, 25
SOLD_WITHIN = 20.0  # days, mean


def act(scene: Scene) -> Visits:
    dice = scene.dice("A1")
    most = max(50, round(5_000 * scene.parameters.scale))  # A small world has no room for the largest.
    rotated = scene.size(Attack.A1, ROTATED, 2)
    copies = np.array([*(min(k, most) for k in COPIES for _ in range(2)), *[EACH] * rotated])
    national = np.arange(len(copies)) % 2 == 0
    pack, since = bought(scene, dice, len(copies))
    scene.mark(scene.packs.item[pack], Attack.A1, since, kind=CLONED, packs=copies + 1)
    return copied(scene, dice, Attack.A1, Cause.COPY, pack, since, copies, national)


def bought(scene: Scene, dice: Dice, n: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """(packs, day) of n packs opened in the first two thirds, whether their code was scanned or not."""
    opened = scene.basket.opened[scene.packs.purchase]
    free = opened < scene.parameters.days * 0.6
    free[np.searchsorted(scene.packs.item, scene.taken())] = False
    pack = dice.choice(np.flatnonzero(free), n, replace=False)
    return pack, np.floor(opened[pack]) + 3 + dice.uniform(0, 7, n)  # Printing takes days.


def copied(
    scene: Scene, dice: Dice, attack: Attack, cause: Cause, pack: NDArray[np.int64], since: NDArray[np.float64],
    copies: NDArray[np.int64], national: NDArray[np.bool_],
) -> Visits:  # fmt: skip
    """Scans of the copies that are scanned, by whoever bought them."""
    code = np.repeat(np.arange(len(pack)), copies)
    rate = column(scene.parameters.skus, "scan_rate")[scene.packs.sku[pack[code]]] * scene.parameters.scan_rate
    code = code[chance(dice, rate, len(code))]
    base = country().anywhere(dice, len(pack))
    region = np.where(national[code], country().anywhere(dice, len(code)), base[code])
    who = scene.cast.resident(dice, region)
    day = waking(dice, since[code] + 1 + dice.exponential(SOLD_WITHIN, len(code)))
    at = at_place(dice, region, scene.cast.people().place[who])
    return visits(day, scene.packs.item[pack[code]], who, at, cause, home=True, attack=attack)
