"""Why a rule said yes or no: each part with its answer and the facts it saw, and the sentence a rule means.

A leaf is asked through the same predicate that decided, so the explanation cannot disagree with the decision.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from decimal import Decimal

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


def trace(condition: Condition, facts: Facts, *, zone: tzinfo = BRAND_ZONE) -> Trace:
    """Ask every part, also those that could not change the answer any more."""
    if isinstance(condition, All | Any | Not):
        inner = (condition.of,) if isinstance(condition, Not) else condition.of
        parts = tuple(trace(part, facts, zone=zone) for part in inner)
        answers = [part.matched for part in parts]
        matched = not answers[0] if isinstance(condition, Not) else joined(condition, answers)
        return Trace(text_of(condition), matched, {}, parts)
    saw = {name: facts.get(name) for name in facts_of(condition)}
    return Trace(text_of(condition), predicate(condition, zone=zone)(facts), saw)


def joined(condition: All | Any, answers: list[bool]) -> bool:
    return all(answers) if isinstance(condition, All) else any(answers)


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
