"""A statement of a member's points: what there was, every movement, what there is; of whole days, brand time."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID

from sqlalchemy import text

from foundation.database import ReadTx
from foundation.errors import BadRequest
from loyalty import expiry
from loyalty.wallet import said


@dataclass(frozen=True, slots=True)
class Line:
    transfer_id: UUID
    at: datetime
    kind: str
    points: int
    after: int
    reason_zh: str
    reason_en: str


@dataclass(frozen=True, slots=True)
class Statement:
    """opening + sum of the lines' points = closing; earned and spent are the sums of the two signs."""

    first: date
    last: date
    opening: int
    lines: tuple[Line, ...]
    closing: int

    @property
    def earned(self) -> int:
        return sum(line.points for line in self.lines if line.points > 0)

    @property
    def spent(self) -> int:
        return -sum(line.points for line in self.lines if line.points < 0)


def statement(tx: ReadTx, member_id: UUID, *, first: date, last: date, asset: str = "points") -> Statement:
    """Spendable points from the morning of `first` to the night of `last`, in the order they moved. BadRequest."""
    if last < first:
        raise BadRequest("Let the statement end on its first day or later.")
    start, end = (datetime.combine(day, time(), expiry.BRAND_ZONE) for day in (first, last + timedelta(days=1)))
    where = {"owner": str(member_id), "asset": asset, "start": start, "end": end}
    opening = int(tx.execute(_OPENING, where).scalar() or 0)
    lines = tuple(
        Line(row.id, row.created_at, row.kind, row.points, row.after, *said(row.kind, row.reason))
        for row in tx.execute(_LINES, where)
    )
    return Statement(first, last, opening, lines, lines[-1].after if lines else opening)


_ENTRIES = """
FROM accounts a CROSS JOIN LATERAL (
    SELECT id, amount AS points, target_after AS after, target_version AS version, kind, reason, created_at
    FROM transfers WHERE target_id = a.id AND target_version IS NOT NULL
    UNION ALL
    SELECT id, -amount, source_after, source_version, kind, reason, created_at
    FROM transfers WHERE source_id = a.id AND source_version IS NOT NULL
) AS e
WHERE a.owner_ref = :owner AND a.kind = 'member' AND a.asset = :asset
"""
# By the version, the order in which the balance turned: clocks of several processes may differ by a little.
_OPENING = text(f"SELECT e.after {_ENTRIES} AND e.created_at < :start ORDER BY e.version DESC LIMIT 1")
_LINES = text(f"SELECT e.* {_ENTRIES} AND e.created_at >= :start AND e.created_at < :end ORDER BY e.version")
