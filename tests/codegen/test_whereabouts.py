"""Cases, pallets, dealers: who lies in what, and who got it."""

from datetime import timedelta

import pytest

from codegen import gs1, hierarchy, items, runs, shipments, spans
from codegen.hierarchy import Refusal
from tests.codegen.plant import build, committed, race


def pack(plant, tx, sscc, *offsets, level="case", units=()):
    return hierarchy.pack(
        tx, sscc=sscc, level=level, items=plant.items(*offsets), units=units, by="packer", now=plant.now
    )


def test_ssccs_count_up_and_carry_the_company_prefix(tx, now):
    plant = build(tx, now)
    made = [hierarchy.new_sscc(tx, plant.brand_id) for _ in range(3)]
    assert [gs1.sscc(sscc) for sscc in made] == made
    assert [sscc[:8] + "|" + sscc[8:17] for sscc in made] == [f"06901234|00000000{n}" for n in range(3)]
    assert hierarchy.new_sscc(tx, plant.brand_id, extension=3)[0] == "3"
    with pytest.raises(hierarchy.UnknownBrand):
        hierarchy.new_sscc(tx, 999_999)


def test_a_brand_without_prefix_and_product_has_no_sscc(tx, now):
    brand = runs.add_brand(tx, name="New", host="new.cn", now=now)
    with pytest.raises(hierarchy.NoCompanyPrefix):
        hierarchy.new_sscc(tx, brand.id)
    owner = runs.add_brand(tx, name="Own", host="own.cn", now=now, company_prefix="950600")
    assert hierarchy.new_sscc(tx, owner.id)[1:7] == "950600"


def test_a_full_case_a_short_case_and_what_is_in_them(tx, now):
    plant = build(tx, now)
    full, short = plant.case(tx, (0, 24)), plant.case(tx, 30, 32, 40)
    assert hierarchy.contents(tx, full) == hierarchy.Contents(full, "case", tuple(plant.items((0, 24))), ())
    assert plant.offsets(hierarchy.contents(tx, short).items) == [(30, 31), (32, 33), (40, 41)]
    found = hierarchy.parents(tx, plant.items(0, 23, 24, 32))
    assert found == dict(zip(plant.items(0, 23, 32), [(full,), (full,), (short,)], strict=True))


def test_packing_is_all_or_nothing_and_says_why(tx, now):
    plant = build(tx, now)
    first = plant.case(tx, (0, 10))
    plant.commission(tx, (10, 40))
    spans.void(tx, plant.items(20), reason="r", by="b", now=now)
    spans.scrap(tx, plant.items(50), reason="r", by="b", now=now)
    sscc = hierarchy.new_sscc(tx, plant.brand_id)
    refused = pack(plant, tx, sscc, (8, 21), 50, (9_999, 10_001)).refused
    i = plant.items((8, 10), (20, 21), (50, 51), (9_999, 10_000), (10_000, 10_001))
    assert set(refused) == {
        Refusal(i[0], "packed", first), Refusal(i[1], "voided"), Refusal(i[2], "not-commissioned"),
        Refusal(i[2], "scrapped"), Refusal(i[3], "not-commissioned"), Refusal(i[4], "not-issued"),
    }  # fmt: skip
    with pytest.raises(hierarchy.UnknownUnit):
        hierarchy.contents(tx, sscc)
    assert hierarchy.parents(tx, plant.items(12)) == {}
    with pytest.raises(hierarchy.NothingToPack):
        pack(plant, tx, sscc)
    with pytest.raises(gs1.WrongCheckDigit):
        pack(plant, tx, sscc[:-1] + str((int(sscc[-1]) + 1) % 10), 10)


def test_packing_again_changes_nothing_and_more_may_follow(tx, now):
    plant = build(tx, now)
    sscc = plant.case(tx, (0, 10))
    assert pack(plant, tx, sscc, (0, 10)).refused == ()
    plant.commission(tx, (10, 24))
    assert pack(plant, tx, sscc, (5, 24)).refused == ()
    assert plant.offsets(hierarchy.contents(tx, sscc).items) == [(0, 24)]
    with pytest.raises(hierarchy.LevelDiffers):
        pack(plant, tx, sscc, (5, 24), level="pallet")


def test_a_bad_bottle_is_replaced_and_may_be_packed_elsewhere(tx, now):
    plant = build(tx, now)
    sscc = plant.case(tx, (0, 24))
    assert hierarchy.unpack(tx, sscc=sscc, items=plant.items(7, 100), by="packer", now=now) == 1
    assert plant.offsets(hierarchy.contents(tx, sscc).items) == [(0, 7), (8, 24)]
    plant.commission(tx, 24)
    assert pack(plant, tx, sscc, 24).refused == ()
    other = hierarchy.new_sscc(tx, plant.brand_id)
    assert pack(plant, tx, other, 7).refused == ()
    assert hierarchy.parents(tx, plant.items(7)) == {plant.run.first + 7: (other,)}
    with pytest.raises(hierarchy.UnknownUnit):
        hierarchy.unpack(tx, sscc=hierarchy.new_sscc(tx, plant.brand_id), by="b", now=now)


def test_cases_on_a_pallet(tx, now):
    plant = build(tx, now)
    cases = [plant.case(tx, (at, at + 10)) for at in (0, 10, 20)]
    pallet = hierarchy.new_sscc(tx, plant.brand_id)
    assert pack(plant, tx, pallet, level="pallet", units=cases[:2]).refused == ()
    assert pack(plant, tx, pallet, level="pallet", units=cases[:2]).refused == ()
    assert hierarchy.contents(tx, pallet).units == tuple(cases[:2])
    assert hierarchy.parents(tx, plant.items(0, 25)) == {
        plant.run.first: (cases[0], pallet), plant.run.first + 25: (cases[2],),
    }  # fmt: skip
    second, nowhere = hierarchy.new_sscc(tx, plant.brand_id), hierarchy.new_sscc(tx, plant.brand_id)
    refused = pack(plant, tx, second, level="pallet", units=[cases[0], pallet, nowhere]).refused
    assert set(refused) == {
        Refusal(cases[0], "packed", pallet), Refusal(pallet, "ranks-too-high"), Refusal(nowhere, "unknown"),
    }  # fmt: skip
    assert pack(plant, tx, second, level="case", units=[cases[2]]).refused == (Refusal(cases[2], "ranks-too-high"),)
    assert hierarchy.unpack(tx, sscc=pallet, units=[cases[0]], by="b", now=now) == 1
    assert pack(plant, tx, second, level="pallet", units=[cases[0]]).refused == ()
    assert hierarchy.unpack(tx, sscc=pallet, by="b", now=now) == 1
    assert hierarchy.contents(tx, pallet).units == ()


def test_a_shipment_says_where_every_bottle_went(tx, now):
    plant = build(tx, now)
    cases = [plant.case(tx, (at, at + 10)) for at in (0, 10, 20)]
    pallet = hierarchy.new_sscc(tx, plant.brand_id)
    pack(plant, tx, pallet, level="pallet", units=cases[:2])
    dealer = shipments.add_dealer(tx, brand_id=plant.brand_id, name="成都糖酒", regions=[510100, 510700], now=now)
    assert shipments.dealers(tx) == [dealer]
    sent = shipments.ship(tx, dealer_id=dealer.id, units=[pallet], document="DN-1", now=now)
    assert shipments.ship(tx, dealer_id=dealer.id, units=[pallet, pallet], document="DN-1", now=now) == sent
    where = shipments.whereabouts(tx, plant.items(0, 15, 25, 99))
    assert where[plant.run.first + 15] == shipments.Whereabouts(cases[1], pallet, dealer.id, "成都糖酒", "DN-1", now)
    assert where[plant.run.first + 25] == shipments.Whereabouts(cases[2], None, None, None, None, None)
    assert len(where) == 3
    # Off the pallet the case still came from there; sold on, the next dealer counts.
    hierarchy.unpack(tx, sscc=pallet, by="dealer", now=now)
    assert shipments.whereabouts(tx, plant.items(0))[plant.run.first].dealer_id == dealer.id
    next_dealer = shipments.add_dealer(tx, brand_id=plant.brand_id, name="乐山", regions=[511100], now=now)
    shipments.ship(tx, dealer_id=next_dealer.id, units=[cases[0]], document="X", now=now + timedelta(days=3))
    assert shipments.whereabouts(tx, plant.items(0))[plant.run.first].dealer == "乐山"


def test_what_cannot_be_shipped_says_why(tx, now):
    plant = build(tx, now)
    cases = [plant.case(tx, (at, at + 10)) for at in (0, 10)]
    pallet = hierarchy.new_sscc(tx, plant.brand_id)
    pack(plant, tx, pallet, level="pallet", units=cases[:1])
    dealer = shipments.add_dealer(tx, brand_id=plant.brand_id, name="A", regions=[], now=now)
    other = runs.add_brand(tx, name="Other", host="other.cn", now=now)
    stranger = shipments.add_dealer(tx, brand_id=other.id, name="A", regions=[], now=now)

    def ship(dealer_id=dealer.id, units=(cases[1],), document="DN"):
        savepoint = tx.begin_nested()
        try:
            return shipments.ship(tx, dealer_id=dealer_id, units=units, document=document, now=now)
        except Exception:
            savepoint.rollback()
            raise

    for error, wrong in (
        (shipments.NotOutermost, {"units": [cases[0]]}),
        (shipments.OtherBrand, {"dealer_id": stranger.id}),
        (shipments.UnknownUnit, {"units": [hierarchy.new_sscc(tx, plant.brand_id)]}),
        (shipments.UnknownDealer, {"dealer_id": 999_999}),
        (shipments.NothingToShip, {"units": []}),
        (shipments.NothingToShip, {"document": " "}),
        (gs1.NotAnSscc, {"units": ["123"]}),
    ):
        with pytest.raises(error):
            ship(**wrong)
    ship()
    with pytest.raises(shipments.DocumentReused):
        ship(units=[pallet])
    with pytest.raises(shipments.DealerExists):
        shipments.add_dealer(tx, brand_id=plant.brand_id, name="A", regions=[], now=now)
    for region in (51, 5101000, 99999):
        with pytest.raises(shipments.BadRegion):
            shipments.authorise(tx, dealer.id, [region], now=now)


def test_regions_are_in_force_from_one_instant_to_another(tx, now):
    plant = build(tx, now)
    sscc = plant.case(tx, 0)
    dealer = shipments.add_dealer(tx, brand_id=plant.brand_id, name="A", regions=[510100, 510100, 510700], now=now)
    shipments.ship(tx, dealer_id=dealer.id, units=[sscc], document="DN", now=now)
    later = now + timedelta(days=10)
    assert shipments.authorise(tx, dealer.id, [510700, 500100], now=later).regions == {510700, 500100}

    def authorised(at):
        return items.load(tx, plant.items(0), now=at)[plant.run.first].authorised

    assert authorised(now + timedelta(days=1)) == {510100, 510700}
    assert authorised(later) == authorised(None) == {510700, 500100}
    assert authorised(now - timedelta(days=1)) == frozenset()
    shipments.authorise(tx, dealer.id, [510700], now=later)  # Corrected in the same breath.
    assert authorised(later) == {510700}
    assert shipments.dealers(tx, brand_id=plant.brand_id)[0].regions == {510700}


# --- races ----------------------------------------------------------------------------------------------------------


def test_of_two_packers_of_one_bottle_one_packs_it(database, now):
    with committed(database, now) as plant:
        with database.begin() as tx:
            plant.commission(tx, (0, 100))
            ssccs = [hierarchy.new_sscc(tx, plant.brand_id) for _ in range(6)]
        answers = race(database, *[lambda tx, s=s: pack(plant, tx, s, (0, 24)) for s in ssccs])
        done = [answer.sscc for answer in answers if not answer.refused]
        assert len(done) == 1
        assert {r.reason for answer in answers for r in answer.refused} == {"packed"}
        assert {r.unit for answer in answers for r in answer.refused} == set(done)


def test_voiding_and_packing_one_bottle_do_not_cross(database, now):
    with committed(database, now) as plant:
        with database.begin() as tx:
            plant.commission(tx, (0, 100))
        for offset in range(8):
            with database.begin() as tx:
                sscc = hierarchy.new_sscc(tx, plant.brand_id)
            packed, voided = race(
                database,
                lambda tx, o=offset, s=sscc: pack(plant, tx, s, o),
                lambda tx, o=offset: spans.void(tx, plant.items(o), reason="r", by="b", now=now),
            )
            assert voided.count == 1
            assert [r.reason for r in packed.refused] in ([], ["voided"])


def test_one_document_raced_is_one_shipment(database, now):
    with committed(database, now) as plant:
        with database.begin() as tx:
            sscc = plant.case(tx, (0, 10))
            dealer = shipments.add_dealer(tx, brand_id=plant.brand_id, name="A", regions=[510100], now=now)
        send = [
            lambda tx: shipments.ship(tx, dealer_id=dealer.id, units=[sscc], document="DN", now=now) for _ in range(5)
        ]
        assert len({answer.id for answer in race(database, *send)}) == 1
