"""Hide the order of item numbers: FF1 over 36-bit indices, many at a time. Pure.

NIST SP 800-38G, algorithms 7 and 8, for radix 2, n = 36 and a 4-byte tweak. Then u = v = 18, b = 3, d = 8, and
P = 01 02 01 | 00 00 02 | 0A | 12 | 00 00 00 24 | 00 00 00 04 never changes, so E = AES(K, P) is computed once and each
round is one block: AES(K, E xor Q) with Q = tweak (4 bytes) | eight zeros | round (1) | half (3).
FF3 and FF3-1 are broken or dropped; do not swap them in.
"""

import struct

import numpy as np
from numpy.typing import NDArray

from codegen.blocks import BlockCipher

INDEX_BITS = 36
ROUNDS = 10
_HALF_BITS = INDEX_BITS // 2
_HALF_INT = (1 << _HALF_BITS) - 1
_HALF = np.uint64(_HALF_INT)
FIXED = bytes([1, 2, 1, 0, 0, 2, ROUNDS, _HALF_BITS]) + struct.pack(">II", INDEX_BITS, 4)

Indices = NDArray[np.uint64]
Tweaks = NDArray[np.uint64] | np.uint64


class Permutation:
    """One epoch's permutation of 0 .. 2^36 - 1, under its own AES key (16 or 32 bytes)."""

    __slots__ = ("_cipher", "_high", "_reversed", "_rounds")

    def __init__(self, key: bytes) -> None:
        self._cipher = BlockCipher(key)
        high, low = struct.unpack(">QQ", self._cipher.encrypt(FIXED))
        self._high = np.uint64(high)
        self._rounds = [np.uint64(low ^ number << 24) for number in range(ROUNDS)]
        self._reversed = [int(constant) for constant in reversed(self._rounds)]

    def hide(self, indices: Indices, tweaks: Tweaks) -> Indices:
        """FF1 encryption. indices: (n,) below 2^36; tweaks: one 32-bit tweak, or (n,) of them. Returns (n,)."""
        blocks = self._blocks(len(indices), tweaks)
        left, right = indices >> np.uint64(_HALF_BITS), indices & _HALF
        for constant in self._rounds:
            left, right = right, (left + self._round(blocks, constant, right)) & _HALF
        return left << np.uint64(_HALF_BITS) | right

    def reveal(self, hidden: Indices, tweaks: Tweaks) -> Indices:
        """FF1 decryption: the inverse of `hide` under the same tweaks."""
        blocks = self._blocks(len(hidden), tweaks)
        left, right = hidden >> np.uint64(_HALF_BITS), hidden & _HALF
        for constant in reversed(self._rounds):
            left, right = (right - self._round(blocks, constant, left)) & _HALF, left
        return left << np.uint64(_HALF_BITS) | right

    def reveal_one(self, hidden: int, tweak: int) -> int:
        """The same for one index on plain integers: for fewer than five, arrays cost more than they save."""
        high = (int(self._high) ^ tweak << 32).to_bytes(8, "big")
        left, right = hidden >> _HALF_BITS, hidden & _HALF_INT
        for constant in self._reversed:
            block = self._cipher.encrypt(high + (constant ^ left).to_bytes(8, "big"))
            left, right = (right - int.from_bytes(block[:8], "big")) & _HALF_INT, left
        return left << _HALF_BITS | right

    def _blocks(self, n: int, tweaks: Tweaks) -> NDArray[np.uint64]:
        """(n, 2) big-endian words, E xor Q but for the second word, which each round fills in."""
        blocks = np.empty((n, 2), dtype=">u8")
        blocks[:, 0] = self._high ^ (tweaks << np.uint64(32))
        return blocks

    def _round(self, blocks: NDArray[np.uint64], constant: np.uint64, half: Indices) -> Indices:
        """y of step 6.iv and v; taken mod 2^18 by the caller, so only the low bits of the first 8 bytes matter."""
        blocks[:, 1] = half ^ constant
        return self._cipher.encrypt_words(blocks)[:, 0].astype(np.uint64)
