"""Where every number of a lease stands; moved by journal records alone, and never backwards. Pure.

States carry the names and numbers of OPEN-SCS (OPC 30260), which go on the wire:

| mark      | OPEN-SCS           | reached by            | from                                |
| --------- | ------------------ | --------------------- | ----------------------------------- |
| RESERVED  | 2 Allocated        | RESERVED a b          | nothing                             |
| SENT      | 2 Allocated        | SENT a b              | RESERVED                            |
| PRINTED   | 4 Encoded          | PRINTED a b           | SENT                                |
| UNKNOWN   | 2 Allocated        | UNKNOWN a b           | SENT PRINTED                        |
| PASSED    | 7 Commissioned     | SEEN tag n grade PASS | SENT PRINTED UNKNOWN                |
| SCRAPPED  | 6 LabelScrapped    | SCRAPPED a b why      | SENT PRINTED UNKNOWN PASSED         |
| SAMPLED   | 8 Sampled          | SAMPLED a b why       | PASSED                              |
| VOID      | 3 SNInvalid        | VOID a b why          | SENT PRINTED UNKNOWN                |
| RETURNED  | 1 Unallocated      | RETURNED a b          | RESERVED                            |

Ranges are half-open. A case label has a life too: CASE sscc ranges (before its first byte leaves), then
PACKED sscc (read back) or CASE_VOID sscc why, and its contents wait for another label. TAG n: labels up
to n passed the camera before this job.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np

from codegen import rangeset
from codegen.rangeset import Range

Record = Sequence[Any]
"""A JSON array: the kind, then its arguments."""

PASS, NOREAD, MISREAD = "PASS", "NOREAD", "MISREAD"


class Mark(IntEnum):
    OUTSIDE = 0
    RESERVED = 1
    SENT = 2
    PRINTED = 3
    UNKNOWN = 4
    PASSED = 5
    SCRAPPED = 6
    SAMPLED = 7
    VOID = 8
    RETURNED = 9


class SerialState(IntEnum):
    """OPEN-SCS / OPC 30260."""

    UNASSIGNED = 0
    UNALLOCATED = 1
    ALLOCATED = 2
    SN_INVALID = 3
    ENCODED = 4
    LABEL_SAMPLED = 5
    LABEL_SCRAPPED = 6
    COMMISSIONED = 7
    SAMPLED = 8
    INACTIVE = 9
    DESTROYED = 10
    RELEASED = 11


SERIAL_STATE: dict[Mark, SerialState] = {
    Mark.OUTSIDE: SerialState.UNASSIGNED,
    Mark.RESERVED: SerialState.ALLOCATED,
    Mark.SENT: SerialState.ALLOCATED,
    Mark.PRINTED: SerialState.ENCODED,
    Mark.UNKNOWN: SerialState.ALLOCATED,
    Mark.PASSED: SerialState.COMMISSIONED,
    Mark.SCRAPPED: SerialState.LABEL_SCRAPPED,
    Mark.SAMPLED: SerialState.SAMPLED,
    Mark.VOID: SerialState.SN_INVALID,
    Mark.RETURNED: SerialState.UNALLOCATED,
}

OPEN = (Mark.SENT, Mark.PRINTED, Mark.UNKNOWN)
MAY_BECOME: dict[str, tuple[Mark, tuple[Mark, ...]]] = {
    "SENT": (Mark.SENT, (Mark.RESERVED,)),
    "PRINTED": (Mark.PRINTED, (Mark.SENT,)),
    "UNKNOWN": (Mark.UNKNOWN, (Mark.SENT, Mark.PRINTED)),
    "SCRAPPED": (Mark.SCRAPPED, (*OPEN, Mark.PASSED)),
    "SAMPLED": (Mark.SAMPLED, (Mark.PASSED,)),
    "VOID": (Mark.VOID, OPEN),
    "RETURNED": (Mark.RETURNED, (Mark.RESERVED,)),
}


class IllegalRecord(ValueError):
    """A record that would move a number backwards, or speaks of one that is not leased."""


@dataclass(frozen=True, slots=True)
class Balance:
    """leased = commissioned + scrapped + sampled + void + returned, once nothing is open. Counts of items."""

    leased: int
    commissioned: int
    scrapped: int
    sampled: int
    void: int
    returned: int
    open: int

    @property
    def proven(self) -> bool:
        parts = self.commissioned + self.scrapped + self.sampled + self.void + self.returned
        return self.open == 0 and self.leased == parts


class Serials:
    """One lease. One byte a number, so a million numbers are a megabyte."""

    def __init__(self) -> None:
        self.first = 0
        self._marks = np.zeros(0, dtype=np.uint8)
        self.queue: list[int | str] = []  # sent and not settled: item numbers and SSCCs in the order they left
        self.loose: list[int] = []  # passed and in no case yet, in the order they passed
        self.cases: dict[str, list[Range]] = {}  # labelled, label not read back yet
        self.packed: dict[str, list[Range]] = {}
        self.void_cases: list[str] = []
        self.reasons: dict[str, list[tuple[int, int, str]]] = {"SCRAPPED": [], "SAMPLED": [], "VOID": []}
        self.last_tag = 0
        self.unread = 0  # labels seen and not read since the last one that was
        self.counts = dict.fromkeys(Mark, 0)

    @property
    def end(self) -> int:
        return self.first + len(self._marks)

    def mark(self, item: int) -> Mark:
        return Mark(int(self._marks[item - self.first])) if self.first <= item < self.end else Mark.OUTSIDE

    def ranges(self, *marks: Mark) -> list[Range]:
        """The numbers that bear one of the marks."""
        held = np.isin(self._marks, marks)
        edges = np.flatnonzero(np.diff(np.concatenate(([False], held, [False])).astype(np.int8)))
        return [
            (self.first + int(low), self.first + int(high)) for low, high in zip(edges[::2], edges[1::2], strict=True)
        ]

    def next_reserved(self) -> int | None:
        """Numbers leave in order, so the first one left is where to go on."""
        reserved = self.counts[Mark.RESERVED]
        return self.end - reserved if reserved else None

    def balance(self) -> Balance:
        counts = self.counts
        still_open = counts[Mark.RESERVED] + sum(counts[mark] for mark in OPEN)
        return Balance(
            leased=len(self._marks),
            commissioned=counts[Mark.PASSED],
            scrapped=counts[Mark.SCRAPPED],
            sampled=counts[Mark.SAMPLED],
            void=counts[Mark.VOID],
            returned=counts[Mark.RETURNED],
            open=still_open,
        )

    def apply(self, record: Record) -> None:
        """Move numbers as the record says. Raises IllegalRecord and moves nothing when the table forbids it."""
        kind, *arguments = record
        if kind in MAY_BECOME:
            self._move(kind, *arguments)
            return
        match kind, arguments:
            case "RESERVED", [int(low), int(high)]:
                self._reserve(low, high)
            case "TAG", [int(tag)]:
                self.last_tag = max(self.last_tag, tag)
            case "SEEN", [int(tag), item, _grade, str(verdict)]:
                self._see(tag, item, verdict)
            case "CASE", [str(sscc), ranges]:
                self._label_case(sscc, [(low, high) for low, high in ranges])
            case "PACKED", [str(sscc)]:
                self.packed[sscc] = self._settle_case(sscc)
            case "CASE_VOID", [str(sscc), str()]:
                self.loose = numbers(self._settle_case(sscc)) + self.loose
                self.void_cases.append(sscc)
            case _:
                raise IllegalRecord(f"No journal record looks like {list(record)!r}.")

    def _reserve(self, low: int, high: int) -> None:
        if len(self._marks) or low >= high:
            raise IllegalRecord(f"A journal holds one lease of at least one number, not {low}..{high} as well.")
        self.first, self._marks = low, np.full(high - low, Mark.RESERVED, dtype=np.uint8)
        self.counts[Mark.RESERVED] = high - low

    def _move(self, kind: str, low: int, high: int, why: str = "") -> None:
        target, sources = MAY_BECOME[kind]
        if not self.first <= low < high <= self.end:
            raise IllegalRecord(f"{kind} {low}..{high} is not inside the lease {self.first}..{self.end}.")
        now = self._marks[low - self.first : high - self.first]
        if not np.isin(now, sources).all():
            wrong = low + int(np.flatnonzero(~np.isin(now, sources))[0])
            raise IllegalRecord(f"{kind} {low}..{high}: {wrong} is {self.mark(wrong).name}.")
        if kind == "SENT" and low != self.next_reserved():
            raise IllegalRecord(f"SENT {low}..{high}: numbers leave in order and {self.next_reserved()} is next.")
        if kind == "RETURNED" and high != self.end:
            raise IllegalRecord(f"RETURNED {low}..{high}: only the unprinted end of a lease goes back.")
        self._refuse_if_boxed(kind, low, high)
        self._recount(now, target)
        now[:] = target
        self._after(kind, low, high, why)

    def _refuse_if_boxed(self, kind: str, low: int, high: int) -> None:
        """A passed item that is scrapped or sampled must be out of every case first; the office takes it out."""
        if kind not in ("SCRAPPED", "SAMPLED"):
            return
        boxed = [span for held in (self.cases, self.packed) for ranges in held.values() for span in ranges]
        if any(start < high and low < end for start, end in boxed):
            raise IllegalRecord(f"{kind} {low}..{high}: it lies in a case; replace it there.")

    def _recount(self, now: np.ndarray[Any, np.dtype[np.uint8]], target: Mark) -> None:
        for mark, moved in zip(*np.unique(now, return_counts=True), strict=True):
            self.counts[Mark(int(mark))] -= int(moved)
        self.counts[target] += len(now)

    def _after(self, kind: str, low: int, high: int, why: str) -> None:
        if kind == "SENT":
            self.queue.extend(range(low, high))
        if kind in self.reasons:
            self.reasons[kind].append((low, high, why))
            self.loose = [item for item in self.loose if not low <= item < high]
            self._leave_queue(lambda entry: isinstance(entry, int) and low <= entry < high)
        if kind == "SCRAPPED":
            self.unread = max(0, self.unread - (high - low))

    def _see(self, tag: int, item: int | None, verdict: str) -> None:
        if tag <= self.last_tag:
            raise IllegalRecord(f"SEEN {tag}: the camera was already at {self.last_tag}.")
        if verdict == PASS:
            if item is None or self.mark(item) not in OPEN:
                raise IllegalRecord(f"SEEN {tag}: {item} cannot pass, it is {self.mark(item or -1).name}.")
            self._recount(self._marks[item - self.first : item - self.first + 1], Mark.PASSED)
            self._marks[item - self.first] = Mark.PASSED
            self.loose.append(item)
            self._leave_queue(lambda entry: entry == item)
            self.unread = 0
        elif verdict in (NOREAD, MISREAD) and self.queue:
            self.unread += 1
        self.last_tag = tag

    def _label_case(self, sscc: str, ranges: list[Range]) -> None:
        inside = numbers(ranges)
        if sscc in self.cases or sscc in self.packed or sscc in self.void_cases:
            raise IllegalRecord(f"CASE {sscc}: this number was used before.")
        if not inside or len(set(inside)) != len(inside) or not set(inside) <= set(self.loose):
            raise IllegalRecord(f"CASE {sscc}: it holds items that have not passed or are packed already.")
        self.cases[sscc] = rangeset.of(ranges)
        self.loose = [item for item in self.loose if item not in set(inside)]
        self.queue.append(sscc)

    def _settle_case(self, sscc: str) -> list[Range]:
        if sscc not in self.cases:
            raise IllegalRecord(f"Case {sscc} is not waiting for its label.")
        self._leave_queue(lambda entry: entry == sscc)
        self.unread = 0
        return self.cases.pop(sscc)

    def _leave_queue(self, gone: Any) -> None:
        self.queue = [entry for entry in self.queue if not gone(entry)]
        if not self.queue:
            self.unread = 0


def numbers(ranges: Iterable[Range]) -> list[int]:
    """Every number of the ranges, one by one."""
    return [number for low, high in ranges for number in range(low, high)]


def fold(serials: Serials) -> dict[str, Any]:
    """The whole story as ranges plus exceptions: what the platform is told. JSON values only."""
    return {
        "commissioned": _listed(serials.ranges(Mark.PASSED, Mark.SAMPLED)),
        "scrapped": _told(serials.reasons["SCRAPPED"]),
        "sampled": _told(serials.reasons["SAMPLED"]),
        "void": _told(serials.reasons["VOID"]),
        "returned": _listed(serials.ranges(Mark.RETURNED)),
        "open": rangeset.count(serials.ranges(Mark.RESERVED, *OPEN)),
        "packed": [{"sscc": sscc, "items": _listed(ranges)} for sscc, ranges in serials.packed.items()],
        "void_cases": list(serials.void_cases),
    }


def _listed(ranges: Iterable[Range]) -> list[list[int]]:
    return [[low, high] for low, high in ranges]


def _told(reasons: list[tuple[int, int, str]]) -> list[dict[str, Any]]:
    by_reason: dict[str, list[Range]] = {}
    for low, high, why in reasons:
        by_reason.setdefault(why, []).append((low, high))
    return [{"why": why, "items": _listed(rangeset.of(ranges))} for why, ranges in by_reason.items()]
