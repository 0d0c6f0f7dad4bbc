"""A line station as a process of its own, working from a lease in a folder.

python -m printer_jobs --job 7 --platform stick/ --printer 127.0.0.1:9100 --pictures labels/ --journal station/
"""

import argparse
import json
import sys
from pathlib import Path

from printer_jobs.drivers.zpl import ZplPrinter
from printer_jobs.equipment import FolderEye
from printer_jobs.journal import JournalBroken, JournalBusy, JournalCorrupt
from printer_jobs.line_file import ShutGate
from printer_jobs.platform import FolderPlatform, PlatformAway, PlatformRefuses
from printer_jobs.shift import Pace
from printer_jobs.station import Station


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="A line station that works from a lease in a folder.")
    parser.add_argument("--name", default="line 1")
    parser.add_argument("--job", type=int, required=True)
    parser.add_argument("--platform", type=Path, required=True, help="folder with lease.json and ssccs.json")
    parser.add_argument("--printer", required=True, help="host:port of a ZPL printer")
    parser.add_argument("--pictures", type=Path, required=True, help="the camera's folder")
    parser.add_argument("--journal", type=Path, required=True, help="the station's own folder")
    parser.add_argument("--wanted", type=int)
    parser.add_argument("--settle", type=float, default=1.0, help="seconds until an unseen label is given up")
    chosen = parser.parse_args(arguments)
    host, _, port = chosen.printer.rpartition(":")
    station = Station(
        chosen.name,
        platform=FolderPlatform(chosen.platform),
        printer=ZplPrinter(host, int(port)),
        eye=FolderEye(chosen.pictures),
        gate=ShutGate(),
        folder=chosen.journal,
        pace=Pace(settle_s=chosen.settle),
        on_step=lambda step: print(step.kind, json.dumps(step.facts), flush=True),  # noqa: T201
    )
    try:
        summary = station.run(chosen.job, wanted=chosen.wanted)
    except (PlatformAway, PlatformRefuses, JournalCorrupt, JournalBusy, JournalBroken) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 1 if summary.stopped else 0


if __name__ == "__main__":
    raise SystemExit(main())
