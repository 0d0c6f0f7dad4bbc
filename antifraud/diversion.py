"""Diversion (窜货): a carton sold outside the regions of the dealer it was shipped to. Pure.

One scan abroad says nothing: people travel, and 5 % of honest scans are out of home. Several people who scanned items
of one carton in one and the same foreign region say much. So the unit is the carton, and the evidence is a mixture:

    H0  sold at home      q0(home) = 1 - h               q0(r) = h g(r)
    H1  diverted to t     q1(r) = 0.95 [r = t] + 0.025 [r = home] + 0.025 g(r)
    a share rho of the carton went: q = rho q1 + (1 - rho) q0,  rho = 1 (weight 0.8) or 0.5 (0.2)
    LR = sum over t of g(t) sum over rho of w(rho) prod over people of  q(person) / q0(person)

The sum over t is what rewards agreement on one target. Each person counts once a carton; a scan of a code that looks
copied does not count, nor does a network address. The buyer's verdict and reward are not affected.

The carton's row: people (who -> phone, method and P(region), at most 8), grade (what was already said).
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from antifraud.evidence import State, log_sum_exp, posterior
from antifraud.findings import Finding, Reason, Severity
from antifraud.location import FLOOR, Region
from antifraud.params import Params
from antifraud.regions import prefectures, province_of
from antifraud.signals import Facts
from codegen.items import ItemState

PEOPLE = 8
REGIONS_EACH = 3
STAY, HOME, STRAY = 0.95, 0.025, 0.025  # Where items of a diverted carton are scanned.
SHARES = ((1.0, 0.8), (0.5, 0.2))  # (rho, weight): whole cartons, and half-mixed ones.

Masses = list[Mapping[Region, float]]
Prior = Callable[[Region], float]


@dataclass(frozen=True, slots=True)
class Carton:
    """What is thought of one carton. least: the posterior without the one person who matters most."""

    people: int
    target: Region
    posterior: float
    least: float


def counts(row: Mapping[str, Any], facts: Facts, state: ItemState) -> bool:
    """Whether this scan is evidence: a located one of a shipped item, by somebody new to the carton."""
    people = row.get("people", {})
    known = facts.person in people or any(person["d"] == facts.device_id for person in people.values())
    shipped = state.shipped_at is not None and bool(state.authorised)
    return shipped and facts.located is not None and len(people) < PEOPLE and not known


def judge(row: State, facts: Facts, state: ItemState, params: Params) -> tuple[list[Finding], Carton | None]:
    """Fold a scan that counts into its carton; say so when the carton newly looks diverted.

    A task needs `carton_task` from at least two people who agree. Asking instead for it without the most telling
    person needs three scans where most cartons get two. Simulated at .9, honest strays falling by Zipf on 343
    regions, 2 % diverted: 24-packs scanned at 10 % give precision .999 and recall .65 by this rule, 1.0 and .38 by
    the stricter; 6-packs at 20 % .98 and .32 against 1.0 and .09. One forged fix cannot make two people, and what
    follows is an inspector's visit. Whatever costs a dealer money uses `least`.
    """
    _add(row, facts)
    carton = assess(masses(row), state.authorised, params)
    if carton is None:
        return [], None
    agree = sum(person["r"].get(str(carton.target), 0.0) > 0.5 for person in row["people"].values())
    sure = carton.posterior >= params.carton_task and agree >= 2
    grade = 2 if sure else int(carton.posterior >= params.carton_notice)
    if grade <= row.get("grade", 0):
        return [], carton
    row["grade"] = grade
    return [_finding(row, carton, agree, grade, state, params)], carton


def _add(row: State, facts: Facts) -> None:
    assert facts.located is not None
    likeliest = sorted(facts.regions.items(), key=lambda pair: (-pair[1], pair[0]))[:REGIONS_EACH]
    row.setdefault("people", {})[facts.person] = {
        "d": facts.device_id,
        "m": facts.located.method,
        "r": {str(region): round(mass, 3) for region, mass in likeliest if mass >= FLOOR},
    }


def masses(row: Mapping[str, Any]) -> Masses:
    """P(region) of each person, in one order whatever the database made of the keys."""
    return [
        {int(region): person["r"][region] for region in sorted(person["r"])}
        for _, person in sorted(row.get("people", {}).items())
    ]


def uniform(authorised: frozenset[Region]) -> Prior:
    """g: where a foreign scan is likely to be, before anything is known: anywhere alike."""
    share = 1 / _outside(authorised)
    return lambda _region: share


@lru_cache(maxsize=4096)
def _outside(authorised: frozenset[Region]) -> int:
    """How many regions are foreign to a dealer; whatever lies beyond the map is one."""
    return sum(not _at_home(place.code, authorised) for place in prefectures()) + 1


def assess(
    people: Masses,
    authorised: frozenset[Region],
    params: Params,
    *,
    foreign: Callable[[frozenset[Region]], Prior] = uniform,
    floor: float = FLOOR,
) -> Carton | None:
    """The posterior that the carton was diverted; None while nobody was likely outside.

    people: P(region) of each; authorised: prefectures, or whole provinces by their code. floor: the least P(region) a
    fix is believed with, so that one fix, perhaps forged, moves no likelihood by more than 1/floor.
    """
    homes = [sum(mass for region, mass in person.items() if _at_home(region, authorised)) for person in people]
    if all(home > 0.5 for home in homes):
        return None
    g = foreign(authorised)
    targets = sorted({region for person in people for region in person if not _at_home(region, authorised)})
    rows = [
        (math.log(weight * g(target)), [_factor(person, home, target, rho, g, authorised, params, floor)
                                        for person, home in zip(people, homes, strict=True)])
        for target in targets for rho, weight in SHARES
    ]  # fmt: skip
    elsewhere = 1 - sum(g(target) for target in targets)
    rows += [
        (math.log(weight * elsewhere), [_factor(person, home, None, rho, g, authorised, params, floor)
                                        for person, home in zip(people, homes, strict=True)])
        for rho, weight in SHARES
    ]  # fmt: skip
    sums = [start + sum(factors) for start, factors in rows]
    best = max(range(len(targets) * len(SHARES)), key=lambda at: sums[at]) // len(SHARES)
    without = [
        log_sum_exp(total - factors[one] for total, (_, factors) in zip(sums, rows, strict=True))
        for one in range(len(people))
    ]
    return Carton(
        people=len(people),
        target=targets[best],
        posterior=round(posterior(params.diverted, log_sum_exp(sums)), 6),
        least=round(posterior(params.diverted, min(without)), 6),
    )


def _factor(
    person: Mapping[Region, float], home: float, target: Region | None, rho: float, g: Prior,
    authorised: frozenset[Region], params: Params, floor: float,
) -> float:  # fmt: skip
    """log of one person's q / q0. target None: any region nobody was seen in; they are all alike."""
    astray = sum(mass * g(region) for region, mass in person.items() if not _at_home(region, authorised))
    at_home = max(home, floor)
    q0 = (1 - params.out_of_home) * at_home + params.out_of_home * astray
    there = max(person.get(target, 0.0) if target is not None else 0.0, floor)
    q1 = STAY * there + HOME * at_home + STRAY * astray
    return math.log(rho * q1 / q0 + 1 - rho)


def _at_home(region: Region, authorised: frozenset[Region]) -> bool:
    return region in authorised or province_of(region) in authorised


def _finding(row: State, carton: Carton, agree: int, grade: int, state: ItemState, params: Params) -> Finding:
    methods = [person["m"] for person in row["people"].values()]
    values = {
        "sscc": state.sscc, "region": carton.target, "people": carton.people, "agree": agree,
        "posterior": carton.posterior, "least": carton.least,
        "limit": params.carton_task if grade == 2 else params.carton_notice,
        "mix": {method: methods.count(method) for method in sorted(set(methods))},
    }  # fmt: skip
    odds = carton.posterior / max(1e-9, 1 - carton.posterior)
    reason = Reason("DIV_CARTON_TASK" if grade == 2 else "DIV_CARTON_NOTICE", values, round(math.log(odds), 4))
    severity = Severity.MEDIUM if grade == 2 else Severity.INFO
    return Finding(reason, severity, f"dealer:{state.dealer_id}:{carton.target}")
