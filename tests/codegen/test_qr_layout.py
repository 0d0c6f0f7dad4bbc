"""Where the modules of a QR symbol belong, against what segno draws."""

import numpy as np
import pytest
import segno
from segno import encoder

from codegen.qr_layout import NONE, blocks, layout

LEVELS = {"L": "l", "M": "m", "Q": "q", "H": "h"}
MASKS = {0: lambda r, c: (r + c) % 2 == 0, 1: lambda r, c: r % 2 == 0}


@pytest.mark.parametrize("version", [1, 2, 3, 5, 7, 10, 14])
@pytest.mark.parametrize("level", list(LEVELS))
def test_the_codewords_read_from_the_places_are_those_the_reference_put_there(version, level):
    made = segno.make("ABC123", version=version, error=LEVELS[level], mask=1, boost_error=False)
    where, n = layout(version), layout(version).side
    bits = {}
    right, upward = n - 1, True
    while right > 0:
        right = 5 if right == 6 else right
        for row in range(n - 1, -1, -1) if upward else range(n):
            for column in (right, right - 1):
                word = int(where.codeword[row, column])
                if word != NONE:
                    bits.setdefault(word, []).append((made.matrix[row][column] ^ MASKS[1](row, column)) & 1)
        right, upward = right - 2, not upward
    words = bytearray(int("".join(map(str, bits[at])), 2) for at in sorted(bits))
    every = blocks(version, level)
    data = [words[at] for block in every for at in block.codewords[: len(block.codewords) - block.correction]]
    for block in every:
        mine = bytearray(words[at] for at in block.codewords)
        kept = mine[: len(mine) - block.correction]
        generator = encoder.consts.GEN_POLY[block.correction]
        expected = remainder(kept, generator)
        assert mine[len(kept) :] == expected, "the Reed-Solomon codewords of each block fit its data"
    assert data[0] >> 4 == 0b0010, "alphanumeric mode"
    assert sorted(at for block in every for at in block.codewords) == list(range(len(words)))


def remainder(data, generator):
    """What segno's own tables say the error correction of these codewords is."""
    exp, log = encoder.consts.GALIOS_EXP, encoder.consts.GALIOS_LOG
    left = list(data) + [0] * len(generator)
    for at in range(len(data)):
        if left[at]:
            for nth, power in enumerate(generator):
                left[at + nth + 1] ^= exp[(power + log[left[at]]) % 255]
    return bytearray(left[len(data) :])


@pytest.mark.parametrize("version", [1, 3, 7])
def test_function_patterns_lie_where_every_symbol_has_the_same_modules(version):
    drawn = [
        np.array(
            [list(row) for row in segno.make(text, version=version, error="m", mask=mask, boost_error=False).matrix]
        )
        for text, mask in (("A1", 0), ("ZZ9", 3), ("QQQ", 5))
    ]
    same = np.logical_and.reduce([one == drawn[0] for one in drawn])
    where, n = layout(version), layout(version).side
    for name in ("A1", "A2", "A3", "B1", "B2", "C", "version1", "version2"):
        for row, column in where.segments.get(name, ()):
            if 0 <= row < n and 0 <= column < n:
                assert same[row, column], (name, row, column)
    assert len(where.segments["format1"]) == len(where.segments["format2"]) == 15
    assert [len(where.segments[name]) for name in ("A1", "A2", "A3")] == [81, 81, 81]


def test_the_level_3m_has_one_block_of_44_and_26():
    (only,) = blocks(3, "M")
    assert (len(only.codewords), only.correction, only.misdecode) == (70, 26, 0)
    assert [block.misdecode for block in blocks(1, "L")] == [3]
