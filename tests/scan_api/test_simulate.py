"""`onecode simulate`: a world on disk that reads back the same, refusals in a sentence, scans against the real API."""

import json
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from antifraud.simulator import files
from antifraud.simulator.parameters import Parameters
from antifraud.simulator.plan import parse
from antifraud.simulator.world import simulate
from foundation.errors import BadRequest
from scan_api import driving
from scan_api.cli import app
from scan_api.driving import Drive

SMALL = ("--scale", "0.005", "--seed", "7", "--attacks", "A1,A6x2")


def run(*words: object):
    return CliRunner().invoke(app, ["simulate", *map(str, words)])


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("worlds") / "one"
    done = run("--out", out, *SMALL)
    assert done.exit_code == 0, done.output
    return out


def test_the_same_command_writes_the_same_bytes(folder, tmp_path):
    assert run("--out", tmp_path / "again", *SMALL).exit_code == 0
    assert contents(tmp_path / "again") == contents(folder)
    assert run("--out", tmp_path / "other", *SMALL, "--seed", "8").exit_code == 0
    assert contents(tmp_path / "other") != contents(folder)


def test_it_reads_back_as_it_was_made(folder):
    made = simulate(Parameters(scale=0.005), seed=7, plan=parse("A1,A6x2"))
    events, truth = files.read_events(folder), files.read_truth(folder)
    for part, tables in ((events, files.EVENTS), (truth, files.TRUTH)):
        whole = made.events if part is events else made.truth
        for name, kind in tables.items():
            for one in fields(kind):
                read, kept = getattr(getattr(part, name), one.name), getattr(getattr(whole, name), one.name)
                assert read.dtype == kept.dtype
                assert read.tobytes() == kept.tobytes(), (name, one.name)
    assert events.dealers == made.events.dealers


def test_truth_lies_apart_and_both_are_described(folder):
    readme = (folder / "README.md").read_text()
    for area in ("events", "truth"):
        for table in (folder / area).iterdir():
            assert f"## {area}/{table.name}" in readme
            for column in table.glob("*.npy"):
                assert f"| {column.stem} |" in readme
    assert "25 diverted" in readme
    about = json.loads((folder / "world.json").read_text())
    assert (about["seed"], about["attacks"], about["parameters"]["scale"]) == (7, {"A1": 1.0, "A6": 2.0}, 0.005)
    assert not any("cause" in path or "diverted" in path for path in contents(folder) if path.startswith("events"))


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    done = run("--out", tmp_path, *SMALL)
    assert isinstance(done.exception, BadRequest)
    assert "not an empty folder" in done.exception.detail
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize(("words", "said"), [
    (("--scale", "0"), "scale 0"),
    (("--scale", "50"), "0.001 to 4"),
    (("--attacks", "A11"), "'A11' is no attack"),
    (("--drive", "http://127.0.0.1:9"), "--codes FILE"),
    (("--drive", "ftp://127.0.0.1", "--codes", "CODES"), "no address of an API"),
    (("--drive", "http://example.com", "--codes", "CODES"), "not this machine"),
    (("--drive", "http://127.0.0.1:9", "--codes", "CODES", "--scans", "20000"), "1 to 10,000 scans"),
    (("--drive", "http://127.0.0.1:9", "--codes", "CODES", "--seconds", "0"), "at most 600 seconds"),
    (("--drive", "http://127.0.0.1:9", "--codes", "EMPTY"), "holds no code"),
])  # fmt: skip
def test_what_cannot_be_is_said_before_anything_is_made(tmp_path, words, said):
    (tmp_path / "CODES").write_text("HTTPS://ID.BRAND.CN/01/06901234567892/21/ABC\n")
    (tmp_path / "EMPTY").write_text("\n")
    named = [str(tmp_path / word) if word in ("CODES", "EMPTY") else word for word in words]
    done = run("--out", tmp_path / "world", *named)
    assert isinstance(done.exception, BadRequest), done.output
    assert said in done.exception.detail
    assert not (tmp_path / "world").exists()


def test_scans_of_a_world_are_judged_by_the_real_api(world):
    season = simulate(Parameters(scale=0.005), seed=7, plan=parse("none"))
    texts = [item.text for item in world.factory.make_case(12)]
    said = driving.play(Drive("http://127.0.0.1:1", 30, 8.0), season.events.scans, texts, world.http)
    sent = season.events.scans.take(slice(0, 30))
    wrong = int((sent.outcome == 3).sum())
    assert 12 <= said.total() <= 30
    assert said["genuine"] + said["suspicious"] + said["genuine_again"] + said["unknown"] == said.total()
    assert said["genuine"] >= 10
    assert said["unknown"] <= wrong


def test_codes_run_out_and_time_runs_out(world):
    season = simulate(Parameters(scale=0.005), seed=7, plan=parse("none"))
    texts = [item.text for item in world.factory.make_case(2)]
    assert driving.play(Drive("http://127.0.0.1:1", 30, 0.2), season.events.scans, texts, world.http).total() < 30
    late = driving.play(Drive("http://127.0.0.1:1", 30, 1e-9), season.events.scans, texts, world.http)
    assert late["not sent: out of time"] > 0


def test_positions_are_sent_only_where_a_phone_would_send_them():
    scans = simulate(Parameters(scale=0.005), seed=7, plan=parse("none")).events.scans
    bodies = list(driving._bodies(scans, [f"C{at}" for at in range(200)], 200))
    located = np.isin(scans.method[: len(bodies)], (1, 2, 3))
    assert [("location" in body) for body in bodies] == located.tolist()
    assert all(body["location"]["accuracy_m"] >= 0 for body in bodies if "location" in body)
