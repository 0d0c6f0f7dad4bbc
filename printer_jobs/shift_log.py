"""What happened on a line in this shift, minute by minute: for the operator's page and the shift's report.

The journal is the truth about numbers; this is what people want to know of the day. It is kept as lines of JSON beside
the journal, a line for each minute and each trouble, and read again after a restart: a shift outlives the program. What
was not written when the power went is missing from the report and from nothing else. A clock that jumps moves times,
never counts.
"""

import json
from collections import Counter, OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from printer_jobs.minutes import LineMinute, Oee, oee
from printer_jobs.shift import Step

KEPT = 24 * 60  # Minutes with labels: counted, for a clock that jumps must not empty the shift.
RECENT = timedelta(minutes=2)
LETTERS = "FDCBA"
TROUBLE = {"fault", "link-lost", "equipment-away", "platform-away", "no-block", "stopped"}
ENDS = {
    "mended": ("fault",), "linked": ("link-lost",), "equipment-back": ("equipment-away",),
    "reported": ("platform-away", "no-block"), "started": ("stopped",),
}  # fmt: skip


@dataclass(slots=True)
class Minute:
    """passed, rejected (by verdict), grades (by letter) of the labels seen in it."""

    passed: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    grades: Counter[str] = field(default_factory=Counter)

    @property
    def labels(self) -> int:
        return self.passed + self.rejected.total()

    def add(self, other: "Minute") -> None:
        self.passed += other.passed
        self.rejected += other.rejected
        self.grades += other.grades


@dataclass(slots=True)
class Trouble:
    """kind: of the step. what: a fault or a reason to stop. sentence: the station's own. until: None = it lasts."""

    kind: str
    what: str
    sentence: str
    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class BinCheck:
    """The operator counted the reject bin. expected: rejects since the check before."""

    at: datetime
    counted: int
    expected: int


class ShiftLog:
    """One shift of one line. `hear` each step of the station, in order."""

    def __init__(self, folder: Path, *, now: datetime) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.minutes: OrderedDict[datetime, Minute] = OrderedDict()
        self.troubles: list[Trouble] = []
        self.bins: list[BinCheck] = []
        self.jobs: list[int] = []
        self.cases = self.unchecked = 0  # unchecked: rejects since the bin was counted last
        self._open = (now, Minute())  # the minute that is running, and what of it is not written yet
        self.last: Mapping[str, Any] | None = None
        self._path = max(folder.glob("shift-*.jsonl"), default=folder / _name(now))
        self.began = self._read() or now
        if not self._path.exists():
            self._write({"at": now.isoformat(), "began": True})

    def hear(self, step: Step, *, now: datetime) -> None:
        told = {"at": now.isoformat(), "kind": step.kind, **_wanted(step)}
        if step.kind in ("passed", "rejected"):
            self._count(told, now)
            return
        self._take(told, now)
        if step.kind in TROUBLE or step.kind in ENDS or step.kind in ("packed", "leased"):
            self._write(told)

    def check_bin(self, counted: int, *, now: datetime) -> BinCheck:
        """Write down what lay in the reject bin."""
        self.flush()
        check = BinCheck(now, counted, self.unchecked)
        self._write({"at": now.isoformat(), "counted": counted, "expected": check.expected})
        self.bins.append(check)
        self.unchecked = 0
        return check

    def flush(self) -> None:
        """Write down the minute that is running."""
        at, minute = self._open
        if minute.labels:
            kept = {"passed": minute.passed, "rejected": minute.rejected, "grades": minute.grades}
            self._write({"at": at.isoformat(), "minute": kept})
        self._open = (at, Minute())

    def start_anew(self, *, now: datetime) -> "ShiftLog":
        """The next shift; this one's file stays."""
        self.flush()
        path = self._path
        for second in count():  # The newest by name is the present one, also where the clock was set back.
            if path > self._path:
                break
            path = self._folder / _name(max(now, self.began) + timedelta(seconds=second))
        path.write_text(json.dumps({"at": now.isoformat(), "began": True}) + "\n")
        return ShiftLog(self._folder, now=now)

    @property
    def passed(self) -> int:
        return sum(minute.passed for minute in self.minutes.values())

    @property
    def rejected(self) -> Counter[str]:
        return sum((minute.rejected for minute in self.minutes.values()), Counter[str]())

    @property
    def grades(self) -> Counter[str]:
        return sum((minute.grades for minute in self.minutes.values()), Counter[str]())

    def open_troubles(self) -> list[Trouble]:
        return [one for one in self.troubles if one.until is None]

    def per_minute(self, *, now: datetime) -> int:
        """Labels a minute over the last two whole minutes and this one."""
        since = now - RECENT - timedelta(minutes=1)
        recent = [minute.labels for at, minute in self.minutes.items() if since < at <= now]
        seconds = min((now - self.began).total_seconds(), RECENT.total_seconds() + now.second)
        return round(sum(recent) * 60 / max(seconds, 10))

    def oee(self, *, now: datetime) -> Oee:
        seen = ((at, one) for at, one in self.minutes.items() if one.labels)
        return oee(
            [LineMinute(at, one.passed, one.rejected.total(), mean_grade(one.grades)) for at, one in seen], now=now
        )

    def hours(self) -> list[tuple[datetime, int, int, float | None]]:
        """(hour, passed, rejected, mean grade), oldest first."""
        found: OrderedDict[datetime, Minute] = OrderedDict()
        for at, minute in self.minutes.items():
            found.setdefault(at.replace(minute=0), Minute()).add(minute)
        return [(at, one.passed, one.rejected.total(), mean_grade(one.grades)) for at, one in found.items()]

    def trend(self) -> list[tuple[datetime, float]]:
        """Mean grade of each minute that has one: a head that wears out is seen here before it fails."""
        graded = ((at, mean_grade(minute.grades)) for at, minute in self.minutes.items())
        return [(at, grade) for at, grade in graded if grade is not None]

    # Taking in.

    def _take(self, told: Mapping[str, Any], at: datetime) -> None:
        kind = told["kind"]
        if kind == "packed":
            self.cases += 1
        if kind == "leased" and told.get("job") not in self.jobs:
            self.jobs.append(told["job"])
        for ended in ENDS.get(kind, ()):
            self._end(ended, at)
        if kind == "fault":
            self._end("fault", at)
        if kind in TROUBLE and not any(one.kind == kind and one.what == told["what"] for one in self.open_troubles()):
            self.troubles.append(Trouble(kind, told["what"], told["sentence"], at))

    def _count(self, told: Mapping[str, Any], at: datetime) -> None:
        now = at.replace(second=0, microsecond=0)
        if now != self._open[0]:
            self.flush()
            self._open = (now, Minute())
        seen = Minute()
        if told["kind"] == "passed":
            seen.passed = 1
        else:
            seen.rejected[told["verdict"]] = 1
        if told["grade"] is not None:
            seen.grades[LETTERS[max(0, min(4, int(told["grade"])))]] = 1
        self._open[1].add(seen)
        self._add(now, seen)
        self.last = {name: told[name] for name in ("tag", "verdict", "grade", "frame")}

    def _add(self, at: datetime, seen: Minute) -> None:
        self.minutes.setdefault(at, Minute()).add(seen)
        self.unchecked += seen.rejected.total()
        while len(self.minutes) > KEPT:
            self.minutes.popitem(last=False)

    def _end(self, kind: str, at: datetime) -> None:
        for one in self.open_troubles():
            if one.kind == kind:
                one.until = max(at, one.since)

    def _read(self) -> datetime | None:
        """Take in what an earlier run of the program wrote; when the shift began, None for a new one."""
        began = None
        for line in self._path.read_text(errors="replace").splitlines() if self._path.exists() else []:
            try:
                told = json.loads(line)
                at = datetime.fromisoformat(told["at"]).astimezone(UTC)
            except (ValueError, KeyError, TypeError):
                continue
            if "began" in told:
                began = at
            with suppress(ValueError, KeyError, TypeError, AttributeError):
                self._read_line(told, at)
        return began

    def _read_line(self, told: Mapping[str, Any], at: datetime) -> None:
        if "counted" in told:
            self.bins.append(BinCheck(at, int(told["counted"]), int(told["expected"])))
            self.unchecked = 0
        elif "minute" in told:
            kept = told["minute"]
            self._add(at, Minute(int(kept["passed"]), Counter(kept["rejected"]), Counter(kept["grades"])))
        elif "began" not in told:
            self._take(told, at)

    def _write(self, told: Mapping[str, Any]) -> None:
        with self._path.open("a") as file:
            file.write(json.dumps(told, ensure_ascii=False) + "\n")


def mean_grade(grades: Counter[str]) -> float | None:
    """4 for A to 0 for F; None of none."""
    total = grades.total()
    return sum(LETTERS.index(letter) * count for letter, count in grades.items()) / total if total else None


def _wanted(step: Step) -> dict[str, Any]:
    """What is kept of a step."""
    facts = step.facts
    if step.kind in ("passed", "rejected"):
        return {name: facts.get(name) for name in ("tag", "verdict", "grade", "frame")}
    if step.kind == "leased":
        return {"job": facts["job"]}
    if step.kind in TROUBLE:
        what = facts["faults"][0] if step.kind == "fault" else str(facts.get("why", ""))
        return {"what": what, "sentence": str(facts.get("sentence", ""))}
    return {}


def _name(now: datetime) -> str:
    return f"shift-{now:%Y%m%dT%H%M%S}.jsonl"


def as_json(trouble: Trouble) -> dict[str, Any]:
    said = asdict(trouble)
    return said | {"since": trouble.since.isoformat(), "until": trouble.until and trouble.until.isoformat()}
