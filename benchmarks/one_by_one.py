"""The same token made one code at a time, as fast as Python does it: what issuing in bulk is compared with.

Cipher contexts are kept, FF1 runs on plain integers with everything constant worked out beforehand, ten bits of the
serial are one look-up, and lines are written ten thousand at a time.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from codegen.identity import Face, tweak
from codegen.keys import KeyProvider, label
from codegen.permute import FIXED, ROUNDS
from codegen.run_index import Run
from codegen.tag import FORMAT_VERSION
from codegen.wire import prefix
from codegen.written import ALPHABET

_PAIRS = [first + second for first in ALPHABET for second in ALPHABET]
_LOW_64, _LOW_18 = (1 << 64) - 1, (1 << 18) - 1


def codes(run: Run, provider: KeyProvider, count: int) -> Iterator[str]:
    """The first `count` outer codes of a standard run, each with its line end."""
    aes = [
        Cipher(algorithms.AES(provider.derive(label(purpose, run.brand_id, run.epoch), 32)), modes.ECB())
        .encryptor()
        .update
        for purpose in ("permute", "tag")
    ]
    permute, cipher = aes
    start, pairs, from_bytes = prefix(gtin=run.gtin, host=run.host), _PAIRS, int.from_bytes
    # FF1: AES(E xor Q), where only the last eight bytes of Q change.
    e = permute(FIXED)
    e_high = (from_bytes(e[:8], "big") ^ tweak(run.profile, Face.OUTER, run.epoch) << 32).to_bytes(8, "big")
    rounds = [from_bytes(e[8:], "big") ^ number << 24 for number in range(ROUNDS)]
    # CMAC: AES(M xor K1), where only the hidden index of M changes.
    zero = from_bytes(cipher(bytes(16)), "big")
    k1 = (zero << 1 ^ (0x87 if zero >> 127 else 0)) & ((1 << 128) - 1)
    message = FORMAT_VERSION << 124 | run.epoch << 96 | int(run.gtin) << 49
    m_high, m_low = ((message ^ k1) >> 64).to_bytes(8, "big"), (message ^ k1) & _LOW_64
    first = run.first & (1 << 36) - 1
    for index in range(first, first + count):
        left, right = index >> 18, index & _LOW_18
        for constant in rounds:
            y = from_bytes(permute(e_high + (constant ^ right).to_bytes(8, "big"))[:8], "big")
            left, right = right, (left + y) & _LOW_18
        hidden = left << 18 | right
        value = hidden << 64 | from_bytes(cipher(m_high + (m_low ^ hidden << 13).to_bytes(8, "big"))[:8], "big")
        yield (
            f"{start}{pairs[value >> 90]}{pairs[value >> 80 & 1023]}{pairs[value >> 70 & 1023]}"
            f"{pairs[value >> 60 & 1023]}{pairs[value >> 50 & 1023]}{pairs[value >> 40 & 1023]}"
            f"{pairs[value >> 30 & 1023]}{pairs[value >> 20 & 1023]}{pairs[value >> 10 & 1023]}{pairs[value & 1023]}\n"
        )


def write(run: Run, provider: KeyProvider, count: int, path: Path) -> None:
    """The same to a file, on disk when this returns."""
    with path.open("w", encoding="ascii") as file:
        lines: list[str] = []
        for line in codes(run, provider, count):
            lines.append(line)
            if len(lines) == 10_000:
                file.write("".join(lines))
                lines.clear()
        file.write("".join(lines))
        file.flush()
        os.fsync(file.fileno())
