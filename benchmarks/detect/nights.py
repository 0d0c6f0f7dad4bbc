"""Every batch detector over one season, night by night, as operation would run them: nothing sees tomorrow.

An alarm is a finding of medium severity or more, known at the end of the night that raised it; it is counted once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from antifraud.batch import watch as watch_of
from antifraud.batch.cartons import Route
from antifraud.batch.dealers import Verdicts
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
    """The first night somebody is told something of a pivot. at: the end of that night; score: the most nats since.

    members: the accounts of a ring, as far as its finding names their scans.
    """

    code: str
    pivot: str
    at: int
    score: float
    holds: bool
    cartons: tuple[int, ...]
    listed: bool = False
    members: tuple[int, ...] = ()


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

    def _members(self, one: BatchFinding) -> tuple[int, ...]:
        """The accounts of a ring: those whose scans prove it, or whom its root brought."""
        if one.code == "ABU_REFERRAL_RING":
            root = int(one.pivot.partition(":")[2])
            return tuple(
                sorted({root} | {account for account in self.watch.invited.inviter if self._brought(account, root)})
            )
        if one.code in ("ABU_LOCKSTEP", "ABU_DENSE_BLOCK"):
            return tuple(np.unique(self.events.scans.account[list(one.scans)]).tolist())
        return ()

    def _brought(self, account: int, root: int) -> bool:
        seen = set()
        while account in self.watch.invited.inviter and account not in seen:
            seen.add(account)
            account = self.watch.invited.inviter[account]
            if account == root:
                return True
        return False

    def _hear(self, one: BatchFinding, end: int) -> None:
        if one.finding.severity < Severity.MEDIUM:
            return
        pivot = f"carton:{one.cartons[0]}" if one.code.startswith("DIV_CARTON") else one.pivot
        listed = bool(one.values.get("listed", False))
        if listed:  # An accusation is a thing of its own: the list, not the meter.
            self._keep(Alarm("DIV_DEALER_LISTED", pivot, end, _score(one), False, one.cartons, listed=True))
        members = self._members(one)
        self._keep(Alarm(one.code, pivot, end, _score(one), one.finding.holds, one.cartons, listed, members))

    def _keep(self, alarm: Alarm) -> None:
        key = (alarm.code, alarm.pivot)
        known = self.alarms.get(key)
        self.alarms[key] = (
            alarm
            if known is None
            else replace(
                known, score=max(known.score, alarm.score), members=tuple(sorted({*known.members, *alarm.members}))
            )
        )


def _score(one: BatchFinding) -> float:
    return float(one.finding.reason.contribution)


@dataclass(frozen=True, slots=True)
class Season:
    """What came of it: alarms, and the last opinion of every carton somebody scanned."""

    alarms: Mapping[tuple[str, str], Alarm]
    verdicts: Verdicts
    nights: int


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
    return Season(guard.alarms, guard.watch.dealers.verdicts.everything(), nights)


def between(table: Table, begin: int, end: int) -> Table:
    """The rows of [begin, end), of a table in the order of time."""
    at: NDArray[np.int64] = table.at
    return table.take(slice(int(np.searchsorted(at, begin)), int(np.searchsorted(at, end))))
