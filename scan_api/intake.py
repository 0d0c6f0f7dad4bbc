"""Group commit: scans that arrive while the previous batch commits are handed over together.

With nothing in flight a single scan is a batch of one and waits for nobody. While one lane works, the next begins only
when there is enough for it: a batch of one costs nearly what a batch of ten does, and two lanes racing for single scans
took an eighth more of the processor at 700 scans/s. A batch that fails is tried again one scan at a time, so that one
bad scan cannot fail its neighbours. The queue is bounded: beyond it a scan is told to come back later.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from foundation.database import is_lost
from foundation.errors import DatabaseDown, Unavailable
from foundation.observability import batch_retries_total, batch_scans, log, queue_scans

A = TypeVar("A")  # what is asked
R = TypeVar("R")  # what is answered

RETRIES = 3  # A batch that met a concurrent first scan of the same item; the next look sees the winner.


class QueueFull(Unavailable):
    """More scans are waiting than can be answered in good time."""

    type = "queue-full"


class TryAgain(Exception):
    """Raised by the work when a concurrent transaction got there first: nothing was done, look again."""


@dataclass(slots=True)
class _Waiting(Generic[A, R]):
    asked: A
    answer: "asyncio.Future[R]"


class Intake(Generic[A, R]):
    """Collects what is asked concurrently and does it in as few transactions as possible.

    work: does a batch in one transaction and returns the answers in the same order.
    lanes: batches in flight at once; two keep the database busy while one commits.
    enough: scans waiting for which another lane begins beside a busy one; fewer wait for it, at most `patience_s`.
    """

    def __init__(
        self, work: Callable[[Sequence[A]], Sequence[R]], *, lanes: int = 2, largest: int = 64,
        most_waiting: int = 2048, enough: int = 16, patience_s: float = 0.02,
    ) -> None:  # fmt: skip
        self._work = work
        self._free = self._lanes = lanes
        self._largest = largest
        self._enough, self._patience_s = enough, patience_s
        self._impatient: asyncio.TimerHandle | None = None
        self._most_waiting = most_waiting
        self._waiting: deque[_Waiting[A, R]] = deque()
        self._threads = ThreadPoolExecutor(lanes, thread_name_prefix="intake")

    async def submit(self, asked: A) -> R:
        """The answer, once it is durable. Raises QueueFull at once when too many are waiting."""
        if len(self._waiting) >= self._most_waiting:
            raise QueueFull("Too many scans are waiting; send this one again in a moment.", retry_after_s=1)
        waiting = _Waiting[A, R](asked, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._hand_over()
        return await waiting.answer

    def close(self) -> None:
        """Finish the batches in flight; nothing accepted is forgotten."""
        self._threads.shutdown(wait=True)

    def _hand_over(self, *, least: int = 0) -> None:
        """least: scans that are worth a second lane; 0 for the usual number."""
        loop = asyncio.get_running_loop()
        while self._free and self._waiting:
            if self._free < self._lanes and len(self._waiting) < (least or self._enough):
                self._be_impatient(loop)
                return
            batch = [self._waiting.popleft() for _ in range(min(self._largest, len(self._waiting)))]
            self._free -= 1
            queue_scans.set(len(self._waiting))
            batch_scans.observe(len(batch))
            done = loop.run_in_executor(self._threads, self._answers, [waiting.asked for waiting in batch])
            done.add_done_callback(partial(self._settle, batch))

    def _be_impatient(self, loop: asyncio.AbstractEventLoop) -> None:
        """A lane may wait long for a row that somebody holds; the others do not wait with it."""
        if self._impatient is None:
            self._impatient = loop.call_later(self._patience_s, self._lose_patience)

    def _lose_patience(self) -> None:
        self._impatient = None
        self._hand_over(least=1)

    def _settle(self, batch: list[_Waiting[A, R]], done: "asyncio.Future[Sequence[R | BaseException]]") -> None:
        self._free += 1
        for waiting, answer in zip(batch, done.result(), strict=True):
            if waiting.answer.done():
                continue  # The caller hung up; the scan is recorded all the same and its id finds it.
            if isinstance(answer, BaseException):
                waiting.answer.set_exception(answer)
            else:
                waiting.answer.set_result(answer)
        self._hand_over()

    def _answers(self, batch: Sequence[A]) -> "Sequence[R | BaseException]":
        """An answer or an exception for each; this function itself never raises."""
        try:
            return self._patiently(batch)
        except Exception as error:
            if len(batch) == 1:
                return [_named(error)]
            batch_retries_total.labels("one by one").inc()
            log(__name__).warning("batch failed, trying one scan at a time", scans=len(batch), error=repr(error))
            return [self._answers([one])[0] for one in batch]

    def _patiently(self, batch: Sequence[A]) -> Sequence[R]:
        for _ in range(RETRIES):
            try:
                return self._work(batch)
            except TryAgain:
                batch_retries_total.labels("raced").inc()
        return self._work(batch)


def _named(error: Exception) -> Exception:
    if is_lost(error):
        return DatabaseDown("The database cannot be reached just now; send the same scan again.", retry_after_s=2)
    if isinstance(error, TryAgain):
        return Unavailable("This item is being scanned by many at once; send the same scan again.", retry_after_s=1)
    return error
