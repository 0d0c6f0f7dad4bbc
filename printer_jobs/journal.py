"""The station's own book: append-only, hash-chained, on disk before anything it speaks of happens.

One line is one write and one fsync, whatever the number of records in it:

| part     | form                                     | rule                                                        |
| -------- | ---------------------------------------- | ----------------------------------------------------------- |
| sequence | decimal, from 0                          | one more than the line before                               |
| space    |                                          |                                                             |
| head     | 64 hex: SHA-256(head before ‖ body)      | the first line's "head before" is SHA-256 of MAGIC          |
| space    |                                          |                                                             |
| body     | JSON array of records, ASCII, no newline | of `serials.py`; the first is ["JOURNAL", 2, job, station] |
| newline  |                                          | written last                                                |

Records of the journal itself: SIGNED (`seal.py`) speaks of all lines before its own. A file that has grown to
`segment_bytes` is put aside as <name>.0000, .0001, … and the chain goes on in a new one, whose first line holds
["SEGMENT", number, head before, {block: last line that moved it}] and STATE: so a restart reads one short file,
however long the shift was. Replaying a million items takes ten seconds, the state of a million a few milliseconds.

A line is only ever started when the one before is on disk. So of a crash at most the last line is torn: it has no
newline, or holds the zero bytes of a page that never came. That line spoke of nothing that has happened yet; it is
cut off and reported. Every other flaw is damage or tampering, and the journal is refused with its offset.
Losing whole lines at the end shows at the platform, which knows the last sequence and head it was told.
"""

import fcntl
import hashlib
import json
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import orjson

from printer_jobs.seal import Seal
from printer_jobs.serials import IllegalRecord, Record, Serials

MAGIC = b"onecode line journal 1"
VERSION = 2
SEAL_LINES = 256  # A signature for so many lines: at one line a label that is one in eight seconds.
SEGMENT_BYTES = 4 << 20


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
    """One job's book and, replayed, where its numbers stand. One writer: it is locked while open.

    moved: of each block the last line that moved it, so that only what changed is told.
    """

    def __init__(
        self,
        path: Path,
        *,
        job: str,
        station: str,
        lease: tuple[int, int],
        seal: Seal | None = None,
        segment_bytes: int = SEGMENT_BYTES,
    ) -> None:
        """Open the journal of a job, or begin it with its first block. Raises JournalCorrupt, JournalBusy."""
        self.path, self.serials, self.torn = path, Serials(), None
        self.sequence, self.head, self.segment = -1, first_head(), 0
        self.job, self.station = job, station
        self.moved: dict[int, int] = {}
        self._block: list[Record] | None = None
        self._broken, self._seal, self._unsigned, self._segment_bytes = False, seal, 0, segment_bytes
        self._lock = locked(path.with_name(path.name + ".lock"), f"Another station writes {path}")
        try:
            _finish_rotation(path)
            self._file = _opened(path)
            self.torn = self._replay()
            if self.sequence < 0:
                self.append(["JOURNAL", VERSION, job, station], ["RESERVED", *lease])
            elif (self.job, self.station) != (job, station):
                raise JournalCorrupt(
                    path, 0, f"it belongs to job {self.job} of station {self.station}, not to {job} of {station}"
                )
            elif (begun := self.serials.blocks[0]) != lease:
                begun_with = "{}..{}, not {}..{}".format(*begun, *lease)
                raise JournalCorrupt(path, 0, f"it began with the lease {begun_with}")
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
                self._grow()

    def add(self, record: Record) -> None:
        """One record of the open block. Raises IllegalRecord, and then nothing of it is kept."""
        if self._block is None:
            raise RuntimeError("Records are added inside a block.")
        if self._broken:
            raise JournalBroken(f"The journal {self.path} could not be written; restart the station.")
        self._apply(record)
        self._block.append(record)

    def sign(self) -> None:
        """Put the station's signature under everything so far, unless it is there already."""
        if self._seal is not None and self._unsigned:
            self._write([self._seal.record(self.job, self.sequence, self.head)])

    def close(self) -> None:
        for file in (getattr(self, "_file", None), self._lock):
            if file is not None:
                file.close()

    def _apply(self, record: Record) -> None:
        match record:
            case ["JOURNAL", int(), str(job), str(station)]:
                self.job, self.station = job, station
            case ["SEGMENT", int(number), str(), dict(moved)]:
                self.segment, self.moved = number, {int(block): line for block, line in moved.items()}
            case ["SIGNED", str(), str(), str()]:
                self._unsigned = -1  # The line that says so is counted yet.
            case _:
                self.serials.apply(record)

    def _count_line(self, head: bytes) -> None:
        self.sequence, self.head = self.sequence + 1, head
        self._unsigned += 1
        self.moved |= dict.fromkeys(self.serials.touched, self.sequence)
        self.serials.touched.clear()

    def _write(self, records: list[Record]) -> None:
        line, head = _line(self.sequence + 1, self.head, records)
        try:
            _write_all(self._file, line)
            os.fsync(self._file.fileno())
        except OSError as error:
            self._broken = True  # After a failed fsync the kernel may have dropped the page: only reading tells.
            raise JournalBroken(
                f"The journal {self.path} could not be written: {error.strerror}. Free the disk, restart the station."
            ) from error
        if records[0][0] == "SIGNED":
            self._unsigned = -1
        self._count_line(head)

    def _grow(self) -> None:
        if self._unsigned >= SEAL_LINES:
            self.sign()
        if self._file.tell() >= self._segment_bytes:
            self.sign()
            self._rotate()

    def _rotate(self) -> None:
        """Go on in a new file. A disk too full for that is no fault yet: the old file goes on and may say so."""
        opening: list[Record] = [
            ["JOURNAL", VERSION, self.job, self.station],
            ["SEGMENT", self.segment + 1, self.head.hex(), self.moved],
            ["STATE", self.serials.state()],
        ]
        line, head = _line(self.sequence + 1, self.head, opening)
        following = _next_of(self.path)
        try:
            with following.open("wb") as file:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            with suppress(OSError):
                following.unlink(missing_ok=True)
            self._segment_bytes *= 2
            return
        self.path.rename(segment_path(self.path, self.segment))
        following.rename(self.path)
        self._file.close()
        self._file = _opened(self.path)
        self._file.seek(0, os.SEEK_END)
        self.segment += 1
        self._count_line(head)

    def _replay(self) -> Torn | None:
        self._file.seek(0)
        data, at = self._file.readall() or b"", 0
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
        try:
            if at == 0 and len(parts) == 3 and parts[0] != b"0":
                self.sequence, self.head = segment_start(parts)
            self.head, records = read_line(parts, self.sequence + 1, self.head)
            for record in records:
                self._apply(record)
        except BadLine as bad:
            raise JournalCorrupt(self.path, at, str(bad)) from bad
        except (IllegalRecord, ValueError, TypeError, KeyError, zlib.error) as error:
            raise JournalCorrupt(self.path, at, str(error)) from error
        self._count_line(self.head)

    def _cut(self, at: int, length: int) -> Torn:
        self._file.truncate(at)
        self._file.seek(0, os.SEEK_END)
        os.fsync(self._file.fileno())
        return Torn(at, length)


class BadLine(ValueError):
    """A line that does not follow the one before."""


def first_head() -> bytes:
    return hashlib.sha256(MAGIC).digest()


def read_line(parts: list[bytes], sequence: int, before: bytes) -> tuple[bytes, list[Record]]:
    """The head of a line split in three, and its records. Raises BadLine, ValueError."""
    if len(parts) != 3 or parts[0] != str(sequence).encode():
        raise BadLine(f"line {sequence} is missing")
    head = hashlib.sha256(before + parts[2]).digest()
    if parts[1] != head.hex().encode():
        raise BadLine("the checksum does not fit")
    records: list[Record] = orjson.loads(parts[2])
    return head, records


def segment_start(parts: list[bytes]) -> tuple[int, bytes]:
    """The sequence and head before a segment, by its first line. Raises BadLine."""
    try:
        (number,) = [record for record in orjson.loads(parts[2]) if record[0] == "SEGMENT"]
        return int(parts[0]) - 1, bytes.fromhex(number[2])
    except (ValueError, TypeError, LookupError) as error:
        raise BadLine("line 0 is missing") from error


def segment_path(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number:04}")


def locked(path: Path, otherwise: str) -> IO[bytes]:
    """A lock file, held until it is closed. Raises JournalBusy."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise JournalBusy(f"{otherwise}; one printer has one writer.") from error
    return file


def sync_folder(folder: Path) -> None:
    """Names made or changed in the folder are on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _line(sequence: int, before: bytes, records: list[Record]) -> tuple[bytes, bytes]:
    body = json.dumps(records, separators=(",", ":")).encode()
    head = hashlib.sha256(before + body).digest()
    return b"%d %s %s\n" % (sequence, head.hex().encode(), body), head


def _write_all(file: Any, line: bytes) -> None:
    """Unbuffered: what a full disk refused must not come later, when somebody has freed it."""
    left = memoryview(line)
    while left:
        left = left[file.write(left) :]


def _opened(path: Path) -> Any:
    """The file, created durably if new."""
    file = path.open("a+b", buffering=0)
    sync_folder(path.parent)
    return file


def _next_of(path: Path) -> Path:
    return path.with_name(path.name + ".next")


def _finish_rotation(path: Path) -> None:
    """A crash in the middle: the next file counts once the old one has its number."""
    following = _next_of(path)
    if path.exists():
        following.unlink(missing_ok=True)
    elif following.exists():
        following.rename(path)
    elif segment_path(path, 0).exists():
        raise JournalCorrupt(path, 0, "the file is missing and older parts of it are there")
