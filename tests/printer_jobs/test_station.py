"""The line as its operator lives it: a case of bottles, and everything that goes wrong on a Monday."""

import subprocess
import sys
import threading
from dataclasses import replace

import pytest

from printer_jobs.drivers.printer import Fault, ItemLabel
from printer_jobs.drivers.zpl import format_of
from printer_jobs.journal import JournalBusy
from printer_jobs.platform import Lease, PlatformAway
from printer_jobs.serials import numbers
from printer_jobs.virtual.belt import BeltEye
from tests.printer_jobs.factory import FIRST, JOB, QUICK, Floor


@pytest.fixture
def floor(tmp_path):
    with Floor(tmp_path) as floor:
        yield floor


def later(delay_s, action):
    timer = threading.Timer(delay_s, action)
    timer.daemon = True
    timer.start()


def on_step(floor, kind, action, *, times=1):
    """Do something the first `times` times a step of that kind is heard."""
    left = [times]

    def hear(step):
        floor.steps.append(step)
        if step.kind == kind and left[0]:
            left[0] -= 1
            action(step)

    floor.on_step = hear


def test_twenty_four_bottles_one_smudged_make_a_case_with_a_read_back_label(floor):
    floor.mishaps.smudged = {10}
    summary = floor.run(24)
    assert summary.stopped is None
    assert (summary.passed, summary.scrapped, summary.void, summary.returned) == (24, 1, 0, 5)
    assert summary.balance.proven
    report = floor.report()
    assert report["scrapped"] == [{"why": "unreadable", "items": [[FIRST + 9, FIRST + 10]]}]
    assert report["packed"] == [{"sscc": summary.cases[0], "items": [[FIRST, FIRST + 9], [FIRST + 10, FIRST + 25]]}]
    assert floor.printer.texts[-1] == f"(00){summary.cases[0]}"
    assert floor.verdicts() == {"PASS": 24, "NOREAD": 1, "CASE": 1}


def test_the_gate_rejects_what_it_was_not_told_to_let_through(floor):
    floor.mishaps.smudged = {2}
    floor.run(3)
    assert [floor.gate.lets_through(tag) for tag in (1, 2, 3, 4)] == [True, False, True, True]


def test_a_label_that_never_came_is_void_and_not_sent_again(floor):
    floor.mishaps.lost = {5}
    summary = floor.run(24)
    assert (summary.passed, summary.void, summary.scrapped) == (24, 1, 0)
    assert floor.report()["void"] == [{"why": "never seen", "items": [[FIRST + 4, FIRST + 5]]}]
    assert not floor.printed_twice()


def test_the_last_label_lost_is_given_up_on_the_printers_word(tmp_path):
    with Floor(tmp_path, count=4) as floor:
        floor.mishaps.lost = {4}
        summary = floor.run(None)
    assert (summary.passed, summary.void) == (3, 1)
    assert summary.balance.proven


def test_a_smudged_and_a_lost_label_side_by_side_are_told_apart_by_number(floor):
    floor.mishaps.smudged, floor.mishaps.lost = {3}, {4}
    summary = floor.run(24)
    assert (summary.scrapped, summary.void) == (1, 1)
    assert summary.balance.proven


def test_an_unreadable_case_label_is_replaced_by_one_with_another_number(floor):
    floor.mishaps.smudged = {25}
    summary = floor.run(24)
    assert len(summary.cases) == 1
    assert floor.report()["void_cases"] != list(summary.cases)
    assert len(floor.report()["void_cases"]) == 1
    assert summary.balance.proven


def test_the_end_of_a_lease_is_a_short_case(tmp_path):
    with Floor(tmp_path, count=10, pack_size=4) as floor:
        summary = floor.run(None)
        sizes = [len(numbers(case["items"])) for case in floor.report()["packed"]]
    assert sizes == [4, 4, 2]
    assert (summary.passed, summary.returned, summary.balance.proven) == (10, 0, True)


def test_a_pause_keeps_the_lease_and_the_next_run_goes_on(floor):
    first = floor.run(5, finish=False)
    assert (first.passed, first.returned, first.balance.open) == (5, 0, 25)
    second = floor.run(24)
    assert (second.passed, second.returned, second.balance.proven) == (24, 6, True)
    assert not floor.printed_twice()
    assert floor.run(24).balance == second.balance


def test_an_empty_roll_holds_the_line_until_it_is_filled(floor):
    floor.mishaps.paper_out_after = 6
    on_step(floor, "fault", lambda step: later(0.3, floor.printer.repair))
    summary = floor.run(24)
    assert (summary.passed, summary.void, summary.stopped) == (24, 0, None)
    faults = [step.facts["faults"] for step in floor.steps if step.kind == "fault"]
    assert faults == [[Fault.PAPER_OUT]]
    assert "mended" in floor.kinds()


def test_silence_with_the_head_open_is_a_fault_and_nothing_is_given_up(floor):
    floor.mishaps.silent_when_faulty = floor.mishaps.dumb_when_faulty = True
    on_step(floor, "passed", lambda step: floor.printer.open_head())
    later(1.5, floor.printer.repair)
    summary = floor.run(24)
    assert (summary.passed, summary.void, summary.stopped) == (24, 0, None)
    assert [step.facts["faults"] for step in floor.steps if step.kind == "fault"] == [[Fault.NOT_RESPONDING]]


def test_a_fault_nobody_mends_stops_the_line_and_says_what_to_do(tmp_path):
    with Floor(tmp_path, pace=replace(QUICK, patience_s=0.3)) as floor:
        floor.printer.ribbon_out()
        summary = floor.run(24)
        assert summary.stopped == "Printer fault ribbon-out: load a ribbon, then start again."
        assert floor.printer.texts == []
        floor.printer.repair()
        assert floor.run(24).stopped is None


def test_a_broken_link_makes_numbers_unknown_until_the_camera_settles_them(floor):
    floor.mishaps.drop_in_format = 6
    floor.mishaps.delay_s = 0.03
    summary = floor.run(24)
    assert (summary.passed, summary.stopped) == (24, None)
    unknown = [step.facts["ranges"] for step in floor.steps if step.kind == "unknown"]
    assert len(unknown) == 1
    assert len(numbers(unknown[0])) > summary.void >= 1  # some of them were printed and seen, some never were
    assert not floor.printed_twice()
    assert summary.balance.proven


def test_a_link_that_breaks_behind_an_empty_roll_waits_for_the_half_full_buffer(floor):
    floor.mishaps.paper_out_after = 3
    on_step(floor, "fault", lambda step: (floor.printer.drop_link(), later(0.4, floor.printer.repair)))
    summary = floor.run(24)
    assert (summary.passed, summary.void, summary.stopped) == (24, 0, None)
    assert "unknown" in floor.kinds()
    assert not floor.printed_twice()


def test_nobody_at_the_port_stops_the_line(tmp_path):
    with Floor(tmp_path, pace=replace(QUICK, patience_s=0.2)) as floor:
        floor.printer.close()
        summary = floor.run(24)
    assert "No connection to the printer" in summary.stopped
    assert summary.balance.open == 30


def intruder(floor, code):
    """Somebody else's label on the same printer."""
    floor.printer._enqueue(next(iter(floor.printer._stream.__class__().feed(format_of(ItemLabel(code, "贵州茶"))))))


STOPS = [
    # the label, the words on the screen
    (lambda lease: lease.code(FIRST), "was seen before: its label is copied"),
    (lambda lease: lease.code(lease.end - 1), "was never sent to this printer"),
    (lambda lease: "HTTPS://ID.OTHER.CN/01/06901234567892/21/00000000000000000000", "is not of this job"),
]


@pytest.mark.parametrize(("label", "words"), STOPS)
def test_a_label_that_should_not_be_there_stops_the_line(floor, label, words):
    on_step(floor, "passed", lambda step: intruder(floor, label(floor.lease)))
    summary = floor.run(24)
    assert words in summary.stopped
    passed_before = summary.passed
    resumed = floor.run(24)
    assert resumed.stopped is None
    assert resumed.passed == 24 > passed_before
    assert resumed.balance.proven


def test_a_smudge_misread_as_bars_is_rejected_like_one_not_read(floor):
    class Dreaming(BeltEye):
        def look(self, after, timeout_s):
            dream = ("1290904860990223238590",)  # zbar read this from a smudged label, once in a thousand
            return [replace(sight, texts=sight.texts or dream) for sight in super().look(after, timeout_s)]

    floor.mishaps.smudged = {10}
    summary = floor.station(eye=Dreaming(floor.printer)).run(JOB, wanted=24)
    assert (summary.passed, summary.scrapped, summary.stopped) == (24, 1, None)
    assert floor.verdicts()["MISREAD"] == 1


def test_rejects_in_a_row_stop_the_line(floor):
    floor.mishaps.smudged = set(range(1, 100))
    summary = floor.run(24)
    assert summary.stopped == "5 labels in a row failed. Check print quality and camera, then start again."
    assert summary.passed == 0


def test_a_blind_camera_costs_one_window_and_not_the_lease(floor):
    floor.mishaps.lost = set(range(1, 100))
    summary = floor.run(24)
    assert "labels in a row failed" in summary.stopped
    assert (summary.passed, summary.void, summary.balance.open) == (0, 8, 22)


def test_the_line_goes_on_while_the_platform_is_away(floor):
    office, asked = floor.office, []

    class Flaky:
        def lease(self, job, block=0, count=0) -> Lease:
            return office.lease(job, block, count)

        def case_numbers(self, job, first, count):
            asked.append(first)
            if len(asked) < 3:
                raise PlatformAway("The platform does not answer.")
            return office.case_numbers(job, first, count)

        def heartbeat(self, job, state):
            office.heartbeat(job, state)

        def report(self, job, report):
            if len(asked) < 3:
                raise PlatformAway("The platform does not answer.")
            return office.report(job, report)

    summary = floor.station(platform=Flaky()).run(JOB, wanted=24)
    assert (summary.passed, len(summary.cases), summary.stopped) == (24, 1, None)
    assert asked == [0, 0, 0]
    assert floor.report()["sequence"] > 0


def test_a_slow_printer_is_not_taken_for_a_dead_one(tmp_path):
    with Floor(tmp_path, count=3, pace=replace(QUICK, settle_s=0.05)) as floor:
        floor.mishaps.delay_s = 0.25
        summary = floor.run(None)
    assert (summary.passed, summary.void) == (3, 0)


def test_a_second_station_cannot_take_the_journal(floor):
    def start_another(step):
        with pytest.raises(JournalBusy, match="one printer has one writer"):
            floor.run(24)

    on_step(floor, "passed", start_another)
    assert floor.run(2).passed == 2


def test_a_station_runs_as_a_process_of_its_own(floor, tmp_path):
    command = [sys.executable, "-m", "printer_jobs", "--job", str(JOB), "--platform", str(floor.office.folder)]
    command += ["--printer", f"127.0.0.1:{floor.printer.port}", "--pictures", str(tmp_path / "pictures")]
    command += ["--journal", str(tmp_path / "station"), "--wanted", "24", "--settle", "0.2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0].startswith("leased ")
    assert floor.report()["packed"][0]["items"] == [[FIRST, FIRST + 24]]
    (floor.folder / "station" / f"job-{JOB}.journal").write_bytes(b"nonsense\n")
    broken = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert broken.returncode == 1
    assert broken.stderr.startswith("The journal ")
    assert "Traceback" not in broken.stderr
