"""The blocks a station holds of one job, kept beside the journal so that a restart needs no platform.

A lease is on disk before the journal says RESERVED, and the platform counts the blocks of a job as the journal does;
so whatever is missing here after a crash is asked for again by its number and is the same. The file carries the SHA-256
of its lease: a letter that a worn disk changed would be printed, read back as expected, and be nobody's code in a shop.
"""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import orjson

from printer_jobs.journal import sync_folder
from printer_jobs.platform import Lease, PlatformRefuses, write_whole


class Leases:
    """As one lease: `code` and `item_of` over all blocks; what is the same for all comes from the first."""

    def __init__(self, folder: Path, job: int) -> None:
        self._folder, self.job = folder, job
        self._blocks: list[Lease] = []
        self.near = 0  # The block of the last label: the next one is of it as a rule.
        while (path := self._path(len(self._blocks))).exists():
            self._blocks.append(self._read(path))

    def __len__(self) -> int:
        return len(self._blocks)

    def __iter__(self) -> Iterator[Lease]:
        return iter(self._blocks)

    def __getitem__(self, block: int) -> Lease:
        return self._blocks[block]

    @property
    def known(self) -> int:
        """Blocks the job had when the platform was heard last; those not held yet are only to be fetched."""
        return max((lease.blocks for lease in self._blocks), default=1)

    @property
    def pack_size(self) -> int:
        return self._blocks[0].pack_size

    @property
    def host(self) -> str:
        return self._blocks[0].host

    @property
    def gtin(self) -> str:
        return self._blocks[0].gtin

    @property
    def name(self) -> str:
        return self._blocks[0].name

    @property
    def note(self) -> str:
        return self._blocks[0].note

    @property
    def caps(self) -> str:
        """What every code of the caps begins with; empty where the bottles get none from elsewhere."""
        return self._blocks[0].caps

    @property
    def serials(self) -> int:
        """How many numbers all blocks hold."""
        return sum(len(lease.serials) for lease in self._blocks)

    def keep(self, lease: Lease) -> None:
        """Hold one block more, durably. Raises PlatformRefuses for one that is not the next of this job."""
        if (lease.job, lease.block) != (self.job, len(self._blocks)) or not lease.serials:
            raise PlatformRefuses(
                f"the lease is block {lease.block} of job {lease.job}, and block {len(self)} of job {self.job} is due."
            )
        if self._blocks and (lease.station, lease.gtin) != (self._blocks[0].station, self._blocks[0].gtin):
            raise PlatformRefuses(f"block {lease.block} is of another product or station than the job.")
        self._folder.mkdir(parents=True, exist_ok=True)
        write_whole(self._path(lease.block), {**lease.to_json(), "sha256": _digest(lease)})
        sync_folder(self._folder)
        self._blocks.append(lease)

    def code(self, item: int) -> str:
        return next(lease for lease in self._blocks if lease.first <= item < lease.end).code(item)

    def place(self, item: int) -> int:
        """How many numbers of the job come before this one, in the order of the blocks."""
        before = 0
        for lease in self._blocks:
            if lease.first <= item < lease.end:
                return before + item - lease.first
            before += len(lease.serials)
        raise KeyError(f"{item} lies in no block of job {self.job}")

    def item_of(self, text: str) -> int | None:
        """The item whose code this is, in any block; None when it is of none."""
        likely = self._blocks[self.near : self.near + 1]
        for lease in [*likely, *reversed(self._blocks)]:
            if (item := lease.item_of(text)) is not None:
                self.near = lease.block
                return item
        return None

    def expired(self, block: int, now: datetime) -> bool:
        """Whether nothing new may be printed of a block. A clock that was set back only prints what comes late."""
        until = self._blocks[block].expires_at
        return until is not None and datetime.fromisoformat(until) <= now

    def _path(self, block: int) -> Path:
        return self._folder / (f"job-{self.job}.lease-{block}.json" if block else f"job-{self.job}.lease.json")

    def _read(self, path: Path) -> Lease:
        try:
            kept = orjson.loads(path.read_bytes())
            said = kept.pop("sha256", None)  # A file from before it was written has none.
            lease = Lease.from_json(kept)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise _damaged(path) from error
        if said not in (None, _digest(lease)):
            raise _damaged(path)
        return lease


def _digest(lease: Lease) -> str:
    return hashlib.sha256(orjson.dumps(lease.to_json())).hexdigest()


def _damaged(path: Path) -> PlatformRefuses:
    return PlatformRefuses(f"the lease in {path} is damaged; delete that file, it is fetched again.")
