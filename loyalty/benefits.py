"""What a tier gives besides its name: words with a number, kept with the tier's level, applied where they belong. Pure.

| benefit       | gives                                                    | applied by                        |
| ------------- | -------------------------------------------------------- | --------------------------------- |
| discount:5    | 5 percent off what a reward costs in points, rounded down | the catalogue (rewards)           |
| multiplier:120 | 120 points for 100 of a scan; the 20 are their own award | what follows a scan (following)   |
| birthday:100  | 100 points on the birthday, once a year                  | the birthday sweep (occasions)    |
| free-delivery | nothing to pay for sending a reward                      | the catalogue (rewards)           |
| hotline, priority, monthly-gift | people keep these promises             | shown to the member and to staff  |
"""

from collections.abc import Sequence
from dataclasses import dataclass

from foundation.errors import BadRequest

NUMBERED = {"discount": (1, 90), "multiplier": (101, 1000), "birthday": (1, 100_000)}
PLAIN = ("free-delivery", "hotline", "priority", "monthly-gift")


@dataclass(frozen=True, slots=True)
class Benefits:
    """Percent, percent, points."""

    discount: int = 0
    multiplier: int = 100
    birthday: int = 0
    free_delivery: bool = False

    def price(self, points: int) -> int:
        return points - points * self.discount // 100

    def delivery(self, fen: int) -> int:
        return 0 if self.free_delivery else fen

    def bonus(self, points: int) -> int:
        """What a scan of `points` brings on top."""
        return points * (self.multiplier - 100) // 100


def check(words: Sequence[str]) -> None:
    """Raises BadRequest naming the word that is no benefit."""
    for word in words:
        if word not in PLAIN and _number(word) is None:
            known = ", ".join([*(f"{one}:N" for one in NUMBERED), *PLAIN])
            raise BadRequest(f"{word!r} is no benefit of a tier; known: {known}, within what makes sense.")


def read(words: Sequence[str]) -> Benefits:
    """What applies by itself; words of an older scheme that no longer mean anything give nothing."""
    found = dict(pair for pair in map(_number, words) if pair is not None)
    return Benefits(**found, free_delivery="free-delivery" in words)


def _number(word: str) -> tuple[str, int] | None:
    name, _, number = word.partition(":")
    low, high = NUMBERED.get(name, (1, 0))
    is_count = number.isascii() and number.isdecimal() and len(number) <= 6
    return (name, int(number)) if is_count and low <= int(number) <= high else None
