"""Where the codewords of a Data Matrix lie: read out of a library's symbols they fulfil its error correction."""

from itertools import pairwise

import numpy as np
import pytest
import zxingcpp

from codegen import datamatrix
from codegen.datamatrix_layout import NONE, SIZES, blocks, layout

POLYNOMIAL = 0x12D  # ISO/IEC 16022, section 5.7.


def syndromes(words, correction):
    """The received polynomial at alpha^1 to alpha^correction; all 0 where nothing is wrong."""
    powers, value = [], 1
    for _ in range(255):
        powers.append(value)
        value <<= 1
        value ^= POLYNOMIAL if value & 256 else 0
    logs = {power: nth for nth, power in enumerate(powers)}
    found = []
    for root in range(1, correction + 1):
        total = 0
        for word in words:
            total = powers[(logs[total] + root) % 255] if total else 0
            total ^= int(word)
        found.append(total)
    return found


def written(text):
    made = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.DataMatrix, force_square=True)
    return np.asarray(made.to_image(scale=1, add_quiet_zones=False), dtype=np.uint8) == 0


def words_of(modules):
    where = layout(len(modules))
    words = np.zeros(sum(SIZES[len(modules)]), dtype=np.int64)
    inside = where.codeword != NONE
    np.bitwise_or.at(words, where.codeword[inside], modules[inside].astype(np.int64) << (7 - where.bit[inside]))
    return words


TEXTS = {n: "7" * digits for n, digits in zip(SIZES, (6, 10, 16, 24, 36, 44, 60, 72, 88), strict=True)}


@pytest.mark.parametrize("side", SIZES)
def test_every_size_keeps_its_own_error_correction(side):
    modules = written(TEXTS[side])
    assert len(modules) == side
    words, (data, correction) = words_of(modules), SIZES[side]
    assert syndromes(words, correction) == [0] * correction
    assert words[:data].tolist() == [130 + 77] * data  # Two digits a codeword: 130 and the number.
    assert any(syndromes([1, *words[1:]], correction))


@pytest.mark.parametrize("side", SIZES)
def test_each_codeword_has_eight_modules_and_the_rest_is_pattern(side):
    where, (part,) = layout(side), blocks(side)
    numbers, counts = np.unique(where.codeword[where.codeword != NONE], return_counts=True)
    assert numbers.tolist() == list(part.codewords)
    assert set(counts.tolist()) == {8}
    modules = written(TEXTS[side])
    assert all(modules[place] for name in ("L1", "L2") for place in where.segments[name])
    for track in (where.segments["C1"], where.segments["C2"]):
        assert all(where.codeword[place] == NONE for place in track)
        assert all(modules[one] != modules[other] for one, other in pairwise(track))


def test_a_label_of_ours_says_its_element_string():
    words = words_of(datamatrix.matrix("06901234567892", "K7Q2M"))
    assert words[0] == 232  # FNC1 in first position.
    assert words[1] == 130 + 1  # AI 01.
