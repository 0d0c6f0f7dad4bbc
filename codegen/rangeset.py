"""Half-open ranges of item numbers: what is true of a million items in a few words. Pure.

A set of items is a sorted list of ranges that neither touch nor overlap; every function here returns such a list.
"""

from collections.abc import Iterable, Sequence

Range = tuple[int, int]


def of(items: Iterable[int | Range]) -> list[Range]:
    """The set of single numbers and half-open ranges, in any order, touching ones joined, empty ones gone."""
    pairs = sorted((item, item + 1) if isinstance(item, int) else (int(item[0]), int(item[1])) for item in items)
    joined: list[Range] = []
    for low, high in pairs:
        if low >= high:
            continue
        if joined and low <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(high, joined[-1][1]))
        else:
            joined.append((low, high))
    return joined


def common(one: Sequence[Range], other: Sequence[Range]) -> list[Range]:
    """What is in both sets."""
    both: list[Range] = []
    a = b = 0
    while a < len(one) and b < len(other):
        low, high = max(one[a][0], other[b][0]), min(one[a][1], other[b][1])
        if low < high:
            both.append((low, high))
        if one[a][1] <= other[b][1]:
            a += 1
        else:
            b += 1
    return both


def without(one: Sequence[Range], other: Sequence[Range]) -> list[Range]:
    """What is in the first set and not in the second."""
    left: list[Range] = []
    b = 0
    for start, high in one:
        low = start
        while b < len(other) and other[b][1] <= low:
            b += 1
        at = b
        while at < len(other) and other[at][0] < high:
            if low < other[at][0]:
                left.append((low, other[at][0]))
            low = max(low, other[at][1])
            at += 1
        if low < high:
            left.append((low, high))
    return left


def count(ranges: Iterable[Range]) -> int:
    return sum(high - low for low, high in ranges)


def literal(ranges: Iterable[Range]) -> str:
    """The set as PostgreSQL writes an int8multirange."""
    return "{" + ",".join(f"[{low},{high})" for low, high in ranges) + "}"
