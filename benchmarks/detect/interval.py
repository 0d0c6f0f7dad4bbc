"""A mean over worlds and how sure it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binom, t

Row = Mapping[str, Mapping[str, float | None]]


@dataclass(frozen=True, slots=True)
class Interval:
    """95 %, by Student's t over `worlds` seeds; low and high are the mean where there is one world only.

    Of a median: over `worlds` dealers of all seeds.
    """

    mean: float
    low: float
    high: float
    worlds: int

    def short(self) -> list[float]:
        return [float(f"{value:.4g}") for value in (self.mean, self.low, self.high)]


def over(values: Sequence[float]) -> Interval:
    mean, n = float(np.mean(values)), len(values)
    half = float(t.ppf(0.975, n - 1) * np.std(values, ddof=1) / np.sqrt(n)) if n > 1 else 0.0
    return Interval(mean, mean - half, mean + half, n)


def median(values: Sequence[float]) -> Interval:
    """Of values that may be endless, with the order statistics that hold it 95 times in 100."""
    ranked, n = np.sort(np.array(values, dtype=float)), len(values)
    low = int(max(0.0, binom.ppf(0.025, n, 0.5) - 1))
    high = int(min(n - 1.0, binom.ppf(0.975, n, 0.5)))
    return Interval(float(ranked[(n - 1) // 2] + ranked[n // 2]) / 2, float(ranked[low]), float(ranked[high]), n)


def figures(rows: Sequence[Row]) -> dict[str, dict[str, Interval]]:
    """Every figure of every family over the worlds that have it; where some are infinite, the median and the range."""
    found: dict[str, dict[str, Interval]] = {}
    for family in {name for row in rows for name in row}:
        for name in {one for row in rows for one in row.get(family, {})}:
            values = [value for row in rows if (value := row.get(family, {}).get(name)) is not None]
            if values and np.isfinite(values).all():
                found.setdefault(family, {})[name] = over(values)
            elif values:  # Days until a dealer is found, who may never be.
                middle = float(np.median(values))
                found.setdefault(family, {})[name] = Interval(
                    middle, float(np.min(values)), float(np.max(values)), len(values)
                )
    return {family: dict(sorted(found[family].items())) for family in sorted(found)}
