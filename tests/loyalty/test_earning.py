"""Points for a first scan: once per item, from a budget that ends, held when in doubt, explained always."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from foundation.errors import BadRequest, Conflict
from foundation.ids import uuid7
from foundation.rules.check import RuleNotUnderstood
from loyalty import campaigns, earning, holding, wallet
from loyalty.earning import EarnRequest
from loyalty.invariants import check_invariants

LI, WANG = UUID(int=1), UUID(int=2)


def scan(item, now, *, member=LI, hold=False, **facts):
    return EarnRequest(uuid7(now), item, "06901234567892", 1, member, hold, "far-away" if hold else "", now, facts)


def campaign(tx, now, *, rule="true", points=10, budget=1_000_000, **terms):
    made = campaigns.draft(
        tx, name_zh="开盖有礼", name_en="Open and win", rule=rule, points=points, budget_points=budget, starts_at=now,
        now=now, **terms,
    )  # fmt: skip
    return campaigns.publish(tx, made.id, 1, now=now)


@pytest.fixture(autouse=True)
def _books_stay_true(tx):
    yield
    assert check_invariants(tx) == []


def test_a_first_scan_is_credited_and_a_second_gets_the_same_answer(tx, now):
    one = campaign(tx, now)
    first = scan(7, now)
    [award] = earning.reward(tx, [first], now=now)
    assert (award.points, award.state, award.campaign_id, award.rule_version) == (10, "credited", one.id, 1)
    [again] = earning.reward(tx, [replace(first, scan_id=uuid7(now))], now=now)
    assert again == award
    [other] = earning.reward(tx, [scan(7, now, member=WANG)], now=now)
    assert (other.points, other.state, other.reason) == (0, "none", "already-rewarded")
    assert wallet.balance(tx, LI, now=now) == wallet.Wallet(10, 0, 0)
    assert wallet.balance(tx, WANG, now=now) == wallet.Wallet(0, 0, 0)


def test_an_item_twice_in_one_batch_is_the_earlier_scans(tx, now):
    campaign(tx, now)
    awards = earning.reward(tx, [scan(7, now), scan(8, now), scan(7, now), scan(7, now, member=WANG)], now=now)
    assert [award.state for award in awards] == ["credited", "credited", "credited", "none"]
    assert awards[0] == awards[2]
    assert wallet.balance(tx, LI, now=now).available == 20


def test_doubtful_points_are_seen_at_once_and_spent_after_the_case(tx, now):
    campaign(tx, now)
    kept, lost = scan(7, now, hold=True), scan(8, now, hold=True)
    awards = earning.reward(tx, [kept, lost], now=now)
    assert [(award.state, award.reason) for award in awards] == [("held", "far-away")] * 2
    assert wallet.balance(tx, LI, now=now) == wallet.Wallet(0, 20, 0)
    open_holds = holding.holds_of(tx, [kept.scan_id, lost.scan_id])
    holding.settle(tx, open_holds[kept.scan_id], reason="honest", now=now)
    holding.void_hold(tx, open_holds[lost.scan_id], reason="copy", now=now)
    assert wallet.balance(tx, LI, now=now) == wallet.Wallet(10, 0, 0)
    assert holding.holds_of(tx, [kept.scan_id, lost.scan_id]) == {}
    shown = [(one.kind, one.points, one.is_pending) for one in wallet.history(tx, LI)]
    assert sorted(shown) == [("hold", 10, True), ("hold", 10, True), ("settle", 10, False), ("void", -10, True)]


def test_the_last_points_of_a_budget_are_given_and_then_it_says_so(tx, now):
    campaign(tx, now, budget=25)
    awards = earning.reward(tx, [scan(item, now) for item in range(4)], now=now)
    assert [award.reason for award in awards] == ["first-scan"] * 2 + ["budget-exhausted"] * 2
    [kept] = earning.reward(tx, [scan(3, now)], now=now)
    assert (kept.points, kept.state, kept.reason) == (0, "none", "budget-exhausted")


def test_repeats_do_not_drain_the_budget(tx, now):
    campaign(tx, now, budget=20)
    for _ in range(5):
        earning.reward(tx, [scan(1, now)], now=now)
    [award] = earning.reward(tx, [scan(2, now)], now=now)
    assert award.state == "credited"


def test_the_rule_decides_and_the_trace_says_why(tx, now):
    campaign(tx, now, rule="province == 510000 and hour(at) < 18 and weekday == 1", points=5)
    chengdu, lhasa = earning.reward(tx, [scan(1, now, province=510000), scan(2, now, province=540000)], now=now)
    assert chengdu.state == "credited"
    assert (lhasa.state, lhasa.reason) == ("none", "no-rule-matched")
    [tried] = lhasa.explain["tried"]
    assert tried["parts"][0] == {"text": "province == 510000", "matched": False, "saw": {"province": 540000}}


def test_no_campaign_is_an_answer_too(tx, now):
    [award] = earning.reward(tx, [scan(1, now)], now=now)
    assert (award.state, award.reason) == ("none", "no-campaign")
    assert earning.reward(tx, [], now=now) == []


def test_the_higher_priority_wins_and_windows_are_kept(tx, now):
    campaign(tx, now, points=1)
    campaign(tx, now, points=9, priority=5, ends_at=now + timedelta(hours=1))
    early, late, before = earning.reward(
        tx, [scan(1, now), scan(2, now + timedelta(hours=1)), scan(3, now - timedelta(seconds=1))], now=now
    )
    assert (early.points, late.points, before.reason) == (9, 1, "no-campaign")


def test_the_version_in_force_at_the_scan_applies(tx, now):
    one = campaign(tx, now, points=1)
    later = now + timedelta(days=1)
    campaigns.revise(tx, one.id, points=2, now=later)
    with pytest.raises(Conflict):
        campaigns.revise(tx, one.id, points=3, now=later)
    campaigns.publish(tx, one.id, 2, now=later)
    old, new = earning.reward(tx, [scan(1, later - timedelta(seconds=1)), scan(2, later)], now=later)
    assert [(old.points, old.rule_version), (new.points, new.rule_version)] == [(1, 1), (2, 2)]
    campaigns.retire(tx, one.id, now=later + timedelta(days=1))
    [none] = earning.reward(tx, [scan(3, later + timedelta(days=1))], now=later + timedelta(days=1))
    assert none.reason == "no-campaign"


def test_a_published_version_cannot_be_changed(tx, now):
    one = campaign(tx, now)
    with pytest.raises(DBAPIError, match="publish a new version"), tx.begin_nested():
        tx.execute(text("UPDATE campaigns SET points = 99 WHERE id = :id"), {"id": one.id})
    assert one.rule_text == "true"
    assert one.rule_sentence("en") == "true"


@pytest.mark.parametrize(
    ("terms", "problem"),
    [
        ({"rule": "provinces == 1"}, RuleNotUnderstood),
        ({"points": 0}, BadRequest),
        ({"budget": 0}, BadRequest),
        ({"expiry_policy": "days:x"}, BadRequest),
        ({"ends_at": "start"}, BadRequest),
    ],
)
def test_a_campaign_that_cannot_be_is_refused(tx, now, terms, problem):
    terms = {name: now if value == "start" else value for name, value in terms.items()}
    with pytest.raises(problem):
        campaign(tx, now, **terms)


def test_a_batch_costs_two_statements_whatever_its_size(database, now):
    with database.begin() as tx:
        campaign(tx, now)
    seen = []
    event.listen(database, "before_cursor_execute", lambda *call: seen.append(call[2]))
    for size in (1, 64):
        members = [UUID(int=at + 1) for at in range(size)]
        for turn in (1, 2):  # The first scans of members open their accounts.
            with database.begin() as tx:
                scans = [scan(size * 1000 * turn + at, now, member=member) for at, member in enumerate(members)]
                seen.clear()
                assert {award.state for award in earning.reward(tx, scans, now=now)} == {"credited"}
        assert len(seen) == 2
