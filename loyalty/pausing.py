"""Rewards that would mature by themselves wait for a person, and go on exactly as they were.

Nothing is confiscated: a paused hold has no due time, so only a decision or `resume` ends the wait.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text

from foundation.database import ReadTx, Tx
from loyalty.tables import holds


def of_owner(tx: ReadTx, member_id: UUID) -> list[UUID]:
    """What a member earned and does not have yet, by id."""
    found = select(holds.c.id).where(
        holds.c.owner_ref == str(member_id), holds.c.state == "open", holds.c.direction == "earn"
    )
    return list(tx.execute(found.order_by(holds.c.id)).scalars())


def pause(tx: Tx, hold_ids: Sequence[UUID]) -> dict[UUID, datetime]:
    """Stop these from maturing; those that had a due time, with it, for `resume`."""
    rows = tx.execute(_PAUSE, {"ids": list(hold_ids)})
    return {row.id: row.mature_at for row in rows}


_PAUSE = text("""
WITH due AS (
    SELECT id, mature_at FROM holds
    WHERE id = ANY(:ids) AND state = 'open' AND direction = 'earn' AND mature_at IS NOT NULL ORDER BY id FOR UPDATE
)
UPDATE holds SET mature_at = NULL FROM due WHERE holds.id = due.id RETURNING due.id, due.mature_at
""")


def resume(tx: Tx, due: Mapping[UUID, datetime]) -> int:
    """Due again when they were; how many. What a person ended or gave another time meanwhile stays as it is."""
    return tx.execute(_RESUME, {"ids": list(due), "due": list(due.values())}).rowcount


_RESUME = text("""
WITH again AS (
    SELECT h.id, d.due FROM holds h
    JOIN unnest(CAST(:ids AS uuid[]), CAST(:due AS timestamptz[])) AS d (id, due) ON h.id = d.id
    WHERE h.state = 'open' AND h.mature_at IS NULL ORDER BY h.id FOR UPDATE OF h
)
UPDATE holds SET mature_at = again.due FROM again WHERE holds.id = again.id
""")


def waiting(tx: ReadTx, *, since: datetime, limit: int = 500) -> list[UUID]:
    """Scans whose reward waits for a person since before then, the longest first."""
    return list(tx.execute(_WAITING, {"since": since, "limit": limit}).scalars())


_WAITING = text("""
SELECT correlation_id FROM holds
WHERE state = 'open' AND direction = 'earn' AND mature_at IS NULL AND correlation_id IS NOT NULL
  AND created_at < :since AND position(':' IN owner_ref) = 0
GROUP BY correlation_id ORDER BY min(created_at), correlation_id LIMIT :limit
""")
