"""The token: what is printed on an item, made and judged one or a million at a time. Pure: no I/O, no clock.

    standard  HTTPS://<host>/01/<GTIN-14>/21/<20 characters>    hidden index 36 bits | tag 64 bits
    compact   HTTPS://<host>/<16 characters>                    hidden index 36 bits | tag 44 bits

docs/code-format.md is the specification. A verdict is a value: decoding never raises, and a forged code costs no query.
Whoever answers a consumer must not tell Forged, Unissued, Malformed and Foreign apart.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codegen.identity import INDEX_BITS, INDICES, Face, ItemNumber, Profile, item_number, tweak
from codegen.keys import EpochKeys, KeyRing
from codegen.run_index import Run, RunIndex
from codegen.tag import message
from codegen.written import ALPHABET, Elsewhere, Malformed, Written, read

__all__ = [
    "Face", "Foreign", "Forged", "Genuine", "ItemNumber", "Malformed", "Profile", "Token", "Unissued",
    "decode", "decode_many", "encode_many", "encode_rows", "prefix",
]  # fmt: skip

LETTERS = {Profile.STANDARD: 20, Profile.COMPACT: 16}
TAG_BITS = {Profile.STANDARD: 64, Profile.COMPACT: 44}
FEW = 5  # Below this many, one by one is faster.
BLOCK_ROWS = 8192  # Working arrays of this many rows stay in the cache.


@dataclass(frozen=True, slots=True)
class Genuine:
    """Made with our keys, for an item of `run`. A photographed label is genuine too."""

    item: ItemNumber
    face: Face
    profile: Profile
    gtin: str
    run: Run


@dataclass(frozen=True, slots=True)
class Unissued:
    """A good tag on an item nobody issued: no typing error makes this, a stolen key does. Alert."""

    item: ItemNumber


@dataclass(frozen=True, slots=True)
class Forged:
    """The tag is not ours under any live epoch."""


@dataclass(frozen=True, slots=True)
class Foreign:
    """A link to somebody else's host."""

    host: str


Token = Genuine | Unissued | Forged | Malformed | Foreign


# --- making ---------------------------------------------------------------------------------------------------------

_LETTERS = np.frombuffer(ALPHABET.encode(), dtype=np.uint8)
# Ten bits give two characters, moved as one 16-bit word.
_PAIRS = np.stack([np.repeat(_LETTERS, 32), np.tile(_LETTERS, 32)], axis=1).view(np.uint16)[:, 0]


def prefix(*, gtin: str, host: str, profile: Profile = Profile.STANDARD) -> str:
    """What stands before the serial in every code of a run."""
    return f"HTTPS://{host.upper()}/" + (f"01/{gtin}/21/" if profile is Profile.STANDARD else "")


def encode_many(
    items: NDArray[np.uint64],
    *,
    keys: KeyRing,
    gtin: str,
    host: str,
    face: Face = Face.OUTER,
    profile: Profile = Profile.STANDARD,
) -> list[str]:
    """The full URLs of (n,) item numbers, in upper case so that QR alphanumeric mode holds them."""
    rows = encode_rows(items, keys=keys, gtin=gtin, host=host, face=face, profile=profile)
    width, text = rows.shape[1], rows.tobytes().decode("ascii")
    return [text[at : at + width] for at in range(0, len(text), width)]


def encode_rows(
    items: NDArray[np.uint64],
    *,
    keys: KeyRing,
    gtin: str,
    host: str,
    face: Face = Face.OUTER,
    profile: Profile = Profile.STANDARD,
    ending: bytes = b"",
) -> NDArray[np.uint8]:
    """The same as (n, width) ASCII bytes, each row followed by `ending`: three times as fast as strings.

    All items must be of one epoch, as those of a run are. Raises ValueError.
    """
    numbers = np.asarray(items, dtype=np.uint64)
    head = np.frombuffer(prefix(gtin=gtin, host=host, profile=profile).encode("ascii"), dtype=np.uint8)
    tail = np.frombuffer(ending, dtype=np.uint8)
    letters = LETTERS[profile]
    rows = np.empty((len(numbers), len(head) + letters + len(tail)), dtype=np.uint8)
    rows[:, : len(head)] = head
    rows[:, len(head) + letters :] = tail
    if len(numbers):
        epoch = keys.epoch(_one_epoch(numbers))
        for at in range(0, len(numbers), BLOCK_ROWS):
            block = numbers[at : at + BLOCK_ROWS] & np.uint64(INDICES - 1)
            rows[at : at + BLOCK_ROWS, len(head) : len(head) + letters] = _serials(
                block, epoch, int(gtin), face, profile
            )
    return rows


def _one_epoch(numbers: NDArray[np.uint64]) -> int:
    epochs = numbers >> np.uint64(INDEX_BITS)
    if epochs.min() != epochs.max():
        raise ValueError("the items are of several epochs; encode each run on its own")
    return int(epochs[0])


def _serials(
    indices: NDArray[np.uint64], epoch: EpochKeys, gtin: int, face: Face, profile: Profile
) -> NDArray[np.uint8]:
    """(n, 20) or (n, 16) characters: hidden index | tag, cut into two halves that fit a word, ten bits at a time."""
    hidden = epoch.permutation.hide(indices, np.uint64(tweak(profile, face, epoch.number)))
    tags = epoch.tag.tag(message(profile, face, epoch.number, np.uint64(gtin), hidden))
    tags >>= np.uint64(64 - TAG_BITS[profile])
    half = (INDEX_BITS + TAG_BITS[profile]) // 2
    spill = TAG_BITS[profile] - half  # Tag bits that still fall into the first half.
    first = hidden << np.uint64(spill) | tags >> np.uint64(half)
    letters = np.empty((len(indices), half // 5), dtype=np.uint16)
    for at, shift in enumerate(range(half - 10, -1, -10)):
        for column, bits in ((at, first), (at + half // 10, tags)):
            # A signed view spares the copy that indexing with unsigned words makes.
            letters[:, column] = _PAIRS.take((bits >> np.uint64(shift) & np.uint64(1023)).view(np.int64), mode="wrap")
    return letters.view(np.uint8)


# --- judging --------------------------------------------------------------------------------------------------------


def decode(text: str, *, keys: KeyRing, runs: RunIndex) -> Token:
    """Judge one text."""
    return decode_many([text], keys=keys, runs=runs)[0]


def decode_many(texts: Sequence[str], *, keys: KeyRing, runs: RunIndex) -> list[Token]:
    """Judge every text; answers are in their order. Never raises."""
    answers: list[Token] = [Forged()] * len(texts)
    lots: dict[tuple[str | None, Profile, bool], list[tuple[int, Written]]] = defaultdict(list)
    for at, text in enumerate(texts):
        match read(text):
            case Written(host=host) as written if host is None or host in keys.hosts:
                lots[host, written.profile, written.gtin is not None].append((at, written))
            case Elsewhere(host=host, fault=fault) if host in keys.hosts:
                answers[at] = fault
            case Malformed() as fault:
                answers[at] = fault
            case Written(host=str() as host) | Elsewhere(host=host):
                answers[at] = Foreign(host)
    for (host, profile, named), lot in lots.items():
        epochs = keys.live if host is None else keys.hosts[host]
        judge = _judge_named if named else _judge_bare
        for (at, _), token in zip(lot, judge([written for _, written in lot], profile, epochs, runs), strict=True):
            answers[at] = token
    return answers


def _judge_named(lot: list[Written], profile: Profile, epochs: Sequence[EpochKeys], runs: RunIndex) -> list[Token]:
    """The text names its GTIN, so the tag comes first and only what passes is inverted."""
    answers: list[Token] = [Forged()] * len(lot)
    hidden, tags = _split(lot, profile)
    gtins = np.array([int(written.gtin or 0) for written in lot], dtype=np.uint64)
    left = np.arange(len(lot))
    for epoch, face in _attempts(epochs):
        good = _tags(epoch, face, profile, gtins[left], hidden[left]) == tags[left]
        if not good.any():
            continue
        passed = left[good]
        for at, index in zip(passed, _reveal(epoch, face, profile, hidden[passed]), strict=True):
            answers[at] = _issued(item_number(epoch.number, index), face, profile, lot[at].gtin, runs)
        left = left[~good]
        if not len(left):
            break
    return answers


def _judge_bare(lot: list[Written], profile: Profile, epochs: Sequence[EpochKeys], runs: RunIndex) -> list[Token]:
    """No GTIN in the text: invert first, let the run say the GTIN, then check the tag over it."""
    answers: list[Token] = [Forged()] * len(lot)
    hidden, tags = _split(lot, profile)
    left = np.arange(len(lot))
    for epoch, face in _attempts(epochs):
        items = [item_number(epoch.number, index) for index in _reveal(epoch, face, profile, hidden[left])]
        owners = [runs.find(item) for item in items]
        gtins = np.array([int(run.gtin) if run else 0 for run in owners], dtype=np.uint64)
        good = _tags(epoch, face, profile, gtins, hidden[left]) == tags[left]
        good &= np.array([run is not None for run in owners])
        for at in np.flatnonzero(good):
            answers[left[at]] = _issued(items[at], face, profile, None, runs)
        left = left[~good]
        if not len(left):
            break
    return answers


def _issued(item: ItemNumber, face: Face, profile: Profile, gtin: str | None, runs: RunIndex) -> Token:
    """The tag is good; did a run print this code?"""
    run = runs.find(item)
    if run is None:
        return Unissued(item)
    if gtin is not None and gtin != run.gtin:
        return Forged()
    return Genuine(item, face, profile, run.gtin, run) if run.prints(face, profile) else Unissued(item)


def _attempts(epochs: Sequence[EpochKeys]) -> list[tuple[EpochKeys, Face]]:
    return [(epoch, face) for epoch in epochs for face in Face]


def _split(lot: list[Written], profile: Profile) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    bits = TAG_BITS[profile]
    hidden = np.array([written.value >> bits for written in lot], dtype=np.uint64)
    return hidden, np.array([written.value & (1 << bits) - 1 for written in lot], dtype=np.uint64)


def _tags(
    epoch: EpochKeys, face: Face, profile: Profile, gtins: NDArray[np.uint64], hidden: NDArray[np.uint64]
) -> NDArray[np.uint64]:
    """What the tags should be. Comparing whole words takes the same time wherever they differ."""
    tags = epoch.tag.tag(message(profile, face, epoch.number, gtins, hidden))
    return tags >> np.uint64(64 - TAG_BITS[profile])


def _reveal(epoch: EpochKeys, face: Face, profile: Profile, hidden: NDArray[np.uint64]) -> list[int]:
    chosen = tweak(profile, face, epoch.number)
    if len(hidden) < FEW:
        return [epoch.permutation.reveal_one(one, chosen) for one in hidden.tolist()]
    indices: list[int] = epoch.permutation.reveal(hidden, np.uint64(chosen)).tolist()
    return indices
