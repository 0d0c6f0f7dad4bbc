"""Who brought whom, which stores took cases in, who keeps a store: what the judgement of the log reads of members."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from foundation.database import ReadTx

__all__ = ["Brought", "TakenIn", "brought", "storekeepers", "taken_in"]


@dataclass(frozen=True, slots=True)
class Brought:
    """paid_at: when the bonus became due, None before."""

    inviter: UUID
    invited: UUID
    at: datetime
    paid_at: datetime | None


@dataclass(frozen=True, slots=True)
class TakenIn:
    """A case that a store opened for sale; region: the prefecture the store is in."""

    at: datetime
    sscc: str
    store: int
    region: int


def brought(tx: ReadTx, begin: datetime, end: datetime) -> Sequence[Brought]:
    """The invitations taken, or paid, in [begin, end), by time."""
    rows = tx.execute(text(_BROUGHT), {"begin": begin, "end": end})
    return [Brought(row.inviter, row.invited, row.created_at, row.paid_at) for row in rows]


_BROUGHT = """
SELECT inviter, invited, created_at, CASE WHEN paid_at < :end THEN paid_at END AS paid_at FROM referrals
WHERE (created_at >= :begin AND created_at < :end) OR (paid_at >= :begin AND paid_at < :end)
ORDER BY created_at, invited
"""


def taken_in(tx: ReadTx, begin: datetime, end: datetime) -> Sequence[TakenIn]:
    """The cases that stores opened in [begin, end), by time."""
    rows = tx.execute(text(_TAKEN_IN), {"begin": begin, "end": end})
    return [TakenIn(row.at, row.sscc, row.partner_id, row.region) for row in rows]


_TAKEN_IN = """
SELECT o.at, o.sscc, o.partner_id, p.region FROM case_openings o JOIN trade_partners p ON p.id = o.partner_id
WHERE o.state = 'opened' AND o.at >= :begin AND o.at < :end ORDER BY o.at, o.id
"""


def storekeepers(tx: ReadTx) -> Sequence[UUID]:
    """The members who work in an approved store or for a dealer: they rightly open many cases."""
    rows = tx.execute(text(
        "SELECT member_id FROM trade_people t JOIN trade_partners p ON p.id = t.partner_id"
        " WHERE t.state = 'bound' AND p.state = 'approved' ORDER BY member_id"
    ))  # fmt: skip
    return list(rows.scalars())
