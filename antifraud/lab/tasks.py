"""What the lab does by itself: back-tests in stretches, rules beside live, the breaker, shadow runs that end."""

from datetime import datetime
from uuid import UUID

from antifraud.lab import backtest, breaker, shadow, versions
from foundation.background import every, task
from foundation.database import Tx


@task(backtest.TASK)
def back_test(tx: Tx, *, run_id: str, now: datetime) -> None:
    """One stretch; the next is left in the outbox by the same transaction."""
    backtest.go_on(tx, UUID(run_id), now=now)


@every(10, "antifraud.lab.beside_live")
def beside_live(tx: Tx, *, now: datetime) -> bool:
    """Count what the rules say and take back one that says too much. True: there is more to read."""
    read = shadow.go_on(tx, now=now)
    breaker.watch(tx, now=now)
    return read == shadow.STRETCH


@every(60, "antifraud.lab.end_shadows")
def end_shadows(tx: Tx, *, now: datetime) -> None:
    versions.end_shadows(tx, now=now)
