"""The record of print and inspection as an auditor reads it: journal files alone, no platform, no station.

Every line is checked against the one before, every signature against the station's public key, every segment's opening
state against the lines it stands for. What is intact up to the first flaw is accounted for:

    issued = commissioned + scrapped + sampled + void + returned (+ still open)
"""

import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from printer_jobs.journal import BadLine, first_head, read_line, segment_start
from printer_jobs.seal import holds, statement
from printer_jobs.serials import Balance, IllegalRecord, Record, Serials


class NoRecord(Exception):
    """There is no journal to read. The message names the file."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """Where the record stops being true. at: byte in `file`."""

    file: str
    line: int
    at: int
    what: str

    def __str__(self) -> str:
        return f"line {self.line} (byte {self.at} of {self.file}): {self.what}"


@dataclass(slots=True)
class Account:
    """What the intact part says. first_line: 0 unless older segments are missing. signed_to: the last line under a
    good signature, -1 = none. clock_back: lines whose signature names an earlier hour than the one before."""

    job: str = ""
    station: str = ""
    first_line: int = 0
    lines: int = 0
    signatures: int = 0
    signed_to: int = -1
    said_first: str | None = None
    said_last: str | None = None
    clock_back: list[int] = field(default_factory=list)
    balance: Balance | None = None
    cases: int = 0
    torn: int = 0
    flaw: Flaw | None = None

    @property
    def unsigned(self) -> int:
        """Lines after the last signature, its own line not counted."""
        return max(0, self.first_line + self.lines - 1 - (self.signed_to + 1))

    @property
    def discrepancy(self) -> str | None:
        """What keeps the record from proving its balance, None when it does."""
        if self.flaw is not None:
            return f"The record is broken at {self.flaw}."
        if self.balance is None:
            return "The record is empty."
        if self.balance.open:
            return f"{self.balance.open} of {self.balance.leased} numbers are still open; the job is not over."
        if not self.balance.proven:
            return f"{self.balance.leased} numbers were issued and the parts are another sum."
        if self.unsigned:
            return f"The last {self.unsigned} lines bear no signature."
        return None

    def sentence(self) -> str:
        """The balance as one equation."""
        if (b := self.balance) is None:
            return "nothing was issued"
        ending = f" + {b.open} still open" if b.open else ""
        return (
            f"{b.leased} issued = {b.commissioned} printed and passed + {b.scrapped} scrapped + {b.sampled} sampled"
            f" + {b.void} unknown and void + {b.returned} returned{ending}"
        )


def audit(path: Path, public_keys: Collection[bytes]) -> Account:
    """Read a journal with the segments beside it. public_keys: 32 bytes each, of the station. Raises NoRecord."""
    files = _files(path)
    reader = _Reader(public_keys)
    for file in files:
        if not reader.read(file, last=file == files[-1]):
            break
    return reader.finished()


def _files(path: Path) -> list[Path]:
    if not path.is_file():
        raise NoRecord(f"There is no journal {path}.")
    older = sorted(path.parent.glob(f"{path.name}.[0-9][0-9][0-9][0-9]"))
    return [*older, path]


class _Reader:
    def __init__(self, public_keys: Collection[bytes]) -> None:
        self._keys, self._serials, self._account = public_keys, Serials(), Account()
        self._sequence, self._head, self._segment = -1, first_head(), -1

    def read(self, file: Path, *, last: bool) -> bool:
        """False: a flaw was found, and nothing behind it counts."""
        for at, line, whole in _lines(file):
            if last and not whole:
                self._account.torn = len(line)  # A crash, or a station that is writing just now.
                return True
            try:
                self._read_line(line, opening=at == 0)
            except (ValueError, TypeError, KeyError, zlib.error) as error:
                self._account.flaw = Flaw(file.name, self._sequence + 1, at, str(error))
                return False
        return True

    def finished(self) -> Account:
        account, serials = self._account, self._serials
        if serials.blocks:
            account.balance, account.cases = serials.balance(), len(serials.packed)
        return account

    def _read_line(self, line: bytes, *, opening: bool) -> None:
        parts = line.split(b" ", 2)
        if opening and self._sequence < 0 and len(parts) == 3 and parts[0] != b"0":
            self._sequence, self._head = segment_start(parts)
            self._account.first_line = self._sequence + 1
        head, records = read_line(parts, self._sequence + 1, self._head)
        for record in records:
            self._apply(record)
        self._sequence, self._head = self._sequence + 1, head
        self._account.lines += 1

    def _apply(self, record: Record) -> None:
        match record:
            case ["JOURNAL", int(), str(job), str(station)]:
                if self._account.job and (job, station) != (self._account.job, self._account.station):
                    raise BadLine(f"it goes on as job {job} of station {station}")
                self._account.job, self._account.station = job, station
            case ["SEGMENT", int(), str(before), dict()]:
                if before != self._head.hex():
                    raise BadLine("the segment does not follow the one before")
            case ["STATE", str(state)]:
                self._check_state(state)
            case ["SIGNED", str(key), str(said), str(signature)]:
                self._check_signature(bytes.fromhex(key), said, bytes.fromhex(signature))
            case _:
                self._serials.apply(record)

    def _check_state(self, state: str) -> None:
        stated = Serials()
        stated.apply(["STATE", state])
        if self._serials.blocks and stated.state() != self._serials.state():
            raise IllegalRecord("the segment opens with another state than the lines before it leave")
        self._serials = stated

    def _check_signature(self, key: bytes, said: str, signature: bytes) -> None:
        account = self._account
        if key not in self._keys:
            raise BadLine(f"it is signed with the key {key.hex()[:16]}…, which is not this station's")
        if not holds(key, signature, statement(account.job, self._sequence, self._head, said)):
            raise BadLine("the signature does not fit")
        if account.said_last is not None and said < account.said_last:
            account.clock_back.append(self._sequence + 1)
        account.signatures += 1
        account.signed_to, account.said_last = self._sequence, said
        account.said_first = account.said_first or said


def _lines(file: Path) -> Iterator[tuple[int, bytes, bool]]:
    """Offset, line without newline, and whether it is whole."""
    at = 0
    with file.open("rb") as opened:
        for line in opened:
            whole = line.endswith(b"\n") and b"\0" not in line
            yield at, line.rstrip(b"\n"), whole
            at += len(line)
