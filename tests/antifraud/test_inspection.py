"""Inspections: planned at night where doubt is, reported once, and what was found becomes labels."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from antifraud import case_actions, inspection, scan_log
from antifraud.action_effects import ActedOn
from antifraud.alerts import raise_alerts
from antifraud.findings import Alert, Reason, Severity
from antifraud.inspection import InspectionMoved, Inspector, NoSuchInspection
from antifraud.scan_log import Scan
from foundation import ids
from foundation.database import transaction
from foundation.errors import BadRequest
from tests.codegen.plant import race

LIN = Inspector("Lin", 30.66, 104.06, 200.0, 9, is_away=False)
ZHOU = Inspector("Zhou", 31.23, 121.47, 200.0, 9, is_away=False)
EVENING = timedelta(hours=9)  # The fixture's noon makes it nine o'clock.
DAY = timedelta(days=1)


def carton(n):
    return f"{n:018}"


def scanned(tx, now, n, lat=30.7, lon=104.1, method="gps"):
    """A scan of a bottle of that carton; its id."""
    scan_log.ensure_partitions(tx, now)
    one = Scan(
        scan_id=ids.uuid7(now), input_hash=b"x", received_at=now, text="t", verdict="genuine", reasons=[], item=n,
        sscc=carton(n), device="d", address="203.0.113.7", lat=lat, lon=lon, sigma_km=0.01, method=method, answer={},
        params_version="1", features={}, contributions={},
    )  # fmt: skip
    scan_log.record(tx, [one])
    return one.scan_id


def judged(tx, now, **posteriors):
    """What the night thinks of the cartons, by number."""
    tx.execute(
        text("""
        CREATE TABLE IF NOT EXISTS carton_verdicts (sscc text PRIMARY KEY, dealer_id bigint, posterior float8 NOT NULL,
            target integer NOT NULL, scans integer NOT NULL, located integer NOT NULL, mix jsonb NOT NULL,
            judged_at timestamptz NOT NULL)
    """)
    )
    for name, posterior in posteriors.items():
        tx.execute(
            text("INSERT INTO carton_verdicts VALUES (:sscc, 7, :p, 650100, 3, 3, '{}', :now)"),
            {"sscc": carton(int(name[1:])), "p": posterior, "now": now},
        )


def team(tx, now, *people):
    for one in people or (LIN,):
        inspection.set_inspector(tx, one, by="boss", now=now)


def alerted(tx, now, n, scan_id, code="DIV_CARTON_TASK"):
    reason = Reason(code, {}, 5.0)
    alert = Alert(reason, Severity.MEDIUM, f"sscc:{carton(n)}", scan_id, n, carton(n), 7, "test")
    return raise_alerts(tx, [alert], now=now)[f"sscc:{carton(n)}"]


def labels_of(tx):
    rows = tx.execute(
        text("SELECT code, pivot, outcome, source, weight, scan_id FROM case_labels ORDER BY code, pivot")
    )
    return [tuple(row) for row in rows]


def test_nothing_is_planned_before_a_night_has_judged_or_without_inspectors(tx, now):
    assert inspection.plan(tx, now.date(), now=now) == 0
    team(tx, now)
    assert inspection.plan(tx, now.date(), now=now) == 0


def test_tours_go_where_doubt_is_and_are_made_once_a_day(tx, now):
    judged(tx, now, c1=0.5, c2=0.6, c3=0.9999, c4=0.5, c5=0.5)
    for n, lat in ((1, 30.70), (2, 30.80), (3, 30.71), (5, 45.0)):
        scanned(tx, now, n, lat)
    scanned(tx, now, 4, method="ip_fixed")  # An address of a network is nowhere to go.
    team(tx, now, LIN, ZHOU)
    assert inspection.plan_tomorrow(tx, now=now) == 0  # It is noon.
    assert inspection.plan_tomorrow(tx, now=now + EVENING) == 2
    assert inspection.plan_tomorrow(tx, now=now + EVENING) == 0
    found = inspection.tour(tx, "Lin", day=now.date() + DAY)
    assert [one.turn for one in found] == [1, 2]
    assert sorted(one.cartons for one in found) == [[carton(1)], [carton(2)]]
    assert found[0].km == found[1].km == pytest.approx(41.5, abs=2)
    assert inspection.tour(tx, "Zhou", day=now.date() + DAY) == []


def test_a_place_somebody_is_to_visit_and_a_settled_carton_are_not_planned_again(tx, now):
    judged(tx, now, c1=0.5, c2=0.5)
    scanned(tx, now, 1)
    team(tx, now)
    today = now.date()
    assert inspection.plan(tx, today, now=now) == 1
    assert inspection.plan(tx, today + DAY, now=now) == 0
    [one] = inspection.of_day(tx, today)
    inspection.report(tx, one.id, "at_home", by="Lin", now=now)
    assert inspection.plan(tx, today + DAY, now=now) == 0
    scanned(tx, now, 2)
    assert inspection.plan(tx, today + DAY, now=now) == 1
    assert inspection.plan(tx, today + 9 * DAY, now=now) == 1  # Nobody went: withdrawn, and planned anew.
    assert [one.state for one in inspection.of_day(tx, today + DAY)] == ["withdrawn"]


def test_what_was_found_labels_the_alerts_and_what_nobody_was_alerted_to(tx, now):
    judged(tx, now, c1=0.5, c2=0.5)
    first, quiet = scanned(tx, now, 1), scanned(tx, now, 2)
    alerted(tx, now, 1, first)
    alerted(tx, now, 1, first, "CLN_USERS_MANY")
    team(tx, now)
    inspection.plan(tx, now.date(), now=now)
    [one] = inspection.of_day(tx, now.date())
    inner = scanned(tx, now, 3)
    done = inspection.report(tx, one.id, "diverted", inner_scan_id=inner, note="30 箱在仓库", by="Lin", now=now)
    assert (done.state, done.found, done.inner_scan_id) == ("done", "diverted", inner)
    assert labels_of(tx) == [
        ("DIV_CARTON_TASK", f"sscc:{carton(1)}", "confirmed_risk", "inspection", 1.0, first),
        ("INS_VISIT", f"sscc:{carton(2)}", "confirmed_risk", "inspection", 1.0, quiet),
    ]
    with pytest.raises(InspectionMoved, match="is done"):
        inspection.report(tx, one.id, "at_home", by="Lin", now=now)


def task(tx, now, case_id, subject, by="Zhao", until=7 * DAY, **details):
    return case_actions.act(
        tx, case_id, "inspector_task", subject, until=now + until, by=by, reason="去看一眼", details=details, now=now
    )


def test_without_inspectors_no_task_is_made(tx, now):
    case_id = alerted(tx, now, 1, scanned(tx, now, 1))
    with pytest.raises(BadRequest, match="set one up first"):
        task(tx, now, case_id, "sscc:1")


def test_a_task_of_a_case_is_withdrawn_with_its_action_and_a_result_stays(tx, now):
    team(tx, now, LIN, ZHOU)
    scan_id = scanned(tx, now, 1)
    case_id = alerted(tx, now, 1, scan_id)
    subject = f"sscc:{carton(1)}"
    sent = task(tx, now, case_id, subject)
    [one] = inspection.of_case(tx, case_id)
    assert (one.inspector, one.state, one.cartons, sent.details["inspection"]) == ("Lin", "open", [carton(1)], one.id)
    case_actions.undo(tx, sent.id, by="Zhao", reason="a mistake", now=now)
    assert inspection.get(tx, one.id).state == "withdrawn"
    again = task(tx, now, case_id, subject, inspector="Zhou")
    assert again.details["inspector"] == "Zhou"
    inspection.report(tx, again.details["inspection"], "genuine", by="Zhou", now=now)
    case_actions.expire(tx, now=now + 7 * DAY)
    assert inspection.get(tx, again.details["inspection"]).state == "done"
    assert [row[:3] for row in labels_of(tx)] == [("INS_VISIT", subject, "false_positive")]


def test_what_makes_no_result_is_refused_in_a_sentence(tx, now):
    team(tx, now)
    made = task(tx, now, alerted(tx, now, 1, scanned(tx, now, 1)), "sscc:1").details["inspection"]
    with pytest.raises(BadRequest, match="one of diverted"):
        inspection.report(tx, made, "nice", by="Lin", now=now)
    with pytest.raises(BadRequest, match="no such scan"):
        inspection.report(tx, made, "genuine", inner_scan_id=UUID(int=7), by="Lin", now=now)
    with pytest.raises(NoSuchInspection):
        inspection.report(tx, 404, "genuine", by="Lin", now=now)
    with pytest.raises(BadRequest, match="kilometres"):
        inspection.set_inspector(tx, Inspector("X", 0, 0, 0, 1, is_away=False), by="boss", now=now)
    nowhere = raise_alerts(
        tx, [Alert(Reason("PKG_LEAK", {}, 1.0), Severity.HIGH, "run:1", ids.uuid7(now), None, None, None, "t")], now=now
    )["run:1"]
    with pytest.raises(BadRequest, match="nowhere to go"):
        task(tx, now, nowhere, "run:1")
    with pytest.raises(ActedOn):
        task(tx, now, nowhere, "sscc:1")


def test_of_two_reports_at_once_one_counts(database, now):
    with transaction(database) as tx:
        team(tx, now)
        made = task(tx, now, alerted(tx, now, 1, scanned(tx, now, 1)), "sscc:1").details["inspection"]
    answers = race(
        database,
        *[lambda tx, found=found: inspection.report(tx, made, found, by="Lin", now=now) for found in inspection.FOUND],
    )
    assert sum(not isinstance(one, Exception) for one in answers) == 1
    with transaction(database) as tx:
        assert len(labels_of(tx)) == 1
