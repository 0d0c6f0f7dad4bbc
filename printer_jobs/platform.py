"""What a station asks of the platform, and nothing more; everything here is JSON.

Three questions, each safe to ask again: the lease of a job, the n-th case number of a job, and taking a
report. A station works on inside its lease while the platform is away.
"""

import json
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

JSON = dict[str, Any]


class PlatformAway(ConnectionError):
    """No answer now. The station goes on and asks again later."""


@dataclass(frozen=True)
class Lease:
    """A contiguous range of a run's item numbers, for one station alone.

    The codes are `prefix + serials[i]` for item `first + i`: a station holds no keys.
    name, note: what people read beside an item's code. pack_size: items a case.
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

    @property
    def end(self) -> int:
        return self.first + len(self.serials)

    def code(self, item: int) -> str:
        return self.prefix + self.serials[item - self.first]

    def item_of(self, text: str) -> int | None:
        """The item whose code this is, None when it is none of this lease."""
        return self._items.get(text)

    def to_json(self) -> JSON:
        return asdict(self)

    @classmethod
    def from_json(cls, value: JSON) -> "Lease":
        return cls(**(value | {"serials": tuple(value["serials"])}))

    @cached_property
    def _items(self) -> dict[str, int]:
        return {self.code(item): item for item in range(self.first, self.end)}


class PlatformRefuses(Exception):
    """The platform and the station disagree; a person must look. The message is for that person."""


class Platform(Protocol):
    def lease(self, job: int) -> Lease:
        """Raises PlatformAway, PlatformRefuses."""

    def new_sscc(self, job: int, ordinal: int) -> str:
        """The number of the job's case label `ordinal`, from 0; the same however often asked.

        Raises PlatformAway, PlatformRefuses.
        """

    def report(self, job: int, report: JSON) -> JSON:
        """Hand the folded journal over; {"sequence": the last one taken, …}. Raises PlatformAway, PlatformRefuses."""


class FolderPlatform:
    """A platform that comes and goes on a memory stick: lease.json and ssccs.json in, report.json out."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def lease(self, job: int) -> Lease:
        lease = Lease.from_json(self._read("lease.json"))
        if lease.job != job:
            raise PlatformAway(f"{self.folder} holds the lease of job {lease.job}, not of job {job}.")
        return lease

    def new_sscc(self, job: int, ordinal: int) -> str:  # noqa: ARG002  The folder is of one job.
        numbers = self._read("ssccs.json")
        if ordinal >= len(numbers):
            raise PlatformAway(f"All {len(numbers)} case numbers in {self.folder} are used; fetch more.")
        return str(numbers[ordinal])

    def report(self, job: int, report: JSON) -> JSON:  # noqa: ARG002
        write_whole(self.folder / "report.json", report)
        return {"sequence": report["sequence"]}

    def _read(self, name: str) -> Any:
        try:
            return json.loads((self.folder / name).read_text())
        except FileNotFoundError as error:
            raise PlatformAway(f"{self.folder / name} is missing; copy it from the office.") from error


def write_whole(path: Path, value: object) -> None:
    """As JSON, whole or not at all."""
    half = path.with_suffix(".part")
    half.write_text(json.dumps(value))
    half.replace(path)
