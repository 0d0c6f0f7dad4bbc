"""The fused function says of every rule what the plain predicate says, and a rule that fails harms nobody."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antifraud.decision import Params
from antifraud.findings import Severity
from antifraud.lab import vocabulary
from antifraud.lab.fused import Effect, Rule, Ruleset, fuse
from antifraud.lab.vocabulary import CATALOGUE
from antifraud.reasons import describe
from foundation.rules.check import RuleNotUnderstood
from foundation.rules.parse import parse
from foundation.rules.python import predicate
from tests.antifraud.street import Street, codes

NAMES = ("people", "carton", "verdict", "reasons", "claim", "hour")
LEAVES = st.sampled_from([
    "people >= 3", "people + hour > 9", "carton * 2 > 1.0", "carton + people >= 3.5", "2 <= people <= 4",
    'verdict in ["claimed", "genuine"]', 'verdict not in ["claimed"]', 'contains(reasons, "CLN_USERS_MANY")',
    '"CLN_USERS_MANY" in reasons', 'starts_with(verdict, "gen")', "exists(carton)", "claim", "claim == false", "true",
    "hour in [1, 2, 3]", "people * hour - 3 < people", 'contains(verdict, "ed")', "carton == 0.5",
])  # fmt: skip
RULES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]} and {pair[1]})"),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]} or {pair[1]})"),
        inner.map(lambda one: f"(not {one})"),
    ),
    max_leaves=6,
)
FACTS = st.fixed_dictionaries(
    {
        "people": st.none() | st.integers(0, 6),
        "carton": st.none() | st.sampled_from([Decimal("0.5"), Decimal("0.93"), 0]),
        "verdict": st.none() | st.sampled_from(["claimed", "genuine", "unknown"]),
        "reasons": st.none() | st.lists(st.sampled_from(["CLN_USERS_MANY", "ADMIN_INACTIVE"])),
        "claim": st.none() | st.booleans(),
        "hour": st.none() | st.integers(0, 23),
    }
)


@settings(max_examples=300)
@given(st.lists(RULES, min_size=1, max_size=5), FACTS)
def test_fused_rules_answer_like_each_alone(texts, facts):
    trees = [parse(text, CATALOGUE) for text in texts]
    fused = fuse(trees, NAMES)
    assert fused(*[facts[name] for name in NAMES]) == [at for at, tree in enumerate(trees) if predicate(tree)(facts)]


def rule(slug: str, text: str, **effect) -> Rule:
    usual = {"score": "abuse", "weight": 1.0, "severity": Severity.MEDIUM, "hold": True}
    return Rule(slug, 1, parse(text, CATALOGUE), Effect(**usual | effect), "夜间领奖", "Claims at night")


def street_of(now, *rules: Rule) -> Street:
    return Street(now, Params(rules=Ruleset(rules)))


def test_a_live_rule_holds_the_reward_and_calls_a_person(now):
    street = street_of(now, rule("many-people", "people >= 2 and claim", score="clone"))
    assert codes(street.scan("Li")) == []
    second = street.scan("Wang", at_h=1, state=street.state(48, claimed_by=None))
    assert (codes(second), second.hold, second.hold_reason) == (["RULE_MANY_PEOPLE"], True, "RULE_MANY_PEOPLE")
    (alert,) = second.alerts
    assert (alert.pivot, alert.severity) == ("item:48", Severity.MEDIUM)
    assert second.contributions == {"RULE_MANY_PEOPLE": 1.0}
    assert "Claims at night" in describe(alert.reason.code, alert.reason.values, "en")
    assert "many-people 第 1 版" in describe(alert.reason.code, alert.reason.values, "zh")


def test_a_weight_alone_and_a_muted_rule_stop_nobody(now):
    weight = street_of(now, rule("a", "claim", severity=None, hold=False)).scan("Li")
    muted = street_of(now, Rule("a", 1, parse("claim", CATALOGUE), Effect("abuse", 1, Severity.HIGH, True), muted=True))
    for decision in (weight, muted.scan("Li")):
        assert (codes(decision), decision.hold, decision.alerts) == (["RULE_A"], False, ())


def test_the_version_of_a_decision_names_its_rules(now):
    plain, one = Params(), Params(rules=Ruleset((rule("a", "claim"),)))
    again = Params(rules=Ruleset((rule("a", "claim"),)))
    other = Params(rules=Ruleset((rule("a", "claim", weight=2.0),)))
    assert one.version == again.version
    assert one.version.startswith(plain.version + "-")
    assert len({plain.version, one.version, other.version}) == 3


def test_a_rule_that_fails_contributes_nothing_and_is_named_in_the_evidence(now, monkeypatch):
    """A snapshot with a text where a number belongs makes the rule's sum raise."""
    read = vocabulary.of_decision
    broken = {"people": "three", "places": 1}
    monkeypatch.setattr(vocabulary, "of_decision", lambda *args: replace(read(*args), features=broken))
    decision = street_of(now, rule("odd", "places + people > 1"), rule("other", "claim")).scan("Li")
    assert decision.verdict == "genuine"
    assert codes(decision) == ["RULE_OTHER"]
    assert decision.features["rules_failed"] == ["odd"]


@pytest.mark.parametrize("text", ["people / places > 2", "people // 0 == 1", "people % 2 == 0"])
def test_a_rule_that_divides_is_refused_with_what_to_write_instead(text):
    with pytest.raises(RuleNotUnderstood, match="might be by zero: write a >= 2"):
        parse(text, CATALOGUE)
