"""Which prize a code draws: by a secret committed to before the start, recomputable by anyone after the end. Pure.

| value           | how                                                                                          |
| --------------- | -------------------------------------------------------------------------------------------- |
| framed(a, b, …) | each part as a 4-byte big-endian length and its bytes                                         |
| definition      | canonical JSON (RFC 8785) of {"pool", "prizes": [[place, kind, amount, weight, quantity], …]} |
| commitment      | SHA-256 of framed("onecode prize pool v1", seed, definition)                                 |
| h(item, round)  | HMAC-SHA-256(seed, framed("draw", item as 8 bytes, round as 4 bytes))                        |
| ticket          | the first 16 bytes of h as a number z; z is used if z < 2^128 - 2^128 mod W, else next round |
| prize           | z mod W falls into the weights, in order of place                                            |

A prize whose quantity is used up is redrawn: the next round, over the same weights. From round OVER_ALL on, W counts
only what is left, each with the same chance as before: a pool whose lasting prize is rare draws no longer than others.
A prize without a quantity never runs out and a pool must have one, so every draw ends. Draws are numbered in the order
in which quantities were taken.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import rfc8785

SPACE = 1 << 128
OVER_ALL, MOST_ROUNDS = 64, 1_000


@dataclass(frozen=True, slots=True)
class Prize:
    """amount: fen of a red packet, points, or 0. value_fen: what it is worth to the law. quantity None: endless.

    coupon: what a coupon gives, as in coupons.check_terms.
    """

    place: int
    kind: str
    name_zh: str
    name_en: str
    amount: int
    value_fen: int
    weight: int
    quantity: int | None
    coupon: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Drawn:
    """redrawn: how many times the pool lacked what was drawn first."""

    prize: Prize
    redrawn: int


def definition(pool_id: int, prizes: Sequence[Prize]) -> bytes:
    """What the seed is committed together with."""
    table = [
        [one.place, one.kind, one.amount, one.weight, one.quantity]
        for one in sorted(prizes, key=lambda one: one.place)
    ]  # fmt: skip
    return rfc8785.dumps({"pool": pool_id, "prizes": table})


def commitment(seed: bytes, defined: bytes) -> bytes:
    return hashlib.sha256(framed(b"onecode prize pool v1", seed, defined)).digest()


def draw(seed: bytes, item: int, prizes: Sequence[Prize], remaining: Mapping[int, int]) -> Drawn:
    """The prize of a code. remaining: place -> how many are left, of those that are counted."""
    among, redrawn = prizes, 0
    for round_ in range(MOST_ROUNDS):
        if round_ == OVER_ALL:
            among = [one for one in prizes if one.quantity is None or remaining.get(one.place, 0) > 0]
        total = sum(one.weight for one in among)
        z = int.from_bytes(_hash(seed, item, round_)[:16], "big")
        if z >= SPACE - SPACE % total:
            continue
        found = _at(among, z % total)
        if found.quantity is None or remaining.get(found.place, 0) > 0:
            return Drawn(found, redrawn)
        redrawn += 1
    raise AssertionError("a pool has a prize that never runs out")


def framed(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def _hash(seed: bytes, item: int, round_: int) -> bytes:
    return hmac.digest(seed, framed(b"draw", item.to_bytes(8, "big"), round_.to_bytes(4, "big")), "sha256")


def _at(prizes: Sequence[Prize], ticket: int) -> Prize:
    for one in prizes:
        if ticket < one.weight:
            return one
        ticket -= one.weight
    raise AssertionError("a ticket is below the sum of the weights")


def check(published: Mapping[str, object]) -> list[str]:
    """What is wrong with a revealed pool, in sentences; empty: every draw is as it must be.

    published: {"pool", "commitment", "seed" (hex), "prizes": [[place, kind, amount, weight, quantity], …],
    "draws": [[nth, item, place], …]}. Needs no database and no network.
    """
    prizes = [Prize(p, k, "", "", a, 0, w, q) for p, k, a, w, q in published["prizes"]]  # type: ignore[attr-defined]
    if any(one.weight <= 0 for one in prizes) or all(one.quantity is not None for one in prizes):
        return ["Every prize needs a chance, and one must never run out."]
    seed = bytes.fromhex(str(published["seed"]))
    defined = definition(int(str(published["pool"])), prizes)
    if commitment(seed, defined).hex() != str(published["commitment"]).lower():
        return ["The seed and the prizes are not those that were committed to."]
    remaining = {one.place: one.quantity for one in prizes if one.quantity is not None}
    for expected, (nth, item, place) in enumerate(published["draws"], 1):  # type: ignore[arg-type,var-annotated]
        if nth != expected:
            return [f"Draw {expected} is missing."]
        found = draw(seed, item, prizes, remaining).prize
        if found.place != place:
            return [f"Draw {nth}, of item {item}, must give prize {found.place} and gave {place}."]
        if found.place in remaining:
            remaining[found.place] -= 1
    return []
