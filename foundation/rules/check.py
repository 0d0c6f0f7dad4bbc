"""Is a tree well typed and of bearable size? Everything that makes a tree (text, JSON) ends here.

Bounds keep an evaluation in the microseconds and Python and PostgreSQL inside the same arithmetic: products of
bounded numbers in a bounded tree are exact in both.
"""

from http import HTTPStatus

from foundation.errors import Problem
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
    Type,
    Value,
    Vocabulary,
    children,
)

MAX_NODES = 400
MAX_DEPTH = 24
MAX_TEXT = 200  # Characters of one string literal.
MAX_DIGITS = 30  # Of one decimal literal.
NUMBERS = (Kind.INT, Kind.DECIMAL)
BOOL = Type(Kind.BOOL)


class RuleNotUnderstood(Problem):
    """The rule cannot be used as written; `at` is the character where the trouble starts, if it was typed."""

    status, type = HTTPStatus.UNPROCESSABLE_ENTITY, "rule-not-understood"


def check(condition: Condition, vocabulary: Vocabulary) -> None:
    """Raise RuleNotUnderstood unless every part of the rule has a type that fits and the whole is within bounds."""
    measure(condition)
    check_condition(condition, vocabulary)


def measure(node: Node) -> None:
    nodes, depth, level = 0, 0, [node]
    while level:
        nodes, depth = nodes + len(level), depth + 1
        if nodes > MAX_NODES or depth > MAX_DEPTH:
            raise RuleNotUnderstood(f"Split the rule: it has more than {MAX_NODES} parts or {MAX_DEPTH} levels.")
        level = [child for one in level for child in children(one)]


def check_condition(node: Node, vocabulary: Vocabulary) -> None:
    match node:
        case All(of=parts) | Any(of=parts):
            if len(parts) < 2:
                raise RuleNotUnderstood("Give `and` and `or` at least two parts.")
            for part in parts:
                check_condition(part, vocabulary)
        case Not(of=part):
            check_condition(part, vocabulary)
        case Compare(op=op, left=left, right=right):
            kind = same_kind(vocabulary, left, right)
            if kind is Kind.BOOL and op not in ("eq", "ne"):
                raise RuleNotUnderstood("Compare true and false with == or != only.")
        case Between(value=value, low=low, high=high):
            if same_kind(vocabulary, value, low, high) is Kind.BOOL:
                raise RuleNotUnderstood("Compare true and false with == or != only.")
        case Among(value=value, choices=choices):
            check_choices(value, choices, vocabulary)
        case Contains(whole=whole, part=part):
            check_contains(whole, part, vocabulary)
        case StartsWith(whole=whole, part=part):
            need(whole, vocabulary, Kind.STRING)
            need(part, vocabulary, Kind.STRING)
        case Exists(fact=fact):
            type_of(fact, vocabulary)
        case Fact() | Literal() if type_of(node, vocabulary) == BOOL:
            pass
        case _:
            raise RuleNotUnderstood("Write a condition here, one that is true or false, not a value.")


def check_choices(value: Value, choices: tuple[Literal, ...] | Fact, vocabulary: Vocabulary) -> None:
    if isinstance(choices, Fact):
        found = type_of(choices, vocabulary)
        if not found.many:
            raise RuleNotUnderstood(f"Write a list after `in`: {choices.name} is {found}.")
        same_or_numbers(one_kind(value, vocabulary), found.kind)
        return
    if not choices:
        raise RuleNotUnderstood("Put at least one value into the list: nothing is in an empty one.")
    same_kind(vocabulary, value, *choices)


def check_contains(whole: Value, part: Value, vocabulary: Vocabulary) -> None:
    found = type_of(whole, vocabulary)
    if found.many:
        same_or_numbers(found.kind, one_kind(part, vocabulary))
        return
    if found.kind is not Kind.STRING:
        raise RuleNotUnderstood(f"contains() looks into a list or a string; this is {found}.")
    need(part, vocabulary, Kind.STRING)


def same_kind(vocabulary: Vocabulary, first: Value, *others: Value) -> Kind:
    kind = one_kind(first, vocabulary)
    for other in others:
        same_or_numbers(kind, one_kind(other, vocabulary))
    return kind


def same_or_numbers(one: Kind, other: Kind) -> None:
    if one is not other and not (one in NUMBERS and other in NUMBERS):
        raise RuleNotUnderstood(f"Compare like with like: here {one} meets {other}.")


def need(value: Value, vocabulary: Vocabulary, *kinds: Kind) -> Kind:
    kind = one_kind(value, vocabulary)
    if kind not in kinds:
        raise RuleNotUnderstood(f"Use {' or '.join(kinds)} here, not {kind}.")
    return kind


def one_kind(value: Value, vocabulary: Vocabulary) -> Kind:
    found = type_of(value, vocabulary)
    if found.many:
        raise RuleNotUnderstood(f"Use one value here, not a {found}; `in` and contains() look into lists.")
    return found.kind


def type_of(value: Value, vocabulary: Vocabulary) -> Type:
    match value:
        case Fact(name=name):
            if name not in vocabulary:
                raise RuleNotUnderstood(f"There is no fact {name!r}; known: {', '.join(sorted(vocabulary.facts))}.")
            return vocabulary[name].type
        case Literal(kind=kind):
            check_literal(value)
            return Type(kind)
        case Arithmetic(left=left, right=right):
            kinds = {need(left, vocabulary, *NUMBERS), need(right, vocabulary, *NUMBERS)}
            return Type(Kind.DECIMAL if Kind.DECIMAL in kinds else Kind.INT)
        case Calendar(part=part, of=of):
            need(of, vocabulary, *((Kind.INSTANT,) if part == "hour" else (Kind.DATE, Kind.INSTANT)))
            return Type(Kind.INT)
    raise RuleNotUnderstood("Write a value here, not a condition.")


def check_literal(literal: Literal) -> None:
    value = literal.value
    if isinstance(value, str):
        # PostgreSQL text holds neither NUL nor half a surrogate pair.
        if len(value) > MAX_TEXT or "\0" in value or any("\ud800" <= char <= "\udfff" for char in value):
            raise RuleNotUnderstood(f"Use a string of at most {MAX_TEXT} ordinary characters.")
    elif literal.kind is Kind.INT and not -(2**63) <= value < 2**63:  # type: ignore[operator]
        raise RuleNotUnderstood("Use a whole number of at most 64 bits.")
    elif literal.kind is Kind.DECIMAL and len(format(value, "f")) > MAX_DIGITS + 2:
        raise RuleNotUnderstood(f"Use a decimal number of at most {MAX_DIGITS} digits.")
