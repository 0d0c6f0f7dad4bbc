"""Every batch detector over one season, night by night, as operation would run them: nothing sees tomorrow.

An alarm is a finding, known at the end of the night that raised it and counted once; those of medium severity or more
call a person to a case.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from antifraud.batch import watch as watch_of
from antifraud.batch.cartons import Route
from antifraud.batch.dealers import DealerState, Verdicts
from antifraud.batch.proof import BatchFinding
from antifraud.batch.watch import COPIED, Stretch, Window
from antifraud.columns import Events, Scans, StoreScans
from antifraud.findings import Severity
from antifraud.params import Params
from antifraud.simulator.world import World

__all__ = ["COPIED", "DAY_US", "FORTNIGHT", "Alarm", "Season", "Watch", "between", "watch"]

DAY_US = 86_400_000_000
Table = TypeVar("Table", Scans, StoreScans)
FORTNIGHT = 14  # Clusters and flows are looked at so often.


@dataclass(frozen=True, slots=True)
class Alarm:
    """The first night something is said of a pivot. at: the end of that night; score: the most nats since.

    calls: a person to the case `case`; else it is for the file. members: who answers for
    it, each with the night they were named.
    """

    code: str
    pivot: str
    at: int
    score: float
    holds: bool
    cartons: tuple[int, ...]
    listed: bool = False
    members: Mapping[int, int] = field(default_factory=dict)
    calls: bool = True
    case: str = ""


@dataclass(slots=True)
class Watch:
    """The product's watch over one world. alarms: by (code, pivot); took: seconds of processor time by family."""

    events: Events
    params: Params
    rng: np.random.Generator
    route: Route
    registered: NDArray[np.int64]
    watch: watch_of.Watch = field(init=False)
    folded: int = 0
    alarms: dict[tuple[str, str], Alarm] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.watch = watch_of.Watch(self.params)

    @property
    def took(self) -> dict[str, float]:
        return self.watch.took

    def night(self, scans: Scans, stores: StoreScans, *, end: int, full: bool) -> None:
        """Judge one day's scans."""
        for one in self.judge(scans, stores, end=end, full=full):
            self._hear(one, end)
        self.folded += len(scans)

    def judge(self, scans: Scans, stores: StoreScans, *, end: int, full: bool) -> list[BatchFinding]:
        """What is said of one day; on a full night also of everything remembered, and of the fortnight's block."""
        referrals = self.events.referrals
        invited = referrals.take((referrals.at >= end - DAY_US) & (referrals.at < end))
        said = self.watch.fold(Stretch(scans, stores, invited, self.route, self.registered))
        if not full:
            return said
        begin = int(np.searchsorted(self.events.scans.at, end - FORTNIGHT * DAY_US))
        window = Window(self.events.scans.take(slice(begin, self.folded + len(scans))), begin)
        return said + self.watch.survey(window, self.watch.judged, self.route, self.rng)

    def _hear(self, one: BatchFinding, end: int) -> None:
        pivot = f"carton:{one.cartons[0]}" if one.code.startswith("DIV_CARTON") else one.pivot
        calls, case = one.finding.severity >= Severity.MEDIUM, _case(one)
        listed = bool(one.values.get("listed", False))
        if listed:  # An accusation is a thing of its own: the list, not the meter.
            self._keep(Alarm("DIV_DEALER_LISTED", pivot, end, _score(one), False, one.cartons, True, {}, calls, case))
        members = dict.fromkeys(self.watch.people_of(one), end)
        holds = one.finding.holds
        self._keep(Alarm(one.code, pivot, end, _score(one), holds, one.cartons, listed, members, calls, case))

    def _keep(self, alarm: Alarm) -> None:
        key = (alarm.code, alarm.pivot)
        known = self.alarms.get(key)
        if known is not None:
            score, members = max(known.score, alarm.score), {**alarm.members, **known.members}
            alarm = replace(known, score=score, members=members, calls=known.calls or alarm.calls)
        self.alarms[key] = alarm


def _case(one: BatchFinding) -> str:
    """What the case is about, as antifraud.telling names it: a dealer's evidence is about its foremost region."""
    bare = one.pivot.startswith("dealer:") and one.pivot.count(":") == 1
    return f"{one.pivot}:{one.values.get('region') or 0}" if bare else one.pivot


def _score(one: BatchFinding) -> float:
    return float(one.finding.reason.contribution)


@dataclass(frozen=True, slots=True)
class Season:
    """What came of it: alarms, and the last opinion of every carton somebody scanned."""

    alarms: Mapping[tuple[str, str], Alarm]
    verdicts: Verdicts
    nights: int
    dealers: DealerState = field(default_factory=DealerState)


def watch(world: World, params: Params, *, seed: int) -> Season:
    """Fold the season's days one by one."""
    events = world.events
    route = Route.of(events.cartons, events.dealers, params)
    guard = Watch(events, params, np.random.default_rng(seed), route, world.registered)
    start = int(events.scans.at[0]) // DAY_US
    nights = int(events.scans.at[-1]) // DAY_US - start + 1
    for night in range(nights):
        begin, end = (start + night) * DAY_US, (start + night + 1) * DAY_US
        scans, stores = between(events.scans, begin, end), between(events.stores, begin, end)
        guard.night(scans, stores, end=end, full=night % FORTNIGHT == FORTNIGHT - 1 or night == nights - 1)
    return Season(guard.alarms, guard.watch.dealers.verdicts.everything(), nights, guard.watch.dealers)


def between(table: Table, begin: int, end: int) -> Table:
    """The rows of [begin, end), of a table in the order of time."""
    at: NDArray[np.int64] = table.at
    return table.take(slice(int(np.searchsorted(at, begin)), int(np.searchsorted(at, end))))
