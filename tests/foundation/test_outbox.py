"""Work for later: never before commit, at least once after, by one relay at a time."""

import threading
from datetime import timedelta

import pytest

from foundation import outbox
from foundation.database import reading, transaction


def test_nothing_is_sent_when_the_work_rolled_back(database, now):
    with pytest.raises(ZeroDivisionError), transaction(database) as tx:
        outbox.enqueue(tx, "notify", {"case": 1}, now=now)
        raise ZeroDivisionError
    with reading(database) as tx:
        assert outbox.waiting(tx) == 0


def test_a_relay_that_dies_sends_again(database, now):
    sent = []
    with transaction(database) as tx:
        outbox.enqueue(tx, "notify", {"case": 1}, now=now)
    with pytest.raises(ZeroDivisionError), transaction(database) as tx:
        outbox.relay(tx, lambda task, args: sent.append(args), now=now)
        raise ZeroDivisionError
    with transaction(database) as tx:
        assert outbox.relay(tx, lambda task, args: sent.append(args), now=now) == 1
    assert sent == [{"case": 1}, {"case": 1}]


def test_due_work_waits_for_its_time(tx, now):
    outbox.enqueue(tx, "mature", {}, now=now, due_at=now + timedelta(hours=1))
    assert outbox.relay(tx, lambda task, args: None, now=now) == 0
    assert outbox.relay(tx, lambda task, args: None, now=now + timedelta(hours=1)) == 1


def test_two_relays_share_the_work(database, now):
    with transaction(database) as tx:
        for n in range(40):
            outbox.enqueue(tx, "notify", {"n": n}, now=now)
    sent: list[int] = []
    start = threading.Barrier(2)

    def run() -> None:
        start.wait()
        for _ in range(10):
            with transaction(database) as tx:
                outbox.relay(tx, lambda task, args: sent.append(args["n"]), now=now, limit=5)

    relays = [threading.Thread(target=run) for _ in range(2)]
    for thread in relays:
        thread.start()
    for thread in relays:
        thread.join()
    assert sorted(sent) == list(range(40))
