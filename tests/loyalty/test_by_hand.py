"""By hand: nothing moves before a second person agrees, then all of it at once, under its own keys, and once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import update

from foundation import audit
from foundation.database import reading, transaction
from foundation.errors import BadRequest, NotFound
from loyalty import accounts, by_hand, coupons, ledger, members, rebates, trade, wallet
from loyalty.accounts import Account, System
from loyalty.by_hand import HandMoved
from loyalty.idempotency import Key
from loyalty.invariants import check_invariants
from loyalty.ledger import Post
from loyalty.members import MemberKeys
from loyalty.tables import members as people

KEYS = MemberKeys.derive(lambda purpose: purpose.encode().ljust(32, b"."))
KEY = b"a key of coupons" * 2
TERMS = {"kind": "fixed", "off_fen": 500, "days": 30}
DEALER, OTHER = 11, 12


def member(tx, now, digit):
    return members.find_or_create(tx, phone=f"1380013800{digit}", keys=KEYS, now=now)


def points_of(tx, who, now):
    return wallet.balance(tx, who, now=now).available


def matured(tx, dealer_id, fen, now):
    owner = Account("trade", trade.dealer(dealer_id), "cash_fen")
    post = Post(Key("test", f"{owner.owner} {now}"), "award", System.ISSUER, owner, fen, "shop-sale", asset="cash_fen")
    ledger.post(tx, [post], now=now)


def test_points_move_when_a_second_person_agrees(tx, now):
    li, wu = member(tx, now, 1), member(tx, now, 2)
    made = by_hand.ask_points(tx, [(li, 50), (wu, 30)], why="系统故障补发", reference="T-17", by="Zhao", now=now)
    assert (made.state, made.lines, made.amount, points_of(tx, li, now)) == ("asked", 2, 80, 0)
    with pytest.raises(HandMoved, match="Another person"):
        by_hand.approve(tx, made.id, key=KEY, by="Zhao", now=now)
    done = by_hand.approve(tx, made.id, key=KEY, by="Qian", now=now)
    assert (done.state, done.ended_by, points_of(tx, li, now), points_of(tx, wu, now)) == ("done", "Qian", 50, 30)
    with pytest.raises(HandMoved, match="done already"):
        by_hand.approve(tx, made.id, key=KEY, by="Sun", now=now)
    with pytest.raises(HandMoved, match="done already"):
        by_hand.refuse(tx, made.id, by="Sun", reason="late", now=now)
    [line, _] = by_hand.lines_of(tx, made.id)
    [moved] = wallet.history(tx, li, limit=10)
    assert (line.made_id, moved.reason, moved.points) == (moved.transfer_id, "goodwill", 50)
    assert [one.action for one in audit.history(tx, f"by-hand:{made.id}")] == ["by-hand.ask", "by-hand.approve"]
    assert check_invariants(tx) == []


def test_taking_more_than_there_is_takes_nothing_of_that_member_and_says_so(tx, now):
    li, wu = member(tx, now, 1), member(tx, now, 2)
    by_hand.approve(
        tx, by_hand.ask_points(tx, [(li, 50)], why="赠送", by="Zhao", now=now).id, key=KEY, by="Qian", now=now
    )
    made = by_hand.ask_points(tx, [(li, -20), (wu, -20)], why="误发收回", by="Zhao", now=now)
    by_hand.approve(tx, made.id, key=KEY, by="Qian", now=now)
    assert [one.outcome for one in by_hand.lines_of(tx, made.id)] == ["done", "too-few-points"]
    assert (points_of(tx, li, now), points_of(tx, wu, now)) == (30, 0)
    assert check_invariants(tx) == []


def test_merged_members_are_served_as_who_they_are_and_erased_ones_not(tx, now):
    li, wu, he = (member(tx, now, digit) for digit in (1, 2, 3))
    made = by_hand.ask_points(tx, [(li, 5), (wu, 7)], why="赠送", by="Zhao", now=now)
    gift = by_hand.ask_coupons(tx, [li, wu], TERMS, why="道歉", by="Zhao", now=now)
    tx.execute(update(people).where(people.c.id == li).values(merged_into=he))
    tx.execute(update(people).where(people.c.id == wu).values(erased_at=now))
    by_hand.approve(tx, made.id, key=KEY, by="Qian", now=now)
    by_hand.approve(tx, gift.id, key=KEY, by="Qian", now=now)
    assert points_of(tx, he, now) == 5
    assert len(coupons.of_member(tx, he)) == 1
    for one in (made, gift):
        assert [line.outcome for line in by_hand.lines_of(tx, one.id)] == ["done", "erased"]


def test_what_is_refused_moves_nothing(tx, now):
    li = member(tx, now, 1)
    made = by_hand.ask_coupons(tx, [li], TERMS, why="道歉", by="Zhao", now=now)
    with pytest.raises(BadRequest, match="says why"):
        by_hand.refuse(tx, made.id, by="Qian", reason=" ", now=now)
    ended = by_hand.refuse(tx, made.id, by="Zhao", reason="写错了", now=now)
    assert (ended.state, ended.refusal, coupons.of_member(tx, li)) == ("refused", "写错了", [])
    with pytest.raises(HandMoved, match="refused already"):
        by_hand.approve(tx, made.id, key=KEY, by="Qian", now=now)
    assert [one.id for one in by_hand.requests(tx, state="refused")] == [made.id]
    assert by_hand.requests(tx, before=made.id) == by_hand.requests(tx, state="asked") == []


@pytest.mark.parametrize(
    ("amounts", "why", "sentence"),
    [
        ([0], "x", "whole number"), ([10**9], "x", "up to 1,000,000"), ([5], " ", "says why"), ([], "x", "1 to 10,000"),
    ],
)  # fmt: skip
def test_a_request_that_makes_no_sense_is_refused_whole(tx, now, amounts, why, sentence):
    li = member(tx, now, 1)
    with pytest.raises(BadRequest, match=sentence):
        by_hand.ask_points(tx, [(li, one) for one in amounts], why=why, by="Zhao", now=now)
    with pytest.raises(NotFound, match="no member"):
        by_hand.ask_points(tx, [(UUID(int=9), 5)], why="x", by="Zhao", now=now)
    with pytest.raises(NotFound, match="no request"):
        by_hand.get(tx, 10**6)
    assert by_hand.requests(tx) == []


def test_a_rebate_is_paid_once_and_comes_back_when_the_bank_sends_it_back(tx, now):
    with pytest.raises(BadRequest, match="nothing to pay"):
        by_hand.ask_rebates(tx, [DEALER], why="六月返利", by="Zhao", now=now)
    matured(tx, DEALER, 12_345, now)
    made = by_hand.ask_rebates(tx, [DEALER, OTHER], why="六月返利", by="Zhao", now=now)
    assert (made.lines, made.amount) == (1, 12_345)
    with pytest.raises(HandMoved, match="waits already"):
        by_hand.ask_rebates(tx, [DEALER], why="六月返利", by="Qian", now=now)
    by_hand.approve(tx, made.id, key=KEY, by="Qian", now=now)
    assert rebates.balance_fen(tx, DEALER) == 0
    with pytest.raises(BadRequest, match="bank said"):
        by_hand.give_back(tx, made.id, 1, by="Zhao", reason="", now=now)
    by_hand.give_back(tx, made.id, 1, by="Zhao", reason="账号有误", now=now)
    with pytest.raises(HandMoved, match="no rebate that was paid"):
        by_hand.give_back(tx, made.id, 1, by="Zhao", reason="账号有误", now=now)
    assert rebates.balance_fen(tx, DEALER) == 12_345
    again = by_hand.ask_rebates(tx, [DEALER], why="六月返利，新账号", by="Zhao", now=now + timedelta(days=1))
    by_hand.approve(tx, again.id, key=KEY, by="Qian", now=now + timedelta(days=1))
    assert accounts.read(tx, trade.dealer(DEALER), asset="cash_fen")["trade"][1] == 0
    assert check_invariants(tx) == []


def test_points_given_by_hand_are_no_rebate_to_send_back(tx, now):
    made = by_hand.ask_points(tx, [(member(tx, now, 1), 5)], why="赠送", by="Zhao", now=now)
    by_hand.approve(tx, made.id, key=KEY, by="Qian", now=now)
    with pytest.raises(HandMoved, match="no rebate"):
        by_hand.give_back(tx, made.id, 1, by="Zhao", reason="x", now=now)


def test_two_who_agree_at_once_do_it_once(database, now):
    with transaction(database) as tx:
        li = member(tx, now, 1)
        made = by_hand.ask_points(tx, [(li, 50)], why="补发", by="Zhao", now=now)

    def agree(name):
        try:
            with transaction(database) as tx:
                by_hand.approve(tx, made.id, key=KEY, by=name, now=now)
        except HandMoved:
            return 0
        return 1

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(agree, [f"person {n}" for n in range(8)])) == 1
    with reading(database) as tx:
        assert points_of(tx, li, now) == 50
        assert check_invariants(tx) == []
