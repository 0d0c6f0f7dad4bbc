"""Make the blocks of a long file on several cores and hand them over in order.

Worker k of n makes blocks k, k + n, k + 2n ... into memory it shares with the writer, two blocks ahead at most, so
memory stays the same however long the file. A worker ends when the writer is gone, even by kill -9: its pipe closes.
"""

import mmap
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import ForkProcess

from foundation.errors import Unavailable

AHEAD = 2
Make = Callable[[int], bytes | memoryview]
_fork = get_context("fork")  # Keys and tables are inherited; nothing secret goes through a pipe.


class WorkerDied(Unavailable):
    """A process that made blocks was ended from outside."""

    type = "worker-died"


@contextmanager
def blocks(make: Make, numbers: range, *, cores: int, largest: int) -> Iterator[Iterator[bytes | memoryview]]:
    """What `make` returns for each number, in order; each is valid until the next is taken.

    largest: bytes that no block exceeds. One core, or fewer than four blocks: made here. Raises WorkerDied.
    """
    if cores < 2 or len(numbers) < 4:
        yield map(make, numbers)
        return
    started: list[tuple[ForkProcess, Connection, mmap.mmap]] = []
    try:
        for at in range(min(cores, len(numbers))):
            ours, theirs = _fork.Pipe()
            desk = mmap.mmap(-1, AHEAD * largest)
            others = [line for _, line, _ in started] + [ours]
            worker = _fork.Process(target=_work, args=(make, numbers[at::cores], theirs, desk, largest, others))
            worker.daemon = True
            worker.start()
            theirs.close()
            started.append((worker, ours, desk))
        yield _collect(numbers, [(line, memoryview(desk)) for _, line, desk in started], largest)
    finally:
        for worker, line, _ in started:
            line.close()
            worker.terminate()
        for worker, _, _ in started:
            worker.join()


def _collect(numbers: range, desks: list[tuple[Connection, memoryview]], largest: int) -> Iterator[memoryview]:
    for at in range(len(numbers)):
        line, desk = desks[at % len(desks)]
        slot = at // len(desks) % AHEAD * largest
        try:
            size: int = line.recv()
            yield desk[slot : slot + size]
            line.send(None)
        except (EOFError, ConnectionError) as error:
            raise WorkerDied("A worker process was ended; run the same command again: it continues.") from error


def _work(
    make: Make, numbers: range, line: Connection, desk: mmap.mmap, largest: int, others: list[Connection]
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the writer ends us.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for other in others:
        other.close()  # Or the writer's end would live on in us, and its death go unnoticed.
    try:
        for at, number in enumerate(numbers):
            if at >= AHEAD:
                line.recv()  # The slot is free again.
            made = memoryview(make(number)).cast("B")
            slot = at % AHEAD * largest
            desk[slot : slot + len(made)] = made
            line.send(len(made))
        for _ in range(min(AHEAD, len(numbers))):
            line.recv()
    except (EOFError, ConnectionError):
        return
