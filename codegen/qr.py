"""QR symbols by table: a block of texts becomes a block of symbols by XOR, not one text after another. Pure.

For one version, level, mask and length of text the symbol is an affine function of its data bits over GF(2):
Reed-Solomon is linear, interleaving and placement are permutations, and mask, format and padding are constants. So

    symbol(text) = BASE(mask) xor PAIR_0[c0 c1] xor PAIR_1[c2 c3] ... xor LAST[cn]

with one table row for each of the 45 * 45 pairs at each place, and BASE the whole text with zeros where it varies.
BASE and the 11 unit vectors of each pair come from segno, the reference; every row is a XOR of these. What all texts
share at their beginning is folded into BASE. Only BASE depends on the mask.

A symbol is packed: each row of modules in whole bytes, the leftmost module in the highest bit, 1 is dark; the last byte
of a symbol is followed by zeros up to a whole 64-bit word. This is what a PDF takes as an image.
"""

from functools import lru_cache

import numpy as np
import segno
from numpy.typing import NDArray

from codegen.written import ALPHABET
from foundation import ids
from foundation.errors import BadRequest

Words = NDArray[np.uint64]
Letters = NDArray[np.uint8]
LEVELS = "LMQH"
MASKS = range(8)
MAX_VERSION = 10
CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"  # ISO/IEC 18004, table 5: value = position.
# Alphanumeric characters that versions 1, 2, 3 ... hold (ISO/IEC 18004, table 7).
CAPACITY = {
    "L": (25, 47, 77, 114, 154, 195, 224, 279, 335, 395),
    "M": (20, 38, 61, 90, 122, 154, 178, 221, 262, 311),
    "Q": (16, 29, 47, 67, 87, 108, 125, 157, 189, 221),
    "H": (10, 20, 35, 50, 64, 84, 93, 122, 143, 174),
}
BLOCK_ROWS = 4096  # Working arrays of this many symbols stay in the cache.
SAMPLES = 1000
_PAIR_BITS, _LAST_BITS = 11, 6
_VALUES = np.full(256, 255, dtype=np.uint8)
_VALUES[np.frombuffer(CHARACTERS.encode(), dtype=np.uint8)] = np.arange(45)


class DoesNotFit(BadRequest):
    """The text is longer than the symbol, or the symbol larger than the label."""

    type = "does-not-fit"


class UnknownLevel(BadRequest):
    """Error correction has four levels."""

    type = "unknown-level"


def check_level(level: str) -> str:
    """The level as one of L, M, Q, H. Raises UnknownLevel."""
    if level.upper() not in tuple(LEVELS):
        raise UnknownLevel(f"There is no error correction level {level!r}; use L, M, Q or H.")
    return level.upper()


def version_for(characters: int, level: str = "M") -> int:
    """The smallest version that holds so many alphanumeric characters. Raises DoesNotFit."""
    for version, capacity in enumerate(CAPACITY[level], start=1):
        if characters <= capacity:
            return version
    raise DoesNotFit(f"{characters} characters do not fit a code at level {level}; {CAPACITY[level][-1]} do.")


def side(version: int) -> int:
    """Modules along one side, without quiet zone."""
    return 17 + 4 * version


def stride(version: int) -> int:
    """Bytes of one packed row of modules."""
    return (side(version) + 7) // 8


class Encoder:
    """Makes the symbols of texts that begin with `prefix` and go on with `letters` more characters."""

    def __init__(self, prefix: str, letters: int, *, version: int, level: str = "M") -> None:
        """Derive the tables: 0.1 s. Raises DoesNotFit, which names the version it would need."""
        if not set(prefix) <= set(CHARACTERS):
            raise DoesNotFit(f"{prefix!r} has characters outside QR's alphanumeric set.")
        self.characters = len(prefix) + letters
        needed = version_for(self.characters, level)
        if not needed <= version <= MAX_VERSION:
            raise DoesNotFit(f"{self.characters} characters do not fit QR version {version}-{level}; use {needed}.")
        self.version, self.level = version, level
        self.side, self.stride = side(version), stride(version)
        self._fixed = len(prefix) & ~1  # Pairs are counted from the start of the text.
        self._start = prefix[: self._fixed]
        zeros = "0" * (self.characters - self._fixed)
        self.bases = np.stack([self._draw(zeros, mask) for mask in MASKS])
        self._tables = [self._table(zeros, at) for at in range(0, len(zeros), 2)]

    def encode(self, texts: Letters, mask: int) -> Words:
        """(n, words) packed symbols of (n, characters) ASCII texts, all with the encoder's prefix."""
        symbols = self.linear(texts)
        symbols ^= self.bases[mask]
        return symbols

    def linear(self, texts: Letters) -> Words:
        """The same before BASE is applied: what all eight masks of a symbol share."""
        symbols = np.empty((len(texts), self.bases.shape[1]), dtype=np.uint64)
        for at in range(0, len(texts), BLOCK_ROWS):
            self._fill(symbols[at : at + BLOCK_ROWS], texts[at : at + BLOCK_ROWS, self._fixed :])
        return symbols

    def pixels(self, symbols: Words) -> Letters:
        """(n, side, stride) bytes of packed rows, as image formats take them; a view."""
        return symbols.view(np.uint8)[:, : self.side * self.stride].reshape(-1, self.side, self.stride)

    def modules(self, symbols: Words) -> NDArray[np.bool_]:
        """(n, side, side) modules, True is dark."""
        return np.unpackbits(self.pixels(symbols), axis=2, count=self.side).astype(np.bool_)

    def _fill(self, symbols: Words, letters: Letters) -> None:
        values = _VALUES[letters]
        if values.size and values.max() > 44:
            raise ValueError("a text has characters outside QR's alphanumeric set")
        row = np.empty_like(symbols)
        for at, table in enumerate(self._tables):
            index = values[:, 2 * at].astype(np.intp)
            if 2 * at + 1 < values.shape[1]:
                index *= 45
                index += values[:, 2 * at + 1]
            np.take(table, index, axis=0, out=row if at else symbols, mode="clip")
            if at:
                symbols ^= row

    def _table(self, zeros: str, at: int) -> Words:
        """Rows of the pair at `at`, or of the last single character: the XOR of its value's unit vectors."""
        single = at + 1 == len(zeros)
        table = np.zeros((64 if single else 2048, self.bases.shape[1]), dtype=np.uint64)
        for bit in range(_LAST_BITS if single else _PAIR_BITS):
            high, low = divmod(1 << bit, 45)
            unit = CHARACTERS[low] if single else CHARACTERS[high] + CHARACTERS[low]
            vector = self._draw(zeros[:at] + unit + zeros[at + len(unit) :], 0) ^ self.bases[0]
            table[1 << bit : 2 << bit] = table[: 1 << bit] ^ vector
        return table[: 45 if single else 2025]

    def _draw(self, rest: str, mask: int) -> Words:
        # Digits alone would be numeric mode, and boosting would raise the level behind our back.
        symbol = segno.make_qr(
            self._start + rest,
            error=self.level,
            version=self.version,
            mask=mask,
            mode="alphanumeric",
            boost_error=False,
        )
        packed = np.packbits(np.array([list(row) for row in symbol.matrix], dtype=np.uint8), axis=1).tobytes()
        return np.frombuffer(packed + bytes(-len(packed) % 8), dtype=np.uint64)


@lru_cache(maxsize=8)
def encoder(prefix: str, letters: int, *, version: int, level: str = "M") -> Encoder:
    """The same, derived once."""
    return Encoder(prefix, letters, version=version, level=level)


def sample_texts(prefix: str, letters: int, count: int = SAMPLES) -> Letters:
    """(count, characters) texts with serials as random as real ones, always the same for the same prefix."""
    alphabet = np.frombuffer(ALPHABET.encode(), dtype=np.uint8)
    noise = np.frombuffer(ids.seeded(f"{prefix} {letters}").randbytes(count * letters), dtype=np.uint8)
    start = np.tile(np.frombuffer(prefix.encode("ascii"), dtype=np.uint8), (count, 1))
    return np.concatenate([start, alphabet[noise & 31].reshape(count, letters)], axis=1)
