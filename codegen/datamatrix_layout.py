"""What each module of a square Data Matrix (ECC 200) is for: finder, clock, quiet zone, or its codeword. Pure.

Squares of one data region, 10 to 26 modules a side: what a GTIN with a serial of twenty letters needs at most. All have
one block of error correction.

| part     | where (ISO/IEC 16022, sections 5.2 and annex F)                                            |
| -------- | ------------------------------------------------------------------------------------------ |
| L1 L2    | the solid legs: the left column and the bottom row                                         |
| Q1 Q2    | one module of quiet zone outside each leg                                                  |
| C1 C2    | the clock tracks: the alternating top row and right column, without the ends of the legs   |
| S1 S2    | the solid area beside each: one module of quiet zone, as long as the track                 |
| codewords| eight modules each in the rest, along diagonals, four corner shapes where a diagonal ends  |
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from codegen.qr_layout import NONE, Block, Place

# Side -> codewords of data, of error correction (ISO/IEC 16022, table 7).
SIZES = {
    10: (3, 5), 12: (5, 7), 14: (8, 10), 16: (12, 12), 18: (18, 14), 20: (22, 18), 22: (30, 20), 24: (36, 24),
    26: (44, 28),
}  # fmt: skip
_SHAPE = ((-2, -2), (-2, -1), (-1, -2), (-1, -1), (-1, 0), (0, -2), (0, -1), (0, 0))


@dataclass(frozen=True)
class MatrixLayout:
    """codeword, bit: (side, side), NONE where there is none; bit 0 is the highest. segments: places by name."""

    side: int
    codeword: NDArray[np.int32]
    bit: NDArray[np.int32]
    segments: dict[str, tuple[Place, ...]]


@lru_cache(maxsize=len(SIZES))
def layout(side: int) -> MatrixLayout:
    """side: of SIZES."""
    n, last = side, side - 1
    segments = {
        "L1": tuple((row, 0) for row in range(n)),
        "L2": tuple((last, column) for column in range(n)),
        "Q1": tuple((row, -1) for row in range(-1, n + 1)),
        "Q2": tuple((n, column) for column in range(-1, n + 1)),
        "C1": tuple((0, column) for column in range(1, n)),
        "S1": tuple((-1, column) for column in range(1, n)),
        "C2": tuple((row, last) for row in range(last)),
        "S2": tuple((row, n) for row in range(last)),
    }
    inside = _placed(n - 2)
    number, bit = (np.full((n, n), NONE, dtype=np.int32) for _ in range(2))
    for (row, column), (codeword, nth) in inside.items():
        number[row + 1, column + 1], bit[row + 1, column + 1] = codeword, nth
    return MatrixLayout(n, number, bit, segments)


def blocks(side: int) -> tuple[Block, ...]:
    """One block; nothing is kept back against misdecoding."""
    data, correction = SIZES[side]
    return (Block(tuple(range(data + correction)), correction, 0),)


def _placed(n: int) -> dict[Place, tuple[int, int]]:
    """Place -> codeword and bit in the n x n data region; the diagonals go up to the right and down to the left."""
    found: dict[Place, tuple[int, int]] = {}
    word, row, column = 0, 4, 0
    while row < n or column < n:
        if (corner := _corner(n, row, column)) is not None:
            _put(found, corner, word)
            word += 1
        while True:
            word += _shape(found, n, row, column, word, column >= 0 and row < n)
            row, column = row - 2, column + 2
            if row < 0 or column >= n:
                break
        row, column = row + 1, column + 3
        while True:
            word += _shape(found, n, row, column, word, row >= 0 and column < n)
            row, column = row + 2, column - 2
            if row >= n or column < 0:
                break
        row, column = row + 3, column + 1
    return found


def _shape(found: dict[Place, tuple[int, int]], n: int, row: int, column: int, word: int, is_inside: bool) -> int:
    """Put the usual shape of a codeword whose last module lies here; how many codewords that were."""
    if not is_inside or (row, column) in found:
        return 0
    _put(found, [_wrapped(n, row + down, column + right) for down, right in _SHAPE], word)
    return 1


def _put(found: dict[Place, tuple[int, int]], places: list[Place], word: int) -> None:
    for bit, place in enumerate(places):
        found[place] = word, bit


def _wrapped(n: int, row: int, column: int) -> Place:
    """What leaves at the top or left comes in at the other side, shifted so that the diagonals meet."""
    if row < 0:
        row, column = row + n, column + 4 - (n + 4) % 8
    if column < 0:
        row, column = row + 4 - (n + 4) % 8, column + n
    return row, column


def _corner(n: int, row: int, column: int) -> list[Place] | None:
    """The four shapes that a diagonal leaves at a corner, for sides of certain remainders."""
    last = n - 1
    if (row, column) == (n, 0):
        return [(last, 0), (last, 1), (last, 2), (0, n - 2), (0, last), (1, last), (2, last), (3, last)]
    if (row, column) == (n - 2, 0) and n % 4:
        top = [(0, n - 4), (0, n - 3), (0, n - 2), (0, last), (1, last)]
        return [(n - 3, 0), (n - 2, 0), (last, 0), *top]
    if (row, column) == (n - 2, 0) and n % 8 == 4:
        return [(n - 3, 0), (n - 2, 0), (last, 0), (0, n - 2), (0, last), (1, last), (2, last), (3, last)]
    if (row, column) == (n + 4, 2) and n % 8 == 0:
        return [(last, 0), (last, last), (0, n - 3), (0, n - 2), (0, last), (1, n - 3), (1, n - 2), (1, last)]
    return None
