"""One run of one job: what is sent, seen, packed and doubted between two looks at the camera.

The order that keeps P5: the journal says SENT before the first byte leaves; what a lost link or a killed
station leaves open is UNKNOWN, settled by the camera or void, and never sent again. The gate hears PASS
only after the journal has it. A fault lets nothing new leave; it stops the line when it lasts.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from codegen import rangeset
from printer_jobs.drivers.printer import REMEDY, CaseLabel, Fault, ItemLabel, LinkLost, Printer, PrinterStatus
from printer_jobs.equipment import Eye, Gate
from printer_jobs.inspection import Judgement, give_up, judge
from printer_jobs.journal import Journal
from printer_jobs.platform import JSON, Lease, Platform, PlatformAway, PlatformRefuses
from printer_jobs.serials import Mark, fold


@dataclass(frozen=True, slots=True)
class Pace:
    """How patient a line is.

    window: labels in the printer at once, None = as the driver advises. look_s: one look at the camera.
    settle_s: with an idle printer and nothing seen for so long, what is open will not come any more.
    patience_s: a fault, a lost link or a missing platform that lasts longer stops the line.
    """

    window: int | None = None
    look_s: float = 0.05
    settle_s: float = 1.0
    patience_s: float = 120.0
    reject_limit: int = 5


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened, for a screen: leased torn sent passed rejected unknown given-up case packed
    fault mended link-lost linked platform-away returned reported stopped."""

    kind: str
    facts: JSON


@dataclass(frozen=True, slots=True)
class Line:
    """What a line is made of; `on_step` hears each Step as it happens."""

    name: str
    platform: Platform
    printer: Printer
    eye: Eye
    gate: Gate
    pace: Pace
    on_step: Callable[[Step], object]


class LineStopped(Exception):
    """The line must not go on before a person has looked. The message tells that person what to do."""


class Shift:
    """One run of one job: the state between two looks at the camera."""

    def __init__(self, line: Line, lease: Lease, journal: Journal, wanted: int | None) -> None:
        self.line, self.lease, self.journal, self.pace = line, lease, journal, line.pace
        self.serials = journal.serials
        self.wanted = len(lease.serials) if wanted is None else wanted
        self.window = line.pace.window or line.printer.capabilities.queue
        self.settling = False  # until what an earlier link or run left open is settled, nothing new is sent
        self.faults: frozenset[Fault] = frozenset()
        self.rejects_in_a_row = 0
        self.quiet_since = self.well_since = time.monotonic()
        self.idle_since: float | None = None
        self.away_until = 0.0

    def work(self, finish: bool) -> str | None:
        """The sentence that stopped the line, None when the work is done."""
        sentence = None
        try:
            self._begin()
            while not self._done(finish):
                self._turn(finish)
            if finish:
                self._give_back()
        except LineStopped as stop:
            sentence = str(stop)
            self._say("stopped", sentence=sentence)
        try:
            self._report()  # Never after a journal that failed: it would tell of what no disk holds.
        except LineStopped as stop:
            sentence = str(stop)
            self._say("stopped", sentence=sentence)
        return sentence

    def _begin(self) -> None:
        if self.serials.next_reserved() == self.serials.first and not self.serials.last_tag:
            self.journal.append(["TAG", self.line.eye.position()])
        self._doubt()
        self._link()
        self._safely(self._ask_printer)

    def _turn(self, finish: bool) -> None:
        self._safely(lambda: self._pack(finish))
        self._safely(self._feed)
        if not self._look() and (self.serials.queue or self.faults):
            self._safely(self._ask_printer)

    def _done(self, finish: bool) -> bool:
        if self.serials.queue or self._to_send():
            return False
        return not self.serials.loose if finish else len(self.serials.loose) < self.lease.pack_size

    # Sending.

    def _to_send(self) -> int:
        """Numbers still to be sent: enough for what is wanted if every open one passes, and no more than there are."""
        on_the_way = sum(isinstance(entry, int) for entry in self.serials.queue)
        missing = self.wanted - self.serials.counts[Mark.PASSED] - self.serials.counts[Mark.SAMPLED] - on_the_way
        return max(0, min(missing, self.serials.counts[Mark.RESERVED]))

    def _feed(self) -> None:
        """Top the printer up by half windows, so that a block of numbers shares one fsync."""
        free = self.window - len(self.serials.queue)
        if self.settling or self.faults or free < max(1, self.window // 2):
            return
        low, count = self.serials.next_reserved(), min(free, self._to_send())
        if low is None or not count:
            return
        self.journal.append(["SENT", low, low + count])
        for item in range(low, low + count):
            self.line.printer.print(ItemLabel(self.lease.code(item), self.lease.name, self.lease.note))
        self._say("sent", first=low, count=count)
        self._stir()

    def _pack(self, finish: bool) -> None:
        """A label for every full case; at the end one for a short case."""
        last = finish and not self._to_send() and not self.serials.queue
        while len(self.serials.loose) >= self.lease.pack_size or (last and self.serials.loose):
            if self.settling or self.faults or not self._label_case(self.serials.loose[: self.lease.pack_size]):
                return

    def _label_case(self, items: list[int]) -> bool:
        ordinal = len(self.serials.cases) + len(self.serials.packed) + len(self.serials.void_cases)
        sscc = self._ask_platform(lambda: self.line.platform.new_sscc(self.lease.job, ordinal))
        if sscc is None:
            return False
        self.journal.append(["CASE", sscc, rangeset.of(items)])
        self._say("case", sscc=sscc, count=len(items))
        self.line.printer.print(CaseLabel(sscc, self.lease.host, self.lease.name, self.lease.gtin, len(items)))
        self._stir()
        return True

    def _give_back(self) -> None:
        low = self.serials.next_reserved()
        if low is not None:
            self.journal.append(["RETURNED", low, self.serials.end])
            self._say("returned", first=low, count=self.serials.end - low)

    # Seeing.

    def _look(self) -> bool:
        sights = self.line.eye.look(self.serials.last_tag, self.pace.look_s)
        judgements: list[tuple[int, Judgement]] = []
        with self.journal.block():  # What one look saw shares one fsync.
            for sight in sights:
                judgement = judge(self.serials, self.lease, sight)
                for record in judgement.records:
                    self.journal.add(record)
                judgements.append((sight.tag, judgement))
                if judgement.stop:
                    break  # The rest is looked at again when a person has been here.
        for tag, judgement in judgements:
            self._act(tag, judgement)
        if sights:
            self._stir()
            self.well_since = self.quiet_since
            self.settling = self.settling and bool(self.serials.queue)
        return bool(sights)

    def _act(self, tag: int, judgement: Judgement) -> None:
        facts = {"tag": tag, "verdict": judgement.verdict, "item": judgement.item, "sscc": judgement.sscc}
        if judgement.passes:
            self.line.gate.allow(tag)
            self.rejects_in_a_row = 0
            self._say("packed" if judgement.sscc else "passed", **facts)
        else:
            self.rejects_in_a_row += 1
            self._say("rejected", **facts)
        if judgement.sscc and judgement.passes:
            self._report()
        if judgement.stop:
            raise LineStopped(f"{judgement.stop}. Take the label off the line, find out why, then start again.")
        self._stop_if_all_fail()

    def _stop_if_all_fail(self) -> None:
        if self.rejects_in_a_row >= self.pace.reject_limit:
            count = self.rejects_in_a_row
            raise LineStopped(f"{count} labels in a row failed. Check print quality and camera, then start again.")

    # The printer's word.

    def _ask_printer(self) -> None:
        status, now = self.line.printer.status(), time.monotonic()
        if status.faults:
            self._bear(status, now)
            return
        if self.faults:
            self._say("mended")
            self.faults = frozenset()
            self._stir()
        self.well_since = now
        if self._is_over(status, now):
            self._settle(status)
        elif now - self.quiet_since > self.pace.patience_s:
            raise LineStopped(f"The printer holds {status.waiting} labels and prints none. Check it, then start again.")

    def _is_over(self, status: PrinterStatus, now: float) -> bool:
        """Idle for settle_s, with looks in between that saw nothing: a label may leave the head after a look
        and before the printer's answer, so the first idle answer proves nothing about what was not seen."""
        if not self.line.printer.capabilities.queue_readable:
            return now - self.quiet_since >= self.pace.settle_s
        if not status.idle:
            self.idle_since = None
            return False
        self.idle_since = now if self.idle_since is None else self.idle_since
        return now - self.idle_since >= self.pace.settle_s

    def _stir(self) -> None:
        """Something moved: the wait for what may still come begins anew."""
        self.quiet_since, self.idle_since = time.monotonic(), None

    def _bear(self, status: PrinterStatus, now: float) -> None:
        if status.faults != self.faults:
            self._say("fault", faults=sorted(status.faults))
        self.faults, self.idle_since = status.faults, None
        if now - self.well_since > self.pace.patience_s:
            worst = min(status.faults, key=list(Fault).index)
            raise LineStopped(f"Printer fault {worst}: {REMEDY[worst]}, then start again.")

    def _settle(self, status: PrinterStatus) -> None:
        """The printer is idle and the camera has seen nothing for long enough: what is open will not come."""
        expected = status.idle and not self.settling
        with self.journal.block():
            if expected:  # Sent on this link and no longer waiting: printed, on its word.
                for low, high in self.serials.ranges(Mark.SENT):
                    self.journal.add(["PRINTED", low, high])
            given_up = len(self.serials.queue)
            records = give_up(self.serials, list(self.serials.queue))
            for record in records:
                self.journal.add(record)
        if records:
            self._say("given-up", records=[list(record) for record in records])
        self.settling = False
        if expected:  # A blind camera must not cost the whole lease.
            self.rejects_in_a_row += given_up
            self._stop_if_all_fail()

    # The links.

    def _safely(self, action: Callable[[], None]) -> None:
        try:
            action()
        except LinkLost as lost:
            self._say("link-lost", sentence=str(lost))
            self._doubt()
            if time.monotonic() - self.well_since > self.pace.patience_s:
                raise LineStopped(f"{lost} It keeps happening: check the cable, then start again.") from lost
            self._link()

    def _doubt(self) -> None:
        """What was sent and not confirmed is unknown from now on; the camera decides, or time does."""
        doubtful = self.serials.ranges(Mark.SENT, Mark.PRINTED)
        if doubtful:
            self.journal.append(*(["UNKNOWN", low, high] for low, high in doubtful))
            self._say("unknown", ranges=doubtful)
        self.settling = bool(self.serials.queue)
        self._stir()

    def _link(self) -> None:
        deadline = time.monotonic() + self.pace.patience_s
        while True:
            try:
                self.line.printer.connect()
            except LinkLost as lost:
                if time.monotonic() >= deadline:
                    raise LineStopped(f"{lost} Check its power and cable, then start again.") from lost
                time.sleep(min(0.2, self.pace.settle_s))
            else:
                self._say("linked")
                return

    def _ask_platform(self, question: Callable[[], str]) -> str | None:
        """None while it is away; the line goes on and asks again in a while, up to the line's patience at the end."""
        now = time.monotonic()
        if now < self.away_until:
            return None
        try:
            return question()
        except PlatformRefuses as refusal:
            raise LineStopped(f"The platform gives no case number: {refusal}") from refusal
        except PlatformAway as away:
            self._say("platform-away", sentence=str(away))
            self.away_until = now + self.pace.settle_s
            if not self.serials.queue and not self._to_send() and now - self.quiet_since > self.pace.patience_s:
                waiting = len(self.serials.loose)
                raise LineStopped(f"{waiting} items wait for a case number: {away} Then start again.") from away
            return None

    def _report(self) -> None:
        report: dict[str, Any] = {
            "job": self.lease.job,
            "station": self.line.name,
            "sequence": self.journal.sequence,
            "head": self.journal.head.hex(),
            **fold(self.serials),
        }
        try:
            answer = self.line.platform.report(self.lease.job, report)
        except PlatformAway as away:
            self._say("platform-away", sentence=str(away))
        except PlatformRefuses as refusal:
            raise LineStopped(f"The platform refuses the report: {refusal}") from refusal
        else:
            self._say("reported", **answer)
            if answer["sequence"] > self.journal.sequence:
                raise LineStopped("The platform knows more of this job than its journal: an old copy was put back.")

    def _say(self, kind: str, **facts: object) -> None:
        self.line.on_step(Step(kind, facts))
