"""What a station asks of the platform, and nothing more; everything here is JSON.

Five questions, each safe to ask again: the n-th block of a job, its case numbers from the n-th on, taking a report
of one block, taking pairs of cap and bottle, and a sign of life. A station works on inside its leases while the
platform is away.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

JSON = dict[str, Any]
Seen = tuple[int, str]
"""A bottle's item number, and its cap's code without what all caps of the job begin with."""
ENDING = 8  # Characters of a serial a lease is searched by; serials are random, so they hardly ever meet.


class PlatformAway(ConnectionError):
    """No answer now. The station goes on and asks again later."""


@dataclass(frozen=True)
class Lease:
    """One block of a job: a contiguous range of a run's item numbers, for one station alone.

    The codes are `prefix + serials[i]` for item `first + i`: a station holds no keys.
    name, note: what people read beside an item's code. pack_size: items a case.
    block: which of the job's `blocks`, from 0.
    caps: what the codes of caps begin with that another plant printed; empty: the bottles get none.
    expires_at: ISO 8601; after it nothing new is printed of the block. None: it does not expire.
    """

    job: int
    station: str
    first: int
    prefix: str
    serials: tuple[str, ...]
    pack_size: int
    host: str
    gtin: str
    name: str
    note: str = ""
    block: int = 0
    blocks: int = 1
    expires_at: str | None = None
    caps: str = ""

    @property
    def end(self) -> int:
        return self.first + len(self.serials)

    def code(self, item: int) -> str:
        return self.prefix + self.serials[item - self.first]

    def item_of(self, text: str) -> int | None:
        """The item whose code this is, None when it is none of this lease."""
        serial = text[len(self.prefix) :]
        if not text.startswith(self.prefix) or not serial.isascii() or len(serial) < ENDING:
            return None
        endings, order = self._endings
        (wanted,) = np.frombuffer(serial[-ENDING:].encode(), dtype=np.uint64)
        low, high = np.searchsorted(endings, wanted, "left"), np.searchsorted(endings, wanted, "right")
        return next((self.first + int(at) for at in order[low:high] if self.serials[at] == serial), None)

    def to_json(self) -> JSON:
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_json(cls, value: JSON) -> "Lease":
        return cls(**(value | {"serials": tuple(value["serials"])}))

    @cached_property
    def _endings(self) -> tuple[NDArray[np.uint64], NDArray[np.intp]]:
        """The last characters of every serial as numbers, sorted, and whose they are.

        A dictionary of a million codes takes 250 MB and a second to build; this takes 16 MB and a tenth of it.
        """
        endings = np.frombuffer("".join(serial[-ENDING:] for serial in self.serials).encode(), dtype=np.uint64)
        order = np.argsort(endings, kind="stable")
        return endings[order], order


@dataclass(frozen=True, slots=True)
class CaseNumber:
    """sscc: 18 digits. digsig: AI 8030 over it, signed by the platform; a station holds no keys. Empty: unsigned."""

    sscc: str
    digsig: str = ""

    def to_json(self) -> JSON:
        return {"sscc": self.sscc, "digsig": self.digsig}

    @classmethod
    def from_json(cls, value: JSON | str) -> "CaseNumber":
        """A number alone is an unsigned one."""
        return cls(value) if isinstance(value, str) else cls(str(value["sscc"]), str(value["digsig"]))


class PlatformRefuses(Exception):
    """The platform and the station disagree; a person must look. The message is for that person."""


class Platform(Protocol):
    def lease(self, job: int, block: int = 0, count: int = 0) -> Lease:
        """A block of a job. The one after its last is leased now, `count` items if the run has them.

        Raises PlatformAway, PlatformRefuses.
        """

    def case_numbers(self, job: int, first: int, count: int) -> list[CaseNumber]:
        """The numbers of the job's case labels from `first` on, counted from 0; the same however often asked.

        At least one, up to `count`. Raises PlatformAway, PlatformRefuses.
        """

    def report(self, job: int, report: JSON) -> JSON:
        """Hand one block's folded journal over; {"sequence": the last one taken, …}.

        Raises PlatformAway, PlatformRefuses.
        """

    def pair(self, job: int, seen: Sequence[Seen]) -> None:
        """Tell which caps the camera saw on which bottles; the same again changes nothing.

        Raises PlatformAway, PlatformRefuses.
        """

    def heartbeat(self, job: int, state: JSON) -> None:
        """Say how the line is, for screens. Raises PlatformAway, PlatformRefuses."""


class FolderPlatform:
    """A platform that comes and goes on a memory stick: lease.json and ssccs.json in, report.json out.

    Blocks after the first are lease-1.json, report-1.json and so on.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def lease(self, job: int, block: int = 0, count: int = 0) -> Lease:  # noqa: ARG002  What was copied is there.
        lease = Lease.from_json(self._read(numbered("lease", block)))
        if lease.job != job:
            raise PlatformAway(f"{self.folder} holds the lease of job {lease.job}, not of job {job}.")
        return lease

    def case_numbers(self, job: int, first: int, count: int) -> list[CaseNumber]:  # noqa: ARG002  One job a folder.
        numbers = self._read("ssccs.json")
        if first >= len(numbers):
            raise PlatformAway(f"All {len(numbers)} case numbers in {self.folder} are used; fetch more.")
        return [CaseNumber.from_json(number) for number in numbers[first : first + count]]

    def report(self, job: int, report: JSON) -> JSON:  # noqa: ARG002
        write_whole(self.folder / numbered("report", report["block"]), report)
        return {"sequence": report["sequence"]}

    def pair(self, job: int, seen: Sequence[Seen]) -> None:  # noqa: ARG002
        path = self.folder / "pairs.json"
        told = json.loads(path.read_text()) if path.exists() else []
        known = {item for item, _ in told}
        write_whole(path, told + [[item, cap] for item, cap in seen if item not in known])

    def heartbeat(self, job: int, state: JSON) -> None:
        """Nobody looks at a memory stick."""

    def _read(self, name: str) -> Any:
        try:
            return json.loads((self.folder / name).read_text())
        except FileNotFoundError as error:
            raise PlatformAway(f"{self.folder / name} is missing; copy it from the office.") from error
        except ValueError as error:
            raise PlatformRefuses(f"{self.folder / name} is damaged; copy it from the office again.") from error


def write_whole(path: Path, value: object) -> None:
    """As JSON and on disk, whole or not at all."""
    half = path.with_suffix(".part")
    with half.open("w") as file:
        json.dump(value, file)
        file.flush()
        os.fsync(file.fileno())
    half.replace(path)


def numbered(name: str, block: int) -> str:
    """The file of a block on a memory stick."""
    return f"{name}-{block}.json" if block else f"{name}.json"
