"""What a printer proves decides what the station believes after a link was lost."""

import pytest

from printer_jobs.drivers.catalogue import DRIVERS
from printer_jobs.drivers.printer import PrinterStatus
from printer_jobs.feeding import Feeding, Strategy, strategy
from printer_jobs.leases import Leases
from printer_jobs.serials import numbers
from tests.printer_jobs.coder_floor import CoderFloor
from tests.printer_jobs.factory import FIRST, lease
from tests.printer_jobs.test_station import later, on_step

STRATEGIES = {
    "zipher": Strategy.INDEX,
    "ipp": Strategy.INDEX,
    "file": Strategy.INDEX,
    "codenet": Strategy.ORDER,
    "wsi": Strategy.ORDER,
    "hitachi": Strategy.ORDER,
    "ngpcl": Strategy.ORDER,
    "zpl": Strategy.DRAINED,
    "tspl": Strategy.BLIND,
}


def test_the_strategy_follows_from_what_is_declared():
    assert {name: strategy(driver.capabilities) for name, driver in DRIVERS.items()} == STRATEGIES


class Silent:
    capabilities = DRIVERS["zipher"].capabilities

    def print(self, label):
        """Takes everything."""


STANDINGS = [
    # printed up to, waiting, of items 0..9 open: printed, waiting, doubtful
    (3, 6, 4, 6, 0),  # all is where it should be
    (3, 4, 4, 4, 2),  # the last two never arrived
    (-1, 0, 0, 0, 10),  # an empty buffer and none of ours printed
    (9, 0, 10, 0, 0),  # all printed while nobody listened
    (3, 8, 4, 0, 6),  # it holds more than was ever sent: somebody else feeds it
    (500, 0, 0, 0, 10),  # another job's index
    (-100, 5, 0, 0, 10),
    (None, 5, 0, 0, 10),
]


@pytest.mark.parametrize(("upto", "waiting", "printed", "left", "doubtful"), STANDINGS)
def test_what_an_index_proves(tmp_path, upto, waiting, printed, left, doubtful):
    held = lease(30)
    leases = Leases(tmp_path, held.job)
    leases.keep(held)
    feeding = Feeding(Silent(), leases)
    told = None if upto is None else feeding.index(FIRST) + upto
    standing = feeding.standing(PrinterStatus(frozenset(), waiting, upto=told), [(FIRST, FIRST + 10)])
    parts = (standing.printed, standing.waiting, standing.doubtful)
    assert [len(numbers(part)) for part in parts] == [printed, left, doubtful]
    assert sorted(n for part in parts for n in numbers(part)) == list(range(FIRST, FIRST + 10))


def test_a_zipher_with_a_half_full_buffer_loses_nothing_with_its_link(tmp_path):
    with CoderFloor(tmp_path, "zipher", count=24, pack_size=24) as floor:
        floor.mishaps.paper_out_after = 5
        on_step(floor, "fault", lambda step: (floor.coder.drop_link(), later(0.3, floor.coder.repair)))
        summary = floor.run(24)
        assert (summary.stopped, summary.passed, summary.void) == (None, 24, 0)
        assert "link-lost" in floor.kinds()
        assert "unknown" not in floor.kinds()
        floor.account_for_everything(summary)


def test_a_zipher_of_another_job_is_emptied_at_the_start_and_its_records_never_pass(tmp_path):
    with CoderFloor(tmp_path, "zipher", count=12, pack_size=12) as floor:
        driver = floor.driver()
        driver.connect()
        driver.begin()
        floor.coder.open_head()
        driver.items._obeys("SID|77|FOREIGN|")
        driver.close()
        later(0.3, floor.coder.repair)
        summary = floor.run(6)
        assert (summary.stopped, summary.passed) == (None, 6)
        assert not any("FOREIGN" in text for text in floor.printer.texts)


def test_a_wsi_that_printed_a_code_again_stops_the_line(tmp_path):
    with CoderFloor(tmp_path, "wsi", count=12, pack_size=12) as floor:
        on_step(floor, "passed", lambda step: floor.coder.product_passes())
        summary = floor.run(8)
        assert summary.stopped is not None
        assert "take the packs with a repeated code off" in summary.stopped or "copied" in summary.stopped
        assert floor.run(8).balance.proven


def test_a_code_longer_than_the_field_stops_the_line_and_names_the_prefix(tmp_path):
    with CoderFloor(tmp_path, "wsi", count=12, pack_size=12) as floor:
        summary = floor.station(printer=floor.driver(prefix="")).run(7, wanted=3)
        assert "put the fixed beginning of the code into the printer's template" in summary.stopped
        assert floor.printer.texts == []


def test_case_labels_without_a_label_printer_stop_the_line(tmp_path):
    with CoderFloor(tmp_path, "codenet", count=12, pack_size=2) as floor:
        options = floor.coder.options
        alone = DRIVERS["codenet"].make("127.0.0.1", floor.coder.port, prefix=options["prefix"], timeout_s=0.3)
        summary = floor.station(printer=alone).run(7, wanted=4)
        assert "give the line a label printer for its cases" in summary.stopped
