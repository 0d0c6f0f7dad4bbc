"""Five levels, open and closed, late events, new labels: what a unit may hold and when; then a random walk."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from codegen import hierarchy, items, shipments, spans, units
from codegen.hierarchy import Refusal
from tests.codegen.plant import build, committed, race
from tests.codegen.test_whereabouts import pack

MINUTE = timedelta(minutes=1)


def fill(plant, tx, level, *offsets, inside=(), at=None):
    """A unit of that level; its items are commissioned."""
    if offsets:
        plant.commission(tx, *offsets)
    sscc = hierarchy.new_sscc(tx, plant.brand_id)
    packed = hierarchy.pack(
        tx, sscc=sscc, level=level, items=plant.items(*offsets), units=inside, by="packer", now=at or plant.now
    )
    assert packed.refused == ()
    return sscc


def tower(plant, tx):
    """A pallet of one layer of one case of two bundles of six."""
    bundles = [fill(plant, tx, "bundle", (at, at + 6)) for at in (0, 6)]
    case = fill(plant, tx, "case", inside=bundles)
    layer = fill(plant, tx, "layer", inside=[case])
    return bundles, case, layer, fill(plant, tx, "pallet", inside=[layer])


def test_five_levels_hold_what_ranks_lower(tx, now):
    plant = build(tx, now)
    bundles, case, layer, pallet = tower(plant, tx)
    assert hierarchy.parents(tx, plant.items(7)) == {plant.run.first + 7: (bundles[1], case, layer, pallet)}
    assert plant.offsets(hierarchy.everything_in(tx, pallet)[1]) == [(0, 12)]
    other = hierarchy.new_sscc(tx, plant.brand_id)
    for level, child in (("layer", pallet), ("case", layer), ("bundle", case), ("pallet", pallet)):
        refused = pack(plant, tx, other, level=level, units=[child]).refused
        assert Refusal(child, "ranks-too-high") in refused
    assert pack(plant, tx, case, level="case", units=[case]).refused[0].reason == "ranks-too-high"


def test_a_delivery_of_a_pallet_is_one_of_every_bottle_in_it(tx, now):
    plant = build(tx, now)
    bundles, _, _, pallet = tower(plant, tx)
    dealer = shipments.add_dealer(tx, brand_id=plant.brand_id, name="A", regions=[510100], now=now)
    shipments.ship(tx, dealer_id=dealer.id, units=[pallet], document="DN", now=now)
    where = shipments.whereabouts(tx, plant.items(7))[plant.run.first + 7]
    assert (where.sscc, where.outermost_sscc, where.dealer_id) == (bundles[1], pallet, dealer.id)
    assert items.load(tx, plant.items(7))[plant.run.first + 7].dealer_id == dealer.id
    with pytest.raises(shipments.NotOutermost):
        shipments.ship(tx, dealer_id=dealer.id, units=[bundles[0]], document="DN-2", now=now)


def test_a_closed_pallet_refuses_changes_however_deep(tx, now):
    plant = build(tx, now)
    bundles, case, _, pallet = tower(plant, tx)
    plant.commission(tx, (20, 30))
    assert units.close(tx, pallet, by="b", now=now).changed == 1
    assert units.close(tx, pallet, by="b", now=now) == hierarchy.Packed(pallet, ())
    assert units.find(tx, pallet).state == "closed"
    assert pack(plant, tx, bundles[0], 20, level="bundle").refused == (Refusal(bundles[0], "closed", pallet),)
    with pytest.raises(units.UnitShut, match="reopen"):
        hierarchy.unpack(tx, sscc=case, by="b", now=now)
    assert units.reopen(tx, pallet, by="b", now=now + MINUTE).changed == 1
    assert hierarchy.unpack(tx, sscc=case, units=bundles[:1], by="b", now=now + MINUTE) == 1
    empty = fill(plant, tx, "case", 20)
    hierarchy.unpack(tx, sscc=empty, by="b", now=now)
    assert units.close(tx, empty, by="b", now=now).refused == (Refusal(empty, "empty"),)


def test_what_happened_is_judged_by_its_own_time(tx, now):
    plant = build(tx, now)
    case = fill(plant, tx, "case", (0, 6))
    plant.commission(tx, (6, 20))
    units.close(tx, case, by="b", now=now + 10 * MINUTE)

    def late(offset, at):
        return [one.reason for one in hierarchy.pack(
            tx, sscc=case, level="case", items=plant.items(offset), by="late", now=at
        ).refused]  # fmt: skip

    assert late(6, now + 20 * MINUTE) == ["closed"]
    assert late(6, now + 5 * MINUTE) == []  # The handheld was without network for an hour.
    units.reopen(tx, case, by="b", now=now + 30 * MINUTE)
    assert late(7, now + 15 * MINUTE) == ["closed"]
    assert late(7, now + 31 * MINUTE) == []
    spans.void(tx, plant.items(8), reason="r", by="b", now=now + 40 * MINUTE)
    assert (late(8, now + 41 * MINUTE), late(8, now + 39 * MINUTE)) == (["voided"], [])
    assert units.close(tx, case, by="b", now=now + 35 * MINUTE).refused == (Refusal(case, "changed-since"),)


def test_a_late_pack_ends_where_the_next_began_and_a_late_take_out_makes_room(tx, now):
    plant = build(tx, now)
    first = fill(plant, tx, "case", 5)
    plant.commission(tx, 0)
    second = fill(plant, tx, "case", 6)

    def put(sscc, minutes):
        return hierarchy.pack(tx, sscc=sscc, level="case", items=plant.items(0), by="b", now=now + minutes * MINUTE)

    assert put(second, 30).refused == ()
    assert put(first, 10).refused == ()  # Earlier, and heard of later.
    assert hierarchy.parents(tx, plant.items(0)) == {plant.run.first: (second,)}
    assert put(second, 20).refused[0] == Refusal(plant.items((0, 1))[0], "packed", first)
    assert hierarchy.unpack(tx, sscc=first, items=plant.items(0), by="b", now=now + 15 * MINUTE) == 1
    assert put(second, 20).refused == ()
    life = [(one.what, one.at) for one in items.history(tx, plant.run.first) if "packed" in one.what]
    assert life == [
        ("packed", now + 10 * MINUTE), ("unpacked", now + 15 * MINUTE), ("packed", now + 20 * MINUTE),
        ("packed", now + 30 * MINUTE), ("unpacked", now + 30 * MINUTE),
    ]  # fmt: skip


def test_a_new_label_takes_over_contents_place_and_deliveries(tx, now):
    plant = build(tx, now)
    _, case, layer, pallet = tower(plant, tx)
    dealer = shipments.add_dealer(tx, brand_id=plant.brand_id, name="A", regions=[510100], now=now)
    shipments.ship(tx, dealer_id=dealer.id, units=[pallet], document="DN", now=now)
    new = hierarchy.new_sscc(tx, plant.brand_id)
    assert hierarchy.move(tx, old=case, new=new, by="b", now=now + MINUTE).refused == ()
    assert hierarchy.parents(tx, plant.items(0))[plant.run.first][1:] == (new, layer, pallet)
    assert (units.find(tx, case).state, units.find(tx, case).replaced_by) == ("retired", new)
    assert pack(plant, tx, case, 0, level="case").refused[0] == Refusal(case, "retired", new)
    assert hierarchy.move(tx, old=case, new=new, by="b", now=now + MINUTE).refused[0].reason == "retired"
    with pytest.raises(units.UnitShut, match="retired label"):
        shipments.ship(tx, dealer_id=dealer.id, units=[case], document="DN-3", now=now)
    assert shipments.ship(tx, dealer_id=dealer.id, units=[pallet], document="DN", now=now).units == (pallet,)


def test_closing_and_packing_one_pallet_take_turns(database, now):
    with committed(database, now) as plant:
        with database.begin() as tx:
            pallets = [fill(plant, tx, "pallet", inside=[fill(plant, tx, "case", (at, at + 2))]) for at in (0, 2, 4, 6)]
            plant.commission(tx, (100, 110))
            cases = [hierarchy.contents(tx, pallet).units[0] for pallet in pallets]
        for at, (pallet, case) in enumerate(zip(pallets, cases, strict=True)):
            closed, packed = race(
                database,
                lambda tx, p=pallet: units.close(tx, p, by="b", now=now),
                lambda tx, c=case, o=100 + at: pack(plant, tx, c, o),
            )
            assert closed.changed == 1
            assert [one.reason for one in packed.refused] in ([], ["closed"])
            with database.begin() as tx:
                assert pack(plant, tx, case, 100 + at).refused[0].reason == "closed"


def test_of_two_new_labels_for_one_case_one_takes_over(database, now):
    with committed(database, now) as plant:
        with database.begin() as tx:
            old = fill(plant, tx, "case", (0, 6))
            fresh = [hierarchy.new_sscc(tx, plant.brand_id) for _ in range(4)]
        moved = race(database, *[lambda tx, n=n: hierarchy.move(tx, old=old, new=n, by="b", now=now) for n in fresh])
        winners = [one.sscc for one in moved if not one.refused]
        assert len(winners) == 1
        assert {one.refused for one in moved if one.refused} == {(Refusal(old, "retired", winners[0]),)}


class Model:
    """Where each bottle was, as a list of (unit, from, until): the same rules in twenty lines."""

    def __init__(self):
        self.stays = {}

    def pack(self, unit, bottles, at):
        for bottle in bottles:
            for other, start, end in self.stays.get(bottle, []):
                if start <= at and (end is None or end > at) and other != unit:
                    return False
        for bottle in bottles:
            stays = self.stays.setdefault(bottle, [])
            if not any(start <= at and (end is None or end > at) for _, start, end in stays):
                stays.append((unit, at, min((start for _, start, _ in stays if start > at), default=None)))
        return True

    def unpack(self, unit, bottles, at):
        for bottle in bottles:
            stays = self.stays.get(bottle, [])
            for n, (other, start, end) in enumerate(stays):
                if other == unit and start <= at and (end is None or end > at):
                    stays[n] = (other, start, at)

    def inside(self, unit):
        return {b for b, stays in self.stays.items() if any(s[0] == unit and s[2] is None for s in stays)}


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["pack", "unpack"]), st.integers(0, 2), st.sets(st.integers(0, 7), min_size=1, max_size=4),
        st.integers(0, 12),
    ),
    max_size=25,
)  # fmt: skip


@settings(
    max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate, Phase.shrink]
)
@given(steps=STEPS)
def test_any_walk_in_any_order_of_time_agrees_with_the_model(engine, now, steps):
    with engine.connect() as connection, connection.begin() as begun:
        plant = build(connection, now)
        plant.commission(connection, (0, 8), (90, 93))
        cases = [fill_with_foam(plant, connection, 90 + n) for n in range(3)]
        model = Model()
        for what, unit, bottles, minutes in steps:
            at, named = now + (1 + minutes) * MINUTE, plant.items(*bottles)
            if what == "pack":
                done = hierarchy.pack(connection, sscc=cases[unit], level="case", items=named, by="b", now=at)
                assert (done.refused == ()) == model.pack(unit, bottles, at), done
            else:
                hierarchy.unpack(connection, sscc=cases[unit], items=named, by="b", now=at)
                model.unpack(unit, bottles, at)
        for n, case in enumerate(cases):
            lies = plant.offsets(hierarchy.contents(connection, case).items)
            assert {o for low, high in lies for o in range(low, high)} - {90 + n} == model.inside(n)
        begun.rollback()


def fill_with_foam(plant, tx, offset):
    """A case that exists already, with one bottle nobody touches."""
    sscc = hierarchy.new_sscc(tx, plant.brand_id)
    assert hierarchy.pack(tx, sscc=sscc, level="case", items=plant.items(offset), by="b", now=plant.now).refused == ()
    return sscc
