"""kill -9 of the station, anywhere, whatever the printer speaks: no number is printed twice, none unaccounted (P5)."""

import json
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from printer_jobs.equipment import FolderEye
from printer_jobs.serials import numbers
from tests.printer_jobs.coder_floor import CoderFloor
from tests.printer_jobs.factory import JOB

ROOT = Path(__file__).parents[2]
PROTOCOLS = ["zpl", "zipher", "codenet"]
POINTS = ["fsync", "torn", "print", "half", "printed", "gate", "packed"]


def die_again_and_again(floor, plans, wanted):
    orders = {
        "printer": floor.told(timeout_s=1.0),
        "folder": str(floor.folder),
        "job": JOB,
        "wanted": wanted,
        "plans": plans,
    }
    command = [sys.executable, "-m", "tests.printer_jobs.doomed_station", json.dumps(orders)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def account_for_everything(floor, summary):
    """Paper against books: the printer's own memory is the truth."""
    times = Counter(text for text in floor.printer.texts if "/01/" in text)
    cases = Counter(text for text in floor.printer.texts if text.startswith("(00)"))
    assert max((times + cases).values()) == 1, "a number was printed twice"
    report = floor.report()
    books = {name: numbers(report[name]) for name in ("commissioned", "returned")}
    books |= {name: [n for told in report[name] for n in numbers(told["items"])] for name in ("scrapped", "void")}
    listed = sorted(n for part in books.values() for n in part)
    assert listed == list(range(floor.lease.first, floor.lease.end)), "the parts are not the lease"
    assert all(times[floor.lease.code(n)] == 1 for n in books["commissioned"]), "a product has no label"
    assert not any(times[floor.lease.code(n)] for n in books["returned"]), "a printed number was given back"
    packed = sorted(n for case in report["packed"] for n in numbers(case["items"]))
    assert packed == books["commissioned"], "a product lies in no case, or in two"
    assert {f"(00){sscc}" for sscc in summary.cases} <= set(cases)
    assert summary.balance.proven


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_station_killed_at_every_kind_of_moment_accounts_for_everything(tmp_path, protocol):
    dice = random.Random(1)
    plans = [[point, dice.randint(1, 6) if point != "packed" else 1] for point in POINTS]
    with CoderFloor(tmp_path, protocol, count=400, pack_size=6) as floor:  # A busy machine dies late, and feeds more.
        fates, errors = die_again_and_again(floor, plans, wanted=400)
        assert [code for _, code in fates] == [-9] * len(plans), (fates, errors)
        passed = floor.station(eye=FolderEye(tmp_path / "pictures")).run(JOB, wanted=0, finish=False).passed
        summary = floor.station(eye=FolderEye(tmp_path / "pictures")).run(JOB, wanted=passed + 10)
        assert summary.stopped is None
        assert summary.void + summary.scrapped <= 8 * len(plans)
        account_for_everything(floor, summary)


def random_plan(dice):
    if dice.random() < 0.6:
        return ["at", round(dice.uniform(0.005, 0.4), 4)]
    return [dice.choice(POINTS), dice.randint(1, 12)]


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_hundreds_of_deaths_at_random_instants(tmp_path, seed, protocol):
    dice = random.Random(seed)
    plans = [random_plan(dice) for _ in range(150)]
    with CoderFloor(tmp_path, protocol, count=20_000, pack_size=6) as floor:
        floor.mishaps.smudged = {dice.randint(1, 5000) for _ in range(100)}
        floor.mishaps.lost = {dice.randint(1, 5000) for _ in range(50)}
        fates, errors = die_again_and_again(floor, plans, wanted=20_000)
        assert [code for _, code in fates] == [-9] * len(plans), errors
        passed = floor.station(eye=FolderEye(tmp_path / "pictures")).run(JOB, wanted=0, finish=False).passed
        summary = floor.station(eye=FolderEye(tmp_path / "pictures")).run(JOB, wanted=passed + 10)
        assert summary.stopped is None
        account_for_everything(floor, summary)
