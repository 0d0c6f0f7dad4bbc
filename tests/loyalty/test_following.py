"""Hundreds of events followed together leave what they leave one by one, whatever their order of members."""

import random
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from foundation.bulk import write_all
from foundation.ids import uuid7
from loyalty import following, orders, tiers, wallet
from loyalty.drawing import Taken
from loyalty.invariants import check_invariants
from loyalty.months import ensure_months
from loyalty.orders import Order
from loyalty.standing_tables import member_tiers, tier_moves

PEOPLE = [UUID(int=n) for n in range(1, 6)]


def happen(tx, now, seed):
    """Scans, check-ins and orders of five members in one seeded order; enough for some to rise twice."""
    draw = random.Random(seed)
    for n in range(60):
        who, at = draw.choice(PEOPLE), now + timedelta(seconds=n)
        match draw.choice(("scan", "scan", "order", "check_in")):
            case "scan":
                taken = Taken(scan_id=uuid7(at), member_id=who, at=at, item=n, hold=False, brand_id=1, gtin="")
                write_all(tx, following.scanned([taken], [draw.randint(0, 300)]))
            case "order":
                orders.place(tx, [Order(f"o-{n}", who, at, draw.randint(1, 90_000))], now=at)
            case _:
                following.checked_in(tx, who, at=at)


def standings(tx, now):
    rows = select(member_tiers).order_by(member_tiers.c.member_id)
    moves = select(tier_moves.c.member_id, tier_moves.c.from_tier, tier_moves.c.to_tier, tier_moves.c.metrics)
    return (
        [tuple(row) for row in tx.execute(rows)],
        [tuple(row) for row in tx.execute(moves.order_by(tier_moves.c.member_id, tier_moves.c.id))],
        [tiers.standing(tx, who).qualifying for who in PEOPLE],
        [wallet.balance(tx, who, now=now).available for who in PEOPLE],
    )


@pytest.mark.parametrize("seed", range(4))
def test_together_is_as_one_by_one(tx, now, seed):
    ensure_months(tx, now)
    left = []
    for limit in (1, 500):
        with tx.begin_nested() as undo:
            happen(tx, now, seed)
            assert following.behind_s(tx, now=now + timedelta(minutes=5)) == 300
            while following.follow(tx, now=now, limit=limit) == limit:
                pass
            assert (following.behind_s(tx, now=now), check_invariants(tx)) == (0, [])
            left.append(standings(tx, now))
            undo.rollback()
    assert left[0] == left[1]
    assert len(left[0][1]) > 2  # Some rose, or nothing was tried.


def test_what_was_credited_before_is_not_credited_again_in_a_batch(tx, now):
    first = tiers.Earned(PEOPLE[0], "a", growth=499, scans=1)
    [step] = tiers.credit_all(tx, [first], now=now)
    assert (step.before.tier, step.after.tier) == ("regular", "regular")
    again = tiers.credit_all(tx, [first, tiers.Earned(PEOPLE[0], "b", growth=1, scans=1)], now=now)
    assert [one.after.tier for one in again] == ["regular", "silver"]
    assert (tiers.standing(tx, PEOPLE[0]).qualifying, tx.execute(select(member_tiers.c.scans)).scalar()) == (500, 2)
