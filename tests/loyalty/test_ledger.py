"""The ledger's single steps: what moves, what is refused, what a retry gets."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from foundation.errors import BadRequest
from loyalty import accounts, holding, ledger, reversing
from loyalty.accounts import Account, System
from loyalty.holding import Hold
from loyalty.idempotency import Key
from loyalty.invariants import check_invariants
from loyalty.ledger import Post
from loyalty.reversing import Reversal

LI = Account("member", "li")


def award(key, amount, *, to=LI, expiry="never"):
    return Post(Key("test", key), "award", System.ISSUER, to, amount, "first-scan", expiry)


def burn(key, amount, *, by=LI):
    return Post(Key("test", key), "burn", by, System.REDEEMED, amount, "gift")


def available(tx, account=LI):
    return accounts.read(tx, account.owner).get(account.kind, (0, 0))[1]


@pytest.fixture(autouse=True)
def _books_stay_true(tx):
    yield
    assert check_invariants(tx) == []


def test_points_arrive_once_and_leave_once(tx, now):
    first, again, spent, too_much = ledger.post(
        tx, [award("a", 100), award("a", 100), burn("b", 30), burn("c", 71)], now=now
    )
    assert (first.state, again.replay, again.transfer_id) == ("posted", True, first.transfer_id)
    assert (spent.state, too_much.state, too_much.reason) == ("posted", "refused", "too-few-points")
    assert available(tx) == 70
    [replayed] = ledger.post(tx, [award("a", 100)], now=now + timedelta(days=400))
    assert replayed.replay
    assert replayed.transfer_id == first.transfer_id


def test_the_same_key_with_another_body_is_a_conflict(tx, now):
    ledger.post(tx, [award("a", 100)], now=now)
    [other] = ledger.post(tx, [award("a", 101)], now=now)
    assert other.state == "conflict"
    assert available(tx) == 100


def test_a_refusal_is_kept_even_when_points_have_come_since(tx, now):
    ledger.post(tx, [burn("b", 5)], now=now)
    ledger.post(tx, [award("a", 100)], now=now)
    [again] = ledger.post(tx, [burn("b", 5)], now=now)
    assert (again.state, again.replay) == ("refused", True)


@pytest.mark.parametrize("amount", [0, -1, 10**16])
def test_an_amount_that_is_none_is_a_problem(tx, now, amount):
    with pytest.raises(BadRequest, match="whole number"):
        ledger.post(tx, [award("a", amount)], now=now)


def test_burn_order_is_earliest_expiry_then_oldest_then_never(tx, now):
    made = ledger.post(
        tx, [award("never", 10), award("late", 10, expiry="days:9"), award("soon", 10, expiry="days:3")], now=now
    )
    ledger.post(tx, [burn("b", 15)], now=now)
    left = dict(tx.execute(text("SELECT id, remaining FROM lots")).all())
    assert [left[one.transfer_id] for one in made] == [10, 5, 0]


def test_points_lapse_at_the_brands_midnight(tx, now):
    ledger.post(tx, [award("a", 10, expiry="days:1"), award("b", 5)], now=now)
    midnight = now.replace(hour=0) + timedelta(days=2)
    just_before = midnight - timedelta(microseconds=1)
    assert ledger.expire(tx, now=just_before) == 0
    [refused] = ledger.post(tx, [burn("late", 15)], now=midnight)  # Nothing is spendable before the sweep has been.
    assert refused.reason == "too-few-points"
    assert available(tx) == 5
    assert ledger.expire(tx, now=midnight) == 0


def test_the_nightly_sweep_lapses_once(tx, now):
    ledger.post(
        tx,
        [award("a", 10, expiry="days:1"), award("b", 7, to=Account("member", "wang"), expiry="on:2026-06-02")],
        now=now,
    )
    later = now + timedelta(days=2)
    assert ledger.expire(tx, now=later) == 17
    assert ledger.expire(tx, now=later) == 0
    assert available(tx) == 0


def test_a_held_point_is_seen_at_once_and_spent_after_it_settled(tx, now):
    [held] = holding.hold(tx, [Hold(Key("test", "h"), "earn", "li", 50, "review", expiry="days:1")], now=now)
    assert accounts.read(tx, "li")["member_pending"][1] == 50
    assert ledger.post(tx, [burn("b", 1)], now=now)[0].state == "refused"
    later = now + timedelta(days=30)
    done = holding.settle(tx, {held.transfer_id: 30}, reason="cleared", now=later)
    assert done[held.transfer_id].amount == 30
    assert available(tx) == 30  # Its life counts from now; the other 20 were recovered.
    again = holding.settle(tx, {held.transfer_id: 30}, reason="cleared", now=later)
    assert again[held.transfer_id].replay
    assert holding.void_hold(tx, [held.transfer_id], reason="x", now=later)[held.transfer_id].reason == "already-posted"
    assert holding.settle(tx, [UUID(int=1)], reason="x", now=now)[UUID(int=1)].reason == "no-such-hold"


def test_a_spend_hold_returns_to_the_lots_it_came_from(tx, now):
    ledger.post(tx, [award("a", 10, expiry="days:5"), award("b", 10)], now=now)
    [held] = holding.hold(
        tx, [Hold(Key("test", "h"), "spend", "li", 15, "gift", lapses_at=now + timedelta(hours=1))], now=now
    )
    assert available(tx) == 5
    assert holding.sweep(tx, now=now) == 0
    assert holding.sweep(tx, now=now + timedelta(hours=1)) == 1
    assert available(tx) == 20
    assert [row.remaining for row in tx.execute(text("SELECT remaining FROM lots"))] == [10, 10]
    assert holding.void_hold(tx, [held.transfer_id], reason="x", now=now)[held.transfer_id].reason == "already-lapsed"


def test_points_returned_after_their_lot_lapsed_have_days_of_grace(tx, now):
    ledger.post(tx, [award("a", 10, expiry="days:1")], now=now)
    [held] = holding.hold(tx, [Hold(Key("test", "h"), "spend", "li", 10, "gift")], now=now)
    later = now + timedelta(days=9)
    holding.void_hold(tx, [held.transfer_id], reason="out of stock", now=later)
    assert ledger.post(tx, [burn("b", 10)], now=later + timedelta(days=29))[0].state == "posted"


def test_a_return_does_not_revive_what_lapsed_beside_it(tx, now):
    ledger.post(tx, [award("a", 10, expiry="days:1")], now=now)
    [held] = holding.hold(tx, [Hold(Key("test", "h"), "spend", "li", 4, "gift")], now=now)
    holding.void_hold(tx, [held.transfer_id], reason="out of stock", now=now + timedelta(days=9))
    assert available(tx) == 4


def test_a_settled_redemption_is_given_back_in_parts(tx, now):
    ledger.post(tx, [award("a", 10, expiry="days:50"), award("b", 10)], now=now)
    [held] = holding.hold(tx, [Hold(Key("test", "h"), "spend", "li", 15, "gift")], now=now)
    paid = holding.settle(tx, [held.transfer_id], reason="delivered", now=now)[held.transfer_id]
    parts = [Reversal(Key("test", f"r{at}"), paid.transfer_id, "returned", 7) for at in range(3)]
    assert [one.state for one in reversing.reverse(tx, parts, now=now)] == ["posted", "posted", "refused"]
    [rest] = reversing.reverse(tx, [Reversal(Key("test", "rest"), paid.transfer_id, "returned")], now=now)
    assert rest.amount == 1
    assert available(tx) == 20


def test_a_credit_is_taken_back_from_its_own_lot_first_and_only_once(tx, now):
    first, second = ledger.post(tx, [award("a", 10, expiry="days:1"), award("b", 10)], now=now)
    one, two = reversing.reverse(
        tx,
        [
            Reversal(Key("test", "r1"), second.transfer_id, "fraud"),
            Reversal(Key("test", "r2"), second.transfer_id, "fraud"),
        ],
        now=now,
    )
    assert (one.state, one.amount, two.reason) == ("posted", 10, "already-reversed")
    left = dict(tx.execute(text("SELECT id, remaining FROM lots")).all())
    assert left == {first.transfer_id: 10, second.transfer_id: 0}


def test_what_is_spent_is_written_off_unless_debt_is_allowed(tx, now):
    made, other = ledger.post(tx, [award("a", 10), award("b", 10)], now=now)
    ledger.post(tx, [burn("c", 15)], now=now)
    [off] = reversing.reverse(tx, [Reversal(Key("test", "r1"), made.transfer_id, "fraud")], now=now)
    assert (off.reason, off.amount, available(tx)) == ("written-off", 10, 0)
    accounts.allow_debt(tx, LI, 100, now=now)
    reversing.reverse(tx, [Reversal(Key("test", "r2"), other.transfer_id, "fraud", policy="unlimited")], now=now)
    assert available(tx) == -10
    ledger.post(tx, [award("d", 4)], now=now)
    assert available(tx) == -6
    assert ledger.post(tx, [burn("e", 1)], now=now)[0].state == "refused"
    ledger.post(tx, [award("f", 9)], now=now)
    assert available(tx) == 3
    assert ledger.post(tx, [burn("g", 3)], now=now)[0].state == "posted"


def test_transfers_are_never_rewritten(tx, now):
    ledger.post(tx, [award("a", 10)], now=now)
    for statement in (
        "UPDATE transfers SET amount = 1",
        "DELETE FROM transfers",
        "TRUNCATE transfers",
        "DELETE FROM lot_uses",
    ):
        with pytest.raises(DBAPIError, match="append-only"), tx.begin_nested():
            tx.execute(text(statement))


def test_a_tampered_balance_or_lot_is_noticed(tx, now):
    ledger.post(tx, [award("a", 10)], now=now)
    with tx.begin_nested() as savepoint:
        tx.execute(text("UPDATE balances SET available = 11"))
        assert len(check_invariants(tx)) == 2  # Not the sum of its entries, nor of its lots.
        savepoint.rollback()
    with tx.begin_nested() as savepoint:
        tx.execute(text("UPDATE lots SET remaining = 9"))
        assert len(check_invariants(tx)) == 2
        savepoint.rollback()
