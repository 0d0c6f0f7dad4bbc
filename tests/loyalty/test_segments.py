"""Segments: rules over members kept up by a sweep, the same in Python and in whatever asks by name."""

from datetime import timedelta

import pytest

from foundation.errors import BadRequest
from foundation.facts import take
from foundation.ids import uuid7
from foundation.rules.check import RuleNotUnderstood
from loyalty import campaigns, earning, ledger, members, orders, rewards, segments, standings
from loyalty.accounts import Account, System
from loyalty.earning import EarnRequest
from loyalty.idempotency import Key
from loyalty.ledger import Post
from loyalty.members import MemberKeys
from loyalty.months import ensure_months
from loyalty.orders import Order
from loyalty.segments import SegmentMoved

KEYS = MemberKeys(b"s" * 32, b"f" * 32)


@pytest.fixture
def li(tx, now):
    ensure_months(tx, now)
    return members.find_or_create(tx, phone="13812345678", keys=KEYS, now=now - timedelta(days=40))


@pytest.fixture
def wang(tx, li, now):
    return members.find_or_create(tx, phone="13812345679", keys=KEYS, now=now)


def published(tx, now, name, rule):
    made = segments.draft(tx, name=name, name_zh="分群", name_en="Segment", rule=rule, by="Zhao", now=now)
    return segments.publish(tx, name, made.version, by="Qian", now=now)


def scan(tx, member, item, now):
    asked = EarnRequest(uuid7(now), item, "06901234567892", 1, member, False, "", now, {})
    [award] = earning.reward(tx, [asked], now=now)
    return award.points


def test_members_come_and_go_and_both_is_told(tx, now, li, wang):
    published(tx, now, "buyers", "orders_30d >= 2 and spend_fen >= 20000")
    published(tx, now, "newcomers", "joined_days < 7")
    assert segments.sweep(tx, now=now) == 1
    for n in range(2):
        orders.place(tx, [Order(f"o-{n}", li, now, 10_000)], now=now)
    take(tx)
    assert [segments.sweep(tx, now=now), segments.sweep(tx, now=now)] == [1, 0]
    assert (segments.of_member(tx, li), segments.of_member(tx, wang)) == (["buyers"], ["newcomers"])
    [told] = [one.fact for one in take(tx) if one.fact.kind == "segments.changed"]
    assert (told.body["from"], told.body["to"]) == ([], ["buyers"])
    assert segments.sweep(tx, now=now + timedelta(days=31)) == 2
    assert (segments.of_member(tx, li), segments.of_member(tx, wang)) == ([], [])


def test_scans_of_the_last_month_and_days_since_are_known(tx, now, li, wang):
    published(tx, now, "active", "scans_30d > 3 or days_since_scan == 0 and scans == 2")
    for n in range(4):
        scan(tx, li, n, now - timedelta(days=n))
    for n in range(2):
        scan(tx, wang, 10 + n, now)
    segments.sweep(tx, now=now)
    assert (segments.of_member(tx, li), segments.of_member(tx, wang)) == (["active"], ["active"])
    segments.sweep(tx, now=now + timedelta(days=28))
    assert (segments.of_member(tx, li), segments.of_member(tx, wang)) == ([], [])


def test_an_earn_rule_and_a_reward_are_for_a_segment_alone(tx, now, li, wang):
    published(tx, now, "veterans", "joined_days >= 30")
    made = campaigns.draft(
        tx, name_zh="老友", name_en="Veterans", rule='"veterans" in segments', points=9, budget_points=100,
        starts_at=now, now=now,
    )  # fmt: skip
    campaigns.publish(tx, made.id, made.version, now=now)
    segments.sweep(tx, now=now)
    assert (scan(tx, li, 1, now), scan(tx, wang, 2, now)) == (9, 0)
    cup = rewards.draft(
        tx,
        kind="goods",
        name_zh="杯",
        name_en="Cup",
        points=5,
        segments=["veterans"],
        starts_at=now,
        by="Zhao",
        now=now,
    )
    rewards.publish(tx, cup.id, by="Qian", now=now)
    for who in (li, wang):
        post = Post(Key("t", str(who)), "award", System.ISSUER, Account("member", str(who)), 50, "x")
        ledger.post(tx, [post], now=now)
    got = [
        rewards.redeem(tx, uuid7(now), reward_id=cup.id, member_id=who, coupon_key=b"k" * 32, now=now)
        for who in (li, wang)
    ]
    assert [(one.state, one.reason) for one in got] == [("requested", ""), ("refused", "segment")]
    assert [rewards.offers(tx, who, now=now)[0].why_not for who in (li, wang)] == ["", "segment"]


def test_a_new_version_takes_over_and_a_retired_one_empties(tx, now, li):
    published(tx, now, "all", "joined_days >= 0")
    segments.sweep(tx, now=now)
    second = published(tx, now, "all", "joined_days > 1000")
    assert (second.version, [one.version for one in segments.in_force(tx)]) == (2, [2])
    segments.sweep(tx, now=now)
    assert segments.of_member(tx, li) == []
    assert segments.retire(tx, "all", by="Zhao", now=now)
    assert not segments.retire(tx, "all", by="Zhao", now=now)


def test_what_is_no_segment_is_refused(tx, now):
    with pytest.raises(RuleNotUnderstood, match="luck"):
        segments.draft(tx, name="x", name_zh="x", name_en="x", rule="luck > 1", by="Zhao", now=now)
    with pytest.raises(BadRequest, match="letters, digits"):
        segments.draft(tx, name="有钱人", name_zh="x", name_en="x", rule="true", by="Zhao", now=now)
    made = segments.draft(tx, name="x", name_zh="众", name_en="All", rule="20 <= age <= 30", by="Zhao", now=now)
    assert made.rule_text == "20 <= age <= 30"
    with pytest.raises(SegmentMoved, match="Another person"):
        segments.publish(tx, "x", 1, by="Zhao", now=now)
    standings.set_segments(tx, uuid7(now), ["x"])


def test_a_draft_is_listed_beside_what_is_in_force_and_foreseen(tx, now, li, wang):
    assert (segments.latest(tx), segments.counts(tx)) == ([], {})
    old = segments.draft(tx, name="old", name_zh="旧", name_en="Old", rule="joined_days > 5", by="Zhao", now=now)
    segments.publish(tx, "old", old.version, by="Qian", now=now)
    segments.sweep(tx, now=now)
    made = segments.draft(tx, name="old", name_zh="旧", name_en="Old", rule="joined_days >= 0", by="Zhao", now=now)
    assert [(one.version, one.state) for one in segments.latest(tx)] == [(2, "draft"), (1, "published")]
    assert segments.counts(tx) == {"old": 1}
    assert [segments.foresee(tx, one.rule, now=now) for one in (made, old)] == [(2, 2), (1, 2)]
