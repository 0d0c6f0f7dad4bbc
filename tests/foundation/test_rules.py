"""The rule language: what people may type, what it means, and what is refused with which sentence."""

from datetime import UTC
from decimal import Decimal

import pytest

from foundation.rules.ast import Declared, Kind, Type, Vocabulary
from foundation.rules.check import RuleNotUnderstood
from foundation.rules.explain import decisive, trace
from foundation.rules.jsonform import from_json, to_json
from foundation.rules.parse import parse
from foundation.rules.python import predicate
from foundation.rules.sentence import sentence
from foundation.rules.text import text_of

VOCABULARY = Vocabulary(
    {
        "region": Declared(Type(Kind.INT), "地区", "the region"),
        "price": Declared(Type(Kind.DECIMAL), "价格", "the price"),
        "gtin": Declared(Type(Kind.STRING), "商品", "the product"),
        "member.is_new": Declared(Type(Kind.BOOL), "新会员", "the member is new"),
        "member.tags": Declared(Type(Kind.STRING, many=True), "会员标签", "the member's tags"),
        "produced_on": Declared(Type(Kind.DATE), "生产日期", "the production date"),
        "at": Declared(Type(Kind.INSTANT), "扫码时间", "the time of the scan"),
    }
)


def says(text: str, **facts: object) -> bool:
    return predicate(parse(text, VOCABULARY))({name.replace("__", "."): value for name, value in facts.items()})


@pytest.mark.parametrize(
    ("text", "facts", "answer"),
    [
        ("region == 510100", {"region": 510100}, True),
        ("region == 510100", {}, False),
        ("region != 510100", {}, False),
        ("not region == 510100", {}, True),
        ("region not in [1, 2]", {}, False),
        ("not region in [1, 2]", {}, True),
        ("510000 <= region <= 510199", {"region": 510100}, True),
        ("510000 <= region < 510100", {"region": 510100}, False),
        ("region + 1 > 2 * 3", {"region": 6}, True),
        ("region + 1 > 2 * 3", {}, False),
        ("price * 3 == 0.3", {"price": Decimal("0.1")}, True),
        ("member.is_new", {"member__is_new": True}, True),
        ("not member.is_new", {}, True),
        ('"vip" in member.tags', {"member__tags": ["new", "vip"]}, True),
        ('"vip" not in member.tags', {}, False),
        ('contains(member.tags, "vip")', {"member__tags": [None, "vip"]}, True),
        ('contains(gtin, "6901")', {"gtin": "06901234567892"}, True),
        ('starts_with(gtin, "069")', {"gtin": "06901234567892"}, True),
        ("exists(gtin) and not exists(region)", {"gtin": ""}, True),
        ("true or region == 1", {}, True),
    ],
)
def test_a_rule_answers(text, facts, answer):
    assert says(text, **facts) is answer


def test_the_calendar_is_the_brands(now):
    late = now.replace(hour=23, minute=30)  # Monday night in Shanghai, afternoon in UTC.
    assert says("hour(at) == 23 and weekday(at) == 1 and month(at) == 6", at=late.astimezone(UTC))
    assert says(
        'at < instant("2026-06-02T00:00:00+08:00") and produced_on >= date("2026-05-01")',
        at=late,
        produced_on=now.date(),
    )


@pytest.mark.parametrize(
    ("text", "at", "sentence"),
    [
        ("region ==", 9, "Finish the expression"),
        ("regions == 1", None, "There is no fact 'regions'"),
        ('region == "x"', None, "int meets string"),
        ("region", None, "Write a condition here"),
        ("not price", None, "Write a condition here"),
        ("member.is_new < true", None, "== or != only"),
        ("region in []", None, "at least one value"),
        ("region in gtin", None, "Write a list after `in`"),
        ('region == 1 and gtin.upper() == "X"', 16, "These are known"),
        ("__import__('os').system('true')", 0, "These are known"),
        ("[r for r in [1]] == region", 0, "not part of the rule language"),
        ("(lambda: true)()", 0, "These are known"),
        ("region if true else false", 0, "not part of the rule language"),
        ("region / 2 == 1", 0, "Nothing is divided here"),
        ("price == 1e3", 9, "Write a whole number"),
        ("price == 1_0.5", 9, "Write a whole number"),
        ("region == None", 10, "Write a whole number"),
        ("region is 1", 0, "Use == != <"),
        ("区 == 1 and 地 is 2", 11, "Use == != <"),
        ('at == instant("2026-06-01T00:00:00")', 6, "instant("),
        ("hour(produced_on) == 1", None, "Use instant here"),
        ("region == 9223372036854775808", None, "64 bits"),
        ('gtin == "\\ud800"', None, "ordinary characters"),
        ("not " * 30 + "true", 96, "nested deeper"),
        ("(" * 300 + "true" + ")" * 300, 0, ""),
        ("region in [" + "1, " * 500 + "1]", None, "Split the rule"),
        ("x" * 5000, 4000, "at most 4000"),
        ("region == 1\0", None, "Finish the expression"),
    ],
)  # fmt: skip
def test_a_refusal_is_one_sentence_that_says_where(text, at, sentence):
    with pytest.raises(RuleNotUnderstood) as refused:
        parse(text, VOCABULARY)
    assert sentence in refused.value.detail
    assert refused.value.detail.count(". ") == 0
    if at is not None and sentence:
        assert refused.value.members["at"] == at


@pytest.mark.parametrize(
    "stored",
    [
        None,
        [],
        {},
        {"all": [{"bool": True}]},
        {"eq": [{"fact": "region"}]},
        {"eq": [{"fact": "region"}, {"int": True}]},
        {"eq": [{"fact": "price"}, {"decimal": "NaN"}]},
        {"eq": [{"fact": "price"}, {"decimal": "1e400"}]},
        {"eq": [{"fact": "price"}, {"decimal": 1.5}]},
        {"in": [{"fact": "region"}, {"list": [{"fact": "region"}]}]},
        {"exists": {"int": 1}},
        {"fact": "region"},
        {"fact": ["region"]},
        {"regex": [{"fact": "gtin"}, {"string": "(a+)+"}]},
        {"instant": "2026-06-01T00:00:00"},
        {"bool": True, "int": 1},
    ],
)
def test_stored_json_outside_the_table_is_refused(stored):
    with pytest.raises(RuleNotUnderstood):
        from_json(stored, VOCABULARY)


def test_deep_json_is_refused_before_it_is_walked():
    stored: dict = {"bool": True}
    for _ in range(10_000):
        stored = {"not": stored}
    with pytest.raises(RuleNotUnderstood):
        from_json(stored, VOCABULARY)


def test_the_trace_shows_the_leaf_that_failed_and_what_it_saw():
    rule = parse("510000 <= region <= 519999 and (member.is_new or price > 9.50)", VOCABULARY)
    found = trace(rule, {"region": 440100, "member.is_new": True})
    assert not found.matched
    assert [(leaf.text, leaf.saw) for leaf in decisive(found)] == [("510000 <= region <= 519999", {"region": 440100})]
    assert found.to_json()["parts"][1]["parts"][1] == {"text": "price > 9.50", "matched": False, "saw": {"price": None}}


def test_the_sentence_in_both_languages():
    rule = parse('region in [510100, 440100] and (member.is_new or not starts_with(gtin, "069"))', VOCABULARY)
    assert sentence(rule, VOCABULARY, "zh") == "地区属于510100、440100，并且（新会员，或者并非（商品以“069”开头））"
    assert sentence(rule, VOCABULARY, "en") == (
        'the region is one of 510100, 440100, and (the member is new, or not (the product starts with "069"))'
    )


def test_brackets_that_matter_survive_writing():
    for text in ("not (region == 1 and member.is_new)", "(region + 1) * 2 - (3 - region) == 0"):
        rule = parse(text, VOCABULARY)
        assert text_of(rule) == text
        assert from_json(to_json(rule), VOCABULARY) == rule
