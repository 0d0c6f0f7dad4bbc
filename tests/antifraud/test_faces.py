"""Two codes on one bottle: what their order and their cases say, and that honest people are left alone."""

import json

import pytest

from antifraud.findings import Severity
from antifraud.reasons import describe
from codegen.identity import Face
from tests.antifraud.street import codes

SAME, OTHER = 49, 480  # Bottle 49 stands in the case of bottle 48; bottle 480 in another.


@pytest.fixture
def under_cap(street):
    return street.run(claim_face=Face.INNER)


def outer(street, run, item=48, who="Li", at_h=0.0, **how):
    return street.scan(who, item, run=run, at_h=at_h, **how)


def inner(street, run, item=48, who="Li", at_h=0.0, **how):
    return street.scan(who, item, run=run, face=Face.INNER, at_h=at_h, **how)


def test_an_outer_code_shows_and_the_one_under_the_cap_takes(street, under_cap):
    assert not outer(street, under_cap).takes
    taken = inner(street, under_cap)
    assert (taken.takes, taken.hold, codes(taken)) == (True, False, [])


def test_an_inner_code_before_any_outer_one_is_noted_once_and_calls_nobody(street, under_cap):
    first, second = inner(street, under_cap), inner(street, under_cap, at_h=1)
    assert codes(first) == ["FACE_INNER_FIRST"]
    assert (codes(second), first.alerts, first.takes) == ([], (), True)


def test_a_cap_on_another_bottle_calls_a_person_and_holds_nothing(street, under_cap):
    outer(street, under_cap, 48)
    moved = inner(street, under_cap, OTHER, at_h=0.1)
    assert "FACE_OTHER_CASE" in codes(moved)
    (alert,) = moved.alerts
    assert (alert.pivot, alert.severity, moved.hold) == (f"item:{OTHER}", Severity.MEDIUM, False)
    said = {language: describe(alert.reason.code, alert.reason.values, language) for language in ("zh", "en")}
    assert all("…" not in sentence and "6 " in sentence for sentence in said.values())


def test_the_other_order_says_the_same(street, under_cap):
    inner(street, under_cap, OTHER)
    assert "FACE_OTHER_CASE" in codes(outer(street, under_cap, 48, at_h=0.1))


@pytest.mark.parametrize(
    ("story", "story_of"),
    [
        ("one case", lambda s, r: [outer(s, r, 48), inner(s, r, SAME)]),
        ("eleven minutes", lambda s, r: [outer(s, r, 48), inner(s, r, OTHER, at_h=11 / 60)]),
        ("two phones", lambda s, r: [outer(s, r, 48), inner(s, r, OTHER, who="Wang")]),
        ("two bottles, one by one",
         lambda s, r: [outer(s, r, 48), inner(s, r, 48), outer(s, r, OTHER), inner(s, r, OTHER)]),
        ("two bottles, outer codes first",
         lambda s, r: [outer(s, r, 48), outer(s, r, OTHER), inner(s, r, 48), inner(s, r, OTHER)]),
        ("a bottle nobody packed", lambda s, r: [outer(s, r, 48, state=s.state(48, sscc=None)), inner(s, r, OTHER)]),
    ],
)  # fmt: skip
def test_honest_stories_call_nobody(street, under_cap, story, story_of):
    said = [code for decision in story_of(street, under_cap) for code in codes(decision)]
    assert "FACE_OTHER_CASE" not in said, story


def test_runs_with_one_code_keep_no_row_for_the_phone(street):
    street.scan("Li", 48)
    street.scan("Li", OTHER, at_h=0.1)
    assert [subject for subject in street.evidence.rows if subject.startswith("device:")] == []


def test_a_phone_that_guessed_and_was_forgiven_keeps_its_bottles(street, under_cap):
    outer(street, under_cap, 48)
    street.guess("Li", "A")
    for at in range(1, 4):
        street.scan("Li", 48 + at, at_h=0.01 * at)  # Good scans: the guess is forgotten, not the outer code.
    row = street.evidence.rows["device:Li's phone"]
    assert [kept[:2] for kept in row["faces"]] == [[0, 48]]
    assert "FACE_OTHER_CASE" in codes(inner(street, under_cap, OTHER, at_h=0.1))


def test_a_phone_keeps_eight_at_most(street, under_cap):
    for item in range(48, 72):
        outer(street, under_cap, item)
    row = street.evidence.rows["device:Li's phone"]
    assert len(row["faces"]) == 8
    assert len(json.dumps(row)) < 600
