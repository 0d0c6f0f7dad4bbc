"""P6: forged codes by the million through the reader, of which none may pass: `python -m benchmarks.forgeries`.

| kind          | made from a genuine code by                                                           |
| ------------- | ------------------------------------------------------------------------------------- |
| random        | drawing all twenty characters                                                         |
| bit           | turning one of its hundred bits                                                       |
| character     | putting another letter at one place                                                   |
| gtin          | naming another product of the same brand                                              |
| face          | using our own keys for the inner face of a run that prints none: a stolen key         |
| epoch         | using the keys of an epoch that was retired                                           |
| brand         | moving it to another brand's host                                                     |
"""

import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codegen import wire
from codegen.identity import Face, Profile, item_number
from codegen.keys import EnvironmentKeyProvider, EpochKeys, KeyRing
from codegen.run_index import Run, RunIndex
from codegen.written import ALPHABET
from foundation import ids
from foundation.settings import Secret

TEA, WATER = "06901234567892", "06901234567908"
HOST, OTHER_HOST = "id.brand.cn", "wine.example"
BLOCK = 50_000
LIVE, RETIRED, OTHERS = 4, 3, 7
_ALPHABET = np.frombuffer(ALPHABET.encode(), dtype=np.uint8)
_VALUES = np.zeros(256, dtype=np.uint8)
_VALUES[_ALPHABET] = np.arange(32)
Letters = NDArray[np.uint8]


def keys() -> tuple[KeyRing, KeyRing, RunIndex]:
    """(what the reader has, what the thief has, the runs): two brands, one epoch retired, a billion codes issued."""
    provider = EnvironmentKeyProvider(Secret(bytes(range(32)).hex()))
    epochs = [EpochKeys.derive(provider, brand_id=1 + (n == OTHERS), number=n) for n in (RETIRED, LIVE, OTHERS)]
    hosts = {HOST: 1, OTHER_HOST: 2}
    runs = RunIndex(
        Run(at, 1, epoch, gtin, Profile.STANDARD, HOST, item_number(epoch, first), 250_000_000, Face.OUTER, None, None,
            "茶", "Tea")
        for at, (epoch, gtin, first) in enumerate(
            [(RETIRED, TEA, 0), (LIVE, TEA, 0), (LIVE, WATER, 250_000_000), (LIVE, TEA, 500_000_000)]
        )
    )  # fmt: skip
    return KeyRing(hosts, epochs, {RETIRED}), KeyRing(hosts, epochs), runs


def run(count: int) -> dict[str, Any]:
    """Judge `count` forged codes of every kind in equal parts, and as a check of the test itself some genuine ones."""
    ring, stolen, index = keys()
    dice = np.random.default_rng(ids.seeded("forgeries").randrange(1 << 30))
    verdicts: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
    begun = time.perf_counter()
    done, size = 0, min(BLOCK, -(-count // len(KINDS)))
    while done < count:
        for kind, forge in KINDS.items():
            tokens = wire.decode_many(texts_of(forge(stolen, dice, size)), keys=ring, runs=index)
            verdicts[kind].update(type(token).__name__ for token in tokens)
            done += size
    seconds = time.perf_counter() - begun
    honest = wire.decode_many(texts_of(genuine(stolen, dice, 1000)), keys=ring, runs=index)
    return {
        "forged": done,
        "accepted": sum(counted["Genuine"] for counted in verdicts.values()),
        "per_s": round(done / seconds),
        "genuine_accepted_of_1000": sum(isinstance(token, wire.Genuine) for token in honest),
        "verdicts": {kind: dict(counted) for kind, counted in verdicts.items()},
    }


def genuine(ring: KeyRing, dice: np.random.Generator, n: int, *, epoch: int = LIVE, face: Face = Face.OUTER) -> Letters:
    """(n, 61) characters of random items of a run of tea."""
    items = dice.integers(0, 250_000_000, n, dtype=np.uint64) + np.uint64(item_number(epoch, 0))
    return wire.encode_rows(items, keys=ring, gtin=TEA, host=HOST, face=face)


def _random(ring: KeyRing, dice: np.random.Generator, n: int) -> Letters:
    rows = genuine(ring, dice, n)
    rows[:, -20:] = _ALPHABET[dice.integers(0, 32, (n, 20))]
    return rows


def _bit(ring: KeyRing, dice: np.random.Generator, n: int) -> Letters:
    rows, at = genuine(ring, dice, n), dice.integers(0, 20, n) + 41
    every = np.arange(n)
    rows[every, at] = _ALPHABET[_VALUES[rows[every, at]] ^ (1 << dice.integers(0, 5, n)).astype(np.uint8)]
    return rows


def character(ring: KeyRing, dice: np.random.Generator, n: int) -> Letters:
    rows, at = genuine(ring, dice, n), dice.integers(0, 20, n) + 41
    every = np.arange(n)
    rows[every, at] = _ALPHABET[(_VALUES[rows[every, at]] + dice.integers(1, 32, n)) % 32]
    return rows


def _gtin(ring: KeyRing, dice: np.random.Generator, n: int) -> Letters:
    rows = genuine(ring, dice, n)
    rows[:, 23:37] = np.frombuffer(WATER.encode(), dtype=np.uint8)
    return rows


def _face(ring: KeyRing, dice: np.random.Generator, n: int) -> Letters:
    return genuine(ring, dice, n, face=Face.INNER)


def _epoch(ring: KeyRing, dice: np.random.Generator, n: int) -> Letters:
    return genuine(ring, dice, n, epoch=RETIRED)


def _brand(ring: KeyRing, dice: np.random.Generator, n: int) -> Letters:
    rows = genuine(ring, dice, n)
    head = np.frombuffer(f"HTTPS://{OTHER_HOST.upper()}/".encode(), dtype=np.uint8)
    return np.concatenate([np.tile(head, (n, 1)), rows[:, 20:]], axis=1)


KINDS: dict[str, Callable[[KeyRing, np.random.Generator, int], Letters]] = {
    "random": _random, "bit": _bit, "character": character, "gtin": _gtin, "face": _face, "epoch": _epoch,
    "brand": _brand,
}  # fmt: skip


def texts_of(rows: Letters) -> list[str]:
    width, joined = rows.shape[1], rows.tobytes().decode("ascii")
    return [joined[at : at + width] for at in range(0, len(joined), width)]


if __name__ == "__main__":
    print(json.dumps(run(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000)))
