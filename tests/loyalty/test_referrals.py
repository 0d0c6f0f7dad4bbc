"""Referral: both sides once, after the first paid scan; no rings, nobody twice, nobody who was here before."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from foundation.bulk import write_all
from foundation.database import reading, transaction
from foundation.errors import BadRequest
from foundation.ids import uuid7
from loyalty import following, holding, referrals, tiers, wallet
from loyalty.drawing import Taken
from loyalty.holding import Hold
from loyalty.idempotency import Key
from loyalty.referrals import NoSuchReferral, NotReferrable

LI, WANG, SUN = UUID(int=1), UUID(int=2), UUID(int=3)


def invite(tx, inviter, invited, now):
    referrals.accept(tx, invited, referrals.mine(tx, inviter, now=now).code.lower(), now=now)


def scan(tx, member, now, *, item=1, hold=False):
    one = Taken(uuid7(now), item, 1, "06901234567892", member, hold, now)
    write_all(tx, following.scanned([one], [10]), now=now)
    return one.scan_id


def points(tx, member, now):
    return wallet.balance(tx, member, now=now).available


def test_both_get_points_after_the_first_scan_and_never_again(tx, now):
    invite(tx, LI, WANG, now)
    assert following.follow(tx, now=now) == 0
    assert points(tx, LI, now) == 0
    scan(tx, WANG, now)
    assert [following.follow(tx, now=now), following.follow(tx, now=now)] == [1, 0]
    scan(tx, WANG, now, item=2)
    following.follow(tx, now=now)
    assert (points(tx, LI, now), points(tx, WANG, now)) == (100, 100)
    found = referrals.mine(tx, LI, now=now)
    assert (found.invited, found.points) == (1, 100)
    assert tiers.standing(tx, WANG).qualifying == 20


@pytest.mark.parametrize("decided", [holding.settle, holding.void_hold])
def test_a_doubtful_scan_waits_for_the_decision(tx, now, decided):
    invite(tx, LI, WANG, now)
    scan_id = scan(tx, WANG, now, hold=True)
    wanted = Hold(Key("claim", "1"), "earn", str(WANG), 10, "far-away", correlation_id=scan_id)
    (held,) = holding.hold(tx, [wanted], now=now)
    assert following.follow(tx, now=now) == 0
    decided(tx, [held.transfer_id], reason="looked", now=now)
    assert following.follow(tx, now=now) == 1
    assert points(tx, LI, now) == (100 if decided is holding.settle else 0)


def test_rings_and_oneself_are_refused(tx, now):
    with pytest.raises(NotReferrable, match="themselves"):
        invite(tx, LI, LI, now)
    invite(tx, LI, WANG, now)
    invite(tx, LI, WANG, now)
    invite(tx, WANG, SUN, now)
    with pytest.raises(NotReferrable, match="those who invited them"):
        invite(tx, SUN, LI, now)
    with pytest.raises(NotReferrable, match="somebody else before"):
        invite(tx, SUN, WANG, now)
    with pytest.raises(NoSuchReferral):
        referrals.accept(tx, SUN, "22222222", now=now)
    with pytest.raises(BadRequest, match="8 letters"):
        referrals.accept(tx, SUN, "' OR 1=1", now=now)


def test_somebody_who_scanned_before_is_not_new(tx, now):
    scan(tx, WANG, now)
    with pytest.raises(NotReferrable, match="you scanned before"):
        invite(tx, LI, WANG, now)


def test_two_who_invite_each_other_at_once_do_not_make_a_ring(database, now):
    with transaction(database) as tx:
        codes = {one: referrals.mine(tx, one, now=now).code for one in (LI, WANG)}

    def accept(pair):
        invited, inviter = pair
        try:
            with transaction(database) as tx:
                referrals.accept(tx, invited, codes[inviter], now=now)
        except NotReferrable:
            return "refused"
        return "accepted"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(accept, [(LI, WANG), (WANG, LI)])) == ["accepted", "refused"]


def test_sweepers_at_once_follow_each_scan_once(database, now):
    with transaction(database) as tx:
        invite(tx, LI, WANG, now)
        for item in range(60):
            scan(tx, WANG, now, item=item)

    def sweep(_):
        with transaction(database) as tx:
            return following.follow(tx, now=now, limit=7)

    with ThreadPoolExecutor(6) as pool:
        done = sum(pool.map(sweep, range(30)))
    assert done == 60
    with reading(database) as tx:
        assert (points(tx, LI, now), tiers.standing(tx, WANG).qualifying) == (100, 600)


def test_a_doubtful_scan_that_nobody_will_decide_counts_for_nothing(tx, now):
    invite(tx, LI, WANG, now)
    scan(tx, WANG, now, hold=True)
    assert following.follow(tx, now=now) == 1
    assert (points(tx, LI, now), tiers.standing(tx, WANG).qualifying) == (0, 0)
