"""The platform asked by a station in the same process: for the demo, tests and a factory with one computer."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from codegen.keys import KeyProvider, load_ring
from foundation import clock
from foundation.database import Tx, is_lost, transaction
from foundation.errors import Problem, Unavailable
from printer_jobs import jobs, joining, reports
from printer_jobs.platform import JSON, CaseNumber, Lease, PlatformAway, PlatformRefuses, Seen

T = TypeVar("T")


class InProcessPlatform:
    """One transaction a question. now: the clock, read once a question."""

    def __init__(self, engine: Engine, provider: KeyProvider, *, now: Callable[[], datetime] = clock.now) -> None:
        self._engine, self._provider, self._now = engine, provider, now

    def lease(self, job: int, block: int = 0, count: int = 0) -> Lease:
        return self._ask(
            lambda tx: jobs.leased(tx, job, block, count, keys=load_ring(tx, self._provider), now=self._now())
        )

    def case_numbers(self, job: int, first: int, count: int) -> list[CaseNumber]:
        return self._ask(lambda tx: jobs.case_numbers(tx, job, first, count, provider=self._provider, now=self._now()))

    def report(self, job: int, report: JSON) -> JSON:
        return self._ask(lambda tx: reports.report(tx, job, report, now=self._now()))

    def pair(self, job: int, seen: Sequence[Seen]) -> None:
        self._ask(lambda tx: joining.pair(tx, job, seen, keys=load_ring(tx, self._provider), now=self._now()))

    def heartbeat(self, job: int, state: JSON) -> None:
        self._ask(lambda tx: jobs.heartbeat(tx, job, state, now=self._now()))

    def _ask(self, question: Callable[[Tx], T]) -> T:
        try:
            with transaction(self._engine) as tx:
                return question(tx)
        except Unavailable as away:
            raise PlatformAway(away.detail) from away
        except Problem as problem:
            raise PlatformRefuses(problem.detail) from problem
        except DBAPIError as error:
            if is_lost(error):
                raise PlatformAway("The database does not answer.") from error
            raise
