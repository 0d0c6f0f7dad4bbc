"""Any interleaving of faults, blindness, network loss, deaths and refills: the books always add up to the paper.

The real station runs against a printer, a camera and an office of a few lines each; what was really printed and what
the office really heard are the model.
"""

import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from codegen import rangeset
from codegen.gs1 import make_sscc
from printer_jobs import record, seal
from printer_jobs.drivers.printer import Busy, Capabilities, Fault, ItemLabel, LinkLost, PrinterStatus
from printer_jobs.equipment import Sight
from printer_jobs.office import Ahead
from printer_jobs.platform import CaseNumber, Lease, PlatformAway, PlatformRefuses
from printer_jobs.reports import Story
from printer_jobs.serials import numbers
from printer_jobs.shift import Pace
from printer_jobs.station import Station

PREFIX, RUN, PACK = "HTTPS://ID.BRAND.CN/01/06901234567892/21/", 120, 4
PACE = Pace(window=6, look_s=0.0005, settle_s=0.002, patience_s=0.05)


class Killed(BaseException):
    """What no station catches."""


# What each kind of printer proves, by the strategy it is fed with (`printer_jobs/feeding.py`).
KINDS = {
    "drained": {"queue_readable": True},
    "index": {"queue_readable": True, "print_event": True, "event_identified": True, "resumable": True},
    "order": {"print_event": True},
    "blind": {},
}
NOTHING = dict.fromkeys(["queue_readable", "print_event", "event_identified", "resumable"], False)
ROOM = 3  # Of a printer that counts in order; it is busy then.


class Paper:
    """Printer and camera in one: every label is seen in the order it was printed, if at all.

    Only the drained kind prints items and cases on one roll; the others have a label printer beside them.
    """

    def __init__(self, kind):
        self.kind = kind
        known = NOTHING | KINDS[kind]
        self.capabilities = Capabilities(
            6, **known, longest_field=None, static_prefix=False, verified=True, documented=True, case_labels=True,
            one_order=kind == "drained",
        )  # fmt: skip
        self.printed, self.seen, self.buffer = [], [], []
        self.script, self.faults, self.linked = {}, frozenset(), False
        self.last, self.count, self.taken, self.started = 0, 0, 0, kind != "index"

    def connect(self):
        self._happens("connect")
        self._roll()
        self.linked = True
        if self.kind == "order":
            self.buffer = [one for one in self.buffer if not one[2]]
        self.count = self.taken = 0

    def begin(self):
        self.buffer, self.started = [], True

    def print(self, label):
        self._is_linked()
        is_item = isinstance(label, ItemLabel)
        if is_item and self.kind == "order" and sum(one[2] > 0 for one in self.buffer) >= ROOM:
            raise Busy
        text = label.code if is_item else f"(00){label.sscc}"
        fate = self._happens("print")
        if fate != "never arrives":
            self.buffer.append((text, fate, label.index if is_item else 0))
            self.taken += is_item
        if fate == "link breaks behind it":
            self.linked = False
            raise LinkLost("The printer's link broke.")

    def status(self):
        self._is_linked()
        self._roll()
        faults = self.faults if self.started else self.faults | {Fault.NOT_STARTED}
        match self.kind:
            case "index":
                return PrinterStatus(faults, len(self.buffer), upto=self.last)
            case "order":
                return PrinterStatus(faults, self.taken - self.count, printed=self.count)
            case "blind":
                return PrinterStatus(faults, None)
        return PrinterStatus(faults, len(self.buffer))

    def switched_off_and_on(self):
        """What waited is gone, and so is what the printer knew of it."""
        self.buffer, self.last, self.linked, self.started = [], 0, False, self.kind != "index"

    def close(self):
        self.linked = False

    def position(self):
        return len(self.seen)

    def look(self, after, timeout_s):
        self._roll()
        return [Sight(tag, texts) for tag, texts in enumerate(self.seen[after : after + 5], start=after + 1)]

    def keep(self, tag, why):
        pass

    def trouble(self):
        return None

    def resume(self, after):
        pass

    def allow(self, tag):
        self._happens("gate")

    def _roll(self):
        """The head prints whether anybody listens or not."""
        if self.faults or not self.started:
            return
        for text, fate, index in self.buffer:
            if fate != "lost":
                self.printed.append(text)
                self.seen.append(() if fate == "smudged" else (text,))
            if index:
                self.last, self.count = index, self.count + 1
        self.buffer = []

    def _is_linked(self):
        if not self.linked:
            raise LinkLost("The printer's link broke.")

    def _happens(self, point):
        left, fate = self.script.pop(point, (0, None))
        if left:
            self.script[point], fate = (left - 1, fate), None
        if fate == "killed":
            self.linked = False
            raise Killed
        if fate in ("link breaks", "never arrives"):
            self.linked = False
            raise LinkLost("The printer's link broke.")
        return fate


class Office:
    """Blocks of a run that never overlap; the story of each as it was last told."""

    def __init__(self):
        self.blocks, self.told, self.away, self.free = [], {}, 0, 3 << 36

    def lease(self, job, block=0, count=0):
        self._answers()
        if block == len(self.blocks):
            count = min(count or 10, (3 << 36) + RUN - self.free)
            if not count:
                raise PlatformRefuses("Run 1 has no free items; issue a run.")
            self.blocks.append((self.free, self.free + count))
            self.free += count
        low, high = self.blocks[block]
        serials = tuple(f"{item:020}" for item in range(low, high))
        known = len(self.blocks)
        return Lease(7, "line 1", low, PREFIX, serials, PACK, "id.brand.cn", "06901234567892", "茶", "", block, known)

    def case_numbers(self, job, first, count):
        self._answers()
        return [CaseNumber(make_sscc(3, "6901234", ordinal)) for ordinal in range(first, first + count)]

    def report(self, job, report):
        self._answers()
        before, now = self.told.get(report["block"], {}), Story.of(report)
        earlier = Story.of(before)
        assert not rangeset.without(earlier.commissioned, now.commissioned), "a product vanished from the story"
        assert not rangeset.without(earlier.returned, now.returned), "what was given back was taken again"
        assert earlier.packed.items() <= now.packed.items(), "a case changed"
        self.told[report["block"]] = report
        if self.away < 0:  # Heard, and the answer lost.
            self.away = 0
            raise PlatformAway("No answer.")
        return {"sequence": report["sequence"], "state": "running", "discrepancy": None}

    def heartbeat(self, job, state):
        self._answers()

    def _answers(self):
        if self.away > 0:
            self.away -= 1
            raise PlatformAway("No answer.")


class Line(RuleBasedStateMachine):
    @initialize(kind=st.sampled_from(sorted(KINDS)))
    def open(self, kind):
        self.folder = Path(tempfile.mkdtemp(prefix="line-"))
        self.paper, self.office, self.wanted, self.ended = Paper(kind), Office(), 0, None

    @rule(
        fate=st.sampled_from(["smudged", "lost", "never arrives", "link breaks behind it", "killed"]),
        after=st.integers(0, 8),
    )
    def a_label_meets(self, fate, after):
        self.paper.script["print"] = (after, fate)

    @rule(after=st.integers(0, 8))
    def the_station_dies_before_the_gate_hears(self, after):
        self.paper.script["gate"] = (after, "killed")

    @rule(fate=st.sampled_from(["killed", "link breaks"]))
    def nobody_answers_at_the_port(self, fate):
        self.paper.script["connect"] = (0, fate)

    @rule(answers=st.integers(-1, 6))
    def the_network_is_gone(self, answers):
        self.office.away = answers

    @rule()
    def the_power_of_the_printer_fails(self):
        self.paper.switched_off_and_on()

    @rule()
    def the_ribbon_runs_out(self):
        self.paper.faults = frozenset({Fault.RIBBON_OUT})

    @rule()
    def somebody_mends_the_printer(self):
        self.paper.faults = frozenset()

    @rule(more=st.integers(0, 15))
    def the_line_runs(self, more):
        self.wanted = min(self.wanted + more, RUN // 2)
        self.run(finish=False)

    def run(self, *, finish):
        station = Station(
            "line 1", platform=self.office, printer=self.paper, eye=self.paper, gate=self.paper, folder=self.folder,
            pace=PACE, ahead=Ahead(report_s=0.0, retry_s=0.001), seal=seal.open_seal(self.folder),
        )  # fmt: skip
        try:
            self.ended = station.run(7, wanted=self.wanted, finish=finish)
        except (Killed, PlatformAway):
            self.ended = None

    @invariant()
    def nothing_is_printed_twice(self):
        twice = [text for text, times in Counter(self.paper.printed).items() if times > 1]
        assert not twice

    @invariant()
    def the_journal_adds_up_and_the_office_is_not_ahead_of_it(self):
        if self.ended is None:
            return
        balance = self.ended.balance
        parts = (balance.commissioned, balance.scrapped, balance.void, balance.returned, balance.open)
        assert balance.leased == sum(parts)
        told = sum(rangeset.count(story["commissioned"]) for story in self.office.told.values())
        assert told <= balance.commissioned

    def teardown(self):
        """Left alone, the line comes to its end, and every number has one fate that the paper bears out."""
        self.paper.script, self.paper.faults, self.office.away = {}, frozenset(), 0
        for _ in range(20):
            self.run(finish=True)
            if self.ended and self.ended.stopped is None:
                break
        assert self.ended is not None
        assert self.ended.stopped is None
        times, stories = Counter(self.paper.printed), [Story.of(told) for told in self.office.told.values()]
        passed = [item for story in stories for item in numbers(story.commissioned)]
        back = [item for story in stories for item in numbers(story.returned)]
        gone = [
            item
            for story in stories
            for why in (story.scrapped, story.void)
            for r in why.values()
            for item in numbers(r)
        ]
        assert sorted(passed + back + gone) == list(range(3 << 36, self.office.free))
        assert all(times[f"{PREFIX}{item:020}"] == 1 for item in passed)
        assert not any(times[f"{PREFIX}{item:020}"] for item in back)
        assert sorted(item for story in stories for held in story.packed.values() for item in numbers(held)) == sorted(
            passed
        )
        account = record.audit(self.folder / "job-7.journal", [seal.read_public(self.folder / seal.PUBLIC_NAME)])
        assert account.discrepancy is None
        assert account.balance == self.ended.balance


TestLine = Line.TestCase
TestLine.settings = settings(
    max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
