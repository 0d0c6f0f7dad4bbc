"""What the desk does beyond paying: drafts written anew, budgets burning, stock that came in, lists page by page."""

from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

import pytest

from foundation import audit
from foundation.errors import BadRequest, Conflict, NotFound
from foundation.ids import uuid7
from loyalty import burning, campaigns, coupons, earning, lab, members, prizes, rewards, tiers
from loyalty.campaigns import AgainstTheConsumer, NeedsAnother, Terms
from loyalty.draws import Prize
from loyalty.members import Identifier, MemberKeys
from loyalty.prizes import Content, PoolMoved
from loyalty.rewards import RewardMoved
from loyalty.rewards import Terms as RewardTerms
from tests.loyalty.test_campaign_rules import LI, SEEDS, scan
from tests.loyalty.test_prizes import SAYS
from tests.loyalty.test_rewards import KEY, TERMS, offered, redeem, rich

KEYS = MemberKeys(sealing=bytes(32), finding=bytes(range(32)))


def drafted(tx, now, **changes):
    terms = Terms("活动", "Campaign", "true", {"kind": "fixed", "points": 10}, now)
    return terms, campaigns.draft_terms(tx, replace(terms, **changes), budget_points=100, by="Zhao", now=now)


def in_force(tx, now):
    terms, made = drafted(tx, now)
    campaigns.submit(tx, made.id, 1, by="Zhao", now=now)
    return terms, campaigns.approve(tx, made.id, 1, by="Qian", now=now)


def test_a_draft_is_written_anew_until_it_is_in_force(tx, now):
    terms, made = drafted(tx, now)
    richer = replace(terms, award={"kind": "fixed", "points": 20}, rule="hour >= 9")
    again = campaigns.amend(tx, made.id, 1, richer, budget_points=500, by="Qian", now=now)
    assert (again.award.factor, again.rule_text, again.drafted_by) == (20, "hour >= 9", "Qian")
    [budget] = burning.budgets(tx)
    assert (budget.total, budget.spent) == (500, 0)
    campaigns.submit(tx, made.id, 1, by="Qian", now=now)
    with pytest.raises(Conflict, match="is no draft"):
        campaigns.amend(tx, made.id, 1, terms, by="Qian", now=now)
    with pytest.raises(NeedsAnother):
        campaigns.approve(tx, made.id, 1, by="Qian", now=now)


def test_a_next_version_is_written_anew_for_the_better_only(tx, now):
    terms, made = in_force(tx, now)
    campaigns.revise(tx, made.id, points=20, by="Zhao", now=now)
    with pytest.raises(AgainstTheConsumer, match="Give no less"):
        campaigns.amend(tx, made.id, 2, replace(terms, award={"kind": "fixed", "points": 5}), by="Zhao", now=now)


def test_ending_a_campaign_takes_a_reason_and_is_kept(tx, now):
    _, made = in_force(tx, now)
    with pytest.raises(BadRequest, match="Say why"):
        campaigns.end(tx, made.id, by="Qian", reason=" ", now=now)
    campaigns.end(tx, made.id, by="Qian", reason="预算调整", now=now)
    assert [one.action for one in audit.history(tx, f"campaign:{made.id}")][-1] == "campaign.end"
    assert campaigns.versions(tx, made.id)[-1].state == "retired"


def test_a_budget_burns_by_the_brands_day(tx, now):
    _, made = in_force(tx, now)
    tomorrow = now + timedelta(hours=12)  # The fixture's clock shows noon.
    for item, at in ((1, now), (2, tomorrow), (3, tomorrow)):
        earning.reward(tx, [scan(item, at)], now=at)
    [budget] = burning.budgets(tx)
    assert (budget.spent, budget.left, budget.asset) == (30, 70, "points")
    days = burning.daily(tx, [made.budget_id], since=date(2026, 6, 1), until=date(2026, 6, 2))
    assert days == {made.budget_id: {date(2026, 6, 1): 10, date(2026, 6, 2): 20}}
    assert burning.daily(tx, [made.budget_id], since=date(2026, 6, 2), until=date(2026, 6, 2))[made.budget_id] == {
        date(2026, 6, 2): 20
    }
    assert burning.ends_on(budget, 15, date(2026, 6, 3)) == date(2026, 6, 7)
    assert burning.ends_on(budget, 0, date(2026, 6, 3)) is None
    with pytest.raises(Conflict, match="being spent"):
        campaigns.budgets.resize(tx, made.budget_id, 200)


def test_a_reward_is_written_anew_and_filled_up(tx, now):
    cup = RewardTerms("goods", "茶杯", "Cup", 300, now, stock=5)
    made = rewards.draft_terms(tx, cup, by="Zhao", now=now)
    made = rewards.amend(tx, made.id, replace(cup, points=200, stock=2), by="Qian", now=now)
    assert (made.points, made.remaining, made.drafted_by) == (200, 2, "Qian")
    with pytest.raises(RewardMoved, match="Another person"):
        rewards.publish(tx, made.id, by="Qian", now=now)
    rewards.publish(tx, made.id, by="Zhao", now=now)
    with pytest.raises(RewardMoved, match="not in the state draft"):
        rewards.amend(tx, made.id, cup, by="Qian", now=now)
    assert rewards.restock(tx, made.id, 3, by="Qian", now=now).remaining == 5
    with pytest.raises(BadRequest, match="how many more"):
        rewards.restock(tx, made.id, 0, by="Qian", now=now)
    endless = offered(tx, now, stock=None)
    with pytest.raises(RewardMoved, match="no stock"):
        rewards.restock(tx, endless.id, 1, by="Qian", now=now)


@pytest.mark.parametrize(
    ("change", "says"),
    [({"name_en": " "}, "both languages"), ({"points": 10**10}, "whole numbers"), ({"ends_at": 0}, "end after")],
)
def test_a_reward_that_makes_no_sense_is_refused(tx, now, change, says):
    change = {name: now if name == "ends_at" else value for name, value in change.items()}
    with pytest.raises(BadRequest, match=says):
        rewards.draft_terms(tx, replace(RewardTerms("goods", "杯", "Cup", 1, now), **change), by="Zhao", now=now)


def test_redemptions_are_listed_page_by_page(tx, now):
    rich(tx, now, LI)
    cup = offered(tx, now, points=10)
    made = [redeem(tx, cup, now + timedelta(seconds=at)) for at in range(3)]
    rewards.fulfil(tx, made[1].id, by="Sun", now=now)
    first = rewards.list_redemptions(tx, limit=2)
    rest = rewards.list_redemptions(tx, limit=2, before=first[-1].id)
    assert [one.id for one in first + rest] == [one.id for one in reversed(made)]
    assert [one.id for one in rewards.list_redemptions(tx, state="confirmed")] == [made[1].id]
    assert rewards.redemption(tx, made[1].id).state == "confirmed"
    with pytest.raises(NotFound):
        rewards.redemption(tx, uuid7(now))


def test_a_coupon_is_looked_at_without_using_it(tx, now):
    made = coupons.issue(tx, member_id=LI, terms=TERMS, source="desk:1", key=KEY, now=now)
    code = coupons.code_of(made.id, KEY)
    assert coupons.look(tx, code.lower()) == made
    coupons.use(tx, code, store="S1", document="D1", now=now)
    assert coupons.look(tx, code).state == "used"
    with pytest.raises(NotFound):
        coupons.look(tx, coupons.code_of(uuid7(now), KEY))


def test_a_person_pauses_the_payouts_of_a_pool_once(tx, now):
    soon = now + timedelta(hours=1)
    pool = prizes.draft(
        tx,
        Content(
            brand_id=1,
            name_zh="奖",
            name_en="Win",
            prizes=[Prize(1, "nothing", "无", "No", 0, 0, 1, None)],
            disclosure=SAYS,
            out_of=1,
            starts_at=soon,
            ends_at=soon + timedelta(days=1),
            minute_fen=1,
            hour_fen=1,
        ),
        by="Zhao",
        now=now,
    )
    with pytest.raises(PoolMoved, match="never announced"):
        prizes.pause(tx, pool.id, by="Qian", reason="看一眼", now=now)
    prizes.publish(tx, pool.id, seeds=SEEDS, by="Qian", now=now)
    with pytest.raises(BadRequest, match="says why"):
        prizes.pause(tx, pool.id, by="Qian", reason="", now=now)
    prizes.pause(tx, pool.id, by="Qian", reason="看一眼", now=now)
    assert prizes.get(tx, pool.id).held_reason == "看一眼"
    with pytest.raises(PoolMoved, match="held already"):
        prizes.pause(tx, pool.id, by="Qian", reason="again", now=now)
    prizes.resume(tx, pool.id, by="Zhao", reason="无事", now=now)
    assert prizes.get(tx, pool.id).held_reason is None


def test_a_bonus_comes_on_top_of_what_there_was(tx, now):
    in_force(tx, now)
    earning.reward(tx, [scan(1, now)], now=now)
    _, bonus = drafted(tx, now, stacking="bonus", award={"kind": "fixed", "points": 3})
    day = date(2026, 6, 1)
    found = lab.replay(tx, bonus, since=day, until=day, budget_points=100)
    assert (found.points, found.paid_then, found.difference, found.gaining, found.losing) == (3, 10, 3, 1, 0)
    _, instead = drafted(tx, now, award={"kind": "fixed", "points": 3})
    found = lab.replay(tx, instead, since=day, until=day, budget_points=100)
    assert (found.difference, found.gaining, found.losing) == (-7, 0, 1)


def test_members_are_counted_by_tier(tx, now):
    tiers.credit(tx, LI, key="a", growth=600, now=now)
    tiers.credit(tx, UUID(int=2), key="b", growth=1, now=now)
    assert tiers.counts(tx) == {"silver": 1, "regular": 1}


def test_staff_see_masks_only(tx, now):
    li = members.identify(tx, [Identifier("phone", "+8613812341234")], keys=KEYS, now=now)
    seen = members.known(tx, li)
    assert (seen.identifiers, seen.erased_at, seen.merged_into) == ((("phone", "138****1234"),), None, None)
    with pytest.raises(NotFound):
        members.known(tx, uuid7(now))
