"""Kill the station a thousand times, and its printer, link, disk and clock beside: is every code accounted for (P5)?

    python -m benchmarks.line_kills --kills 1000 --seed 1 --state kills.json [--protocol zipher]

A piece is one job: a fresh station, `PER_PIECE` deaths at random instants, byte-code instructions and named points,
mixed with accidents; then it is left alone to finish, and the books are laid beside what the virtual printer really
printed. With --state each finished piece is kept, and the same command goes on where it was stopped. One line of JSON.
A coder that prints no case labels has a ZPL printer for them beside it; either may be killed, and either link cut.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from codegen.gs1 import make_sscc
from printer_jobs import record
from printer_jobs.drivers.catalogue import DRIVERS
from printer_jobs.platform import Lease
from printer_jobs.seal import PUBLIC_NAME, read_public
from printer_jobs.serials import numbers
from printer_jobs.virtual.catalogue import start
from printer_jobs.virtual.paper import Paper

PER_PIECE, COUNT, PACK, JOB, FIRST = 50, 4000, 6, 7, 3 << 36 | 500
PREFIX = "HTTPS://ID.BRAND.CN/01/06901234567892/21/"
POINTS = ("fsync", "torn", "print", "printed", "gate")
# What a line may say when it stops by itself; anything else (a number seen twice, one never sent) is our defect.
HONEST = ("labels in a row failed", "No connection to the printer", "It keeps happening", "prints none")


class Broken(AssertionError):
    """The promise does not hold; the sentence says where."""


@dataclass
class Tally:
    """Counts over all pieces."""

    pieces: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    accidents: Counter[str] = field(default_factory=Counter)
    stopped: int = 0
    labels: int = 0
    issued: int = 0
    passed: int = 0
    scrapped: int = 0
    void: int = 0
    returned: int = 0
    printed_twice: int = 0
    unaccounted: int = 0

    def add(self, other: "Tally") -> None:
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)


class Floor:
    """Office folder, printers and the doomed process of one piece."""

    def __init__(self, folder: Path, protocol: str) -> None:
        self.folder, self.paper = folder, Paper(folder / "pictures")
        (folder / "office").mkdir()
        lease = Lease(
            JOB, "line 1", FIRST, PREFIX, tuple(f"{at:020}" for at in range(COUNT)), PACK, "id.brand.cn",
            "06901234567892", "贵州茶 250克",
        )  # fmt: skip
        self.lease = lease
        (folder / "office" / "lease.json").write_text(json.dumps(lease.to_json()))
        cases = [make_sscc(3, "6901234", serial) for serial in range(COUNT)]
        (folder / "office" / "ssccs.json").write_text(json.dumps(cases))
        self.printers = [start(protocol, paper=self.paper)]
        options = self.printers[0].options | {"timeout_s": 1.0}
        if not DRIVERS[protocol].capabilities.case_labels:
            self.printers.append(start("zpl", paper=self.paper))
            options["cases"] = self.printers[1].address
        orders = {"printer": [protocol, self.printers[0].address, options], "folder": str(folder), "job": JOB}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.doomed_line", json.dumps(orders)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def live(self, point: str, count: float, hours: float = 0.0) -> tuple[int, str]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([point, count, hours]) + "\n")
        self._process.stdin.flush()
        _, code, said = json.loads(self._process.stdout.readline())
        return code, said

    def kill_printer(self, which: int) -> None:
        """Switched off in the middle: what was in its buffer is gone, and nobody says so."""
        old = self.printers[which]
        old.close()
        self.printers[which] = start(old.protocol, port=old.port, mishaps=old.mishaps, paper=self.paper)

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)
        for printer in self.printers:
            printer.close()


def piece(seed: int, kills: int, folder: Path, protocol: str) -> Tally:
    """One job with `kills` deaths. Raises Broken."""
    dice, tally, floor = np.random.default_rng(seed), Tally(pieces=1), Floor(folder, protocol)
    floor.printers[0].mishaps.smudged = set(dice.integers(1, 2000, 40).tolist())
    floor.printers[0].mishaps.lost = set(dice.integers(1, 2000, 20).tolist())
    try:
        while tally.kills.total() < kills:
            _one_life(floor, dice, tally)
        _finish(floor, tally)
    finally:
        floor.close()
    _account(floor, tally)
    return tally


def _one_life(floor: Floor, dice: np.random.Generator, tally: Tally) -> None:
    point, count = _plan(dice)
    hours = float(dice.choice([0.0, 0.0, -1.0, -8760.0]))
    tally.accidents["clock back"] += hours < 0
    accident = str(dice.choice(["none"] * 6 + ["killed printer", "cut link"]))
    which = int(dice.integers(len(floor.printers)))
    timer = threading.Timer(float(dice.uniform(0.02, 0.3)), _accident, [floor, accident, which])
    timer.start()
    code, said = floor.live(point, count, hours)
    timer.join()
    tally.accidents[accident] += accident != "none"
    if code == -9:
        tally.kills[point] += 1
    elif point == "full" and code == 5:
        tally.accidents["full disk"] += 1
    elif code == 3 and any(words in said for words in HONEST):
        tally.stopped += 1
    elif code != 0:
        raise Broken(f"plan {point} {count}: exit {code}, {said}")


def _plan(dice: np.random.Generator) -> tuple[str, float]:
    kind = dice.random()
    if kind < 0.45:
        return "at", round(float(dice.uniform(0.005, 0.5)), 4)
    if kind < 0.7:
        return "opcode", int(dice.integers(1, 120_000))
    if kind < 0.95:
        return str(dice.choice(POINTS)), int(dice.integers(1, 12))
    return "full", int(dice.integers(1, 2000))


def _accident(floor: Floor, accident: str, which: int) -> None:
    if accident == "killed printer":
        floor.kill_printer(which)
    elif accident == "cut link":
        floor.printers[which].drop_link()


def _finish(floor: Floor, tally: Tally) -> None:
    """Left alone, the line comes to its end; a person presses START again where it stopped honestly."""
    for _ in range(20):
        code, said = floor.live("finish", 0)
        if code == 0:
            return
        if code != 3 or not any(words in said for words in HONEST):
            raise Broken(f"the last run: exit {code}, {said}")
        tally.stopped += 1
    raise Broken("the line does not come to its end")


def _account(floor: Floor, tally: Tally) -> None:
    """Paper against books: the printer's own memory is the truth. Raises Broken."""
    lease, times = floor.lease, Counter(floor.paper.texts)
    report = json.loads((floor.folder / "office" / "report.json").read_text())
    books: dict[str, list[int]] = {name: numbers(report[name]) for name in ("commissioned", "returned")}
    books |= {name: [n for told in report[name] for n in numbers(told["items"])] for name in ("scrapped", "void")}
    twice = [text for text, count in times.items() if count > 1 and text.startswith(("HTTPS://ID.BRAND.CN/01", "(00)"))]
    listed = Counter(number for part in books.values() for number in part)
    lost = [number for number in range(lease.first, lease.end) if listed[number] != 1]
    lost += [number for number in books["commissioned"] if times[lease.code(number)] != 1]
    lost += [number for number in books["returned"] if times[lease.code(number)]]
    packed = sorted(number for case in report["packed"] for number in numbers(case["items"]))
    tally.printed_twice, tally.unaccounted = len(twice), len(lost)
    if twice or lost or packed != books["commissioned"] or report["open"]:
        raise Broken(f"printed twice {twice[:3]}, unaccounted {lost[:3]}, open {report['open']}")
    account = record.audit(
        floor.folder / "station" / f"job-{JOB}.journal", [read_public(floor.folder / "station" / PUBLIC_NAME)]
    )
    if account.discrepancy or account.balance is None:
        raise Broken(f"the auditor says: {account.discrepancy}")
    tally.labels += len(floor.paper.texts)
    tally.issued += account.balance.leased
    tally.passed += account.balance.commissioned
    tally.scrapped += account.balance.scrapped
    tally.void += account.balance.void
    tally.returned += account.balance.returned


def run(kills: int, seed: int, state: Path | None, protocol: str) -> dict[str, Any]:
    """All pieces; those in `state` are not done again."""
    done: dict[str, Any] = json.loads(state.read_text()) if state and state.exists() else {}
    pieces = -(-kills // PER_PIECE)
    for number in range(pieces):
        name = f"{protocol}.{seed}.{number}"
        if name in done:
            continue
        with tempfile.TemporaryDirectory() as folder:
            asked = min(PER_PIECE, kills - number * PER_PIECE)
            made = piece(seed * 100_000 + number, asked, Path(folder), protocol)
        done[name] = vars(made)
        if state:
            state.write_text(json.dumps(done))
    whole = Tally()
    for number in range(pieces):
        kept = done[f"{protocol}.{seed}.{number}"]
        counters = {name: Counter(kept[name]) for name in ("kills", "accidents")}
        whole.add(Tally(**{**kept, **counters}))
    figures = vars(whole) | {"seeds": [seed * 100_000 + number for number in range(pieces)]}
    return {"protocol": protocol, "kills_total": whole.kills.total(), **figures}


def main() -> None:
    parser = argparse.ArgumentParser(description="Kill the station, and count what is not accounted for.")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--protocol", choices=("zpl", "zipher", "codenet"), default="zpl")
    parser.add_argument("--state", type=Path, help="where finished pieces are kept")
    chosen = parser.parse_args()
    try:
        print(json.dumps(run(chosen.kills, chosen.seed, chosen.state, chosen.protocol)))
    except Broken as broken:
        print(f"The promise does not hold for {chosen.protocol} with seed {chosen.seed}: {broken}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
