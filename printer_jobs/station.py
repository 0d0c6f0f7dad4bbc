"""One production line by its name: lease, journal, equipment; print, read back, let through, pack, report.

It runs in a process of its own and knows no database: what it needs from the platform is in `platform.py`.
Stopped, crashed or killed, `run` goes on where its journal ends.
"""

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from foundation import clock
from printer_jobs.drivers.printer import Printer
from printer_jobs.equipment import Eye, Gate
from printer_jobs.journal import Journal, locked
from printer_jobs.leases import Leases
from printer_jobs.office import Ahead
from printer_jobs.platform import Platform, PlatformRefuses
from printer_jobs.seal import Seal
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
        ahead: Ahead | None = None,
        seal: Seal | None = None,
        pack_size: int | None = None,
        now: Callable[[], datetime] = clock.now,
        on_step: Callable[[Step], object] = lambda _: None,
        halted: Callable[[], bool] = lambda: False,
    ) -> None:
        """folder: where journals and leases live, on the station's own disk. seal: signs the journal, None = nobody.

        pack_size: what the packer is set to; a job with another one is refused.
        now: decides only when a lease has expired.
        """
        self.line = Line(name, platform, printer, eye, gate, pace or Pace(), on_step, halted)
        self.pack_size = pack_size
        self.folder, self.ahead, self.seal, self.now = folder, ahead or Ahead(), seal, now

    def run(self, job: int, *, wanted: int | None = None, finish: bool = True) -> Summary:
        """Print until `wanted` items of the job have passed (None: all that is leased), pack them, report.

        finish: pack what is left as a short case and give unprinted numbers back.
        Raises PlatformAway or PlatformRefuses without a lease, JournalCorrupt, JournalBusy, JournalBroken, OSError.
        """
        began = time.monotonic()
        with closing(locked(self.folder / "station.lock", f"Another station works in {self.folder}")):
            leases = self._leases(job)
            with closing(self._journal(leases)) as journal, closing(self.line.printer):
                self._complete(leases, journal)
                self.line.eye.resume(journal.serials.last_tag)
                stopped = Shift(self.line, leases, journal, self.folder, wanted, self.ahead, self.now).work(finish)
                return _summary(job, journal, stopped, time.monotonic() - began)

    def close(self) -> None:
        """Let camera and gate go; the printer's link lasts as long as a run."""
        self.line.eye.close()
        self.line.gate.close()

    def _leases(self, job: int) -> Leases:
        leases = Leases(self.folder, job)
        if not len(leases):
            self._fetch(leases, 0)
        if leases[0].station != self.line.name:
            raise PlatformRefuses(
                f"Job {job} is of station {leases[0].station}, not of {self.line.name}; start its own."
            )
        if self.pack_size not in (None, leases.pack_size):
            raise PlatformRefuses(
                f"Job {job} packs {leases.pack_size} a case and this line {self.pack_size}; change one of them."
            )
        return leases

    def _complete(self, leases: Leases, journal: Journal) -> None:
        """A lease the journal speaks of and the folder lost is fetched again: the same number gives the same block."""
        for block in range(len(leases), len(journal.serials.blocks)):
            self._fetch(leases, block)
        for lease, reserved in zip(leases, journal.serials.blocks, strict=False):
            if (lease.first, lease.end) != reserved:
                raise PlatformRefuses(
                    f"Block {lease.block} of job {lease.job} is {lease.first}..{lease.end} in its lease and"
                    f" {reserved[0]}..{reserved[1]} in the journal; keep both files and call the office."
                )

    def _fetch(self, leases: Leases, block: int) -> None:
        lease = self.line.platform.lease(leases.job, block)
        leases.keep(lease)
        self.line.on_step(Step("leased", {"job": leases.job, "first": lease.first, "count": len(lease.serials)}))

    def _journal(self, leases: Leases) -> Journal:
        path, first = self.folder / f"job-{leases.job}.journal", leases[0]
        journal = Journal(
            path, job=str(leases.job), station=self.line.name, lease=(first.first, first.end), seal=self.seal
        )
        if journal.torn:
            self.line.on_step(Step("torn", {"at": journal.torn.at, "length": journal.torn.length}))
        return journal


def _summary(job: int, journal: Journal, stopped: str | None, seconds: float) -> Summary:
    balance = journal.serials.balance()
    return Summary(
        job=job,
        passed=balance.commissioned + balance.sampled,
        scrapped=balance.scrapped,
        void=balance.void,
        returned=balance.returned,
        cases=tuple(journal.serials.packed),
        balance=balance,
        stopped=stopped,
        seconds=seconds,
    )
