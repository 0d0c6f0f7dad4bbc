"""What the edge does by the clock: seals the audit trail; forgets limits, half-done sign-ins and old messages."""

from datetime import datetime

from foundation import audit, limits
from foundation.background import every
from foundation.database import Tx
from scan_api import webhooks, wechat


@every(30, "audit.seal")
def seal_audit(tx: Tx, *, now: datetime) -> int:
    return audit.seal(tx, now=now)


@every(60, "edge.forget_limits")
def forget_limits(tx: Tx, *, now: datetime) -> int:
    return limits.sweep(tx, now=now)


@every(300, "edge.forget_sign_ins")
def forget_sign_ins(tx: Tx, *, now: datetime) -> int:
    return wechat.sweep(tx, now=now)


@every(3600, "edge.forget_messages")
def forget_messages(tx: Tx, *, now: datetime) -> int:
    return webhooks.sweep(tx, now=now)
