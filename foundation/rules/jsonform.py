"""A tree as JSON, the form that is stored. The table is the format; what it does not allow is refused.

{"all": [c, ...]} {"any": [c, ...]} {"not": c}
{"eq"|"ne"|"lt"|"le"|"gt"|"ge": [v, v]}     {"between": [value, low, high]}
{"in"|"not_in": [v, {"list": [literal, ...]} or a fact]}
{"contains"|"starts_with": [whole, part]}   {"exists": fact}
{"add"|"subtract"|"multiply": [v, v]}       {"weekday"|"month"|"hour": v}
{"fact": "name"}
{"int": 5} {"decimal": "1.5"} {"string": "x"} {"bool": true}
    {"date": "2026-06-01"} {"instant": "2026-06-01T00:00:00+08:00"}
"""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

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
from foundation.rules.text import ARITHMETIC, COMPARISONS

JSON = object
PARTS = ("weekday", "month", "hour")


def to_json(node: Node) -> dict[str, JSON]:
    match node:
        case All(of=parts):
            return {"all": [to_json(part) for part in parts]}
        case Any(of=parts):
            return {"any": [to_json(part) for part in parts]}
        case Not(of=part):
            return {"not": to_json(part)}
        case Compare(op=op, left=left, right=right) | Arithmetic(op=op, left=left, right=right):
            return {op: [to_json(left), to_json(right)]}
        case Between(value=value, low=low, high=high):
            return {"between": [to_json(value), to_json(low), to_json(high)]}
        case Among(value=value, choices=choices, absent=absent):
            listed = to_json(choices) if isinstance(choices, Fact) else {"list": [to_json(one) for one in choices]}
            return {"not_in" if absent else "in": [to_json(value), listed]}
        case Contains(whole=whole, part=piece):
            return {"contains": [to_json(whole), to_json(piece)]}
        case StartsWith(whole=whole, part=piece):
            return {"starts_with": [to_json(whole), to_json(piece)]}
        case Calendar(part=name, of=of):
            return {name: to_json(of)}
        case Exists(fact=fact):
            return {"exists": to_json(fact)}
        case Fact(name=name):
            return {"fact": name}
        case Literal(value=value, kind=kind):
            return {str(kind): literal_json(value, kind)}


def literal_json(value: object, kind: Kind) -> JSON:
    if kind is Kind.DECIMAL:
        return format(value, "f")
    return value.isoformat() if isinstance(value, date) else value


def from_json(value: JSON, vocabulary: Vocabulary) -> Condition:
    """The tree of a stored rule, checked. Raises RuleNotUnderstood."""
    condition: Condition = node(value, 1)  # type: ignore[assignment]
    check(condition, vocabulary)  # Refuses a value where a condition belongs.
    return condition


def node(value: JSON, depth: int) -> Node:
    """One row of the table above."""
    if not isinstance(value, Mapping) or len(value) != 1 or depth > MAX_DEPTH:
        raise RuleNotUnderstood("Give each part of a stored rule as an object with one key.")
    ((op, inner),) = value.items()
    deeper = depth + 1
    if op in ("all", "any"):
        parts = tuple(node(part, deeper) for part in several(op, inner))
        return All(parts) if op == "all" else Any(parts)  # type: ignore[arg-type]
    if op == "not":
        return Not(node(inner, deeper))  # type: ignore[arg-type]
    if op in ("in", "not_in"):
        subject, listed = several(op, inner, 2)
        return Among(node(subject, deeper), choices(listed, deeper), op == "not_in")  # type: ignore[arg-type]
    if op == "between":
        subject, low, high = (node(part, deeper) for part in several(op, inner, 3))
        return Between(subject, low, high)  # type: ignore[arg-type]
    if op == "exists":
        return Exists(fact(node(inner, deeper)))
    if op in PARTS:
        return Calendar(op, node(inner, deeper))  # type: ignore[arg-type]
    if op == "fact" and isinstance(inner, str):
        return Fact(inner)
    if op in COMPARISONS or op in ARITHMETIC or op in ("contains", "starts_with"):
        left, right = (node(part, deeper) for part in several(op, inner, 2))
        return pair(op, left, right)
    return literal(op, inner)


def pair(op: str, left: Node, right: Node) -> Node:
    if op == "contains":
        return Contains(left, right)  # type: ignore[arg-type]
    if op == "starts_with":
        return StartsWith(left, right)  # type: ignore[arg-type]
    return (Compare if op in COMPARISONS else Arithmetic)(op, left, right)  # type: ignore[arg-type]


def several(op: str, value: JSON, count: int | None = None) -> list[JSON]:
    if not isinstance(value, list) or (count is not None and len(value) != count):
        raise RuleNotUnderstood(f"Give {op!r} a list of {count or 'several'} parts.")
    return value


def choices(value: JSON, depth: int) -> tuple[Literal, ...] | Fact:
    if isinstance(value, Mapping) and list(value) == ["list"]:
        found = [node(one, depth + 1) for one in several("list", value["list"])]
        literals = tuple(one for one in found if isinstance(one, Literal))
        if len(literals) == len(found):
            return literals
    return fact(node(value, depth))


def fact(found: Node) -> Fact:
    if not isinstance(found, Fact):
        raise RuleNotUnderstood("Name a fact here.")
    return found


def literal(kind: str, value: JSON) -> Literal:
    try:
        match kind, value:
            case "bool", bool():
                return Literal(value, Kind.BOOL)
            case "int", int() if not isinstance(value, bool):
                return Literal(value, Kind.INT)
            case "decimal", str() if (number := Decimal(value)).is_finite():
                return Literal(number, Kind.DECIMAL)
            case "string", str():
                return Literal(value, Kind.STRING)
            case "date", str():
                return Literal(date.fromisoformat(value), Kind.DATE)
            case "instant", str() if (moment := datetime.fromisoformat(value)).tzinfo:
                return Literal(moment, Kind.INSTANT)
    except (ValueError, InvalidOperation):
        pass
    raise RuleNotUnderstood(f"{kind!r} with this value is no part of a rule; give an instant its offset.")
