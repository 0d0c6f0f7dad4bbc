"""A job carried to a line without network on a memory stick, and the line's story carried home.

Out: lease.json (then lease-1.json, …) and ssccs.json. Home: report.json (report-1.json, …), and pairs.json where caps
were joined. Both ways may be done again: the same block has the same codes, and a report counts once. A stick holds one
job; another is not written over it.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from printer_jobs.office import SPARE_CASES
from printer_jobs.platform import CaseNumber, Platform, PlatformRefuses, numbered, write_whole


@dataclass(frozen=True, slots=True)
class Carried:
    """What is on the stick: codes and case numbers out, or blocks that were told home."""

    job: int
    blocks: int
    items: int = 0
    cases: int = 0


def put(platform: Platform, job: int, folder: Path) -> Carried:
    """Write a job's blocks and case numbers. Raises PlatformAway, PlatformRefuses, OSError."""
    held = _read(folder / "lease.json")
    there = held.get("job") if isinstance(held, dict) else held
    if there not in (None, job):
        raise PlatformRefuses(f"{folder} holds job {there}; bring that home and empty it, or take another.")
    folder.mkdir(parents=True, exist_ok=True)
    leases = [platform.lease(job)]
    leases += [platform.lease(job, block) for block in range(1, leases[0].blocks)]
    items, numbers = sum(len(lease.serials) for lease in leases), list[CaseNumber]()
    while (missing := -(-items // leases[0].pack_size) + SPARE_CASES - len(numbers)) > 0:
        numbers += platform.case_numbers(job, len(numbers), missing)
    write_whole(folder / "ssccs.json", [number.to_json() for number in numbers])
    for lease in reversed(leases):  # The first one last: with it the stick is whole.
        write_whole(folder / numbered("lease", lease.block), lease.to_json())
    return Carried(job, len(leases), items, len(numbers))


def bring(platform: Platform, folder: Path) -> Carried:
    """Tell the platform what the line wrote. Raises PlatformAway, PlatformRefuses also for a stick without a story."""
    blocks, job = 0, 0
    while (report := _read(folder / numbered("report", blocks))) is not None:
        try:
            job = int(report["job"])
        except (KeyError, TypeError, ValueError) as error:
            raise PlatformRefuses(f"{folder / numbered('report', blocks)} is no report of a line.") from error
        platform.report(job, report)
        blocks += 1
    if not blocks:
        raise PlatformRefuses(f"{folder} holds no report.json; run the line with it first.")
    if (pairs := _read(folder / "pairs.json")) is not None:
        try:
            seen = [(int(item), str(cap)) for item, cap in pairs]
        except (TypeError, ValueError) as error:
            raise PlatformRefuses(f"{folder / 'pairs.json'} is no list of caps and bottles.") from error
        platform.pair(job, seen)
    return Carried(job, blocks)


def _read(path: Path) -> Any:
    """None where there is none."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise PlatformRefuses(f"{path} is damaged; copy it from the line again.") from error
