"""What sleeps is listed, ends by itself, and wakes for something graver."""

from datetime import timedelta

import pytest

from antifraud import cases, snoozes
from antifraud.alerts import raise_alerts
from antifraud.findings import Alert, Reason, Severity
from antifraud.snoozes import NoSuchSnooze, SnoozeEnded
from foundation import ids
from foundation.errors import BadRequest

DAY = timedelta(days=1)
CODE, OTHER = "DIV_CARTON_TASK", "CLN_USERS_MANY"


def opened(tx, now, pivot, *codes, severity=Severity.MEDIUM):
    raised = [Alert(Reason(code, {}, 2.5), severity, pivot, ids.uuid7(now), 7, None, None, "test") for code in codes]
    return cases.case(tx, raise_alerts(tx, raised, now=now)[pivot])


def add(tx, now, prefix="dealer:7:", *, until=30 * DAY, code=CODE, reason="authorised sale"):
    return snoozes.add(tx, code, prefix, until=now + until, by="lin", reason=reason, now=now)


def shown(tx, now):
    return [case.pivot for case in cases.queue(tx, now=now)]


def test_a_rule_puts_open_and_coming_cases_to_sleep_until_its_end(tx, now):
    opened(tx, now, "dealer:7:650100", CODE)
    rule = add(tx, now)
    opened(tx, now, "dealer:7:110000", CODE)
    opened(tx, now, "dealer:70:110000", CODE)
    opened(tx, now, "dealer:7:310000", CODE, OTHER)
    assert sorted(shown(tx, now)) == ["dealer:70:110000", "dealer:7:310000"]
    assert snoozes.rules(tx, now=now) == [rule]
    assert [(one.pivot, one.until, one.by) for one in snoozes.asleep(tx, now=now)] == [
        ("dealer:7:650100", now + 30 * DAY, ""), ("dealer:7:110000", now + 30 * DAY, ""),
    ]  # fmt: skip
    assert len(shown(tx, now + 30 * DAY)) == 4
    assert snoozes.rules(tx, now=now + 30 * DAY) == []
    opened(tx, now + 31 * DAY, "dealer:7:440100", CODE)
    assert "dealer:7:440100" in shown(tx, now + 31 * DAY)


def test_something_graver_wakes_what_a_rule_put_to_sleep(tx, now):
    add(tx, now)
    opened(tx, now, "dealer:7:650100", CODE)
    assert shown(tx, now) == []
    opened(tx, now, "dealer:7:650100", CODE, severity=Severity.CRITICAL)
    assert shown(tx, now) == ["dealer:7:650100"]


def test_a_rule_ended_early_wakes_its_own_and_no_others(tx, now):
    mine, theirs = opened(tx, now, "dealer:7:650100", CODE), opened(tx, now, "dealer:7:110000", CODE)
    cases.snooze(tx, theirs.id, until=now + 5 * DAY, by="zhou", reason="on leave", now=now)
    rule = add(tx, now)
    snoozes.end(tx, rule.id, by="zhou", reason="sale is over", now=now)
    assert shown(tx, now) == [mine.pivot]
    [asleep] = snoozes.asleep(tx, now=now)
    assert (asleep.case_id, asleep.by, asleep.reason) == (theirs.id, "zhou", "on leave")
    with pytest.raises(SnoozeEnded):
        snoozes.end(tx, rule.id, by="zhou", reason="again", now=now)
    with pytest.raises(NoSuchSnooze):
        snoozes.end(tx, 404, by="zhou", reason="again", now=now)


def test_of_two_rules_the_longer_keeps_it_asleep(tx, now):
    opened(tx, now, "dealer:7:650100", CODE)
    long = add(tx, now, "dealer:7:65", until=60 * DAY)
    add(tx, now, until=30 * DAY)
    assert snoozes.asleep(tx, now=now)[0].until == now + 60 * DAY
    snoozes.end(tx, long.id, by="lin", reason="too long", now=now)
    assert snoozes.asleep(tx, now=now)[0].until == now + 30 * DAY


def test_a_case_somebody_works_on_is_not_put_to_sleep(tx, now):
    case = opened(tx, now, "dealer:7:650100", CODE)
    cases.take(tx, case.id, by="zhou", now=now)
    add(tx, now)
    assert cases.case(tx, case.id).snoozed_until is None


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"until": 91 * DAY}, "within 90 days"),
        ({"until": timedelta(0)}, "within 90 days"),
        ({"reason": " "}, "says why"),
        ({"prefix": ""}, "how the pivot begins"),
        ({"code": "NO_SUCH"}, "no reason code"),
    ],
)
def test_a_snooze_ends_has_a_reason_and_names_what_sleeps(tx, now, how, said):
    with pytest.raises(BadRequest, match=said):
        add(tx, now, **how)


def test_a_case_sleeps_ninety_days_at_most(tx, now):
    case = opened(tx, now, "dealer:7:650100", CODE)
    with pytest.raises(BadRequest, match="within 90 days"):
        cases.snooze(tx, case.id, until=now + 91 * DAY, by="lin", reason="later", now=now)
