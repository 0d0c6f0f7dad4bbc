"""Where every number of a job's leases stands; moved by journal records alone, and never backwards. Pure.

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

Ranges are half-open. RESERVED may come again: each is one leased block, and blocks are used up in the order they came.
SEEN tag n grade PASS cap: with the cap that another plant printed; a cap is on one bottle, for ever.
A case label has a life too: CASE sscc ranges (before its first byte leaves), then
PACKED sscc (read back) or CASE_VOID sscc why, and its contents wait for another label. TAG n: labels up
to n passed the camera before this job. STATE: all of this at once, where a journal goes on in a new file.
"""

import zlib
from base64 import b64decode, b64encode
from bisect import bisect_right, insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from codegen import rangeset
from codegen.rangeset import Range

Record = Sequence[Any]
"""A JSON array: the kind, then its arguments."""
Marks = NDArray[np.uint8]
KEPT = (
    "blocks",
    "unsent",
    "queue",
    "loose",
    "cases",
    "packed",
    "void_cases",
    "labelled",
    "reasons",
    "last_tag",
    "unread",
)

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
    """All blocks of a job. One byte a number, so a million numbers are a megabyte."""

    def __init__(self) -> None:
        self.blocks: list[Range] = []  # as leased, in the order they came
        self.unsent: list[Range] = []  # of each block what is still RESERVED
        self._marks = np.zeros(0, dtype=np.uint8)
        self._order: list[tuple[int, int]] = []  # first number of a block and which block, in number order
        self._offsets: list[int] = []  # where a block begins in the marks
        self.queue: list[int | str] = []  # sent and not settled: item numbers and SSCCs in the order they left
        self.loose: list[int] = []  # passed and in no case yet, in the order they passed
        self.cases: dict[str, list[Range]] = {}  # labelled, label not read back yet
        self.packed: dict[str, list[Range]] = {}
        self.void_cases: list[str] = []
        self.labelled: list[list[str]] = []  # of each block the cases told with it: those whose last item is its
        self.reasons: dict[str, list[tuple[int, int, str]]] = {"SCRAPPED": [], "SAMPLED": [], "VOID": []}
        self.caps: dict[int, str] = {}  # of a bottle the serial of its cap, in the order they were seen
        self.capped: dict[str, int] = {}  # the same the other way round
        self.last_tag = 0
        self.unread = 0  # labels seen and not read since the last one that was
        self.counts = dict.fromkeys(Mark, 0)
        self.touched: set[int] = set()  # blocks moved since somebody emptied this set

    @property
    def first(self) -> int:
        return self.blocks[0][0] if self.blocks else 0

    def block_of(self, item: int) -> int | None:
        """Which block a number belongs to, counted from 0 as they were leased."""
        at = bisect_right(self._order, (item, len(self.blocks))) - 1
        block = self._order[at][1] if at >= 0 else -1
        return block if at >= 0 and item < self.blocks[block][1] else None

    def mark(self, item: int) -> Mark:
        block = self.block_of(item)
        return Mark.OUTSIDE if block is None else Mark(int(self._marks[self._place(block, item)]))

    def ranges(self, *marks: Mark, block: int | None = None) -> list[Range]:
        """The numbers that bear one of the marks, of one block or all; a range never crosses blocks."""
        found: list[Range] = []
        for one in range(len(self.blocks)) if block is None else (block,):
            low, high = self.blocks[one]
            held = np.isin(self._marks[self._offsets[one] : self._offsets[one] + high - low], marks)
            edges = np.flatnonzero(np.diff(np.concatenate(([False], held, [False])).astype(np.int8)))
            found += [(low + int(start), low + int(end)) for start, end in zip(edges[::2], edges[1::2], strict=True)]
        return found

    def next_unsent(self) -> Range | None:
        """What may leave next: numbers leave in order, and one SENT stays inside one block."""
        return next((left for left in self.unsent if left[0] < left[1]), None)

    def next_reserved(self) -> int | None:
        left = self.next_unsent()
        return left[0] if left else None

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

    def state(self) -> str:
        """Everything, for the first line of a new segment: base64 of zlib of JSON.

        Forty thousand cases are 3 MB as they are and stop the line for a quarter of a second; packed, a twentieth.
        """
        kept: dict[str, Any] = {name: getattr(self, name) for name in KEPT}
        kept |= {"caps": list(self.caps.items())} if self.caps else {}
        marks = b64encode(zlib.compress(self._marks.tobytes(), 1)).decode()
        return b64encode(zlib.compress(orjson.dumps(kept | {"marks": marks}), 1)).decode()

    def _restore(self, packed: str) -> None:
        """Raises KeyError, ValueError, zlib.error for what `state` did not write."""
        if self.blocks:
            raise IllegalRecord("STATE stands at the beginning of a segment or not at all.")
        state: dict[str, Any] = orjson.loads(zlib.decompress(b64decode(packed)))
        for name in KEPT:
            setattr(self, name, state[name])
        self.blocks, self.unsent = _pairs(self.blocks), _pairs(self.unsent)
        self.cases = {sscc: _pairs(ranges) for sscc, ranges in self.cases.items()}
        self.packed = {sscc: _pairs(ranges) for sscc, ranges in self.packed.items()}
        self.caps = dict(state.get("caps", []))
        self.capped = {cap: item for item, cap in self.caps.items()}
        self._marks = np.frombuffer(zlib.decompress(b64decode(state["marks"])), dtype=np.uint8).copy()
        self._order = sorted((low, block) for block, (low, _) in enumerate(self.blocks))
        self._offsets = [0, *np.cumsum([high - low for low, high in self.blocks]).tolist()][:-1]
        self.counts = {mark: int(np.count_nonzero(self._marks == mark)) for mark in Mark}

    def _place(self, block: int, item: int) -> int:
        return self._offsets[block] + item - self.blocks[block][0]

    def _pieces(self, kind: str, low: int, high: int) -> list[tuple[int, slice]]:
        """The range block by block, as slices of the marks."""
        pieces: list[tuple[int, slice]] = []
        at = low
        while at < high:
            block = self.block_of(at)
            if block is None:
                break
            end = min(high, self.blocks[block][1])
            pieces.append((block, slice(self._place(block, at), self._place(block, end - 1) + 1)))
            at = end
        if not pieces or at < high:
            leased = ", ".join(f"{first}..{end}" for first, end in self.blocks)
            raise IllegalRecord(f"{kind} {low}..{high} is not inside the lease {leased}.")
        return pieces

    def apply(self, record: Record) -> None:
        """Move numbers as the record says. Raises IllegalRecord and moves nothing when the table forbids it."""
        kind, *arguments = record
        if kind in MAY_BECOME:
            self._move(kind, *arguments)
            return
        match kind, arguments:
            case "RESERVED", [int(low), int(high)]:
                self._reserve(low, high)
            case "STATE", [str(state)]:
                self._restore(state)
            case "TAG", [int(tag)]:
                self.last_tag = max(self.last_tag, tag)
            case "SEEN", [int(tag), item, _grade, str(verdict)]:
                self._see(tag, item, verdict)
            case "SEEN", [int(tag), int(item), _grade, "PASS", str(cap)]:
                self._see_capped(tag, item, cap)
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
        if low >= high or any(start < high and low < end for start, end in self.blocks):
            raise IllegalRecord(f"RESERVED {low}..{high} holds no number, or one that is leased already.")
        self._offsets.append(len(self._marks))
        self._marks = np.concatenate((self._marks, np.full(high - low, Mark.RESERVED, dtype=np.uint8)))
        insort(self._order, (low, len(self.blocks)))
        self.touched.add(len(self.blocks))
        self.blocks.append((low, high))
        self.unsent.append((low, high))
        self.labelled.append([])
        self.counts[Mark.RESERVED] += high - low

    def _move(self, kind: str, low: int, high: int, why: str = "") -> None:
        target, sources = MAY_BECOME[kind]
        pieces = self._pieces(kind, low, high)
        now = np.concatenate([self._marks[part] for _, part in pieces])
        wrong = np.flatnonzero(~np.isin(now, sources))
        if len(wrong):
            item = low + int(wrong[0])
            raise IllegalRecord(f"{kind} {low}..{high}: {item} is {self.mark(item).name}.")
        if kind in ("SENT", "RETURNED"):
            self._leave_unsent(kind, low, high, pieces)
        self._refuse_if_boxed(kind, low, high, now)
        self._recount(now, target)
        for block, part in pieces:
            self._marks[part] = target
            self.touched.add(block)
        self._after(kind, low, high, why)

    def _leave_unsent(self, kind: str, low: int, high: int, pieces: list[tuple[int, slice]]) -> None:
        block = pieces[0][0]
        left = self.unsent[block]
        if kind == "SENT":
            if len(pieces) > 1 or low != self.next_reserved():
                raise IllegalRecord(
                    f"SENT {low}..{high}: numbers leave in order, block by block, and {self.next_reserved()} is next."
                )
            self.unsent[block] = (high, left[1])
            return
        if len(pieces) > 1 or (low, high) != left:
            raise IllegalRecord(f"RETURNED {low}..{high}: only the whole unprinted end of a lease goes back.")
        self.unsent[block] = (high, high)

    def _refuse_if_boxed(self, kind: str, low: int, high: int, now: Marks) -> None:
        """A passed item that is scrapped or sampled must be out of every case first; the office takes it out."""
        if kind not in ("SCRAPPED", "SAMPLED") or not (now == Mark.PASSED).any():
            return
        boxed = [span for held in (self.cases, self.packed) for ranges in held.values() for span in ranges]
        if any(start < high and low < end for start, end in boxed):
            raise IllegalRecord(f"{kind} {low}..{high}: it lies in a case; replace it there.")

    def _recount(self, now: Marks, target: Mark) -> None:
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
            self._pass(item)
        elif verdict in (NOREAD, MISREAD) and self.queue:
            self.unread += 1
        self.last_tag = tag

    def _pass(self, item: int) -> None:
        ((block, part),) = self._pieces("SEEN", item, item + 1)
        self._recount(self._marks[part], Mark.PASSED)
        self._marks[part] = Mark.PASSED
        self.touched.add(block)
        self.loose.append(item)
        self._leave_queue(lambda entry: entry == item)
        self.unread = 0

    def _see_capped(self, tag: int, item: int, cap: str) -> None:
        if cap in self.capped:
            raise IllegalRecord(f"SEEN {tag}: the cap of {item} is on {self.capped[cap]} already.")
        self._see(tag, item, PASS)
        self.caps[item] = cap
        self.capped[cap] = item

    def _label_case(self, sscc: str, ranges: list[Range]) -> None:
        inside = numbers(ranges)
        apart = set(inside)
        if sscc in self.cases or sscc in self.packed or sscc in self.void_cases:
            raise IllegalRecord(f"CASE {sscc}: this number was used before.")
        if not inside or len(apart) != len(inside) or not apart <= set(self.loose):
            raise IllegalRecord(f"CASE {sscc}: it holds items that have not passed or are packed already.")
        self.cases[sscc] = rangeset.of(ranges)
        self.loose = [item for item in self.loose if item not in apart]
        self.queue.append(sscc)
        self.labelled[self._told_with(sscc)].append(sscc)

    def _settle_case(self, sscc: str) -> list[Range]:
        if sscc not in self.cases:
            raise IllegalRecord(f"Case {sscc} is not waiting for its label.")
        self._leave_queue(lambda entry: entry == sscc)
        self.unread = 0
        self.touched.add(self._told_with(sscc))
        return self.cases.pop(sscc)

    def _told_with(self, sscc: str) -> int:
        """A case is told with its latest block: whoever hears of it has heard of its other items before."""
        return max(self.block_of(end) or 0 for low, high in self.cases[sscc] for end in (low, high - 1))

    def _leave_queue(self, gone: Any) -> None:
        self.queue = [entry for entry in self.queue if not gone(entry)]
        if not self.queue:
            self.unread = 0


def numbers(ranges: Iterable[Range]) -> list[int]:
    """Every number of the ranges, one by one."""
    return [number for low, high in ranges for number in range(low, high)]


def fold(serials: Serials, block: int = 0) -> dict[str, Any]:
    """The whole story of one block as ranges plus exceptions: what the platform is told. JSON values only."""
    void_cases, labelled = set(serials.void_cases), serials.labelled[block]
    return {
        "block": block,
        "commissioned": _listed(serials.ranges(Mark.PASSED, Mark.SAMPLED, block=block)),
        "scrapped": _told(serials.reasons["SCRAPPED"], serials.blocks[block]),
        "sampled": _told(serials.reasons["SAMPLED"], serials.blocks[block]),
        "void": _told(serials.reasons["VOID"], serials.blocks[block]),
        "returned": _listed(serials.ranges(Mark.RETURNED, block=block)),
        "open": rangeset.count(serials.ranges(Mark.RESERVED, *OPEN, block=block)),
        "packed": [
            {"sscc": sscc, "items": _listed(serials.packed[sscc])} for sscc in labelled if sscc in serials.packed
        ],
        "void_cases": [sscc for sscc in labelled if sscc in void_cases],
    }


def _pairs(ranges: Iterable[Sequence[int]]) -> list[Range]:
    return [(low, high) for low, high in ranges]


def _listed(ranges: Iterable[Range]) -> list[list[int]]:
    return [[low, high] for low, high in ranges]


def _told(reasons: list[tuple[int, int, str]], block: Range) -> list[dict[str, Any]]:
    by_reason: dict[str, list[Range]] = {}
    for low, high, why in reasons:
        if low < block[1] and block[0] < high:
            by_reason.setdefault(why, []).append((max(low, block[0]), min(high, block[1])))
    return [{"why": why, "items": _listed(rangeset.of(ranges))} for why, ranges in by_reason.items()]
