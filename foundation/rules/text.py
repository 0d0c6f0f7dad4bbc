"""A tree as the text a person would type: `parse(text_of(tree))` is the tree."""

import json

from foundation.rules.ast import (
    All,
    Among,
    Any,
    Arithmetic,
    Between,
    Calendar,
    Compare,
    Contains,
    Exists,
    Fact,
    Kind,
    Literal,
    Node,
    Not,
    StartsWith,
)

COMPARISONS = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
ARITHMETIC = {"add": "+", "subtract": "-", "multiply": "*"}
# How tightly a node holds its parts: `or`, `and`, `not`, comparison, sum, product, atom.
OR, AND, NOT, COMPARISON, SUM, PRODUCT, ATOM = range(7)


def text_of(node: Node) -> str:
    return written(node)[0]


def written(node: Node) -> tuple[str, int]:
    match node:
        case Any(of=parts):
            return " or ".join(inside(part, AND) for part in parts), OR
        case All(of=parts):
            return " and ".join(inside(part, NOT) for part in parts), AND
        case Not(of=part):
            return f"not {inside(part, NOT)}", NOT
        case Compare(op=op, left=left, right=right):
            return f"{inside(left, SUM)} {COMPARISONS[op]} {inside(right, SUM)}", COMPARISON
        case Between(value=value, low=low, high=high):
            return f"{inside(low, SUM)} <= {inside(value, SUM)} <= {inside(high, SUM)}", COMPARISON
        case Among(value=value, choices=choices, absent=absent):
            listed = choices.name if isinstance(choices, Fact) else f"[{', '.join(map(literal, choices))}]"
            return f"{inside(value, SUM)} {'not in' if absent else 'in'} {listed}", COMPARISON
        case Arithmetic(op=op, left=left, right=right):
            level = PRODUCT if op == "multiply" else SUM
            return f"{inside(left, level)} {ARITHMETIC[op]} {inside(right, level + 1)}", level
        case Contains(whole=whole, part=part):
            return f"contains({text_of(whole)}, {text_of(part)})", ATOM
        case StartsWith(whole=whole, part=part):
            return f"starts_with({text_of(whole)}, {text_of(part)})", ATOM
        case Calendar(part=name, of=of):
            return f"{name}({text_of(of)})", ATOM
        case Exists(fact=fact):
            return f"exists({fact.name})", ATOM
        case Fact(name=name):
            return name, ATOM
        case Literal():
            return literal(node), ATOM


def inside(node: Node, level: int) -> str:
    text, holds = written(node)
    return text if holds >= level else f"({text})"


def literal(node: Literal) -> str:
    """A literal as typed. JSON's escapes are Python's too."""
    match node.kind:
        case Kind.BOOL:
            return "true" if node.value else "false"
        case Kind.INT:
            return str(node.value)
        case Kind.DECIMAL:
            return decimal(node)
        case Kind.STRING:
            return json.dumps(node.value, ensure_ascii=False)
        case Kind.DATE | Kind.INSTANT:
            return f'{node.kind}("{node.value.isoformat()}")'  # type: ignore[union-attr]


def decimal(node: Literal) -> str:
    """Digits, a point, digits: the point is what tells a decimal from a whole number."""
    digits = format(node.value, "f")
    return digits if "." in digits else f"{digits}.0"
