"""The end of the line and the rework table: every operation, what it leaves, and what each refusal tells to do."""

from datetime import timedelta

import pytest

from codegen import hierarchy, pairs, spans, units
from codegen.digsig import SigningKey
from codegen.hierarchy import Refusal
from foundation import ids
from printer_jobs import aggregation, rework
from printer_jobs.aggregation import Filling
from printer_jobs.rework import ClockAhead, OperationReused, Order
from tests.codegen.plant import build, committed, race
from tests.codegen.presses import PROVIDER

MINUTE = timedelta(minutes=1)


@pytest.fixture
def plant(tx, now):
    made = build(tx, now)
    made.commission(tx, (0, 100))
    return made


@pytest.fixture
def do(plant, tx):
    """Performs an order under a new id; what it answered."""

    def done(what, *, by="Li", at=plant.now, key=None, **order):
        signers = [SigningKey.derive(PROVIDER, brand_id=plant.brand_id).public]
        return rework.perform(
            tx, key or ids.uuid7(plant.now), Order(what, **order), by=by, at=at, signers=signers, now=plant.now
        )

    return done


def case(plant, do, *offsets, **more):
    packed = do("pack", items=tuple(plant.items(*offsets)), **more)
    assert packed.refused == ()
    return packed.sscc


def inside(plant, tx, sscc):
    return plant.offsets(hierarchy.contents(tx, sscc).items)


def only(answer):
    """The one refusal; and it says what to do."""
    (refusal,) = answer.refused
    assert rework.says(refusal).endswith(".")
    return refusal


def test_full_and_short_cases(plant, tx, do):
    full = case(plant, do, *range(6), pack_size=6)
    assert inside(plant, tx, full) == [(0, 6)]
    assert case(plant, do, 6, 7, pack_size=6, short=True) != full
    with pytest.raises(aggregation.WrongCaseCount, match="holds 6 items, not 2"):
        case(plant, do, 8, 9, pack_size=6)
    again = do("pack", unit=full, items=tuple(plant.items(*range(10, 16))), pack_size=6)
    assert only(again) == Refusal(full, "label-used")
    assert do("pack", unit=full, items=tuple(plant.items(*range(6))), pack_size=6).changed == 0


def test_what_may_not_be_packed_says_what_to_do(plant, tx, do):
    first = case(plant, do, 0, 1)
    spans.void(tx, plant.items(2), reason="r", by="b", now=plant.now)
    for offset, reason, unit in ((0, "packed", first), (2, "voided", None), (100, "not-commissioned", None)):
        refusal = only(do("pack", items=tuple(plant.items(offset))))
        assert (refusal.reason, refusal.unit) == (reason, unit)
    foreign = "106141412345678908"
    assert only(do("pack", unit=foreign, items=tuple(plant.items(5)))) == Refusal(foreign, "foreign")
    pallet = do("pack", level="pallet", units=(first, first))
    assert only(pallet) == Refusal(first, "twice")


def test_several_levels_at_once_or_none(plant, tx, do):
    bundles, outer = [hierarchy.new_sscc(tx, plant.brand_id) for _ in range(2)], hierarchy.new_sscc(tx, plant.brand_id)

    def fillings(second):
        return (
            Filling(bundles[0], "bundle", tuple(plant.items(0, 1))), Filling(bundles[1], "bundle", second),
            Filling(outer, "case", (), tuple(bundles)),
        )  # fmt: skip

    assert only(do("pack-levels", fillings=fillings(tuple(plant.items(1, 2))))).reason == "packed"
    assert units.levels(tx, [*bundles, outer]) == {}
    assert do("pack-levels", fillings=fillings(tuple(plant.items(2, 3)))).changed == 6
    assert hierarchy.parents(tx, plant.items(3)) == {plant.run.first + 3: (bundles[1], outer)}


def test_a_bad_bottle_is_replaced_and_void_with_its_cap(plant, tx, do):
    pairs.join(tx, [tuple(plant.items(5000, 3))], by="camera", now=plant.now)
    box = case(plant, do, *range(6))
    assert only(do("replace", unit=box, items=tuple(plant.items(50, 51)))).reason == "not-in-this-unit"
    assert only(do("replace", unit=box, items=tuple(plant.items(3, 200)))).reason == "not-commissioned"
    assert do("replace", unit=box, items=tuple(plant.items(3, 60)), reason="cracked").refused == ()
    assert inside(plant, tx, box) == [(0, 3), (4, 6), (60, 61)]
    assert plant.offsets(spans.states(tx, plant.items((0, 6000)))["voided"]) == [(3, 4), (5000, 5001)]


def test_a_sample_leaves_the_case_and_is_void(plant, tx, do):
    box = case(plant, do, *range(6))
    assert do("sample", unit=box, items=tuple(plant.items(2, 4)), reason="taste").changed == 2
    assert inside(plant, tx, box) == [(0, 2), (3, 4), (5, 6)]
    assert [span.reason for span in spans.ranges(tx, plant.run.id) if span.state == "voided"] == ["sampled: taste"] * 2
    assert do("take-out", unit=box, items=tuple(plant.items(0))).changed == 1
    assert case(plant, do, 0) != box
    assert only(do("take-out", unit=box, items=tuple(plant.items(0)))).reason == "not-in-this-unit"
    assert do("open", unit=box).changed == 3
    assert inside(plant, tx, box) == []


def test_merged_and_relabelled_numbers_are_retired(plant, tx, do):
    boxes = [case(plant, do, at, at + 1) for at in (0, 10, 20)]
    pallet = do("pack", level="pallet", units=tuple(boxes)).sscc
    assert do("merge", unit=boxes[0], units=tuple(boxes[1:])).changed == 4
    assert inside(plant, tx, boxes[0]) == [(0, 2), (10, 12), (20, 22)]
    assert hierarchy.contents(tx, pallet).units == (boxes[0],)
    assert only(do("merge", unit=boxes[0], units=(pallet,))).reason == "other-level"
    fresh = do("relabel", unit=boxes[0]).sscc
    assert hierarchy.contents(tx, pallet).units == (fresh,)
    assert only(do("pack", unit=boxes[0], items=tuple(plant.items(30)))) == Refusal(boxes[0], "retired", fresh)
    assert fresh in rework.says(only(do("merge", unit=boxes[0], units=(fresh,))))


def test_a_unit_closes_once_its_label_was_read_back(plant, tx, do):
    box, other = case(plant, do, 0, 1), case(plant, do, 2)
    label = rework.label(tx, box, PROVIDER)
    assert (label.sscc, label.count, label.picture().shape) == (box, 2, (1800, 1200))
    signed = f"https://{label.host}/00/{box}?8030={label.digsig}"
    assert signed.removeprefix("https:") in label.zpl() or "^GFA" in label.zpl()
    forged = signed[:-2] + ("AA" if not signed.endswith("AA") else "BB")
    for scanned, reason in ((other, "label-differs"), ("", "label-differs"), ("rubbish", "label-differs"),
                            (forged, "label-forged")):  # fmt: skip
        assert only(do("close", unit=box, scanned=scanned)) == Refusal(box, reason)
    assert units.find(tx, box).state == "open"
    for scanned in (box, f"(00){box}", signed):
        assert do("close", unit=box, scanned=scanned).refused == ()
    assert units.find(tx, box).label_checked_at == plant.now
    assert only(do("pack", unit=box, items=tuple(plant.items(9)))).reason == "closed"
    assert do("reopen", unit=box).changed == 1
    assert do("pack", unit=box, items=tuple(plant.items(9))).refused == ()


def test_undo_takes_back_the_last_pack_of_whoever_asks(plant, tx, do):
    box = case(plant, do, 0, 1)
    assert do("pack", unit=box, items=tuple(plant.items(2, 3)), at=plant.now + MINUTE).changed == 2
    case(plant, do, 9, by="Wang", at=plant.now + 2 * MINUTE)
    assert (do("undo", at=plant.now + 3 * MINUTE).sscc, inside(plant, tx, box)) == (box, [(0, 2)])
    assert do("undo", at=plant.now + 3 * MINUTE).changed == 2
    assert only(do("undo", at=plant.now + 3 * MINUTE)).reason == "nothing-to-undo"


def test_an_operation_is_done_once_whatever_is_sent_again(plant, tx, do):
    key = ids.uuid7(plant.now)
    order = {"items": tuple(plant.items(0, 1)), "key": key}
    first = do("pack", **order)
    assert do("pack", **order) == first
    with pytest.raises(OperationReused):
        do("pack", items=tuple(plant.items(5)), key=key)
    with pytest.raises(OperationReused):
        do("pack", by="Wang", **order)
    late = ids.uuid7(plant.now)
    refused = {"unit": first.sscc, "items": tuple(plant.items(100)), "key": late}
    assert do("pack", **refused).refused
    plant.commission(tx, (100, 101))
    assert do("pack", **refused).changed == 1  # What was refused may be sent again.
    with pytest.raises(ClockAhead):
        do("open", unit=first.sscc, at=plant.now + timedelta(hours=1))


def test_one_operation_raced_is_done_once(database, now):
    with committed(database, now) as plant:
        with database.begin() as tx:
            plant.commission(tx, (0, 10))
        order, key = Order("pack", items=tuple(plant.items(0, 1))), ids.uuid7(now)
        answers = race(database, *[lambda tx: rework.perform(tx, key, order, by="Li", at=now, now=now)] * 5)
        assert len({one.sscc for one in answers}) == 1
        boxes = race(
            database,
            *[lambda tx: rework.perform(tx, ids.uuid7(now), Order("pack", items=tuple(plant.items(4))), by="Li", at=now,
                                        now=now)] * 4,
        )  # fmt: skip
        assert sorted(len(one.refused) for one in boxes) == [0, 1, 1, 1]
