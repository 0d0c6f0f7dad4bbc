"""The platform asked by a station in the same process: for the demo, tests and a factory with one computer."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from codegen.keys import KeyRing
from foundation import clock
from foundation.database import Tx, is_lost, transaction
from foundation.errors import Problem, Unavailable
from printer_jobs import jobs, reports
from printer_jobs.platform import JSON, Lease, PlatformAway, PlatformRefuses

T = TypeVar("T")


class InProcessPlatform:
    """One transaction a question. now: the clock, read once a question."""

    def __init__(self, engine: Engine, keys: KeyRing, *, now: Callable[[], datetime] = clock.now) -> None:
        self._engine, self._keys, self._now = engine, keys, now

    def lease(self, job: int) -> Lease:
        return self._ask(lambda tx: jobs.lease(tx, job, keys=self._keys))

    def new_sscc(self, job: int, ordinal: int) -> str:
        return self._ask(lambda tx: jobs.new_sscc(tx, job, ordinal, now=self._now()))

    def report(self, job: int, report: JSON) -> JSON:
        return self._ask(lambda tx: reports.report(tx, job, report, now=self._now()))

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
