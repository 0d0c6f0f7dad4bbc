"""Who or what the alarms are about, with every reason against it: items, cartons and people, each with the truth.

A person answers for the alarms of their account, phone, purse and of the rings they are in: points are held by person.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from antifraud.batch.calling import CALLS
from antifraud.batch.fusion import CLIP, score_of
from antifraud.simulator.plan import Attack
from antifraud.simulator.truth import CLONED
from antifraud.simulator.world import World
from benchmarks.detect.nights import Alarm, Season

Phi = dict[str, float]
PEOPLE = ("person", "account", "device", "payee", "address")
HARVESTERS = (Attack.A3, Attack.A4, Attack.A5, Attack.A9, Attack.A10)
ABUSERS = (Attack.A7, Attack.A8)


@dataclass(frozen=True, slots=True)
class Subjects:
    """phi: by number, the strongest contribution of each code; true: whom the kind of suspicion fits.

    guilty: of anything, so that no alarm about a thief counts as false.
    """

    phi: Mapping[int, Phi]
    true: frozenset[int]
    guilty: frozenset[int]


def subjects(world: World, season: Season) -> dict[str, Subjects]:
    """By kind of score: clone (items), diversion (cartons), harvest and abuse (people)."""
    truth, alarms = world.truth, list(season.alarms.values())
    copies = _numbers(truth.items.item[truth.items.kind == CLONED])
    tampered = _numbers(truth.items.item)
    moved = _numbers(truth.cartons.carton[truth.cartons.diverted_to > 0])
    actors = {name: _people(world, attacks) for name, attacks in (("harvest", HARVESTERS), ("abuse", ABUSERS))}
    anybody = _people(world, tuple(Attack))
    by_person = _by_person(world, alarms)
    return {
        "clone": Subjects(_by_number(alarms, "item", "clone"), copies, tampered),
        "diversion": Subjects(_by_number(alarms, "carton", "diversion"), moved, moved),
        **{name: Subjects(by_person[name], true, anybody) for name, true in actors.items()},
    }


def _numbers(column: np.ndarray[tuple[int], np.dtype[np.int64]]) -> frozenset[int]:
    return frozenset(column.tolist())


def _people(world: World, attacks: tuple[Attack, ...]) -> frozenset[int]:
    actors = world.truth.actors.take(np.isin(world.truth.actors.attack, attacks))
    return _numbers(np.where(actors.account != 0, actors.account, actors.device))


def _add(phi: dict[int, Phi], number: int, alarm: Alarm) -> None:
    if alarm.code in CALLS.values():  # Made of the others.
        return
    mine = phi.setdefault(number, {})
    mine[alarm.code] = max(mine.get(alarm.code, 0.0), min(CLIP, max(0.0, alarm.score)))


def _by_number(alarms: list[Alarm], what: str, kind: str) -> dict[int, Phi]:
    phi: dict[int, Phi] = {}
    for alarm in alarms:
        name, _, number = alarm.pivot.partition(":")
        if name == what and score_of(alarm.code) == kind:
            _add(phi, int(number), alarm)
    return phi


def _by_person(world: World, alarms: list[Alarm]) -> dict[str, dict[int, Phi]]:
    scans = world.events.scans
    owners: dict[str, dict[int, set[int]]] = {"device": {}, "payee": {}, "address": {}}
    for name, column in (("device", scans.device), ("payee", scans.payee), ("address", scans.network)):
        wanted = {int(alarm.pivot.partition(":")[2]) for alarm in alarms if alarm.pivot.startswith(f"{name}:")}
        rows = np.flatnonzero(np.isin(column, sorted(wanted)))
        for key, person in zip(column[rows].tolist(), scans.person[rows].tolist(), strict=True):
            owners[name].setdefault(key, set()).add(person)
    phi: dict[str, dict[int, Phi]] = {"harvest": {}, "abuse": {}}
    for alarm in alarms:
        name, _, number = alarm.pivot.partition(":")
        kind = score_of(alarm.code)
        if kind not in phi or (name not in PEOPLE and not alarm.members):
            continue
        people = set(alarm.members) or owners.get(name, {}).get(int(number), {int(number)})
        for person in people:
            _add(phi[kind], person, alarm)
    return phi
