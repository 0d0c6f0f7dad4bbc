"""What the operator's page shows and what its buttons do: one line, its shift, and the job in hand. No FastAPI.

The station works in a thread; each of its steps is told to the shift log here, and pages wait for news instead of
asking for it. A button that is pressed twice does once what it says.

| state    | the line                                                                    | buttons       |
| -------- | --------------------------------------------------------------------------- | ------------- |
| idle     | no job is running                                                           | start a job   |
| running  | prints, looks, packs                                                        | stop          |
| stopping | finishes what it is doing                                                   |               |
| stopped  | a person must look, or the operator stopped it                              | start again   |
| finished | the job is done                                                             | start a job   |
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from foundation import clock
from foundation.errors import Conflict, NotFound
from foundation.observability import log
from printer_jobs import shift_report
from printer_jobs.advice import advice
from printer_jobs.journal import JournalBroken, JournalBusy, JournalCorrupt
from printer_jobs.platform import PlatformAway, PlatformRefuses
from printer_jobs.shift import Step
from printer_jobs.shift_log import ShiftLog, mean_grade
from printer_jobs.shift_report import Account, Language
from printer_jobs.station import Summary

State = Literal["idle", "running", "stopping", "stopped", "finished"]
LOW_MINUTES = 10  # Of codes left at the present pace; then the office is told.
TREND_MINUTES = 60
LANGUAGES: tuple[Language, Language] = ("zh", "en")


class LineBusy(Conflict):
    """A job is running already."""

    type = "line-busy"


class NothingRuns(Conflict):
    """There is nothing to stop."""

    type = "nothing-runs"


@dataclass(frozen=True, slots=True)
class Job:
    """As the page lists them. left: codes that are still to be printed, None where the platform has not said."""

    id: int
    product_zh: str
    product_en: str
    left: int | None = None


class Floor(Protocol):
    """Where the jobs are and how one is run; the station behind it is the real one."""

    def jobs(self) -> Sequence[Job]:
        """Open jobs of this line. Raises PlatformAway."""

    def run(self, job: int, on_step: Callable[[Step], object], halted: Callable[[], bool]) -> Summary: ...

    def account(self, job: int, language: Language) -> Account | None:
        """From the journal; None before there is one."""


class Practice(Protocol):
    """What goes wrong on a line that is not real. lasting: what somebody must say is fixed."""

    @property
    def lasting(self) -> tuple[str, ...]: ...

    def happen(self, trouble: str) -> None: ...

    def mend(self) -> None: ...


class LineDesk:
    """One a line. `wait` returns when there is news. practice: only where nothing is real."""

    def __init__(
        self, station: str, floor: Floor, log: ShiftLog, *, zone: object, practice: Practice | None = None
    ) -> None:
        self.station, self._floor, self.log, self._zone = station, floor, log, zone
        self._practice = practice
        self.state: State = "idle"
        self.job: Job | None = None
        self.version = 0
        self._known: list[Job] = []
        self._left: int | None = None
        self._halt = threading.Event()
        self._news = threading.Condition()
        self._thread: threading.Thread | None = None

    def jobs(self) -> list[Job]:
        """Open jobs; those known from before while the platform is away."""
        try:
            self._known = list(self._floor.jobs())
        except PlatformAway as away:
            self.hear(Step("platform-away", {"sentence": str(away)}))
        return self._known

    def start(self, job: Job) -> None:
        """Begin a job, or go on with the one that was stopped. Raises LineBusy."""
        with self._news:
            if self.state in ("running", "stopping"):
                raise LineBusy(f"Job {self.job.id if self.job else ''} is running; stop it first.")
            self.job, self.state = job, "running"
            self._halt.clear()
        self.hear(Step("started", {"job": job.id}))
        self._thread = threading.Thread(target=self._work, args=(job,), name="station", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Nothing new is printed; the line stands after what it is doing now. Raises NothingRuns."""
        with self._news:
            if self.state not in ("running", "stopping"):
                raise NothingRuns("The line stands already.")
            self.state = "stopping"
        self._halt.set()
        self._changed()

    def close(self) -> None:
        """Stop, and wait until the station has written what it must."""
        self._halt.set()
        if self._thread is not None:
            self._thread.join(60)
        self.log.flush()

    def check_bin(self, counted: int) -> None:
        self.log.check_bin(counted, now=clock.now())
        self._changed()

    def next_shift(self) -> None:
        """The figures begin at nothing; the old shift's file stays. Raises LineBusy while a job runs."""
        if self.state in ("running", "stopping"):
            raise LineBusy("Stop the line first; then begin the next shift.")
        self.log = self.log.start_anew(now=clock.now())
        self._changed()

    def happen(self, trouble: str) -> None:
        """Trouble to practise on. Raises NotFound where the line is real."""
        self._practised().happen(trouble)
        self._changed()

    def mend(self) -> None:
        """Whatever was practised is fixed. Raises NotFound where the line is real."""
        self._practised().mend()
        self._changed()

    def report(self, language: Language) -> bytes:
        """The shift's report so far, PDF."""
        self.log.flush()
        accounts = [found for job in self.log.jobs if (found := self._floor.account(job, language)) is not None]
        return shift_report.report(
            self.log, accounts, station=self.station, language=language, now=clock.now(), zone=self._zone
        )

    def hear(self, step: Step) -> None:
        """One step of the station."""
        if step.kind == "sent":
            self._left = step.facts.get("left")
        self.log.hear(step, now=clock.now())
        self._changed()

    def wait(self, seen: int, timeout_s: float) -> int:
        """The present version, as soon as it is another than `seen`, or after the timeout."""
        with self._news:
            self._news.wait_for(lambda: self.version != seen, timeout_s)
            return self.version

    def shown(self) -> dict[str, Any]:
        """All that the page draws, in both languages."""
        now, log = clock.now(), self.log
        pace, oee = log.per_minute(now=now), log.oee(now=now)
        left = self._left if self.state in ("running", "stopping") else None
        return {
            "station": self.station,
            "state": self.state,
            "job": self._job(),
            "passed": log.passed,
            "rejected": log.rejected.total(),
            "reasons": dict(log.rejected.most_common(4)),
            "cases": log.cases,
            "per_minute": pace,
            "left": left,
            "left_minutes": round(left / pace) if left is not None and pace else None,
            "last": log.last,
            "grade": mean_grade(log.grades),
            "trend": [round(grade, 2) for _, grade in log.trend()[-TREND_MINUTES:]],
            "oee": {"availability": oee.availability, "performance": oee.performance, "quality": oee.quality},
            "unchecked": log.unchecked,
            "began": log.began.isoformat(),
            "alarms": self._alarms(left, pace),
            "practice": None if self._practice is None else list(self._practice.lasting),
        }

    def _practised(self) -> Practice:
        if self._practice is None:
            raise NotFound("This line is real; practise with `onecode line train`.")
        return self._practice

    def _job(self) -> dict[str, Any] | None:
        job = self.job
        return None if job is None else {"id": job.id, "zh": job.product_zh, "en": job.product_en}

    def _alarms(self, left: int | None, pace: int) -> list[dict[str, Any]]:
        """What lasts now, the gravest first."""
        order = ("stopped", "fault", "link-lost", "equipment-away", "no-block", "platform-away")
        lasting = sorted(self.log.open_troubles(), key=lambda one: order.index(one.kind))
        found = [self._alarm(one.kind, one.what, one.since, one.sentence) for one in lasting]
        if left is not None and pace and left / pace < LOW_MINUTES:
            found.append(self._alarm("codes-low", "", None, ""))
        return found

    @staticmethod
    def _alarm(kind: str, what: str, since: datetime | None, sentence: str) -> dict[str, Any]:
        both = advice(kind, what)
        words: dict[str, Any] = {
            name: {"what": one.what, "do": one.do} for name, one in zip(LANGUAGES, both, strict=True)
        }
        grave = kind in ("stopped", "fault", "link-lost", "equipment-away") and what != "OPERATOR"
        return {
            "kind": kind, "why": what, "grave": grave, "since": since.isoformat() if since else None,
            "sentence": sentence, **words,
        }  # fmt: skip

    def _work(self, job: Job) -> None:
        try:
            summary = self._floor.run(job.id, self.hear, self._halt.is_set)
            stopped = summary.stopped is not None
        except (PlatformAway, PlatformRefuses) as refusal:
            self.hear(Step("stopped", {"sentence": str(refusal), "why": "PLATFORM"}))
            stopped = True
        except (JournalBroken, JournalBusy, JournalCorrupt, OSError) as error:
            self.hear(Step("stopped", {"sentence": str(error), "why": "JOURNAL"}))
            stopped = True
        except Exception as error:  # The page must not say that a line runs which does not.
            log(__name__).error("the station fell", exc_info=error)
            self.hear(Step("stopped", {"sentence": f"The program failed: {error!r}.", "why": "PROGRAM"}))
            stopped = True
        self.log.flush()
        self.state = "stopped" if stopped else "finished"
        self._changed()

    def _changed(self) -> None:
        with self._news:
            self.version += 1
            self._news.notify_all()
