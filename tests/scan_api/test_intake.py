"""Group commit: together while another batch commits, one by one when a batch fails, told to wait beyond the queue."""

import asyncio
import threading

import pytest
from sqlalchemy.exc import OperationalError

from foundation.errors import DatabaseDown, Unavailable
from scan_api.intake import Intake, QueueFull, TryAgain


def run(story):
    return asyncio.run(asyncio.wait_for(story, 20))


def test_scans_that_arrive_during_a_commit_share_the_next_one():
    batches: list[int] = []
    gate = threading.Event()

    def work(batch):
        batches.append(len(batch))
        if len(batches) == 1:
            gate.wait(10)
        return [n * 10 for n in batch]

    async def story():
        intake = Intake(work, lanes=1)
        first = asyncio.ensure_future(intake.submit(0))
        await asyncio.sleep(0.05)
        rest = [asyncio.ensure_future(intake.submit(n)) for n in range(1, 8)]
        await asyncio.sleep(0.05)
        gate.set()
        assert await asyncio.gather(first, *rest) == [n * 10 for n in range(8)]

    run(story())
    assert batches == [1, 7]


def test_a_second_lane_begins_when_there_is_enough_for_it_or_the_first_takes_long():
    batches: list[list[int]] = []
    gate = threading.Event()

    def work(batch):
        batches.append(list(batch))
        if batch == [0]:
            gate.wait(10)
        return batch

    async def story():
        intake = Intake(work, lanes=2, enough=3, patience_s=0.2)
        first = asyncio.ensure_future(intake.submit(0))
        await asyncio.sleep(0.02)
        few = [asyncio.ensure_future(intake.submit(n)) for n in (1, 2)]
        await asyncio.sleep(0.02)
        assert batches == [[0]]  # Two are not enough.
        assert await intake.submit(3) == 3
        assert batches == [[0], [1, 2, 3]]
        assert await intake.submit(4) == 4  # Alone, but the first lane takes too long.
        gate.set()
        assert await asyncio.gather(first, *few) == [0, 1, 2]

    run(story())


def test_one_bad_scan_does_not_fail_its_neighbours():
    gate = threading.Event()

    def work(batch):
        if batch == ["first"]:
            gate.wait(10)
        if "bad" in batch:
            raise ValueError("bad")
        return [name.upper() for name in batch]

    async def story():
        intake = Intake(work, lanes=1)
        asked = [asyncio.ensure_future(intake.submit(name)) for name in ("first", "good", "bad", "fine")]
        await asyncio.sleep(0.05)
        gate.set()
        first, good, bad, fine = await asyncio.gather(*asked, return_exceptions=True)
        assert (first, good, fine) == ("FIRST", "GOOD", "FINE")
        assert isinstance(bad, ValueError)

    run(story())


def test_a_raced_batch_looks_again():
    tries: list[int] = []

    def work(batch):
        tries.append(1)
        if len(tries) < 3:
            raise TryAgain
        return batch

    assert run(_one(Intake(work))) == "a"
    assert len(tries) == 3


def test_a_batch_raced_for_ever_is_told_to_come_back():
    def work(batch):
        raise TryAgain

    with pytest.raises(Unavailable, match="send the same scan again"):
        run(_one(Intake(work)))


def test_a_lost_database_is_named_and_nothing_else_is_hidden():
    def lost(batch):
        raise OperationalError("select", {}, Exception("server closed the connection"))

    with pytest.raises(DatabaseDown):
        run(_one(Intake(lost)))


def test_beyond_the_queue_a_scan_is_refused_at_once():
    gate = threading.Event()

    def work(batch):
        gate.wait(10)
        return batch

    async def story():
        intake = Intake(work, lanes=1, most_waiting=2)
        accepted = [asyncio.ensure_future(intake.submit(n)) for n in range(3)]
        await asyncio.sleep(0.05)
        with pytest.raises(QueueFull) as refused:
            await intake.submit(9)
        assert refused.value.members["retry_after_s"] == 1
        gate.set()
        assert await asyncio.gather(*accepted) == [0, 1, 2]

    run(story())


def test_a_caller_who_hung_up_does_not_stop_the_others():
    gate = threading.Event()
    done = []

    def work(batch):
        gate.wait(10)
        done.extend(batch)
        return batch

    async def story():
        intake = Intake(work, lanes=1)
        gone, stays = asyncio.ensure_future(intake.submit("gone")), asyncio.ensure_future(intake.submit("stays"))
        await asyncio.sleep(0.05)
        gone.cancel()
        gate.set()
        assert await stays == "stays"

    run(story())
    assert done == ["gone", "stays"], "the scan of a caller who hung up is recorded all the same"


async def _one(intake):
    return await intake.submit("a")
