"""Alerts of one pivot meet in one case; a case is worked by one person at a time and every move is recorded."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from antifraud import alerts, cases
from antifraud.alerts import DUE, raise_alerts
from antifraud.cases import CaseMoved, NoSuchCase, Wanted
from antifraud.findings import Alert, Reason, Severity
from foundation import ids
from foundation.database import reading, transaction
from foundation.errors import BadRequest


def alert(pivot="item:7", code="CLN_TRAVEL_AIR", severity=Severity.HIGH, now=None, **values):
    return Alert(
        reason=Reason(code, values, 2.5), severity=severity, pivot=pivot, scan_id=ids.uuid7(now), item=7,
        sscc=None, dealer_id=None, params_version="test",
    )  # fmt: skip


def opened(tx, now, pivot="item:7", **how):
    return raise_alerts(tx, [alert(pivot, now=now, **how)], now=now)[pivot]


def test_alerts_of_one_pivot_meet_in_one_case(tx, now):
    first = raise_alerts(tx, [alert(now=now, v_kmh=2000.0), alert(now=now, code="CLN_USERS_MANY")], now=now)
    later = now + timedelta(hours=5)
    again = raise_alerts(tx, [alert(now=now), alert("item:8", now=now)], now=later)
    assert again["item:7"] == first["item:7"] != again["item:8"]
    found = cases.case(tx, first["item:7"])
    assert (found.alerts, found.state, found.severity) == (3, "pending", Severity.HIGH)
    assert found.codes == ["CLN_TRAVEL_AIR", "CLN_USERS_MANY"]
    assert (found.first_seen_at, found.last_seen_at, found.due_at) == (now, later, now + DUE[Severity.HIGH])
    kept = alerts.of_case(tx, found.id)
    assert [one.code for one in kept] == ["CLN_TRAVEL_AIR", "CLN_USERS_MANY", "CLN_TRAVEL_AIR"]
    assert kept[0].details == {"v_kmh": 2000.0}
    assert alerts.of_scan(tx, kept[1].scan_id) == [kept[1]]


def test_information_opens_no_case_and_joins_an_open_one(tx, now):
    pivot = "dealer:3:310000"
    notice = alert(pivot, "DIV_CARTON_NOTICE", Severity.INFO, now)
    assert raise_alerts(tx, [notice], now=now) == {}
    assert [one.case_id for one in alerts.of_pivot(tx, pivot)] == [None]
    case_id = opened(tx, now, pivot, code="DIV_CARTON_TASK", severity=Severity.MEDIUM)
    assert raise_alerts(tx, [alert(pivot, "DIV_CARTON_NOTICE", Severity.INFO, now)], now=now) == {pivot: case_id}
    assert (cases.case(tx, case_id).alerts, cases.case(tx, case_id).codes) == (
        2, ["DIV_CARTON_NOTICE", "DIV_CARTON_TASK"],
    )  # fmt: skip


def test_something_graver_brings_the_due_time_forward_and_ends_a_snooze(tx, now):
    case_id = opened(tx, now, severity=Severity.MEDIUM)
    cases.snooze(tx, case_id, until=now + timedelta(days=30), by="lin", reason="a promotion", now=now)
    opened(tx, now, severity=Severity.MEDIUM)
    assert cases.queue(tx, now=now) == []
    assert [one.id for one in cases.queue(tx, Wanted(snoozed=True), now=now)] == [case_id]
    opened(tx, now, severity=Severity.CRITICAL)
    assert [(one.id, one.due_at) for one in cases.queue(tx, now=now)] == [(case_id, now + DUE[Severity.CRITICAL])]


def test_a_snooze_ends_by_itself_and_not_in_the_past(tx, now):
    case_id = opened(tx, now)
    cases.snooze(tx, case_id, until=now + timedelta(days=1), by="lin", reason="holiday", now=now)
    assert [one.id for one in cases.queue(tx, now=now + timedelta(days=1))] == [case_id]
    with pytest.raises(BadRequest):
        cases.snooze(tx, case_id, until=now, by="lin", reason="for ever", now=now)


def test_the_queue_is_paged_by_due_time_and_filtered(tx, now):
    many = [alert(f"item:{n}", now=now, severity=Severity(1 + n % 3)) for n in range(9)]
    raise_alerts(tx, many, now=now)
    first = cases.queue(tx, now=now, limit=4)
    rest = cases.queue(tx, now=now, limit=9, after=(first[-1].due_at, first[-1].id))
    assert [one.severity for one in first + rest] == sorted((alert.severity for alert in many), reverse=True)
    assert len({one.id for one in first + rest}) == 9
    assert len(cases.queue(tx, Wanted(severity=Severity.HIGH), now=now)) == 6
    assert len(cases.queue(tx, Wanted(pivot="item:3"), now=now)) == 1
    assert cases.queue(tx, Wanted(code="HRV_ENUMERATION"), now=now) == []
    assert [(b.severity, b.open, b.overdue) for b in cases.backlog(tx, now=now + timedelta(hours=5))] == [
        (Severity.CRITICAL, 3, 3), (Severity.HIGH, 3, 0), (Severity.MEDIUM, 3, 0),
    ]  # fmt: skip


def test_the_life_of_a_case_is_its_history(tx, now):
    case_id = opened(tx, now)
    assert cases.take_next(tx, by="lin", now=now).id == case_id
    cases.note(tx, case_id, text="two phones, 1200 km apart", by="lin", now=now)
    cases.assign(tx, case_id, to="zhou", by="boss", now=now)
    done = [{"action": "void", "item": 7}]
    closed = cases.decide(tx, case_id, "confirmed_risk", by="zhou", reason="copied label", actions=done, now=now)
    assert (closed.state, closed.outcome, closed.actions, closed.closed_by) == (
        "closed", "confirmed_risk", done, "zhou",
    )  # fmt: skip
    again = cases.reopen(tx, case_id, by="lin", reason="appeal", now=now + timedelta(days=2))
    assert (again.state, again.outcome, again.assignee) == ("investigating", None, "lin")
    assert [(entry.actor, entry.action) for entry in cases.history(tx, case_id)] == [
        ("lin", "case.take"), ("lin", "case.note"), ("boss", "case.assign"), ("zhou", "case.decide"),
        ("lin", "case.reopen"),
    ]  # fmt: skip


def test_a_case_is_held_until_the_lease_runs_out(tx, now):
    case_id = opened(tx, now)
    cases.take(tx, case_id, by="lin", now=now)
    with pytest.raises(CaseMoved, match="investigating and held by lin"):
        cases.take(tx, case_id, by="zhou", now=now + timedelta(minutes=29))
    assert cases.take_next(tx, by="zhou", now=now + timedelta(minutes=29)) is None
    cases.renew(tx, case_id, by="lin", now=now + timedelta(minutes=29))
    assert cases.take_next(tx, by="zhou", now=now + timedelta(minutes=50)) is None
    assert cases.take_next(tx, by="zhou", now=now + timedelta(minutes=59)).id == case_id
    with pytest.raises(CaseMoved):
        cases.renew(tx, case_id, by="lin", now=now + timedelta(minutes=60))
    with pytest.raises(CaseMoved):
        cases.decide(tx, case_id, "inconclusive", by="lin", reason="late", now=now + timedelta(minutes=60))


def test_an_assigned_case_waits_for_its_person(tx, now):
    case_id = opened(tx, now)
    cases.assign(tx, case_id, to="zhou", by="boss", now=now)
    assert cases.take_next(tx, by="lin", now=now + timedelta(days=9)) is None
    assert cases.take_next(tx, by="zhou", now=now + timedelta(days=9)).id == case_id


def test_a_closed_case_is_not_reopened_beside_a_new_one(tx, now):
    case_id = opened(tx, now)
    cases.take(tx, case_id, by="lin", now=now)
    cases.decide(tx, case_id, "false_positive", by="lin", reason="a gift", now=now)
    assert opened(tx, now) != case_id
    with pytest.raises(CaseMoved, match="closed"):
        cases.reopen(tx, case_id, by="lin", reason="appeal", now=now)


def test_words_that_name_nothing_are_refused(tx, now):
    with pytest.raises(NoSuchCase):
        cases.take(tx, 404, by="lin", now=now)
    with pytest.raises(NoSuchCase):
        cases.note(tx, 404, text="?", by="lin", now=now)
    with pytest.raises(BadRequest, match="confirmed_risk"):
        cases.decide(tx, opened(tx, now), "guilty", by="lin", reason="", now=now)


def test_a_random_walk_agrees_with_a_small_model(tx, now):
    """The model: state, holder, lease end; what is refused there is refused here."""
    case_id, state, holder, lease = opened(tx, now), "pending", None, None
    chance = ids.seeded("cases")
    refused = accepted = 0
    for _ in range(400):
        now += timedelta(minutes=chance.choice([1, 10, 31]))
        who, to = chance.choice(["lin", "zhou"]), chance.choice(["lin", "zhou"])
        move = chance.choice(["take", "release", "assign", "decide", "reopen", "renew"])
        free = holder in (None, who) or (lease is not None and lease <= now)
        holds = state == "investigating" and holder == who
        wanted = {
            "take": state != "closed" and free, "release": holds, "assign": state != "closed",
            "decide": holds, "reopen": state == "closed", "renew": holds,
        }[move]  # fmt: skip
        moves = {
            "take": lambda who=who, now=now: cases.take(tx, case_id, by=who, now=now),
            "release": lambda who=who, now=now: cases.release(tx, case_id, by=who, now=now),
            "assign": lambda who=who, now=now, to=to: cases.assign(tx, case_id, to=to, by=who, now=now),
            "decide": lambda who=who, now=now: cases.decide(tx, case_id, "inconclusive", by=who, reason="", now=now),
            "reopen": lambda who=who, now=now: cases.reopen(tx, case_id, by=who, reason="", now=now),
            "renew": lambda who=who, now=now: cases.renew(tx, case_id, by=who, now=now),
        }
        if not wanted:
            refused += 1
            with pytest.raises(CaseMoved):
                moves[move]()
            continue
        accepted += 1
        found = moves[move]()
        state = {"take": "investigating", "release": "pending", "decide": "closed", "reopen": "investigating"}.get(
            move, state
        )
        holder = {"release": None, "assign": to, "decide": holder}.get(move, who)
        lease = now + cases.LEASE if move in ("take", "reopen", "renew") else None
        assert (found.state, found.assignee, found.leased_until) == (state, holder, lease)
    assert refused > 50
    assert accepted > 50


def raced(n, work):
    """Run work(k) for k < n at the same moment; their answers, exceptions included."""
    start = threading.Barrier(n)

    def run(k):
        start.wait()
        try:
            return work(k)
        except CaseMoved as refusal:
            return refusal

    with ThreadPoolExecutor(n) as pool:
        return list(pool.map(run, range(n)))


def test_twenty_alerts_at_once_make_one_case(database, now):
    def raise_one(k):
        with transaction(database) as tx:
            return raise_alerts(tx, [alert(now=now), alert(f"item:{k}", now=now)], now=now)["item:7"]

    assert len(set(raced(20, raise_one))) == 1
    with reading(database) as tx:
        (found,) = [one for one in cases.queue(tx, now=now) if one.pivot == "item:7"]
        assert found.alerts == len(alerts.of_case(tx, found.id)) == 21  # Number 7 raised both on the same item.


def test_two_analysts_take_the_same_case_and_one_gets_it(database, now):
    with transaction(database) as tx:
        case_id = opened(tx, now)

    def take(k):
        with transaction(database) as tx:
            return cases.take(tx, case_id, by=f"analyst {k}", now=now)

    answers = raced(8, take)
    assert sum(isinstance(answer, CaseMoved) for answer in answers) == 7


def test_analysts_who_ask_for_the_next_case_get_different_ones(database, now):
    with transaction(database) as tx:
        raise_alerts(tx, [alert(f"item:{k}", now=now) for k in range(6)], now=now)

    def take(k):
        with transaction(database) as tx:
            return cases.take_next(tx, by=f"analyst {k}", now=now)

    got = raced(8, take)
    taken = [one.id for one in got if one]
    assert len(taken) == len(set(taken)) >= 1
    with transaction(database) as tx:  # Whoever was stepped over finds the rest on the next call.
        rest = iter(lambda: cases.take_next(tx, by="late", now=now + timedelta(minutes=1)), None)
        assert {one.id for _, one in zip(range(6 - len(taken)), rest, strict=False)}.isdisjoint(taken)


def test_two_decide_at_once_and_one_decision_stands(database, now):
    with transaction(database) as tx:
        case_id = opened(tx, now)
        cases.take(tx, case_id, by="lin", now=now)

    def decide(k):
        with transaction(database) as tx:
            return cases.decide(tx, case_id, cases.OUTCOMES[k % 4], by="lin", reason=str(k), now=now)

    stands = [answer for answer in raced(6, decide) if not isinstance(answer, CaseMoved)]
    assert len(stands) == 1
    with reading(database) as tx:
        assert cases.case(tx, case_id).reason == stands[0].reason
        assert [entry.action for entry in cases.history(tx, case_id)] == ["case.take", "case.decide"]
