"""The station's own book: append-only, hash-chained, on disk before anything it speaks of happens.

One line is one write and one fsync, whatever the number of records in it:

| part     | form                                     | rule                                                        |
| -------- | ---------------------------------------- | ----------------------------------------------------------- |
| sequence | decimal, from 0                          | one more than the line before                               |
| space    |                                          |                                                             |
| head     | 64 hex: SHA-256(head before ‖ body)      | the first line's "head before" is SHA-256 of MAGIC          |
| space    |                                          |                                                             |
| body     | JSON array of records, ASCII, no newline | of `serials.py`; the first is ["JOURNAL", 1, job, station] |
| newline  |                                          | written last                                                |

A line is only ever started when the one before is on disk. So of a crash at most the last line is torn: it has no
newline, or holds the zero bytes of a page that never came. That line spoke of nothing that has happened yet; it is
cut off and reported. Every other flaw is damage or tampering, and the journal is refused with its offset.
Losing whole lines at the end shows at the platform, which knows the last sequence and head it was told.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from printer_jobs.serials import IllegalRecord, Record, Serials

MAGIC = b"onecode line journal 1"
VERSION = 1
HEAD_HEX = 64


class JournalCorrupt(Exception):
    """The journal cannot be trusted from `at` (byte offset) on."""

    def __init__(self, path: Path, at: int, what: str) -> None:
        super().__init__(
            f"The journal {path} is damaged at byte {at}: {what}. Keep the file, stop the line and call the office."
        )
        self.at = at


class JournalBusy(Exception):
    """Another station process writes this journal."""


class JournalBroken(Exception):
    """A write or fsync failed; what the disk holds is not known until the journal is opened again."""


@dataclass(frozen=True, slots=True)
class Torn:
    """A half-written last line that was cut off: its place and length in bytes."""

    at: int
    length: int


class Journal:
    """One lease's book and, replayed, where its numbers stand. One writer: the file is locked while open."""

    def __init__(self, path: Path, *, job: str, station: str, lease: tuple[int, int]) -> None:
        """Open the journal of a job, or begin it. Raises JournalCorrupt, JournalBusy."""
        self.path, self.serials, self.torn = path, Serials(), None
        self.sequence, self.head = -1, hashlib.sha256(MAGIC).digest()
        self._block: list[Record] | None = None
        self._broken = False
        self._file = _locked(path)
        try:
            self.torn = self._replay()
            if self.sequence < 0:
                self.append(["JOURNAL", VERSION, job, station], ["RESERVED", *lease])
            elif (self.job, self.station) != (job, station) or (self.serials.first, self.serials.end) != lease:
                raise JournalCorrupt(
                    path, 0, f"it belongs to job {self.job} of station {self.station}, not to {job} of {station}"
                )
        except BaseException:
            self.close()
            raise

    def append(self, *records: Record) -> None:
        """Apply the records, then make them durable in one line. Returning means they are on disk."""
        with self.block():
            for record in records:
                self.add(record)

    @contextmanager
    def block(self) -> Iterator[None]:
        """Records added inside become durable together, with one fsync, at the end; also when the block raises."""
        if self._block is not None:
            raise RuntimeError("A block is open already.")
        self._block = []
        try:
            yield
        finally:
            records, self._block = self._block, None
            if records:
                self._write(records)

    def add(self, record: Record) -> None:
        """One record of the open block. Raises IllegalRecord, and then nothing of it is kept."""
        if self._block is None:
            raise RuntimeError("Records are added inside a block.")
        if self._broken:
            raise JournalBroken(f"The journal {self.path} could not be written; restart the station.")
        self._apply(record)
        self._block.append(record)

    def close(self) -> None:
        self._file.close()

    def _apply(self, record: Record) -> None:
        if record[0] == "JOURNAL":
            _, _, self.job, self.station = record
        else:
            self.serials.apply(record)

    def _write(self, records: list[Record]) -> None:
        line, head = _line(self.sequence + 1, self.head, records)
        try:
            self._file.write(line)
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            self._broken = True  # After a failed fsync the kernel may have dropped the page: only reading tells.
            raise JournalBroken(
                f"The journal {self.path} could not be written: {error.strerror}. Free the disk, restart the station."
            ) from error
        self.sequence, self.head = self.sequence + 1, head

    def _replay(self) -> Torn | None:
        self._file.seek(0)
        data, at = self._file.read(), 0
        while at < len(data):
            end = data.find(b"\n", at)
            last = end < 0 or end == len(data) - 1
            if last and (end < 0 or b"\0" in data[at:]):
                return self._cut(at, len(data) - at)
            self._replay_line(data[at:end], at)
            at = end + 1
        self._file.seek(0, os.SEEK_END)
        return None

    def _replay_line(self, line: bytes, at: int) -> None:
        parts = line.split(b" ", 2)
        if len(parts) != 3 or parts[0] != str(self.sequence + 1).encode():
            raise JournalCorrupt(self.path, at, f"line {self.sequence + 1} is missing")
        head = hashlib.sha256(self.head + parts[2]).digest()
        if parts[1] != head.hex().encode():
            raise JournalCorrupt(self.path, at, "the checksum does not fit")
        try:
            for record in json.loads(parts[2]):
                self._apply(record)
        except (IllegalRecord, ValueError, TypeError) as error:
            raise JournalCorrupt(self.path, at, str(error)) from error
        self.sequence, self.head = self.sequence + 1, head

    def _cut(self, at: int, length: int) -> Torn:
        self._file.truncate(at)
        self._file.seek(0, os.SEEK_END)
        os.fsync(self._file.fileno())
        return Torn(at, length)


def _line(sequence: int, before: bytes, records: list[Record]) -> tuple[bytes, bytes]:
    body = json.dumps(records, separators=(",", ":")).encode()
    head = hashlib.sha256(before + body).digest()
    return b"%d %s %s\n" % (sequence, head.hex().encode(), body), head


def _locked(path: Path) -> Any:
    """The file, created durably if new, locked against a second station."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = open(path, "a+b")  # noqa: SIM115  It stays open as long as the journal.
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise JournalBusy(f"Another station writes {path}; one printer has one writer.") from error
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return file
