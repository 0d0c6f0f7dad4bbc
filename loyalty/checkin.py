"""The daily check-in: five points once a day on the brand's clock, and a streak that counts days in a row.

The row (member, day) is the key: of two taps at once one inserts it, the other waits and reads it. It
counts as activity for the tier.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select, text

from foundation.database import ReadTx, Tx
from loyalty import following, ledger
from loyalty.accounts import Account, System
from loyalty.expiry import BRAND_ZONE
from loyalty.idempotency import Key
from loyalty.ledger import Post
from loyalty.standing_tables import check_ins

POINTS = 5


@dataclass(frozen=True, slots=True)
class CheckIn:
    """already: it was done earlier today, and these are that one's points."""

    day: date
    points: int
    streak: int
    already: bool


def check_in(tx: Tx, member_id: UUID, *, now: datetime, zone: ZoneInfo = BRAND_ZONE) -> CheckIn:
    """Once a local day; the second time answers what the first got."""
    day = now.astimezone(zone).date()
    made = tx.execute(_ADD, {"member": member_id, "day": day, "before": day - timedelta(days=1), "points": POINTS,
                             "now": now}).scalar()  # fmt: skip
    if made is None:
        return _of(tx, member_id, day)
    key = Key("check-in", f"{member_id} {day.isoformat()}")
    award = Post(key, "award", System.ISSUER, Account("member", str(member_id)), POINTS, "check-in")
    ledger.post(tx, [award], now=now)
    following.checked_in(tx, member_id, at=now)
    return CheckIn(day, POINTS, made, already=False)


_ADD = text("""
INSERT INTO check_ins (member_id, day, streak, points, at)
VALUES (:member, :day, 1 + coalesce((SELECT streak FROM check_ins WHERE member_id = :member AND day = :before), 0),
        :points, :now)
ON CONFLICT DO NOTHING RETURNING streak
""")


def _of(tx: ReadTx, member_id: UUID, day: date) -> CheckIn:
    row = tx.execute(select(check_ins).where(check_ins.c.member_id == member_id, check_ins.c.day == day)).one()
    return CheckIn(day, row.points, row.streak, already=True)
