"""The Celery app, and `@task`: one task, one transaction, safe to run twice.

Tasks take ids, read the state anew, and receive the transaction and the clock. Money never depends on a Celery ETA:
what is due sits in PostgreSQL and is swept by `every`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from celery import Celery
from sqlalchemy import Engine

from foundation import clock
from foundation.database import Tx, transaction
from foundation.observability import log

Work = Callable[..., object]


@dataclass
class Tasks:
    """What can be done in the background: tasks by name, and sweeps with their period in seconds."""

    by_name: dict[str, Work] = field(default_factory=dict)
    sweeps: dict[str, tuple[float, Callable[..., object]]] = field(default_factory=dict)


tasks = Tasks()


def task(name: str) -> Callable[[Work], Work]:
    """Register `work(tx, *, now, **ids)` under a stable name."""

    def register(work: Work) -> Work:
        tasks.by_name[name] = work
        return work

    return register


def every(seconds: float, name: str) -> Callable[[Work], Work]:
    """Register `work(tx, *, now)` to be run about every `seconds`; several workers may run it at once.

    It returns True when it stopped at its limit with more to do: then it has its turn again in the next round, so that
    a day of a launch is worked off at the speed of the machine and not at a batch a period.
    """

    def register(work: Work) -> Work:
        tasks.sweeps[name] = (seconds, work)
        return work

    return register


def broker_url(database_url: str, configured: str) -> str:
    """Celery's broker: the one configured, or the same PostgreSQL by kombu's SQLAlchemy transport."""
    return configured or "sqla+" + database_url


def make_app(broker: str, engine: Engine) -> Celery:
    """A Celery app that knows every registered task; no results are kept, an unfinished task is delivered again."""
    app = Celery("onecode", broker=broker)
    app.conf.update(
        task_ignore_result=True,
        task_acks_late=True,
        worker_prefetch_multiplier=1,
        task_default_queue="onecode",
        broker_connection_retry_on_startup=True,
        worker_hijack_root_logger=False,
        broker_transport_options={} if not broker.startswith("redis") else {"visibility_timeout": 3600},
    )
    for name, work in tasks.by_name.items():
        app.task(name=name)(_run_in_transaction(name, work, engine))
    return app


def _run_in_transaction(name: str, work: Work, engine: Engine) -> Callable[..., None]:
    def run(**ids: Any) -> None:
        perform(name, ids, engine, now=clock.now(), work=work)

    run.__name__ = name.replace(".", "_")
    return run


def perform(
    name: str, ids: Mapping[str, Any], engine: Engine, *, now: datetime, work: Callable[..., object] | None = None
) -> None:
    """Run one task in its own transaction, here and now. An unknown name is an error, never silence."""
    found = work or tasks.by_name[name]
    with transaction(engine) as tx:
        _call(found, tx, now, ids)
    log(__name__).debug("task done", task=name, **ids)


def _call(work: Callable[..., object], tx: Tx, now: datetime, ids: Mapping[str, Any]) -> None:
    work(tx, now=now, **ids)
