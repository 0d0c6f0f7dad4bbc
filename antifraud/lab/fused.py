"""All live rules as one function: each fact is read once a scan, each rule is one expression of it. Pure.

The function is written from checked trees, never from what a person typed: names of facts become v0, v1, …, literals
become constants handed in, so nothing of a rule is ever part of the source. It says what `foundation.rules.python`
says of every rule.

A rule that raises contributes nothing: the others are asked one by one, and the failed one is named.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from hashlib import sha256
from typing import Any, assert_never

import orjson

from antifraud.findings import Finding, Reason, Severity
from antifraud.findings import Value as Told
from antifraud.lab.vocabulary import CATALOGUE, FIELDS, Seen, code_of
from foundation.rules import ast
from foundation.rules.ast import Condition, Kind, Value, facts_of
from foundation.rules.check import type_of
from foundation.rules.jsonform import to_json
from foundation.rules.python import BRAND_ZONE, EXACTLY

SCORES = ("clone", "harvest", "diversion", "abuse")
OPERATORS = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
PLAINLY = {"add": "+", "subtract": "-", "multiply": "*"}


@dataclass(frozen=True, slots=True)
class Effect:
    """weight: nats to one of the four scores. severity None: no alert. hold: the reward waits for a person.

    budget: how many alerts and holds a day the rule may cause before it is muted until midnight; 0: without end.
    """

    score: str
    weight: float
    severity: Severity | None = None
    hold: bool = False
    budget: int = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """muted: it counts to its score, and holds and alerts nobody today."""

    slug: str
    version: int
    condition: Condition
    effect: Effect
    name_zh: str = ""
    name_en: str = ""
    muted: bool = False

    @property
    def code(self) -> str:
        return code_of(self.slug)

    @property
    def acts(self) -> bool:
        return (self.effect.severity is not None or self.effect.hold) and not self.muted


@dataclass(frozen=True)
class Ruleset:
    """Rules in the order of their names, compiled once. Equal sets have equal versions."""

    rules: tuple[Rule, ...] = ()
    _fused: Callable[..., list[int]] = field(init=False, repr=False, compare=False)
    _read: tuple[Callable[[Seen], object], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        names = sorted({name for rule in self.rules for name in facts_of(rule.condition)})
        object.__setattr__(self, "_read", tuple(FIELDS[name].read for name in names))
        object.__setattr__(self, "_fused", fuse([rule.condition for rule in self.rules], names))

    def __bool__(self) -> bool:
        return bool(self.rules)

    @cached_property
    def version(self) -> str:
        """Of what the rules say and do, whatever they are called on the screen; empty without rules."""
        said = [
            [rule.slug, rule.version, rule.muted, to_json(rule.condition), _plain(rule.effect)] for rule in self.rules
        ]
        return sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()[:10] if said else ""

    def ask(self, seen: Seen) -> tuple[list[Rule], list[str]]:
        """(rules that hit, slugs of those that failed)."""
        try:
            return [self.rules[at] for at in self._fused(*[read(seen) for read in self._read])], []
        except Exception:  # Whatever a rule does, the scan is answered.
            return self._one_by_one(seen)

    def _one_by_one(self, seen: Seen) -> tuple[list[Rule], list[str]]:
        hits, failed = [], []
        for rule, alone in zip(self.rules, self._alone, strict=True):
            try:
                if alone(seen):
                    hits.append(rule)
            except Exception:
                failed.append(rule.slug)
        return hits, failed

    @cached_property
    def _alone(self) -> tuple[Callable[[Seen], bool], ...]:
        return tuple(alone(rule.condition) for rule in self.rules)

    def findings(
        self, seen: Seen, *, item: int | None, sscc: str | None, phone: str
    ) -> tuple[list[Finding], list[str]]:
        """What the rules add to a decision, and the rules that failed."""
        hits, failed = self.ask(seen)
        return [_finding(rule, _pivot(rule.effect.score, item, sscc, phone)) for rule in hits], failed


def alone(condition: Condition) -> Callable[[Seen], bool]:
    """One rule by itself."""
    names = sorted(set(facts_of(condition)))
    read, fused = [FIELDS[name].read for name in names], fuse([condition], names)
    return lambda seen: bool(fused(*[one(seen) for one in read]))


def _plain(effect: Effect) -> list[Any]:
    return [effect.score, effect.weight, effect.severity, effect.hold]


def _finding(rule: Rule, pivot: str) -> Finding:
    effect = rule.effect
    values: dict[str, Told] = {
        "rule": rule.slug, "version": rule.version, "name_zh": rule.name_zh, "name_en": rule.name_en,
    }  # fmt: skip
    severity = effect.severity if effect.severity is not None else Severity.INFO
    calls = effect.severity is not None and not rule.muted
    reason = Reason(rule.code, values, effect.weight)
    return Finding(reason, severity, pivot if calls else None, holds=effect.hold and not rule.muted)


def _pivot(score: str, item: int | None, sscc: str | None, phone: str) -> str:
    """Whom a rule of this score is about, if it is known; else the phone."""
    if score == "clone" and item is not None:
        return f"item:{item}"
    return f"sscc:{sscc}" if score == "diversion" and sscc is not None else phone


# --- writing the function -------------------------------------------------------------------------------------------


def fuse(conditions: Sequence[Condition], names: Sequence[str]) -> Callable[..., list[int]]:
    """A function of the facts `names`, in order, that returns the places of the conditions that hold."""
    writer = _Writer({name: f"v{at}" for at, name in enumerate(names)})
    lines = [f"def judge({', '.join(writer.names.values())}):", "    hits = []"]
    for at, condition in enumerate(conditions):
        lines += [f"    if {writer.condition(condition)}:", f"        hits.append({at})"]
    space: dict[str, Any] = writer.constants | {"local": _local} | {f"exact_{op}": do for op, do in EXACTLY.items()}
    exec(compile("\n".join([*lines, "    return hits"]), "<rules>", "exec"), space)  # noqa: S102 written from checked trees
    judge: Callable[..., list[int]] = space["judge"]
    return judge


def _local(part: str, moment: Any) -> int:
    if isinstance(moment, datetime):
        moment = moment.astimezone(BRAND_ZONE)
    assert isinstance(moment, date)
    return moment.isoweekday() if part == "weekday" else int(getattr(moment, part))


class _Writer:
    def __init__(self, names: Mapping[str, str]) -> None:
        self.names, self.constants = names, dict[str, Any]()

    def condition(self, one: Condition) -> str:
        match one:
            case ast.All(of=parts):
                return "(" + " and ".join(self.condition(part) for part in parts) + ")"
            case ast.Any(of=parts):
                return "(" + " or ".join(self.condition(part) for part in parts) + ")"
            case ast.Not(of=part):
                return f"(not {self.condition(part)})"
            case ast.Exists(fact=fact):
                return f"({self.names[fact.name]} is not None)"
            case ast.Fact(name=name):
                return f"({self.names[name]} is True)"
            case ast.Literal(value=value):
                return "True" if value is True else "False"
        known = [f"{self.names[name]} is not None" for name in dict.fromkeys(facts_of(one))]
        return "(" + " and ".join([*known, self.leaf(one)]) + ")"

    def leaf(self, one: Condition) -> str:
        match one:
            case ast.Compare(op=op, left=left, right=right):
                return f"{self.value(left)} {OPERATORS[op]} {self.value(right)}"
            case ast.Between(value=value, low=low, high=high):
                return f"{self.value(low)} <= {self.value(value)} <= {self.value(high)}"
            case ast.Among(value=value, choices=choices, absent=absent):
                listed = self.names[choices.name] if isinstance(choices, ast.Fact) else self.listed(choices)
                return f"{self.value(value)} {'not in' if absent else 'in'} {listed}"
            case ast.Contains(whole=whole, part=part):
                return f"{self.value(part)} in {self.value(whole)}"
            case ast.StartsWith(whole=whole, part=part):
                return f"{self.value(whole)}.startswith({self.value(part)})"
        raise AssertionError(one)

    def listed(self, choices: Sequence[ast.Literal]) -> str:
        return self.constant(frozenset(choice.value for choice in choices))

    def value(self, one: Value) -> str:
        match one:
            case ast.Fact(name=name):
                return self.names[name]
            case ast.Literal(value=value):
                return self.constant(value)
            case ast.Arithmetic(op=op, left=left, right=right):
                if type_of(one, CATALOGUE).kind is Kind.INT:
                    return f"({self.value(left)} {PLAINLY[op]} {self.value(right)})"
                return f"exact_{op}({self.value(left)}, {self.value(right)})"
            case ast.Calendar(part=part, of=of):
                return f"local({part!r}, {self.value(of)})"
        assert_never(one)

    def constant(self, value: Any) -> str:
        name = f"c{len(self.constants)}"
        self.constants[name] = value
        return name


NO_RULES = Ruleset()
