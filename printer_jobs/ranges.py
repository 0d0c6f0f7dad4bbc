"""Half-open ranges of item numbers, sorted and apart: how many numbers are told in few words; pure."""

from collections.abc import Iterable, Sequence

Range = tuple[int, int]


def coalesce(ranges: Iterable[Range]) -> list[Range]:
    """Sorted, with touching and overlapping ranges joined and empty ones gone."""
    joined: list[Range] = []
    for low, high in sorted(span for span in ranges if span[0] < span[1]):
        if joined and low <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(high, joined[-1][1]))
        else:
            joined.append((low, high))
    return joined


def of_numbers(numbers: Iterable[int]) -> list[Range]:
    return coalesce((number, number + 1) for number in numbers)


def numbers(ranges: Iterable[Range]) -> list[int]:
    return [number for low, high in ranges for number in range(low, high)]


def count(ranges: Iterable[Range]) -> int:
    """How many numbers are in ranges that do not overlap."""
    return sum(high - low for low, high in ranges)


def subtract(ranges: Sequence[Range], taken: Sequence[Range]) -> list[Range]:
    """What is in `ranges` and not in `taken`."""
    left: list[Range] = []
    gone = coalesce(taken)
    for low, high in coalesce(ranges):
        for start, end in gone:
            if end <= low or high <= start:
                continue
            if low < start:
                left.append((low, start))
            low = max(low, end)
        if low < high:
            left.append((low, high))
    return left
