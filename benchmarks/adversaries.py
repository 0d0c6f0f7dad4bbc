"""The adversary library: A1 to A10 in small seeded worlds, judged by what is live and again with a draft in its place.

Recall of an attack is the share of its scans that are held or slowed down, that call a person, or that a night's alarm
covers by item, case, person, phone, purse or network. Honest: the share of everybody else's scans that are held,
slowed down or call a person in line.

The cheapest evasion of a rule, per attack: the one condition of the rule that, if the attacker takes care not to meet
it, leaves the fewest of his scans hit; what it costs him is the share of his scans he has to do differently.

    stdin   {"live": {"rules": […], "changes": {…}}, "draft": the same or null, "slug": the draft's rule or null}
    stdout  {"attacks": {"A1": {"scans", "live", "draft", "alone", "evasion"}}, "honest": {…}, "worlds": […]}
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from antifraud.decision import Decision
from antifraud.lab import thresholds, versions, vocabulary
from antifraud.lab.fused import Rule, Ruleset, alone
from antifraud.lab.vocabulary import CODE, Seen
from antifraud.params import Params
from antifraud.signals import Facts
from antifraud.simulator.parameters import Parameters
from antifraud.simulator.plan import ALL
from antifraud.simulator.world import World, simulate
from benchmarks.detect.nights import watch
from benchmarks.detect.scoring import NEVER, Told
from benchmarks.inline import Season
from foundation.rules.ast import All, Condition, Kind, Literal, Not
from foundation.rules.ast import Any as Either
from foundation.rules.text import text_of

SEEDS, SCALE, BATCH = (41, 42), 0.01, 50
Flag = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Played:
    """One world as one set of parameters judged it: which scans were found, and what each looked like."""

    found: Flag
    seen: Sequence[Seen]


def play(world: World, params: Params, *, nights: bool = True) -> Played:
    """nights: the batch detectors too."""
    season, decisions, seen = Season(world.events, params), list[Decision](), list[Seen]()
    for facts in season.batches(BATCH):
        judged = season.judge(facts)
        decisions += judged
        seen += [_seen(one, fact) for one, fact in zip(judged, facts, strict=True)]
    found = np.array([one.hold or one.throttle or bool(one.alerts) for one in decisions], dtype=bool)
    return Played(found | _at_night(world, params) if nights else found, seen)


def _seen(one: Decision, facts: Facts) -> Seen:
    codes = [reason.code for reason in one.reasons if not reason.code.startswith(CODE)]
    return vocabulary.of_decision(one.verdict, codes, one.features, facts, facts.attempt.at)


def _at_night(world: World, params: Params) -> Flag:
    """Scans that an alarm of a night covers: one that calls, or a carton in the file of a dealer."""
    scans, said = world.events.scans, watch(world, params, seed=1).alarms.values()
    alarms = [one for one in said if one.calls or one.code == "DIV_CARTON_TASK"]
    covered = np.zeros(len(scans), dtype=bool)
    for kind, column in (("item", scans.item), ("carton", scans.carton), ("person", scans.person),
                         ("account", scans.account), ("device", scans.device), ("payee", scans.payee),
                         ("address", scans.network)):  # fmt: skip
        known = column != 0
        covered[known] |= Told.of(alarms, kind).since(column[known]) < NEVER
    return covered


def compare(
    worlds: Sequence[World], live: Params, draft: Params, slug: str | None, *, nights: bool = True
) -> dict[str, Any]:
    """Recall by attack under both, and of the draft's rule alone. A draft of a rule shares the nights of live."""
    same = replace(live, rules=draft.rules).version == draft.version
    rule = next((one for one in draft.rules.rules if one.slug == slug), None)
    sums: dict[str, dict[str, float]] = {}
    hits: dict[str, list[Seen]] = {}
    for world in worlds:
        before, after = play(world, live, nights=False), play(world, draft, nights=False)
        found = [before.found, after.found]
        if nights:
            first = _at_night(world, live)
            found = [found[0] | first, found[1] | (first if same else _at_night(world, draft))]
        mine = _asked(rule, after.seen)
        for name, rows in _by_attack(world):
            row = sums.setdefault(name, dict.fromkeys(("scans", "live", "draft", "alone"), 0))
            if name == "honest":  # A night's alarm of a case covers its buyers and accuses none of them.
                found = [before.found, after.found]
            parts = (int(rows.sum()), found[0][rows].sum(), found[1][rows].sum(), mine[rows].sum())
            for column, value in zip(row, parts, strict=True):
                row[column] += int(value)
            hits.setdefault(name, []).extend(after.seen[at] for at in np.flatnonzero(rows & mine).tolist())
    return {
        "attacks": {name: _shares(row) | {"evasion": _evasion(rule, hits[name], int(row["scans"]))}
                    for name, row in sums.items() if name != "honest"},
        "honest": _shares(sums["honest"]),
    }  # fmt: skip


def _by_attack(world: World) -> Iterator[tuple[str, Flag]]:
    attack = world.truth.scans.attack
    for one in ALL:
        yield one.name, attack == one
    yield "honest", attack == 0


def _asked(rule: Rule | None, seen: Sequence[Seen]) -> Flag:
    ask = alone(rule.condition) if rule else lambda _: False
    return np.array([ask(one) for one in seen], dtype=bool)


def _shares(row: Mapping[str, float]) -> dict[str, Any]:
    scans = int(row["scans"])
    return {"scans": scans} | {
        name: round(row[name] / scans, 4) if scans else 0.0 for name in ("live", "draft", "alone")
    }


def _evasion(rule: Rule | None, hits: Sequence[Seen], scans: int) -> dict[str, Any] | None:
    """Only scans the rule hits can be got past it, so those alone are asked again."""
    if rule is None or not hits:
        return None
    ways = []
    for leaf, without in leaves(rule.condition):
        met, ask = alone(leaf), alone(without)
        left, changed = sum(ask(one) for one in hits), sum(met(one) for one in hits)
        ways.append((left, changed, text_of(leaf)))
    left, changed, text = min(ways)
    return {"condition": text, "changed": round(changed / scans, 4), "left": round(left / scans, 4)}


def leaves(condition: Condition, *, negated: bool = False) -> Iterator[tuple[Condition, Condition]]:
    """(a leaf, the condition as it answers when that leaf is not met, or under `not` when it is)."""
    match condition:
        case All(of=parts) | Either(of=parts):
            for at, part in enumerate(parts):
                for leaf, without in leaves(part, negated=negated):
                    yield leaf, type(condition)((*parts[:at], without, *parts[at + 1 :]))
        case Not(of=part):
            for leaf, without in leaves(part, negated=not negated):
                yield leaf, Not(without)
        case leaf:
            yield leaf, Literal(negated, Kind.BOOL)


def params_of(side: Mapping[str, Any]) -> Params:
    rules = [versions.rule_of(one["slug"], one["version"], one["body"]) for one in side["rules"]]
    return replace(thresholds.params(side["changes"]), rules=Ruleset(tuple(sorted(rules, key=lambda rule: rule.slug))))


def run(asked: Mapping[str, Any]) -> dict[str, Any]:
    worlds = [simulate(Parameters(scale=SCALE), seed=seed) for seed in SEEDS]
    live = params_of(asked["live"])
    draft = params_of(asked["draft"]) if asked["draft"] else live
    return compare(worlds, live, draft, asked["slug"]) | {"worlds": [{"seed": seed, "scale": SCALE} for seed in SEEDS]}


if __name__ == "__main__":
    print(json.dumps(run(json.load(sys.stdin))))
