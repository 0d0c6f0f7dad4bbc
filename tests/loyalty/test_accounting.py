"""Lineage, claw-back, seals, statements, liability, assets, groups, months, and the lab: what is told of the books."""

from datetime import date, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from foundation.database import transaction
from foundation.errors import BadRequest
from foundation.ids import uuid7
from loyalty import (
    assets,
    campaigns,
    earning,
    lab,
    ledger,
    liability,
    lineage,
    months,
    reversing,
    seals,
    statements,
    wallet,
)
from loyalty.accounts import Account, System
from loyalty.assets import UnknownAsset
from loyalty.campaigns import Terms
from loyalty.earning import EarnRequest
from loyalty.holding import Hold
from loyalty.idempotency import Key
from loyalty.invariants import check_invariants
from loyalty.ledger import Post

LI = UUID(int=1)
WALLET = Account("member", str(LI))


@pytest.fixture(name="tx")
def _tx_with_true_books(tx):
    yield tx
    assert check_invariants(tx) == []


def campaign(tx, now, rule="true", points=10, **terms):
    award = terms.pop("award", {"kind": "fixed", "points": points})
    wanted = Terms("活动", "Campaign", rule, award, now, **terms)
    made = campaigns.draft_terms(tx, wanted, budget_points=1_000, by=None, now=now)
    return campaigns.publish(tx, made.id, 1, now=now)


def scan(item, now, *, member=LI, run=1, hold=False, **facts):
    return EarnRequest(uuid7(now), item, "06901234567892", run, member, hold, "far" if hold else "", now, facts)


def award(key, amount, at=None, expiry="never"):
    return Post(Key("t", key), "award", System.ISSUER, WALLET, amount, "first-scan", expiry)


def burn(key, amount):
    return Post(Key("t", key), "burn", WALLET, System.REDEEMED, amount, "gift")


def test_a_point_leads_back_to_its_scan_item_run_dealer_rule_and_campaign(tx, now):
    one = campaign(tx, now, "dealer_id == 7")
    asked = scan(42, now, run=3, dealer_id=7)
    [made] = earning.reward(tx, [asked], now=now)
    spent = ledger.post(tx, [burn("b", 4)], now=now)[0].transfer_id
    [(lot, points)] = lineage.lineage(tx, spent).lots
    found = lineage.lineage(tx, lot)
    assert (found.transfer_id, points) == (made.transfer_id, 4)
    assert (found.correlation_id, found.item, found.run_id, found.dealer_id) == (asked.scan_id, 42, 3, 7)
    assert (found.campaign_id, found.rule_version, found.owner, found.trigger) == (one.id, 1, str(LI), "scan")
    assert found.rule == {"eq": [{"fact": "dealer_id"}, {"int": 7}]}


def test_a_leaked_run_takes_back_exactly_its_own_by_policy(tx, now):
    campaign(tx, now)
    leaked = [scan(1, now, run=9), scan(2, now, run=9, hold=True)]
    earning.reward(tx, [*leaked, scan(3, now)], now=now)
    before = lineage.origin(tx, run_id=9)
    assert (before.members, before.credited, before.unspent, before.pending) == (1, 10, 10, 10)
    taken = reversing.withdraw(tx, before.receipts, reason="leaked", policy="only_pending", now=now)
    assert sum(taken.values()) == 10
    assert wallet.balance(tx, LI, now=now) == wallet.Wallet(20, 0, 0)
    for expected in (10, 0):
        taken = reversing.withdraw(tx, before.receipts, reason="leaked", now=now)
        assert sum(taken.values()) == expected
    assert wallet.balance(tx, LI, now=now) == wallet.Wallet(10, 0, 0)


def test_a_tampered_transfer_breaks_its_seal_and_none_before(database, now):
    with transaction(database) as tx:
        for at in range(5):
            ledger.post(tx, [award(f"a{at}", 1)], now=now + timedelta(minutes=at))
    later = now + timedelta(hours=1)
    with transaction(database) as tx:
        assert [seals.seal(tx, now=later, limit=2) for _ in range(4)] == [2, 2, 1, 0]
        assert seals.first_broken_seal(tx) is None
    with transaction(database) as tx:
        tx.execute(text("ALTER TABLE transfers_other DISABLE TRIGGER ALL"))
        tx.execute(text("ALTER TABLE transfers DISABLE TRIGGER transfers_are_append_only"))
        changed = "UPDATE transfers SET reason = 'x' WHERE id = (SELECT id FROM transfers ORDER BY id OFFSET 2 LIMIT 1)"
        tx.execute(text(changed))
        ids = tx.execute(text("SELECT id FROM transfer_seals ORDER BY id")).scalars().all()
        assert seals.first_broken_seal(tx) == ids[1]


def test_a_statement_opens_where_the_last_one_closed(tx, now):
    ledger.post(tx, [award("a", 30)], now=now)
    ledger.post(tx, [burn("b", 10)], now=now + timedelta(days=1))
    ledger.post(tx, [award("c", 5)], now=now + timedelta(days=2))
    first, second = date(2026, 6, 1), date(2026, 6, 2)
    one = statements.statement(tx, LI, first=first, last=first)
    two = statements.statement(tx, LI, first=second, last=second + timedelta(days=1))
    assert (one.opening, one.closing, [line.points for line in one.lines]) == (0, 30, [30])
    assert (two.opening, two.earned, two.spent, two.closing) == (30, 5, 10, 25)
    with pytest.raises(BadRequest):
        statements.statement(tx, LI, first=second, last=first)


def test_liability_rolls_forward_and_expects_what_older_cohorts_did(tx, now):
    for at in range(3):
        ledger.post(tx, [award(f"a{at}", 100, expiry="days:400")], now=now + timedelta(days=31 * at))
    ledger.post(tx, [burn("b", 50)], now=now + timedelta(days=40))
    held = ledger.hold(tx, [Hold(Key("t", "h"), "spend", str(LI), 20, "gift")], now=now + timedelta(days=70))[0]
    ledger.settle(tx, {held.transfer_id: 15}, reason="ok", now=now + timedelta(days=71))
    found = liability.report(tx, now=now + timedelta(days=75))
    assert [(one.month, one.issued, one.redeemed, one.outstanding) for one in found.cohorts] == [
        ("2026-06", 100, 65, 35), ("2026-07", 100, 0, 100), ("2026-08", 100, 0, 100),
    ]  # fmt: skip
    for one in found.cohorts:
        assert one.issued == one.redeemed + one.expired + one.reversed + one.outstanding
    assert found.outstanding == wallet.balance(tx, LI, now=now + timedelta(days=75)).available == 235
    assert found.breakage + found.expected == found.outstanding
    assert sum(points for _, points in found.lapsing) == 235
    late = liability.report(tx, now=now + timedelta(days=900))
    assert (late.outstanding, sum(one.expired for one in late.cohorts)) == (0, 235)


def test_a_brand_counts_something_new_and_an_unknown_asset_is_named(tx, now):
    assets.add_asset(tx, name="stars", unit_zh="星", unit_en="stars", now=now)
    target = Account("member", "li", "stars")
    [outcome] = ledger.post(tx, [Post(Key("t", "s"), "award", System.ISSUER, target, 3, "x", asset="stars")], now=now)
    assert outcome.state == "posted"
    moon = Post(Key("t", "m"), "award", System.ISSUER, Account("member", "li", "moons"), 3, "x")
    with pytest.raises(UnknownAsset, match="no asset 'moons'"), tx.begin_nested():
        ledger.post(tx, [moon], now=now)


def test_a_group_stands_or_falls_together_and_the_refusal_is_remembered(tx, now):
    ledger.post(tx, [award("a", 10)], now=now)
    pair = [burn("b1", 6), burn("b2", 6), burn("b3", 3)]
    grouped = [Post(**{f: getattr(one, f) for f in Post.__dataclass_fields__} | {"group": "g"}) for one in pair[:2]]
    for _ in range(2):
        states = [(one.state, one.reason) for one in ledger.post(tx, [*grouped, pair[2]], now=now)]
        assert states == [("refused", "group-refused")] * 2 + [("posted", "")]
    assert wallet.balance(tx, LI, now=now).available == 7


def test_months_are_made_ahead_once_and_rows_find_them(tx, now):
    made = months.ensure_months(tx, now)
    assert {"transfers_2026_05", "transfers_2026_09", "receipts_2026_06"} <= set(made)
    assert months.ensure_months(tx, now) == []
    ledger.post(tx, [award("a", 10)], now=now)
    assert tx.execute(text("SELECT count(*) FROM transfers_2026_06")).scalar_one() == 1
    assert months.ensure_months(tx, now + timedelta(days=31)) == ["transfers_2026_10", "receipts_2026_10"]


@pytest.mark.parametrize("caps", [[], [{"per": "member", "window": "day", "most": 2}]])
def test_the_lab_costs_a_draft_on_what_happened_as_the_campaign_would_have(tx, now, caps):
    campaign(tx, now, "true", 10)
    for day in range(4):
        at = now + timedelta(days=day)
        scans = [scan(day * 10 + nth, at, member=UUID(int=1 + nth % 2), province=510000 + nth) for nth in range(6)]
        earning.reward(tx, scans, now=at)
    terms = Terms(
        "草案", "Draft", "province < 510005 and nth_scan >= 2", {"kind": "fixed", "points": 15}, now, caps=caps
    )
    draft = campaigns.draft_terms(tx, terms, budget_points=100, by="ann", now=now)
    found = lab.replay(tx, draft, since=date(2026, 6, 1), until=date(2026, 6, 4), budget_points=100)
    each_day = [45, 60, 60, 60] if caps else [45, 75, 75, 75]
    assert [points for _, points in found.days] == each_day
    assert (found.points, found.members) == (sum(each_day), 2)
    assert (found.events, found.paid_then) == (18, 180)
    assert found.difference == sum(each_day) - 180
    assert found.ends_on == date(2026, 6, 2)
    with pytest.raises(BadRequest):
        lab.replay(tx, draft, since=date(2026, 6, 4), until=date(2026, 6, 1), budget_points=100)
