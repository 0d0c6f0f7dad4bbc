"""Whom a person is called about: nobody for one weak sign, each once, those who belong together in one case."""

import numpy as np
import pytest

from antifraud.batch.calling import Calls, call
from antifraud.batch.fusion import PRIOR, SCORES, Weights
from antifraud.batch.proof import found
from antifraud.findings import Severity
from antifraud.params import Params
from tests.antifraud.batch.rows import cartons

WEIGHTS = Weights("test", dict.fromkeys(SCORES, -5.0), PRIOR.weight)
TABLE = cartons(*[{"carton": c, "run": 1 + c // 10, "first_item": 24 * c} for c in range(20)])
OWNERS = {"device:50": (1, 2), "payee:60": (2, 3)}


def sign(code, pivot, nats=3.0, severity=Severity.HIGH, **more):
    return found(code, severity, pivot, {}, nats, at=7, holds=True, **more)


def people_of(one):
    kind, _, number = one.pivot.partition(":")
    return one.people or ((int(number),) if kind == "person" else OWNERS.get(one.pivot, ()))


def told(state, *said):
    return call(list(said), people_of, TABLE, state, WEIGHTS, Params())


def calls(findings):
    return [one for one in findings if one.finding.severity > Severity.INFO]


def test_one_weak_sign_is_for_the_file_and_holds_nothing():
    (filed,) = told(Calls(), sign("ABU_VELOCITY", "person:1"))
    assert (filed.code, filed.finding.severity, filed.finding.holds) == ("ABU_VELOCITY", Severity.INFO, False)


def test_signs_add_up_over_time_and_call_once():
    state = Calls()
    assert calls(told(state, sign("ABU_VELOCITY", "person:1"))) == []
    (one,) = calls(told(state, sign("ABU_DENSE_BLOCK", "block:1", nats=5.0, people=(1, 9))))
    assert (one.code, one.pivot, one.people, one.finding.holds) == ("ABU_FUSED", "block:1", (1,), True)
    assert one.values["codes"] == ["ABU_DENSE_BLOCK", "ABU_VELOCITY"]
    assert one.values["probability"] == pytest.approx(1 / (1 + np.exp(-3)), abs=1e-3)
    assert calls(told(state, sign("ABU_VELOCITY", "person:1"))) == []


def test_who_shares_a_phone_or_a_purse_is_one_case_and_who_comes_later_joins_it():
    state = Calls()
    (first,) = calls(told(state, sign("ABU_DEVICE_REUSE", "device:50", nats=7.0)))
    assert (first.pivot, first.people) == ("device:50", (1, 2))
    (joined,) = calls(told(state, sign("ABU_PAYEE_REUSE", "payee:60", nats=7.0)))
    assert (joined.pivot, joined.people) == ("device:50", (3,))


def test_a_leaked_run_is_one_case_whoever_scans_from_whichever_delivery():
    state = Calls()
    early = [sign("HRV_NOT_SHIPPED", f"shipment:{k}", cartons=(k,)) for k in (1, 2, 15)]
    assert [one.pivot for one in calls(told(state, *early))] == ["shipment:1", "shipment:15"]
    (thief,) = calls(told(state, sign("HRV_PRINT_ORDER", "person:4", nats=7.0, cartons=(3, 4, 5))))
    assert (thief.code, thief.pivot, thief.people) == ("HRV_FUSED", "shipment:1", (4,))


def test_a_canary_of_a_run_calls_once_and_the_thief_is_a_case_of_the_run():
    state = Calls()
    canaries = [sign("PKG_LEAK", f"canary:{item}") for item in (25, 49)]
    assert [one.pivot for one in calls(told(state, *canaries))] == ["canary:25"]
    (thief,) = calls(told(state, sign("HRV_PRINT_ORDER", "person:4", nats=7.0, cartons=(3, 4, 5))))
    assert thief.pivot == "run:1"


def test_cartons_call_from_the_third_to_one_region_and_not_when_the_dealer_is_called_already():
    def task(carton, pivot="dealer:1:310000"):
        return sign("DIV_CARTON_TASK", pivot, cartons=(carton,), severity=Severity.MEDIUM)

    state = Calls()
    assert calls(told(state, task(1), task(2), task(3, "dealer:1:110000"))) == []
    assert [one.pivot for one in calls(told(state, task(2), task(4)))] == ["dealer:1:310000"]
    evidence = sign("DIV_DEALER_EVIDENCE", "dealer:2")
    tasks = [task(k, "dealer:2:310000") for k in (5, 6, 7)]
    assert [one.code for one in calls(told(state, evidence, *tasks))] == ["DIV_DEALER_EVIDENCE"]


def test_nothing_said_is_lost_and_what_no_person_is_about_stays_as_it_was():
    said = [sign("CLN_USERS_MANY", "item:3"), sign("ABU_VELOCITY", "network:8"), sign("HRV_ENUMERATION", "device:50")]
    answer = told(Calls(), *said)
    assert [one.code for one in answer] == ["ABU_VELOCITY", "CLN_USERS_MANY", "HRV_ENUMERATION"]
    assert [one.code for one in calls(answer)] == ["ABU_VELOCITY", "CLN_USERS_MANY"]
