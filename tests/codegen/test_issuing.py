"""A run's codes as a file: every form reads back, and what kills the writer neither repeats nor loses a code."""

import gzip
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import zstandard

from benchmarks import memory
from codegen import issuing, part_file, runs
from codegen.identity import Face
from codegen.wire import Genuine, decode_many
from tests.codegen.presses import KEYS, RUNS

BIG, SMALL, CAPS = (RUNS.get(number) for number in (1, 2, 3))
NAMES = ["codes.txt", "codes.csv", "codes.txt.gz", "codes.csv.gz", "codes.txt.zst", "codes.csv.zst"]


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch):
    """Many blocks and many checkpoints in a small file."""
    monkeypatch.setattr(issuing, "BLOCK_ROWS", 512)
    monkeypatch.setattr(part_file, "CHECKPOINT_BYTES", 40_000)


def write(run, path: Path, *, face=Face.OUTER, form=None, workers=1, **more) -> Path:
    issuing.write(
        issuing.listing(run, path, face=face, form=form), path, KEYS, order_id="PO-1", workers=workers, **more
    )
    return path


def lines(path: Path) -> list[str]:
    content = path.read_bytes()
    if path.suffix == ".gz":
        content = gzip.decompress(content)
    if path.suffix == ".zst":
        content = zstandard.ZstdDecompressor().stream_reader(content, read_across_frames=True).read()
    assert content.endswith(b"\n")
    return content.decode().splitlines()


def urls(path: Path) -> list[str]:
    if ".csv" not in path.name:
        return lines(path)
    head, *rows = [line.split(",") for line in lines(path)]
    assert head == ["index", "serial", "url"]
    assert [int(row[0]) for row in rows] == list(range(1, len(rows) + 1))
    assert all(row[2].endswith("/" + row[1]) for row in rows)
    assert len({len(line) for line in lines(path)[1:]}) == 1
    return [row[2] for row in rows]


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("run", [SMALL, CAPS], ids=["standard", "compact"])
def test_every_form_holds_every_code_in_order(tmp_path, run, name, workers):
    for face in Face:
        texts = urls(write(run, tmp_path / name, face=face, workers=workers))
        assert decode_many(texts, keys=KEYS, runs=RUNS) == [
            Genuine(item, face, run.profile, run.gtin, run) for item in range(run.first, run.end)
        ]
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_run_of_one_code(tmp_path):
    run = replace(SMALL, count=1)
    assert len(urls(write(run, tmp_path / "codes.csv", workers=2))) == 1


def test_the_format_may_be_said_against_the_name(tmp_path):
    assert lines(write(SMALL, tmp_path / "codes.txt", form="csv"))[0] == "index,serial,url"
    with pytest.raises(issuing.UnknownForm, match="'xls'"):
        issuing.listing(SMALL, tmp_path / "codes.xls", form="xls")
    with pytest.raises(runs.NoInnerFace):
        issuing.listing(BIG, tmp_path / "codes.txt", face=Face.INNER)


# --- what interrupts ------------------------------------------------------------------------------------------------


class PowerCut(Exception):
    pass


def cut_at(codes: int):
    def progress(done: int) -> None:
        if done >= codes:
            raise PowerCut

    return progress


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("name", NAMES)
def test_what_was_interrupted_goes_on_to_the_same_bytes(tmp_path, name, workers):
    whole = write(SMALL, tmp_path / f"whole-{name}").read_bytes()
    path, started = tmp_path / name, []
    for codes in (1, 1500, 1600, 4000):
        with pytest.raises(PowerCut):
            write(SMALL, path, workers=workers, progress=cut_at(codes))
        assert not path.exists()
    write(SMALL, path, workers=workers, progress=started.append)
    assert path.read_bytes() == whole
    assert started[0] > 0, "it went on, it did not begin anew"
    assert sorted(one.name for one in tmp_path.iterdir()) == sorted([name, f"whole-{name}"])


def half_written(path: Path) -> tuple[Path, Path]:
    with pytest.raises(PowerCut):
        write(SMALL, path, progress=cut_at(4000))
    return part_file.part_path(path), part_file.log_path(path)


def flipped(part: Path) -> None:
    with part.open("r+b") as file:
        file.seek(12_345)
        byte = file.read(1)[0]
        file.seek(12_345)
        file.write(bytes([byte ^ 1]))


@pytest.mark.parametrize(
    "damage",
    [flipped, lambda part: os.truncate(part, 5000), lambda part: part.unlink(), lambda part: part.write_bytes(b"")],
    ids=["a bit", "cut short", "gone", "empty"],
)
def test_a_damaged_part_is_thrown_away_whole(tmp_path, damage):
    whole = write(SMALL, tmp_path / "whole.txt").read_bytes()
    path, said = tmp_path / "codes.txt", []
    part, _ = half_written(path)
    damage(part)
    write(SMALL, path, say=said.append)
    assert path.read_bytes() == whole
    assert said == [f"{part} is damaged; it is thrown away and written anew from the beginning."]


@pytest.mark.parametrize(
    "line", [b"[9, 279040, 1, 2]\n", b"[1, 2\n", b"{}\n", b"null\n", b"\xff\n", b"[-1, -5, 0, 0]\n"]
)
def test_a_damaged_log_is_not_believed(tmp_path, line):
    whole = write(SMALL, tmp_path / "whole.txt").read_bytes()
    path, said = tmp_path / "codes.txt", []
    _, log = half_written(path)
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join([*lines[:-1], line]))
    write(SMALL, path, say=said.append)
    assert path.read_bytes() == whole
    assert len(said) == 1


def test_a_wrong_number_of_blocks_is_not_believed(tmp_path):
    path, said = tmp_path / "codes.txt", []
    whole = write(SMALL, tmp_path / "whole.txt").read_bytes()
    _, log = half_written(path)
    *lines, last = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join([*lines, last.replace(b"[", b"[1", 1)]))
    write(SMALL, path, say=said.append)
    assert (path.read_bytes(), len(said)) == (whole, 1)


def test_bytes_after_the_last_checkpoint_are_cut_off(tmp_path):
    whole = write(SMALL, tmp_path / "whole.txt").read_bytes()
    path, said = tmp_path / "codes.txt", []
    part, log = half_written(path)
    with part.open("ab") as file:
        file.write(b"torn")
    with log.open("ab") as file:
        file.write(b"[17, 5")  # A full disk cut the line off.
    write(SMALL, path, say=said.append)
    assert (path.read_bytes(), said) == (whole, [])


@pytest.mark.parametrize("other", [{"form": "csv"}, {"face": Face.INNER}], ids=["form", "face"])
def test_a_part_of_another_file_is_not_touched(tmp_path, other):
    path = tmp_path / "codes.txt"
    part, log = half_written(path)
    before = part.read_bytes(), log.read_bytes()
    with pytest.raises(part_file.PartOfAnotherFile, match=r"codes\.txt\.part belongs to order PO-1"):
        write(SMALL, path, **other)
    with pytest.raises(part_file.PartOfAnotherFile):
        write(CAPS, path)
    assert (part.read_bytes(), log.read_bytes()) == before


@pytest.mark.parametrize(
    ("name", "content"),
    [("codes.txt.part", b"a thesis"), ("codes.txt.part.log", b"a diary\n"), ("codes.txt.part.log", b'["a"]\n')],
)
def test_what_is_not_ours_is_not_touched(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(part_file.PartOfAnotherFile, match=f"{name} is in the way"):
        issuing.check_target(tmp_path / "codes.txt")
    with pytest.raises(part_file.PartOfAnotherFile):
        write(SMALL, tmp_path / "codes.txt")
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [(name, content)]


def test_two_writers_of_one_file_are_told_apart(tmp_path):
    path, told = tmp_path / "codes.txt", []

    def intrude(done: int) -> None:
        if not told:
            with pytest.raises(part_file.BeingWritten, match=str(path)) as caught:
                write(SMALL, path)
            told.append(caught.value)

    write(SMALL, path, progress=intrude)
    assert len(told) == 1
    assert len(lines(path)) == SMALL.count


def test_a_target_that_cannot_be_is_named_before_anything_is_done(tmp_path):
    with pytest.raises(issuing.UnusableTarget, match="is a folder"):
        issuing.check_target(tmp_path)
    with pytest.raises(issuing.UnusableTarget, match="create it first"):
        issuing.check_target(tmp_path / "nowhere" / "codes.txt")
    assert issuing.check_target(tmp_path / "codes.txt") is None
    half_written(tmp_path / "codes.txt")
    assert issuing.check_target(tmp_path / "codes.txt")["order"] == "PO-1"


def test_a_worker_that_is_ended_stops_the_work_and_it_goes_on(tmp_path, monkeypatch):
    whole = write(SMALL, tmp_path / "whole.txt").read_bytes()
    path, make = tmp_path / "codes.txt", issuing.Listing.make

    def shot(self, keys, block):
        if block == 5:
            os.kill(os.getpid(), signal.SIGKILL)
        return make(self, keys, block)

    monkeypatch.setattr(issuing.Listing, "make", shot)
    with pytest.raises(issuing.cores.WorkerDied, match="same command"):
        write(SMALL, path, workers=2)
    monkeypatch.setattr(issuing.Listing, "make", make)
    assert write(SMALL, path, workers=2).read_bytes() == whole


# --- kill -9 and memory, in a process of its own --------------------------------------------------------------------

WRITER = """
import sys
from dataclasses import replace
from pathlib import Path
from benchmarks import memory
from codegen import issuing, part_file
from tests.codegen.presses import KEYS, RUNS
path, count, workers, rows = Path(sys.argv[1]), *map(int, sys.argv[2:])
issuing.BLOCK_ROWS, part_file.CHECKPOINT_BYTES = rows, 100_000
run = replace(RUNS.get(1), count=count)
issuing.write(issuing.listing(run, path), path, KEYS, order_id="PO-1", workers=workers)
"""


def writer(path: Path, count: int, workers: int, rows: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", WRITER, *map(str, (path, count, workers, rows))])


@pytest.mark.parametrize("name", ["codes.txt", "codes.csv.zst"])
def test_killed_at_any_moment_the_file_is_the_same_in_the_end(tmp_path, name):
    whole, path, count = tmp_path / f"whole-{name}", tmp_path / name, 600_000
    assert writer(whole, count, 2, 2048).wait(60) == 0
    dice, kills = random.Random(17), 0
    while not path.exists():
        begun = writer(path, count, 2, 2048)
        if kills < 8:
            _wait_for_growth(part_file.log_path(path), begun)
            time.sleep(dice.random() * 0.03)
            workers = memory.tree(begun.pid)[1:]
            begun.kill()
            kills += begun.wait(60) == -signal.SIGKILL
            _wait_for_end(workers)
        else:
            assert begun.wait(60) == 0
    assert path.read_bytes() == whole.read_bytes()
    assert kills >= 2
    assert sorted(one.name for one in tmp_path.iterdir()) == sorted([name, whole.name])


def _wait_for_growth(log: Path, writer: subprocess.Popen[bytes]) -> None:
    """Until the writer has passed a checkpoint, or is done."""
    before = log.stat().st_size if log.exists() else 0
    for _ in range(2000):
        if writer.poll() is not None or (log.exists() and log.stat().st_size > before):
            return
        time.sleep(0.005)
    raise AssertionError("the writer does not get on")


def _wait_for_end(workers: list[int]) -> None:
    """Those whose writer was killed end by themselves: they hold the file's name and a core."""
    for _ in range(2000):
        if not any(map(memory.alive, workers)):
            return
        time.sleep(0.005)
    raise AssertionError("a worker outlived its writer")


def test_memory_does_not_grow_with_the_count(tmp_path):
    peaks = [memory.peak_mb(writer(tmp_path / "codes.txt", count, 2, 32_768)) for count in (200_000, 4_000_000)]
    assert len(lines(tmp_path / "codes.txt")) == 4_000_000
    assert peaks[1] < 300
    assert peaks[1] < peaks[0] + 30
