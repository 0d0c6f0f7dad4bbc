"""AES over raw blocks: the one primitive under the permutation and the tag. Pure.

ECB here is the block cipher itself, called on blocks that FF1 or CMAC has prepared; no message is ever encrypted
with it. A cipher context costs ten times a small call to set up, and may not be entered by two threads at once, so each
thread keeps its own.
"""

import threading

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes
from numpy.typing import NDArray

BLOCK = 16


class BlockCipher:
    """AES under one key of 16 or 32 bytes."""

    __slots__ = ("_cipher", "_local")

    def __init__(self, key: bytes) -> None:
        self._cipher = Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305
        self._local = threading.local()

    def encrypt(self, blocks: bytes) -> bytes:
        """Whole 16-byte blocks, each enciphered on its own."""
        return self._context().update(blocks)

    def encrypt_words(self, words: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """(n, 2) big-endian 64-bit words, one block a row. Returns the same shape."""
        return np.frombuffer(self._context().update(words.tobytes()), dtype=">u8").reshape(-1, 2)

    def _context(self) -> CipherContext:
        context: CipherContext | None = getattr(self._local, "context", None)
        if context is None:
            context = self._local.context = self._cipher.encryptor()
        return context
