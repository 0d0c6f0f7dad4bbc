"""One run of one job: what is sent, seen, packed and doubted between two looks at the camera.

The order that keeps P5: the journal says SENT before the first byte leaves; what a lost link or a killed
station leaves open is UNKNOWN, settled by the camera or void, and never sent again. The gate hears PASS
only after the journal has it. A fault lets nothing new leave; it stops the line when it lasts.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from codegen import rangeset
from printer_jobs.drivers.printer import REMEDY, CaseLabel, Fault, LabelRefused, LinkLost, Printer, PrinterStatus
from printer_jobs.equipment import Eye, Gate, Sight
from printer_jobs.feeding import Feeding
from printer_jobs.inspection import Judgement, give_up, judge
from printer_jobs.journal import Journal
from printer_jobs.leases import Leases
from printer_jobs.minutes import RunMinutes
from printer_jobs.office import Ahead, Office
from printer_jobs.platform import JSON, Platform, PlatformRefuses
from printer_jobs.serials import Mark

MOST_AT_ONCE = 16  # Numbers that share an fsync; a link that breaks among them costs the rest of the block.


@dataclass(frozen=True, slots=True)
class Pace:
    """How patient a line is.

    window: labels in the printer at once, None = as the driver advises. look_s: one look at the camera.
    settle_s: with an idle printer and nothing seen for so long, what is open will not come any more.
    patience_s: a fault, a lost link or a missing platform that lasts longer stops the line.
    lowest_grade: of an item's label, 4 (A) to 0 (F); a poorer one is scrapped. None: whatever reads passes.
    """

    window: int | None = None
    look_s: float = 0.05
    settle_s: float = 1.0
    patience_s: float = 120.0
    reject_limit: int = 5
    lowest_grade: float | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened, for a screen: leased torn sent passed rejected unknown given-up case packed
    equipment-away equipment-back fault mended link-lost linked platform-away no-block disk-full expired returned
    reported stopped."""

    kind: str
    facts: JSON


@dataclass(frozen=True, slots=True)
class Line:
    """What a line is made of; `on_step` hears each Step as it happens. halted: whether the operator wants a stop."""

    name: str
    platform: Platform
    printer: Printer
    eye: Eye
    gate: Gate
    pace: Pace
    on_step: Callable[[Step], object]
    halted: Callable[[], bool] = lambda: False


class LineStopped(Exception):
    """The line must not go on before a person has looked. The message tells that person what to do.

    why: a word of `advice.STOPS`, for screens in another language.
    """

    def __init__(self, sentence: str, why: str) -> None:
        super().__init__(sentence)
        self.why = why


class Shift:
    """One run of one job: the state between two looks at the camera."""

    def __init__(
        self,
        line: Line,
        leases: Leases,
        journal: Journal,
        folder: Path,
        wanted: int | None,
        ahead: Ahead,
        now: Callable[[], datetime],
    ) -> None:
        self.line, self.leases, self.journal, self.pace = line, leases, journal, line.pace
        self.serials, self.wanted = journal.serials, wanted
        self.feeding = Feeding(line.printer, leases)
        self.office = Office(
            line.platform, leases, journal, folder=folder, wanted=wanted, ahead=ahead,
            say=self._say, state=self.state, heard=self._heard, now=now,
        )  # fmt: skip
        self.minutes = RunMinutes(now())
        self.now = now
        self.rejects = 0
        self.stopped: str | None = None
        self.window = line.pace.window or line.printer.capabilities.queue
        self.settling = False  # until what an earlier link or run left open is settled, nothing new is sent
        self.faults: frozenset[Fault] = frozenset()
        self.rejects_in_a_row = self.losses_in_a_row = 0
        self.quiet_since = self.well_since = time.monotonic()
        self.idle_since: float | None = None
        self.blind_since: float | None = None  # camera or gate away: nothing new is printed

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
            sentence = self.stopped = str(stop)
            self._say("stopped", sentence=sentence, why=stop.why)
        try:
            self.journal.sign()
            self._with_platform(
                self.office.tell
            )  # Never after a journal that failed: no disk holds what it would tell.
        except LineStopped as stop:
            sentence = str(stop)
            self._say("stopped", sentence=sentence, why=stop.why)
        return sentence

    def state(self) -> JSON:
        """How the line is, for screens far away."""
        balance = self.serials.balance()
        return {
            "passed": balance.commissioned + balance.sampled,
            "rejected": self.rejects,
            "reserved": self.serials.counts[Mark.RESERVED],
            "faults": sorted(self.faults),
            "stopped": self.stopped,
            "minutes": self.minutes.waiting(),
        }

    def _heard(self, state: JSON) -> None:
        """The platform has this sign of life."""
        self.minutes.heard(state["minutes"])

    def _begin(self) -> None:
        self._with_platform(self.office.open)
        if self.serials.next_reserved() == self.serials.first and not self.serials.last_tag:
            self.journal.append(["TAG", self.line.eye.position()])
        self._relink(begin=not self.serials.queue)
        self._safely(self._ask_printer)

    def _turn(self, finish: bool) -> None:
        if self.line.halted():
            raise LineStopped("The operator stopped the line.", "OPERATOR")
        self._with_platform(self.office.turn)
        self._watch_equipment()
        self._safely(lambda: self._pack(finish))
        self._safely(self._feed)
        if not self._look() and (self.serials.queue or self.faults):
            self._safely(self._ask_printer)

    def _done(self, finish: bool) -> bool:
        if self.serials.queue or self._to_send() or self._awaits_block():
            return False
        return not self.serials.loose if finish else len(self.serials.loose) < self.leases.pack_size

    def _watch_equipment(self) -> None:
        """A camera that shows nothing and a gate that is silent are borne for a while; a gate that lies is not."""
        trouble = self.line.eye.trouble() or self.line.gate.trouble()
        if trouble is None:
            if self.blind_since is not None:
                self._say("equipment-back")
            self.blind_since = None
            return
        now = time.monotonic()
        if self.blind_since is None:
            self._say("equipment-away", sentence=trouble.sentence)
            self.blind_since = now
        if trouble.stops or now - self.blind_since > self.pace.patience_s:
            raise LineStopped(trouble.sentence, trouble.why if trouble.stops else "EQUIPMENT")

    # Sending.

    def _to_send(self) -> int:
        """Numbers still to be sent: enough for what is wanted if every open one passes, and no more than there are."""
        if self.wanted is None:
            return self.serials.counts[Mark.RESERVED]
        on_the_way = sum(isinstance(entry, int) for entry in self.serials.queue)
        missing = self.wanted - self.serials.counts[Mark.PASSED] - self.serials.counts[Mark.SAMPLED] - on_the_way
        return max(0, min(missing, self.serials.counts[Mark.RESERVED]))

    def _feed(self) -> None:
        """Top the printer up by half windows, so that a block of numbers shares one fsync."""
        if not self.faults:
            self.feeding.push()
        free = self.window - len(self.serials.queue)
        if self.settling or self.faults or self.blind_since is not None or free < max(1, self.window // 2):
            return
        unsent, count = self.serials.next_unsent(), min(free, self._to_send(), MOST_AT_ONCE)
        if unsent is None or not count:
            return
        low, count = unsent[0], min(count, unsent[1] - unsent[0])
        self.journal.append(["SENT", low, low + count])
        self.feeding.offer(range(low, low + count))
        self._say("sent", first=low, count=count, left=self.serials.counts[Mark.RESERVED])
        self._stir()

    def _pack(self, finish: bool) -> None:
        """A label for every full case; at the end one for a short case."""
        last = finish and not (self._to_send() or self.serials.queue or self.office.more_to_come())
        while len(self.serials.loose) >= self.leases.pack_size or (last and self.serials.loose):
            if self.settling or self.faults or not self._label_case(self.serials.loose[: self.leases.pack_size]):
                return

    def _label_case(self, items: list[int]) -> bool:
        ordinal = len(self.serials.cases) + len(self.serials.packed) + len(self.serials.void_cases)
        number = self.office.case_number(ordinal)
        if number is None:
            self._bear_no_platform(f"{len(self.serials.loose)} items wait for a case number")
            return False
        self.journal.append(["CASE", number.sscc, rangeset.of(items)])
        self._say("case", sscc=number.sscc, count=len(items))
        about = self.leases
        self.line.printer.print(CaseLabel(number.sscc, about.host, about.name, about.gtin, len(items), number.digsig))
        self._stir()
        return True

    def _give_back(self) -> None:
        for low, high in [left for left in self.serials.unsent if left[0] < left[1]]:
            self.journal.append(["RETURNED", low, high])
            self._say("returned", first=low, count=high - low)

    # Seeing.

    def _look(self) -> bool:
        sights = self.line.eye.look(self.serials.last_tag, self.pace.look_s)
        judgements: list[tuple[Sight, Judgement]] = []
        with self.journal.block():  # What one look saw shares one fsync.
            for sight in sights:
                judgement = self._judged(sight)
                for record in judgement.records:
                    self.journal.add(record)
                judgements.append((sight, judgement))
                if judgement.stop:
                    break  # The rest is looked at again when a person has been here.
        for sight, judgement in judgements:
            self._act(sight, judgement)
        if sights:
            self._stir()
            self.well_since = self.quiet_since
            self.settling = self.settling and bool(self.serials.queue)
            self.losses_in_a_row = 0
        return bool(sights)

    def _judged(self, sight: Sight) -> Judgement:
        one_order = self.line.printer.capabilities.one_order
        return judge(self.serials, self.leases, sight, one_order=one_order, lowest=self.pace.lowest_grade)

    def _act(self, sight: Sight, judgement: Judgement) -> None:
        facts = {"tag": sight.tag, "verdict": judgement.verdict, "item": judgement.item, "sscc": judgement.sscc}
        facts |= {"grade": sight.grade, "frame": sight.fault}
        self.minutes.count(self.now(), passed=judgement.passes, grade=sight.grade)
        if judgement.passes:
            self.line.gate.allow(sight.at_gate)
            self.rejects_in_a_row = 0
            self._say("packed" if judgement.sscc else "passed", **facts)
        else:
            self.rejects_in_a_row += 1
            self.rejects += 1
            self.line.eye.keep(sight.tag, judgement.verdict)
            self._say("rejected", **facts)
        if judgement.stop:
            raise LineStopped(
                f"{judgement.stop}. Take the label off the line, find out why, then start again.", judgement.verdict
            )
        self._stop_if_all_fail()

    def _stop_if_all_fail(self) -> None:
        if self.rejects_in_a_row >= self.pace.reject_limit:
            count = self.rejects_in_a_row
            sentence = f"{count} labels in a row failed. Check print quality and camera, then start again."
            raise LineStopped(sentence, "REJECTS")

    # The printer's word.

    def _ask_printer(self) -> None:
        status, now = self.line.printer.status(), time.monotonic()
        self._believe(status)
        if Fault.NOT_STARTED in status.faults and status.waiting == 0:
            self.line.printer.begin()  # Off and on again: it holds nothing, so nothing can be lost or repeated.
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
            sentence = f"The printer holds {status.waiting} labels and prints none. Check it, then start again."
            raise LineStopped(sentence, "STUCK")

    def _believe(self, status: PrinterStatus) -> None:
        """Write down what the printer says of labels it took on this link."""
        printed = [item for item in self.feeding.proven(status) if self.serials.mark(item) is Mark.SENT]
        dropped = [item for item in self.feeding.dropped(status) if self.serials.mark(item) is Mark.SENT]
        records = [["PRINTED", low, high] for low, high in rangeset.of(printed)]
        records += [["VOID", low, high, "dropped by the printer"] for low, high in rangeset.of(dropped)]
        if records:
            self.journal.append(*records)
            self.quiet_since = time.monotonic()
        if Fault.REPEATED in status.faults:
            sentence = f"The printer printed a code again: {REMEDY[Fault.REPEATED]}, then start again."
            raise LineStopped(sentence, "REPEATED")

    def _is_over(self, status: PrinterStatus, now: float) -> bool:
        """Idle for settle_s, with looks in between that saw nothing: a label may leave the head after a look
        and before the printer's answer, so the first idle answer proves nothing about what was not seen."""
        if self.feeding.held:
            return False
        if status.waiting is None:
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
            raise LineStopped(f"Printer fault {worst}: {REMEDY[worst]}, then start again.", worst)

    def _settle(self, status: PrinterStatus) -> None:
        """The printer is idle and the camera has seen nothing for long enough: what is open will not come."""
        expected = not self.settling
        with self.journal.block():
            if expected and status.idle:  # Sent on this link and no longer waiting: printed, on its word.
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
            self.feeding.renew()
            self.losses_in_a_row += bool(self.serials.queue)  # Each one may cost numbers.
            if self.losses_in_a_row > self.pace.reject_limit:
                raise LineStopped(
                    f"{lost} It keeps happening and nothing is printed: check the printer's settings"
                    " and cable, then start again.",
                    "LINK",
                ) from lost
            if time.monotonic() - self.well_since > self.pace.patience_s:
                raise LineStopped(f"{lost} It keeps happening: check the cable, then start again.", "LINK") from lost
            self._relink(begin=False)
        except LabelRefused as refusal:
            raise LineStopped(f"{refusal} Then start again.", "LABEL") from refusal

    def _relink(self, *, begin: bool) -> None:
        """A new link. What a printer cannot tell by its own index is unknown as soon as the old one is gone."""
        if not self.line.printer.capabilities.resumable:
            self._doubt()
        self._link(begin)

    def _doubt(self) -> None:
        """What was sent and not confirmed is unknown from now on; the camera decides, or time does."""
        doubtful = self.serials.ranges(Mark.SENT, Mark.PRINTED)
        if doubtful:
            self.journal.append(*(["UNKNOWN", low, high] for low, high in doubtful))
            self._say("unknown", ranges=doubtful)
        self.settling = bool(self.serials.queue)
        self._stir()

    def _take_stock(self) -> None:
        """Ask a printer that knows our index what it printed and what it still holds; the rest is unknown."""
        open_ = self.serials.ranges(Mark.SENT)
        standing = self.feeding.standing(self.line.printer.status(), open_)
        records = [["PRINTED", low, high] for low, high in standing.printed]
        records += [["UNKNOWN", low, high] for low, high in standing.doubtful]
        if records:
            self.journal.append(*records)
        if standing.doubtful:
            self._say("unknown", ranges=standing.doubtful)
        self.settling = bool(self.serials.ranges(Mark.UNKNOWN) or self.serials.cases)
        self._stir()

    def _link(self, begin: bool) -> None:
        deadline = time.monotonic() + self.pace.patience_s
        while True:
            try:
                self.line.printer.connect()
                self.feeding.renew()
                if begin:
                    self.line.printer.begin()
                elif self.line.printer.capabilities.resumable:
                    self._take_stock()
                self.line.printer.status()  # One that cannot be understood is fed nothing.
            except LinkLost as lost:
                if time.monotonic() >= deadline:
                    raise LineStopped(f"{lost} Check its power and cable, then start again.", "LINK") from lost
                time.sleep(min(0.2, self.pace.settle_s))
            except LabelRefused as refusal:
                raise LineStopped(f"{refusal} Then start again.", "LABEL") from refusal
            else:
                self._say("linked")
                return

    def _awaits_block(self) -> bool:
        """Whether numbers are missing that the platform may still give; a line that waits too long stops."""
        if self.wanted is None and self.serials.counts[Mark.RESERVED]:
            return False
        if self.office.more_to_come():
            self._bear_no_platform("All numbers are used up")
            return True
        return False

    def _bear_no_platform(self, waits: str) -> None:
        quiet = not self.serials.queue and not self._to_send()
        if quiet and time.monotonic() - self.quiet_since > self.pace.patience_s:
            excuse = self.office.away or "The platform is slow."
            raise LineStopped(f"{waits}: {excuse} Check the network, then start again.", "NO_NUMBERS")

    def _with_platform(self, action: Callable[[], None]) -> None:
        try:
            action()
        except PlatformRefuses as refusal:
            raise LineStopped(str(refusal), "PLATFORM") from refusal

    def _say(self, kind: str, **facts: object) -> None:
        self.line.on_step(Step(kind, facts))
