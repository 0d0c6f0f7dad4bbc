"""Recall, void and release by the names people know; what was not meant is left alone, what is not there is said."""

from datetime import timedelta

import pytest
from sqlalchemy import event

from codegen import hierarchy, keys, recalls, runs, spans
from codegen.recalls import Scope
from foundation import audit
from tests.codegen.plant import build
from tests.codegen.presses import PROVIDER, TEA, WATER


class Office:
    def __init__(self, tx, plant):
        self.tx, self.plant = tx, plant

    def means(self, kind, value, **more):
        ring, index = keys.load_ring(self.tx, PROVIDER), runs.load_index(self.tx)
        return recalls.items_of(self.tx, Scope(kind, str(value), **more), ring=ring, index=index)

    def places(self, kind, value, **more):
        return self.plant.offsets(self.means(kind, value, **more))

    def pallet(self, *cases):
        sscc = hierarchy.new_sscc(self.tx, self.plant.brand_id)
        packed = hierarchy.pack(self.tx, sscc=sscc, level="pallet", units=cases, by="packer", now=self.plant.now)
        assert packed.refused == ()
        return sscc


@pytest.fixture
def office(tx, now):
    return Office(tx, build(tx, now))


def test_every_name_means_its_items(office, tx, now):
    plant = office.plant
    one, two = plant.case(tx, (0, 6)), plant.case(tx, (6, 10), 20)
    pallet = office.pallet(one, two)
    run = runs.issue(tx, brand_id=plant.brand_id, gtin=TEA, count=50, order_id="PO-9", lot="L7", now=now)
    code = next(iter(runs.export(plant.run, keys.load_ring(tx, PROVIDER))))
    assert office.places("item", plant.run.first + 3) == [(3, 4)]
    assert office.places("item", code) == [(0, 1)]
    assert office.places("item", code.lower()) == [(0, 1)]
    assert office.places("range", f"{plant.run.id}:11-20") == [(10, 20)]
    assert office.places("range", f"{plant.run.first}-{plant.run.first + 4}") == [(0, 5)]
    assert office.means("run", run.id) == office.means("lot", "L7") == [(run.first, run.end)]
    assert office.places("case", two) == [(6, 10), (20, 21)]
    assert office.places("pallet", pallet) == [(0, 10), (20, 21)]
    hierarchy.unpack(tx, sscc=pallet, units=[one], by="packer", now=now)
    assert office.places("pallet", pallet) == [(6, 10), (20, 21)], "what was taken off is not meant"


@pytest.mark.parametrize(
    ("kind", "value", "says"),
    [
        ("item", "42", "no code of ours and no item number"),
        ("item", "HTTPS://ID.BRAND.CN/01/06901234567892/21/00000000000000000000", "no code of ours"),
        ("range", "1:0-5", "places 1 to 10,000; 0 to 5"),
        ("range", "1:9-10001", "places 1 to 10,000"),
        ("range", "9-5", "ends before it begins"),
        ("range", "five", "write RUN:FIRST-LAST"),
        ("range", "77:1-2", "no run 77"),
        ("run", "77", "no run 77"),
        ("run", "tea", "no run tea"),
        ("lot", "L9", "No run has the lot"),
        ("case", "123", "SSCC"),
        ("case", "106141412345678908", "no case or pallet"),
    ],
)
def test_a_name_of_nothing_is_said(office, kind, value, says):
    value = value.replace("1:", f"{office.plant.run.id}:", 1) if value.startswith("1:") else value
    with pytest.raises(Exception, match=says) as caught:
        office.means(kind, value)
    assert caught.value.status in (400, 404)


def test_a_case_is_no_pallet_and_an_empty_one_is_said(office, tx):
    case = office.plant.case(tx, (0, 6))
    with pytest.raises(recalls.BadScope, match="is a case, not a pallet"):
        office.means("pallet", case)
    hierarchy.unpack(tx, sscc=case, by="packer", now=office.plant.now)
    with pytest.raises(recalls.BadScope, match="Nothing lies in case"):
        office.means("case", case)


def test_a_lot_of_two_products_wants_the_product(office, tx, now):
    brand = office.plant.brand_id
    runs.add_product(tx, brand_id=brand, gtin=WATER, name_zh="水", name_en="Water", now=now)
    for at, gtin in enumerate((TEA, WATER, WATER)):
        runs.issue(tx, brand_id=brand, gtin=gtin, count=5, order_id=f"lot-{at}", lot="L1", now=now)
    with pytest.raises(recalls.BadScope, match=f"2 products.*{TEA}.*{WATER}"):
        office.means("lot", "L1")
    assert spans.rangeset.count(office.means("lot", "L1", gtin=WATER)) == 10
    with pytest.raises(recalls.UnknownLot):
        office.means("lot", "l1")


@pytest.mark.parametrize("lot", ["", "a" * 21, "茶", "a b", "a#b"])
def test_a_lot_is_written_as_gs1_wants(office, tx, now, lot):
    with pytest.raises(runs.BadOrder, match="lot"):
        runs.issue(tx, brand_id=office.plant.brand_id, gtin=TEA, count=5, order_id="PO-9", lot=lot, now=now)


def test_a_pallet_is_recalled_and_released(office, tx, now):
    plant = office.plant
    pallet = office.pallet(plant.case(tx, (0, 6)), plant.case(tx, (10, 16)))
    scope, items = Scope("pallet", pallet), office.means("pallet", pallet)
    outcome = recalls.act(tx, "recall", scope, items, reason="wrong leaf", by="Li", now=now)
    assert (outcome.count, outcome.refused) == (12, ())
    again = recalls.act(tx, "recall", scope, items, reason="wrong leaf", by="Li", now=now)
    assert again.count == 0
    assert [one.reason for one in again.refused] == ["recalled", "recalled"]
    later = now + timedelta(hours=1)
    lifted = recalls.act(tx, "release", scope, items, reason="tested and good", by="Wang", now=later)
    assert lifted.count == 12
    assert spans.states(tx, items).keys() == {"commissioned"}
    trail = [(entry.action, entry.after["count"]) for entry in audit.history(tx, f"pallet:{pallet}")]
    assert trail == [("scope.recall", 12), ("scope.recall", 0), ("scope.release", 12)]
    with pytest.raises(recalls.ReasonMissing):
        recalls.act(tx, "void", scope, items, reason=" ", by="Li", now=now)


def test_a_hold_is_not_lifted_by_a_release_of_a_recall(office, tx, now):
    items = office.plant.items((0, 5))
    spans.hold(tx, items, reason="case 7", by="analyst", now=now)
    recalls.act(tx, "void", Scope("run", "1"), items, reason="x", by="Li", now=now)
    recalls.act(tx, "release", Scope("run", "1"), items, reason="x", by="Li", now=now)
    assert spans.states(tx, items).keys() == {"held"}


def test_a_billion_items_cost_the_statements_of_one(office, tx, now):
    plant, said = office.plant, []
    large = runs.issue(tx, brand_id=plant.brand_id, gtin=TEA, count=1_000_000_000, order_id="big", now=now)
    event.listen(tx, "before_cursor_execute", lambda *call: said.append(call[2]))
    costs = []
    for items in (plant.items(3), [(large.first, large.end)]):
        said.clear()
        outcome = recalls.act(tx, "void", Scope("run", "1"), items, reason="x", by="Li", now=now)
        costs.append((outcome.count, list(said)))
    (one, few), (many, as_few) = costs
    assert (one, many) == (1, 1_000_000_000)
    assert few == as_few


def test_a_scrap_list_is_read_line_by_line(office, tx):
    plant, ring, index = office.plant, keys.load_ring(tx, PROVIDER), runs.load_index(tx)
    code = next(iter(runs.export(plant.run, ring)))
    listed = [code, "", "5", "11-20", str(plant.run.first + 30), f"{plant.run.first + 40}-{plant.run.first + 41}",
              "torn", "0", "99-98", "10001", code[:-1]]  # fmt: skip
    found, wrong = recalls.read_list(listed, run=plant.run, ring=ring, index=index)
    assert plant.offsets(found) == [(0, 1), (4, 5), (10, 20), (30, 31), (40, 42)]
    assert [line for line, _ in wrong] == [7, 8, 9, 10, 11]
    assert "places 1 to 10,000" in wrong[1][1]
