"""From the draw to the hand: points once, nothing that is held, and a voided hold voids its prize."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from foundation.database import transaction
from foundation.errors import BadRequest, NotFound
from foundation.ids import uuid7
from loyalty import accounts, coupons, handing, holding, invariants, members, prizes, wins
from loyalty.draws import Prize
from loyalty.handing import CannotCollect
from loyalty.holding import Hold
from loyalty.idempotency import Key
from loyalty.members import Identifier, MemberKeys
from tests.loyalty.test_prizes import announced, draw, scanned

KEYS = MemberKeys(sealing=bytes(32), finding=bytes(range(32)))
NOTHING = Prize(2, "nothing", "谢谢", "Nothing", 0, 0, 1, None)
POINTS = (Prize(1, "points", "积分", "Points", 5, 0, 10**9, 1000), NOTHING)  # All but surely won.
PACKETS = (Prize(1, "red_packet", "红包", "Packet", 100, 100, 10**9, 1000), NOTHING)


KEY = b"c" * 32
TERMS = {"kind": "fixed", "off_fen": 500, "days": 30}
COUPONS = (Prize(1, "coupon", "五元券", "5 yuan off", 0, 500, 10**9, 1000, TERMS), NOTHING)


def person(tx, name, now, *, wechat=False):
    proven = [Identifier("wechat_openid", f"o-{name}")] if wechat else [Identifier("phone", f"+86139000000{name}")]
    return members.identify(tx, proven, keys=KEYS, now=now)


def wins_of(tx, member):
    return [one.state for one in wins.of_member(tx, member)]


def points_of(tx, member):
    return accounts.read(tx, str(member)).get("member", (0, 0))[1]


def test_points_arrive_once_however_many_sweep(database, now):
    with transaction(database) as tx:
        announced(tx, now, POINTS)
        li = person(tx, "01", now)
        draw(tx, [scanned(n, now, member_id=li) for n in range(40)], now)

    def sweep(_):
        with transaction(database) as tx:
            return handing.hand_over(tx, now=now, limit=7)

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(sweep, range(24))) == 40
    with transaction(database) as tx:
        assert points_of(tx, li) == 200
        assert set(wins_of(tx, li)) == {"paid"}
        assert handing.hand_over(tx, now=now) == 0
        assert invariants.check_invariants(tx) == []


@pytest.mark.parametrize(("end", "state", "points"), [(holding.settle, "paid", 15), (holding.void_hold, "voided", 0)])
def test_a_prize_shares_the_fate_of_the_points_beside_it(tx, now, end, state, points):
    announced(tx, now, POINTS)
    li = person(tx, "02", now)
    scan = scanned(7, now, member_id=li, hold=True)
    draw(tx, [scan], now)
    (held,) = holding.hold(
        tx, [Hold(Key("claim", "7"), "earn", str(li), 10, "far-away", correlation_id=scan.scan_id)], now=now
    )
    assert handing.hand_over(tx, now=now) == 0
    assert wins_of(tx, li) == ["held"]
    end(tx, [held.transfer_id], reason="looked at", now=now)
    handing.hand_over(tx, now=now)
    assert wins_of(tx, li) == [state]
    assert points_of(tx, li) == points


def test_a_red_packet_waits_until_there_is_somebody_to_pay_it_to(tx, now):
    pool = announced(tx, now, PACKETS)
    li = person(tx, "03", now)
    [win] = draw(tx, [scanned(1, now, member_id=li)], now).values()
    handing.hand_over(tx, now=now)
    assert wins_of(tx, li) == ["waiting"]
    with pytest.raises(CannotCollect, match="Sign in with WeChat"):
        handing.collect(tx, win.win_id, member_id=li, now=now)
    members.link(tx, li, Identifier("wechat_openid", "o-li"), keys=KEYS, now=now)
    with pytest.raises(CannotCollect, match="is over"):
        handing.collect(tx, win.win_id, member_id=li, now=pool.ends_at + timedelta(days=30))
    with pytest.raises(NotFound):
        handing.collect(tx, win.win_id, member_id=UUID(int=9), now=now)
    for _ in range(2):
        handing.collect(tx, win.win_id, member_id=li, now=now)
    assert tx.execute(text("SELECT state, amount_fen FROM payouts")).all() == [("queued", 100)]
    assert wins_of(tx, li) == ["paying"]


def test_what_an_erased_member_won_goes_to_nobody(tx, now):
    announced(tx, now, POINTS)
    li = person(tx, "04", now)
    draw(tx, [scanned(1, now, member_id=li)], now)
    members.erase(tx, li, now=now)
    handing.hand_over(tx, now=now)
    assert wins_of(tx, li) == ["voided"]


def test_what_a_merged_member_won_reaches_who_they_are_today(tx, now):
    announced(tx, now, POINTS)
    li, twin = person(tx, "05", now), person(tx, "twin", now, wechat=True)
    draw(tx, [scanned(1, now, member_id=twin)], now)
    tx.execute(text("UPDATE members SET merged_into = :li WHERE id = :twin"), {"li": li, "twin": twin})
    handing.hand_over(tx, now=now)
    assert (points_of(tx, li), points_of(tx, twin)) == (5, 0)


def test_wins_of_other_scans_are_left_alone(tx, now):
    announced(tx, now, POINTS)
    li = person(tx, "06", now)
    draw(tx, [scanned(1, now, member_id=li, hold=True)], now)
    assert wins.void(tx, [uuid7(now)], reason="another", now=now) == 0
    assert wins.release(tx, []) == 0
    assert wins_of(tx, li) == ["held"]


def test_a_coupon_that_was_won_is_made_once_and_used_once(database, now):
    with transaction(database) as tx:
        pool = announced(tx, now, COUPONS)
        li = person(tx, "01", now)
        draw(tx, [scanned(n, now, member_id=li) for n in range(12)], now)
        assert prizes.published(tx, pool.id)["coupons"] == {"1": TERMS}
        assert handing.issue_coupons(tx, key=KEY, now=now) == 0
        handing.hand_over(tx, now=now)

    def sweep(_):
        with transaction(database) as tx:
            return handing.issue_coupons(tx, key=KEY, now=now, limit=5)

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(sweep, range(12))) == 12
    with transaction(database) as tx:
        won = wins.of_member(tx, li)
        assert {one.state for one in won} == {"paid"}
        assert len({one.coupon_id for one in won}) == 12
        code = coupons.code_of(won[0].coupon_id, KEY)
        assert coupons.use(tx, code, store="s", document="d", now=now).member_id == li
        with pytest.raises(coupons.CouponGone):
            coupons.use(tx, code, store="other", document="d", now=now)


@pytest.mark.parametrize(
    ("terms", "says"),
    [(None, "what the coupon gives"), ({"kind": "percent", "percent": 200, "days": 1}, "of 100")],
)
def test_a_coupon_prize_says_what_it_gives(tx, now, terms, says):
    with pytest.raises(BadRequest, match=says):
        announced(tx, now, (Prize(1, "coupon", "券", "Coupon", 0, 500, 1, 1000, terms), NOTHING))
