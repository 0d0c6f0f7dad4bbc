"""Where each label stands when a press prints lanes x repeats of them, so that every slit roll is consecutive. Pure.

    page 1        page 2            lane 0 is cut off as one roll: items 0 1 2 3 ...
    0  6  12      3  9  15          lane 1 as the next, beginning where lane 0 ends
    1  7  13      4  10 16          A job longer than a roll goes on with the next set of rolls, on new pages.
    2  8  14      5  11 17

A lost roll is then one range to void, and a case packed from one roll is nearly one range.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codegen.templates import MM_PER_INCH, Template
from foundation.errors import BadRequest

LEAST_MARGIN_MM = 10.0  # Crop marks and the eye mark stand here.
LONGEST_MM = 5000.0  # ISO 32000-1, annex C.2: 14,400 points.
BLANK = -1


class BadImposition(BadRequest):
    """The sheet cannot be; `field` says which number is wrong."""

    type = "bad-imposition"


@dataclass(frozen=True, slots=True)
class Roll:
    """One slit roll, as it goes into the roll map; pages count from 1, items by their place in the run from 0."""

    number: int
    lane: int
    first_page: int
    last_page: int
    first: int
    count: int


@dataclass(frozen=True, slots=True)
class Imposition:
    """`count` labels from place `first` on; roll: most labels on one slit roll, 0 for one set of rolls."""

    template: Template
    first: int
    count: int
    lanes: int = 4
    repeats: int = 10
    roll: int = 0
    gap_mm: float = 3.0
    margin_mm: float = LEAST_MARGIN_MM

    def check(self) -> "Imposition":
        """Raises BadImposition."""
        for field, value, least, most in (
            ("count", self.count, 1, 1 << 36), ("lanes", self.lanes, 1, 100), ("repeats", self.repeats, 1, 1000),
            ("roll", self.roll, 0, 1 << 36), ("gap", self.gap_mm, 0, 100),
            ("margin", self.margin_mm, LEAST_MARGIN_MM, 100),
        ):  # fmt: skip
            if not least <= value <= most:
                raise BadImposition(f"{field}: {value} cannot be; use {least} to {most}.", field=field)
        for field, length in (("lanes", self.width_mm), ("repeats", self.height_mm)):
            if length > LONGEST_MM:
                raise BadImposition(f"{field}: a sheet of {length:.0f} mm is over {LONGEST_MM:.0f}.", field=field)
        return self

    @property
    def cells(self) -> int:
        return self.lanes * self.repeats

    @property
    def width_mm(self) -> float:
        return self.x_mm(self.lanes) - self.gap_mm + self.margin_mm

    @property
    def height_mm(self) -> float:
        return self.y_mm(self.repeats) - self.gap_mm + self.margin_mm

    @property
    def pages(self) -> int:
        full, rest = divmod(self.count, self.lanes * self._roll)
        return full * self._pages(self._roll) + (self._pages(self._last_roll) if rest else 0)

    def x_mm(self, lane: int) -> float:
        """Left edge of a lane, on a whole dot of the press."""
        return self._snapped(self.margin_mm + lane * (self.template.width_mm + self.gap_mm))

    def y_mm(self, row: int) -> float:
        """Upper edge of a repeat, from the top of the page, on a whole dot."""
        return self._snapped(self.margin_mm + row * (self.template.height_mm + self.gap_mm))

    def places(self, page: int) -> NDArray[np.int64]:
        """(lanes, repeats) places in the run of what stands on a page, counted from 0; BLANK where nothing does."""
        reel, on_reel = divmod(page, self._pages(self._roll))
        begin = reel * self.lanes * self._roll
        length = self._roll if begin + self.lanes * self._roll <= self.count else self._last_roll
        along = on_reel * self.repeats + np.arange(self.repeats, dtype=np.int64)
        places = begin + np.arange(self.lanes, dtype=np.int64)[:, None] * length + along
        filled = (along < length) & (places < self.count)
        return np.where(filled, places + self.first, BLANK)

    def rolls(self) -> Iterator[Roll]:
        """Every slit roll in the order of its items."""
        number = page = begin = 0
        while begin < self.count:
            length = self._roll if begin + self.lanes * self._roll <= self.count else self._last_roll
            for lane in range(self.lanes):
                at = begin + lane * length
                if at < self.count:
                    number += 1
                    count = min(length, self.count - at)
                    yield Roll(number, lane + 1, page + 1, page + self._pages(count), self.first + at, count)
            page += self._pages(length)
            begin += self.lanes * length

    @property
    def _roll(self) -> int:
        return self.roll or -(-self.count // self.lanes)

    @property
    def _last_roll(self) -> int:
        """What is left is shared by all lanes."""
        return -(-(self.count % (self.lanes * self._roll)) // self.lanes)

    def _pages(self, labels: int) -> int:
        return -(-labels // self.repeats)

    def _snapped(self, mm: float) -> float:
        return round(mm * self.template.dpi / MM_PER_INCH) * MM_PER_INCH / self.template.dpi
