"""The station with its eye and its gate: poor labels are scrapped, pictures kept, and nothing is printed blind."""

import threading
from dataclasses import replace

import pytest

from printer_jobs.equipment import FolderEye, RejectShelf, Trouble
from printer_jobs.examiner import Optics
from printer_jobs.gates import PlcGate
from printer_jobs.virtual.belt import BeltEye, VirtualGate
from printer_jobs.virtual.plc import TO_GATE, VirtualPlc
from tests.printer_jobs.factory import QUICK, Floor


@pytest.fixture
def floor(tmp_path):
    with Floor(tmp_path, count=40, pack_size=12) as made:
        yield made


class Fading(BeltEye):
    """From the tenth label on the print head loses a grade every other label."""

    def look(self, after, timeout_s):
        return [
            replace(one, grade=4.0 if one.tag < 10 or one.tag % 2 else 1.0) for one in super().look(after, timeout_s)
        ]


def test_a_label_that_reads_and_is_poor_is_scrapped_and_its_number_never_ships(floor):
    floor.pace = replace(QUICK, lowest_grade=1.5)
    eye = Fading(floor.printer)
    summary = floor.station(eye=eye).run(7)
    assert summary.stopped is None
    assert floor.verdicts()["LOW_GRADE"] == summary.scrapped > 5
    assert summary.balance.proven
    (told,) = [one for one in floor.report()["scrapped"] if one["why"] == "printed too poorly"]
    assert sum(high - low for low, high in told["items"]) == summary.scrapped
    assert {why for _, why in eye.kept} == {"LOW_GRADE"}
    assert not any(floor.gate.lets_through(tag) for tag, _ in eye.kept)


def test_without_a_lowest_grade_whatever_reads_passes(floor):
    summary = floor.station(eye=Fading(floor.printer)).run(7)
    assert (summary.scrapped, summary.passed) == (0, 40)


def test_pictures_of_rejects_are_kept_from_a_folder_too(floor, tmp_path):
    floor.mishaps.smudged = {5, 9}
    shelf = RejectShelf(tmp_path / "rejects")
    eye = FolderEye(tmp_path / "pictures", optics=Optics(module_px=4), shelf=shelf)
    summary = floor.station(eye=eye).run(7)
    assert summary.stopped is None
    assert [path.name for path in sorted(shelf.folder.iterdir())] == [
        "reject-00000005-NOREAD.png",
        "reject-00000009-NOREAD.png",
    ]


class Blinking(BeltEye):
    """A camera that goes away at the tenth label, for a while."""

    away = False
    looks = 0

    def look(self, after, timeout_s):
        self.looks += 1
        self.away = after >= 10 and self.looks < 60
        return [] if self.away else super().look(after, timeout_s)

    def trouble(self):
        return Trouble("The camera does not answer; look at its cable.") if self.away else None


def test_a_camera_that_is_away_stops_what_is_printed_and_the_line_goes_on_with_it(floor):
    floor.mishaps.delay_s = 0.01
    summary = floor.station(eye=Blinking(floor.printer), pace=replace(QUICK, settle_s=3.0)).run(7)
    assert summary.stopped is None
    assert summary.balance.proven
    kinds = floor.kinds()
    assert kinds.index("equipment-away") < kinds.index("equipment-back")
    between = kinds[kinds.index("equipment-away") : kinds.index("equipment-back")]
    assert "sent" not in between, "nothing new leaves while nobody looks"


def test_one_that_stays_away_stops_the_line_in_a_sentence(floor):
    class Gone(BeltEye):
        def trouble(self):
            return Trouble("The camera does not answer; look at its cable.")

    summary = floor.station(eye=Gone(floor.printer), pace=replace(QUICK, patience_s=0.3)).run(7)
    assert summary.stopped == "The camera does not answer; look at its cable."
    (stopped,) = [step for step in floor.steps if step.kind == "stopped"]
    assert stopped.facts["why"] == "EQUIPMENT"


def test_a_gate_that_lies_stops_the_line_at_once(floor):
    class Liar(VirtualGate):
        def trouble(self):
            return Trouble("The gate let label 3 through without a PASS; take it off and check the gate.", stops=True)

    summary = floor.station(gate=Liar()).run(7)
    assert "without a PASS" in summary.stopped
    assert floor.steps[-1].facts["why"] == "GATE"


def test_a_whole_line_with_a_gate_of_wire_ships_what_passed_and_nothing_else(floor):
    floor.mishaps.smudged = {4}
    plc = VirtualPlc()
    gate = PlcGate("127.0.0.1", plc.port, "line 1")
    deadline = threading.Event()
    while not gate.connected:
        deadline.wait(0.01)

    class Watched(BeltEye):
        """The photocell before the camera triggers for each label that comes."""

        def look(self, after, timeout_s):
            found = super().look(after, timeout_s)
            for one in found:
                plc.trigger(one.tag)
            return found

    summary = floor.station(eye=Watched(floor.printer), gate=gate).run(7)
    while gate.books.triggers < 44:
        deadline.wait(0.01)
    while len([line for line in plc.heard if line.startswith("PASS ")]) < summary.passed + len(summary.cases):
        deadline.wait(0.01)
    plc.advance(TO_GATE)
    assert plc.rejected == [4]
    assert len(plc.shipped) == summary.passed + len(summary.cases)
    gate.close()
    plc.close()


def test_the_operator_stops_the_line_and_it_goes_on_where_it_was(floor):
    floor.mishaps.delay_s = 0.01
    halt = threading.Event()
    floor.on_step = lambda step: (floor.steps.append(step), halt.set() if len(floor.steps) == 15 else None)
    first = floor.station(halted=halt.is_set).run(7)
    assert first.stopped == "The operator stopped the line."
    halt.clear()
    floor.on_step = floor.steps.append
    second = floor.station(halted=halt.is_set).run(7)
    assert (second.stopped, second.balance.proven) == (None, True)
    assert floor.printed_twice() == []
