"""One move for everything a filter finds, and back within a day."""

from datetime import timedelta

import pytest

from antifraud import bulk_moves, cases, labels, tasks
from antifraud.alerts import raise_alerts
from antifraud.bulk_moves import NoSuchBulkMove, Order, TooLateToUndo
from antifraud.cases import Wanted
from antifraud.findings import Alert, Reason, Severity
from foundation import ids
from foundation.database import reading, transaction
from foundation.errors import BadRequest
from tests.codegen.plant import race

DAY = timedelta(days=1)
ITEMS = Wanted(pivot="item:")
CLOSE = Order("decide", outcome="valuable_alert")


def opened(tx, now, how_many, code="CLN_TRAVEL_AIR", severity=Severity.HIGH, kind="item"):
    raised = [
        Alert(Reason(code, {}, 2.5), severity, f"{kind}:{n}", ids.uuid7(now), n, None, None, "test")
        for n in range(how_many)
    ]
    return sorted(raise_alerts(tx, raised, now=now).values())


def moved(tx, now, order, wanted=ITEMS, by="lin"):
    one = bulk_moves.begin(tx, wanted, order, by=by, reason="live sale, authorised", now=now)
    while bulk_moves.step(tx, one.id, now=now, limit=3):
        pass
    return bulk_moves.of(tx, one.id)


def rows(tx, found):
    return [cases.case(tx, case_id) for case_id in found]


def test_a_preview_counts_what_the_filter_finds(tx, now):
    opened(tx, now, 4)
    opened(tx, now, 2, "CLN_USERS_MANY", Severity.MEDIUM)
    opened(tx, now, 3, kind="sscc")
    seen = bulk_moves.preview(tx, ITEMS, now=now)
    assert (seen.cases, seen.by_severity) == (4, {Severity.HIGH: 4})
    assert seen.by_code == {"CLN_TRAVEL_AIR": 4, "CLN_USERS_MANY": 2}
    assert bulk_moves.preview(tx, Wanted(severity=Severity.CRITICAL), now=now).cases == 0


@pytest.mark.parametrize(
    "order", [CLOSE, Order("snooze", until=None), Order("assign", to="zhou")], ids=lambda one: one.kind
)
def test_all_are_moved_and_undone_as_a_whole(tx, now, order):
    order = Order("snooze", until=now + 9 * DAY) if order.kind == "snooze" else order
    found, other = opened(tx, now, 8), opened(tx, now, 2, kind="sscc")
    before, untouched = rows(tx, found), rows(tx, other)
    done = moved(tx, now, order)
    assert (done.counts, rows(tx, other)) == ({"moved": 8}, untouched)
    for one in rows(tx, found):
        match order.kind:
            case "decide":
                assert (one.state, one.outcome, one.reason) == (
                    "closed", "valuable_alert", f"live sale, authorised (bulk {done.id})",
                )  # fmt: skip
                assert len(labels.of_case(tx, one.id)) == 1
            case "snooze":
                assert one.snoozed_until == now + 9 * DAY
            case "assign":
                assert one.assignee == "zhou"
    undone = bulk_moves.undo(tx, done.id, by="zhou", reason="wrong filter", now=now + DAY)
    assert (undone.counts, rows(tx, found)) == ({"undone": 8}, before)
    assert [label for case_id in found for label in labels.of_case(tx, case_id)] == []
    assert cases.history(tx, found[0])[-1].action == "bulk.undo"
    with pytest.raises(TooLateToUndo, match="undone by zhou"):
        bulk_moves.undo(tx, done.id, by="lin", reason="again", now=now)


def test_cases_held_by_others_are_skipped_and_those_that_moved_on_are_left_alone_and_named(tx, now):
    held, moved_on, newer, plain = opened(tx, now, 4)
    cases.take(tx, held, by="zhou", now=now)
    done = moved(tx, now, CLOSE)
    assert (done.counts, [case_id for case_id, _ in done.left_alone]) == ({"moved": 3, "skipped": 1}, [held])
    assert "held by zhou" in done.left_alone[0][1]
    cases.reopen(tx, moved_on, by="wang", reason="look again", now=now)
    pivot = cases.case(tx, newer).pivot
    reason = Reason("CLN_USERS_MANY", {}, 1.0)
    raise_alerts(tx, [Alert(reason, Severity.HIGH, pivot, ids.uuid7(now), 2, None, None, "t")], now=now)
    undone = bulk_moves.undo(tx, done.id, by="lin", reason="wrong filter", now=now)
    assert undone.counts == {"undone": 1, "left": 2, "skipped": 1}
    assert dict(undone.left_alone) | {held: ""} == {
        held: "", moved_on: "It moved on since.", newer: "A newer case about the same is open.",
    }  # fmt: skip
    assert cases.case(tx, plain).state == "pending"


def test_alerts_that_arrive_meanwhile_do_not_hinder_undoing(tx, now):
    [case_id] = opened(tx, now, 1)
    done = moved(tx, now, Order("assign", to="zhou"))
    opened(tx, now, 1, "CLN_USERS_MANY")
    assert bulk_moves.undo(tx, done.id, by="lin", reason="typo", now=now).counts == {"undone": 1}
    assert (cases.case(tx, case_id).assignee, cases.case(tx, case_id).alerts) == (None, 2)


def test_after_a_day_nothing_is_undone(tx, now):
    opened(tx, now, 1)
    done = moved(tx, now, CLOSE)
    with pytest.raises(TooLateToUndo, match="more than a day"):
        bulk_moves.undo(tx, done.id, by="lin", reason="late", now=now + DAY + timedelta(seconds=1))
    with pytest.raises(NoSuchBulkMove):
        bulk_moves.undo(tx, 404, by="lin", reason="late", now=now)


def test_a_move_nobody_watches_any_more_is_finished_by_the_worker(tx, now):
    found = opened(tx, now, 5)
    bulk_moves.begin(tx, ITEMS, CLOSE, by="lin", reason="live sale", now=now)
    tasks.go_on_with_bulk_moves(tx, now=now)
    assert {one.state for one in rows(tx, found)} == {"closed"}


@pytest.mark.parametrize(
    ("order", "reason", "said"),
    [
        (CLOSE, " ", "says why"),
        (Order("decide", outcome="merged"), "x", "outcome to decide"),
        (Order("assign", to=" "), "x", "to whom"),
        (Order("snooze"), "x", "until when"),
    ],
)
def test_orders_that_say_too_little_are_refused(tx, now, order, reason, said):
    with pytest.raises(BadRequest, match=said):
        bulk_moves.begin(tx, ITEMS, order, by="lin", reason=reason, now=now)


def test_a_snooze_of_many_ends_too(tx, now):
    with pytest.raises(BadRequest, match="within 90 days"):
        bulk_moves.begin(tx, ITEMS, Order("snooze", until=now + 91 * DAY), by="lin", reason="x", now=now)


def test_two_workers_and_an_undo_at_once_leave_every_case_whole(database, now):
    with transaction(database) as tx:
        found = opened(tx, now, 12)
        before = rows(tx, found)
        one = bulk_moves.begin(tx, ITEMS, CLOSE, by="lin", reason="live sale", now=now)
    race(
        database,
        lambda tx: bulk_moves.step(tx, one.id, now=now, limit=6),
        lambda tx: bulk_moves.step(tx, one.id, now=now, limit=6),
        lambda tx: bulk_moves.undo(tx, one.id, by="zhou", reason="wrong filter", now=now),
    )
    with transaction(database) as tx:
        while bulk_moves.step(tx, one.id, now=now):
            pass
    with reading(database) as tx:
        after = bulk_moves.of(tx, one.id)
        assert after.undone_by == "zhou"
        assert rows(tx, found) == before
        assert sum(after.counts.values()) == 12
