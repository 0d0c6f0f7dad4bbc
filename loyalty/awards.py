"""What a campaign gives, as a value: how many points for these facts. Pure.

{"kind": "fixed", "points": 10}
{"kind": "times", "factor": "2"}                                   of what the base campaign gives
{"kind": "tiered", "by": "nth_scan", "steps": [[1, 5], [10, 50]]}   the points of the highest step reached
{"kind": "per_yuan", "slices": [[0, "1"], [10000, "1.5"]]}          points a yuan; each slice has its own rate
{"kind": "random", "outcomes": [[1, 90], [10, 9], [100, 1]]}        points with integer weights

Rounding: down, once, at the end. A random award is settled by its ticket: h = HMAC-SHA256(seed, campaign and item,
length-prefixed), z = the first 128 bits, ticket = floor(z W / 2^128) over weights summing to W. The seed's SHA-256 is
stored when the campaign is approved, so that anybody given the seed after the end can redo each draw.
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import accumulate
from typing import Any

from foundation.errors import BadRequest
from foundation.rules.ast import Kind, Vocabulary

MOST_POINTS = 10**9
MOST_STEPS = 50
KINDS = ("fixed", "times", "tiered", "per_yuan", "random")
Seeds = Callable[[int], bytes]  # Id of a campaign or a prize pool -> the seed of its draws, 32 bytes.


@dataclass(frozen=True, slots=True)
class Award:
    """steps: as the table above has them, by kind. nominal: points for showing and sorting, at least 1."""

    kind: str
    steps: tuple[tuple[int, Decimal], ...]
    by: str = ""

    @property
    def nominal(self) -> int:
        highest = max((at if self.kind == "random" else value) for at, value in self.steps)
        return max(1, int(highest))

    @property
    def factor(self) -> Decimal:
        return self.steps[0][1]

    def points(self, facts: Mapping[str, object], *, base: int = 0, ticket: Callable[[int], int] | None = None) -> int:
        """base: points of the base campaign; ticket: a number below the weight it is given."""
        match self.kind:
            case "fixed":
                return int(self.factor)
            case "times":
                return int(base * (self.factor - 1))
            case "tiered":
                reached = facts.get(self.by)
                return max(
                    (int(gives) for at, gives in self.steps if isinstance(reached, int) and at <= reached), default=0
                )
            case "per_yuan":
                return self._per_yuan(facts.get("spend_fen"))
            case "random" if ticket is not None:
                return self._drawn(ticket)
        raise AssertionError(f"{self.kind} without a ticket")

    def _per_yuan(self, spend_fen: object) -> int:
        if not isinstance(spend_fen, int):
            return 0
        ends = [start for start, _ in self.steps[1:]] + [spend_fen]
        slices = ((min(spend_fen, end) - start, rate) for (start, rate), end in zip(self.steps, ends, strict=True))
        return int(sum(max(0, fen) * rate for fen, rate in slices) / 100)

    def _drawn(self, ticket: Callable[[int], int]) -> int:
        weights = list(accumulate(int(weight) for _, weight in self.steps))
        drawn = ticket(weights[-1])
        return next(points for (points, _), end in zip(self.steps, weights, strict=True) if drawn < end)


def ticket(seed: bytes, campaign_id: int, item: int) -> Callable[[int], int]:
    """The draw of one item in one campaign: the same for ever, whoever computes it."""
    parts = [str(campaign_id).encode(), str(item).encode()]
    message = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    z = int.from_bytes(hmac.digest(seed, message, "sha256")[:16], "big")
    return lambda weight: z * weight >> 128


def commitment(seed: bytes) -> bytes:
    return hashlib.sha256(seed).digest()


def fixed(points: int) -> Award:
    return read({"kind": "fixed", "points": points}, Vocabulary())


def read(stored: Mapping[str, Any], vocabulary: Vocabulary) -> Award:
    """The award of a JSON form of the table. Raises BadRequest naming what does not fit."""
    match stored:
        case {"kind": "fixed", "points": int(points), **rest} if not rest:
            return Award("fixed", ((0, _points(points)),))
        case {"kind": "times", "factor": str(factor), **rest} if not rest and 1 < _decimal(factor) <= 100:
            return Award("times", ((0, _decimal(factor)),))
        case {"kind": "tiered", "by": str(by), "steps": list(steps), **rest} if not rest:
            if by not in vocabulary or vocabulary[by].type != (Kind.INT, False):
                raise BadRequest(f"Let the steps count a whole number; {by!r} is none.")
            return Award("tiered", tuple((at, _points(gives)) for at, gives in _rising(steps)), by)
        case {"kind": "per_yuan", "slices": list(slices), **rest} if not rest and slices and slices[0][0] == 0:
            return Award("per_yuan", tuple((at, _decimal(rate)) for at, rate in _rising(slices)))
        case {"kind": "random", "outcomes": list(outcomes), **rest} if not rest and outcomes:
            return Award("random", tuple(_outcome(one) for one in outcomes[:MOST_STEPS]))
    raise BadRequest(f"Give the award as one of the kinds {', '.join(KINDS)}, with its own fields and no others.")


def to_json(award: Award) -> dict[str, object]:
    match award.kind:
        case "fixed":
            return {"kind": "fixed", "points": int(award.factor)}
        case "times":
            return {"kind": "times", "factor": format(award.factor, "f")}
        case "tiered":
            return {"kind": "tiered", "by": award.by, "steps": [[at, int(gives)] for at, gives in award.steps]}
        case "per_yuan":
            return {"kind": "per_yuan", "slices": [[at, format(rate, "f")] for at, rate in award.steps]}
    return {"kind": "random", "outcomes": [[points, int(weight)] for points, weight in award.steps]}


def is_no_worse(new: Award, old: Award) -> bool:
    """Whether nobody gets less by `new`: for changes after the start. Kinds that cannot be compared are worse."""
    if new == old:
        return True
    if new.kind != old.kind or new.by != old.by or new.kind == "random":
        return False
    return [at for at, _ in new.steps] == [at for at, _ in old.steps] and all(
        gives >= gave for (_, gives), (_, gave) in zip(new.steps, old.steps, strict=True)
    )


def _points(points: object) -> Decimal:
    if not isinstance(points, int) or isinstance(points, bool) or not 0 < points <= MOST_POINTS:
        raise BadRequest(f"Give at least one point and at most {MOST_POINTS:,}, not {points!r}.")
    return Decimal(points)


def _decimal(text: object) -> Decimal:
    try:
        number = Decimal(text if isinstance(text, str) and len(text) <= 12 else "x")
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or not 0 <= number <= 1000:
        raise BadRequest(f'Write a rate as text from 0 to 1000, such as "1.5", not {text!r}.')
    return number


def _rising(steps: Sequence[Any]) -> list[tuple[int, Any]]:
    """Pairs whose first numbers rise."""
    pairs = [(one[0], one[1]) for one in steps if isinstance(one, list) and len(one) == 2 and type(one[0]) is int]
    starts = [at for at, _ in pairs]
    if (
        not pairs
        or len(pairs) != len(steps)
        or len(pairs) > MOST_STEPS
        or sorted(set(starts)) != starts
        or starts[0] < 0
    ):
        raise BadRequest(f"Give 1 to {MOST_STEPS} steps as pairs whose first numbers rise.")
    return pairs


def _outcome(one: object) -> tuple[int, Decimal]:
    match one:
        case [int(points), int(weight)] if 0 <= points <= MOST_POINTS and 0 < weight <= MOST_POINTS:
            return points, Decimal(weight)
    raise BadRequest(f"Give a random award's outcomes as pairs of points and a positive weight, not {one!r}.")
