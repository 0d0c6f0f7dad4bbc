"""A decision labels the rules that raised the case; a case taken up again says nothing."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from antifraud import cases, labels
from antifraud.alerts import raise_alerts
from antifraud.cases import CaseMoved
from antifraud.findings import Alert, Reason, Severity
from foundation import ids
from foundation.database import reading, transaction


def alert(code, now, pivot="item:7"):
    return Alert(Reason(code, {}, 2.5), Severity.HIGH, pivot, ids.uuid7(now), 7, None, None, "test")


def decided(tx, now, raised, outcome="false_positive"):
    (case_id,) = raise_alerts(tx, raised, now=now).values()
    cases.take(tx, case_id, by="lin", now=now)
    cases.decide(tx, case_id, outcome, by="lin", reason="looked", now=now)
    return case_id


def test_every_code_of_a_case_is_labelled_once_with_its_first_scan(tx, now):
    raised = [alert(code, now) for code in ("CLN_USERS_MANY", "CLN_TRAVEL_AIR", "CLN_TRAVEL_AIR")]
    case_id = decided(tx, now, raised, "confirmed_risk")
    assert [(one.code, one.pivot, one.scan_id) for one in labels.of_case(tx, case_id)] == [
        ("CLN_TRAVEL_AIR", "item:7", raised[1].scan_id), ("CLN_USERS_MANY", "item:7", raised[0].scan_id),
    ]  # fmt: skip
    said = {
        (one.outcome, one.source, one.weight, one.decided_by, one.decided_at) for one in labels.of_case(tx, case_id)
    }
    assert said == {("confirmed_risk", "case", 1.0, "lin", now)}


def test_the_case_of_an_appeal_says_so(tx, now):
    case_id = decided(tx, now, [alert("APPEAL_RAISED", now, f"appeal:{UUID(int=7)}")])
    assert [one.source for one in labels.of_case(tx, case_id)] == ["appeal"]


def test_a_case_taken_up_again_says_nothing_until_it_is_decided_anew(tx, now):
    case_id = decided(tx, now, [alert("CLN_TRAVEL_AIR", now)])
    cases.reopen(tx, case_id, by="zhou", reason="new photos", now=now)
    assert labels.of_case(tx, case_id) == []
    cases.decide(tx, case_id, "confirmed_risk", by="zhou", reason="copied", now=now)
    assert [(one.outcome, one.decided_by) for one in labels.of_case(tx, case_id)] == [("confirmed_risk", "zhou")]


def test_a_refused_reopening_keeps_the_labels(tx, now):
    case_id = decided(tx, now, [alert("CLN_TRAVEL_AIR", now)])
    raise_alerts(tx, [alert("CLN_TRAVEL_AIR", now)], now=now)
    with pytest.raises(CaseMoved):
        cases.reopen(tx, case_id, by="lin", reason="again", now=now)
    assert len(labels.of_case(tx, case_id)) == 1


def test_of_two_who_decide_at_once_one_labels(database, now):
    with transaction(database) as tx:
        (case_id,) = raise_alerts(tx, [alert("CLN_TRAVEL_AIR", now)], now=now).values()
        cases.take(tx, case_id, by="lin", now=now)

    def decide(outcome):
        try:
            with transaction(database) as tx:
                return cases.decide(tx, case_id, outcome, by="lin", reason="looked", now=now).outcome
        except CaseMoved:
            return None

    with ThreadPoolExecutor(4) as people:
        stands = [outcome for outcome in people.map(decide, cases.OUTCOMES) if outcome]
    with reading(database) as tx:
        assert [one.outcome for one in labels.of_case(tx, case_id)] == stands
    assert len(stands) == 1
