"""What a person decided about a phone, a network, a member or goods is honoured at the next scan, and ends exactly."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from antifraud import case_actions, door_flags, evidence
from antifraud.alerts import raise_alerts
from antifraud.findings import Alert, Reason, Severity
from foundation import ids
from foundation.database import reading, transaction
from foundation.errors import BadRequest
from tests.antifraud.street import codes, member
from tests.codegen.plant import race

HOUR = timedelta(hours=1)
PHONE = "device:Wang's phone"


def opened(tx, now):
    alert = Alert(Reason("HRV_ENUMERATION", {}, 14.0), Severity.HIGH, PHONE, ids.uuid7(now), None, None, None, "test")
    return raise_alerts(tx, [alert], now=now)[PHONE]


def act(tx, now, kind, subject=PHONE, *, until=HOUR, case_id=None, by="lin"):
    case_id = case_id or opened(tx, now)
    return case_actions.act(tx, case_id, kind, subject, until=now + until, by=by, reason="looks automatic", now=now)


def row(tx, subject=PHONE):
    return tx.execute(text("SELECT state FROM evidence WHERE subject = :s"), {"s": subject}).scalar()


def flag(street, subject, name, *, hours):
    street.evidence.rows[subject] = {"flags": {name: (street.now + timedelta(hours=hours)).timestamp()}}


@pytest.mark.parametrize("subject", [PHONE, f"member:{member('Wang')}", "address:2001:db8:1::/48"])
def test_who_is_blocked_learns_the_verdict_and_takes_nothing(street, subject):
    flag(street, subject, "block", hours=1)
    blocked = street.scan("Wang")
    assert (blocked.verdict, blocked.takes, blocked.blocked, codes(blocked)) == (
        "genuine",
        False,
        True,
        ["ACT_BLOCKED"],
    )
    assert blocked.alerts == ()


def test_another_phone_is_not_touched_and_the_end_of_a_block_is_its_end(street):
    flag(street, PHONE, "block", hours=1)
    assert street.scan("Li").takes
    assert street.scan("Wang", 49, at_h=1).takes


@pytest.mark.parametrize("subject", [PHONE, "item:48", f"sscc:{2:018}"])
def test_what_is_held_is_taken_and_waits(street, subject):
    flag(street, subject, "hold", hours=1)
    held = street.scan("Wang")
    assert (held.takes, held.hold, held.hold_reason) == (True, True, "ACT_HELD")
    assert not street.scan("Wang", 96, at_h=2).hold


def test_a_short_block_is_one_persons_and_a_long_one_takes_two(tx, now):
    case_id = opened(tx, now)
    short = act(tx, now, "block_device", until=24 * HOUR, case_id=case_id)
    assert (short.state, row(tx)) == ("active", {"flags": {"block": short.until.timestamp()}})
    case_actions.undo(tx, short.id, by="zhou", reason="a shop's phone", now=now)
    assert row(tx) is None
    long = act(tx, now, "block_device", until=25 * HOUR, case_id=case_id)
    assert (long.state, row(tx)) == ("proposed", None)
    case_actions.approve(tx, long.id, by="zhou", now=now)
    assert row(tx) == {"flags": {"block": long.until.timestamp()}}


def test_two_flags_on_one_row_end_one_by_one_and_leave_the_rest_of_it(tx, now):
    tx.execute(text("INSERT INTO evidence VALUES (:s, '{\"llr\": 3.2}', :now)"), {"s": PHONE, "now": now})
    case_id = opened(tx, now)
    held = act(tx, now, "hold_points", case_id=case_id, until=2 * HOUR)
    act(tx, now, "challenge", case_id=case_id)
    assert door_flags.challenged(tx, now=now) == {PHONE: now + HOUR}
    assert case_actions.expire(tx, now=now + HOUR) == 1
    assert row(tx) == {"llr": 3.2, "flags": {"hold": held.until.timestamp()}}
    assert evidence.sweep(tx, now=now + timedelta(days=30)) == 0
    assert case_actions.expire(tx, now=now + 2 * HOUR) == 1
    assert (row(tx), door_flags.challenged(tx, now=now)) == ({"llr": 3.2}, {})


def test_a_withdrawn_proposal_takes_no_flag_down(tx, now):
    case_id = opened(tx, now)
    long = act(tx, now, "block_device", until=48 * HOUR, case_id=case_id)
    door_flags.put_up(tx, PHONE, "block", until=now + HOUR, now=now)
    case_actions.undo(tx, long.id, by="lin", reason="typo", now=now)
    assert row(tx) == {"flags": {"block": (now + HOUR).timestamp()}}


@pytest.mark.parametrize("subject", ["item:7", "device:", "dealer:7"])
def test_only_whoever_scans_is_blocked(tx, now, subject):
    with pytest.raises(BadRequest, match="device:…, address:…, member:…"):
        act(tx, now, "block_device", subject)


def test_there_are_no_other_actions(tx, now):
    with pytest.raises(BadRequest, match="no action 'jail'"):
        act(tx, now, "jail")


def test_flags_put_up_and_taken_down_at_once_all_count(database, now):
    with transaction(database) as tx:
        case_id = opened(tx, now)
        held = act(tx, now, "hold_points", case_id=case_id)
    race(
        database,
        lambda tx: case_actions.undo(tx, held.id, by="lin", reason="a mistake", now=now),
        lambda tx: act(tx, now, "challenge", case_id=case_id),
        lambda tx: act(tx, now, "block_device", case_id=case_id),
    )
    with reading(database) as tx:
        end = (now + HOUR).timestamp()
        assert row(tx) == {"flags": {"challenge": end, "block": end}}
