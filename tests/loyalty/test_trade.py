"""The trade: a case pays its store once, a sale store, assistant and dealer; what is withheld comes back."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from foundation.bulk import write_all
from foundation.database import reading, transaction
from foundation.errors import BadRequest
from foundation.ids import uuid7
from loyalty import (
    accounts,
    campaigns,
    earning,
    following,
    holding,
    members,
    openings,
    rebates,
    reversing,
    sales,
    trade,
    trade_tables,
    trade_terms,
    wallet,
)
from loyalty.drawing import Taken
from loyalty.earning import EarnRequest
from loyalty.invariants import check_invariants
from loyalty.lineage import lineage
from loyalty.months import ensure_months
from loyalty.openings import Case, OpeningReused
from loyalty.rebates import WithholdingMoved
from loyalty.trade import NotAPartner, PartnerExists, PartnerMoved
from loyalty.trade_terms import Promise, TermsMoved

BRAND, DEALER, OTHER_DEALER = 1, 11, 12
CHENGDU, URUMQI = 510100, 650100
ZHOU, WU, LI, WANG = (UUID(int=at) for at in range(1, 5))
PROMISE = Promise(case_points=50, sale_points=10, assistant_percent=30, case_rebate_fen=200, sale_rebate_fen=25)
CASE = Case("069012345000000017", "case", BRAND, DEALER, ("069012345000000017", "069012345000000024"))


def promised(tx, now, promise=PROMISE, *, points=100_000, fen=100_000):
    made = trade_terms.draft(
        tx, promise, brand_id=BRAND, budget_points=points, budget_fen=fen, by="Zhao", now=now
    )  # fmt: skip
    return trade_terms.publish(tx, made.id, by="Qian", now=now)


def shop(tx, now, *, owner=ZHOU, assistant=WU, code="CD-001", dealer=DEALER):
    asked = trade.register(
        tx, kind="store", dealer_id=dealer, code=code, name="锦里烟酒", region=CHENGDU, member_id=owner, now=now
    )
    trade.approve(tx, asked.partner.id, by="Zhao", now=now)
    if assistant:
        person = trade.join(tx, code, member_id=assistant, now=now)
        trade.accept(tx, person.id, partner_id=person.partner.id, by="owner", now=now)
    return trade.working(tx, owner)


def opened(tx, now, person, case=CASE, *, id_=None, device="shop-phone"):
    return openings.open_case(tx, id_ or uuid7(now), case, person, device=device, now=now)


def points(tx, owner, asset="points"):
    return accounts.read(tx, owner, asset=asset).get("trade", (0, 0))[1]


def scan(tx, now, item, *, buyer=LI, device="phone", sscc=CASE.sscc, hold=False):
    """A consumer's scan as the scan path leaves it: points, receipt and the row that is followed."""
    ensure_months(tx, now)
    one = Taken(uuid7(now), item, BRAND, "06901234567892", buyer, hold, now, DEALER, sscc)
    asked = EarnRequest(one.scan_id, item, one.gtin, 1, buyer, hold, "far" if hold else "", now, {}, device=device)
    [award] = earning.reward(tx, [asked], now=now)
    write_all(tx, following.scanned([one], [award.points]), now=now)
    return one.scan_id


@pytest.fixture
def campaign(tx, now):
    made = campaigns.draft(
        tx, name_zh="首扫", name_en="First scan", rule="true", points=5, budget_points=1000, starts_at=now, now=now
    )
    return campaigns.publish(tx, made.id, made.version, now=now)


def settle(tx, now):
    following.follow(tx, now=now)
    return sales.sweep(tx, now=now)


def test_a_store_is_let_in_by_the_brand_and_its_people_by_the_owner(tx, now):
    asked = {"kind": "store", "dealer_id": DEALER, "code": " cd-001", "name": "锦里  烟酒", "region": CHENGDU}
    first = trade.register(tx, **asked, member_id=ZHOU, now=now)
    assert trade.register(tx, **asked, member_id=ZHOU, now=now) == first
    with pytest.raises(PartnerExists, match="CD-001 is taken"):
        trade.register(tx, **asked, member_id=WU, now=now)
    with pytest.raises(NotAPartner):
        trade.working(tx, ZHOU)
    trade.approve(tx, first.partner.id, by="Zhao", now=now)
    with pytest.raises(PartnerMoved, match="approved"):
        trade.refuse(tx, first.partner.id, by="Zhao", reason="twice", now=now)
    wu = trade.join(tx, "CD-001", member_id=WU, now=now)
    assert trade.join(tx, "cd-001", member_id=WU, now=now) == wu
    with pytest.raises(NotAPartner):
        trade.working(tx, WU)
    trade.accept(tx, wu.id, partner_id=wu.partner.id, by="Zhou", now=now)
    assert trade.working(tx, WU, role="assistant").since == now
    with pytest.raises(NotAPartner, match="the owner"):
        trade.working(tx, WU, role="owner")
    later = now + timedelta(days=3)
    trade.end(tx, wu.id, partner_id=wu.partner.id, by="Zhou", now=later)
    assert [one.role for one in trade.people(tx, wu.partner.id)] == ["owner"]
    trade.close(tx, first.partner.id, by="Zhao", reason="关店", now=later)
    assert trade.of_member(tx, ZHOU) is None


def test_an_owner_takes_a_registration_back_and_an_approved_one_stays(tx, now):
    asked = {"kind": "store", "dealer_id": DEALER, "code": "CD-001", "name": "锦里烟酒", "region": CHENGDU, "now": now}
    first = trade.register(tx, **asked, member_id=ZHOU)
    trade.end(tx, first.id, partner_id=first.partner.id, by="Zhou", now=now)
    with pytest.raises(PartnerMoved, match="refused"):
        trade.approve(tx, first.partner.id, by="Zhao", now=now)
    again = trade.register(tx, **asked, member_id=ZHOU)
    trade.approve(tx, again.partner.id, by="Zhao", now=now)
    with pytest.raises(PartnerMoved, match="close it"):
        trade.end(tx, again.id, partner_id=again.partner.id, by="Zhou", now=now)


def test_terms_need_another_person_and_the_version_of_the_moment_applies(tx, now):
    made = trade_terms.draft(tx, PROMISE, brand_id=BRAND, budget_points=1, budget_fen=1, by="Zhao", now=now)
    with pytest.raises(TermsMoved, match="Another person"):
        trade_terms.publish(tx, made.id, by="Zhao", now=now)
    first = trade_terms.publish(tx, made.id, by="Qian", now=now)
    second = promised(tx, now + timedelta(days=1), replace(PROMISE, sale_points=20))
    assert trade_terms.at(tx, BRAND, now - timedelta(seconds=1)) is None
    assert trade_terms.at(tx, BRAND, now).id == first.id
    assert trade_terms.at(tx, BRAND, now + timedelta(days=2)).id == second.id
    with pytest.raises(BadRequest, match="assistant_percent"):
        trade_terms.draft(
            tx, Promise(case_points=1, assistant_percent=101), brand_id=1, budget_points=1, budget_fen=1, by="Z",
            now=now,
        )  # fmt: skip
    with pytest.raises(BadRequest, match="Promise something"):
        trade_terms.draft(tx, Promise(), brand_id=1, budget_points=1, budget_fen=1, by="Z", now=now)


def test_a_case_rewards_its_store_once_for_ever(tx, now):
    promised(tx, now)
    owner = shop(tx, now)
    first = opened(tx, now, owner)
    assert (first.state, first.points, first.assistant_points) == ("opened", 50, 0)
    assert opened(tx, now, owner, id_=first.id) == first
    with pytest.raises(OpeningReused):
        opened(tx, now, owner, Case("069012345000000031"), id_=first.id)
    assert opened(tx, now, owner).reason == "already-opened"
    moved = replace(CASE, sscc="069012345000000048", formerly=(CASE.sscc,))
    assert opened(tx, now, owner, moved).reason == "already-opened"
    assert points(tx, trade.store(owner.partner.id)) == 50
    assert rebates.months(tx, DEALER)[0].waiting == 200
    assert check_invariants(tx) == []


@pytest.mark.parametrize(
    ("case", "why"),
    [
        (Case(CASE.sscc), "unknown-case"),
        (replace(CASE, level="pallet"), "not-a-case"),
        (replace(CASE, is_retired=True), "not-a-case"),
        (replace(CASE, dealer_id=None), "not-shipped"),
        (replace(CASE, dealer_id=OTHER_DEALER), "other-dealer"),
    ],
)
def test_what_is_no_case_of_the_store_is_refused_and_kept(tx, now, case, why):
    promised(tx, now)
    owner = shop(tx, now)
    got = opened(tx, now, owner, case)
    assert (got.state, got.reason) == ("refused", why)
    assert opened(tx, now, owner, case, id_=got.id) == got
    [kept] = openings.refused(tx)
    assert (kept.id, kept.dealer_id, kept.partner_id) == (got.id, case.dealer_id, owner.partner.id)
    assert points(tx, trade.store(owner.partner.id)) == 0
    assert opened(tx, now, owner).state == "opened"


def test_two_stores_and_many_taps_open_a_case_once(database, now):
    with transaction(database) as tx:
        promised(tx, now)
        people = [shop(tx, now, owner=UUID(int=at), assistant=None, code=f"CD-{at}") for at in range(101, 109)]

    def tap(person):
        with transaction(database) as tx:
            return opened(tx, now, person)

    with ThreadPoolExecutor(16) as pool:
        got = list(pool.map(tap, people * 2))
    assert sorted(one.state for one in got) == ["opened"] + ["refused"] * 15
    with reading(database) as tx:
        assert sum(points(tx, person.partner.owner) for person in people) == 50
        assert check_invariants(tx) == []


def test_a_sale_rewards_store_assistant_and_dealer_and_says_where_from(tx, now, campaign):
    promised(tx, now)
    owner = shop(tx, now)
    opened(tx, now, trade.working(tx, WU))
    scan_id = scan(tx, now, 7, sscc=CASE.units[1])
    assert [settle(tx, now), settle(tx, now)] == [1, 0]
    store = trade.store(owner.partner.id)
    assert (points(tx, store), points(tx, trade.assistant(WU))) == (35 + 7, 15 + 3)
    assert wallet.balance(tx, WU, now=now).available == 0
    [month] = rebates.months(tx, DEALER)
    assert (month.month, month.accrued, month.waiting) == ("2026-06", 225, 225)
    sold = next(one for one in wallet.movements(tx, store) if one.reason == "shop-sale")
    found = lineage(tx, sold.transfer_id)
    assert (found.owner, found.item, found.sscc, found.dealer_id) == (store, 7, CASE.units[1], DEALER)
    assert (found.correlation_id, found.partner_id) == (scan_id, owner.partner.id)
    assert check_invariants(tx) == []


@pytest.mark.parametrize("who", [{"buyer": ZHOU}, {"buyer": WU}, {"device": "shop-phone"}])
def test_the_stores_own_phones_and_people_sell_nothing(tx, now, campaign, who):
    promised(tx, now)
    owner = shop(tx, now)
    opened(tx, now, owner)
    scan(tx, now, 7, **who)
    settle(tx, now)
    assert points(tx, trade.store(owner.partner.id)) == 50
    assert rebates.months(tx, DEALER)[0].accrued == 200
    assert [row.unpaid for row in tx.execute(trade_tables.sales.select())] == ["own-scan"]


def test_a_case_that_nobody_opened_earns_the_dealer_alone(tx, now, campaign):
    promised(tx, now)
    owner = shop(tx, now)
    scan(tx, now, 7)
    settle(tx, now)
    opened(tx, now + timedelta(hours=1), owner)
    assert points(tx, trade.store(owner.partner.id)) == 50
    assert [month.accrued for month in rebates.months(tx, DEALER)] == [225]


def test_a_delivered_case_sells_unopened_and_only_its_store_opens_it(tx, now, campaign):
    promised(tx, now)
    owner, other = shop(tx, now), shop(tx, now, owner=WANG, assistant=None, code="CD-002")
    assert [openings.deliver(tx, CASE, owner.partner, now=now) for _ in range(2)] == ["", ""]
    assert openings.deliver(tx, CASE, other.partner, now=now) == "other-store"
    assert opened(tx, now, other).reason == "other-store"
    scan(tx, now, 7)
    settle(tx, now)
    assert opened(tx, now, owner).state == "opened"
    assert points(tx, owner.partner.owner) == 60


def test_what_undoes_the_consumers_scan_undoes_all_it_brought(tx, now, campaign):
    promised(tx, now)
    owner = shop(tx, now)
    opened(tx, now, trade.working(tx, WU))
    before = [points(tx, trade.store(owner.partner.id)), points(tx, trade.assistant(WU))]
    scan_id = scan(tx, now, 7)
    settle(tx, now)
    assert reversing.withdraw(tx, [scan_id], reason="leaked", now=now) == {scan_id: 5}
    assert reversing.withdraw(tx, [scan_id], reason="leaked", now=now) == {scan_id: 0}
    assert [points(tx, trade.store(owner.partner.id)), points(tx, trade.assistant(WU))] == before
    [month] = rebates.months(tx, DEALER)
    assert (month.accrued, month.waiting, month.withdrawn) == (225, 200, 25)
    early = scan(tx, now, 8)
    reversing.withdraw(tx, [early], reason="leaked", now=now)
    settle(tx, now)
    assert [points(tx, trade.store(owner.partner.id)), points(tx, trade.assistant(WU))] == before
    assert check_invariants(tx) == []


def test_a_decision_about_the_consumer_neither_pays_nor_takes_the_dealers_part(tx, now, campaign):
    promised(tx, now)
    shop(tx, now)
    scan_id = scan(tx, now, 7, hold=True)
    assert settle(tx, now) == 0
    [hold_id] = holding.holds_of(tx, [scan_id])[scan_id]
    holding.settle(tx, [hold_id], reason="looked", now=now)
    assert settle(tx, now) == 1
    assert holding.holds_of(tx, [scan_id]) == {}
    assert [month.waiting for month in rebates.months(tx, DEALER)] == [25]


def test_the_day_of_a_store_and_the_budgets_end(tx, now, campaign):
    promised(tx, now, replace(PROMISE, store_day_points=65, assistant_percent=0), points=75, fen=230)
    owner = shop(tx, now)
    opened(tx, now, owner)
    for item in (7, 8, 9):
        scan(tx, now, item)
    settle(tx, now)
    tomorrow = now + timedelta(days=1)
    for item in (10, 11):
        scan(tx, tomorrow, item)
    settle(tx, tomorrow)
    said = {row.item: (row.points, row.rebate_fen, row.unpaid) for row in tx.execute(trade_tables.sales.select())}
    assert said == {
        7: (10, 25, ""), 8: (0, 0, "capped"), 9: (0, 0, "capped"), 10: (10, 0, ""), 11: (0, 0, "budget-exhausted"),
    }  # fmt: skip
    assert points(tx, owner.partner.owner) == 70
    assert check_invariants(tx) == []


def test_withheld_rebates_wait_for_two_people_or_their_end(tx, now, campaign):
    terms = promised(tx, now)
    shop(tx, now)
    scan(tx, now, 7)
    settle(tx, now)
    asked = {"dealer_id": DEALER, "region": URUMQI, "case_id": 5, "reason": "12 箱在乌鲁木齐", "days": 60}
    one = rebates.propose(tx, **asked, by="Zhao", now=now)
    with pytest.raises(WithholdingMoved, match="already"):
        rebates.propose(tx, **asked, by="Sun", now=now)
    with pytest.raises(WithholdingMoved, match="Another person"):
        rebates.approve(tx, one.id, by="Zhao", now=now)
    assert rebates.withheld(tx, [DEALER]) == set()
    rebates.approve(tx, one.id, by="Qian", now=now)
    scan(tx, now, 8)
    settle(tx, now)
    due = terms.matures_at(now)
    assert (due.month, due.day, due.hour) == (7, 16, 0)
    holding.sweep(tx, now=due)
    [month] = rebates.months(tx, DEALER)
    assert (month.matured, month.waiting, month.withheld) == (0, 0, 50)
    rebates.ask_release(tx, one.id, by="Qian", reason="已核实授权", now=due)
    with pytest.raises(WithholdingMoved, match="Another person"):
        rebates.release(tx, one.id, by="Qian", now=due)
    rebates.release(tx, one.id, by="Zhao", now=due)
    holding.sweep(tx, now=due)
    assert rebates.balance_fen(tx, DEALER) == 50
    assert check_invariants(tx) == []


def test_a_withholding_lapses_and_everything_is_paid(tx, now, campaign):
    promised(tx, now)
    scan(tx, now, 7)
    settle(tx, now)
    asked = {"dealer_id": DEALER, "case_id": 5, "reason": "核查", "by": "Zhao", "now": now}
    first = rebates.propose(tx, **asked, region=URUMQI, days=60)
    second = rebates.propose(tx, **asked, region=440100, days=90)
    for one in (first, second):
        rebates.approve(tx, one.id, by="Qian", now=now)
    for days, paid in ((60, 0), (90, 25)):
        later = now + timedelta(days=days)
        assert [rebates.sweep(tx, now=later), rebates.sweep(tx, now=later)] == [1, 0]
        holding.sweep(tx, now=later)
        assert rebates.balance_fen(tx, DEALER) == paid
    assert [one.state for one in rebates.of_dealer(tx, DEALER)] == ["lapsed", "lapsed"]
    with pytest.raises(WithholdingMoved, match="lapsed"):
        rebates.ask_release(tx, first.id, by="Zhao", reason="x", now=now)


def test_an_erased_assistant_works_for_nobody_and_leaves_the_books_true(tx, now, campaign):
    ensure_months(tx, now)
    promised(tx, now)
    shop(tx, now)
    wu = members.find_or_create(tx, phone="13812345678", keys=members.MemberKeys(b"s" * 32, b"f" * 32), now=now)
    person = trade.join(tx, "CD-001", member_id=wu, now=now)
    trade.accept(tx, person.id, partner_id=person.partner.id, by="owner", now=now)
    opened(tx, now, trade.working(tx, wu))
    assert points(tx, trade.assistant(wu)) == 15
    assert members.erase(tx, wu, now=now)["lapsed_points"] == 15
    assert (points(tx, trade.assistant(wu)), trade.of_member(tx, wu)) == (0, None)
    scan(tx, now, 7)
    settle(tx, now)
    assert points(tx, trade.store(person.partner.id)) == 35 + 10
    assert check_invariants(tx) == []


def test_two_sweepers_reward_each_sale_once(database, now):
    with transaction(database) as tx:
        promised(tx, now)
        made = campaigns.draft(
            tx, name_zh="首扫", name_en="First", rule="true", points=5, budget_points=10_000, starts_at=now, now=now
        )
        campaigns.publish(tx, made.id, made.version, now=now)
        owner = shop(tx, now)
        opened(tx, now, owner)
        for item in range(60):
            scan(tx, now, item, buyer=UUID(int=500 + item))
        following.follow(tx, now=now)

    def work(_):
        with transaction(database) as tx:
            return sales.sweep(tx, now=now, limit=7)

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(work, range(30))) == 60
    with reading(database) as tx:
        assert points(tx, owner.partner.owner) == 50 + 600
        assert rebates.months(tx, DEALER)[0].accrued == 200 + 60 * 25
        assert check_invariants(tx) == []
