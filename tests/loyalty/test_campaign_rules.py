"""Caps, stacking, exclusion, awards of every kind, and the receipt that says which rule paid and which was capped."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from threading import Barrier
from uuid import UUID

import pytest
from sqlalchemy import text

from foundation.database import reading, transaction
from foundation.errors import BadRequest, Conflict
from foundation.ids import uuid7
from loyalty import awards, calendar, campaigns, earning, receipts, standings, wallet
from loyalty.awards import ticket
from loyalty.calendar import Birthday
from loyalty.campaigns import AgainstTheConsumer, NeedsAnother, Terms
from loyalty.earning import EarnRequest
from loyalty.invariants import check_invariants
from loyalty.vocabulary import EARN

LI, WANG = UUID(int=1), UUID(int=2)
SEEDS = b"%032d".__mod__


def scan(item, now, *, member=LI, device="phone", gtin="06901234567892", **facts):
    return EarnRequest(uuid7(now), item, gtin, 1, member, False, "", now, facts, device)


def order(ref, now, spend_fen, **facts):
    known = {"spend_fen": spend_fen} | facts
    return EarnRequest(uuid7(now), 0, "", 0, LI, False, "", now, known, scope="order", ref=ref)


def campaign(tx, now, award=10, *, rule="true", budget=1_000_000, **terms):
    award = {"kind": "fixed", "points": award} if isinstance(award, int) else award
    wanted = Terms("活动", "Campaign", rule, award, terms.pop("starts_at", now), **terms)
    made = campaigns.draft_terms(tx, wanted, budget_points=budget, by=None, now=now)
    return campaigns.publish(tx, made.id, 1, seeds=SEEDS, now=now)


def paid(tx, *requests, now):
    return [(one.points, one.reason) for one in earning.reward(tx, requests, seeds=SEEDS, now=now)]


@pytest.fixture(name="tx")
def _tx_with_true_books(tx):
    yield tx
    assert check_invariants(tx) == []


DAY = {"window": "day"}


@pytest.mark.parametrize(
    ("per", "same", "other"),
    [
        ("member", {"device": "x", "gtin": "y"}, {"member": WANG}),
        ("device", {"member": WANG, "gtin": "y"}, {"device": "x"}),
        ("product", {"member": WANG, "device": "x"}, {"gtin": "y"}),
        ("everyone", {"member": WANG, "device": "x", "gtin": "y"}, {"at": 1}),
    ],
)
def test_a_cap_a_day_counts_its_subject_and_starts_anew_at_the_brands_midnight(tx, now, per, same, other):
    campaign(tx, now, caps=[{"per": per, "window": "day", "most": 2}])
    tomorrow = now + timedelta(hours=12)  # The fixture's clock shows noon.
    other = {"at": tomorrow} if "at" in other else other
    moved = scan(4, now, **{name: value for name, value in other.items() if name != "at"})
    scans = [scan(1, now), scan(2, now, **same), scan(3, now, **same), replace(moved, at=other.get("at", now))]
    assert paid(tx, *scans, now=now) == [(10, "first-scan"), (10, "first-scan"), (0, "capped"), (10, "first-scan")]
    assert paid(tx, scan(5, now, **same), scan(6, tomorrow), now=now) == [(0, "capped"), (10, "first-scan")]


def test_a_cap_on_points_pays_the_part_that_is_left_if_it_says_so(tx, now):
    campaign(tx, now, caps=[{"per": "member", "window": "month", "most": 25, "unit": "points", "part": True}])
    awards_made = earning.reward(tx, [scan(at, now) for at in range(1, 5)], now=now)
    assert [one.points for one in awards_made] == [10, 10, 5, 0]
    [tried] = awards_made[2].explain["tried"]
    assert (tried["result"], tried["points"], tried["paid"], tried["cap"]["most"]) == ("paid", 10, 5, 25)
    assert paid(tx, scan(9, now + timedelta(days=31)), now=now) == [(10, "first-scan")]


def test_bases_compete_the_best_multiplier_adds_and_bonuses_stack(tx, now):
    campaign(tx, now, 10, priority=5, caps=[{"per": "member", "window": "ever", "most": 1}])
    campaign(tx, now, 4)
    for factor in ("2", "3"):
        campaign(tx, now, {"kind": "times", "factor": factor}, stacking="multiplier", rule="weekday == 1")
    campaign(tx, now, 7, stacking="bonus", exclusion_group="gift", priority=2)
    campaign(tx, now, 8, stacking="bonus", exclusion_group="gift", priority=1)
    campaign(tx, now, 1, stacking="bonus", rule="nth_scan == 2")
    first, second = earning.reward(tx, [scan(1, now), scan(2, now)], now=now)
    assert [part["points"] for part in first.parts] == [10, 20, 7]
    assert [part["points"] for part in second.parts] == [4, 8, 7, 1]
    assert (first.points, second.points, wallet.balance(tx, LI, now=now).available) == (37, 20, 57)
    results = [tried["result"] for tried in second.explain["tried"]]
    assert results == ["capped", "paid", "smaller-factor", "paid", "paid", "excluded", "paid"]


def test_a_campaign_that_stops_ends_the_trying(tx, now):
    campaign(tx, now, 10, stops=True, rule="province == 510000")
    campaign(tx, now, 5, stacking="bonus")
    awards_made = earning.reward(tx, [scan(1, now, province=510000), scan(2, now)], now=now)
    assert [one.points for one in awards_made] == [10, 5]


def test_an_empty_budget_uses_up_no_cap(tx, now):
    campaign(tx, now, 10, budget=10, caps=[DAY | {"per": per, "most": 5} for per in ("everyone", "member")])
    campaign(tx, now, 3, priority=-1)
    assert [points for points, _ in paid(tx, *[scan(at, now) for at in range(1, 4)], now=now)] == [10, 3, 3]
    assert tx.execute(text("SELECT used FROM cap_counters")).scalar_one() == 1
    leases = (
        "SELECT amount - remaining FROM budget_leases WHERE budget_id = (SELECT id FROM budgets WHERE purpose <> '')"
    )
    assert tx.execute(text(leases)).scalar_one() == 1


def test_the_nth_scan_the_streak_and_the_tier_are_known(tx, now):
    campaign(tx, now, {"kind": "tiered", "by": "nth_scan", "steps": [[1, 1], [3, 30]]})
    campaign(tx, now, 50, stacking="bonus", rule="streak_days >= 3")
    campaign(tx, now, 5, stacking="bonus", rule='tier == "gold" and contains(segments, "tea")')
    days = [now + timedelta(days=at) for at in (0, 1, 1, 2, 4)]
    assert [paid(tx, scan(at + 1, day), now=day)[0][0] for at, day in enumerate(days)] == [1, 1, 30, 80, 30]
    standings.set_tier(tx, LI, "gold")
    standings.set_segments(tx, LI, ["tea", "new"])
    last = days[-1]
    assert paid(tx, scan(9, last), order("o", last, 100), now=last) == [(35, "first-scan"), (0, "no-campaign")]


def test_a_yuan_a_point_each_slice_by_its_rate_and_never_a_fraction(tx, now):
    campaign(
        tx, now, {"kind": "per_yuan", "slices": [[0, "1"], [10_000, "1.5"]]}, trigger="order", rule="spend_fen >= 100"
    )
    campaign(tx, now, {"kind": "times", "factor": "2"}, trigger="order", stacking="multiplier", rule="is_holiday")
    orders = [order("a", now, 99), order("b", now, 1_099), order("c", now, 10_199)]
    assert [one for one, _ in paid(tx, *orders, now=now)] == [0, 10, 102]
    national = datetime(2026, 10, 1, 4, tzinfo=UTC)
    assert paid(tx, order("d", national, 1_000), now=national) == [(20, "order")]
    assert paid(tx, order("d", national, 1_000), now=national) == [(20, "order")]
    assert wallet.balance(tx, LI, now=national).available == 132


def test_a_random_award_is_its_ticket_and_can_be_recomputed_from_the_seed(tx, now):
    outcomes = [[1, 90], [10, 9], [100, 1]]
    one = campaign(tx, now, {"kind": "random", "outcomes": outcomes})
    assert one.commitment == awards.commitment(SEEDS(one.id))
    made = earning.reward(tx, [scan(at, now) for at in range(1, 400)], seeds=SEEDS, now=now)
    for item, award in enumerate(made, 1):
        drawn = ticket(SEEDS(one.id), one.id, item)(100)
        assert award.points == (1 if drawn < 90 else 10 if drawn < 99 else 100)
    assert {award.points for award in made} >= {1, 10}


def test_the_receipt_keeps_what_was_asked_and_what_the_rules_saw(tx, now):
    campaign(tx, now, rule="province == 510000 and nth_scan <= 3")
    asked = scan(7, now, province=540000)
    earning.reward(tx, [asked], now=now)
    kept = receipts.receipt(tx, asked.scan_id)
    assert (kept.state, kept.points, kept.trigger, kept.item) == ("none", 0, "scan", 7)
    assert kept.facts["province"] == 540000
    assert kept.tried[0]["parts"][0] == {"text": "province == 510000", "matched": False, "saw": {"province": 540000}}
    assert kept.tried[0]["result"] == "not-matched"


@pytest.mark.parametrize(
    ("award", "terms"),
    [
        ({"kind": "fixed", "points": 1.5}, {}),
        ({"kind": "fixed", "points": True}, {}),
        ({"kind": "fixed", "points": 1, "extra": 1}, {}),
        ({"kind": "times", "factor": "2"}, {}),
        ({"kind": "times", "factor": "1"}, {"stacking": "multiplier"}),
        ({"kind": "tiered", "by": "tier", "steps": [[1, 1]]}, {}),
        ({"kind": "tiered", "by": "nth_scan", "steps": [[3, 1], [1, 2]]}, {}),
        ({"kind": "per_yuan", "slices": [[5, "1"]]}, {}),
        ({"kind": "per_yuan", "slices": [[0, "NaN"]]}, {}),
        ({"kind": "random", "outcomes": [[1, 0]]}, {}),
        ({"kind": "random", "outcomes": [[1, 1]]}, {"trigger": "order"}),
        (1, {"caps": [{"per": "planet", "window": "day", "most": 1}]}),
        (1, {"caps": [{"per": "member", "window": "day", "most": 0}]}),
        (1, {"caps": [{"per": "everyone", "window": "day", "most": 9, "unit": "points", "part": True}]}),
        (1, {"caps": [{"per": "member", "window": "day", "most": 1, "typo": 1}]}),
        (1, {"trigger": "dream"}),
        (1, {"stacking": "pile"}),
    ],
)
def test_terms_that_mean_nothing_are_refused(tx, now, award, terms):
    with pytest.raises(BadRequest):
        campaign(tx, now, award, **terms)


def test_a_second_person_approves_and_a_started_campaign_changes_for_the_better_only(tx, now):
    terms = Terms(
        "活动", "Campaign", "province == 510000", {"kind": "fixed", "points": 5}, now, now + timedelta(days=9)
    )
    one = campaigns.draft_terms(tx, terms, budget_points=100, by="ann", now=now)
    with pytest.raises(Conflict):
        campaigns.publish(tx, one.id, 1, now=now)
    campaigns.submit(tx, one.id, 1, by="bob", now=now)
    for by in ("ann", "bob"):
        with pytest.raises(NeedsAnother):
            campaigns.approve(tx, one.id, 1, by=by, now=now)
    assert campaigns.approve(tx, one.id, 1, by="cyd", now=now).state == "published"
    later = now + timedelta(days=1)
    cap = DAY | {"per": "member", "most": 1}
    for worse in ({"points": 4}, {"rule": "true"}, {"ends_at": later}, {"caps": [cap]}):
        with pytest.raises(AgainstTheConsumer), tx.begin_nested():
            campaigns.revise(tx, one.id, now=later, **worse)
    wider = "province == 510000 or province == 110000"
    better = campaigns.revise(tx, one.id, points=6, rule=wider, by="ann", now=later)
    campaigns.submit(tx, one.id, better.version, by="ann", now=later)
    campaigns.send_back(tx, one.id, better.version, by="cyd", reason="name the cities", now=later)
    campaigns.submit(tx, one.id, better.version, by="ann", now=later)
    campaigns.approve(tx, one.id, better.version, by="cyd", now=later)
    assert paid(tx, scan(1, later, province=110000), now=later) == [(6, "first-scan")]


def test_capped_counters_are_exact_when_everybody_races(database, now):
    """Sixteen batches of one member and one device, and a cap that everyone shares."""
    caps = [{"per": per, "window": "day", "most": most} for per, most in (("member", 30), ("everyone", 40))]
    with transaction(database) as tx:
        campaign(tx, now, caps=caps)
    barrier = Barrier(16)

    def work(nth):
        scans = [scan(nth * 100 + at, now, member=UUID(int=1 + (nth + at) % 2)) for at in range(5)]
        barrier.wait(20)
        with transaction(database) as tx:
            return earning.reward(tx, scans[:: 1 if nth % 2 else -1], now=now)

    with ThreadPoolExecutor(16) as pool:
        reasons = Counter(award.reason for made in pool.map(work, range(16)) for award in made)
    with transaction(database) as tx:
        # What a batch leased and did not use goes to the next: the cap is met exactly, never passed.
        rest = earning.reward(tx, [scan(9_000 + at, now, member=UUID(int=9 + at)) for at in range(40)], now=now)
        reasons += Counter(award.reason for award in rest)
    assert reasons == {"first-scan": 40, "capped": 80}
    with reading(database) as tx:
        assert tx.execute(text("SELECT max(used) FROM cap_counters WHERE cap LIKE 'member%'")).scalar_one() <= 30
        assert check_invariants(tx) == []


@pytest.mark.parametrize(
    ("day", "workday"),
    [
        (date(2026, 10, 1), False),
        (date(2026, 10, 10), True),  # A Saturday worked for the holiday.
        (date(2026, 10, 12), True),
        (date(2026, 10, 11), False),
        (date(2150, 1, 1), None),
    ],
)
def test_make_up_workdays_are_worked_and_unannounced_years_are_unknown(day, workday):
    assert calendar.kind_of_day(day).get("is_workday") is workday


@pytest.mark.parametrize(
    ("birthday", "day", "falls"),
    [
        ((2, 29, False), date(2027, 2, 28), True),
        ((2, 29, False), date(2028, 2, 28), False),
        ((2, 29, False), date(2028, 2, 29), True),
        ((1, 1, True), date(2026, 2, 17), True),  # Lunar new year.
        ((8, 15, True), date(2026, 9, 25), True),  # Mid-autumn.
        ((6, 1, True), date(2025, 7, 25), False),  # The leap sixth month; the first one was kept on 25 June.
        ((6, 1, True), date(2025, 6, 25), True),
        ((12, 30, True), date(2026, 2, 16), True),  # The twelfth month has 29 days: its last counts.
    ],
)
def test_birthdays_by_either_calendar(birthday, day, falls):
    at = datetime(day.year, day.month, day.day, tzinfo=UTC)
    month, on, lunar = birthday
    assert Birthday(month, on, lunar, at - timedelta(days=31)).falls_on(day, now=at) is falls
    assert not Birthday(month, on, lunar, at - timedelta(days=3)).falls_on(day, now=at)


def test_every_fact_has_words_in_both_languages():
    assert all(declared.zh and declared.en for declared in EARN.facts.values())
