"""The catalogue: stock and limits hold under races, points are reserved, spent or returned, coupons are used once."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest

from foundation.database import reading, transaction
from foundation.errors import BadRequest, NotFound
from foundation.ids import uuid7
from loyalty import coupons, ledger, rewards, wallet
from loyalty.accounts import Account, System
from loyalty.coupons import BadCouponCode, CouponGone
from loyalty.idempotency import Key
from loyalty.invariants import check_invariants
from loyalty.ledger import Post
from loyalty.rewards import RedemptionReused, RewardMoved
from loyalty.wallet import Wallet

LI, WANG = UUID(int=1), UUID(int=2)
KEY = b"c" * 32
TERMS = {"kind": "full_reduction", "off_fen": 1000, "from_fen": 5000, "days": 30}


def rich(tx, now, *members, points=1000):
    posts = [
        Post(Key("test", str(one)), "award", System.ISSUER, Account("member", str(one)), points, "first-scan")
        for one in members
    ]
    ledger.post(tx, posts, now=now)


def offered(tx, now, **terms):
    usual = {"kind": "goods", "name_zh": "茶杯", "name_en": "Cup", "points": 300, "stock": 5}
    made = rewards.draft(tx, **(usual | terms), starts_at=now, by="Zhao", now=now)
    return rewards.publish(tx, made.id, by="Qian", now=now)


def redeem(tx, one, now, member=LI, id_=None):
    return rewards.redeem(tx, id_ or uuid7(now), reward_id=one.id, member_id=member, coupon_key=KEY, now=now)


def test_points_are_reserved_spent_and_returned_to_their_lots(tx, now):
    rich(tx, now, LI)
    cup = offered(tx, now)
    got = redeem(tx, cup, now)
    assert (got.state, wallet.balance(tx, LI, now=now)) == ("requested", Wallet(700, 0, 300))
    assert redeem(tx, cup, now, id_=got.id) == got
    rewards.fulfil(tx, got.id, by="Sun", now=now)
    assert wallet.balance(tx, LI, now=now) == Wallet(700, 0, 0)
    rewards.ship(tx, got.id, carrier="顺丰", tracking="SF1", by="Sun", now=now)
    rewards.deliver(tx, got.id, by="Sun", now=now)
    assert rewards.give_back(tx, got.id, by="Sun", now=now).state == "returned"
    assert wallet.balance(tx, LI, now=now) == Wallet(1000, 0, 0)
    assert rewards.get(tx, cup.id).remaining == 5
    with pytest.raises(RewardMoved, match="is returned"):
        rewards.give_back(tx, got.id, by="Sun", now=now)
    assert check_invariants(tx) == []


def test_what_nobody_fulfils_gives_points_stock_and_limit_back(tx, now):
    rich(tx, now, LI)
    cup = offered(tx, now, per_member=1)
    redeem(tx, cup, now)
    assert redeem(tx, cup, now).reason == "limit"
    later = now + rewards.OPEN_FOR
    assert rewards.sweep(tx, now=later) == 1
    assert rewards.sweep(tx, now=later) == 0
    assert (wallet.balance(tx, LI, now=now).available, rewards.get(tx, cup.id).remaining) == (1000, 5)
    assert redeem(tx, cup, now).state == "requested"


@pytest.mark.parametrize(
    ("terms", "why"),
    [
        ({"points": 1001}, "too-few-points"),
        ({"stock": 0}, "sold-out"),
        ({"tiers": ["gold"]}, "tier"),
    ],
)
def test_a_refusal_is_an_answer_and_stays_one(tx, now, terms, why):
    rich(tx, now, LI)
    cup = offered(tx, now, **terms)
    got = redeem(tx, cup, now)
    assert (got.state, got.reason) == ("refused", why)
    assert [offer.why_not for offer in rewards.offers(tx, LI, now=now)] == [why]
    rich(tx, now, WANG)
    assert redeem(tx, cup, now, id_=got.id) == got
    with pytest.raises(RedemptionReused):
        redeem(tx, cup, now, member=WANG, id_=got.id)
    assert wallet.balance(tx, LI, now=now) == Wallet(1000, 0, 0)


def test_stock_never_falls_below_zero_under_64_threads(database, now):
    members = [UUID(int=at) for at in range(1, 65)]
    with transaction(database) as tx:
        rich(tx, now, *members)
        cup = offered(tx, now, stock=10)

    def want(member):
        with transaction(database) as tx:
            return redeem(tx, cup, now, member=member)

    with ThreadPoolExecutor(64) as pool:
        got = list(pool.map(want, members))
    assert Counter((one.state, one.reason) for one in got) == {("requested", ""): 10, ("refused", "sold-out"): 54}
    with reading(database) as tx:
        assert rewards.get(tx, cup.id).remaining == 0
        assert check_invariants(tx) == []


def test_one_id_from_many_taps_is_one_redemption(database, now):
    with transaction(database) as tx:
        rich(tx, now, LI)
        cup = offered(tx, now)
    id_ = uuid7(now)

    def tap(_):
        with transaction(database) as tx:
            return redeem(tx, cup, now, id_=id_)

    with ThreadPoolExecutor(16) as pool:
        got = set(pool.map(tap, range(16)))
    assert len(got) == 1
    with reading(database) as tx:
        assert wallet.balance(tx, LI, now=now) == Wallet(700, 0, 300)
        assert rewards.get(tx, cup.id).remaining == 4


def test_a_coupon_is_used_by_one_purchase_however_many_tills_try(database, now):
    with transaction(database) as tx:
        rich(tx, now, LI)
        got = redeem(tx, offered(tx, now, kind="coupon", coupon=TERMS), now)
    assert got.state == "confirmed"
    code = coupons.code_of(got.coupon_id, KEY)

    def pay(till):
        with transaction(database) as tx:
            try:
                return coupons.use(tx, code, store="store 1", document=f"bill {till}", now=now).state
            except CouponGone as gone:
                return gone.members["state"]

    with ThreadPoolExecutor(12) as pool:
        tills = list(pool.map(pay, range(12)))
    assert tills == ["used"] * 12
    with transaction(database) as tx:
        used = [row.document for row in tx.execute(coupons.coupons.select()) if row.state == "used"]
        assert len(used) == 1
        assert coupons.use(tx, code.lower(), store="store 1", document=used[0], now=now).id == got.coupon_id
        with pytest.raises(CouponGone):
            coupons.use(tx, code, store="store 2", document=used[0], now=now)
        with pytest.raises(RewardMoved, match="used"):
            rewards.give_back(tx, got.id, by="Sun", now=now)


def test_a_mistyped_code_is_noticed_and_a_forged_one_is_unknown(tx, now):
    code = coupons.code_of(UUID(int=7), KEY)
    letters = code.replace("-", "")
    for at in range(len(letters)):
        wrong = letters[:at] + ("3" if letters[at] != "3" else "4") + letters[at + 1 :]
        with pytest.raises(BadCouponCode):
            coupons.read_code(wrong)
    assert coupons.read_code(code.lower().replace("0", "o").replace("1", "l")) == letters
    with pytest.raises(NotFound):
        coupons.use(tx, code, store="s", document="d", now=now)


def test_coupons_expire_after_one_notice(tx, now):
    made = coupons.issue(tx, member_id=LI, terms=TERMS, source="test", key=KEY, now=now)
    assert coupons.sweep(tx, now=now) == 0
    soon = made.expires_at - timedelta(days=1)
    assert [coupons.sweep(tx, now=soon), coupons.sweep(tx, now=soon)] == [1, 0]
    with pytest.raises(CouponGone):
        coupons.use(tx, coupons.code_of(made.id, KEY), store="s", document="d", now=made.expires_at)
    assert coupons.sweep(tx, now=made.expires_at) == 1
    assert [one.state for one in coupons.of_member(tx, LI)] == ["expired"]


@pytest.mark.parametrize(
    ("terms", "says"),
    [
        ({"points": -1}, "from 0 up"),
        ({"points": 0}, "costs something"),
        ({"kind": "house"}, "one of goods"),
        ({"kind": "coupon"}, "what the coupon gives"),
        ({"kind": "coupon", "coupon": {"kind": "percent", "percent": 101, "days": 3}}, "of 100"),
        ({"kind": "coupon", "coupon": {"kind": "full_reduction", "off_fen": 5, "days": 3}}, "from_fen"),
    ],
)
def test_a_reward_that_cannot_be_is_refused(tx, now, terms, says):
    with pytest.raises(BadRequest, match=says):
        offered(tx, now, **terms)


def test_the_author_does_not_approve(tx, now):
    made = rewards.draft(tx, kind="goods", name_zh="杯", name_en="Cup", points=1, starts_at=now, by="Zhao", now=now)
    with pytest.raises(RewardMoved, match="Another person"):
        rewards.publish(tx, made.id, by="Zhao", now=now)
