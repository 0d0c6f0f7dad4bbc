"""The in-line judgement over a small season: the same decisions whatever the batches, and attackers it must see."""

from collections import Counter

import numpy as np
import pytest

from antifraud.params import Params
from antifraud.simulator.plan import Attack
from antifraud.simulator.visits import Cause
from benchmarks.inline import Season
from tests.antifraud.simulator.worlds import small


@pytest.fixture(scope="module")
def world():
    return small("all", scale=0.004)


@pytest.fixture(scope="module")
def decisions(world):
    season = Season(world.events, Params())
    return [decision for facts in season.batches(50) for decision in season.judge(facts)]


def test_batches_of_any_size_decide_the_same(world, decisions):
    season = Season(world.events, Params())
    alone = [decision for facts in season.batches(1) for decision in season.judge(facts)]
    said = [
        [(one.verdict, one.takes, one.hold, one.reasons, one.features) for one in some] for some in (alone, decisions)
    ]
    assert said[0] == said[1]


def test_who_takes_a_code_is_who_the_world_says_claimed_it(world, decisions):
    """The world settles claims by the plain rule; the judgement may refuse a claim, never give it to another."""
    takes = np.array([one.takes for one in decisions])
    scans = world.events.scans
    assert len(decisions) == len(scans)
    items = Counter(scans.item[takes].tolist())
    assert max(items.values()) == 1
    assert (takes & scans.claimed).sum() > 0.95 * scans.claimed.sum()


def test_guessers_who_go_on_are_slowed_down_and_honest_people_are_not(world, decisions):
    throttled = np.array([one.throttle for one in decisions])
    stubborn = np.isin(world.events.scans.network, _stubborn(world))
    assert throttled[stubborn].mean() > 0.9
    honest = world.truth.scans.attack == Attack.NONE
    assert throttled[honest].mean() < 0.002  # Who mistypes four times in a row; one in 40,000 scans.


def _stubborn(world):
    mine = world.events.scans.take(world.truth.scans.cause == Cause.GUESS)
    networks, tries = np.unique(mine.network, return_counts=True)
    return networks[tries > 100]


def test_a_canary_names_its_package(world, decisions):
    said = {reason.code for one in decisions for reason in one.reasons}
    assert {"HRV_ENUMERATION", "CLN_USERS_MANY"} <= said
    canaries = np.flatnonzero(world.events.scans.outcome == 4)
    assert all(any(reason.code == "PKG_LEAK" for reason in decisions[row].reasons) for row in canaries)
