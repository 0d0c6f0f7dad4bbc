"""What a person types becomes a tree: Python's own expression syntax, and of it only what the table names.

    a and b   a or b   not a           == != < <= > >=   low <= x <= high   in   not in   [list, of, literals]
    + - *     weekday(x) month(x) hour(x)                contains(x, y) starts_with(x, y) exists(x)
    fact names, with dots   1   1.50   "text"   true false   date("2026-06-01")   instant("2026-06-01T09:00:00+08:00")

Nothing is executed. A refusal is one sentence with the character (counted from 0) where the trouble starts.
"""

import ast as python
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise

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
    Node,
    Not,
    StartsWith,
    Vocabulary,
)
from foundation.rules.check import MAX_DEPTH, RuleNotUnderstood, check
from foundation.rules.jsonform import PARTS

MAX_LENGTH = 4000
KNOWN = (
    "contains(x, y), starts_with(x, y), exists(x), weekday(x), month(x), hour(x), "
    'date("2026-06-01"), instant("2026-06-01T09:00:00+08:00")'
)
OPERATORS: dict[type[python.cmpop], str] = {
    python.Eq: "eq",
    python.NotEq: "ne",
    python.Lt: "lt",
    python.LtE: "le",
    python.Gt: "gt",
    python.GtE: "ge",
}
ARITHMETIC: dict[type[python.operator], str] = {python.Add: "add", python.Sub: "subtract", python.Mult: "multiply"}


def parse(text: str, vocabulary: Vocabulary) -> Condition:
    """The checked tree of a typed rule. Raises RuleNotUnderstood."""
    if len(text) > MAX_LENGTH:
        raise RuleNotUnderstood(f"Write the rule in at most {MAX_LENGTH} characters.", at=MAX_LENGTH)
    source = " ".join(text.split("\n")).replace("\r", " ").replace("\t", " ").replace("\f", " ")
    lead = len(source) - len(source.lstrip(" "))
    reader = Reader(source[lead:], lead)
    condition: Condition = reader.read()  # type: ignore[assignment]
    check(condition, vocabulary)  # Refuses a value where a condition belongs.
    return condition


class Reader:
    def __init__(self, source: str, lead: int) -> None:
        self.source, self.lead = source, lead

    def read(self) -> Node:
        try:
            body = python.parse(self.source, mode="eval").body
        except SyntaxError as trouble:
            at = trouble.offset - 1 if trouble.offset else len(self.source)  # Python says 0 for the end.
            sentence = "Finish the expression: it breaks off or does not fit together here."
            raise RuleNotUnderstood(sentence, at=self.lead + at) from None
        except (ValueError, RecursionError, MemoryError):
            raise RuleNotUnderstood("Write a shorter, flatter rule of ordinary characters.", at=self.lead) from None
        return self.node(body, 1)

    def refuse(self, at: python.AST, sentence: str) -> RuleNotUnderstood:
        """Python counts columns in UTF-8 bytes, people in characters."""
        before = self.source.encode()[: getattr(at, "col_offset", 0)]
        return RuleNotUnderstood(sentence, at=self.lead + len(before.decode(errors="replace")))

    def node(self, found: python.AST, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise self.refuse(found, f"Split the rule: it is nested deeper than {MAX_DEPTH} levels.")
        match found:
            case python.BoolOp(op=op, values=values):
                parts = tuple(self.node(value, depth + 1) for value in values)
                return (All if isinstance(op, python.And) else Any)(parts)  # type: ignore[arg-type]
            case python.UnaryOp(op=python.Not(), operand=operand):
                return Not(self.node(operand, depth + 1))  # type: ignore[arg-type]
            case python.UnaryOp(op=python.USub(), operand=python.Constant()):
                return self.negative(found)
            case python.BinOp(left=left, op=op, right=right) if type(op) in ARITHMETIC:
                pair = self.node(left, depth + 1), self.node(right, depth + 1)
                return Arithmetic(ARITHMETIC[type(op)], *pair)  # type: ignore[arg-type]
            case python.BinOp(op=python.Div() | python.FloorDiv() | python.Mod()):
                raise self.refuse(
                    found, "Nothing is divided here, it might be by zero: write a >= 2 * b for a / b >= 2."
                )
            case python.Compare():
                return self.comparison(found, depth)
            case python.Call():
                return self.call(found, depth)
            case python.Constant():
                return self.constant(found)
            case python.Name(id="true" | "false" as word):
                return Literal(word == "true", Kind.BOOL)
            case python.Name() | python.Attribute():
                return Fact(self.name(found))
        raise self.refuse(found, "This is not part of the rule language; use facts, literals, comparisons, and/or/not.")

    def comparison(self, found: python.Compare, depth: int) -> Node:
        if len(found.ops) == 1 and isinstance(found.ops[0], python.In | python.NotIn):
            value = self.node(found.left, depth + 1)
            absent = isinstance(found.ops[0], python.NotIn)
            return Among(value, self.choices(found.comparators[0]), absent)  # type: ignore[arg-type]
        if any(type(op) not in OPERATORS for op in found.ops):
            raise self.refuse(found, "Use == != < <= > >= or `in` here.")
        sides = [self.node(side, depth + 1) for side in (found.left, *found.comparators)]
        ops = [OPERATORS[type(op)] for op in found.ops]
        if ops == ["le", "le"]:
            return Between(sides[1], sides[0], sides[2])  # type: ignore[arg-type]
        if ops == ["ge", "ge"]:
            return Between(sides[1], sides[2], sides[0])  # type: ignore[arg-type]
        parts = tuple(Compare(op, *pair) for op, pair in zip(ops, pairwise(sides), strict=True))  # type: ignore[arg-type]
        return parts[0] if len(parts) == 1 else All(parts)

    def choices(self, found: python.expr) -> tuple[Literal, ...] | Fact:
        if isinstance(found, python.List | python.Tuple):
            read = [self.node(one, 1) for one in found.elts]
            if all(isinstance(one, Literal) for one in read):
                return tuple(one for one in read if isinstance(one, Literal))
        elif isinstance(found, python.Name | python.Attribute):
            return Fact(self.name(found))
        raise self.refuse(found, "Write a list of literals, such as [1, 2], or the name of a list after `in`.")

    def call(self, found: python.Call, depth: int) -> Node:
        name = found.func.id if isinstance(found.func, python.Name) else ""
        if found.keywords or any(isinstance(one, python.Starred) for one in found.args):
            raise self.refuse(found, "Give the function plain values.")
        if name in (Kind.DATE, Kind.INSTANT):
            return self.moment(found, name)
        wanted = {"contains": 2, "starts_with": 2, "exists": 1} | dict.fromkeys(PARTS, 1)
        if wanted.get(name) != len(found.args):
            raise self.refuse(found, f"These are known: {KNOWN}.")
        values = [self.node(one, depth + 1) for one in found.args]
        if name == "exists":
            if not isinstance(values[0], Fact):
                raise self.refuse(found, "exists() asks after a fact.")
            return Exists(values[0])
        if name in PARTS:
            return Calendar(name, values[0])  # type: ignore[arg-type]
        return (Contains if name == "contains" else StartsWith)(*values)  # type: ignore[arg-type]

    def moment(self, found: python.Call, name: str) -> Literal:
        match found.args:
            case [python.Constant(value=str(text))]:
                try:
                    if name == Kind.DATE:
                        return Literal(date.fromisoformat(text), Kind.DATE)
                    if (moment := datetime.fromisoformat(text)).tzinfo:
                        return Literal(moment, Kind.INSTANT)
                except ValueError:
                    pass
        raise self.refuse(found, 'Write date("2026-06-01") or instant("2026-06-01T09:00:00+08:00").')

    def constant(self, found: python.Constant) -> Literal:
        match found.value:
            case bool(truth):
                return Literal(truth, Kind.BOOL)
            case int(number):
                return Literal(number, Kind.INT)
            case str(text):
                return Literal(text, Kind.STRING)
            case float():
                # Never through a float: the digits as typed.
                digits = python.get_source_segment(self.source, found) or ""
                if digits.replace(".", "", 1).isdigit() and not digits.startswith(".") and not digits.endswith("."):
                    return Literal(Decimal(digits), Kind.DECIMAL)
        raise self.refuse(found, "Write a whole number, a decimal such as 1.50, a string, true or false.")

    def negative(self, found: python.UnaryOp) -> Literal:
        literal = self.constant(found.operand)  # type: ignore[arg-type]
        if literal.kind not in (Kind.INT, Kind.DECIMAL):
            raise self.refuse(found, "Put a minus before numbers only.")
        return Literal(-literal.value, literal.kind)  # type: ignore[operator]

    def name(self, found: python.expr) -> str:
        match found:
            case python.Name(id=name):
                return name
            case python.Attribute(value=value, attr=attr):
                return f"{self.name(value)}.{attr}"
        raise self.refuse(found, "A fact is named by words joined with dots.")
