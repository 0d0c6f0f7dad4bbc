"""A line to practise on: the real station and page, printers and camera of bits, and trouble when somebody wants it.

Codes point to a name that never resolves, SSCCs and GTIN are of GS1's numbers for use within a company, and all of it
lies in a folder that goes with the program: nothing that is printed here can be taken for a product.

| trouble                         | what the trainee sees                         | over when                  |
| ------------------------------- | --------------------------------------------- | -------------------------- |
| paper-out ribbon-out head-open  | the printer's fault with its fix              | somebody says it is fixed  |
| printer-silent                  | no answer from the printer                    | fixed                      |
| camera-away                     | nothing new is printed                        | fixed                      |
| platform-away                   | a mild word; the line works on                | fixed                      |
| smudged                         | six labels nobody can read: the line stops    | six labels later           |
| copied                          | the label before once more: the line stops    | one label later            |
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from codegen.gs1 import make_sscc
from foundation.errors import NotFound
from printer_jobs.drivers.catalogue import DRIVERS, connect
from printer_jobs.drivers.printer import Fault
from printer_jobs.equipment import Sight, Trouble
from printer_jobs.examiner import Optics
from printer_jobs.platform import JSON, FolderPlatform, Lease, PlatformAway, write_whole
from printer_jobs.seal import open_seal
from printer_jobs.shift import Pace, Step
from printer_jobs.shift_report import Account, Language
from printer_jobs.station import Station, Summary
from printer_jobs.virtual.belt import BeltEye, VirtualGate
from printer_jobs.virtual.catalogue import start
from printer_jobs.virtual.paper import Paper
from scan_api.line_desk import Job
from scan_api.line_floor import account_of

STATION = "TRAINING"
PREFIX = "HTTPS://TRAIN.TEST/01/02000000000000/21/"  # RFC 2606: .test resolves nowhere.
HOST, GTIN, COMPANY = "train.test", "02000000000000", "0200000"
NAMES = ("练习 · 乌龙茶 250克", "Practice · Oolong tea 250 g")
CODES, PACK = 600, 24
PITCH_S, SMUDGED = 0.5, 6
PACE = Pace(settle_s=0.5, patience_s=120.0)
FAULTS = {"paper-out": Fault.PAPER_OUT, "ribbon-out": Fault.RIBBON_OUT, "head-open": Fault.HEAD_OPEN}
TROUBLES = (*FAULTS, "printer-silent", "camera-away", "platform-away", "smudged", "copied")


class UnknownTrouble(NotFound):
    type = "unknown-trouble"


class PracticePlatform(FolderPlatform):
    """away: it does not answer."""

    away = False

    def report(self, job: int, report: JSON) -> JSON:
        self._answers()
        return super().report(job, report)

    def heartbeat(self, job: int, state: JSON) -> None:
        self._answers()
        super().heartbeat(job, state)

    def _answers(self) -> None:
        if self.away:
            raise PlatformAway("The platform does not answer.")


class PracticeEye(BeltEye):
    """away: it shows nothing. copied: the next product carries the label of the one before."""

    away = copied = False
    _before: tuple[str, ...] = ()

    def trouble(self) -> Trouble | None:
        return Trouble("The camera shows nothing; look at its cable.") if self.away else None

    def look(self, after: int, timeout_s: float) -> list[Sight]:
        seen = super().look(after, timeout_s)
        return [] if self.away else [self._stuck(one) for one in seen]

    def _stuck(self, sight: Sight) -> Sight:
        if len(sight.texts) != 1:
            return sight
        if self.copied and self._before:
            self.copied = False
            return replace(sight, texts=self._before)
        self._before = sight.texts
        return sight


class TrainingFloor:
    """As any floor. pitch_s: between two labels. Close it: the printers stop."""

    def __init__(self, folder: Path, protocol: str, *, codes: int = CODES, pitch_s: float = PITCH_S) -> None:
        """Raises BadPrinter for a protocol no virtual printer speaks."""
        self._folder, self._codes, self._job, self._done = folder, codes, 0, True
        self._closing, paper = ExitStack(), Paper()
        self._printer = self._closing.enter_context(start(protocol, paper=paper))
        self._printer.mishaps.delay_s = pitch_s
        self._printer.prefix = PREFIX
        options: dict[str, Any] = self._printer.options
        if not DRIVERS[protocol].capabilities.case_labels:
            options["cases"] = self._closing.enter_context(start("zpl", paper=paper)).address
        self._driver = protocol, self._printer.address, options
        module_px = 4 if DRIVERS[protocol].capabilities.case_labels else 5
        self._eye = PracticeEye(paper, optics=Optics(module_px=module_px, patience_s=1.0))
        self._platform = PracticePlatform(folder)
        self.lasting: tuple[str, ...] = ()

    def jobs(self) -> Sequence[Job]:
        """One job; when it is done the next."""
        self._platform._answers()
        if self._done:
            self._job, self._done = self._job + 1, False
            self._platform.folder = self._office(self._job)
        return [Job(self._job, *NAMES, self._codes)]

    def run(self, job: int, on_step: Callable[[Step], object], halted: Callable[[], bool]) -> Summary:
        station = Station(
            STATION, platform=self._platform, printer=connect(*self._driver), eye=self._eye, gate=VirtualGate(),
            folder=self._folder / "station", pace=PACE, seal=open_seal(self._folder / "station"),
            on_step=on_step, halted=halted,
        )  # fmt: skip
        summary = station.run(job)
        self._done = summary.stopped is None
        return summary

    def account(self, job: int, language: Language) -> Account | None:
        return account_of(self._folder / "station", job, NAMES[language == "en"])

    def happen(self, trouble: str) -> None:
        """Make it happen now. Raises UnknownTrouble."""
        if trouble not in TROUBLES:
            raise UnknownTrouble(f"Nothing called {trouble} can be practised; choose one of {', '.join(TROUBLES)}.")
        if trouble == "copied":
            self._eye.copied = True
        elif trouble == "smudged":
            burnt = self._printer.burnt
            self._printer.mishaps.smudged |= set(range(burnt + 1, burnt + 1 + SMUDGED))
        else:
            self._begin(trouble)
            self.lasting = tuple(dict.fromkeys((*self.lasting, trouble)))

    def mend(self) -> None:
        """Everything that lasts is over."""
        self._printer.mishaps.silent = self._eye.away = self._platform.away = False
        self._printer.repair()
        self.lasting = ()

    def close(self) -> None:
        self._closing.close()

    def _begin(self, trouble: str) -> None:
        match trouble:
            case "printer-silent":
                self._printer.mishaps.silent = True
            case "camera-away":
                self._eye.away = True
            case "platform-away":
                self._platform.away = True
            case _:
                self._printer.fail(FAULTS[trouble])

    def _office(self, job: int) -> Path:
        """A memory stick with a job on it."""
        folder = self._folder / f"office-{job}"
        folder.mkdir(parents=True)
        serials = tuple(f"{job:08}{at:012}" for at in range(self._codes))
        lease = Lease(job, STATION, job * 1_000_000, PREFIX, serials, PACK, HOST, GTIN, NAMES[0])
        write_whole(folder / "lease.json", lease.to_json())
        write_whole(folder / "ssccs.json", [make_sscc(0, COMPANY, job * 10_000 + at) for at in range(self._codes)])
        return folder
