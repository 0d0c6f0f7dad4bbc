"""A line's own file: every wrong word is named, and the parts it names are opened."""

import time

import pytest

from printer_jobs import line_file
from printer_jobs.line_file import BadLineFile, GatePart, ShutGate
from printer_jobs.platform import FolderPlatform
from printer_jobs.virtual.plc import VirtualPlc

GOOD = """
platform = "stick"
folder = "books"
[printer]
address = "127.0.0.1:9100"
[camera]
folder = "pictures"
"""


def written(tmp_path, text):
    path = tmp_path / "line.toml"
    path.write_text(text)
    return path


def test_paths_are_beside_the_file(tmp_path):
    said = line_file.read(written(tmp_path, GOOD))
    assert (said.folder, said.camera.folder) == (tmp_path / "books", tmp_path / "pictures")
    platform = line_file.open_platform(said)
    assert isinstance(platform, FolderPlatform)
    assert platform.folder == tmp_path / "stick"
    station = line_file.open_station("line 1", said, platform)
    assert isinstance(station.line.gate, ShutGate)
    assert (station.folder, (tmp_path / "books" / "station.key").exists()) == (tmp_path / "books", True)


WRONG = [
    # the file, the words
    (GOOD.replace("folder = ", "foldr = ", 1), "foldr: Extra inputs are not permitted|folder: Field required"),
    (GOOD + '[gate]\nkind = "plc"', "gate: .*a plc has an address"),
    (GOOD + '[gate]\nkind = "magic"', "gate.kind: Input should be 'list' or 'plc'"),
    (GOOD + "[pace]\nlook_s = 0", "pace.look_s: Input should be greater than 0"),
    (GOOD + "[[[", "is no TOML"),
]


@pytest.mark.parametrize(("text", "words"), WRONG)
def test_a_wrong_word_is_named(tmp_path, text, words):
    with pytest.raises(BadLineFile, match=words):
        line_file.read(written(tmp_path, text))


def test_a_file_that_is_not_there_and_a_key_that_is_not_there_are_named(tmp_path):
    with pytest.raises(BadLineFile, match="cannot be read"):
        line_file.read(tmp_path / "none.toml")
    said = line_file.read(written(tmp_path, GOOD.replace('"stick"', '"https://codes.example.cn"')))
    with pytest.raises(BadLineFile, match="onecode line enrol"):
        line_file.open_platform(said)
    with pytest.raises(BadLineFile, match=r"key_file .* cannot be read"):
        line_file.open_platform(said.model_copy(update={"key_file": tmp_path / "none"}))


def test_a_gate_with_a_plc_hears_what_may_pass():
    plc = VirtualPlc()
    gate = line_file.open_gate(GatePart(kind="plc", address=f"127.0.0.1:{plc.port}"), "line 1")
    _until(lambda: gate.connected)
    gate.allow(5)
    _until(lambda: "PASS 5" in plc.heard)
    gate.close()
    plc.close()


def _until(true):
    for _ in range(500):
        if true():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come true in five seconds")
