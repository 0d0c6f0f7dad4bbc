"""Members are told before points and coupons lapse: once a month of lots, once a coupon."""

from datetime import timedelta
from uuid import UUID

import pytest

from foundation.facts import take
from loyalty import coupons, ledger, members, notices
from loyalty.accounts import Account, System
from loyalty.idempotency import Key
from loyalty.ledger import Post
from loyalty.members import MemberKeys

KEYS = MemberKeys(b"s" * 32, b"f" * 32)
TERMS = {"kind": "fixed", "off_fen": 500, "days": 10}


@pytest.fixture
def li(tx, now):
    return members.find_or_create(tx, phone="13812345678", keys=KEYS, now=now)


def earn(tx, member, points, until, now):
    target = Account("member", str(member))
    post = Post(Key("t", f"{member} {until}"), "award", System.ISSUER, target, points, "x", until)
    ledger.post(tx, [post], now=now)


def seen(tx):
    return [(one.kind, one.about, one.amount, str(one.due_on)) for one in notices.waiting(tx)]


def test_a_month_of_lots_is_told_once_and_whole(tx, now, li):
    earn(tx, li, 10, "on:2026-07-10", now)
    earn(tx, li, 5, "on:2026-07-31", now)
    earn(tx, li, 7, "on:2026-08-31", now)
    earn(tx, li, 3, "never", now)
    early = now + timedelta(days=8)
    assert notices.sweep(tx, now=early) == 0
    at = now + timedelta(days=10)
    assert [notices.sweep(tx, now=at), notices.sweep(tx, now=at)] == [1, 0]
    assert seen(tx) == [("points", "2026-07", 15, "2026-07-10")]
    [told] = [one.fact for one in take(tx) if one.fact.kind == "points.expiring"]
    assert (told.body["points"], told.body["last_day"]) == (15, "2026-07-10")
    later = now + timedelta(days=62)
    ledger.expire(tx, now=later)
    assert [notices.sweep(tx, now=later), notices.sweep(tx, now=later)] == [1, 0]
    assert [one.about for one in notices.waiting(tx)] == ["2026-07", "2026-08"]


def test_spent_lapsed_and_erased_points_are_told_of_by_nobody(tx, now, li):
    earn(tx, li, 10, "days:5", now)
    burn = Post(Key("t", "burn"), "burn", Account("member", str(li)), System.REDEEMED, 10, "gift")
    ledger.post(tx, [burn], now=now)
    earn(tx, UUID(int=9), 10, "days:6", now)
    assert notices.sweep(tx, now=now) == 0
    earn(tx, li, 8, "days:7", now)
    assert notices.sweep(tx, now=now + timedelta(days=9)) == 0
    assert notices.sweep(tx, now=now) == 1
    assert members.erase(tx, li, now=now)["deleted"]["notices"] == 1
    assert notices.waiting(tx) == []


def test_a_coupon_is_told_of_once(tx, now, li):
    made = coupons.issue(tx, member_id=li, terms=TERMS, source="win:1", key=b"k" * 32, now=now)
    for _ in range(2):
        coupons.sweep(tx, now=now + timedelta(days=8))
    assert seen(tx) == [("coupon", str(made.id), 0, "2026-06-11")]
    [one] = notices.waiting(tx)
    notices.told(tx, one.id, "sent", now=now)
    notices.told(tx, one.id, "unwanted", now=now)
    assert notices.waiting(tx) == []
