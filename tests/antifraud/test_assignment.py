"""Cases go to the least loaded who can; times are data; what is overdue is told once."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from antifraud import assignment, cases
from antifraud.alerts import raise_alerts
from antifraud.assignment import Colleague, Skills, Subject, can, choose
from antifraud.findings import Alert, Reason, Severity
from foundation import ids
from foundation.database import reading, transaction
from foundation.errors import BadRequest
from tests.codegen.plant import race

HOUR = timedelta(hours=1)


def opened(tx, now, pivot, code="CLN_TRAVEL_AIR", severity=Severity.HIGH):
    alert = Alert(Reason(code, {}, 2.5), severity, pivot, ids.uuid7(now), 7, None, None, "test")
    return raise_alerts(tx, [alert], now=now)[pivot]


def team(tx, now, *people):
    for one in people:
        assignment.set_colleague(tx, one, by="boss", now=now)


def holders(tx, now):
    return [case.assignee for case in sorted(cases.queue(tx, now=now), key=lambda one: one.id)]


def told(tx, kind):
    return list(tx.execute(text("SELECT subject FROM facts WHERE kind = :kind ORDER BY id"), {"kind": kind}).scalars())


@pytest.mark.parametrize(
    ("skills", "fits"),
    [
        (Skills(), True),
        (Skills(codes=["CLN_"]), True),
        (Skills(codes=["DIV_"]), False),
        (Skills(codes=["CLN_", "HRV_"], regions=["51"]), True),
        (Skills(regions=["65"]), False),
        (Skills(gtins=["1", "2"]), True),
        (Skills(gtins=["3"]), False),
        (Skills(brands=[9]), False),
        (Skills(brands=[1, 9]), True),
    ],
)
def test_skills_cover_a_case_or_not(skills, fits):
    subject = Subject(frozenset(["CLN_TRAVEL_AIR"]), frozenset([1]), frozenset(["1"]), frozenset(["510100"]))
    assert can(Colleague("x", 1, skills), subject) is fits


def test_one_reason_beyond_somebodys_skills_is_too_many_and_what_is_unknown_hinders_nobody():
    both = Subject(frozenset(["CLN_TRAVEL_AIR", "DIV_CARTON_TASK"]))
    assert not can(Colleague("x", 1, Skills(codes=["CLN_"])), both)
    assert can(Colleague("x", 1, Skills(brands=[9], regions=["65"])), both)


def test_the_least_loaded_who_is_there_and_below_the_limit_is_chosen():
    people = [
        Colleague("a", 5, load=3), Colleague("b", 2, load=2), Colleague("c", 5, load=2, is_away=True),
        Colleague("d", 5, load=3),
    ]  # fmt: skip
    assert choose(people, Subject(frozenset())).name == "a"
    assert choose(people[1:3], Subject(frozenset())) is None


def test_without_a_team_nothing_is_given_out(tx, now):
    opened(tx, now, "item:1")
    assert assignment.assign_waiting(tx, now=now) == 0
    assert holders(tx, now) == [None]


def test_cases_are_shared_out_up_to_the_limits(tx, now):
    for n in range(5):
        opened(tx, now, f"item:{n}")
    opened(tx, now, "dealer:7:650100", "DIV_CARTON_TASK")
    team(tx, now, Colleague("ann", 2), Colleague("bob", 9, Skills(codes=["DIV_"])), Colleague("cyd", 2))
    assert assignment.assign_waiting(tx, now=now) == 5
    assert holders(tx, now) == ["ann", "cyd", "ann", "cyd", None, "bob"]
    assert [(one.name, one.load) for one in assignment.colleagues(tx)] == [("ann", 2), ("bob", 1), ("cyd", 2)]
    team(tx, now, Colleague("ann", 3))
    assert assignment.assign_waiting(tx, now=now) == 1
    assert cases.history(tx, min(one.id for one in cases.queue(tx, now=now)))[0].actor == "clock"


def test_a_given_case_is_theirs_and_can_be_given_on(tx, now):
    case_id = opened(tx, now, "item:1")
    team(tx, now, Colleague("ann", 1))
    assignment.assign_waiting(tx, now=now)
    assert cases.take_next(tx, by="bob", now=now) is None
    cases.assign(tx, case_id, to="bob", by="boss", now=now)
    assert cases.take_next(tx, by="bob", now=now).id == case_id
    assignment.remove_colleague(tx, "ann", by="boss", now=now)
    with pytest.raises(BadRequest, match="Nobody called ann"):
        assignment.remove_colleague(tx, "ann", by="boss", now=now)


def test_the_region_of_a_dealers_case_decides_who_can(tx, now):
    opened(tx, now, "dealer:7:650100", "DIV_CARTON_TASK")
    team(tx, now, Colleague("ann", 9, Skills(regions=["51"])), Colleague("bob", 9, Skills(regions=["65"])))
    assignment.assign_waiting(tx, now=now)
    assert holders(tx, now) == ["bob"]


def test_times_are_set_per_severity_and_hold_for_what_opens_then(tx, now):
    before = opened(tx, now, "item:1")
    assignment.set_sla(tx, Severity.HIGH, 2 * HOUR, by="boss", now=now)
    after = opened(tx, now, "item:2")
    grave = opened(tx, now, "item:3", severity=Severity.CRITICAL)
    due = [cases.case(tx, one).due_at - now for one in (before, after, grave)]
    assert due == [24 * HOUR, 2 * HOUR, 4 * HOUR]
    assert assignment.slas(tx)[Severity.HIGH] == 2 * HOUR
    cases.take(tx, after, by="ann", now=now)
    cases.decide(tx, after, "inconclusive", by="ann", reason="?", now=now)
    assert cases.reopen(tx, after, by="ann", reason="!", now=now + HOUR).due_at == now + 3 * HOUR
    with pytest.raises(BadRequest, match="a minute to a year"):
        assignment.set_sla(tx, Severity.HIGH, timedelta(0), by="boss", now=now)


def test_what_is_overdue_is_listed_and_told_once_and_again_after_reopening(tx, now):
    late, asleep = opened(tx, now, "item:1"), opened(tx, now, "item:2")
    opened(tx, now + 23 * HOUR, "item:3")
    cases.snooze(tx, asleep, until=now + 48 * HOUR, by="ann", reason="later", now=now)
    then = now + 25 * HOUR
    [breach] = assignment.breaches(tx, now=then)
    assert (breach.case_id, breach.overdue) == (late, HOUR)
    assert [assignment.escalate(tx, now=then) for _ in range(2)] == [1, 0]
    assert told(tx, "case.overdue") == [f"case:{late}"]
    [backlog] = cases.backlog(tx, now=then)
    assert (backlog.open, backlog.overdue, backlog.oldest_opened_at) == (2, 1, now)
    cases.take(tx, late, by="ann", now=then)
    cases.decide(tx, late, "inconclusive", by="ann", reason="?", now=then)
    cases.reopen(tx, late, by="ann", reason="!", now=then)
    assert assignment.escalate(tx, now=then + 25 * HOUR) == 3


def test_a_case_that_opens_is_told_once_however_many_alerts_join(tx, now):
    case_id = opened(tx, now, "item:1")
    opened(tx, now, "item:1")
    other = opened(tx, now, "item:2")
    assert told(tx, "case.opened") == [f"case:{case_id}", f"case:{other}"]


def test_two_workers_at_once_give_each_case_to_one_and_keep_the_limit(database, now):
    with transaction(database) as tx:
        for n in range(8):
            opened(tx, now, f"item:{n}")
        team(tx, now, Colleague("ann", 3), Colleague("bob", 3))
    answers = race(database, *[lambda tx: assignment.assign_waiting(tx, now=now)] * 3)
    assert sum(answers) == 6
    with reading(database) as tx:
        assert sorted(map(str, holders(tx, now))) == ["None"] * 2 + ["ann"] * 3 + ["bob"] * 3
