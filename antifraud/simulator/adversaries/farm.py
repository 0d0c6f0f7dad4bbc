"""A7: farms of phones: 50 devices with ten accounts each, fed with caps that nobody scanned.

They know that a person may scan only so much, so they have many. One farm runs emulators at night, all with the same
forged fix to the digit; the other real phones in a flat by day, like people. Accounts of a device share a purse. Truth:
accounts, items as harvested, what they were paid.
"""

import numpy as np
from numpy.typing import NDArray

from antifraud.columns import Environment
from antifraud.simulator.adversaries.pace import sittings
from antifraud.simulator.days import waking
from antifraud.simulator.geography import PLACES, country
from antifraud.simulator.people import DEVICE, GPS, PAYEE
from antifraud.simulator.plan import Attack
from antifraud.simulator.scene import Scene
from antifraud.simulator.visits import Cause, Visits, at_place, joined, visits

DEVICES, ACCOUNTS, CODES = 50, 10, 8
FARM_NETWORK = 3_980_000_000


def act(scene: Scene) -> Visits:
    return joined([_farm(scene, emulated) for emulated in (True, False)])


def _farm(scene: Scene, emulated: bool) -> Visits:
    dice = scene.dice(f"A7 {emulated}")
    crew = _crew(scene, dice, emulated)
    pack, opened = scene.caps(dice, len(crew) * CODES)
    actor = dice.integers(0, len(crew), len(pack))
    day = np.minimum(opened + dice.uniform(1, 8, len(pack)), scene.parameters.days - 1.0)
    day = sittings(actor // ACCOUNTS, day, np.asarray(1.0 + actor % 3), 20.0) if emulated else waking(dice, day)
    scene.mark(scene.packs.item[pack], Attack.A7, day)
    who, people = crew[actor], scene.cast.people()
    lat, lon = at_place(dice, people.region[who], people.place[who])
    if emulated:  # One made-up fix for all.
        lat, lon = np.full(len(lat), np.round(lat[0], 6)), np.full(len(lon), np.round(lon[0], 6))
    return visits(day, scene.packs.item[pack], who, (lat, lon), Cause.FARMED, forged=emulated,
                  network=people.network[who], attack=Attack.A7)  # fmt: skip


def _crew(scene: Scene, dice: np.random.Generator, emulated: bool) -> NDArray[np.int64]:
    n = scene.size(Attack.A7, DEVICES, 2) * ACCOUNTS
    first = len(scene.cast) + np.arange(n) // ACCOUNTS * ACCOUNTS
    hints = Environment.EMULATOR | Environment.DATACENTRE if emulated else 0
    return scene.hire(
        dice, np.repeat(country().anywhere(dice, 1), n), Attack.A7, device=DEVICE + first, payee=PAYEE + first,
        place=int(dice.integers(PLACES)), method=GPS, network=FARM_NETWORK + emulated, environment=hints,
    )  # fmt: skip
