"""What each module of a QR symbol is for: function patterns, format, or the codeword and block of its bit. Pure.

| part               | where (ISO/IEC 18004, section 6.3 and 7.7)                                        |
| ------------------ | --------------------------------------------------------------------------------- |
| A1 A2 A3           | the finders: 7 x 7, their separator, and one module of quiet zone outside         |
| B1 B2              | the timing row and column 6, between the separators                               |
| C                  | the alignment patterns, 5 x 5                                                     |
| format, twice      | 15 modules beside A1, and 15 shared between A2 and A3                             |
| version, twice     | 18 modules beside A2 and A3, from version 7                                       |
| codewords          | eight modules each, up and down in pairs of columns from the right, column 6 left out |

Codewords of a symbol with several blocks are interleaved: the first of each block, then the second; error correction
after all data (section 7.6).
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from segno import consts

from codegen.qr import LEVELS, side

Place = tuple[int, int]  # Row and column, from 0 at the top left; -1 and side are the quiet zone.
NONE = -1
_LEVEL_KEYS = dict(zip("LMQH", (consts.ERROR_LEVEL_L, consts.ERROR_LEVEL_M, consts.ERROR_LEVEL_Q,
                                consts.ERROR_LEVEL_H), strict=True))  # fmt: skip
# Codewords of error correction kept back against misdecoding (ISO/IEC 18004, table 9).
_MISDECODE = {(1, "L"): 3, (1, "M"): 2, (1, "Q"): 1, (1, "H"): 1, (2, "L"): 2, (3, "L"): 1}


@dataclass(frozen=True, slots=True)
class Block:
    """codewords: their numbers in the order of placement, data first. correction: how many of them correct errors.

    misdecode: how many of these are kept back, p in UEC = 1 - (e + 2t) / (d - p).
    """

    codewords: tuple[int, ...]
    correction: int
    misdecode: int


@dataclass(frozen=True)
class Layout:
    """codeword: (side, side) the number of each module's codeword, NONE elsewhere. segments: places by name."""

    version: int
    codeword: NDArray[np.int32]
    segments: dict[str, tuple[Place, ...]]

    @property
    def side(self) -> int:
        return side(self.version)


@lru_cache(maxsize=40)
def layout(version: int) -> Layout:
    """version: 1 to 40."""
    n = side(version)
    segments = {"A1": _finder(0, 0), "A2": _finder(0, n - 7), "A3": _finder(n - 7, 0)}
    segments["B1"] = tuple((6, at) for at in range(8, n - 8))
    segments["B2"] = tuple((at, 6) for at in range(8, n - 8))
    segments["C"] = _alignments(version)
    segments["format1"] = tuple(
        [(8, at) for at in (0, 1, 2, 3, 4, 5, 7, 8)] + [(at, 8) for at in (7, 5, 4, 3, 2, 1, 0)]
    )
    segments["format2"] = tuple([(n - 1 - at, 8) for at in range(7)] + [(8, n - 8 + at) for at in range(8)])
    if version >= 7:
        segments["version1"] = tuple((row, n - 11 + column) for row in range(6) for column in range(3))
        segments["version2"] = tuple((n - 11 + row, column) for row in range(3) for column in range(6))
    return Layout(version, _codewords(n, segments), segments)


@lru_cache(maxsize=160)
def blocks(version: int, level: str) -> tuple[Block, ...]:
    """The blocks of a symbol, in order."""
    kinds = consts.ECC[version][_LEVEL_KEYS[LEVELS[LEVELS.index(level)]]]
    sizes = [(kind.num_data, kind.num_total - kind.num_data) for kind in kinds for _ in range(kind.num_blocks)]
    members: list[list[int]] = [[] for _ in sizes]
    at = 0
    for part in (0, 1):
        for nth in range(max(size[part] for size in sizes)):
            for block, size in enumerate(sizes):
                if nth < size[part]:
                    members[block].append(at)
                    at += 1
    kept_back = _MISDECODE.get((version, level), 0)
    return tuple(Block(tuple(one), size[1], kept_back) for one, size in zip(members, sizes, strict=True))


def _finder(top: int, left: int) -> tuple[Place, ...]:
    """7 x 7, and one module around it: separator on the inside, quiet zone on the outside."""
    return tuple((row, column) for row in range(top - 1, top + 8) for column in range(left - 1, left + 8))


def _alignments(version: int) -> tuple[Place, ...]:
    centres = consts.ALIGNMENT_POS[version - 2] if version > 1 else ()
    last = side(version) - 7
    corners = {(6, 6), (6, last), (last, 6)}
    wanted = [(row, column) for row in centres for column in centres if (row, column) not in corners]
    return tuple(
        (r, c) for row, column in wanted for r in range(row - 2, row + 3) for c in range(column - 2, column + 3)
    )


def _codewords(n: int, segments: dict[str, tuple[Place, ...]]) -> NDArray[np.int32]:
    taken = np.zeros((n, n), dtype=bool)
    for places in segments.values():
        for row, column in places:
            if 0 <= row < n and 0 <= column < n:
                taken[row, column] = True
    taken[n - 8, 8] = True  # The dark module.
    number = np.full((n, n), NONE, dtype=np.int32)
    bit, capacity = 0, int((~taken).sum()) // 8 * 8
    right, upward = n - 1, True
    while right > 0:
        if right == 6:
            right = 5
        for row in range(n - 1, -1, -1) if upward else range(n):
            for column in (right, right - 1):
                if not taken[row, column]:
                    number[row, column] = bit // 8 if bit < capacity else NONE
                    bit += 1
        right, upward = right - 2, not upward
    return number
