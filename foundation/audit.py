"""Who did what to which subject: append-only, sealed in hash-chained batches off the hot path.

A seal covers rows first_id..last_id: digest = SHA-256(previous digest || canonical JSON of each row, length-prefixed).
Only rows older than every running transaction are sealed, or a late commit would land behind the seal.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Row, insert, select, text

from foundation.database import ReadTx, Tx, settled_before
from foundation.tables import audit_log, audit_seals

SEAL_DELAY = timedelta(seconds=30)
_SEAL_LOCK = 0x617564697473  # One sealer at a time: a chain has one end.


@dataclass(frozen=True, slots=True)
class Entry:
    at: datetime
    actor: str
    action: str
    subject: str
    before: Any
    after: Any


def record(
    tx: Tx, *, actor: str, action: str, subject: str, before: object = None, after: object = None, now: datetime
) -> None:
    """Add one line. `before` and `after` are JSON; never secrets, never a person's contact data."""
    tx.execute(
        insert(audit_log).values(at=now, actor=actor, action=action, subject=subject, before=before, after=after)
    )


def history(tx: ReadTx, subject: str) -> list[Entry]:
    """Everything that was done to one subject, oldest first."""
    rows = tx.execute(select(audit_log).where(audit_log.c.subject == subject).order_by(audit_log.c.id))
    return [Entry(row.at, row.actor, row.action, row.subject, row.before, row.after) for row in rows]


def seal(tx: Tx, *, now: datetime, limit: int = 1000) -> int:
    """Seal the oldest unsealed rows. Returns how many; 0 when another sealer is at work."""
    if not tx.execute(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _SEAL_LOCK}).scalar_one():
        return 0
    last = tx.execute(select(audit_seals).order_by(audit_seals.c.last_id.desc()).limit(1)).first()
    settled = settled_before(tx, now, delay=SEAL_DELAY)
    rows = tx.execute(
        select(audit_log)
        .where(audit_log.c.id > (last.last_id if last else 0), audit_log.c.at < settled)
        .order_by(audit_log.c.id)
        .limit(limit)
    ).all()
    if not rows:
        return 0
    digest = _digest(last.digest if last else b"", rows)
    tx.execute(insert(audit_seals).values(first_id=rows[0].id, last_id=rows[-1].id, digest=digest, sealed_at=now))
    return len(rows)


def first_broken_seal(tx: ReadTx) -> int | None:
    """The last_id of the first seal its rows no longer match; None when the chain holds."""
    digest = b""
    for one in tx.execute(select(audit_seals).order_by(audit_seals.c.last_id)).all():
        rows = tx.execute(
            select(audit_log).where(audit_log.c.id.between(one.first_id, one.last_id)).order_by(audit_log.c.id)
        ).all()
        digest = _digest(digest, rows)
        if digest != one.digest:
            return int(one.last_id)
    return None


def _digest(previous: bytes, rows: Sequence[Row[Any]] | Iterable[Row[Any]]) -> bytes:
    chain = hashlib.sha256(previous)
    for row in rows:
        line = [row.id, row.at.astimezone(UTC).isoformat(), row.actor, row.action, row.subject, row.before, row.after]
        body = json.dumps(line, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
        chain.update(len(body).to_bytes(4, "big") + body)
    return chain.digest()
