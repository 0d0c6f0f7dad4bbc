"""What a detector remembers between batches: rows by key, so that a batch costs what it touches and not what is kept.

A detector looks up the rows of the keys in its batch, folds the new scans into them and puts them back. Rows live in
sorted segments; a key put again is dead in the older one; segments of like size are merged, so a row is moved
O(log n) times in its life. A database does the same with a SELECT and an UPSERT of the touched keys.
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass, fields
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from antifraud.columns import Columns

__all__ = ["Groups", "Memory", "among", "groups", "spans", "stack"]

Whole = NDArray[np.int64]
Kept = TypeVar("Kept", bound=Columns)
GROWTH = 2  # A segment is merged with one that is not this much larger.


def among(values: Whole, some: Set[int]) -> NDArray[np.bool_]:
    """Which of the values are in the set. It costs the values of a batch, where sorting the set would cost history."""
    return np.fromiter((one in some for one in values.tolist()), dtype=bool, count=len(values))


def stack(parts: Sequence[Kept]) -> Kept:
    """The rows of all parts, in that order."""
    first = parts[0]
    joined: dict[str, Any] = {
        one.name: np.concatenate([getattr(part, one.name) for part in parts])
        for one in fields(first)  # type: ignore[arg-type]
    }
    return type(first)(**joined)


def spans(starts: Whole, stops: Whole) -> Whole:
    """The numbers of [start, stop) of each pair, one after the other."""
    lengths = stops - starts
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    numbers: Whole = np.arange(total) + np.repeat(starts - (ends - lengths), lengths)
    return numbers


@dataclass(frozen=True, slots=True)
class Groups:
    """Runs of equal keys in a sorted column. keys, starts, stops: one a group; of: the group of each row."""

    keys: Whole
    starts: Whole
    stops: Whole
    of: Whole

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def sizes(self) -> Whole:
        return self.stops - self.starts

    @property
    def place(self) -> Whole:
        """How far into its group each row stands, from 0."""
        return np.arange(len(self.of)) - self.starts[self.of]


def groups(keys: Whole) -> Groups:
    """keys: (n,) sorted."""
    first = np.ones(len(keys), dtype=bool)
    first[1:] = keys[1:] != keys[:-1]
    starts = np.flatnonzero(first)
    stops = np.append(starts[1:], len(keys)) if len(starts) else starts
    return Groups(keys[starts], starts, stops, np.cumsum(first) - 1)


@dataclass(slots=True)
class _Segment(Generic[Kept]):
    rows: Kept
    index: Groups
    alive: NDArray[np.bool_]

    def find(self, keys: Whole) -> Whole:
        """The groups alive here whose key is one of `keys`."""
        at = np.searchsorted(self.index.keys, keys)
        inside = at < len(self.index)
        at, keys = at[inside], keys[inside]
        at = at[self.index.keys[at] == keys]
        found: Whole = at[self.alive[at]]
        return found

    def take(self, at: Whole) -> Kept:
        return self.rows.take(spans(self.index.starts[at], self.index.stops[at]))


class Memory(Generic[Kept]):
    """Rows whose first column is their key. `empty` shows the columns."""

    def __init__(self, empty: Kept) -> None:
        self._empty = empty
        self._key = fields(empty)[0].name  # type: ignore[arg-type]
        self._segments: list[_Segment[Kept]] = []

    def look(self, keys: Whole) -> Kept:
        """The rows of these keys, by rising key, within a key as they were put. keys: unique and rising."""
        found = [segment.take(segment.find(keys)) for segment in self._segments]
        return self._sorted(found)

    def put(self, keys: Whole, rows: Kept) -> None:
        """From now on these keys have these rows; a key without a row is forgotten. rows: by rising key."""
        for segment in self._segments:
            segment.alive[segment.find(keys)] = False
        if len(rows):
            self._segments.append(self._segment(rows))
        while len(self._segments) > 1 and len(self._segments[-2].rows) < GROWTH * len(self._segments[-1].rows):
            newer, older = self._segments.pop(), self._segments.pop()
            merged = self._sorted([one.take(np.flatnonzero(one.alive)) for one in (older, newer)])
            self._segments.append(self._segment(merged))

    def everything(self) -> Kept:
        """All rows, by rising key."""
        return self._sorted([one.take(np.flatnonzero(one.alive)) for one in self._segments])

    def _sorted(self, parts: list[Kept]) -> Kept:
        full = [part for part in parts if len(part)]
        if len(full) < 2:
            return full[0] if full else self._empty
        joined = stack(full)
        return joined.take(np.argsort(getattr(joined, self._key), kind="stable"))

    def _segment(self, rows: Kept) -> _Segment[Kept]:
        index = groups(getattr(rows, self._key))
        return _Segment(rows, index, np.ones(len(index), dtype=bool))
