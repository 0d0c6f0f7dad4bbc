"""Actions that reach points and rebates: what they stopped goes on exactly as it was."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from antifraud import alerts, case_actions, cases, dealer_notices
from antifraud.action_effects import ActedOn
from antifraud.alerts import raise_alerts
from antifraud.case_actions import SecondPersonNeeded
from antifraud.findings import Alert, Reason, Severity
from foundation import clock, ids
from foundation.database import reading, transaction
from foundation.errors import BadRequest
from loyalty import rebates
from scan_api import trading
from scan_api.trading import DealerNotHeard, NoEvidence

DAY = timedelta(days=1)
URUMQI = 650100


def write(world, work):
    with transaction(world.house.engine) as tx:
        return work(tx)


def opened(tx, pivot, scan_ids, code="CLN_USERS_MANY"):
    raised = [Alert(Reason(code, {}, 2.0), Severity.HIGH, pivot, one, None, None, None, "test") for one in scan_ids]
    return raise_alerts(tx, raised, now=clock.now())[pivot]


def act(tx, case_id, kind, subject, *, until=DAY, by="Lin", now=None):
    now = now or clock.now()
    return case_actions.act(tx, case_id, kind, subject, until=now + until, by=by, reason="核查", now=now)


def due_of(world):
    with reading(world.house.engine) as tx:
        return dict(tx.execute(text("SELECT id, mature_at FROM holds WHERE state = 'open' ORDER BY id")).all())


@pytest.mark.parametrize("kind", ["device", "member"])
def test_a_hold_stops_what_is_pending_and_what_comes_and_its_end_lets_both_go(world, kind):
    wang, item, later = world.phone("Wang"), world.factory.make_item(), world.factory.make_item()
    world.factory.freeze(item)
    held = wang.scan(item)
    other = world.factory.make_item()
    world.factory.freeze(other)
    world.phone("Li").scan(other)
    soon = clock.now() + timedelta(days=2)
    write(world, lambda tx: tx.execute(text("UPDATE holds SET mature_at = :soon"), {"soon": soon}))
    before = due_of(world)
    assert set(before.values()) == {soon}
    [scan] = [one for one in world.scans() if one.device == wang.device]
    subject = f"device:{wang.device}" if kind == "device" else f"member:{scan.member_id}"
    case_id = write(world, lambda tx: opened(tx, subject, [scan.scan_id]))
    taken = write(world, lambda tx: act(tx, case_id, "hold_points", subject))
    assert (held.state, sorted(due_of(world).values(), key=str)) == ("held", [soon, None])
    assert wang.scan(later).state == "held"
    write(world, lambda tx: case_actions.undo(tx, taken.id, by="Zhou", reason="家庭手机", now=clock.now()))
    after = due_of(world)
    assert {hold: due for hold, due in after.items() if hold in before} == before
    assert wang.scan(world.factory.make_item()).credited
    assert world.books() == []


def test_a_blocked_phone_is_told_the_truth_and_paid_nothing_until_the_block_ends(world):
    wang, item = world.phone("Wang"), world.factory.make_item()
    subject = f"device:{wang.device}"
    case_id = write(world, lambda tx: opened(tx, subject, [ids.uuid7(clock.now())]))
    taken = write(world, lambda tx: act(tx, case_id, "block_device", subject))
    got = wang.scan(item)
    assert (got.verdict, got.points, got.reason) == ("genuine", 0, "not-now")
    assert world.phone("Li").scan(world.factory.make_item()).credited
    write(world, lambda tx: case_actions.expire(tx, now=taken.until))
    assert wang.scan(item).credited


def test_a_challenged_phone_is_sent_to_the_puzzle_at_the_door(world):
    wang = world.phone("Wang")
    subject = f"device:{wang.device}"
    case_id = write(world, lambda tx: opened(tx, subject, [ids.uuid7(clock.now())]))
    write(world, lambda tx: act(tx, case_id, "challenge", subject))
    edge = world.http.app.state.edge
    edge.standing.work(now=clock.now())
    edge.door.challenged = edge.standing.challenged
    body = {"text": world.factory.make_item().text, "device": wang.device}
    got = world.http.put(f"/v1/scans/{ids.uuid7(clock.now())}", json=body)
    assert (got.status_code, got.json()["type"].split(":")[-1], got.json()["challenge"]) == (
        429, "guessing", "/v1/challenges",
    )  # fmt: skip
    assert "prove that you are a person" in got.json()["detail"]


def of_dealer(world, outcome="confirmed_risk"):
    pivot = f"dealer:{world.factory.dealer.id}:{URUMQI}"
    with transaction(world.house.engine) as tx:
        case_id = opened(tx, pivot, [ids.uuid7(clock.now()) for _ in range(3)], "DIV_CARTON_TASK")
        if outcome:
            cases.take(tx, case_id, by="Lin", now=clock.now())
            cases.decide(tx, case_id, outcome, by="Lin", reason="箱在乌鲁木齐", now=clock.now())
    return case_id, pivot


def test_rebates_wait_only_after_the_dealer_was_heard_and_two_people_agreed(world):
    case_id, pivot = of_dealer(world)
    with transaction(world.house.engine) as tx:
        with pytest.raises(DealerNotHeard):
            act(tx, case_id, "rebate_hold", pivot)
        tx.rollback()
    long_ago = clock.now() - 5 * DAY
    notice = write(world, lambda tx: act(tx, case_id, "dealer_notice", pivot, until=4 * DAY, now=long_ago))
    asked = write(world, lambda tx: act(tx, case_id, "rebate_hold", pivot, until=30 * DAY))
    dealer = world.factory.dealer.id
    with transaction(world.house.engine) as tx:
        assert (notice.state, asked.state, rebates.withheld(tx, [dealer])) == ("active", "proposed", set())
        with pytest.raises(SecondPersonNeeded):
            case_actions.approve(tx, asked.id, by="Lin", now=clock.now())
    held = write(world, lambda tx: case_actions.approve(tx, asked.id, by="Zhou", now=clock.now()))
    with reading(world.house.engine) as tx:
        [standing] = rebates.of_dealer(tx, dealer)
        assert (standing.state, standing.proposed_by, standing.approved_by) == ("held", "Lin", "Zhou")
        assert (rebates.withheld(tx, [dealer]), held.details["withholding"]) == ({dealer}, standing.id)
    write(world, lambda tx: case_actions.expire(tx, now=held.until))
    with reading(world.house.engine) as tx:
        assert (rebates.of_dealer(tx, dealer)[0].state, rebates.withheld(tx, [dealer])) == ("lapsed", set())


def test_rebates_wait_on_no_evidence_on_no_other_dealer_and_not_twice(world):
    case_id, pivot = of_dealer(world, outcome=None)
    with transaction(world.house.engine) as tx:
        with pytest.raises(NoEvidence, match="0 sure cartons"):
            act(tx, case_id, "rebate_hold", pivot)
        tx.rollback()
    case_id, pivot = of_dealer(world)
    ago = clock.now() - 5 * DAY
    write(world, lambda tx: act(tx, case_id, "dealer_notice", pivot, until=4 * DAY, now=ago))
    with transaction(world.house.engine) as tx:
        with pytest.raises(BadRequest, match="hold that dealer's"):
            act(tx, case_id, "rebate_hold", "dealer:999:650100")
        tx.rollback()
    asked = write(world, lambda tx: act(tx, case_id, "rebate_hold", pivot))
    write(world, lambda tx: trading.withhold(tx, case_id, days=9, reason="先", by="Ma", now=clock.now()))
    with transaction(world.house.engine) as tx, pytest.raises(ActedOn, match="withholding for this dealer"):
        case_actions.approve(tx, asked.id, by="Zhou", now=clock.now())


def test_a_notice_counts_its_cartons_and_is_withdrawn_with_its_action(world):
    dealer = world.factory.dealer.id
    pivot = f"dealer:{dealer}:{URUMQI}"

    def carton(n, least):
        reason = Reason("DIV_CARTON_TASK", {"least": least}, 5.0)
        return Alert(reason, Severity.MEDIUM, pivot, ids.uuid7(clock.now()), None, f"{n:018d}", dealer, "1")

    raised = [carton(1, 0.995), carton(2, 0.9), carton(1, 0.999)]
    case_id = write(world, lambda tx: alerts.raise_alerts(tx, raised, now=clock.now())[pivot])
    with transaction(world.house.engine) as tx:
        with pytest.raises(BadRequest, match="at least 3 days"):
            act(tx, case_id, "dealer_notice", pivot, until=2 * DAY)
        tx.rollback()
    sent = write(world, lambda tx: act(tx, case_id, "dealer_notice", pivot, until=7 * DAY))
    with reading(world.house.engine) as tx:
        [notice] = dealer_notices.of_dealer(tx, dealer)
    assert (notice.counts, notice.confidence) == ({"cartons": 2, "sure": 1, "scans": 3}, pytest.approx(0.9495))
    write(world, lambda tx: case_actions.undo(tx, sent.id, by="Zhou", reason="箱号写错", now=clock.now()))
    with reading(world.house.engine) as tx:
        assert dealer_notices.of_dealer(tx, dealer) == []
        assert not dealer_notices.heard(tx, case_id, now=clock.now() + 30 * DAY)
