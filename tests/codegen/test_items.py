"""One item's row: first seen once, claimed once, its life in order; and what happens when two want it at once."""

import threading
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import event, text

from codegen import hierarchy, items, runs, shipments, spans
from codegen.identity import Face
from codegen.items import Claim, FirstSeen, ItemState, Stale
from foundation.database import transaction
from tests.codegen.plant import build, committed, race

LI, WANG, SCAN = (UUID(int=n) for n in (1, 2, 3))


def claim(plant, offset, member=LI, face=Face.OUTER, kind=items.CONSUMER):
    return Claim(plant.run.first + offset, face, kind, member, SCAN, plant.now)


def seen(plant, offset, region=510100, device="phone-1"):
    return FirstSeen(plant.run.first + offset, plant.now, region, device)


def test_everything_known_of_an_item_comes_in_one_statement(tx, now):
    plant = build(tx, now)
    sscc = plant.case(tx, (0, 24))
    dealer = shipments.add_dealer(tx, brand_id=plant.brand_id, name="A", regions=[510100, 510700], now=now)
    shipments.ship(tx, dealer_id=dealer.id, units=[sscc], document="DN", now=now)
    spans.recall(tx, plant.items(3), reason="r", by="b", now=now)
    spans.hold(tx, plant.items(3), reason="r", by="b", now=now)
    spans.void(tx, plant.items(50), reason="r", by="b", now=now)
    spans.scrap(tx, plant.items(51), reason="r", by="b", now=now)
    items.store(tx, first_seen=[seen(plant, 3)], claims=[claim(plant, 3)])
    statements = []
    listen = lambda *args: statements.append(args[2])  # noqa: E731
    event.listen(tx.engine, "before_cursor_execute", listen)
    wanted = plant.items(3, 4, 50, 51, 99, 20_000, 3)
    known = items.load(tx, wanted)
    event.remove(tx.engine, "before_cursor_execute", listen)
    assert len(statements) == 1
    shipped = {"sscc": sscc, "dealer_id": dealer.id, "shipped_at": now, "authorised": frozenset({510100, 510700})}
    first = plant.run.first
    assert known == {
        first + 3: ItemState(
            first + 3, commissioned=True, recalled=True, held=True, first_seen_at=now, first_seen_region=510100,
            first_seen_device="phone-1", claimed_by=LI, claimed_at=now, **shipped,
        ),
        first + 4: ItemState(first + 4, commissioned=True, **shipped),
        first + 50: ItemState(first + 50, voided=True),
        first + 51: ItemState(first + 51, scrapped=True),
        first + 99: ItemState(first + 99),
        first + 20_000: ItemState(first + 20_000),
    }  # fmt: skip
    assert items.load(tx, []) == {}


def test_storing_a_batch_is_one_statement(tx, now):
    plant = build(tx, now)
    statements = []
    listen = lambda *args: statements.append(args[2])  # noqa: E731
    event.listen(tx.engine, "before_cursor_execute", listen)
    items.store(
        tx,
        first_seen=[seen(plant, offset, None, None) for offset in (9, 2, 5)],
        claims=[claim(plant, offset) for offset in (5, 9)],
    )
    items.store(tx)
    event.remove(tx.engine, "before_cursor_execute", listen)
    assert len(statements) == 1
    assert [items.load(tx, plant.items(o))[plant.run.first + o].claimed_by for o in (2, 5, 9)] == [None, LI, LI]


def test_a_second_first_sighting_or_claim_is_stale(tx, now):
    plant = build(tx, now)
    items.store(tx, first_seen=[seen(plant, 1)], claims=[claim(plant, 1)])
    with pytest.raises(Stale):
        items.store(tx, first_seen=[seen(plant, 0), seen(plant, 1)])
    with pytest.raises(Stale):
        items.store(tx, claims=[claim(plant, 1, WANG)])
    with pytest.raises(ValueError, match="twice"):
        items.store(tx, claims=[claim(plant, 7), claim(plant, 7, WANG)])
    with pytest.raises(ValueError, match="twice"):
        items.store(tx, first_seen=[seen(plant, 7), seen(plant, 7)])


def test_the_claim_that_counts_is_on_the_runs_claim_face(tx, now):
    plant = build(tx, now, inner=True)
    items.store(tx, claims=[claim(plant, 0, WANG, Face.OUTER), claim(plant, 0, WANG, Face.INNER, "store")])
    assert items.load(tx, plant.items(0))[plant.run.first].claimed_by is None
    items.store(tx, claims=[claim(plant, 0, LI, Face.INNER)])
    assert items.load(tx, plant.items(0))[plant.run.first].claimed_by == LI


def test_the_life_of_a_bottle(tx, now):
    plant = build(tx, now)
    hours = [now + timedelta(hours=hour) for hour in range(10)]
    bottle = plant.items(5)
    spans.commission(tx, plant.items((0, 24)), by="line 1", now=hours[1])
    sscc = hierarchy.new_sscc(tx, plant.brand_id)
    hierarchy.pack(tx, sscc=sscc, level="case", items=plant.items((0, 24)), by="packer", now=hours[2])
    dealer = shipments.add_dealer(tx, brand_id=plant.brand_id, name="成都", regions=[510100], now=now)
    shipments.ship(tx, dealer_id=dealer.id, units=[sscc], document="DN", now=hours[3])
    items.store(
        tx,
        first_seen=[FirstSeen(bottle[0], hours[4], 510100, "phone")],
        claims=[Claim(bottle[0], Face.OUTER, "consumer", LI, SCAN, hours[5])],
    )
    hierarchy.unpack(tx, sscc=sscc, items=bottle, by="dealer", now=hours[6])
    spans.void(tx, bottle, reason="copied", by="analyst", now=hours[7])
    spans.release(tx, bottle, reason="appeal", by="analyst", now=hours[8])
    life = items.history(tx, bottle[0])
    assert [(line.what, line.at) for line in life] == list(
        zip(
            ["issued", "commissioned", "packed", "shipped", "first_seen", "claimed", "unpacked", "voided", "released"],
            hours,
            strict=False,
        )
    )
    assert life[0].facts["order_id"] == "PO-1"
    assert life[3].facts == {"sscc": sscc, "dealer_id": dealer.id, "dealer": "成都", "document": "DN"}
    assert life[5].facts["member_id"] == str(LI)
    assert life[8].facts == {"from": "voided", "reason": "appeal", "by": "analyst"}
    assert items.history(tx, plant.run.end) == []


# --- races ----------------------------------------------------------------------------------------------------------


def scan(plant, member, *offsets):
    """What an intake does with a batch: load, decide, store."""

    def work(tx):
        known = items.load(tx, plant.items(*offsets))
        free = [item for item, state in known.items() if state.claimed_by is None]
        items.store(
            tx,
            first_seen=[FirstSeen(i, plant.now, None, None) for i in known if known[i].first_seen_at is None],
            claims=[Claim(i, Face.OUTER, "consumer", member, SCAN, plant.now) for i in free],
        )
        return free

    return work


def until_fresh(work):
    """Run in a transaction of its own, again while Stale, as the intake does."""

    def repeat(engine):
        while True:
            try:
                with transaction(engine) as tx:
                    return work(tx)
            except Stale:
                continue

    return repeat


def test_of_two_that_claim_one_bottle_at_once_one_is_stale(database, now):
    with committed(database, now) as plant:
        answers = race(database, *[scan(plant, UUID(int=n), 0) for n in range(1, 6)])
        won = [answer for answer in answers if answer == [plant.run.first]]
        assert len(won) == 1
        assert all(isinstance(answer, Stale) or answer == [] for answer in answers if answer not in won)


def test_batches_that_overlap_neither_deadlock_nor_pay_twice(database, now):
    with committed(database, now) as plant:
        batches = [[(7 * n + 3 * k) % 40 for k in range(15)] for n in range(8)]
        won, failed = [], []

        def phone(n):
            try:
                won.extend(until_fresh(scan(plant, UUID(int=n + 1), *sorted(set(batches[n]), reverse=n % 2)))(database))
            except Exception as error:
                failed.append(error)

        threads = [threading.Thread(target=phone, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert failed == []
        assert sorted(won) == sorted({plant.run.first + offset for batch in batches for offset in batch})


def test_a_loaded_item_is_locked_until_the_end(database, now):
    with committed(database, now) as plant:
        with transaction(database) as tx:
            items.store(tx, first_seen=[seen(plant, 0)])
        with transaction(database) as one:
            items.load(one, plant.items(0))
            with transaction(database) as two:
                free = "SELECT item FROM items FOR UPDATE SKIP LOCKED"
                assert two.execute(text(free)).all() == []
        with transaction(database) as two:
            assert len(two.execute(text(free)).all()) == 1


def test_an_index_of_runs_loaded_before_is_still_right_for_its_items(tx, now):
    plant = build(tx, now)
    before = runs.load_index(tx)
    runs.issue(tx, brand_id=plant.brand_id, gtin=plant.run.gtin, count=5, order_id="PO-2", now=now)
    assert before.find(plant.run.first) == plant.run
    assert before.find(plant.run.end) is None
    assert runs.load_index(tx).find(plant.run.end) is not None
