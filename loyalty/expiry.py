"""When points lapse: policies as text, answered with an exclusive instant at midnight in the brand's time zone.

never          they do not
days:N         at the midnight that ends the N-th day after the day they were earned
month_end:N    at the end of the month N months later
year_end       at the end of the year
on:2026-12-31  at the end of that day
"""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta

from foundation.errors import BadRequest

BRAND_ZONE = ZoneInfo("Asia/Shanghai")


def expires_at(policy: str, earned_at: datetime, zone: ZoneInfo = BRAND_ZONE) -> datetime | None:
    """The first instant at which a lot is no longer spendable. Raises BadRequest for an unknown policy."""
    if policy == "never":
        return None
    last = last_day(policy, earned_at.astimezone(zone).date())
    return datetime.combine(last + timedelta(days=1), time(), zone)


def last_day(policy: str, day: date) -> date:
    name, _, value = policy.partition(":")
    if name == "days" and _is_count(value):
        return day + timedelta(days=int(value))
    if name == "month_end" and _is_count(value):
        return day + relativedelta(months=int(value), day=31)
    if policy == "year_end":
        return day.replace(month=12, day=31)
    if name == "on":
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise BadRequest(f"Points cannot expire by {policy!r}; use never, days:N, month_end:N, year_end or on:YYYY-MM-DD.")


def _is_count(value: str) -> bool:
    return value.isascii() and value.isdecimal() and len(value) <= 4
