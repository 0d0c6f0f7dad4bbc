"""How somebody works through a heap of codes: one after the other, in sittings."""

import numpy as np
from numpy.typing import NDArray

Whole = NDArray[np.int64]
Real = NDArray[np.float64]
SECOND = 1 / 86_400


def sittings(who: Whole, day: Real, hour: Real | float, gap_s: Real | float) -> Real:
    """When each code is scanned: those of one person and one day from `hour` on, `gap_s` apart.

    who, day: per code, the day as a float; hour, gap_s: per code or one for all.
    """
    today = np.floor(day)
    order = np.lexsort((day, today, who))
    fresh = np.append(True, (np.diff(who[order]) != 0) | (np.diff(today[order]) != 0))
    start = np.maximum.accumulate(np.where(fresh, np.arange(len(who)), 0))
    rank = np.empty(len(who), dtype=np.int64)
    rank[order] = np.arange(len(who)) - start
    return np.asarray(today + hour / 24 + rank * gap_s * SECOND)


def capped(who: Whole, day: Real, most: int) -> Real:
    """The same days, moved on so that nobody has more than `most` codes on one day."""
    order = np.lexsort((day, who))
    days = np.floor(day[order])
    for person in np.unique(who):  # Few people with many codes each.
        rows = np.flatnonzero(who[order] == person)
        at, mine = -1.0, 0
        for row in rows.tolist():
            now = max(at, days[row])
            mine = mine + 1 if now == at else 1
            if mine > most:
                now, mine = now + 1, 1
            at = days[row] = now
    moved = day.copy()
    moved[order] = days
    return moved
