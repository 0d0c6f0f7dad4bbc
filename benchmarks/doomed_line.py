"""A line station that dies as it is told, one life after the other, each in a process of its own (fork).

    python -m benchmarks.doomed_line '{"printer": ["zpl", "127.0.0.1:9100", {}], "folder": …, "job": …}'

and then one plan a line on standard input:

| plan          | what happens to this life                                                          |
| ------------- | ---------------------------------------------------------------------------------- |
| at s          | SIGKILL s seconds after the start, wherever it is                                  |
| opcode n      | SIGKILL before the n-th byte-code instruction of the station's own code            |
| fsync k       | SIGKILL when the k-th journal line is written and not yet on disk                  |
| torn k        | SIGKILL with half of the k-th journal line in the file                             |
| print k       | SIGKILL after SENT is on disk, before the first byte of label k                    |
| printed k     | SIGKILL behind the last byte of label k                                            |
| gate k        | SIGKILL when the k-th PASS is in the journal and the gate has not heard of it      |
| full b        | the disk takes b bytes more of the journal and then is full (RLIMIT_FSIZE)         |
| live w        | works until w items have passed, and pauses                                        |
| finish w      | works until w items have passed, packs, gives the rest back                        |

Answers each with [plan, exit code, words]; -9 is a death as planned. "clock" beside a plan shifts the clock by hours.
"""

import errno
import json
import os
import resource
import signal
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any

from foundation import clock
from printer_jobs import journal
from printer_jobs.drivers.catalogue import connect
from printer_jobs.drivers.printer import Capabilities, Label, Printer, PrinterStatus
from printer_jobs.equipment import FolderEye
from printer_jobs.journal import JournalBroken
from printer_jobs.line_file import ShutGate
from printer_jobs.platform import FolderPlatform
from printer_jobs.seal import open_seal
from printer_jobs.shift import Pace
from printer_jobs.station import Station

PACE = Pace(look_s=0.01, settle_s=0.1, patience_s=6.0)
STOPPED, FULL, FAILED = 3, 5, 4
FOREVER = 1 << 40


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Fuse:
    """Burns down by one each time its point is reached."""

    def __init__(self, point: str, count: float) -> None:
        self.point, self.left = point, int(count)

    def at(self, point: str) -> bool:
        if point == self.point:
            self.left -= 1
        return point == self.point and self.left == 0


class DoomedPrinter:
    """Any printer, items and cases alike."""

    def __init__(self, printer: Printer, fuse: Fuse) -> None:
        self._printer, self._fuse = printer, fuse

    @property
    def capabilities(self) -> Capabilities:
        return self._printer.capabilities

    def connect(self) -> None:
        self._printer.connect()

    def begin(self) -> None:
        self._printer.begin()

    def print(self, label: Label) -> None:
        if self._fuse.at("print"):
            die()
        self._printer.print(label)
        if self._fuse.at("printed"):
            die()

    def status(self) -> PrinterStatus:
        return self._printer.status()

    def close(self) -> None:
        self._printer.close()


class DoomedGate(ShutGate):
    fuse: Fuse

    def allow(self, tag: int) -> None:  # noqa: ARG002
        if self.fuse.at("gate"):
            die()


def doom(fuse: Fuse, book: Path) -> None:
    """The point of the plan, wherever it lies outside of the classes above."""
    real_fsync, real_line = os.fsync, journal._line

    def fsync(descriptor: int) -> None:
        if fuse.at("fsync"):
            die()
        real_fsync(descriptor)

    def line(*parts: Any) -> tuple[bytes, bytes]:
        data, head = real_line(*parts)
        if fuse.at("torn"):
            with book.open("ab") as file:
                file.write(data[: len(data) // 2])
            die()
        return data, head

    os.fsync = fsync  # type: ignore[assignment]
    journal._line = line  # type: ignore[assignment]
    if fuse.point == "opcode":
        sys.settrace(_trace(fuse))


def _trace(fuse: Fuse) -> Callable[[FrameType, str, Any], Any]:
    def inside(frame: FrameType, event: str, _: Any) -> Any:  # noqa: ARG001
        if event == "opcode" and fuse.at("opcode"):
            die()
        return inside

    def entered(frame: FrameType, event: str, _: Any) -> Any:  # noqa: ARG001
        if "/printer_jobs/" not in frame.f_code.co_filename:
            return None
        frame.f_trace_opcodes = True
        return inside

    return entered


def live(orders: dict[str, Any], point: str, count: float, hours: float) -> tuple[int, str]:
    """One life: exit code and last words."""
    folder, fuse = Path(orders["folder"]), Fuse(point, count)
    book = folder / "station" / f"job-{orders['job']}.journal"
    printer, gate = DoomedPrinter(connect(*orders["printer"]), fuse), DoomedGate()
    DoomedGate.fuse = fuse
    doom(fuse, book)
    if point == "at":
        timer = threading.Timer(count, die)
        timer.daemon = True
        timer.start()
    if point == "full":
        size = (book.stat().st_size if book.exists() else 0) + int(count)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def now() -> Any:
        return clock.now() + timedelta(hours=hours)

    station = Station(
        "line 1", platform=FolderPlatform(folder / "office"), printer=printer, eye=FolderEye(folder / "pictures"),
        gate=gate, folder=folder / "station", pace=PACE, seal=open_seal(folder / "station", now=now), now=now,
    )  # fmt: skip
    finish, wanted = point == "finish", int(count) if point in ("live", "finish") else FOREVER
    try:
        summary = station.run(orders["job"], wanted=wanted, finish=finish)
    except JournalBroken as broken:
        return FULL, str(broken)
    except OSError as full:  # No room for the lease itself: nothing has begun.
        return (FULL if full.errno == errno.EFBIG else FAILED), repr(full)
    return (STOPPED, summary.stopped) if summary.stopped else (0, str(summary.passed))


def main() -> None:
    orders = json.loads(sys.argv[1])
    for line in sys.stdin:
        plan = json.loads(line)
        words, mouth = os.pipe()
        child = os.fork()
        if child == 0:
            code, said = FAILED, ""
            try:
                code, said = live(orders, *plan)
            except BaseException as error:
                said = repr(error)
            sys.settrace(None)
            os.write(mouth, said.encode()[:4000])
            os._exit(code)
        os.close(mouth)
        _, status = os.waitpid(child, 0)
        said = os.read(words, 4000).decode()
        os.close(words)
        print(json.dumps([plan, os.waitstatus_to_exitcode(status), said]), flush=True)


if __name__ == "__main__":
    main()
