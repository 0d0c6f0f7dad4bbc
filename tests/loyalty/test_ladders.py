"""The next ladder: one draft, another person publishes it, and nobody's level vanishes under them."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from sqlalchemy import func, select

from foundation.database import reading, transaction
from foundation.errors import BadRequest, Conflict
from loyalty import ladders, tiers
from loyalty.ladders import LadderMoved
from loyalty.standing_tables import tier_drafts

LI, WU = UUID(int=1), UUID(int=2)


def level(tier, needs, benefits=()):
    return {"tier": tier, "zh": tier, "en": tier, "needs": needs, "benefits": list(benefits)}


LEVELS = [level("regular", {}), level("silver", {"growth": 100, "scans": 3}), level("gold", {"growth": 900})]


def save(tx, levels, now, by="Zhao"):
    return ladders.save(tx, levels, period_days=365, notice_days=30, by=by, now=now)


def test_another_person_publishes_the_draft(tx, now):
    made = save(tx, LEVELS, now)
    with pytest.raises(LadderMoved, match="Another person"):
        ladders.publish(tx, made.id, by="Zhao", now=now)
    changed = save(tx, LEVELS[:2], now, by="Qian")
    assert (changed.id, changed.drafted_by, len(changed.levels)) == (made.id, "Qian", 2)
    assert ladders.publish(tx, made.id, by="Zhao", now=now).version == 1
    assert [one.tier for one in tiers.in_force(tx).levels] == ["regular", "silver"]
    with pytest.raises(LadderMoved, match="meanwhile"):
        ladders.publish(tx, made.id, by="Sun", now=now)
    again = save(tx, LEVELS, now)
    ladders.drop(tx, again.id, by="Zhao", now=now)
    assert (ladders.current(tx), tiers.in_force(tx).version) == (None, 1)


def test_what_it_would_do_is_counted_on_the_members_of_today(tx, now):
    tiers.credit(tx, LI, key="a", growth=600, scans=1, now=now)
    tiers.credit(tx, WU, key="b", growth=1, scans=3, now=now)
    assert ladders.foresee(tx, LEVELS) == {"silver": 2}
    assert ladders.foresee(tx, [LEVELS[0], level("gold", {"growth": 600})]) == {"regular": 1, "gold": 1}


def test_a_level_with_members_on_it_cannot_vanish(tx, now):
    tiers.credit(tx, LI, key="a", growth=600, now=now)
    made = save(tx, [LEVELS[0], level("gold", {"growth": 900})], now)
    with pytest.raises(Conflict, match="1 members stand on silver"):
        ladders.publish(tx, made.id, by="Qian", now=now)


@pytest.mark.parametrize(
    ("levels", "period", "notice", "says"),
    [
        ([], 365, 30, "first level"),
        ([level("a", {"growth": 1})], 365, 30, "first level"),
        ([level("a", {}), level("a", {"growth": 1})], 365, 30, "one name"),
        ([level("a", {}), level("B!", {"growth": 1})], 365, 30, "small letters"),
        ([level("a", {}) | {"zh": " "}], 365, 30, "both languages"),
        ([level("a", {}, ["free-beer"])], 365, 30, "no benefit"),
        ([level("a", {}), level("b", {})], 365, 30, "needs nothing"),
        ([level("a", {}), level("b", {"luck": 1})], 365, 30, "more luck"),
        ([level("a", {}), level("b", {"growth": 5}), level("c", {"growth": 5})], 365, 30, "more growth than b"),
        ([level("a", {})], 0, 0, "period"),
        ([level("a", {})], 30, 31, "period"),
        ([level("a", {}), *(level(f"l{n}", {"growth": n}) for n in range(1, 13))], 365, 30, "12 levels"),
    ],
)
def test_a_ladder_that_makes_no_sense_is_refused(tx, now, levels, period, notice, says):
    with pytest.raises(BadRequest, match=says):
        ladders.save(tx, levels, period_days=period, notice_days=notice, by="Zhao", now=now)
    assert ladders.current(tx) is None


def test_two_who_begin_at_once_write_one_draft(database, now):
    def begin(n):
        with transaction(database) as tx:
            return save(tx, LEVELS, now, by=f"person {n}").id

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(begin, range(8)))) == 1
    with reading(database) as tx:
        assert tx.execute(select(func.count()).select_from(tier_drafts)).scalar() == 1
