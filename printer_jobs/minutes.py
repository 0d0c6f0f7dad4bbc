"""What passed the camera, minute by minute: kept at the station until the platform has heard it. Pure.

A run counts from its own beginning, so a minute told again with more in it replaces the one before and a restart in
the middle of a minute adds to it. What was not heard for a day is forgotten: a picture of the line, not its books.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from printer_jobs.platform import JSON

KEPT = 1440
TOLD_AT_ONCE = 120


class RunMinutes:
    """Of one run of a station."""

    def __init__(self, began: datetime) -> None:
        self.began = began
        self._minutes: OrderedDict[datetime, list[float]] = OrderedDict()

    def count(self, at: datetime, *, passed: bool, grade: float | None) -> None:
        minute = self._minutes.setdefault(at.replace(second=0, microsecond=0), [0, 0, 0, 0.0])
        minute[0 if passed else 1] += 1
        if grade is not None:
            minute[2] += 1
            minute[3] += grade
        while len(self._minutes) > KEPT:
            self._minutes.popitem(last=False)

    def waiting(self) -> JSON:
        """The oldest that were not heard, for a heartbeat."""
        told = list(self._minutes.items())[:TOLD_AT_ONCE]
        return {"began": self.began.isoformat(), "minutes": [_told(at, one) for at, one in told]}

    def heard(self, told: JSON) -> None:
        """The platform has these; what was counted in a minute since is told again."""
        for one in told["minutes"]:
            at = datetime.fromisoformat(one["at"])
            if at in self._minutes and _told(at, self._minutes[at]) == one and at != next(reversed(self._minutes)):
                del self._minutes[at]


def _told(at: datetime, minute: list[float]) -> JSON:
    passed, rejected, graded, grades = minute
    counts = {"passed": int(passed), "rejected": int(rejected), "graded": int(graded), "grade_sum": grades}
    return {"at": at.isoformat(), **counts}


@dataclass(frozen=True, slots=True)
class LineMinute:
    """grade: the mean of those that have one, 4 (A) to 0 (F)."""

    at: datetime
    passed: int
    rejected: int
    grade: float | None


@dataclass(frozen=True, slots=True)
class Oee:
    """Shares from 0 to 1, None before the first label.

    availability: minutes in which labels were seen, of all since the first. performance: labels in those, of the best
    minute kept up. quality: labels that passed, of all.
    """

    availability: float | None
    performance: float | None
    quality: float | None


def oee(minutes: Sequence[LineMinute], *, now: datetime) -> Oee:
    """From the first minute to now; a line is its own measure of speed."""
    seen = [one.passed + one.rejected for one in minutes]
    if not sum(seen):
        return Oee(None, None, None)
    planned = max(len(seen), int((now - minutes[0].at) / timedelta(minutes=1)) + 1)
    return Oee(len(seen) / planned, sum(seen) / (max(seen) * len(seen)), sum(one.passed for one in minutes) / sum(seen))


def sinking(minutes: Sequence[LineMinute], *, over: int = 60, by: float = 0.5) -> bool:
    """Whether print grades of the last third of the minutes are worse than those of the first by so much."""
    grades = [one.grade for one in minutes[-over:] if one.grade is not None]
    third = len(grades) // 3
    return third >= 5 and sum(grades[:third]) / third - sum(grades[-third:]) / third >= by
