"""Tiers on growth that is never spent; check-ins once a local day; all exactly once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest

from foundation.database import reading, transaction
from foundation.errors import BadRequest, Conflict
from foundation.facts import take
from loyalty import checkin, following, ledger, orders, tiers, wallet
from loyalty.accounts import Account, System
from loyalty.idempotency import Key
from loyalty.invariants import check_invariants
from loyalty.ledger import Post
from loyalty.orders import Order

LI = UUID(int=1)


def tier(tx):
    return tiers.standing(tx, LI).level.tier


def test_growth_promotes_at_once_and_spending_points_changes_nothing(tx, now):
    assert tiers.credit(tx, LI, key="a", growth=499, now=now) == "regular"
    assert tiers.credit(tx, LI, key="b", growth=1, now=now) == "silver"
    assert tiers.credit(tx, LI, key="b", growth=1, now=now) == "silver"
    found = tiers.standing(tx, LI)
    assert (found.qualifying, found.next[0].tier, found.next[1]) == (500, "gold", 2000)
    li = Account("member", str(LI))
    ledger.post(tx, [Post(Key("t", "1"), "award", System.ISSUER, li, 9, "first-scan")], now=now)
    ledger.post(tx, [Post(Key("t", "2"), "burn", li, System.REDEEMED, 9, "gift")], now=now)
    assert tier(tx) == "silver"
    assert check_invariants(tx) == []


def test_a_period_ends_one_level_lower_after_a_notice_that_names_the_gap(tx, now):
    tiers.credit(tx, LI, key="a", growth=2100, now=now)
    assert tier(tx) == "gold"
    end = now + timedelta(days=365)
    assert tiers.sweep(tx, now=end - timedelta(days=31)) == 0
    ledger.expire(tx, now=end + timedelta(days=2))
    take(tx)
    tiers.sweep(tx, now=end - timedelta(days=30))
    [told] = take(tx)
    assert (told.fact.kind, told.fact.body["gap"]) == ("tier.will_fall", {"growth": 2000})
    assert tier(tx) == "gold"
    tiers.sweep(tx, now=end)
    assert tier(tx) == "silver"
    assert [one.fact.body["to"] for one in take(tx)] == ["silver"]


def test_a_floor_holds_until_its_end(tx, now):
    tiers.give_floor(tx, LI, "diamond", until=now + timedelta(days=500), by="Zhao", reason="老客户", now=now)
    assert tier(tx) == "diamond"
    tiers.sweep(tx, now=now + timedelta(days=365))
    assert tier(tx) == "diamond"
    tiers.sweep(tx, now=now + timedelta(days=730))
    assert tier(tx) == "gold"
    with pytest.raises(BadRequest, match="A floor names"):
        tiers.give_floor(tx, LI, "emperor", until=now + timedelta(days=1), by="Zhao", reason="x", now=now)


def test_any_of_several_criteria_is_enough(tx, now):
    levels = [
        {"tier": "a", "zh": "甲", "en": "A", "needs": {}, "benefits": []},
        {"tier": "b", "zh": "乙", "en": "B", "needs": {"scans": 3, "spend_fen": 10_000}, "benefits": []},
    ]
    tiers.publish(tx, levels, by="Zhao", approved_by="Qian", now=now)
    assert [tiers.credit(tx, LI, key=str(n), growth=1, scans=1, now=now) for n in range(3)] == ["a", "a", "b"]
    with pytest.raises(Conflict):
        tiers.publish(tx, levels, by="Zhao", approved_by="Zhao", now=now)
    levels[1]["needs"] = {"luck": 1}
    with pytest.raises(BadRequest, match="luck"):
        tiers.publish(tx, levels, by="Zhao", approved_by="Qian", now=now)


def test_a_check_in_counts_once_a_local_day_and_builds_a_streak(tx, now):
    late = now.replace(hour=23, minute=59)
    days = [checkin.check_in(tx, LI, now=late + timedelta(minutes=at)) for at in (0, 0, 2)]
    assert [(one.points, one.streak, one.already) for one in days] == [(5, 1, False), (5, 1, True), (5, 2, False)]
    assert checkin.check_in(tx, LI, now=now + timedelta(days=5)).streak == 1
    assert wallet.balance(tx, LI, now=now).available == 15


def test_twenty_taps_at_once_are_one_check_in(database, now):
    def tap(_):
        with transaction(database) as tx:
            return checkin.check_in(tx, LI, now=now)

    with ThreadPoolExecutor(20) as pool:
        taps = list(pool.map(tap, range(20)))
    assert sorted(one.already for one in taps) == [False] + [True] * 19
    with reading(database) as tx:
        assert wallet.balance(tx, LI, now=now).available == 5


def test_orders_and_check_ins_count_once(tx, now):
    levels = [
        {"tier": "a", "zh": "甲", "en": "A", "needs": {}, "benefits": []},
        {"tier": "b", "zh": "乙", "en": "B", "needs": {"spend_fen": 10_000, "activity": 2}, "benefits": []},
        {"tier": "c", "zh": "丙", "en": "C", "needs": {"spend_fen": 20_000}, "benefits": []},
    ]
    tiers.publish(tx, levels, by="Zhao", approved_by="Qian", now=now)
    bought = Order("o-1", LI, now, 12_000)
    for _ in range(2):
        orders.place(tx, [bought], now=now)
    assert [following.follow(tx, now=now), following.follow(tx, now=now)] == [1, 0]
    assert tier(tx) == "b"
    wang = UUID(int=2)
    for at in (0, 0, 1):
        checkin.check_in(tx, wang, now=now + timedelta(days=at))
    assert following.follow(tx, now=now) == 2
    assert tiers.standing(tx, wang).level.tier == "b"
