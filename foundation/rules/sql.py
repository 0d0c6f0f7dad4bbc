"""A tree as a SQL condition for PostgreSQL, agreeing with the Python predicate on every row.

Each comparison is wrapped in COALESCE(…, false), so a NULL column reads as a missing fact and `NOT` meets only true
and false. Numbers are compared as numeric (no overflow), strings in collation "C" (by code point, as Python does).
"""

import typing
from collections.abc import Mapping
from typing import assert_never
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Date,
    DateTime,
    Numeric,
    Text,
    and_,
    any_,
    cast,
    collate,
    extract,
    false,
    func,
    literal,
    not_,
    or_,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Boolean, TypeEngine

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
    Kind,
    Literal,
    Not,
    StartsWith,
    Type,
    Value,
    Vocabulary,
)
from foundation.rules.check import NUMBERS, type_of
from foundation.rules.python import BRAND_ZONE, COMPARE, PLAINLY

Sql = ColumnElement[typing.Any]
TYPES: dict[Kind, TypeEngine[typing.Any]] = {
    Kind.INT: Numeric(),
    Kind.DECIMAL: Numeric(),
    Kind.STRING: Text(),
    Kind.BOOL: Boolean(),
    Kind.DATE: Date(),
    Kind.INSTANT: DateTime(timezone=True),
}


def condition(
    rule: Condition, columns: Mapping[str, Sql], vocabulary: Vocabulary, *, zone: ZoneInfo = BRAND_ZONE
) -> ColumnElement[bool]:
    """rule: checked against `vocabulary`; columns: fact name to column or expression of the type declared there."""
    return Writer(columns, vocabulary, zone).condition(rule)


class Writer:
    def __init__(self, columns: Mapping[str, Sql], vocabulary: Vocabulary, zone: ZoneInfo) -> None:
        self.columns, self.vocabulary, self.zone = columns, vocabulary, zone

    def condition(self, rule: Condition) -> ColumnElement[bool]:
        match rule:
            case All(of=parts):
                return and_(*(self.condition(part) for part in parts))
            case Any(of=parts):
                return or_(*(self.condition(part) for part in parts))
            case Not(of=part):
                return not_(self.condition(part))
            case Exists(fact=fact):
                return self.columns[fact.name].is_not(None)
        return func.coalesce(self.leaf(rule), false())

    def leaf(self, rule: Condition) -> ColumnElement[bool]:
        match rule:
            case Compare(op=op, left=left, right=right):
                return COMPARE[op](self.value(left), self.value(right))  # type: ignore[return-value]
            case Between(value=value, low=low, high=high):
                one = self.value(value)
                return and_(self.value(low) <= one, one <= self.value(high))
            case Among(value=value, choices=choices, absent=absent):
                return self.among(self.value(value), choices, absent)
            case Contains(whole=whole, part=part):
                if type_of(whole, self.vocabulary).many:
                    return has(self.value(part), self.value(whole))
                return func.strpos(self.value(whole), self.value(part)) > 0
            case StartsWith(whole=whole, part=part):
                return func.starts_with(self.value(whole), self.value(part))
            case Fact() | Literal():
                return self.value(rule)
        raise AssertionError(rule)

    def among(self, value: Sql, choices: tuple[Literal, ...] | Fact, absent: bool) -> ColumnElement[bool]:
        if isinstance(choices, Fact):
            whole = self.value(choices)
            # `NULL not in list` is missing, and so is a missing list; a NULL inside a list is just nobody's equal.
            known = and_(value.is_not(None), whole.is_not(None))
            return and_(known, not_(has(value, whole))) if absent else has(value, whole)
        listed = [self.value(choice) for choice in choices]
        return value.not_in(listed) if absent else value.in_(listed)

    def value(self, value: Value) -> Sql:
        match value:
            case Fact(name=name):
                return comparable(self.columns[name], type_of(value, self.vocabulary))
            case Literal(value=constant, kind=kind):
                return comparable(literal(constant), Type(kind))
            case Arithmetic(op=op, left=left, right=right):
                number: Sql = PLAINLY[op](self.value(left), self.value(right))
                return number
            case Calendar(part=part, of=of):
                return self.calendar(part, of)
        assert_never(value)

    def calendar(self, part: str, of: Value) -> Sql:
        moment = self.value(of)
        if type_of(of, self.vocabulary).kind is Kind.INSTANT:
            moment = func.timezone(self.zone.key, moment)
        return cast(extract("isodow" if part == "weekday" else part, moment), Numeric())


def has(value: Sql, whole: Sql) -> ColumnElement[bool]:
    return func.coalesce(value == any_(whole), false())


def comparable(column: Sql, declared: Type) -> Sql:
    """Numbers as numeric, text by code point, so that both sides of a comparison mean what Python means."""
    kind, many = declared
    if kind in NUMBERS or not isinstance(column.type, type(TYPES[kind])):
        column = cast(column, ARRAY(TYPES[kind]) if many else TYPES[kind])
    return collate(column, "C") if kind is Kind.STRING and not many else column
