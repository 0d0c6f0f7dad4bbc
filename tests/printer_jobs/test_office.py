"""The office beside the line: however slow, it never holds a label up; what it sends wrong is refused in a sentence."""

import json
import threading

import pytest

from printer_jobs.journal import JournalBusy, JournalCorrupt
from printer_jobs.leases import Leases
from printer_jobs.office import Ahead
from printer_jobs.platform import FolderPlatform, PlatformRefuses
from tests.printer_jobs.factory import FIRST, JOB, Floor, lease


@pytest.fixture
def floor(tmp_path):
    with Floor(tmp_path, count=30, pack_size=4) as floor:
        yield floor


def test_labels_pass_while_a_report_is_on_its_way(floor):
    """The report's answer comes only when a label has passed meanwhile: a line that waited for it would hang."""
    passed_meanwhile = threading.Event()

    class Slow(FolderPlatform):
        reports = 0

        def report(self, job, report):
            self.reports += 1
            if self.reports == 2:
                passed_meanwhile.clear()
                assert passed_meanwhile.wait(20), "no label passed while the platform thought"
            return super().report(job, report)

    floor.on_step = lambda step: passed_meanwhile.set() if step.kind == "passed" else None
    floor.mishaps.delay_s = 0.02
    slow = Slow(floor.office.folder)
    summary = floor.station(platform=slow, ahead=Ahead(report_s=0.0)).run(JOB, wanted=24)
    assert (summary.passed, summary.stopped) == (24, None)
    assert slow.reports > 2


def test_a_restart_offline_has_leases_and_case_numbers_in_stock(floor):
    assert floor.run(4, finish=False).passed == 4
    for name in ("lease.json", "ssccs.json"):
        (floor.office.folder / name).unlink()
    summary = floor.run(24)
    assert (summary.passed, len(summary.cases), summary.stopped) == (24, 6, None)


@pytest.mark.parametrize("damage", [b"", b"[7]", b'[{"sscc": "1"}]', b'["369012340000000018"]'])
def test_a_damaged_stock_of_case_numbers_is_asked_for_again(floor, damage):
    first = floor.run(4, finish=False)
    (floor.folder / "station" / f"job-{JOB}.cases.json").write_bytes(damage)
    summary = floor.run(8)
    assert (summary.passed, summary.stopped, summary.cases[:1]) == (8, None, first.cases)


def test_two_jobs_at_once_on_one_line_are_refused(floor):
    def start_another(step):
        if step.kind == "passed":
            with pytest.raises(JournalBusy, match="one printer has one writer"):
                floor.station().run(JOB + 1)

    floor.on_step = start_another
    assert floor.run(2).passed == 2


def test_another_lines_job_and_another_pack_size_are_refused(floor):
    station = floor.station(pack_size=6)
    with pytest.raises(PlatformRefuses, match="packs 4 a case and this line 6"):
        station.run(JOB)
    text = (floor.office.folder / "lease.json").read_text().replace("line 1", "line 2")
    (floor.office.folder / "lease.json").write_text(text)
    (floor.folder / "station" / f"job-{JOB}.lease.json").unlink()
    with pytest.raises(PlatformRefuses, match="Job 7 is of station line 2, not of line 1"):
        floor.run(2)


def test_a_damaged_lease_is_named_and_fetched_again(floor):
    floor.run(2, finish=False)
    path = floor.folder / "station" / f"job-{JOB}.lease.json"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(PlatformRefuses, match="delete that file, it is fetched again"):
        floor.run(4)
    path.unlink()
    assert floor.run(4).passed == 4


def test_no_letter_of_a_lease_changes_unseen(floor):
    floor.run(2, finish=False)
    path = floor.folder / "station" / f"job-{JOB}.lease.json"
    whole = path.read_bytes()
    for at in range(0, len(whole), 37):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(PlatformRefuses, match="is damaged"):
            Leases(path.parent, JOB)
    path.write_bytes(whole)
    assert floor.run(4).passed == 4


def test_a_lease_that_is_not_what_the_journal_says_is_refused(floor):
    floor.run(2, finish=False)
    other = json.loads((floor.office.folder / "lease.json").read_text()) | {"first": FIRST + 1}
    (floor.folder / "station" / f"job-{JOB}.lease.json").write_text(json.dumps(other))
    with pytest.raises(JournalCorrupt, match="it began with the lease"):
        floor.run(4)


def test_blocks_are_held_in_their_order_and_searched_as_one(tmp_path):
    held, one = Leases(tmp_path, JOB), lease(20)
    held.keep(one)
    with pytest.raises(PlatformRefuses, match="block 1 of job 7 is due"):
        held.keep(one)
    held.keep(type(one)(**one.to_json() | {"block": 1, "first": FIRST + 500, "serials": ("X" * 20, "Y" * 20)}))
    again = Leases(tmp_path, JOB)
    assert (len(again), again.serials) == (2, 22)
    assert [again.item_of(one.prefix + text) for text in ("X" * 20, f"{7:020}", "Z" * 20)] == [
        FIRST + 500,
        FIRST + 7,
        None,
    ]
    assert again.item_of("HTTPS://ID.OTHER.CN/" + "X" * 20) is None
    assert again.code(FIRST + 501) == one.prefix + "Y" * 20
