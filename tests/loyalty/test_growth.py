"""Growth goes back with a refund and moves with a merge; the tier follows only where it must."""

from datetime import timedelta
from uuid import UUID

import pytest

from foundation.bulk import write_all
from foundation.ids import uuid7
from loyalty import campaigns, following, merging, orders, tiers
from loyalty.campaigns import Terms
from loyalty.drawing import Taken
from loyalty.invariants import check_invariants
from loyalty.members import Identifier, MemberKeys, identify
from loyalty.months import ensure_months
from loyalty.orders import Order

LI = UUID(int=1)
KEYS = MemberKeys(b"s" * 32, b"f" * 32)


@pytest.fixture
def shop(tx, now):
    """A point a yuan."""
    ensure_months(tx, now)
    award = {"kind": "per_yuan", "slices": [[0, "1"]]}
    terms = Terms("一元一分", "A point a yuan", "true", award, now, trigger="order")
    made = campaigns.draft_terms(tx, terms, budget_points=100_000, by=None, now=now)
    campaigns.publish(tx, made.id, made.version, now=now)


def buy(tx, id_, yuan, now, member=LI):
    [award] = orders.place(tx, [Order(id_, member, now, yuan * 100)], now=now)
    assert award.points == yuan


def tier(tx, member=LI):
    found = tiers.standing(tx, member)
    return found.level.tier, found.qualifying


def follow(tx, now):
    """Until nothing is left: a refund waits for what came before it."""
    while following.follow(tx, now=now):
        pass


def test_the_order_that_raised_the_tier_takes_it_down_again(tx, now, shop):
    buy(tx, "o-1", 400, now)
    buy(tx, "o-2", 200, now)
    follow(tx, now)
    assert tier(tx) == ("silver", 600)
    orders.refund(tx, "o-2", "r-1", 5_000, now=now)
    orders.refund(tx, "o-2", "r-1", 5_000, now=now)
    follow(tx, now)
    assert tier(tx) == ("silver", 550)
    orders.refund(tx, "o-2", "r-2", 15_000, now=now)
    follow(tx, now)
    assert tier(tx) == ("regular", 400)
    assert check_invariants(tx) == []


def test_an_order_that_raised_nothing_lowers_the_metric_alone(tx, now, shop):
    buy(tx, "o-1", 600, now)
    follow(tx, now)
    later = now + timedelta(days=1)
    buy(tx, "o-2", 100, later)
    follow(tx, later)
    orders.refund(tx, "o-2", "r-1", 10_000, now=later)
    orders.refund(tx, "o-1", "r-2", 1_000, now=later)
    follow(tx, later)
    assert tier(tx) == ("silver", 590)
    end = now + timedelta(days=365)
    tiers.sweep(tx, now=end)
    assert tier(tx)[0] == "silver"


def test_a_refund_that_overtakes_its_order_waits_for_it(tx, now, shop):
    buy(tx, "o-1", 600, now)
    orders.refund(tx, "o-1", "r-1", 60_000, now=now)
    assert following.follow(tx, now=now) == 1
    assert tier(tx) == ("silver", 600)
    assert following.follow(tx, now=now) == 1
    assert tier(tx) == ("regular", 0)


def test_a_floor_outlives_a_refund(tx, now, shop):
    buy(tx, "o-1", 600, now)
    follow(tx, now)
    tiers.give_floor(tx, LI, "silver", until=now + timedelta(days=9), by="Zhao", reason="老客户", now=now)
    orders.refund(tx, "o-1", "r-1", 60_000, now=now)
    follow(tx, now)
    assert tier(tx) == ("silver", 0)


def two(tx, now):
    stays = identify(tx, [Identifier("phone", "+8613800138000")], keys=KEYS, now=now)
    return stays, identify(tx, [Identifier("wechat_openid", "o-li")], keys=KEYS, now=now)


def test_a_merged_members_growth_and_tier_are_the_ones_who_stays(tx, now, shop):
    stays, goes = two(tx, now)
    buy(tx, "o-1", 300, now, member=stays)
    buy(tx, "o-2", 250, now, member=goes)
    follow(tx, now)
    assert (tier(tx, stays), tier(tx, goes)) == (("regular", 300), ("regular", 250))
    assert merging.merge(tx, stays=stays, goes=goes, keys=KEYS, now=now) == 250
    assert (tier(tx, stays), tier(tx, goes)) == (("silver", 550), ("regular", 0))
    assert check_invariants(tx) == []


def test_what_was_not_followed_yet_counts_for_who_they_are_today(tx, now, shop):
    stays, goes = two(tx, now)
    buy(tx, "o-1", 600, now, member=goes)
    merging.merge(tx, stays=stays, goes=goes, keys=KEYS, now=now)
    scan = Taken(uuid7(now), 7, 1, "06901234567892", goes, False, now)
    write_all(tx, following.scanned([scan], [5]), now=now)
    follow(tx, now)
    assert tier(tx, stays) == ("silver", 605)
    assert [merging.collect(tx, now=now), merging.collect(tx, now=now)] == [0, 0]


def test_the_higher_tier_is_kept_and_late_growth_collected(tx, now, shop):
    stays, goes = two(tx, now)
    tiers.give_floor(tx, goes, "gold", until=now + timedelta(days=9), by="Zhao", reason="老客户", now=now)
    merging.merge(tx, stays=stays, goes=goes, keys=KEYS, now=now)
    assert tier(tx, stays) == ("gold", 0)
    tiers.credit(tx, goes, key="late", growth=700, now=now)
    merging.collect(tx, now=now)
    assert (tier(tx, stays), tier(tx, goes)) == (("gold", 700), ("regular", 0))
    assert check_invariants(tx) == []
