"""The states of ranges: a table of steps with the expected outcome, a random walk against a dict, and races."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from codegen import runs, spans
from foundation import audit
from tests.codegen.plant import build, committed, race

ACTS = {
    "commission": spans.commission,
    "scrap": spans.scrap,
    "void": spans.void,
    "recall": spans.recall,
    "hold": spans.hold,
}


def act(plant, tx, name, *offsets):
    return ACTS[name](tx, plant.items(*offsets), reason="r", by="b", now=plant.now)


def seen(plant, tx) -> list[tuple[str, int, int]]:
    """Spans that hold, as (state, first, end) from the run's first item."""
    return [
        (span.state, span.first - plant.run.first, span.end - plant.run.first)
        for span in spans.ranges(tx, plant.run.id)
        if span.lifted_at is None
    ]


STEPS = [
    # what       items      refused
    ("commission", (0, 100), []),
    ("commission", (50, 120), ["commissioned 50-100"]),
    ("scrap", (110, 130), ["commissioned 110-120"]),
    ("commission", (125, 135), ["scrapped 125-130"]),
    ("scrap", (120, 121), ["scrapped 120-121"]),
    ("void", (0, 10), []),
    ("void", (5, 15), ["voided 5-10"]),
    ("void", (200, 210), []),
    ("commission", (195, 215), ["voided 200-210"]),
    ("scrap", (200, 201), []),
    ("recall", (0, 300), []),
    ("recall", (299, 301), ["recalled 299-300"]),
    ("hold", (0, 5), []),
    ("hold", (0, 6), ["held 0-5"]),
    ("commission", (9_990, 10_010), ["not-issued 10000-10010"]),
]


def test_a_table_of_steps(tx, now):
    plant = build(tx, now)
    for name, items, refused in STEPS:
        outcome = act(plant, tx, name, items)
        first = plant.run.first
        told = [f"{refusal.reason} {refusal.first - first}-{refusal.end - first}" for refusal in outcome.refused]
        assert told == refused, (name, items)
        assert outcome.count + sum(refusal.end - refusal.first for refusal in outcome.refused) == items[1] - items[0]
    assert spans.summary(tx, plant.run.id) == {
        "issued": 10_000, "commissioned": 145, "scrapped": 11, "voided": 25, "recalled": 301, "held": 6,
        "open": 10_000 - 156,
    }  # fmt: skip


def test_a_line_that_commissions_bottle_by_bottle_leaves_one_range(tx, now):
    plant = build(tx, now)
    for offset in [*range(0, 40, 2), *range(39, 0, -2)]:
        at = now + timedelta(seconds=offset)
        spans.commission(tx, plant.items(offset), by="line 1", now=at)
    (only,) = spans.ranges(tx, plant.run.id)
    assert (only.first, only.end, only.began_at) == (*plant.items((0, 40))[0], now)
    plant.commission(tx, (50, 60))
    spans.commission(tx, plant.items((40, 50)), by="line 2", now=now)
    assert seen(plant, tx) == [("commissioned", 0, 40), ("commissioned", 40, 50), ("commissioned", 50, 60)]


def test_neighbouring_runs_stay_apart(tx, now):
    plant = build(tx, now)
    after = runs.issue(tx, brand_id=plant.brand_id, gtin=plant.run.gtin, count=100, order_id="PO-2", now=now)
    outcome = act(plant, tx, "commission", (9_000, 10_050))
    assert plant.offsets(outcome.done) == [(9_000, 10_050)]
    assert spans.summary(tx, plant.run.id)["commissioned"] == 1000
    assert spans.summary(tx, after.id)["commissioned"] == 50


def test_release_lifts_a_part_and_keeps_the_record(tx, now):
    plant = build(tx, now)
    act(plant, tx, "void", (0, 100))
    act(plant, tx, "recall", (50, 60))
    later = now + timedelta(days=1)
    lifted = spans.release(tx, plant.items((40, 55)), reason="found again", by="li", now=later)
    assert plant.offsets(lifted) == [(40, 55)]
    assert sorted(seen(plant, tx)) == [("recalled", 55, 60), ("voided", 0, 40), ("voided", 55, 100)]
    gone = [span for span in spans.ranges(tx, plant.run.id) if span.lifted_at]
    assert {(span.state, span.first - plant.run.first, span.lifted_at, span.lifted_by) for span in gone} == {
        ("voided", 40, later, "li"), ("recalled", 50, later, "li"),
    }  # fmt: skip
    assert act(plant, tx, "void", (40, 55)).refused == ()
    only_recall = spans.release(tx, plant.items((0, 100)), reason="", by="li", now=later, states=("recalled",))
    assert plant.offsets(only_recall) == [(55, 60)]
    assert seen(plant, tx) == [("voided", 0, 100)]


def test_commissioned_is_never_lifted(tx, now):
    plant = build(tx, now)
    plant.commission(tx, (0, 10))
    assert spans.release(tx, plant.items((0, 10)), reason="", by="li", now=now) == ()
    assert seen(plant, tx) == [("commissioned", 0, 10)]


def test_voiding_a_million_items_is_one_row_and_one_line_of_audit(tx, now):
    plant = build(tx, now)
    big = runs.issue(tx, brand_id=plant.brand_id, gtin=plant.run.gtin, count=5_000_000, order_id="big", now=now)
    assert spans.void(tx, [(big.first, big.end)], reason="stolen", by="li", now=now).count == 5_000_000
    assert len(spans.ranges(tx, big.id)) == 1
    (line,) = audit.history(tx, f"item:{big.first}")
    assert (line.actor, line.action, line.after["count"]) == ("li", "items-voided", 5_000_000)


def test_nothing_asked_is_nothing_done(tx, now):
    plant = build(tx, now)
    assert act(plant, tx, "commission") == spans.Outcome((), ())
    assert spans.release(tx, [], reason="", by="b", now=now) == ()


def test_the_database_itself_forbids_what_the_code_refuses(tx, now):
    plant = build(tx, now)
    plant.commission(tx, (0, 10))
    for name, statement in (
        (
            "an_item_is_commissioned_once",
            "INSERT INTO spans (run_id, state, items, reason, by, began_at, last_at)"
            " SELECT run_id, state, items, 'x', 'y', began_at, last_at FROM spans",
        ),
        (
            "an_item_is_issued_once",
            "INSERT INTO runs (brand_id, epoch, gtin, order_id, items, profile, claim_face, host, qr_version,"
            " created_at)"
            " SELECT brand_id, epoch, gtin, 'again', items, 0, 0, host, 3, created_at FROM runs",
        ),
        ("commissioned_and_scrapped_stay", "UPDATE spans SET lifted_at = began_at, lifted_by = 'x'"),
        ("an_epoch_has_36_bits_of_items", "UPDATE epochs SET next_index = 68719476737"),
    ):
        savepoint = tx.begin_nested()
        with pytest.raises(Exception, match=name):
            tx.execute(text(statement))
        savepoint.rollback()


SMALL = st.tuples(st.sampled_from([*ACTS, "release"]), st.integers(0, 14), st.integers(1, 6))
REFUSED_IN = {
    "commission": {"commissioned", "scrapped", "voided"}, "scrap": {"scrapped", "commissioned"},
    "void": {"voided"}, "recall": {"recalled"}, "hold": {"held"},
}  # fmt: skip
BECOMES = {
    "commission": "commissioned", "scrap": "scrapped", "void": "voided", "recall": "recalled", "hold": "held",
}  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(SMALL, max_size=25))
def test_a_random_walk_agrees_with_a_dict(tx, now, steps):
    savepoint = tx.begin_nested()
    plant, model = build(tx, now), {offset: set() for offset in range(20)}
    for name, first, length in steps:
        span = range(first, first + length)
        if name == "release":
            spans.release(tx, plant.items((span.start, span.stop)), reason="", by="b", now=now)
            for offset in span:
                model[offset] -= set(spans.LIFTABLE)
            continue
        done = act(plant, tx, name, (span.start, span.stop)).done
        may = {offset for offset in span if not model[offset] & REFUSED_IN[name]}
        assert {item - plant.run.first for low, high in done for item in range(low, high)} == may
        for offset in may:
            model[offset].add(BECOMES[name])
    held = {offset: set() for offset in range(20)}
    for state, first, end in seen(plant, tx):
        for offset in range(first, end):
            held[offset].add(state)
    assert held == model
    savepoint.rollback()


# --- races ----------------------------------------------------------------------------------------------------------


def test_of_two_that_commission_the_same_bottle_one_does(database, now):
    with committed(database, now) as plant:
        answers = race(database, *[lambda tx: plant.commission(tx, (0, 5))] * 6)
        assert sorted(answer.count for answer in answers) == [0, 0, 0, 0, 0, 5]
        assert {refusal.reason for answer in answers for refusal in answer.refused} == {"commissioned"}


def test_commission_and_scrap_of_one_bottle_do_not_both_happen(database, now):
    with committed(database, now) as plant:
        for offset in range(10):
            answers = race(
                database,
                lambda tx, o=offset: act(plant, tx, "commission", o),
                lambda tx, o=offset: act(plant, tx, "scrap", o),
            )
            assert sorted(answer.count for answer in answers) == [0, 1]


def test_four_lines_on_one_run_leave_every_bottle_commissioned_once(database, now):
    def line(at):
        def work(tx):
            return sum(plant.commission(tx, offset).count for offset in range(at, 200, 4))

        return work

    with committed(database, now) as plant:
        assert race(database, *[line(at) for at in range(4)]) == [50, 50, 50, 50]
        with database.connect() as connection:
            assert seen(plant, connection) == [("commissioned", 0, 200)]
