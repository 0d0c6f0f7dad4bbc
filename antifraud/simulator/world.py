"""One world from one seed: its events, and apart from them the truth. Same seed, parameters and plan, same bytes."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from antifraud.columns import Events, Referrals
from antifraud.simulator import gatherings, invitations, mishaps, records, reporting, scanning, shopping, supply
from antifraud.simulator.adversaries import BY_SCANS, BY_SUPPLY
from antifraud.simulator.days import micros
from antifraud.simulator.geography import country
from antifraud.simulator.parameters import Parameters
from antifraud.simulator.people import Cast, registered
from antifraud.simulator.plan import Attack, Plan
from antifraud.simulator.records import Records
from antifraud.simulator.scene import Ground, Scene
from antifraud.simulator.truth import (
    Marks,
    TrueActors,
    TrueCartons,
    TrueDealers,
    TrueItems,
    TrueReferrals,
    TrueScans,
    Truth,
)
from antifraud.simulator.visits import Cause, Visits, joined


@dataclass(frozen=True, slots=True)
class World:
    """What a detector may see, and what was true. registered: persons the brand holds to be restaurants or shops."""

    events: Events
    registered: NDArray[np.int64]
    truth: Truth


def simulate(
    parameters: Parameters, *, seed: int, plan: Plan | None = None, say: Callable[[str], object] = str
) -> World:
    """Make a world; `plan` says who attacks it, everybody by default. `say` hears what is being made.

    1.5 million packs: some ten seconds and 0.7 GB.
    """
    # (1) Cartons are made and sent to dealers; some dealers, and people at the door, do otherwise.
    say("Cartons are made and sent")
    made = supply.make(parameters, seed)
    n = len(made)
    marks = Marks(np.zeros(n, dtype=np.int64), np.zeros(n), np.zeros(n, dtype=np.int64), np.zeros(n, dtype=bool))
    ground = Ground(parameters, seed, plan or Plan(), made, Cast(parameters, seed), marks)
    for attack, tamper in BY_SUPPLY.items():
        if attack in ground.plan:
            tamper(ground)
    # (2) Packs are bought, carried about and opened.
    say("Packs are bought and opened")
    scene = _sold(ground)
    # (3) Honest people scan them, and attackers scan what they got.
    say("Codes are scanned")
    done = joined([_honest(scene), *(act(scene) for attack, act in BY_SCANS.items() if attack in scene.plan)])
    # (4) Phones report, and records are kept.
    say("Phones report")
    kept = records.keep(parameters, seed, made)
    scans, true_scans = reporting.report(parameters, seed, made, kept, scene.cast, done)
    actors = _actors(scene.cast)
    invited, attack_of = _invited(scene, invitations.honest(parameters, seed, scans, actors.account))
    invited = invitations.unlocked(invited, scans)
    events = Events(
        scans, kept.cartons, records.dealers(made.dealing), records.store_scans(parameters, seed, made, kept), invited
    )
    # (5) What was true.
    referrals = invitations.told(parameters, invited, attack_of)
    return World(events, registered(scene.cast, seed), _truth(scene, kept, true_scans, actors, referrals))


def _sold(ground: Ground) -> Scene:
    """Purchases bent by where they are made, and the first scan of every pack that is scanned."""
    parameters, seed, made, cast = ground.parameters, ground.seed, ground.supply, ground.cast
    packs = shopping.packs_of(parameters, seed, made)
    basket = shopping.sell(parameters, seed, made, packs, cast)
    gatherings.bend(parameters, seed, made, basket, cast)
    moved = ground.marks.diverted[basket.carton] > 0
    there = made.store_region[basket.store] == ground.marks.diverted[basket.carton] - 1
    basket.cause[moved & there & (basket.cause == Cause.LOCAL)] = Cause.DIVERTED
    first = shopping.first_scans(parameters, seed, packs, basket)
    mishaps.sell_phones(parameters, seed, cast)
    return Scene(parameters, seed, ground.plan, made, cast, ground.marks, packs, basket, first)


def _honest(scene: Scene) -> Visits:
    """Every scan by people who mean no harm, victims among them."""
    parameters, seed, packs, basket, first = scene.parameters, scene.seed, scene.packs, scene.basket, scene.first
    bought = joined([
        scanning.of_buyers(seed, packs, basket, first),
        scanning.of_companions(parameters, seed, packs, basket, first, scene.cast),
        scanning.on_shelves(parameters, seed, scene.supply, packs, basket, scene.cast),
        mishaps.regifted(parameters, seed, packs, basket, first, scene.cast),
    ])  # fmt: skip
    moved = scene.marks.attack[np.searchsorted(scene.supply.first_item, bought.item, side="right") - 1]
    bought.attack[:] = np.where(bought.cause == Cause.DIVERTED, moved, 0)
    return joined([
        bought, scanning.again(parameters, seed, bought), scanning.mistyped(parameters, seed, bought),
        mishaps.line_tests(parameters, seed, scene.supply, scene.cast),
    ])  # fmt: skip


def _actors(cast: Cast) -> TrueActors:
    people = cast.people()
    bad = np.flatnonzero(people.kind)
    return TrueActors(account=people.account[bad], device=people.device[bad], attack=people.kind[bad])


def _invited(scene: Scene, honest: Referrals) -> tuple[Referrals, NDArray[np.int64]]:
    """Honest invitations and the rings', by time; and the attack each is part of."""
    rings = scene.marks.referrals
    whole = {name: np.concatenate([getattr(part, name) for part in (honest, *rings)])
             for name in ("at", "inviter", "invitee", "unlocked_at")}  # fmt: skip
    attack = np.repeat([0, *[int(Attack.A8)] * len(rings)], [len(honest), *map(len, rings)])
    order = np.argsort(whole["at"], kind="stable")
    return Referrals(**whole).take(order), attack[order]


def _truth(scene: Scene, kept: Records, scans: TrueScans, actors: TrueActors, referrals: TrueReferrals) -> Truth:
    return Truth(scans, _items(scene), _cartons(scene, kept), actors, _dealers(scene), referrals)


def _items(scene: Scene) -> TrueItems:
    """By item; one that two attackers got at is written twice."""
    empty = np.empty(0, dtype=np.int64)
    parts = [TrueItems(item=empty, kind=empty, attack=empty, packs=empty, since_us=empty), *scene.marks.items]
    names = ("item", "kind", "attack", "packs", "since_us")
    whole = TrueItems(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})
    return whole.take(np.argsort(whole.item, kind="stable"))


def _cartons(scene: Scene, kept: Records) -> TrueCartons:
    made, marks, codes = scene.supply, scene.marks, country().codes
    moved = marks.diverted > 0
    region = np.where(moved, marks.diverted - 1, made.store_region[made.store])
    return TrueCartons(
        carton=kept.cartons.carton, dealer=made.dealer + 1, region=codes[region],
        diverted_to=np.where(moved, codes[region], 0), share=marks.share,
        wrong_dealer=kept.misdirected.astype(np.int64),
        wrong_parent=(kept.swapped != np.arange(len(made))).astype(np.int64),
        unrecorded=kept.unrecorded.astype(np.int64), resealed=marks.resealed.astype(np.int64),
    )  # fmt: skip


def _dealers(scene: Scene) -> TrueDealers:
    dealing = scene.supply.dealing
    n = len(dealing.volume)
    share, day, style = np.zeros(n), np.zeros(n), np.zeros(n, dtype=np.int64)
    for dealer, (what, since, how) in scene.marks.diverts.items():
        share[dealer], day[dealer], style[dealer] = what, since, how
    since_us = np.where(share > 0, micros(day), 0)
    return TrueDealers(dealer=np.arange(n) + 1, out_of_home=dealing.out_of_home, diverts=share, since_us=since_us,
                       style=style)  # fmt: skip
