"""What may be paid out now: the law's and the channel's limits as data, and each pool's own breaker.

| limit                                   | what exceeds it                                              |
| --------------------------------------- | ------------------------------------------------------------ |
| payouts a second                        | waits for the next turn                                      |
| of a member a day (fen, number)         | waits for the next day in the brand's zone                   |
| of the merchant a day                   | the same                                                     |
| of a pool a minute and an hour, in fen  | holds the pool: nothing more is paid until a person resumes  |

Whoever asks holds the taker's lock, so what was counted stays true until it is written.
"""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text, update

from foundation.database import Tx
from loyalty import prizes
from loyalty.expiry import BRAND_ZONE
from loyalty.prize_tables import payouts

USED = text("""
SELECT coalesce(sum(amount_fen), 0) AS fen, count(*) AS many FROM payouts
WHERE sent_at IS NOT NULL AND state NOT IN ('failed', 'cancelled') AND day = :day
    AND (CAST(:member_id AS uuid) IS NULL OR member_id = :member_id)
""")
SPENT = text("""
SELECT coalesce(sum(o.amount_fen) FILTER (WHERE o.sent_at > :minute), 0) AS minute,
    coalesce(sum(o.amount_fen), 0) AS hour
FROM payouts o JOIN prize_pools p ON p.id = o.pool_id
WHERE o.pool_id = :pool_id AND o.sent_at > greatest(:hour, p.resumed_at)
""")
LATELY = text("SELECT count(*) FROM payouts WHERE sent_at > :second")


def within_limits(tx: Tx, waiting: Sequence[Row[Any]], now: datetime) -> list[Row[Any]]:
    """Those that may be sent now; a member's or the day's limit postpones to tomorrow, a pool's rate holds the pool."""
    if not waiting:
        return []
    room = prizes.limit(tx, "payout_rate", now=now)
    room -= int(tx.execute(LATELY, {"second": now - timedelta(seconds=1)}).scalar_one())
    window = Window(tx, now)
    return [row for row in waiting[: max(0, room)] if window.admits(row)]


class Window:
    """What was sent of late, read once and counted on as payouts are admitted; the taker's lock keeps it true."""

    def __init__(self, tx: Tx, now: datetime) -> None:
        self._tx, self._now = tx, now
        self._members: dict[UUID | None, list[int]] = {}
        self._pools: dict[int, list[int]] = {}
        self._terms: dict[int, tuple[int, int]] = {}

    def admits(self, row: Row[Any]) -> bool:
        everyone, member = self._ofday_of(None), self._ofday_of(row.member_id)
        if everyone[0] + row.amount_fen > self._limit("payout_merchant_day"):
            return self._postpone(row, "merchant-day")
        if member[0] + row.amount_fen > self._limit("payout_member_day"):
            return self._postpone(row, "member-day")
        if member[1] >= self._limit("payout_member_day_count"):
            return self._postpone(row, "member-day-count")
        if not self._below_rate(row):
            return False
        for used in (everyone, member):
            used[0], used[1] = used[0] + row.amount_fen, used[1] + 1
        return True

    def _below_rate(self, row: Row[Any]) -> bool:
        spent, (minute_fen, hour_fen) = self._of_pool(row.pool_id)
        if not minute_fen:
            return False  # Tripped by a payout before this one.
        for at, most, name in ((0, minute_fen, "minute"), (1, hour_fen, "hour")):
            if spent[at] + row.amount_fen > most:
                reason = f"{spent[at]} fen were paid within the last {name}; {row.amount_fen} more pass {most}"
                prizes.trip(self._tx, row.pool_id, reason, now=self._now)
                self._terms[row.pool_id] = (0, 0)
                return False
        spent[0], spent[1] = spent[0] + row.amount_fen, spent[1] + row.amount_fen
        return True

    def _ofday_of(self, member_id: UUID | None) -> list[int]:
        if member_id not in self._members:
            used = self._tx.execute(USED, {"day": day_of(self._now), "member_id": member_id}).one()
            self._members[member_id] = [int(used.fen), int(used.many)]
        return self._members[member_id]

    def _of_pool(self, pool_id: int) -> tuple[list[int], tuple[int, int]]:
        if pool_id not in self._pools:
            ago = {"minute": self._now - timedelta(minutes=1), "hour": self._now - timedelta(hours=1)}
            spent = self._tx.execute(SPENT, {"pool_id": pool_id, **ago}).one()
            pool = prizes.get(self._tx, pool_id)
            self._pools[pool_id], self._terms[pool_id] = (
                [int(spent.minute), int(spent.hour)],
                (pool.minute_fen, pool.hour_fen),
            )
        return self._pools[pool_id], self._terms[pool_id]

    def _limit(self, name: str) -> int:
        return prizes.limit(self._tx, name, now=self._now)

    def _postpone(self, row: Row[Any], why: str) -> bool:
        tomorrow = datetime.combine(day_of(self._now) + timedelta(days=1), time(), BRAND_ZONE)
        self._tx.execute(update(payouts).where(payouts.c.id == row.id).values(due_at=tomorrow, said=why))
        return False


def day_of(now: datetime) -> date:
    """The day in the brand's zone."""
    return now.astimezone(BRAND_ZONE).date()
