"""Days as the brand's customers live them: holidays with their make-up workdays, birthdays by either calendar.

The State Council announces each year's holidays the autumn before (调休 moves workdays onto weekends). Of a year not
announced yet nothing is known, and nothing is guessed.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from uuid import UUID

from lunar_python import LunarYear, Solar
from sqlalchemy import select, text, update

from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest, NotFound
from foundation.rules import holidays
from loyalty.tables import members

SETTLED = timedelta(days=30)  # A birthday said shortly before it brings nothing that year.
LEAP_DAY = (2, 29)


@dataclass(frozen=True, slots=True)
class Birthday:
    """month, day: of the solar calendar, or of the lunar one, where a leap month counts as its number."""

    month: int
    day: int
    lunar: bool
    said_at: datetime

    def falls_on(self, day: date, *, now: datetime) -> bool:
        """29 February is kept on the 28th in common years; the 30th of a short lunar month on its last day."""
        if now - self.said_at < SETTLED:
            return False
        if self.lunar:
            return lunar_birthday(day, self.month, self.day)
        is_common = (day + timedelta(days=1)).day == 1 and (day.month, day.day) == (2, 28)
        return (day.month, day.day) == (self.month, self.day) or (is_common and (self.month, self.day) == LEAP_DAY)


def lunar_birthday(day: date, month: int, on: int) -> bool:
    """Whether the lunar date of `day` is that birthday; of a year with the month twice, the first one is kept."""
    _, lunar_month, lunar_day, length = lunar_date(day)
    return lunar_month == month and (lunar_day == on or (on == 30 and lunar_day == length == 29))


@lru_cache(maxsize=1000)
def lunar_date(day: date) -> tuple[int, int, int, int]:
    """(year, month, day, days of that month) of the lunar calendar; the month of a leap month is negative."""
    found = Solar.fromYmd(day.year, day.month, day.day).getLunar()
    year, month = found.getYear(), found.getMonth()
    length = LunarYear.fromYear(year).getMonth(month).getDayCount()
    return year, month, found.getDay(), length


def kind_of_day(day: date) -> dict[str, bool]:
    """The facts is_holiday and is_workday; neither, for a year nobody has announced."""
    workday = holidays.is_workday(day)
    return {} if workday is None else {"is_holiday": not workday, "is_workday": workday}


def say_birthday(tx: Tx, member_id: UUID, *, month: int, day: int, lunar: bool, now: datetime) -> None:
    """Keep a member's birthday. Raises BadRequest, NotFound."""
    try:
        date(2000, month, min(day, 29) if lunar else day)  # 2000 had a 29 February.
    except ValueError:
        raise BadRequest(f"There is no day {day} in month {month}.") from None
    if lunar and not 1 <= day <= 30:
        raise BadRequest("A lunar month has at most 30 days.")
    values = {"birth_month": month, "birth_day": day, "birth_lunar": lunar, "birthday_said_at": now}
    if not tx.execute(update(members).where(members.c.id == member_id).values(**values)).rowcount:
        raise NotFound("There is no such member.")


def born_on(tx: ReadTx, day: date, *, now: datetime, limit: int) -> list[UUID]:
    """Ids of members whose birthday is `day` and who got nothing for it yet this year, some of them."""
    _, lunar_month, lunar_day, length = lunar_date(day)
    ends_month = (day + timedelta(days=1)).day == 1
    days = {
        "month": day.month,
        "days": [day.day, 29] if ends_month and day.month == 2 else [day.day],
        "lunar_month": lunar_month,
        "lunar_days": [lunar_day, 30] if lunar_day == length else [lunar_day],
        "said_before": now - SETTLED,
        "year": str(day.year),
        "limit": limit,
    }
    return list(tx.execute(_BORN_ON, days).scalars())


_BORN_ON = text("""
SELECT m.id FROM members m
WHERE m.erased_at IS NULL AND m.merged_into IS NULL AND m.birthday_said_at <= :said_before
  AND (NOT m.birth_lunar AND m.birth_month = :month AND m.birth_day = ANY(CAST(:days AS integer[]))
       OR m.birth_lunar AND m.birth_month = :lunar_month AND m.birth_day = ANY(CAST(:lunar_days AS integer[])))
  AND NOT EXISTS (SELECT FROM idempotency i WHERE i.scope = 'birthday' AND i.key = :year || ' ' || m.id)
ORDER BY m.id LIMIT :limit
""")


def birthday_of(tx: ReadTx, member_id: UUID) -> Birthday | None:
    row = tx.execute(select(members).where(members.c.id == member_id)).one_or_none()
    if row is None or row.birth_month is None:
        return None
    return Birthday(row.birth_month, row.birth_day, row.birth_lunar, row.birthday_said_at)
