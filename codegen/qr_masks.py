"""Which of the eight masks a symbol should have: the penalties of ISO/IEC 18004, section 7.8.3, many at a time. Pure.

| rule | what                                               | points                      |
| ---- | -------------------------------------------------- | --------------------------- |
| N1   | a run of 5 + i modules of one colour               | 3 + i                       |
| N2   | a block of 2 x 2 modules of one colour             | 3                           |
| N3   | dark-light-dark 1:1:3:1:1 beside 4 light modules   | 40                          |
| N4   | share of dark modules k whole 5 % away from half   | 10 k                        |

A symbol is judged before its format and version information is drawn (section 7.8.1): these modules are light. Of equal
masks the lowest number wins; of two finder patterns that overlap the second is not counted. Both as segno does it.
A row of modules is one 64-bit word, leftmost module first, so that one operation looks at a whole row.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from codegen.qr import BLOCK_ROWS, MASKS, Encoder, Letters, Words, encoder, sample_texts, side, stride
from foundation.errors import BadRequest

Scores = NDArray[np.int64]
_FINDER = (1, 0, 1, 1, 1, 0, 1)
_JUDGED_ROWS = BLOCK_ROWS // 16


class BadMask(BadRequest):
    """A QR symbol has eight masks."""

    type = "bad-mask"


def check_mask(mask: int) -> int:
    """Raises BadMask."""
    if mask not in MASKS:
        raise BadMask(f"There is no mask {mask}; use 0 to 7, or auto for each symbol its own.")
    return mask


def encode_best(made: Encoder, texts: Letters) -> tuple[Words, NDArray[np.intp]]:
    """Symbols of (n, characters) texts, each with its own mask of lowest penalty. Returns ((n, words), (n,) masks)."""
    plain = made.linear(texts)
    masks = penalties(made, plain).argmin(axis=1)
    return plain ^ made.bases[masks], masks


@lru_cache(maxsize=64)
def mask_for(prefix: str, letters: int, *, version: int, level: str = "M") -> int:
    """The one mask for all texts of a run: lowest mean penalty over sample serials, the same at every call."""
    made = encoder(prefix, letters, version=version, level=level)
    return int(penalties(made, made.linear(sample_texts(prefix, letters))).mean(axis=0).argmin())


def penalties(made: Encoder, plain: Words) -> Scores:
    """(n, 8) points of symbols as `Encoder.linear` gives them, one column a mask."""
    bases = _rows(made.bases, made.version) & _judged(made.version)
    points = np.empty((len(plain), len(MASKS)), dtype=np.int64)
    for at in range(0, len(plain), _JUDGED_ROWS):
        rows = _rows(plain[at : at + _JUDGED_ROWS], made.version)
        for mask in MASKS:
            points[at : at + _JUDGED_ROWS, mask] = penalty(rows ^ bases[mask], made.side)
    return points


def penalty(rows: Words, modules: int) -> Scores:
    """(n,) points of (n, modules) rows."""
    inside = _left(modules)
    same_across = ~(rows ^ rows << np.uint64(1)) & _left(modules - 1)
    same_down = ~(rows[:, :-1] ^ rows[:, 1:]) & inside
    runs = _runs_across(same_across) + _runs_down(same_down)
    blocks = _count(same_across[:, :-1] & same_across[:, 1:] & same_down)
    return runs + 3 * blocks + 40 * (_finders_across(rows) + _finders_down(rows)) + _balance(modules)[_count(rows)]


def _runs_across(same: Words) -> Scores:
    """A run of n is n - 4 windows of five alike and one beginning of them: n - 4 + 2 = 3 + (n - 5)."""
    one = np.uint64(1)
    windows = same & same << one
    windows &= windows << np.uint64(2)
    return _count(windows) + 2 * _count(windows & ~(windows >> one))


def _runs_down(same: Words) -> Scores:
    windows = same[:, :-3] & same[:, 1:-2] & same[:, 2:-1] & same[:, 3:]
    return _count(windows) + 2 * (_count(windows[:, 1:] & ~windows[:, :-1]) + _count(windows[:, :1]))


def _finders_across(rows: Words) -> Scores:
    """Beyond the edge is light. An occurrence whose predecessor at 4 or 6 modules was counted shares its modules."""
    ahead = [rows << np.uint64(step) for step in range(11)]
    before = rows >> np.uint64(1) | rows >> np.uint64(2) | rows >> np.uint64(3) | rows >> np.uint64(4)
    after = ahead[7] | ahead[8] | ahead[9] | ahead[10]
    found = _pattern(ahead) & ~(before & after)
    return _count(found & ~(found >> np.uint64(4)) & ~(found >> np.uint64(6)))


def _finders_down(rows: Words) -> Scores:
    n, modules = rows.shape
    padded = np.zeros((n, modules + 8), dtype=np.uint64)
    padded[:, 4:-4] = rows
    places = modules - 6
    ahead = [padded[:, 4 + step : 4 + step + places] for step in range(-4, 11)]
    before, after = ahead[0] | ahead[1] | ahead[2] | ahead[3], ahead[11] | ahead[12] | ahead[13] | ahead[14]
    found = _pattern(ahead[4:]) & ~(before & after)
    counted = found.copy()
    counted[:, 4:] &= ~found[:, :-4]
    counted[:, 6:] &= ~found[:, :-6]
    return _count(counted)


def _pattern(ahead: list[Words]) -> Words:
    found = ahead[0].copy()
    for step, dark in enumerate(_FINDER[1:], start=1):
        found &= ahead[step] if dark else ~ahead[step]
    return found


@lru_cache(maxsize=16)
def _balance(modules: int) -> Scores:
    """N4 by the number of dark modules."""
    total = modules * modules
    return np.array([10 * int(abs(dark / total * 100 - 50) / 5) for dark in range(total + 1)], dtype=np.int64)


def _rows(symbols: Words, version: int) -> Words:
    """(n, side) words of packed symbols, the leftmost module in the highest bit."""
    wide = np.zeros((len(symbols), side(version), 8), dtype=np.uint8)
    packed = symbols.view(np.uint8)[:, : side(version) * stride(version)]
    wide[:, :, : stride(version)] = packed.reshape(-1, side(version), stride(version))
    return wide.view(">u8")[:, :, 0].astype(np.uint64)


@lru_cache(maxsize=16)
def _judged(version: int) -> Words:
    """(side,) words with ones but where format and version information will stand."""
    modules = side(version)
    here = np.ones((modules, modules), dtype=np.bool_)
    here[8, :9] = here[:9, 8] = here[8, -8:] = here[-8:, 8] = False
    here[8, 6] = here[6, 8] = True  # The timing pattern crosses.
    if version >= 7:
        here[:6, -11:-8] = here[-11:-8, :6] = False
    wide = np.zeros((modules, 64), dtype=np.uint8)
    wide[:, :modules] = here
    return np.packbits(wide, axis=1).view(">u8")[:, 0].astype(np.uint64)


def _left(modules: int) -> np.uint64:
    """A word with the leftmost `modules` bits set."""
    return np.uint64((1 << 64) - (1 << 64 - modules))


def _count(words: Words) -> Scores:
    counted: Scores = np.bitwise_count(words).sum(axis=1, dtype=np.int64)
    return counted
