"""What a running station settles with the platform beside the line: blocks, case numbers, reports, signs of life.

One conversation at a time, in a thread of its own: a label must be judged before it reaches the gate, however slow the
network is. What comes back is taken between two looks at the camera, by the line's own thread, which alone writes the
journal. Away means asked again later; what the platform refuses stops the line.

| asked for     | when                                                                                       |
| ------------- | ------------------------------------------------------------------------------------------ |
| case numbers  | those in stock would not do for every number leased; a line offline for days packs on      |
| next block    | the job has one more, or what is wanted is not leased and what is left lasts less than     |
|               | `Ahead.hours` at the rate of this run                                                      |
| report        | a block moved: the lowest first, for a case is told with its latest block                  |
| pairs         | caps were seen on bottles and not told yet: PAIRS_AT_ONCE, or what there is after a while   |
| heartbeat     | nothing else was said for a while                                                          |
"""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from codegen import gs1
from foundation import clock
from foundation.errors import BadRequest
from printer_jobs.journal import Journal
from printer_jobs.leases import Leases
from printer_jobs.platform import JSON, CaseNumber, Lease, Platform, PlatformAway, PlatformRefuses, write_whole
from printer_jobs.serials import Mark, fold

SPARE_CASES = 4  # Labels that come out unreadable; what is not used is lost, so no more.
LARGEST_BLOCK = 50_000
PAIRS_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class Ahead:
    """How far ahead a station leases. hours: to work without network. per_hour: items, until a run has its own rate.

    report_s, heartbeat_s: how often the platform hears of a line that runs. retry_s: after it was away.
    """

    hours: float = 8.0
    per_hour: int = 20_000
    report_s: float = 2.0
    heartbeat_s: float = 15.0
    retry_s: float = 1.0


class Talk:
    """One question to the platform, in a daemon thread."""

    def __init__(self, question: Callable[[], Any]) -> None:
        self._question, self._answer = question, None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()

    @property
    def over(self) -> bool:
        return not self._thread.is_alive()

    def answer(self) -> Any:
        """Waits. Raises what the question raised."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._answer

    def _ask(self) -> None:
        try:
            self._answer = self._question()
        except BaseException as error:
            self._error = error


class Office:
    """`turn` in every turn of the line; `tell` at the end."""

    def __init__(
        self,
        platform: Platform,
        leases: Leases,
        journal: Journal,
        *,
        folder: Path,
        wanted: int | None,
        ahead: Ahead,
        say: Callable[..., None],
        state: Callable[[], JSON] = dict,
        heard: Callable[[JSON], None] = lambda _: None,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        """wanted: items that shall pass; None: whatever is leased. state: how the line is, for the heartbeat.

        heard: is told the state the platform has taken.
        """
        self._platform, self._leases, self._journal, self._serials = platform, leases, journal, journal.serials
        self._wanted, self._ahead, self._say, self._state, self._now = wanted, ahead, say, state, now
        self._stock_path = folder / f"job-{leases.job}.cases.json"
        self._stock = _stock(self._stock_path)
        self._heard = heard
        self._talk: tuple[Talk, Callable[[Any], None], Callable[[PlatformRefuses], None]] | None = None
        self._told: dict[int, int] = {}
        self._pairs_told = 0  # After a restart all are told again, which changes nothing.
        self._began = self._said_at = self._reported_at = time.monotonic()
        self._passed_before = self._passed()
        self._away_until = self._exhausted_until = 0.0
        self.away: str | None = None  # the platform's last excuse, until it answers again
        self.exhausted: str | None = None  # why no more blocks can be had

    def open(self) -> None:
        """Before anything is printed: reserve what is held, and hear whether this journal is the newest."""
        for lease in list(self._leases)[len(self._serials.blocks) :]:
            self._journal.append(["RESERVED", lease.first, lease.end])
        self._return_expired()
        self._leases.near = self._serials.block_of(self._serials.next_reserved() or 0) or 0
        self._start_report(0)
        self._finish()

    def turn(self) -> None:
        """Take what came back, ask what is due. Never waits. Raises PlatformRefuses."""
        self._return_expired()
        if self._talk is not None:
            if not self._talk[0].over:
                return
            self._finish()
        if time.monotonic() >= self._away_until:
            self._ask_what_is_due()

    def case_number(self, ordinal: int) -> CaseNumber | None:
        """The job's case number, from stock; None while the platform has not sent it."""
        return self._stock[ordinal] if ordinal < len(self._stock) else None

    def more_to_come(self) -> bool:
        """Whether blocks are missing that may still come."""
        return self._block_is_due() and self.exhausted is None

    def tell(self) -> None:
        """Everything that moved, block by block, now; the platform may be away. Raises PlatformRefuses."""
        self._finish()
        self.away = None
        while self.away is None and (block := self._moved_block()) is not None:
            self._start_report(block)
            self._finish()
        while self.away is None and self._pairs_told < len(self._serials.caps):
            self._start_pairs()
            self._finish()
        if self.away is None:
            self._start_heartbeat()
            self._finish()

    # One conversation.

    def _ask_what_is_due(self) -> None:
        now = time.monotonic()
        if (count := self._cases_short()) > 0:
            first = len(self._stock)
            self._start(
                lambda: self._platform.case_numbers(self._leases.job, first, count), self._take_cases,
                "gives no case number",
            )  # fmt: skip
        elif self._block_is_due() and now >= self._exhausted_until:
            self._start_lease()
        elif now - self._reported_at >= self._ahead.report_s and (block := self._moved_block()) is not None:
            self._start_report(block)
        elif self._pairs_due(now):
            self._start_pairs()
        elif now - self._said_at >= self._ahead.heartbeat_s:
            self._start_heartbeat()

    def _start_heartbeat(self) -> None:
        state = self._state()  # Here, not in the thread: the line's own thread alone reads what it changes.
        self._start(lambda: self._platform.heartbeat(self._leases.job, state), lambda _: self._heard(state))

    def _start(
        self, question: Callable[[], Any], then: Callable[[Any], None], verb: str = "refuses",
        refused: Callable[[PlatformRefuses], None] | None = None,
    ) -> None:  # fmt: skip
        def stop(refusal: PlatformRefuses) -> None:
            raise PlatformRefuses(f"The platform {verb}: {refusal}") from refusal

        self._said_at = time.monotonic()
        self._talk = (Talk(question), then, refused or stop)

    def _finish(self) -> None:
        if self._talk is None:
            return
        (talk, then, refused), self._talk = self._talk, None
        try:
            answer = talk.answer()
        except PlatformAway as away:
            self._away_until = time.monotonic() + self._ahead.retry_s
            self.away = str(away)
            self._say("platform-away", sentence=str(away))
        except PlatformRefuses as refusal:
            refused(refusal)
        else:
            self.away = None
            self._take(then, answer)

    def _take(self, then: Callable[[Any], None], answer: Any) -> None:
        """What the disk has no room for is asked again later: by its number it is the same."""
        try:
            then(answer)
        except OSError as error:
            self._away_until = time.monotonic() + self._ahead.retry_s
            self._say("disk-full", sentence=f"What the platform sent cannot be kept: {error.strerror}. Free the disk.")

    # Numbers ahead.

    def _passed(self) -> int:
        return self._serials.counts[Mark.PASSED] + self._serials.counts[Mark.SAMPLED]

    def _missing(self) -> int:
        """Items wanted and not leased, if every one that is leased passes."""
        if self._wanted is None:
            return 0
        balance = self._serials.balance()
        return self._wanted - self._passed() - balance.open

    def _block_is_due(self) -> bool:
        if len(self._leases) < self._leases.known:
            return True
        return self._missing() > 0 and self._serials.counts[Mark.RESERVED] < self._low_water()

    def _low_water(self) -> float:
        """Numbers that last `hours`, at the rate of this run once it has run for a minute."""
        seconds, passed = time.monotonic() - self._began, self._passed() - self._passed_before
        per_hour = passed * 3600 / seconds if seconds > 60 else self._ahead.per_hour
        return max(per_hour * self._ahead.hours, 1.0)

    def _start_lease(self) -> None:
        block, missing = len(self._leases), self._missing()
        count = 0 if block < self._leases.known else min(missing + missing // 50 + 1, LARGEST_BLOCK)
        self._start(
            lambda: self._platform.lease(self._leases.job, block, count), self._take_lease, "gives no block",
            self._no_block,
        )  # fmt: skip

    def _take_lease(self, lease: Lease) -> None:
        self._leases.keep(lease)
        self._journal.append(["RESERVED", lease.first, lease.end])
        self.exhausted = None
        self._say("leased", job=lease.job, first=lease.first, count=len(lease.serials))

    def _no_block(self, refusal: PlatformRefuses) -> None:
        """No reason to stop a line that still has numbers."""
        self.exhausted, self._exhausted_until = str(refusal), time.monotonic() + 60
        self._say("no-block", sentence=f"The platform gives no block: {refusal}")

    def _return_expired(self) -> None:
        for block, (low, high) in enumerate(self._serials.unsent):
            if low < high and self._leases.expired(block, self._now()):
                self._journal.append(["RETURNED", low, high])
                until = self._leases[block].expires_at
                sentence = (
                    f"The lease of {high - low} numbers ended on {until}; they went back, a new block is asked for."
                )
                self._say("expired", first=low, count=high - low, sentence=sentence)

    def _cases_short(self) -> int:
        serials = self._serials
        open_items = serials.counts[Mark.RESERVED] + len(serials.loose)
        used = len(serials.cases) + len(serials.packed) + len(serials.void_cases)
        return used - (-open_items // self._leases.pack_size) + SPARE_CASES - len(self._stock) if open_items else 0

    def _take_cases(self, numbers: list[CaseNumber]) -> None:
        self._stock += numbers
        write_whole(self._stock_path, [number.to_json() for number in self._stock])

    # Caps on bottles.

    def _pairs_due(self, now: float) -> bool:
        waiting = len(self._serials.caps) - self._pairs_told
        return waiting >= PAIRS_AT_ONCE or (waiting > 0 and now - self._said_at >= self._ahead.report_s)

    def _start_pairs(self) -> None:
        seen = list(islice(self._serials.caps.items(), self._pairs_told, self._pairs_told + PAIRS_AT_ONCE))
        self._start(
            lambda: self._platform.pair(self._leases.job, seen), lambda _: self._take_pairs(len(seen)),
            "refuses the pairs of caps and bottles",
        )  # fmt: skip

    def _take_pairs(self, count: int) -> None:
        self._pairs_told += count

    # Reports.

    def _moved_block(self) -> int | None:
        moved = self._journal.moved
        return min((block for block in moved if moved[block] > self._told.get(block, -1)), default=None)

    def _start_report(self, block: int) -> None:
        sequence = self._journal.sequence
        report: JSON = {
            "job": self._leases.job,
            "station": self._journal.station,
            "sequence": sequence,
            "head": self._journal.head.hex(),
            **fold(self._serials, block),
        }
        self._start(
            lambda: self._platform.report(self._leases.job, report),
            lambda answer: self._take_answer(block, sequence, answer), "refuses the report",
        )  # fmt: skip

    def _take_answer(self, block: int, sequence: int, answer: JSON) -> None:
        self._told[block] = sequence
        if self._moved_block() is None:
            self._reported_at = time.monotonic()
        self._say("reported", **answer)
        if answer["sequence"] > sequence:
            raise PlatformRefuses("The platform knows more of this job than its journal: an old copy was put back.")


def _stock(path: Path) -> list[CaseNumber]:
    """What is held of the job's case numbers; a damaged file is asked for again, and each is the same by its place."""
    try:
        numbers = [CaseNumber.from_json(number) for number in json.loads(path.read_text())]
        for number in numbers:
            gs1.sscc(number.sscc)  # Its check digit knows a changed one.
        return numbers
    except (FileNotFoundError, ValueError, TypeError, KeyError, AttributeError, BadRequest):
        return []
