"""All batch detectors on one memory: what a new stretch of scans says, and what a whole night looks at. Pure.

`fold` takes the scans after those it took before; the same stretches with the same parameters give the same findings,
byte for byte. `survey` looks at everything remembered: clusters of victims, flows, the densest block of a window; each
look costs a chance of a false alarm, so it is taken once a night. Families are judged in an order: who collects caps
and which codes are copied must be known before a carton is judged by where it was scanned.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from antifraud.batch.actors import Actors
from antifraud.batch.blocks import judge_blocks
from antifraud.batch.budget import BudgetState, judge_budget
from antifraud.batch.calling import Calls, call
from antifraud.batch.canaries import judge_canaries
from antifraud.batch.cartons import CartonState, Judged, Route, judge_cartons
from antifraud.batch.copies import judge_copies
from antifraud.batch.dealers import DealerState, judge_dealers
from antifraud.batch.early import EarlyState, judge_early
from antifraud.batch.environment import EnvironmentState, judge_environment
from antifraud.batch.flows import judge_flows
from antifraud.batch.fusion import LEARNT
from antifraud.batch.guesses import GuessState, judge_guesses, judge_pools
from antifraud.batch.halves import Halves, judge_halves
from antifraud.batch.items import Items, row_of
from antifraud.batch.lockstep import LockstepState, judge_lockstep
from antifraud.batch.memory import among
from antifraud.batch.mixes import judge_mixes
from antifraud.batch.order import judge_order
from antifraud.batch.people import judge_people
from antifraud.batch.proof import BatchFinding, ordered
from antifraud.batch.proximity import judge_proximity
from antifraud.batch.referrals import ReferralState, judge_referrals
from antifraud.batch.reseals import ResealState, judge_reseals
from antifraud.batch.reuse import ReuseState, judge_reuse
from antifraud.batch.travel import judge_travel
from antifraud.batch.velocity import VelocityState, judge_velocity
from antifraud.batch.victims import Victims, judge_victims
from antifraud.columns import Referrals, Scans, StoreScans
from antifraud.params import Params

__all__ = ["COLLECTORS", "COPIED", "FAMILIES", "Stretch", "Watch", "Window"]

FAMILIES = ("harvest", "abuse", "clone", "diversion")
COLLECTORS = frozenset({"HRV_CARTON_MIX", "HRV_PRINT_ORDER", "HRV_OPEN_RESEAL"})
COPIES = 0.95  # P that a carton holds a copy once a code of it is on several packs.
COPIED = frozenset({"CLN_USERS_MANY", "CLN_USERS_SPREAD", "CLN_SIMULTANEOUS", "CLN_TRAVEL_AIR", "CLN_TRAVEL_GROUND"})


@dataclass(frozen=True, slots=True)
class Stretch:
    """What is new. route: every carton that is scanned here or was remembered with these items, on record as of now.

    registered: persons the brand holds to be restaurants or shops. names: who the accounts of the referrals are.
    """

    scans: Scans
    stores: StoreScans
    referrals: Referrals
    route: Route
    registered: NDArray[np.int64]
    names: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Window:
    """The scans a block is looked for in; first: the row number of the first of them."""

    scans: Scans
    first: int


@dataclass(slots=True)
class Watch:
    """What the detectors remember. scans: folded in all; took: seconds of processor time by family, never decisive.

    today: cartons judged since whoever keeps the watch emptied it.
    names: of accounts that invited or were invited, who may never scan.
    copied: items that look copied; crew, phones: whose scans say nothing of where a carton went.
    """

    params: Params
    items: Items = field(default_factory=Items)
    victims: Victims = field(default_factory=Victims)
    cartons: CartonState = field(default_factory=CartonState)
    dealers: DealerState = field(default_factory=DealerState)
    halves: Halves = field(default_factory=Halves)
    guesses: GuessState = field(default_factory=GuessState)
    early: EarlyState = field(default_factory=EarlyState)
    reseals: ResealState = field(default_factory=ResealState)
    velocity: VelocityState = field(default_factory=VelocityState)
    reuse: ReuseState = field(default_factory=ReuseState)
    environment: EnvironmentState = field(default_factory=EnvironmentState)
    lockstep: LockstepState = field(default_factory=LockstepState)
    invited: ReferralState = field(default_factory=ReferralState)
    budget: BudgetState = field(default_factory=BudgetState)
    actors: Actors = field(default_factory=Actors)
    scans: int = 0
    copied: set[int] = field(default_factory=set)
    crew: set[int] = field(default_factory=set)
    phones: set[int] = field(default_factory=set)
    names: dict[int, str] = field(default_factory=dict)
    took: dict[str, float] = field(default_factory=dict)
    today: set[int] = field(default_factory=set)
    calls: Calls = field(default_factory=Calls)
    judged: Judged | None = None

    def fold(self, stretch: Stretch) -> list[BatchFinding]:
        """Remember a stretch, and what is said of it. `judged` has the opinions on the cartons it touched."""
        said: list[BatchFinding] = []
        judges = (self._harvested, self._abused, self._cloned, self._diverted)
        for family, judge in zip(FAMILIES, judges, strict=True):
            said += self._timed(family, lambda judge=judge: judge(stretch))  # type: ignore[misc]
            self._remember(said)
        self.scans += len(stretch.scans)
        self.names |= stretch.names
        return self._called(said, stretch.route)

    def survey(
        self, window: Window | None, judged: Judged | None, route: Route, rng: np.random.Generator
    ) -> list[BatchFinding]:
        """What everything remembered says. window: for blocks; judged: the cartons whose dealers' flows are asked for.

        rng: seeded by the caller.
        """
        params = self.params
        said = self._timed("abuse", lambda: _blocks(window, params, rng)) if window is not None else []
        said += self._timed("clone", lambda: judge_victims(self.victims, params, rng))
        said += self._timed("clone", lambda: self._beside_copies(judged, route))
        if judged is not None:
            said += self._timed("diversion", lambda: judge_flows(judged, route, params, self.cartons))
        return self._called(said, route)

    def _beside_copies(self, judged: Judged | None, route: Route) -> list[BatchFinding]:
        """Of the cartons in question, those that travelled with ones whose codes are on several packs. For the file.

        It costs what is in question, not all there is on record.
        """
        codes = np.array(sorted(self.copied), dtype=np.int64)
        seen = np.unique(self.items.memory.look(codes).carton)
        asked = np.union1d(judged.carton if judged is not None else route.cartons.carton, seen)
        row = row_of(asked, route.cartons)
        beside = route.cartons.take(row[row >= 0])
        return judge_proximity(beside, dict.fromkeys(seen[seen != 0].tolist(), COPIES), self.victims.latest)

    def _called(self, said: list[BatchFinding], route: Route) -> list[BatchFinding]:
        """As they are told: what calls nobody for the file, and whom it adds up to."""
        return call(ordered(said), self.people_of, route.cartons, self.calls, LEARNT, self.params)

    def people_of(self, one: BatchFinding) -> Sequence[int]:
        """Who answers for a finding: who is named, or who used the phone or purse. Nobody for a network or a place."""
        kind, _, number = one.pivot.partition(":")
        if one.people or kind in ("person", "account"):
            return one.people or (int(number),)
        owners = {"device": self.reuse.phones, "payee": self.reuse.payees}.get(kind)
        if owners is None:
            return ()
        users = owners.look(np.array([int(number)], dtype=np.int64)).account.tolist()
        return sorted({*users, int(number)} if kind == "device" else set(users))

    def _timed(self, family: str, judge: Callable[[], list[BatchFinding]]) -> list[BatchFinding]:
        begun = time.thread_time()
        said = judge()
        self.took[family] = self.took.get(family, 0.0) + time.thread_time() - begun
        return said

    def _remember(self, said: list[BatchFinding]) -> None:
        """Collectors and farms, by person and by phone."""
        for one in said:
            kind, _, number = one.pivot.partition(":")
            if kind == "person" and one.code in COLLECTORS:
                self.crew.add(int(number))
            elif kind == "device" and one.code == "ABU_DEVICE_REUSE":
                self.phones.add(int(number))

    def _harvested(self, stretch: Stretch) -> list[BatchFinding]:
        """Codes got at by other ways than buying."""
        scans, table, params = stretch.scans, stretch.route.cartons, self.params
        said = judge_guesses(scans, params, self.guesses) + judge_pools(scans, params, self.guesses)
        said += judge_canaries(scans, self.scans) + judge_early(scans, table, params, self.early)
        said += judge_reseals(scans, stretch.stores, table, params, self.reseals, stretch.registered)
        self.actors.exempt = stretch.registered
        for harvest in self.actors.fold(scans, table):
            said += judge_mixes(harvest, params) + judge_order(harvest, params)
        return said

    def _abused(self, stretch: Stretch) -> list[BatchFinding]:
        """People who are too many, too fast, or each other."""
        scans, params = stretch.scans, self.params
        said = judge_velocity(scans, params, self.velocity) + judge_reuse(scans, params, self.reuse)
        said += judge_environment(scans, params, self.environment) + judge_lockstep(scans, params, self.lockstep)
        said += judge_referrals(scans, stretch.referrals, params, self.invited)
        return said + judge_budget(scans, params, self.budget)

    def _cloned(self, stretch: Stretch) -> list[BatchFinding]:
        """Codes that are on more than one pack."""
        scans, table, params = stretch.scans, stretch.route.cartons, self.params
        touched = self.items.fold(scans, table)
        said = judge_people(touched, table, params, self.items.crowds) + judge_travel(touched, params)
        said += judge_copies(touched, params) + judge_halves(scans, params, self.halves)
        self.copied |= {int(one.pivot.removeprefix("item:")) for one in said if one.code in COPIED}
        claimed = touched.visits.claimed & among(touched.visits.person, self.crew)
        here = self.copied.intersection(touched.visits.item.tolist())
        self.victims.fold(touched, table, here.union(touched.visits.item[claimed].tolist()))
        return said

    def _diverted(self, stretch: Stretch) -> list[BatchFinding]:
        """Cartons where they may not be, and the dealers they went to.

        Last, for copies do not count, nor whoever collects caps: where those are scanned says nothing of the carton.
        What is left out here is not numbered, so rows are numbered by their place in the whole.
        """
        scans, params, copied = stretch.scans, self.params, np.array(sorted(self.copied), dtype=np.int64)
        fit = ~(among(scans.person, self.crew) | among(scans.device, self.phones))
        shares = self.dealers.shares(stretch.route.cartons.dealer, params)
        judged = judge_cartons(
            _without(scans, fit), stretch.stores, stretch.route, params, self.cartons, copied=copied, shares=shares
        )
        self.judged = judged
        self.today.update(judged.carton.tolist())
        return judged.findings + judge_dealers(judged, stretch.route, params, self.dealers)


def _without(scans: Scans, fit: NDArray[np.bool_]) -> Scans:
    """The scans in their places, those that are not fit as scans by nobody in no carton."""
    return replace(scans, person=np.where(fit, scans.person, 0), carton=np.where(fit, scans.carton, 0))


def _later(one: BatchFinding, first: int) -> BatchFinding:
    """The finding with its rows numbered from the first scan ever folded, not of this stretch."""
    return replace(one, scans=tuple(row + first for row in one.scans))


def _blocks(window: Window, params: Params, rng: np.random.Generator) -> list[BatchFinding]:
    return [_later(one, window.first) for one in judge_blocks(window.scans, params, rng)]
