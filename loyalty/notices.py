"""What a member is told before it is gone: points that lapse, once a member and month of lots; coupons, once each.

    sweep ──> waiting ── whoever sends ──> sent;   unwanted: no consent;   unreachable: no number, or refused
The row is the message: it is written once, by its constraint, and sent at least once under an id made of it, which a
gateway knows again. Listeners are told of the fact (`points.expiring`) whether or not the member can be written to.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import select, text, update

from foundation import facts
from foundation.bulk import record_set, rows_json
from foundation.database import ReadTx, Tx
from foundation.facts import Fact
from loyalty import expiry
from loyalty.expiry import BRAND_ZONE
from loyalty.standing_tables import member_notices

AHEAD = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Notice:
    """about: YYYY-MM of the lots, or the coupon's id. amount: points, or 0. due_on: the last day it can be used."""

    id: int
    member_id: UUID
    kind: str
    about: str
    amount: int
    due_on: date


def sweep(tx: Tx, *, now: datetime, limit: int = 1000) -> int:
    """Leave a notice for points that lapse within AHEAD; how many. A month of lots is told of once."""
    until = now + AHEAD
    month = {"until": until, "month": expiry.expires_at("month_end:0", until), "zone": BRAND_ZONE.key}
    rows = tx.execute(_LAPSING, {"now": now, "limit": limit, **month}).all()
    told = [
        Fact("points.expiring", f"member:{row.member_id}",
             {"member_id": str(row.member_id), "points": row.amount, "last_day": row.due_on.isoformat()})
        for row in rows
    ]  # fmt: skip
    facts.announce(tx, told, now=now)
    return len(rows)


# A lot lapses at the midnight that ends its last day. A month is told of whole, with its earliest day: what lapses
# later in it is not told of again.
_LAPSING = text("""
INSERT INTO member_notices (member_id, kind, about, amount, due_on, state, created_at)
SELECT m.id, 'points', to_char(last_day, 'YYYY-MM'), sum(remaining), min(last_day), 'waiting', :now
FROM (SELECT account_id, remaining, expires_at,
             CAST((expires_at - interval '1 second') AT TIME ZONE :zone AS date) AS last_day
      FROM lots WHERE remaining > 0 AND expires_at > :now AND expires_at <= :month) AS l
JOIN accounts a ON a.id = l.account_id AND a.kind = 'member' AND a.asset = 'points'
JOIN members m ON CAST(m.id AS text) = a.owner_ref AND m.erased_at IS NULL AND m.merged_into IS NULL
WHERE NOT EXISTS (SELECT FROM member_notices n WHERE n.member_id = m.id AND n.kind = 'points'
                  AND n.about = to_char(last_day, 'YYYY-MM'))
GROUP BY m.id, to_char(last_day, 'YYYY-MM') HAVING min(expires_at) <= :until ORDER BY m.id LIMIT :limit
ON CONFLICT DO NOTHING RETURNING member_id, amount, due_on
""")


def coupons_end(tx: Tx, ending: Sequence[tuple[UUID, UUID, datetime]], *, now: datetime) -> None:
    """Coupons that end soon: (coupon, member, when)."""
    rows = [
        {"member": member, "about": coupon, "due_on": at.astimezone(BRAND_ZONE).date()} for coupon, member, at in ending
    ]
    if rows:
        tx.execute(_COUPONS, {"ending": rows_json(rows), "now": now})


_COUPONS = text(f"""
INSERT INTO member_notices (member_id, kind, about, amount, due_on, state, created_at)
SELECT member, 'coupon', about, 0, due_on, 'waiting', :now
FROM {record_set("ending", "member uuid, about text, due_on date")} ORDER BY member, about
ON CONFLICT DO NOTHING
""")  # noqa: S608


def waiting(tx: Tx, *, limit: int = 50) -> list[Notice]:
    """What is to be said, oldest first, locked: two who send share the work."""
    found = select(member_notices).where(member_notices.c.state == "waiting").order_by(member_notices.c.id)
    rows = tx.execute(found.limit(limit).with_for_update(skip_locked=True))
    return [Notice(row.id, row.member_id, row.kind, row.about, row.amount, row.due_on) for row in rows]


def told(tx: Tx, notice_id: int, state: str, *, now: datetime) -> None:
    """sent, unwanted or unreachable."""
    this = update(member_notices).where(member_notices.c.id == notice_id, member_notices.c.state == "waiting")
    tx.execute(this.values(state=state, told_at=now))


def of_member(tx: ReadTx, member_id: UUID) -> list[Notice]:
    """Newest first, for export."""
    found = select(member_notices).where(member_notices.c.member_id == member_id)
    rows = tx.execute(found.order_by(member_notices.c.id.desc()))
    return [Notice(row.id, row.member_id, row.kind, row.about, row.amount, row.due_on) for row in rows]
