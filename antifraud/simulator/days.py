"""The calendar: 120 days from 1 August 2025 in China, with the move into colleges and National Day's fortnight.

Time is a float of days since the start until a scan is made; then it is whole microseconds since 1970, UTC.
"""

import numpy as np
from numpy.typing import NDArray

from antifraud.simulator.streams import Dice

DAY_US = 86_400_000_000
MINUTE = 1 / 1440
START_US = 1_753_977_600_000_000  # 2025-08-01 00:00 in China.
MOVE_IN = (31.0, 38.0)  # 1 to 7 September.
HOLIDAY = (61.0, 75.0)  # 1 to 14 October: National Day, Mid-Autumn and the journeys home.
# Scans by hour of the day in China: an assumption, two meals and a long evening.
_HOURS = (4, 2, 1, 1, 1, 2, 5, 11, 20, 28, 34, 44, 58, 46, 36, 36, 40, 48, 62, 74, 78, 66, 38, 16)
_UNTIL = np.cumsum(_HOURS) / sum(_HOURS)

Days = NDArray[np.float64]


def micros(days: Days) -> NDArray[np.int64]:
    return START_US + np.rint(days * DAY_US).astype(np.int64)


def days_of(at_us: NDArray[np.int64]) -> Days:
    return np.asarray((at_us - START_US) / DAY_US)


def waking(dice: Dice, days: Days) -> Days:
    """The same days, at an hour when people scan."""
    hour = np.searchsorted(_UNTIL, dice.random(len(days)), side="right")
    return np.floor(days) + (hour + dice.random(len(days))) / 24


def holiday(days: Days) -> NDArray[np.bool_]:
    return (days >= HOLIDAY[0]) & (days < HOLIDAY[1])
