"""Many at once, on real connections: one wins, the rest are told so, and nobody sees a deadlock."""

import asyncio
from collections.abc import Callable
from functools import partial
from threading import Barrier, Thread
from uuid import UUID

from antifraud.decision import Params
from antifraud.signals import Attempt
from codegen.items import Stale
from foundation import clock, ids
from foundation.database import transaction
from loyalty import members
from scan_api.codebook import Codebook
from scan_api.edge import Edge
from scan_api.intake import RETRIES
from scan_api.scanning import ScanResult, handle_scans
from tests.support.world import POINTS, Item, World

MANY = 20


def all_at_once(acts: list[Callable[[], object]]) -> list[object]:
    """What each act returned or raised, in order; none begins before all are ready."""
    barrier, answers = Barrier(len(acts)), [None] * len(acts)

    def run(at: int) -> None:
        try:
            barrier.wait(20)
            answers[at] = acts[at]()
        except Exception as error:
            answers[at] = error

    threads = [Thread(target=run, args=(at,)) for at in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    return answers


def people(world: World, how_many: int) -> list[UUID]:
    keys = members.MemberKeys(sealing=bytes(32), finding=bytes(range(32)))
    with transaction(world.house.engine) as tx:
        return [
            members.find_or_create(tx, phone=f"+8613900{at:06}", keys=keys, now=clock.now()) for at in range(how_many)
        ]


def attempt(item: Item, member: UUID, *, scan_id: UUID | None = None) -> Attempt:
    now = clock.now()
    return Attempt(
        scan_id or ids.uuid7(now), item.text, f"phone-of-{member}", f"2001:db8::{member.int & 0xFFFF:x}", member, None,
        claim=True, at=now,
    )  # fmt: skip


class Server:
    """One process of the API without HTTP: its own codebook, a transaction a batch, again when raced."""

    def __init__(self, world: World) -> None:
        self._engine, self._codebook = world.house.engine, Codebook(world.house.keys)

    def scan(self, batch: list[Attempt]) -> list[ScanResult]:
        for _ in range(1 + RETRIES):  # As patient as the intake is.
            try:
                with transaction(self._engine) as tx:
                    return handle_scans(tx, batch, codebook=self._codebook, params=Params(), now=clock.now())
            except Stale:
                continue
        raise AssertionError("raced more often than the intake tries")


def test_twenty_phones_claim_one_bottle_and_one_is_paid(world):
    bottle, servers = world.factory.make_item(), [Server(world) for _ in range(MANY)]
    asked = [attempt(bottle, member) for member in people(world, MANY)]
    answers = all_at_once([partial(s.scan, [a]) for s, a in zip(servers, asked, strict=True)])
    said = [answer[0].answer for answer in answers]
    assert sorted(one["reward"]["state"] for one in said) == ["credited", *["none"] * (MANY - 1)]
    assert sum(one["reward"]["points"] for one in said) == POINTS
    assert {one["reward"]["reason"] for one in said if not one["reward"]["points"]} == {"already-claimed"}
    assert len(world.scans()) == MANY
    assert world.books() == []


def test_one_scan_sent_twenty_times_at_once_is_one_scan(world):
    bottle, servers = world.factory.make_item(), [Server(world) for _ in range(MANY)]
    (li,) = people(world, 1)
    once = attempt(bottle, li)
    answers = all_at_once([partial(s.scan, [once]) for s in servers])
    assert [answer[0].conflict for answer in answers] == [False] * MANY
    assert all(answer[0].answer == answers[0][0].answer for answer in answers)
    assert answers[0][0].answer["reward"]["points"] == POINTS
    assert len(world.scans()) == 1
    assert world.books() == []


def test_a_scan_sent_twice_in_one_batch_is_one_scan(world):
    bottle, (li,) = world.factory.make_item(), people(world, 1)
    once = attempt(bottle, li)
    first, second = Server(world).scan([once, once])
    assert first == second
    assert first.answer["reward"]["points"] == POINTS
    assert len(world.scans()) == 1


def test_batches_with_the_same_bottles_in_opposite_order_do_not_deadlock(world):
    bottles = world.factory.make_case(12)
    li, wang = people(world, 2)
    for again in range(4):
        crossing = [(li, bottles), (wang, bottles[::-1]), (wang, bottles), (li, bottles[::-1])]
        batches = [[attempt(bottle, who) for bottle in order] for who, order in crossing]
        answers = all_at_once([partial(Server(world).scan, batch) for batch in batches])
        assert [len(answer) for answer in answers] == [len(bottles)] * 4, answers
        paid = [one.answer["reward"]["points"] for answer in answers for one in answer]
        assert sum(paid) == (POINTS * len(bottles) if again == 0 else 0)
    assert world.books() == []


def test_two_hundred_scans_at_the_door_of_one_process(world):
    bottles, buyers = world.factory.make_case(50), people(world, 4)
    asked = [attempt(bottle, buyer) for buyer in buyers for bottle in bottles]

    async def story() -> list[ScanResult]:
        edge = Edge(world.house)
        try:
            return await asyncio.gather(*(edge.intake.submit(one) for one in asked))
        finally:
            edge.close()

    results = asyncio.run(asyncio.wait_for(story(), 40))
    assert [one.scan_id for one in results] == [one.scan_id for one in asked]
    assert sum(one.answer["reward"]["points"] for one in results) == POINTS * len(bottles)
    assert len(world.scans()) == len(asked)
    assert world.books() == []
