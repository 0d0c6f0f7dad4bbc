"""The adversary library, short: what is found in line of each attack, so that a change that loses recall fails here."""

from dataclasses import replace

import pytest

from antifraud.lab.fused import Ruleset
from antifraud.lab.vocabulary import CATALOGUE
from antifraud.params import Params
from benchmarks.adversaries import compare, leaves
from foundation.rules.parse import parse
from foundation.rules.text import text_of
from tests.antifraud.lab.test_fused import rule
from tests.antifraud.simulator.worlds import small

# Shares of an attack's scans held, slowed down or calling a person, as measured; a night finds most of the rest.
IN_LINE = {"A1": 0.48, "A2": 0.95, "A3": 0.05, "A4": 1.0, "A6": 0.09, "A7": 0.05, "A10": 0.07}


@pytest.fixture(scope="module")
def world():
    return small("all", scale=0.004)


def ruled(text: str) -> Params:
    return Params(rules=Ruleset((rule("mine", text, score="clone"),)))


def test_no_attack_is_found_less_than_it_was(world):
    found = compare([world], Params(), Params(), None, nights=False)
    lost = {name: found["attacks"][name]["draft"] for name, least in IN_LINE.items()
            if found["attacks"][name]["draft"] < least}  # fmt: skip
    assert lost == {}
    assert found["honest"]["draft"] < 0.02


def test_a_rule_finds_more_and_the_cheapest_way_around_it_is_named(world):
    found = compare([world], Params(), ruled('people >= 3 and method in ["gps", "fuzzy"]'), "mine", nights=False)
    copies = found["attacks"]["A1"]
    assert copies["draft"] > copies["live"]
    assert copies["alone"] > 0.2
    assert copies["evasion"]["condition"] in ("people >= 3", 'method in ["gps", "fuzzy"]')
    assert copies["evasion"]["left"] == 0.0
    assert copies["evasion"]["changed"] == copies["alone"]
    assert found["attacks"]["A2"]["evasion"] is None


def test_a_weaker_rule_or_threshold_shows_as_recall_that_is_lost(world):
    weaker = compare([world], ruled("people >= 3"), ruled("people >= 9"), "mine", nights=False)["attacks"]["A1"]
    assert weaker["draft"] < weaker["live"]
    lax = compare([world], Params(), replace(Params(), users_many=50, users_spread=40), None, nights=False)
    assert lax["attacks"]["A1"]["draft"] < lax["attacks"]["A1"]["live"]


def test_every_condition_of_a_rule_is_tried():
    tree = parse('people >= 3 and not (claim or method == "gps")', CATALOGUE)
    ways = {text_of(leaf): text_of(without) for leaf, without in leaves(tree)}
    assert ways == {
        "people >= 3": 'false and not (claim or method == "gps")',
        "claim": 'people >= 3 and not (true or method == "gps")',
        'method == "gps"': "people >= 3 and not (claim or true)",
    }
