"""A2: guesses codes. Knows their form, not the key, so every try carries a wrong tag.

Two ways: a campaign of 200 addresses with four to six tries each, half a try a minute, all by one program and from
one entry page; and single addresses that try hundreds. Nobody is signed in and nothing is located.
"""

import numpy as np

from antifraud.columns import Environment, Outcome
from antifraud.simulator.days import MINUTE
from antifraud.simulator.geography import country
from antifraud.simulator.people import DENIED
from antifraud.simulator.plan import Attack
from antifraud.simulator.reporting import GUESSERS_POOL
from antifraud.simulator.scene import Scene
from antifraud.simulator.visits import Cause, Visits, at_place, visits

ADDRESSES, TRIES = 200, (4, 7)
STUBBORN, MANY = 3, 300
GUESSER_NETWORK = 3_990_000_000


def act(scene: Scene) -> Visits:
    dice = scene.dice("A2")
    wide = scene.size(Attack.A2, ADDRESSES, 10)
    tries = np.concatenate([dice.integers(*TRIES, wide), np.full(STUBBORN, MANY)])
    who = scene.hire(
        dice, country().anywhere(dice, len(tries)), Attack.A2, signed_in=False, method=DENIED, pool=GUESSERS_POOL,
        network=GUESSER_NETWORK + np.arange(len(tries)), environment=Environment.DATACENTRE,
    )  # fmt: skip
    begun = dice.uniform(0.2, 0.8) * scene.parameters.days + dice.uniform(0, 2, len(tries))  # Two days.
    actor = np.repeat(np.arange(len(tries)), tries)
    rank = np.arange(len(actor)) - np.repeat(np.cumsum(tries) - tries, tries)
    day = begun[actor] + (2 * rank + dice.uniform(0, 0.5, len(actor))) * MINUTE
    people = scene.cast.people()
    at = at_place(dice, people.region[who[actor]], people.place[who[actor]])
    nothing = np.zeros(len(actor), dtype=np.int64)
    network = people.network[who[actor]]
    return visits(day, nothing, who[actor], at, Cause.GUESS, outcome=Outcome.BAD_TAG, network=network, attack=Attack.A2)
