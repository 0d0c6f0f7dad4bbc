"""China's public holidays with make-up workdays (调休), as two short lists of exceptions to the week.

A day of a year the State Council has not announced is neither workday nor holiday: a rule that asks is answered as if
the fact were missing. Source: the package chinesecalendar, which follows the yearly announcements.
"""

from datetime import date
from functools import lru_cache

from chinese_calendar import constants

OFF = frozenset(constants.holidays)  # Free, whatever the weekday.
ON = frozenset(constants.workdays)  # Worked, though a weekend.
FIRST, LAST = min(OFF).replace(month=1, day=1), max(OFF).replace(month=12, day=31)


@lru_cache(maxsize=4096)
def is_workday(day: date) -> bool | None:
    """None: not announced."""
    if not FIRST <= day <= LAST:
        return None
    return day in ON or (day.isoweekday() < 6 and day not in OFF)
