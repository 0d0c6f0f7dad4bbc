"""What came in at a dealer's gate: beside what was sent, once, and nothing is refused that stands in the yard."""

import pytest

from codegen import arrivals, hierarchy, runs, shipments
from codegen.arrivals import ArrivedUnit, NothingArrived
from codegen.gs1 import WrongCheckDigit
from codegen.shipments import DocumentReused, OtherBrand, UnknownDealer
from codegen.units import UnknownUnit
from tests.codegen.plant import build, committed, race


@pytest.fixture
def yard(tx, now):
    return Yard(tx, now)


class Yard:
    def __init__(self, tx, now) -> None:
        self.tx, self.now, self.plant = tx, now, build(tx, now)
        self.here, self.there = (
            shipments.add_dealer(tx, brand_id=self.plant.brand_id, name=name, regions=[], now=now)
            for name in ("成都", "西安")
        )
        self.cases = [self.plant.case(tx, (at, at + 10)) for at in (0, 10, 20, 30)]

    def ship(self, dealer, *cases, document="DN-1"):
        shipments.ship(self.tx, dealer_id=dealer.id, units=cases, document=document, now=self.now)

    def receive(self, *units, dealer=None, document="GR-1"):
        dealer_id = (dealer or self.here).id
        return arrivals.receive(self.tx, dealer_id=dealer_id, units=units, document=document, by="gate", now=self.now)


def test_an_arrival_says_what_came_what_should_not_and_what_is_missing(yard):
    mine, late, theirs, nobodys = yard.cases
    yard.ship(yard.here, mine, late)
    yard.ship(yard.there, theirs, document="DN-2")
    took = yard.receive(mine, theirs, nobodys)
    assert took.units == tuple(
        sorted(
            [
                ArrivedUnit(mine, yard.here.id, "DN-1"),
                ArrivedUnit(theirs, yard.there.id, "DN-2"),
                ArrivedUnit(nobodys, None, None),
            ],
            key=lambda one: one.sscc,
        )
    )
    assert took.misdirected == (ArrivedUnit(theirs, yard.there.id, "DN-2"),)
    assert took.unsent == (ArrivedUnit(nobodys, None, None),)
    assert took.missing == (late,)
    assert yard.receive(theirs, mine, nobodys, mine) == took
    assert yard.receive(late, document="GR-2").missing == ()
    assert yard.receive(mine, theirs, nobodys).missing == ()


def test_the_latest_delivery_counts(yard):
    case = yard.cases[0]
    yard.ship(yard.there, case)
    yard.ship(yard.here, case, document="DN-2")
    assert yard.receive(case).misdirected == ()
    assert yard.receive(case, dealer=yard.there).misdirected == (ArrivedUnit(case, yard.here.id, "DN-2"),)


def test_what_lies_on_a_pallet_came_in_with_it(yard):
    pallet = hierarchy.new_sscc(yard.tx, yard.plant.brand_id)
    hierarchy.pack(yard.tx, sscc=pallet, level="pallet", units=yard.cases[:2], by="b", now=yard.now)
    yard.ship(yard.here, pallet)
    took = yard.receive(pallet)
    assert [one.sscc for one in took.units] == [pallet]
    rows = yard.tx.exec_driver_sql("SELECT sscc, outermost_sscc, shipment_id IS NULL FROM arrival_units ORDER BY 1")
    assert rows.all() == sorted((sscc, pallet, False) for sscc in (pallet, *yard.cases[:2]))


def test_what_cannot_be_an_arrival_says_why(yard):
    stranger = runs.add_brand(yard.tx, name="Other", host="other.cn", now=yard.now)
    other = shipments.add_dealer(yard.tx, brand_id=stranger.id, name="A", regions=[], now=yard.now)
    case = yard.cases[0]
    unknown = hierarchy.new_sscc(yard.tx, yard.plant.brand_id)
    yard.receive(case)
    for expected, units, options in (
        (NothingArrived, (), {}),
        (NothingArrived, (case,), {"document": " "}),
        (WrongCheckDigit, (case[:-1] + str((int(case[-1]) + 1) % 10),), {}),
        (UnknownUnit, (unknown,), {"document": "GR-9"}),
        (OtherBrand, (case,), {"dealer": other}),
        (DocumentReused, yard.cases[:2], {}),
    ):
        savepoint = yard.tx.begin_nested()
        with pytest.raises(expected):
            yard.receive(*units, **options)
        savepoint.rollback()
    with pytest.raises(UnknownDealer):
        arrivals.receive(yard.tx, dealer_id=10**9, units=[case], document="X", by="gate", now=yard.now)
    assert yard.tx.exec_driver_sql("SELECT count(*) FROM arrivals").scalar() == 1


def test_the_same_arrival_sent_by_five_at_once_is_one(database, now):
    with committed(database, now) as plant, database.begin() as tx:
        case = plant.case(tx, (0, 10))
        dealer = shipments.add_dealer(tx, brand_id=plant.brand_id, name="成都", regions=[], now=now)

    def act(tx):
        return arrivals.receive(tx, dealer_id=dealer.id, units=[case], document="GR", by="gate", now=now)

    answers = race(database, *[act] * 5)
    assert len(set(answers)) == 1
    assert answers[0].unsent == (ArrivedUnit(case, None, None),)
