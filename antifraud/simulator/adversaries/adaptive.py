"""A10: has read every published threshold (antifraud.params, and those below) and stays a tenth under each.

Copies so few packs of a code that too few people meet; guesses until one try before the alarm and then scans a good
code; has collectors who are slow, take two caps a carton and stop for the day in time; and a dealer who splits cartons
and sends no target the number that brings an inspector. Truth: as of the attack each imitates, under A10.
"""

import math

import numpy as np
from numpy.typing import NDArray

from antifraud.columns import Outcome
from antifraud.evidence import Sprt
from antifraud.params import Params
from antifraud.simulator.adversaries import cloner, diverter
from antifraud.simulator.adversaries.pace import capped, sittings
from antifraud.simulator.days import MINUTE
from antifraud.simulator.geography import country
from antifraud.simulator.people import GPS
from antifraud.simulator.plan import Attack
from antifraud.simulator.scene import Ground, Scene
from antifraud.simulator.truth import CLONED
from antifraud.simulator.visits import Cause, Visits, at_place, joined, visits

UNDER = 0.9
TEN_MINUTES, A_DAY = 10, 30  # R-P1: scans of one user.
MIX_OF_20 = 14  # R-H2: distinct cartons among the last twenty.
TASK_CARTONS = 3  # An inspector comes at so many.
CODES, CAPS, ACCOUNTS, GUESSERS, DEALERS = 60, 3_000, 8, 40, 2

Whole = NDArray[np.int64]


def below(limit: float) -> int:
    """The most that is still a tenth under a limit."""
    return max(1, math.floor(limit * UNDER))


def tamper(ground: Ground) -> None:
    dice = ground.dice("A10 dealers")
    for dealer in diverter.dealers_of_size(ground, dice, ground.size(Attack.A10, DEALERS)):
        before = ground.marks.diverted > 0
        diverter.divert(ground, dice, dealer, 0.1, diverter.Style.THIN, attack=Attack.A10, targets=12)
        _thin(ground, np.flatnonzero((ground.marks.diverted > 0) & ~before))


def _thin(ground: Ground, chosen: Whole) -> None:
    """Take back whatever is beyond the number for each target."""
    made, marks, most = ground.supply, ground.marks, below(TASK_CARTONS)
    for target in np.unique(marks.diverted[chosen]).tolist():
        too_many = chosen[marks.diverted[chosen] == target][most:]
        marks.diverted[too_many] = marks.attack[too_many] = 0
        marks.share[too_many], made.share_first[too_many] = 0.0, 1.0


def act(scene: Scene) -> Visits:
    return joined([_copies(scene), _guesses(scene), _caps(scene)])


def _copies(scene: Scene) -> Visits:
    """So few packs carry one code that even if all are scanned, too few people are met."""
    dice, n = scene.dice("A10 copies"), scene.size(Attack.A10, CODES, 4)
    copies = np.full(n, below(Params().users_spread))
    pack, since = cloner.bought(scene, dice, n)
    scene.mark(scene.packs.item[pack], Attack.A10, since, kind=CLONED, packs=copies + 1)
    national = np.ones(n, dtype=bool)
    return cloner.copied(scene, dice, Attack.A10, Cause.EVADING, pack, since, copies, national)


def _guesses(scene: Scene) -> Visits:
    """As many wrong codes as the sequential test lets pass, from phones that are never used again."""
    dice, params = scene.dice("A10 guesses"), Params()
    test = Sprt(params.honest_invalid, params.guesser_invalid, params.enumeration_alpha, params.enumeration_beta)
    tries = below(test.alarm / math.log(test.p1 / test.p0))
    crew = scene.hire(dice, country().anywhere(dice, scene.size(Attack.A10, GUESSERS, 4)), Attack.A10, signed_in=False)
    who = np.repeat(crew, tries)
    begun = np.repeat(dice.uniform(20, 100, len(crew)), tries)
    day, people = begun + dice.uniform(0, 30, len(who)) * MINUTE, scene.cast.people()
    at = at_place(dice, people.region[who], people.place[who])
    nothing = np.zeros(len(who), dtype=np.int64)
    return visits(day, nothing, who, at, Cause.EVADING, outcome=Outcome.BAD_TAG, home=True, attack=Attack.A10)


def _caps(scene: Scene) -> Visits:
    """Two caps a carton, so that twenty scans meet ten cartons; slower and fewer than the limits of one user."""
    dice = scene.dice("A10 caps")
    pack, opened = scene.caps(dice, 12 * scene.size(Attack.A10, CAPS, 40))
    pairs = _two_of_each(scene.packs.carton[pack])[: scene.size(Attack.A10, CAPS, 40) // 2]
    pack, opened = pack[pairs].ravel(), np.repeat(opened[pairs].max(axis=1), 2)
    crew = scene.hire(dice, country().anywhere(dice, scene.size(Attack.A10, ACCOUNTS, 2)), Attack.A10, method=GPS)
    actor = np.repeat(np.arange(len(pairs)) % len(crew), 2)
    day = capped(actor, np.floor(opened) + 2, below(A_DAY))
    slow = 600 / below(TEN_MINUTES) + 1
    day = sittings(actor, day, 12.0, slow)
    scene.mark(scene.packs.item[pack], Attack.A10, day)
    who, people = crew[actor], scene.cast.people()
    at = at_place(dice, people.region[who], people.place[who])
    return visits(day, scene.packs.item[pack], who, at, Cause.EVADING, home=True, attack=Attack.A10)


def _two_of_each(carton: Whole) -> Whole:
    """(n, 2) rows that hold one carton each; at most below(MIX_OF_20) cartons meet in twenty scans that way."""
    assert below(MIX_OF_20) >= 10
    order = np.argsort(carton, kind="stable")
    first = np.flatnonzero(np.append(True, np.diff(carton[order]) != 0))
    twice = first[np.append(np.diff(first), len(order) - first[-1:]) >= 2] if len(first) else first
    return np.stack([order[twice], order[twice + 1]], axis=1) if len(twice) else np.empty((0, 2), dtype=np.int64)
