"""Who attacks this world: each of A1 to A10 on, off or stronger. Nothing here says how they do it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from foundation.errors import BadRequest


class Attack(IntEnum):
    """The adversaries; the number stands in every truth table, 0 for honest."""

    NONE = 0
    A1 = 1  # copies of genuine codes
    A2 = 2  # guessing
    A3 = 3  # caps collected and scanned
    A4 = 4  # a leaked code package
    A5 = 5  # opened before sale and sealed again
    A6 = 6  # dealers who sell elsewhere
    A7 = 7  # farms of phones
    A8 = 8  # rings of invitations
    A9 = 9  # an insider
    A10 = 10  # one who knows every published threshold


ALL = tuple(attack for attack in Attack if attack)


@dataclass(frozen=True, slots=True)
class Plan:
    """strength: how many times the ordinary size of each attack; an attack that is missing does not happen."""

    strength: Mapping[Attack, float] = field(default_factory=lambda: dict.fromkeys(ALL, 1.0))

    def __contains__(self, attack: Attack) -> bool:
        return self.strength.get(attack, 0.0) > 0

    def count(self, attack: Attack, ordinary: float, least: int = 1) -> int:
        """How many of something an attack has, when it has `ordinary` at its ordinary size; 0 when it is off."""
        strength = self.strength.get(attack, 0.0)
        return max(least, round(ordinary * strength)) if strength > 0 else 0


HONEST = Plan({})


def parse(text: str) -> Plan:
    """ "A1,A6" or "A6x2"; "none" for an honest world; "all". Raises BadRequest."""
    if text in ("all", "none"):
        return Plan() if text == "all" else HONEST
    strength = {}
    for word in text.split(","):
        name, _, times = word.strip().upper().partition("X")
        if name not in Attack.__members__ or name == "NONE" or (not times.replace(".", "", 1).isdigit() and times):
            raise BadRequest(f"{word.strip()!r} is no attack; write A1 to A10 with commas, as A1,A6x2, or all or none.")
        strength[Attack[name]] = float(times or 1)
    return Plan(strength)
