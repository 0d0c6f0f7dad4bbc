"""A cap and the bottle it sits on: joined by the camera, parted with a reason, and never two to one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegen import hierarchy, items, pairs, shipments, spans
from tests.codegen.plant import build, committed, race

CAPS = 5000  # The offset of the first cap; bodies begin at 0.


def join(plant, tx, *seen):
    return pairs.join(tx, list(zip(plant.items(*[cap for cap, _ in seen]), plant.items(*[b for _, b in seen]),
                                   strict=True)), by="camera 1", now=plant.now)  # fmt: skip


def reasons(joined, plant):
    return {(one.item - plant.run.first, one.reason, one.other and one.other - plant.run.first)
            for one in joined.refused}  # fmt: skip


@given(st.dictionaries(st.integers(0, 60), st.integers(100, 160)))
def test_ranges_say_the_same_as_the_pairs(seen):
    told = [(cap, cap + shift) for (low, high), shift in pairs.runs_of(seen.items()) for cap in range(low, high)]
    assert told == sorted(seen.items())


def test_what_runs_in_order_is_one_range_however_it_arrives(tx, now):
    plant = build(tx, now)
    assert join(plant, tx, *[(CAPS + n, n) for n in range(10)]).fresh == 10
    assert join(plant, tx, *[(CAPS + n, n) for n in range(10, 20)]).fresh == 10
    assert join(plant, tx, (CAPS + 21, 20), (CAPS + 20, 21)).fresh == 2
    assert join(plant, tx, (CAPS + 3, 3), (CAPS + 15, 15)) == pairs.Joined(0, ())
    ranges = tx.exec_driver_sql("SELECT upper(caps) - lower(caps) AS n FROM code_pairs ORDER BY lower(caps)").scalars()
    assert list(ranges) == [20, 1, 1]
    assert plant.offsets(pairs.bodies(tx, plant.items((CAPS + 5, CAPS + 8), (CAPS + 21, CAPS + 22)))) == [
        (5, 8),
        (20, 21),
    ]
    assert pairs.body_of(tx, plant.run.first + CAPS + 21) == plant.run.first + 20
    assert plant.offsets(pairs.caps(tx, plant.items((0, 3)))) == [(CAPS, CAPS + 3)]


def test_a_code_is_in_one_pair(tx, now):
    plant = build(tx, now)
    join(plant, tx, (CAPS, 0), (CAPS + 1, 1))
    assert reasons(join(plant, tx, (CAPS, 2)), plant) == {(CAPS, "on-another-body", 0)}
    assert reasons(join(plant, tx, (CAPS + 2, 1)), plant) == {(1, "has-another-cap", CAPS + 1)}
    assert ("both-cap-and-body") in {why for _, why, _ in reasons(join(plant, tx, (0, 7)), plant)}
    spans.void(tx, plant.items(8), reason="r", by="b", now=now)
    assert reasons(join(plant, tx, (CAPS + 8, 8)), plant) == {(8, "voided", None)}
    assert [one.reason for one in join(plant, tx, (20_000, 9)).refused] == ["not-issued"]
    case = plant.case(tx, CAPS + 30)
    assert reasons(join(plant, tx, (CAPS + 30, 9)), plant) == {(CAPS + 30, "packed", None)}
    assert hierarchy.parents(tx, plant.items(9)) == {}
    assert case


def test_a_cap_lies_and_was_shipped_where_its_body_was(tx, now):
    plant = build(tx, now)
    join(plant, tx, *[(CAPS + n, n) for n in range(6)])
    case = plant.case(tx, (0, 6))
    dealer = shipments.add_dealer(tx, brand_id=plant.brand_id, name="A", regions=[510100], now=now)
    shipments.ship(tx, dealer_id=dealer.id, units=[case], document="DN", now=now)
    cap = plant.run.first + CAPS + 4
    assert hierarchy.parents(tx, [cap]) == {cap: (case,)}
    assert plant.offsets(hierarchy.contents(tx, case).caps) == [(CAPS, CAPS + 6)]
    state = items.load(tx, [cap])[cap]
    assert (state.sscc, state.dealer_id, state.authorised) == (case, dealer.id, {510100})
    assert shipments.whereabouts(tx, [cap])[cap].dealer == "A"
    assert [one.what for one in items.history(tx, cap)] == ["issued", "paired", "packed", "shipped"]
    # Whoever scans the cap at the rework table means the bottle.
    assert hierarchy.unpack(tx, sscc=case, items=[cap], by="b", now=now) == 1
    assert hierarchy.parents(tx, [cap, cap - CAPS]) == {}


def test_a_pair_is_parted_with_a_reason_and_may_be_made_anew(tx, now):
    plant = build(tx, now)
    join(plant, tx, *[(CAPS + n, n) for n in range(10)])
    with pytest.raises(pairs.ReasonNeeded):
        pairs.undo(tx, plant.items(4), reason=" ", by="b", now=now)
    assert pairs.undo(tx, plant.items(4, CAPS + 6), reason="camera moved", by="b", now=now) == 2
    assert plant.offsets(pairs.caps(tx, plant.items((0, 10)))) == [
        (CAPS, CAPS + 4), (CAPS + 5, CAPS + 6), (CAPS + 7, CAPS + 10)
    ]  # fmt: skip
    assert join(plant, tx, (CAPS + 6, 4), (CAPS + 4, 6)).fresh == 2


def test_of_cameras_that_race_for_a_body_one_joins_it(database, now):
    with committed(database, now) as plant:
        joined = race(database, *[lambda tx, n=n: join(plant, tx, (CAPS + n, 0)) for n in range(5)])
        assert sorted(one.fresh for one in joined) == [0, 0, 0, 0, 1]
        assert {one.refused[0].reason for one in joined if one.refused} == {"has-another-cap"}
