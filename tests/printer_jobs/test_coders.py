"""Coders on the line: the same stories for every protocol, and no number twice or missing whatever goes wrong."""

from dataclasses import replace

import pytest

from printer_jobs.drivers.catalogue import connect
from printer_jobs.drivers.printer import Fault
from printer_jobs.virtual.catalogue import start
from tests.printer_jobs.coder_floor import CoderFloor
from tests.printer_jobs.factory import QUICK
from tests.printer_jobs.test_station import later, on_step

HAVE_A_QUEUE = {"codenet", "zipher"}
CODERS = ["codenet", "hitachi", "ipp", "ngpcl", "tspl", "wsi", "zipher"]


@pytest.fixture(params=CODERS)
def floor(request, tmp_path):
    with CoderFloor(tmp_path, request.param, count=24, pack_size=6) as floor:
        yield floor


def mend_when_noticed(floor, mend):
    """A Hitachi tells of no fault: it is only not ready for long."""
    if floor.coder.protocol == "hitachi":
        later(0.5, mend)
    else:
        on_step(floor, "fault", lambda step: later(0.2, mend))


def test_items_by_the_coder_cases_by_the_label_printer(floor):
    summary = floor.run(12)
    assert (summary.stopped, summary.passed, summary.void, len(summary.cases)) == (None, 12, 0, 2)
    floor.account_for_everything(summary)


def test_smudged_and_lost_labels_are_told_apart(floor):
    floor.mishaps.smudged, floor.mishaps.lost = {3}, {5}
    summary = floor.run(10)
    assert (summary.stopped, summary.passed) == (None, 10)
    floor.account_for_everything(summary)


BROKEN_LINKS = ["drop_in_format", "drop_after_format", "mute_format"]


@pytest.mark.parametrize("mishap", BROKEN_LINKS)
def test_an_answer_that_never_comes_costs_that_number_at_most(floor, mishap):
    setattr(floor.mishaps, mishap, 4)
    summary = floor.run(10)
    assert (summary.stopped, summary.passed) == (None, 10)
    floor.account_for_everything(summary)


def test_a_word_of_print_that_overtakes_the_answer(floor):
    if floor.coder.protocol not in HAVE_A_QUEUE:
        floor.mishaps.delay_s = 0.03  # One label at a time is asked about: nothing can overtake, but it can be slow.
    else:
        floor.mishaps.reordered = True
    summary = floor.run(8)
    assert (summary.stopped, summary.passed, summary.void) == (None, 8, 0)
    floor.account_for_everything(summary)


def test_a_fault_holds_the_line_until_it_is_mended(floor):
    floor.mishaps.paper_out_after = 3
    mend_when_noticed(floor, floor.coder.repair)
    summary = floor.run(10)
    assert (summary.stopped, summary.passed, summary.void) == (None, 10, 0)
    floor.account_for_everything(summary)


def test_a_link_lost_behind_a_fault_never_prints_a_number_again(floor):
    floor.mishaps.paper_out_after = 3
    mend_when_noticed(floor, lambda: (floor.coder.drop_link(), later(0.2, floor.coder.repair)))
    summary = floor.run(8)
    assert (summary.stopped, summary.passed) == (None, 8)
    floor.account_for_everything(summary)


def test_a_printer_switched_off_and_on_in_the_middle(floor):
    floor.mishaps.delay_s = 0.02
    on_step(floor, "passed", lambda step: floor.coder.power_cycle())
    summary = floor.run(8)
    assert (summary.stopped, summary.passed) == (None, 8)
    floor.account_for_everything(summary)


@pytest.mark.parametrize("noise", [b"\x00\xff garbage \x04\x03}\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_a_printer_that_answers_nonsense_stops_the_line_with_one_sentence(floor, noise):
    floor.mishaps.garbage = noise
    floor.pace = replace(QUICK, patience_s=0.3)
    summary = floor.run(4)
    assert summary.stopped is not None
    assert "answered what its protocol does not allow" in summary.stopped or "refuses" in summary.stopped
    assert summary.passed == 0
    floor.mishaps.garbage, floor.pace = None, QUICK
    mended = floor.run(4)
    assert mended.stopped is None
    floor.account_for_everything(mended)


@pytest.mark.parametrize(
    ("ours", "there"), [("zpl", "zipher"), ("zipher", "zpl"), ("wsi", "hitachi"), ("ngpcl", "ipp")]
)
def test_a_printer_of_another_model_is_fed_nothing(tmp_path, ours, there):
    """All 56 pairs of eight protocols were tried; these are the kinds of answer: none, none, a refusal, an error."""
    with (
        CoderFloor(tmp_path, ours, count=12, pack_size=6, pace=replace(QUICK, patience_s=0.2)) as floor,
        start(there, paper=floor.printer.paper) as other,
    ):
        _, _, options = floor.told(timeout_s=0.1)
        summary = floor.station(printer=connect(ours, other.address, options)).run(7)
        assert "then start again" in summary.stopped
        assert (summary.passed, summary.balance.open, floor.printer.texts) == (0, 12, [])


def test_a_silent_printer_is_never_idle(floor):
    def silence(step):
        floor.mishaps.silent = True
        later(0.5, lambda: setattr(floor.mishaps, "silent", False))

    on_step(floor, "passed", silence)
    summary = floor.run(8)
    assert (summary.stopped, summary.passed) == (None, 8)
    floor.account_for_everything(summary)


def test_a_second_run_goes_on_where_the_first_stopped(floor):
    assert floor.run(4, finish=False).passed == 4
    summary = floor.run(10)
    assert (summary.stopped, summary.passed) == (None, 10)
    floor.account_for_everything(summary)


def test_every_fault_has_its_remedy_on_the_screen(floor):
    floor.pace = replace(QUICK, patience_s=0.2)
    floor.coder.fail(Fault.RIBBON_OUT)
    assert "then start again" in floor.run(4).stopped


def test_a_printer_that_never_acknowledges_stops_the_line_before_the_lease_is_gone(floor):
    class Deaf(set):
        def __eq__(self, other):
            return True

        __hash__ = None

    floor.mishaps.mute_format, floor.mishaps.lost = Deaf(), set(range(1, 1000))
    summary = floor.run(20)
    assert summary.stopped is not None
    assert summary.balance.open > 0
    floor.mishaps.mute_format, floor.mishaps.lost = None, set()
    floor.account_for_everything(floor.run(1))
