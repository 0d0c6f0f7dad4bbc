"""What teaches the rules beside a decision: a random audit, an accepted appeal; and no reward waits for nobody."""

import hashlib
import hmac
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from antifraud import audit_sample, cases, labels
from antifraud.alerts import raise_alerts
from antifraud.cases import Wanted
from antifraud.findings import Alert, Reason, Severity
from foundation import clock
from foundation.database import reading, transaction
from scan_api import chores, waiting_rewards
from tests.scan_api.test_appeals import appeal, refused

DAY = timedelta(days=1)


def draw(world, share, *, salt=b"salt"):
    now = clock.now()
    with transaction(world.house.engine) as tx:
        return audit_sample.draw(
            tx, ["06901234567892"], salt=salt, since=now - DAY, until=now + DAY, share=share, now=now
        )


def is_drawn(scan, salt, share):
    digest = hashlib.sha256(salt + str(scan.scan_id).encode()).digest()
    return int.from_bytes(digest[:4]) < int(share * 2**32)


def test_the_sample_is_the_same_whoever_draws_it_and_is_drawn_once(world):
    phone = world.phone("Li")
    for item in world.factory.make_case(24):
        assert phone.scan(item).credited
        phone.scan(item)  # A second look is no first scan.
    first = [scan for scan in world.scans() if scan.verdict == "genuine"]
    wanted = sorted(f"audit:{scan.scan_id}" for scan in first if is_drawn(scan, b"salt", 0.25))
    assert draw(world, 0.25) == len(wanted) > 0
    assert draw(world, 0.25) == 0
    with reading(world.house.engine) as tx:
        now = clock.now()
        drawn = cases.queue(tx, Wanted(pivot="audit:"), now=now)
        assert sorted(case.pivot for case in drawn) == wanted
        assert (cases.queue(tx, now=now), cases.backlog(tx, now=now)) == ([], [])
    assert not any(is_drawn(scan, b"other", 0.0) for scan in first)


def test_a_label_of_the_sample_speaks_for_all_it_stands_for(world):
    assert world.phone("Li").scan(world.factory.make_item()).credited
    assert draw(world, 1.0) == 1
    with transaction(world.house.engine) as tx:
        [case] = cases.queue(tx, Wanted(pivot="audit:"), now=clock.now())
        tx.execute(text("UPDATE alerts SET details = '{\"probability\": 0.005}'"))
        cases.take(tx, case.id, by="Lin", now=clock.now())
        cases.decide(tx, case.id, "false_positive", by="Lin", reason="nothing", now=clock.now())
        [label] = labels.of_case(tx, case.id)
    assert (label.code, label.source, label.weight) == ("AUD_SAMPLE", "audit", pytest.approx(200))


def test_the_worker_draws_for_each_brand_with_a_salt_of_its_own(world, monkeypatch):
    phone = world.phone("Li")
    for item in world.factory.make_case(24):
        phone.scan(item)
    monkeypatch.setattr(audit_sample.draw, "__kwdefaults__", audit_sample.draw.__kwdefaults__ | {"share": 0.5})
    drawn = chores.draw_audits(world.house, clock.now() + 2 * chores.SETTLED)
    salt = hmac.digest(world.house.purpose_key("audit sample"), str(world.factory.brand.id).encode(), hashlib.sha256)
    assert drawn == sum(is_drawn(scan, salt, 0.5) for scan in world.scans())
    assert 0 < drawn < 24


def test_an_accepted_appeal_says_that_what_was_alerted_on_the_scan_was_wrong(world):
    wang, scan_id = refused(world)
    reason = Reason("CLN_USERS_MANY", {}, 2.0)
    alert = Alert(reason, Severity.HIGH, "item:7", UUID(scan_id), 7, None, None, "test")
    with transaction(world.house.engine) as tx:
        raise_alerts(tx, [alert], now=clock.now())
    appeal(world, wang, scan_id)
    [case] = world.cases(code="APL_")
    world.settle(case, "false_positive", "accept-appeal")
    with transaction(world.house.engine) as tx:
        said = [(one.code, one.pivot, one.outcome, one.source) for one in labels.of_case(tx, case.id)]
        assert said == [
            ("APL_CONSUMER", f"appeal:{scan_id}", "false_positive", "appeal"),
            ("CLN_USERS_MANY", "item:7", "false_positive", "appeal"),
        ]
        cases.reopen(tx, case.id, by="Zhou", reason="new photos", now=clock.now())
        assert labels.of_case(tx, case.id) == []


def held(world):
    item = world.factory.make_item()
    world.factory.freeze(item)
    assert world.phone("Wang").scan(item).state == "held"


def requeue(world, at):
    with transaction(world.house.engine) as tx:
        return waiting_rewards.requeue(tx, now=at)


def test_a_reward_that_waits_for_nobody_calls_a_person_until_it_is_settled(world):
    held(world)
    now = clock.now()
    assert requeue(world, now + 2 * DAY) == 0
    assert requeue(world, now + 4 * DAY) == 1
    assert requeue(world, now + 4 * DAY) == 0
    [case] = world.cases(code="HOLD_OVERDUE")
    assert case.pivot.startswith("hold:")
    world.settle(case, "inconclusive")
    assert requeue(world, now + 2 * DAY) == 0
    assert requeue(world, now + 5 * DAY) == 1
    again = next(one for one in world.cases(code="HOLD_OVERDUE") if one.state == "pending")
    assert again.pivot == case.pivot
    world.settle(again, "false_positive", "release-points")
    assert requeue(world, now + 30 * DAY) == 0
    assert world.books() == []
