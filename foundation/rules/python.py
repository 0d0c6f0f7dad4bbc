"""A tree as a Python predicate: closures over closures, made once, asked for every scan.

A value that is missing is None inside and makes the comparison around it false; a predicate answers True or False.
"""

import operator
import typing
from collections.abc import Callable, Mapping
from datetime import date, datetime, tzinfo
from decimal import Context
from typing import assert_never
from zoneinfo import ZoneInfo

from foundation.rules.ast import (
    All,
    Among,
    Any,
    Arithmetic,
    Between,
    Calendar,
    Compare,
    Condition,
    Contains,
    Exists,
    Fact,
    Literal,
    Not,
    StartsWith,
    Value,
)

BRAND_ZONE = ZoneInfo("Asia/Shanghai")
Facts = Mapping[str, object]
Predicate = Callable[[Facts], bool]
Untyped = typing.Any  # Operands whose kinds `check` has matched.
Reading = Callable[[Facts], object]
# Wide enough that products of bounded literals in a bounded tree never round, as PostgreSQL's numeric does not.
EXACT = Context(prec=20_000)
COMPARE: dict[str, Callable[[Untyped, Untyped], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}
EXACTLY = {"add": EXACT.add, "subtract": EXACT.subtract, "multiply": EXACT.multiply}
PLAINLY = {"add": operator.add, "subtract": operator.sub, "multiply": operator.mul}


def predicate(condition: Condition, *, zone: tzinfo = BRAND_ZONE) -> Predicate:
    """condition: checked. The predicate takes facts by name; an absent name and None are both missing."""
    match condition:
        case All(of=parts):
            tests = tuple(predicate(part, zone=zone) for part in parts)
            return lambda facts: all(test(facts) for test in tests)
        case Any(of=parts):
            tests = tuple(predicate(part, zone=zone) for part in parts)
            return lambda facts: any(test(facts) for test in tests)
        case Not(of=part):
            test = predicate(part, zone=zone)
            return lambda facts: not test(facts)
        case Exists(fact=Fact(name=name)):
            return lambda facts: facts.get(name) is not None
        case Fact(name=name):
            return lambda facts: facts.get(name) is True
        case Literal(value=value):
            return lambda _: value is True
        case Compare(op=op, left=left, right=right):
            return where_known(COMPARE[op], reading(left, zone), reading(right, zone))
        case Between(value=value, low=low, high=high):
            return between(reading(value, zone), reading(low, zone), reading(high, zone))
        case Among(value=value, choices=choices, absent=absent):
            return where_known(outside if absent else within, reading(value, zone), listed(choices))
        case Contains(whole=whole, part=part):
            return where_known(operator.contains, reading(whole, zone), reading(part, zone))  # type: ignore[arg-type]
        case StartsWith(whole=whole, part=part):
            return where_known(str.startswith, reading(whole, zone), reading(part, zone))  # type: ignore[arg-type]
    assert_never(condition)


def where_known(test: Callable[[object, object], bool], left: Reading, right: Reading) -> Predicate:
    def ask(facts: Facts) -> bool:
        one = left(facts)
        if one is None:
            return False
        other = right(facts)
        return other is not None and test(one, other)

    return ask


def between(value: Reading, low: Reading, high: Reading) -> Predicate:
    def ask(facts: Facts) -> bool:
        one, least, most = value(facts), low(facts), high(facts)
        return one is not None and least is not None and most is not None and least <= one <= most  # type: ignore[operator]

    return ask


def within(value: object, choices: object) -> bool:
    return value in choices  # type: ignore[operator]


def outside(value: object, choices: object) -> bool:
    return value not in choices  # type: ignore[operator]


def listed(choices: tuple[Literal, ...] | Fact) -> Reading:
    if isinstance(choices, Fact):
        return reading(choices, BRAND_ZONE)
    values = frozenset(choice.value for choice in choices)
    return lambda _: values


def reading(value: Value, zone: tzinfo) -> Reading:
    match value:
        case Fact(name=name):
            return lambda facts: facts.get(name)
        case Literal(value=constant):
            return lambda _: constant
        case Arithmetic():
            return arithmetic(value, zone)
        case Calendar(part=part, of=of):
            return calendar(part, reading(of, zone), zone)
    assert_never(value)


def arithmetic(value: Arithmetic, zone: tzinfo) -> Reading:
    plainly, exactly = PLAINLY[value.op], EXACTLY[value.op]
    left, right = reading(value.left, zone), reading(value.right, zone)

    def compute(facts: Facts) -> object:
        one, other = left(facts), right(facts)
        if one is None or other is None:
            return None
        if isinstance(one, int) and isinstance(other, int):
            return plainly(one, other)
        return exactly(one, other)  # type: ignore[arg-type]

    return compute


def calendar(part: str, of: Reading, zone: tzinfo) -> Reading:
    def read(facts: Facts) -> object:
        moment = of(facts)
        if not isinstance(moment, date):  # A datetime is a date too.
            return None
        local = moment.astimezone(zone) if isinstance(moment, datetime) else moment
        return local.isoweekday() if part == "weekday" else getattr(local, part)

    return read
