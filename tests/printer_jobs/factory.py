"""A factory floor for stories: a virtual printer, a camera over its labels, a gate, a station, an office folder."""

import json
from collections import Counter
from pathlib import Path

from codegen.gs1 import make_sscc
from printer_jobs.drivers.zpl import ZplPrinter
from printer_jobs.platform import FolderPlatform, Lease
from printer_jobs.shift import Pace, Step
from printer_jobs.station import Station, Summary
from printer_jobs.virtual.belt import BeltEye, VirtualGate
from printer_jobs.virtual.zpl import VirtualZplPrinter

PREFIX = "HTTPS://ID.BRAND.CN/01/06901234567892/21/"
FIRST = 3 << 36 | 500
JOB = 7
QUICK = Pace(look_s=0.02, settle_s=0.15, patience_s=5.0)


def lease(count: int, pack_size: int = 24) -> Lease:
    serials = tuple(f"{index:020}" for index in range(count))
    return Lease(JOB, "line 1", FIRST, PREFIX, serials, pack_size, "id.brand.cn", "06901234567892", "贵州茶 250克")


class Floor:
    """Use as a context manager. `floor.run()` is the operator pressing START."""

    def __init__(self, folder: Path, *, count: int = 30, pack_size: int = 24, pace: Pace = QUICK) -> None:
        self.folder, self.lease, self.pace = folder, lease(count, pack_size), pace
        self.office = FolderPlatform(folder / "office")
        self.office.folder.mkdir(parents=True)
        (self.office.folder / "lease.json").write_text(json.dumps(self.lease.to_json()))
        numbers = [make_sscc(3, "6901234", serial) for serial in range(200 + 2 * count)]
        (self.office.folder / "ssccs.json").write_text(json.dumps(numbers))
        self.printer = VirtualZplPrinter(out=folder / "pictures")
        self.mishaps, self.gate = self.printer.mishaps, VirtualGate()
        self.steps: list[Step] = []
        self.on_step = self.steps.append

    def station(self, **parts) -> Station:
        kit = {
            "platform": self.office,
            "printer": ZplPrinter("127.0.0.1", self.printer.port, timeout_s=0.3),
            "eye": BeltEye(self.printer),
            "gate": self.gate,
            "folder": self.folder / "station",
            "pace": self.pace,
            "on_step": lambda step: self.on_step(step),
        }
        return Station("line 1", **(kit | parts))

    def run(self, wanted: int | None = 24, **options) -> Summary:
        return self.station().run(JOB, wanted=wanted, **options)

    def report(self) -> dict:
        return json.loads((self.office.folder / "report.json").read_text())

    def kinds(self) -> list[str]:
        return [step.kind for step in self.steps]

    def verdicts(self) -> Counter:
        return Counter(step.facts["verdict"] for step in self.steps if step.kind in ("passed", "rejected", "packed"))

    def printed_twice(self) -> list[str]:
        return [text for text, times in Counter(self.printer.texts).items() if times > 1]

    def __enter__(self) -> "Floor":
        return self

    def __exit__(self, *_) -> None:
        self.printer.close()
