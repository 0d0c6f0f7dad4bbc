"""A8: rings of invitations. One inviter, five levels of made-up members, five accounts a phone, one purse a ring.

They know the least a newcomer must do before the bonus is due: one scan, with a cap nobody scanned. Truth: accounts,
what the scans and the bonuses paid.
"""

import numpy as np
from numpy.typing import NDArray

from antifraud.columns import Referrals
from antifraud.simulator.days import MINUTE, micros
from antifraud.simulator.geography import PLACES, country
from antifraud.simulator.people import DEVICE, PAYEE
from antifraud.simulator.plan import Attack
from antifraud.simulator.scene import Scene
from antifraud.simulator.visits import Cause, Visits, at_place, visits

ACCOUNTS, RING, PER_DEVICE = 300, 30, 5


def act(scene: Scene) -> Visits:
    dice = scene.dice("A8")
    rings = max(1, scene.size(Attack.A8, ACCOUNTS) // RING)
    n = rings * RING
    number = len(scene.cast) + np.arange(n)
    crew = scene.hire(
        dice, np.repeat(country().anywhere(dice, rings), RING), Attack.A8, place=np.repeat(
            dice.integers(0, PLACES, rings), RING),
        device=DEVICE + number // PER_DEVICE * PER_DEVICE, payee=PAYEE + np.repeat(number[::RING], RING),
    )  # fmt: skip
    pack, opened = scene.caps(dice, n)
    enough = opened[np.minimum(np.arange(1, rings + 1) * RING, len(opened)) - 1]  # When a ring has its caps.
    begun = enough + dice.uniform(0, 2, rings)
    member = np.arange(n) % RING
    invited = np.repeat(begun, RING) + member * 25 * MINUTE
    day = invited[: len(pack)] + dice.uniform(2, 15, len(pack)) * MINUTE
    people = scene.cast.people()
    _invite(scene, people.account[crew].reshape(rings, RING), invited.reshape(rings, RING))
    who = crew[: len(pack)]
    scene.mark(scene.packs.item[pack], Attack.A8, day)
    at = at_place(dice, people.region[who], people.place[who])
    return visits(day, scene.packs.item[pack], who, at, Cause.REFERRED, home=True, attack=Attack.A8)


def _invite(scene: Scene, account: NDArray[np.int64], at: NDArray[np.float64]) -> None:
    """Each but the first was invited by the one at half its place: chains of five among thirty."""
    place = np.arange(1, account.shape[1])
    scene.marks.referrals.append(Referrals(
        at=micros(at[:, 1:].ravel()), inviter=account[:, (place - 1) // 2].ravel(), invitee=account[:, 1:].ravel(),
        unlocked_at=np.zeros(account[:, 1:].size, dtype=np.int64),
    ))  # fmt: skip
