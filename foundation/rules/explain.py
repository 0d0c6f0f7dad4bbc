"""Why a rule said yes or no: each part with its answer and the facts it saw, and the sentence a rule means.

A leaf is asked through the same predicate that decided, so the explanation cannot disagree with the decision.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from foundation.rules.ast import All, Any, Condition, Not, facts_of
from foundation.rules.python import BRAND_ZONE, Facts, predicate
from foundation.rules.text import text_of

JSON = object


@dataclass(frozen=True, slots=True)
class Trace:
    """One part of a rule as it was answered. saw: fact name to value, None where missing; empty above the leaves."""

    text: str
    matched: bool
    saw: Mapping[str, object]
    parts: tuple["Trace", ...] = ()

    def to_json(self) -> dict[str, JSON]:
        answer: dict[str, JSON] = {"text": self.text, "matched": self.matched}
        if self.saw:
            answer["saw"] = {name: plain(value) for name, value in self.saw.items()}
        if self.parts:
            answer["parts"] = [part.to_json() for part in self.parts]
        return answer


Explainer = Callable[[Facts], Trace]


def trace(condition: Condition, facts: Facts, *, zone: ZoneInfo = BRAND_ZONE) -> Trace:
    """Ask every part, also those that could not change the answer any more."""
    return explainer(condition, zone=zone)(facts)


def explainer(condition: Condition, *, zone: ZoneInfo = BRAND_ZONE) -> Explainer:
    """A predicate that says why: made once, asked for every scan."""
    text = text_of(condition)
    if isinstance(condition, All | Any | Not):
        inner = (condition.of,) if isinstance(condition, Not) else condition.of
        parts = [explainer(part, zone=zone) for part in inner]
        joined = all if isinstance(condition, All) else any
        negated = isinstance(condition, Not)

        def ask(facts: Facts) -> Trace:
            found = tuple(part(facts) for part in parts)
            matched = joined(part.matched for part in found)
            return Trace(text, matched is not negated, {}, found)

        return ask
    names, test = tuple(dict.fromkeys(facts_of(condition))), predicate(condition, zone=zone)
    return lambda facts: Trace(text, test(facts), {name: facts.get(name) for name in names})


def decisive(found: Trace) -> Iterator[Trace]:
    """The leaves that made the answer what it is: those that failed a failed `and`, those that met a met `or`…"""
    if not found.parts:
        yield found
        return
    negated = len(found.parts) == 1
    for part in found.parts:
        if negated or part.matched == found.matched:
            yield from decisive(part)


def plain(value: object) -> JSON:
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(one) for one in value]
    if isinstance(value, Decimal):
        return format(value, "f")
    return value.isoformat() if isinstance(value, date | datetime) else value
