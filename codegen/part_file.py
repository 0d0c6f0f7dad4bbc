"""A long file that survives kill -9 and a full disk: it grows beside its name, and gets the name when it is whole.

    codes.txt.part        what is written so far
    codes.txt.part.log    line 1: what the file will be; then a line a checkpoint: blocks, bytes, CRC-32 so far

A checkpoint is recorded only once its bytes are on disk, so whoever comes next cuts the part back to the last line
and goes on. A part that does not fit its checksum is thrown away whole; one that is of another file is not touched.
The log is locked while a file grows: a second writer is refused.
"""

import errno
import fcntl
import json
import os
import zlib
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from foundation.errors import Conflict

CHECKPOINT_BYTES = 32 << 20
_READ_BYTES = 4 << 20
Bytes = bytes | memoryview
Label = Mapping[str, Any]


class PartOfAnotherFile(Conflict):
    """Something half written lies where this file would grow."""

    type = "part-of-another-file"


class BeingWritten(Conflict):
    """Another process writes this file at this moment."""

    type = "being-written"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """`blocks` are on disk: the first `size` bytes, whose CRC-32 is `crc`."""

    blocks: int = 0
    size: int = 0
    crc: int = 0

    def line(self) -> bytes:
        """As the log holds it, with a checksum of its own: a wrong number of blocks would repeat or lose codes."""
        numbers = [self.blocks, self.size, self.crc]
        return json.dumps([*numbers, zlib.crc32(repr(numbers).encode())]).encode() + b"\n"

    @classmethod
    def read(cls, line: bytes) -> "Checkpoint | None":
        """None: the line is damaged."""
        try:
            made = cls(*json.loads(line)[:3])
            return made if made.line() == line else None
        except (ValueError, TypeError, KeyError):
            return None


def part_path(path: Path) -> Path:
    return path.with_name(path.name + ".part")


def log_path(path: Path) -> Path:
    return path.with_name(path.name + ".part.log")


def read_label(path: Path) -> Label | None:
    """What an unfinished file of this name was going to be; None: there is none. Raises PartOfAnotherFile."""
    part, log = part_path(path), log_path(path)
    lines = log.read_bytes().splitlines(keepends=True) if log.exists() else []
    if not lines or not lines[0].endswith(b"\n"):  # Killed before the first line was whole: nothing was begun.
        if os.path.lexists(part):
            raise PartOfAnotherFile(f"{part} is in the way and says not what it is; remove it or use another --out.")
        return None
    try:
        label = json.loads(lines[0])
    except ValueError:
        label = None
    if not isinstance(label, dict):
        raise PartOfAnotherFile(f"{log} is in the way and is no log of ours; remove it or use another --out.")
    return label


class PartFile:
    """A file being written, a block at a time."""

    def __init__(self, path: Path, label: Label, *, say: Callable[[str], None] = lambda _: None) -> None:
        """Go on where `label` stopped, or begin. Raises PartOfAnotherFile, BeingWritten.

        say: told when a damaged part was thrown away and all begins anew.
        """
        self._path, self._part, self._log_path = path, part_path(path), log_path(path)
        read_label(path)  # What cannot be ours is refused before a log is made beside it.
        self._log = _locked(self._log_path)
        try:
            earlier = read_label(path)
            if earlier is not None and earlier != label:
                raise PartOfAnotherFile(
                    f"{self._part} belongs to order {earlier.get('order')} in another form;"
                    " remove it and its .log, or use another --out."
                )
            if earlier is None:
                self._begin(label)
            self._file = _opened(self._part)
        except BaseException:
            self._log.close()
            raise
        self.at = self._intact(say)
        self._cut()
        self._recorded = self.at
        self._disk = ThreadPoolExecutor(1, "fsync")
        self._pending: Future[None] | None = None

    def append(self, block: Bytes) -> None:
        """Add one block; every so many bytes a checkpoint is made behind the next blocks' back. Raises OSError."""
        view = memoryview(block).cast("B")
        written = 0
        while written < len(view):
            written += self._file.write(view[written:]) or 0
        self.at = Checkpoint(self.at.blocks + 1, self.at.size + len(view), zlib.crc32(view, self.at.crc))
        if self.at.size - self._recorded.size >= CHECKPOINT_BYTES:
            self._settle()
            self._recorded = self.at
            self._pending = self._disk.submit(self._record, self.at)

    def finish(self) -> None:
        """Give the file its name: it is whole and on disk."""
        self._settle()
        os.fsync(self._file.fileno())
        self._part.replace(self._path)
        _sync_folder(self._path.parent)
        self._log_path.unlink()

    def close(self) -> None:
        """Leave an unfinished part as the last checkpoint describes it; after `finish`, nothing is left."""
        self._disk.shutdown(wait=True)
        self._file.close()
        self._log.close()

    def _begin(self, label: Label) -> None:
        self._log.seek(0)
        self._log.truncate()
        self._log.write(json.dumps(label, ensure_ascii=False).encode() + b"\n")
        os.fsync(self._log.fileno())
        _sync_folder(self._path.parent)

    def _intact(self, say: Callable[[str], None]) -> Checkpoint:
        """The last checkpoint, if the part still is what it was then; else none."""
        last = self._last()
        if last is not None and self._crc(last.size) == last.crc:
            return last
        say(f"{self._part} is damaged; it is thrown away and written anew from the beginning.")
        return Checkpoint()

    def _last(self) -> Checkpoint | None:
        """What the log's last whole line says; None: it is damaged."""
        self._log.seek(0)
        lines = self._log.read().splitlines(keepends=True)
        if not lines[-1].endswith(b"\n"):  # A full disk cut it off.
            self._log.truncate(sum(map(len, lines[:-1])))
            lines.pop()
        return Checkpoint.read(lines[-1]) if len(lines) > 1 else Checkpoint()

    def _crc(self, size: int) -> int | None:
        """CRC-32 of the part's first `size` bytes; None: it has not that many."""
        crc, left = 0, size
        while left:
            piece = self._file.read(min(_READ_BYTES, left))
            if not piece:
                return None
            crc, left = zlib.crc32(piece, crc), left - len(piece)
        return crc

    def _cut(self) -> None:
        self._file.truncate(self.at.size)
        self._file.seek(self.at.size)
        if not self.at.blocks:  # Only the label stays.
            self._log.seek(0)
            self._log.truncate(len(self._log.readline()))
        self._log.seek(0, os.SEEK_END)

    def _record(self, at: Checkpoint) -> None:
        os.fsync(self._file.fileno())
        line = at.line()
        if self._log.write(line) != len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._log_path))
        os.fsync(self._log.fileno())

    def _settle(self) -> None:
        if self._pending is not None:
            self._pending.result()
            self._pending = None


def _locked(path: Path) -> IO[bytes]:
    log = _opened(path)
    try:
        fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Whoever finished between our two calls has removed the log we locked.
        ours = path.exists() and os.path.samestat(path.stat(), os.fstat(log.fileno()))
    except BlockingIOError:
        ours = False
    if not ours:
        log.close()
        raise BeingWritten(f"Another process is writing {path.with_suffix('')}; wait for it to end.")
    return log


def _opened(path: Path) -> IO[bytes]:
    """For reading and writing, made if it is not there, nothing cut off."""
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o644), "r+b", buffering=0)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
