"""How budgets burn down: what each has, what is spent, and what left it day by day; read from the books, never counted.

spent = what left the budget's account; leased = set aside for sessions that spend right now, given back if they do not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import text

from foundation.database import ReadTx
from loyalty import expiry


@dataclass(frozen=True, slots=True)
class Burn:
    """asset: what total and spent are counted in."""

    budget_id: int
    name: str
    asset: str
    total: int
    spent: int
    created_at: datetime

    @property
    def left(self) -> int:
        return self.total - self.spent


def budgets(tx: ReadTx) -> list[Burn]:
    """Every budget that pays, newest first; the allowances of caps are none."""
    return [Burn(row.id, row.name, row.asset, row.total, int(row.spent), row.created_at) for row in tx.execute(_ALL)]


# A budget's leases tell what was spent as truly as its transfers do (invariant I6), from far fewer rows.
_ALL = text("""
SELECT b.id, b.name, a.asset, b.total, b.created_at,
    (SELECT coalesce(sum(l.amount - l.remaining), 0) FROM budget_leases l WHERE l.budget_id = b.id) AS spent
FROM budgets b JOIN accounts a ON a.id = b.account_id ORDER BY b.id DESC
""")


def daily(tx: ReadTx, budget_ids: Sequence[int], *, since: date, until: date) -> dict[int, dict[date, int]]:
    """budget -> day in the brand's zone -> amount that left it, of days from `since` to `until`; quiet days missing."""
    start, end = (datetime.combine(day, time(), expiry.BRAND_ZONE) for day in (since, until + timedelta(days=1)))
    where = {"ids": list(budget_ids), "start": start, "end": end, "zone": expiry.BRAND_ZONE.key}
    found: dict[int, dict[date, int]] = {one: {} for one in budget_ids}
    for row in tx.execute(_DAILY, where):
        found[row.id][row.day] = int(row.amount)
    return found


_DAILY = text("""
SELECT b.id, CAST(t.created_at AT TIME ZONE :zone AS date) AS day, sum(t.amount) AS amount
FROM budgets b JOIN transfers t ON t.source_id = b.account_id
WHERE b.id = ANY(CAST(:ids AS bigint[])) AND t.created_at >= :start AND t.created_at < :end
GROUP BY 1, 2 ORDER BY 1, 2
""")


def ends_on(one: Burn, per_day: float, today: date) -> date | None:
    """The day the budget ends at this pace; None if nothing leaves it, or not within a hundred years."""
    if per_day <= 0 or one.left / per_day > 36_500:
        return None
    return today + timedelta(days=int(one.left / per_day))
