"""Work for later is a row in the same transaction; a relay hands rows to Celery, at least once.

A crash between sending and committing sends again, so tasks take ids, read the state anew and are safe to run twice.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from sqlalchemy import delete, func, insert, select

from foundation.database import ReadTx, Tx
from foundation.tables import outbox

Send = Callable[[str, Mapping[str, object]], None]


def enqueue(tx: Tx, task: str, args: Mapping[str, object], *, now: datetime, due_at: datetime | None = None) -> None:
    """Leave work to be done after this transaction commits, not before `due_at`."""
    tx.execute(insert(outbox).values(task=task, args=dict(args), created_at=now, due_at=due_at or now))


def relay(tx: Tx, send: Send, *, now: datetime, limit: int = 100) -> int:
    """Hand due rows to `send`, oldest first; several relays share the work. Returns how many were sent."""
    due = tx.execute(
        select(outbox.c.id, outbox.c.task, outbox.c.args)
        .where(outbox.c.due_at <= now)
        .order_by(outbox.c.due_at, outbox.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    for row in due:
        send(row.task, row.args)  # At least once: a crash before commit sends it again.
    if due:
        tx.execute(delete(outbox).where(outbox.c.id.in_([row.id for row in due])))
    return len(due)


def waiting(tx: ReadTx) -> int:
    """How many rows have not been handed over yet."""
    return tx.execute(select(func.count()).select_from(outbox)).scalar_one()
