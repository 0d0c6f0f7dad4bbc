"""The tree of a rule: what every other form of it (text, JSON, predicate, SQL, sentence) is made from.

A *condition* is true or false; a *value* is a number, text, date and so on, or missing. A comparison that meets a
missing value is false, whatever its operator, so `not` of it is true and no third truth value exists. Hence
`x not in [1]` (false if x is missing) and `not x in [1]` (true) differ, as do `x != 1` and `not x == 1`.

    condition  All Any Not  Compare Between Among Contains StartsWith Exists  or a bool Fact or Literal
    value      Fact Literal Arithmetic Calendar
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    INT = "int"
    DECIMAL = "decimal"  # Finite; text in JSON, so that no reader makes a float of it.
    STRING = "string"
    BOOL = "bool"
    DATE = "date"
    INSTANT = "instant"  # With an offset, always.


class Type(NamedTuple):
    """A kind, or a list of it."""

    kind: Kind
    many: bool = False

    def __str__(self) -> str:
        return f"list of {self.kind}" if self.many else str(self.kind)


Scalar = bool | int | Decimal | str | date | datetime


@dataclass(frozen=True, slots=True)
class Literal:
    value: Scalar
    kind: Kind


@dataclass(frozen=True, slots=True)
class Fact:
    name: str


@dataclass(frozen=True, slots=True)
class Arithmetic:
    op: str  # add subtract multiply
    left: Value
    right: Value


@dataclass(frozen=True, slots=True)
class Calendar:
    """A number read off a date or instant: weekday 1 (Monday) to 7, month 1 to 12, hour 0 to 23, brand time."""

    part: str  # weekday month hour
    of: Value


@dataclass(frozen=True, slots=True)
class Compare:
    op: str  # eq ne lt le gt ge
    left: Value
    right: Value


@dataclass(frozen=True, slots=True)
class Between:
    """low <= value <= high."""

    value: Value
    low: Value
    high: Value


@dataclass(frozen=True, slots=True)
class Among:
    """value in (or, with `absent`, not in) literals written out or a fact that is a list."""

    value: Value
    choices: tuple[Literal, ...] | Fact
    absent: bool = False


@dataclass(frozen=True, slots=True)
class Contains:
    """A list has the value; a text has the part."""

    whole: Value
    part: Value


@dataclass(frozen=True, slots=True)
class StartsWith:
    whole: Value
    part: Value


@dataclass(frozen=True, slots=True)
class Exists:
    fact: Fact


@dataclass(frozen=True, slots=True)
class Not:
    of: Condition


@dataclass(frozen=True, slots=True)
class All:
    of: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Any:
    of: tuple[Condition, ...]


Value = Literal | Fact | Arithmetic | Calendar
Leaf = Compare | Between | Among | Contains | StartsWith | Exists | Fact | Literal
Condition = Leaf | Not | All | Any
Node = Condition | Value


class Declared(NamedTuple):
    """A fact a rule may name: its type, and what people call it."""

    type: Type
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The facts that rules of one use may speak of. Names are identifiers joined by dots: `member.is_new`."""

    facts: Mapping[str, Declared] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        return name in self.facts

    def __getitem__(self, name: str) -> Declared:
        return self.facts[name]


def children(node: Node) -> tuple[Node, ...]:
    match node:
        case Literal() | Fact():
            return ()
        case Not(of=one) | Calendar(of=one):
            return (one,)
        case All(of=many) | Any(of=many):
            return many
        case Arithmetic(left=left, right=right) | Compare(left=left, right=right):
            return (left, right)
        case Between(value=value, low=low, high=high):
            return (value, low, high)
        case Among(value=value, choices=choices):
            return (value, choices) if isinstance(choices, Fact) else (value, *choices)
        case Contains(whole=whole, part=part) | StartsWith(whole=whole, part=part):
            return (whole, part)
        case Exists(fact=fact):
            return (fact,)


def facts_of(node: Node) -> Iterator[str]:
    """Names of the facts a node speaks of, in the order of the text, repeats included."""
    if isinstance(node, Fact):
        yield node.name
    for child in children(node):
        yield from facts_of(child)
