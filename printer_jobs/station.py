"""One production line by its name: lease, journal, equipment; print, read back, let through, pack, report.

It runs in a process of its own and knows no database: what it needs from the platform is in `platform.py`.
Stopped, crashed or killed, `run` goes on where its journal ends.
"""

import json
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from printer_jobs.drivers.printer import Printer
from printer_jobs.equipment import Eye, Gate
from printer_jobs.journal import Journal
from printer_jobs.platform import Lease, Platform, write_whole
from printer_jobs.serials import Balance
from printer_jobs.shift import Line, Pace, Shift, Step


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run came to. passed, scrapped, void, returned: counts over the whole job. stopped: why, if it did."""

    job: int
    passed: int
    scrapped: int
    void: int
    returned: int
    cases: tuple[str, ...]
    balance: Balance
    stopped: str | None
    seconds: float


class Station:
    """A line by its name. `run` may be called again after a stop, a crash or a pause: it goes on where it was."""

    def __init__(
        self,
        name: str,
        *,
        platform: Platform,
        printer: Printer,
        eye: Eye,
        gate: Gate,
        folder: Path,
        pace: Pace | None = None,
        on_step: Callable[[Step], object] = lambda _: None,
    ) -> None:
        """folder: where journals and leases live, one of each a job; on the station's own disk."""
        self.line = Line(name, platform, printer, eye, gate, pace or Pace(), on_step)
        self.folder = folder

    def run(self, job: int, *, wanted: int | None = None, finish: bool = True) -> Summary:
        """Print until `wanted` items of the job have passed (None: the whole lease), pack them, report.

        finish: pack what is left as a short case and give unprinted numbers back.
        Raises PlatformAway or PlatformRefuses without a lease, JournalCorrupt, JournalBusy, JournalBroken.
        """
        began = time.monotonic()
        lease = self._lease(job)
        with closing(self._journal(lease)) as journal, closing(self.line.printer):
            stopped = Shift(self.line, lease, journal, wanted).work(finish)
            serials = journal.serials
            balance = serials.balance()
            return Summary(
                job=job,
                passed=balance.commissioned + balance.sampled,
                scrapped=balance.scrapped,
                void=balance.void,
                returned=balance.returned,
                cases=tuple(serials.packed),
                balance=balance,
                stopped=stopped,
                seconds=time.monotonic() - began,
            )

    def _lease(self, job: int) -> Lease:
        """Kept beside the journal, so that a restart needs no platform."""
        kept = self.folder / f"job-{job}.lease.json"
        if kept.exists():
            return Lease.from_json(json.loads(kept.read_text()))
        lease = self.line.platform.lease(job)
        self.folder.mkdir(parents=True, exist_ok=True)
        write_whole(kept, lease.to_json())
        self.line.on_step(Step("leased", {"job": job, "first": lease.first, "count": len(lease.serials)}))
        return lease

    def _journal(self, lease: Lease) -> Journal:
        path = self.folder / f"job-{lease.job}.journal"
        journal = Journal(path, job=str(lease.job), station=self.line.name, lease=(lease.first, lease.end))
        if journal.torn:
            self.line.on_step(Step("torn", {"at": journal.torn.at, "length": journal.torn.length}))
        return journal
