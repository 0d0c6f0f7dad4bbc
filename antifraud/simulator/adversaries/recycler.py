"""A3: buys opened caps by the sack and scans them: 100,000 caps over 40 accounts.

Knows which caps were not scanned, because the reward is still there. Half of the accounts stay in their den, whose
fix they report; the others forge fixes all over the province. A sitting a day, a code every few seconds. Truth: the
items as harvested, the accounts, what they were paid.
"""

import numpy as np
from numpy.typing import NDArray

from antifraud.columns import Environment
from antifraud.simulator.adversaries.pace import sittings
from antifraud.simulator.geography import PLACES, country
from antifraud.simulator.people import GPS
from antifraud.simulator.plan import Attack
from antifraud.simulator.scene import Scene
from antifraud.simulator.visits import Cause, Visits, at_place, joined, visits

CAPS, ACCOUNTS = 100_000, 40
GAP_S = (4.0, 12.0)
Whole = NDArray[np.int64]


def act(scene: Scene) -> Visits:
    dice = scene.dice("A3")
    accounts = scene.size(Attack.A3, ACCOUNTS, 4)
    pack, opened = scene.caps(dice, scene.size(Attack.A3, CAPS, 120))
    den = country().anywhere(dice, 1)
    crew = scene.hire(dice, np.repeat(den, accounts), Attack.A3, place=int(dice.integers(PLACES)), method=GPS)
    forging = np.arange(accounts) % 2 == 1
    scene.cast.people().environment[crew[forging]] |= Environment.HOOKED
    actor = dice.integers(0, accounts, len(pack))
    bought = np.minimum(opened + dice.uniform(2, 10, len(pack)), scene.parameters.days - 1.0)
    day = sittings(actor, bought, np.asarray(8.0 + actor % 12), dice.uniform(*GAP_S, len(pack)))
    scene.mark(scene.packs.item[pack], Attack.A3, day)
    forged = forging[actor]
    return joined([_scans(scene, crew[actor[rows]], pack[rows], day[rows], made_up)
                   for rows, made_up in ((~forged, False), (forged, True))])  # fmt: skip


def _scans(scene: Scene, who: Whole, pack: Whole, day: NDArray[np.float64], forged: bool) -> Visits:
    dice, people = scene.dice(f"A3 {forged}"), scene.cast.people()
    region, place = people.region[who], people.place[who]
    if forged:
        codes = country().codes // 10_000
        province = np.flatnonzero(np.isin(codes, codes[region]))
        region, place = dice.choice(province, len(who)), dice.integers(0, PLACES, len(who))
    at = at_place(dice, region, place)
    return visits(day, scene.packs.item[pack], who, at, Cause.RECYCLED, forged=forged, home=not forged,
                  attack=Attack.A3)  # fmt: skip
