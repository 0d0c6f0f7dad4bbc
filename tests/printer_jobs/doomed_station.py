"""Station processes that die: one after the other, each by SIGKILL at the point its plan names.

    python -m tests.printer_jobs.doomed_station '{"printer": ["zpl", "127.0.0.1:9100", {}], "folder": …, "job": …,
                                                  "wanted": …, "plans": [["print", 3], ["at", 0.2]]}'

| plan         | dies                                                                        |
| ------------ | --------------------------------------------------------------------------- |
| fsync k      | when the k-th journal line is written, before it is on disk                 |
| torn k       | with half of the k-th journal line in the file                              |
| print k      | after SENT is durable, before the first byte of label k                     |
| half k       | with half of the bytes of label k on their way                              |
| printed k    | right behind the last byte of label k                                       |
| gate k       | when the k-th PASS is in the journal, before the gate hears of it           |
| packed k     | when the k-th case number was asked for, before the station keeps it         |
| at s         | s seconds after the start, wherever it is                                   |
| live         | not at all                                                                  |

One process forks them all, so that a death costs milliseconds. Prints the last journal sequence after each.
"""

import json
import os
import signal
import sys
import threading
from pathlib import Path

from printer_jobs import journal as journal_module
from printer_jobs.drivers.catalogue import connect
from printer_jobs.drivers.link import Link
from printer_jobs.equipment import FolderEye
from printer_jobs.platform import FolderPlatform
from printer_jobs.shift import Pace
from printer_jobs.station import Station
from printer_jobs.virtual.belt import VirtualGate

PACE = Pace(look_s=0.01, settle_s=0.1, patience_s=10.0)


def die():
    os.kill(os.getpid(), signal.SIGKILL)


class Fuse:
    """Burns down by one each time its point is reached."""

    def __init__(self, point, count):
        self.point, self.left = point, count

    def at(self, point):
        if point == self.point:
            self.left -= 1
        return point == self.point and self.left == 0


class DoomedPrinter:
    """Any printer, items and cases alike."""

    def __init__(self, printer, fuse):
        self._printer, self._fuse = printer, fuse

    def __getattr__(self, name):
        return getattr(self._printer, name)

    def print(self, label):
        if self._fuse.at("print"):
            die()
        if self._fuse.at("half"):
            Link.send = send_half(Link.send)
        self._printer.print(label)
        if self._fuse.at("printed"):
            die()


def send_half(send):
    def half(link, data):
        send(link, data[: len(data) // 2])
        die()

    return half


class DoomedGate(VirtualGate):
    fuse: Fuse

    def allow(self, tag):
        if self.fuse.at("gate"):
            die()
        super().allow(tag)


class DoomedPlatform(FolderPlatform):
    fuse: Fuse

    def case_numbers(self, job, first, count):
        numbers = super().case_numbers(job, first, 1)
        if self.fuse.at("packed"):
            die()
        return numbers


def doom_the_journal(fuse):
    """os.fsync and the line before it, as the journal calls them."""
    real_fsync, real_line = os.fsync, journal_module._line

    def fsync(descriptor):
        if fuse.at("fsync"):
            die()
        real_fsync(descriptor)

    def line(*parts):
        data, head = real_line(*parts)
        if fuse.at("torn"):
            with open(fuse.path, "ab") as file:
                file.write(data[: len(data) // 2])
            die()
        return data, head

    os.fsync, journal_module._line = fsync, line


def live(orders, plan):
    """One life of the station."""
    folder = Path(orders["folder"])
    point, count = (*plan, 0)[:2]
    fuse = Fuse(point, count)
    fuse.path = folder / "station" / f"job-{orders['job']}.journal"
    platform, gate = DoomedPlatform(folder / "office"), DoomedGate()
    platform.fuse = gate.fuse = fuse
    printer = DoomedPrinter(connect(*orders["printer"]), fuse)
    doom_the_journal(fuse)
    if point == "at":
        timer = threading.Timer(count, die)
        timer.daemon = True
        timer.start()
    eye = FolderEye(folder / "pictures")
    station = Station(
        "line 1", platform=platform, printer=printer, eye=eye, gate=gate, folder=folder / "station", pace=PACE
    )
    summary = station.run(orders["job"], wanted=orders["wanted"])
    sys.stderr.write(f"{plan} survived: {summary}\n")
    sys.stderr.flush()
    return 3 if summary.stopped else 0


def main():
    orders = json.loads(sys.argv[1])
    for plan in orders["plans"]:
        child = os.fork()
        if child == 0:
            try:
                os._exit(live(orders, plan))
            except BaseException as error:
                sys.stderr.write(f"{plan}: {error!r}\n")
                sys.stderr.flush()
                os._exit(4)
        _, status = os.waitpid(child, 0)
        print(json.dumps([plan, os.waitstatus_to_exitcode(status)]), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
