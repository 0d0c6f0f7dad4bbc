"""What a tier gives is applied: cheaper rewards, free delivery, a bonus on scans, a gift on the birthday."""

from datetime import timedelta
from uuid import UUID

import pytest

from foundation.bulk import write_all
from foundation.errors import BadRequest
from foundation.ids import uuid7
from loyalty import (
    benefits,
    calendar,
    campaigns,
    earning,
    following,
    ledger,
    members,
    occasions,
    reversing,
    rewards,
    tiers,
    wallet,
)
from loyalty.accounts import Account, System
from loyalty.benefits import Benefits
from loyalty.drawing import Taken
from loyalty.earning import EarnRequest
from loyalty.idempotency import Key
from loyalty.invariants import check_invariants
from loyalty.ledger import Post
from loyalty.members import MemberKeys
from loyalty.months import ensure_months

LI = UUID(int=1)


def raised(tx, member, tier, now):
    tiers.give_floor(tx, member, tier, until=now + timedelta(days=900), by="Zhao", reason="老客户", now=now)


def rich(tx, member, now, points=1000):
    post = Post(Key("t", str(member)), "award", System.ISSUER, Account("member", str(member)), points, "first-scan")
    ledger.post(tx, [post], now=now)


@pytest.mark.parametrize(
    ("words", "gives"),
    [
        ([], Benefits()),
        (["hotline", "priority", "monthly-gift"], Benefits()),
        (["discount:5", "multiplier:150", "birthday:88", "free-delivery"], Benefits(5, 150, 88, True)),
        (["discount:95", "luck:3", "multiplier:100", "birthday:"], Benefits()),
    ],
)
def test_words_become_what_applies(words, gives):
    assert benefits.read(words) == gives


@pytest.mark.parametrize("word", ["discount:0", "discount:91", "discount:5%", "multiplier:100", "luck", "birthday:-1"])
def test_a_scheme_with_a_word_that_means_nothing_is_refused(tx, now, word):
    levels = [{"tier": "a", "zh": "甲", "en": "A", "needs": {}, "benefits": [word]}]
    with pytest.raises(BadRequest, match="no benefit of a tier"):
        tiers.publish(tx, levels, by="Zhao", approved_by="Qian", now=now)


def test_a_reward_costs_less_is_sent_for_nothing_and_comes_back_at_its_price(tx, now):
    rich(tx, LI, now)
    made = rewards.draft(
        tx, kind="goods", name_zh="杯", name_en="Cup", points=305, delivery_fen=800, starts_at=now, by="Zhao", now=now
    )
    rewards.publish(tx, made.id, by="Qian", now=now)
    [plain] = rewards.offers(tx, LI, now=now)
    assert (plain.points, plain.delivery_fen) == (305, 800)
    raised(tx, LI, "diamond", now)
    [seen] = rewards.offers(tx, LI, now=now)
    assert (seen.points, seen.delivery_fen) == (281, 0)
    got = rewards.redeem(tx, uuid7(now), reward_id=made.id, member_id=LI, coupon_key=b"k" * 32, now=now)
    assert (got.points, got.delivery_fen, wallet.balance(tx, LI, now=now).reserved) == (281, 0, 281)
    rewards.fulfil(tx, got.id, by="Sun", now=now)
    rewards.give_back(tx, got.id, by="Sun", now=now)
    assert wallet.balance(tx, LI, now=now).available == 1000
    assert check_invariants(tx) == []


def scanned(tx, member, item, now):
    ensure_months(tx, now)
    one = Taken(uuid7(now), item, 1, "06901234567892", member, False, now)
    [award] = earning.reward(tx, [EarnRequest(one.scan_id, item, one.gtin, 1, member, False, "", now, {})], now=now)
    write_all(tx, following.scanned([one], [award.points]), now=now)
    return one.scan_id


def test_a_scan_brings_more_to_who_stands_high_and_goes_back_whole(tx, now):
    made = campaigns.draft(
        tx, name_zh="首扫", name_en="First", rule="true", points=25, budget_points=1000, starts_at=now, now=now
    )
    campaigns.publish(tx, made.id, made.version, now=now)
    raised(tx, LI, "diamond", now)
    first = scanned(tx, LI, 1, now)
    for _ in range(2):
        following.follow(tx, now=now)
    assert wallet.balance(tx, LI, now=now).available == 27
    assert tiers.standing(tx, LI).qualifying == 25
    reversing.withdraw(tx, [first], reason="leaked", now=now)
    assert wallet.balance(tx, LI, now=now).available == 0
    early = scanned(tx, LI, 2, now)
    reversing.withdraw(tx, [early], reason="leaked", now=now)
    assert following.follow(tx, now=now) == 1
    assert (wallet.balance(tx, LI, now=now).available, tiers.standing(tx, LI).qualifying) == (0, 25)
    assert check_invariants(tx) == []


def test_a_birthday_is_remembered_once_a_year(tx, now):
    ensure_months(tx, now)
    long_ago = now - timedelta(days=300)
    li = members.find_or_create(tx, phone="13812345678", keys=MemberKeys(b"s" * 32, b"f" * 32), now=long_ago)
    calendar.say_birthday(tx, li, month=now.month, day=now.day, lunar=False, now=long_ago)
    raised(tx, li, "gold", now)
    assert [occasions.reward_birthdays(tx, now=now), occasions.reward_birthdays(tx, now=now)] == [1, 0]
    assert wallet.balance(tx, li, now=now).available == 50
