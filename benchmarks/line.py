"""A whole line: driver, virtual printer, camera, judgement, journal; items a minute for each protocol.

    python -m benchmarks.line [--items 1500] [--window 64]

`per_minute` is flat out. `latency_ms` is at the target's pace, a label each 30 ms: from a label under the camera to the
gate's PASS, so reading it, judging it and the journal's fsync. `decision_us` is judgement and journal alone, fsync
included.

What profiling taught (600 labels flat out): two thirds of the station's own time is the choice of a QR mask in the
driver's picture of the code, an eighth is reading the label, the journal with its fsyncs a hundredth. A full queue is
topped up by half windows and what one look saw is one line: with a line a label the fsyncs were the whole cost.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from codegen.gs1 import make_sscc
from printer_jobs.drivers.catalogue import DRIVERS, connect
from printer_jobs.equipment import Sight
from printer_jobs.inspection import judge
from printer_jobs.journal import Journal
from printer_jobs.leases import Leases
from printer_jobs.platform import FolderPlatform, Lease, write_whole
from printer_jobs.seal import open_seal
from printer_jobs.shift import Pace
from printer_jobs.station import Station
from printer_jobs.virtual.belt import BeltEye, VirtualGate
from printer_jobs.virtual.catalogue import start
from printer_jobs.virtual.paper import Paper

TARGET_PER_MINUTE = 2000
PREFIX = "HTTPS://ID.BRAND.CN/01/06901234567892/21/"
LETTERS = np.frombuffer(b"0123456789ABCDEFGHJKMNPQRSTVWXYZ", dtype=np.uint8)
PROTOCOLS = ("zpl", "zipher", "codenet")


class TimedEye(BeltEye):
    """Notes when each label could first be seen."""

    def __init__(self, paper: Paper) -> None:
        super().__init__(paper)
        self.seen_at: dict[int, float] = {}

    def look(self, after: int, timeout_s: float) -> list[Sight]:
        labels = self._printer.since(after, timeout_s)
        now = time.perf_counter()
        for label in labels:
            self.seen_at.setdefault(label.tag, now)
        return [Sight(label.tag, tuple(self._read(label.picture))) for label in labels]


class TimedGate(VirtualGate):
    def __init__(self) -> None:
        super().__init__()
        self.at: dict[int, float] = {}

    def allow(self, tag: int) -> None:
        super().allow(tag)
        self.at[tag] = time.perf_counter()


def office(folder: Path, items: int, pack_size: int) -> FolderPlatform:
    """A folder with a lease of so many random codes."""
    dice = np.random.default_rng(7)
    rows = LETTERS[dice.integers(0, 32, (items, 20))]
    serials = tuple(bytes(row).decode() for row in rows)
    folder.mkdir()
    lease = Lease(7, "line 1", 3 << 36, PREFIX, serials, pack_size, "id.brand.cn", "06901234567892", "贵州茶 250克")
    write_whole(folder / "lease.json", lease.to_json())
    cases = -(-items // pack_size) + 20
    write_whole(folder / "ssccs.json", [make_sscc(3, "6901234", serial) for serial in range(cases)])
    return FolderPlatform(folder)


def through(protocol: str, items: int, window: int, folder: Path, *, pitch_s: float = 0.0) -> dict[str, Any]:
    """So many items printed, read, judged, packed. pitch_s: between two labels; 0 = flat out.

    A coder that prints no case labels has a ZPL printer for them beside it, under the same camera.
    """
    platform, gate, paper = office(folder / "office", items, 24), TimedGate(), Paper()
    with start(protocol, paper=paper) as printer, start("zpl", paper=paper) as labeller:
        printer.mishaps.delay_s = pitch_s
        eye = TimedEye(paper)
        alone = DRIVERS[protocol].capabilities.case_labels
        options = printer.options | ({} if alone else {"cases": labeller.address})
        station = Station(
            "line 1", platform=platform, printer=connect(protocol, printer.address, options), eye=eye, gate=gate,
            folder=folder / "station", pace=Pace(window=window, look_s=0.02, settle_s=0.3),
            seal=open_seal(folder / "station"),
        )  # fmt: skip
        summary = station.run(7)
    waited = np.array([(gate.at[tag] - eye.seen_at[tag]) * 1000 for tag in gate.at])
    book = sum(path.stat().st_size for path in (folder / "station").glob("job-7.journal*"))
    return {
        "items": summary.passed,
        "stopped": summary.stopped,
        "per_minute": round(summary.passed / summary.seconds * 60),
        "latency_ms_p50": round(float(np.percentile(waited, 50)), 2),
        "latency_ms_p99": round(float(np.percentile(waited, 99)), 2),
        "journal_bytes_per_item": round(book / summary.passed, 1),
    }


def decisions(count: int, folder: Path) -> dict[str, float]:
    """Judgement and journal alone: microseconds an item, and the longest, over so many."""
    lease = office(folder / "office", count, 24).lease(7)
    leases = Leases(folder / "held", 7)
    leases.keep(lease)
    journal = Journal(folder / "held" / "journal", job="7", station="line 1", lease=(lease.first, lease.end))
    took: list[float] = []
    for first in range(lease.first, lease.end - 8, 8):
        journal.append(["SENT", first, first + 8])
        for item in range(first, first + 8):
            took.append(_one(journal, leases, Sight(journal.serials.last_tag + 1, (lease.code(item),))))
    journal.close()
    return {
        "decision_us_p50": round(float(np.percentile(took, 50)) * 1e6, 1),
        "decision_us_p99": round(float(np.percentile(took, 99)) * 1e6, 1),
    }


def _one(journal: Journal, leases: Leases, sight: Sight) -> float:
    begun = time.perf_counter()
    judgement = judge(journal.serials, leases, sight)
    with journal.block():
        for one in judgement.records:
            journal.add(one)
    return time.perf_counter() - begun


def run(items: int, window: int, protocols: Sequence[str] = PROTOCOLS) -> dict[str, Any]:
    figures: dict[str, Any] = {"target_per_minute": TARGET_PER_MINUTE}
    for protocol in protocols:
        with tempfile.TemporaryDirectory() as fast, tempfile.TemporaryDirectory() as paced:
            flat_out = through(protocol, items, window, Path(fast))
            at_pace = through(protocol, items // 4, window, Path(paced), pitch_s=60 / TARGET_PER_MINUTE)
        latency = {name: at_pace[name] for name in ("latency_ms_p50", "latency_ms_p99", "journal_bytes_per_item")}
        figures[protocol] = flat_out | latency
    with tempfile.TemporaryDirectory() as folder:
        return figures | decisions(items, Path(folder))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Items a minute through a whole line.")
    parser.add_argument("--items", type=int, default=1500)
    parser.add_argument("--window", type=int, default=64)
    chosen = parser.parse_args()
    print(json.dumps(run(chosen.items, chosen.window)))
