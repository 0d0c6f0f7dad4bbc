"""What the edge does by the clock: seals the audit trail; forgets limits, half-done sign-ins and old messages."""

from datetime import datetime, timedelta

from foundation import audit, limits, outbox
from foundation.background import every
from foundation.database import Tx
from foundation.observability import followed_behind_s, outbox_rows, webhook_messages
from loyalty import following
from printer_jobs import plant
from scan_api import waiting_rewards, webhooks, wechat


@every(30, "audit.seal")
def seal_audit(tx: Tx, *, now: datetime) -> int:
    return audit.seal(tx, now=now)


@every(15, "edge.measure")
def measure(tx: Tx, *, now: datetime) -> None:
    """How much waits, for whoever watches the worker."""
    outbox_rows.set(outbox.waiting(tx))
    followed_behind_s.set(following.behind_s(tx, now=now))
    for state, count in webhooks.counts(tx).items():
        webhook_messages.labels(state).set(count)


@every(60, "edge.forget_limits")
def forget_limits(tx: Tx, *, now: datetime) -> int:
    return limits.sweep(tx, now=now)


@every(300, "edge.forget_sign_ins")
def forget_sign_ins(tx: Tx, *, now: datetime) -> int:
    return wechat.sweep(tx, now=now)


@every(3600, "edge.forget_messages")
def forget_messages(tx: Tx, *, now: datetime) -> int:
    return webhooks.sweep(tx, now=now)


@every(3600, "cases.requeue_holds")
def requeue_holds(tx: Tx, *, now: datetime) -> int:
    return waiting_rewards.requeue(tx, now=now)


@every(3600, "line.forget_minutes")
def forget_line_minutes(tx: Tx, *, now: datetime) -> int:
    """A year of them, as reports ask."""
    return plant.forget(tx, before=now - timedelta(days=400))
