"""Whom a person is called about: one alert for one person, ring, leak or dealer, when everything said adds up. Pure.

A detector of people says what it measured; alone it is wrong too often to stop anybody's points: who scans fast is in
nine of ten cases a waiter, and two accounts with one purse are a family. So such findings are for the file, and a
person is called when the fused score of that person passes `call_from`: with .8 an honest person held for nothing costs
as much as four thieves missed. People who are called and share a phone, a purse, a ring or a leaked run are one case,
on the pivot of its first alert. Who joins a case is held from then on; nobody is called a second time about it.

Likewise one alert for a leaked run, however many shipments its codes are scanned from; cartons go to their dealer's
file until there are `task_cartons` to one region, and when the dealer's evidence called already; a flow corroborates
and calls nobody; one who guesses is slowed down in line, and a campaign of guessers calls.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from antifraud.batch.fusion import CLIP, Weights, score, score_of
from antifraud.batch.items import row_of
from antifraud.batch.proof import BatchFinding, found, ordered
from antifraud.columns import Cartons
from antifraud.findings import Reason, Severity, Value
from antifraud.params import Params

__all__ = ["Calls", "call"]

EARLY = frozenset({"HRV_BEFORE_PACK", "HRV_IN_WAREHOUSE", "HRV_NOT_SHIPPED", "PKG_LEAK"})
FILED = frozenset({"HRV_ENUMERATION", "DIV_FLOW_EXCESS"})
ALONE = frozenset({"ABU_BUDGET_BREAKER", "HRV_ENUM_POOL", "KEY_COMPROMISE"}) | EARLY | FILED
CALLS = {"harvest": "HRV_FUSED", "abuse": "ABU_FUSED"}
ONE_LEAK = 0.8  # of the cartons of a person who scans in printing order, in one run
People = Callable[[BatchFinding], Sequence[int]]


@dataclass(slots=True)
class Calls:
    """phi: person -> code -> nats; met: person -> what it shares with others; cases: of people, of what they share and
    of runs, the pivot they were called on; called: people of each kind; tasks: cartons by dealer and region; dealers
    that were called."""

    phi: dict[int, dict[str, float]] = field(default_factory=dict)
    met: dict[int, set[str]] = field(default_factory=dict)
    cases: dict[str, str] = field(default_factory=dict)
    called: dict[str, set[int]] = field(default_factory=lambda: {kind: set() for kind in CALLS})
    tasks: dict[str, set[int]] = field(default_factory=dict)
    dealers: set[str] = field(default_factory=set)


def call(
    said: Sequence[BatchFinding], people_of: People, cartons: Cartons, state: Calls, weights: Weights, params: Params
) -> list[BatchFinding]:
    """The findings as they are to be told: those that call nobody as INFO, and the calls they add up to."""
    told, about = [], dict[int, list[BatchFinding]]()
    for one in said:
        kind = score_of(one.code)
        people = people_of(one) if kind in CALLS and one.code not in ALONE else ()
        for person in people:
            about.setdefault(person, []).append(one)
            _add(state, person, one, cartons)
        told.append(_filed(one) if people else _alone(one, cartons, state, params))
    return ordered(told + _fused(about, state, weights, params))


def _add(state: Calls, person: int, one: BatchFinding, cartons: Cartons) -> None:
    phi, met = state.phi.setdefault(person, {}), state.met.setdefault(person, set())
    phi[one.code] = max(phi.get(one.code, 0.0), min(CLIP, one.finding.reason.contribution))
    met.add(one.pivot)
    if one.code == "HRV_PRINT_ORDER" and (run := _run(one, cartons)):
        met.add(f"run:{run}")
    if case := state.cases.get(f"person:{person}"):  # Who was called brings others to the case.
        for shared in met:
            state.cases.setdefault(shared, case)


def _filed(one: BatchFinding) -> BatchFinding:
    return replace(one, finding=replace(one.finding, severity=Severity.INFO, holds=False))


def _alone(one: BatchFinding, cartons: Cartons, state: Calls, params: Params) -> BatchFinding:
    """A finding that no fused score is made of."""
    if one.code in FILED:
        return _filed(one)
    if one.code in EARLY and one.finding.severity > Severity.INFO and (run := _run(one, cartons)):
        known = state.cases.get(leak := f"run:{run}")
        if known is None:  # A canary's package has a case of its own, made in line.
            state.cases[leak] = leak if one.code == "PKG_LEAK" else one.pivot
        return one if known in (None, one.pivot) else _filed(one)
    if one.code == "DIV_DEALER_EVIDENCE":
        state.dealers.add(one.pivot)
    if one.code == "DIV_CARTON_TASK":
        tasks = state.tasks.setdefault(one.pivot, set())
        tasks.update(one.cartons)
        if len(tasks) < params.batch.task_cartons or one.pivot.rpartition(":")[0] in state.dealers:
            return _filed(one)
    return one


def _run(one: BatchFinding, cartons: Cartons) -> int:
    """The run that nearly all its cartons are of; 0 for none."""
    if not len(cartons):
        return 0
    if one.code == "PKG_LEAK":
        order = np.argsort(cartons.first_item, kind="stable")
        place = int(np.searchsorted(cartons.first_item[order], int(one.pivot.partition(":")[2]))) - 1
        return int(cartons.run[order[max(0, place)]])
    row = row_of(np.array(one.cartons, dtype=np.int64), cartons)
    runs, many = np.unique(cartons.run[row[row >= 0]], return_counts=True)
    return int(runs[np.argmax(many)]) if len(runs) and many.max() >= ONE_LEAK * many.sum() else 0


def _fused(
    about: Mapping[int, Sequence[BatchFinding]], state: Calls, weights: Weights, params: Params
) -> list[BatchFinding]:
    """The people whose score passes now, by case."""
    fresh: dict[tuple[str, str], dict[int, float]] = {}
    for person in sorted(about):
        reasons = [Reason(code, {}, nats) for code, nats in sorted(state.phi[person].items())]
        for one in score(reasons, weights):
            if one.kind in CALLS and one.value >= params.batch.call_from and person not in state.called[one.kind]:
                state.called[one.kind].add(person)
                case = _case(person, about[person], state)
                fresh.setdefault((CALLS[one.kind], case), {})[person] = one.value
    return [_call(code, case, scores, about, state, params) for (code, case), scores in sorted(fresh.items())]


def _case(person: int, about: Sequence[BatchFinding], state: Calls) -> str:
    """The case of anybody it shares something with, else its own: on what it shares, if it does."""
    shared = sorted({f"person:{person}", *state.met[person]})
    known = [state.cases[one] for one in shared if one in state.cases]
    own = next((one.pivot for one in about if not one.pivot.startswith("person:")), f"person:{person}")
    case = known[0] if known else own
    for one in shared:
        state.cases.setdefault(one, case)
    return case


def _call(
    code: str, case: str, scores: Mapping[int, float], about: Mapping[int, Sequence[BatchFinding]], state: Calls,
    params: Params,
) -> BatchFinding:  # fmt: skip
    proof = [one for person in sorted(scores) for one in about[person]]
    codes = sorted({reason for person in scores for reason in state.phi[person]})
    least = min(scores.values())
    values: dict[str, Value] = {
        "people": len(scores), "codes": codes, "probability": round(least, 4), "limit": params.batch.call_from,
    }  # fmt: skip
    return found(
        code, Severity.HIGH, case, values, float(np.log(least / max(1e-6, 1 - least))),
        at=max(one.at for one in proof), scans=sorted({row for one in proof for row in one.scans}),
        cartons=sorted({carton for one in proof for carton in one.cartons}), holds=True, people=sorted(scores),
    )  # fmt: skip
