"""The tag that makes a code ours: AES-CMAC over a message of exactly one block. Pure.

NIST SP 800-38B, section 6.2: for one complete block T = AES(K, M xor K1), K1 = dbl(AES(K, 0)). The message:

| bits | field          | why it is inside                                       |
| ---- | -------------- | ------------------------------------------------------ |
| 4    | format version | a later format never accepts a tag of this one         |
| 2    | profile        | a short tag is not the beginning of a long one         |
| 2    | face           | the public code does not give away the one that pays   |
| 24   | key epoch      | a tag names the brand and the age of its key           |
| 47   | GTIN-14        | a code cannot move to another product                  |
| 36   | hidden index   | the item                                               |
| 13   | zero           | fills the block, so that K1 always applies             |
"""

import struct

import numpy as np
from numpy.typing import NDArray

from codegen.blocks import BLOCK, BlockCipher

FORMAT_VERSION = 1
_GTIN_LOW_BITS = 15  # 4 + 2 + 2 + 24 leave 32 bits of the first word for the GTIN's upper part.


class TagKey:
    """One epoch's tag key (16 or 32 bytes) with its subkey K1."""

    __slots__ = ("_cipher", "_k1")

    def __init__(self, key: bytes) -> None:
        self._cipher = BlockCipher(key)
        zero = int.from_bytes(self._cipher.encrypt(bytes(BLOCK)), "big")
        doubled = (zero << 1 ^ (0x87 if zero >> 127 else 0)) & ((1 << 128) - 1)
        self._k1 = np.array(struct.unpack(">QQ", doubled.to_bytes(16, "big")), dtype=np.uint64)

    def tag(self, messages: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Leftmost 64 bits of AES-CMAC. messages: (n, 2) words, the more significant first. Returns (n,)."""
        return self._cipher.encrypt_words((messages ^ self._k1).astype(">u8"))[:, 0].astype(np.uint64)


def message(
    profile: int, face: int, epoch: int, gtin: NDArray[np.uint64] | np.uint64, hidden: NDArray[np.uint64]
) -> NDArray[np.uint64]:
    """The one-block messages of (n,) hidden indices; gtin is one number or (n,). Returns (n, 2) words."""
    head = np.uint64(FORMAT_VERSION << 60 | profile << 58 | face << 56 | epoch << 32)
    words = np.empty((len(hidden), 2), dtype=np.uint64)
    words[:, 0] = head | gtin >> np.uint64(_GTIN_LOW_BITS)
    words[:, 1] = (gtin << np.uint64(64 - _GTIN_LOW_BITS)) | hidden << np.uint64(13)
    return words
