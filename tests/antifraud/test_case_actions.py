"""Codes frozen for a while: by one person when few, by two when many, and exactly free again at the end."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from antifraud import case_actions, cases, tasks
from antifraud.action_effects import ActedOn
from antifraud.alerts import raise_alerts
from antifraud.case_actions import ActionMoved, NoSuchAction, SecondPersonNeeded
from antifraud.cases import NoSuchCase
from antifraud.findings import Alert, Reason, Severity
from antifraud.freezing import FREEZE_ALONE
from codegen import spans
from foundation import ids
from foundation.database import reading, transaction
from foundation.errors import BadRequest
from tests.codegen.plant import build, committed, race

DAY = timedelta(days=1)


def opened(tx, now):
    alert = Alert(Reason("CLN_TRAVEL_AIR", {}, 2.5), Severity.HIGH, "item:7", ids.uuid7(now), 7, None, None, "test")
    return raise_alerts(tx, [alert], now=now)["item:7"]


def held(plant, tx):
    found = spans.states(tx, plant.items((0, 1000))).get("held", [])
    return [(low - plant.run.first, high - plant.run.first) for low, high in found]


def freeze(tx, plant, case_id, *offsets, subject="run:1", by="lin", until=DAY):
    items = plant.items(*offsets)
    return case_actions.freeze(
        tx, case_id, subject, items, until=plant.now + until, by=by, reason="copied", now=plant.now
    )


def test_a_few_codes_are_frozen_at_once_and_free_again_when_it_is_undone(tx, now):
    plant, case_id = build(tx, now), opened(tx, now)
    taken = freeze(tx, plant, case_id, (10, 20))
    assert (taken.state, taken.approved_by, held(plant, tx)) == ("active", None, [(10, 20)])
    undone = case_actions.undo(tx, taken.id, by="zhou", reason="a mistake", now=now + DAY / 2)
    assert (undone.state, undone.undone_by, undone.undone_at, held(plant, tx)) == ("undone", "zhou", now + DAY / 2, [])
    assert case_actions.of_case(tx, case_id) == [undone]
    assert [(one.actor, one.action) for one in cases.history(tx, case_id)] == [
        ("lin", "action.propose"), ("lin", "action.take"), ("zhou", "action.undo"),
    ]  # fmt: skip
    said = tx.execute(text("SELECT kind FROM facts WHERE kind LIKE 'action.%' ORDER BY id")).scalars()
    assert list(said) == ["action.taken", "action.undone"]
    with pytest.raises(ActionMoved, match="is undone"):
        case_actions.undo(tx, taken.id, by="lin", reason="again", now=now + DAY / 2)


def test_what_was_held_before_and_what_others_hold_since_stays(tx, now):
    plant, case_id = build(tx, now), opened(tx, now)
    spans.hold(tx, plant.items((5, 15)), reason="recall talk", by="boss", now=now)
    taken = freeze(tx, plant, case_id, (10, 30))
    assert held(plant, tx) == [(5, 30)]
    spans.release(tx, plant.items((20, 25)), reason="sold", by="boss", now=now, states=("held",))
    spans.hold(tx, plant.items((22, 24)), reason="stolen", by="boss", now=now)
    case_actions.undo(tx, taken.id, by="lin", reason="a mistake", now=now)
    assert held(plant, tx) == [(5, 15), (22, 24)]


def test_many_codes_wait_for_a_second_person(tx, now):
    plant, case_id = build(tx, now), opened(tx, now)
    alone = freeze(tx, plant, case_id, (0, FREEZE_ALONE), subject="run:alone")
    many = freeze(tx, plant, case_id, (500, 501 + FREEZE_ALONE), subject="run:many")
    assert (alone.state, many.state, held(plant, tx)) == ("active", "proposed", [(0, FREEZE_ALONE)])
    assert case_actions.waiting(tx, now=now) == [many]
    for decide in (case_actions.approve, lambda *at, **who: case_actions.refuse(*at, reason="no", **who)):
        with pytest.raises(SecondPersonNeeded):
            decide(tx, many.id, by="lin", now=now)
    agreed = case_actions.approve(tx, many.id, by="zhou", now=now)
    assert (agreed.state, agreed.by, agreed.approved_by) == ("active", "lin", "zhou")
    assert held(plant, tx) == [(0, FREEZE_ALONE), (500, 501 + FREEZE_ALONE)]


def test_a_refused_and_a_withdrawn_proposal_freeze_nothing_and_free_the_subject(tx, now):
    plant, case_id = build(tx, now), opened(tx, now)
    refused = case_actions.refuse(tx, freeze(tx, plant, case_id, (0, 200)).id, by="zhou", reason="too wide", now=now)
    withdrawn = case_actions.undo(tx, freeze(tx, plant, case_id, (0, 150)).id, by="lin", reason="typo", now=now)
    assert (refused.state, withdrawn.state, held(plant, tx)) == ("refused", "undone", [])
    assert freeze(tx, plant, case_id, (0, 50)).state == "active"
    with pytest.raises(ActionMoved, match="is refused"):
        case_actions.approve(tx, refused.id, by="zhou", now=now)


def test_an_action_ends_by_itself_and_an_overdue_proposal_too(tx, now):
    plant, case_id = build(tx, now), opened(tx, now)
    short = freeze(tx, plant, case_id, (0, 10), subject="item:short")
    long = freeze(tx, plant, case_id, (20, 30), subject="item:long", until=2 * DAY)
    late = freeze(tx, plant, case_id, (500, 700), subject="run:late")
    assert case_actions.expire(tx, now=now + DAY - timedelta(seconds=1)) == 0
    with pytest.raises(ActionMoved, match="has run out"):
        case_actions.approve(tx, late.id, by="zhou", now=now + DAY)
    tasks.expire_actions(tx, now=now + DAY)
    states = [case_actions.action(tx, one.id).state for one in (short, long, late)]
    assert (states, held(plant, tx)) == (["expired", "active", "expired"], [(20, 30)])
    assert case_actions.expire(tx, now=now + DAY) == 0


def test_a_subject_is_acted_on_once(tx, now):
    plant, case_id = build(tx, now), opened(tx, now)
    freeze(tx, plant, case_id, (0, 10))
    with pytest.raises(ActedOn, match="undo that first"):
        freeze(tx, plant, case_id, (50, 60))
    with pytest.raises(ActedOn, match="frozen already"):
        freeze(tx, plant, case_id, (0, 10), subject="item:again")


@pytest.mark.parametrize(
    ("offsets", "until", "reason", "said"),
    [
        ([(0, 1)], DAY, " ", "says why"),
        ([], DAY, "copied", "at least one code"),
        ([(0, 1)], timedelta(0), "copied", "within 90 days"),
        ([(0, 1)], timedelta(days=91), "copied", "within 90 days"),
    ],
)
def test_words_that_make_no_action_are_refused(tx, now, offsets, until, reason, said):
    plant, case_id = build(tx, now), opened(tx, now)
    with pytest.raises(BadRequest, match=said):
        case_actions.freeze(
            tx, case_id, "run:1", plant.items(*offsets), until=now + until, by="lin", reason=reason, now=now
        )


def test_cases_and_actions_that_are_not_there_are_named(tx, now):
    plant = build(tx, now)
    with pytest.raises(NoSuchCase):
        freeze(tx, plant, 404, (0, 1))
    with pytest.raises(NoSuchAction):
        case_actions.undo(tx, 404, by="lin", reason="?", now=now)


def test_of_many_who_freeze_one_subject_one_does(database, now):
    with committed(database, now) as plant, transaction(database) as tx:
        case_id = opened(tx, now)
    answers = race(database, *[lambda tx: freeze(tx, plant, case_id, (0, 10))] * 4)
    taken = [one for one in answers if not isinstance(one, ActedOn)]
    assert [one.state for one in taken] == ["active"]
    with reading(database) as tx:
        assert (case_actions.of_case(tx, case_id), held(plant, tx)) == (taken, [(0, 10)])


def test_of_approving_and_refusing_at_once_one_stands(database, now):
    with committed(database, now) as plant, transaction(database) as tx:
        many = freeze(tx, plant, opened(tx, now), (0, 200))
    answers = race(
        database,
        lambda tx: case_actions.refuse(tx, many.id, by="zhou", reason="no", now=now),
        lambda tx: case_actions.approve(tx, many.id, by="wang", now=now),
        lambda tx: case_actions.approve(tx, many.id, by="zhao", now=now),
    )
    (stands,) = [one for one in answers if not isinstance(one, ActionMoved)]
    with reading(database) as tx:
        assert case_actions.action(tx, many.id) == stands
        assert held(plant, tx) == ([(0, 200)] if stands.state == "active" else [])


def test_undoing_and_expiring_at_once_lift_once(database, now):
    with committed(database, now) as plant, transaction(database) as tx:
        taken = freeze(tx, plant, opened(tx, now), (0, 10))
    end = now + DAY
    answers = race(
        database,
        lambda tx: case_actions.expire(tx, now=end),
        lambda tx: case_actions.expire(tx, now=end),
        lambda tx: case_actions.undo(tx, taken.id, by="lin", reason="a mistake", now=end - timedelta(seconds=1)),
    )
    with reading(database) as tx:
        ended = case_actions.action(tx, taken.id)
        undone = 0 if isinstance(answers[2], ActionMoved) else 1
        assert (answers[0] + answers[1] + undone, held(plant, tx)) == (1, [])
        assert ended.state == ("undone" if undone else "expired")
        assert told(tx, "action.undone") == 1


def told(tx, kind):
    return tx.execute(text("SELECT count(*) FROM facts WHERE kind = :kind"), {"kind": kind}).scalar_one()
