"""Labels handed over as files: whole or not at all, and nothing handed over twice."""

import json
from dataclasses import replace

import pytest

from printer_jobs.drivers.catalogue import connect
from printer_jobs.drivers.printer import CaseLabel, ItemLabel, LabelRefused, LinkLost
from tests.printer_jobs.coder_floor import CoderFloor
from tests.printer_jobs.factory import QUICK


def labels(first, count):
    return [ItemLabel(f"HTTPS://ID.BRAND.CN/{index}", "茶, 250克", "", index) for index in range(first, first + count)]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_block_is_a_file_and_its_manifest_and_the_plant_says_done(tmp_path):
    printer = connect("file", str(tmp_path))
    printer.connect()
    for label in labels(41, 3):
        printer.print(label)
    assert names(tmp_path) == []
    status = printer.status()
    assert names(tmp_path) == ["labels-41-3.csv", "labels-41-3.json"]
    assert (status.waiting, status.upto) == (3, 40)
    assert json.loads((tmp_path / "labels-41-3.json").read_text())["count"] == 3
    assert (tmp_path / "labels-41-3.csv").read_bytes().startswith(b"index,code,name,note\r\n41,HTTPS://ID.BRAND.CN/41,")
    (tmp_path / "labels-41-3.done").touch()
    assert (printer.status().waiting, printer.status().upto) == (0, 43)
    for label in labels(44, 2):
        printer.print(label)
    printer.close()
    (tmp_path / "labels-44-2.refused").write_text("wrong paper")
    status = printer.status()
    assert (status.waiting, status.upto, status.dropped) == (0, 45, {44, 45})


def test_what_was_not_written_was_not_handed_over(tmp_path):
    printer = connect("file", str(tmp_path), {"batch": 2})
    printer.connect()
    for label in labels(1, 3):
        printer.print(label)
    killed = connect("file", str(tmp_path))
    killed.connect()
    assert (killed.status().upto, killed.status().waiting) == (0, 2)


def test_a_missing_folder_and_a_case_label_are_named(tmp_path):
    with pytest.raises(LinkLost, match="is not there: connect its disk"):
        connect("file", str(tmp_path / "stick")).connect()
    with pytest.raises(LabelRefused, match="give the line a label printer"):
        connect("file", str(tmp_path)).print(CaseLabel("369012340000000017", "h", "n", "g", 1))


def test_the_same_labels_are_never_written_twice(tmp_path):
    for expected in (None, "is there already"):
        printer = connect("file", str(tmp_path))
        printer.connect()
        printer.print(labels(1, 1)[0])
        if expected is None:
            printer.status()
        else:
            with pytest.raises(LinkLost, match=expected):
                printer.status()


def test_a_line_prints_its_items_through_a_folder(tmp_path):
    with CoderFloor(tmp_path, "file", count=14, pack_size=6, pace=replace(QUICK, window=8)) as floor:
        summary = floor.run(12)
        assert (summary.stopped, summary.passed, len(summary.cases)) == (None, 12, 2)
        floor.account_for_everything(summary)
