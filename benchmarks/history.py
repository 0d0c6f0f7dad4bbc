"""What a night of the batch detectors costs as history grows: season after season of new brands on one memory.

A season is 120 nights of about a million scans at scale 1. If cost follows new scans, microseconds a scan stay the same
from the first million to the last; growth is the last season's over the first's. JUDGE_SEASONS: how many; a hundred
million scans need some 30 GB, because this benchmark keeps in memory what a database would.
"""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import numpy as np

from antifraud.batch.cartons import Route
from antifraud.columns import Columns, Dealers, Events
from antifraud.params import Params
from antifraud.simulator.parameters import Parameters
from antifraud.simulator.world import simulate
from benchmarks.detect.nights import DAY_US, FORTNIGHT, Watch, between

SEASONS, SCALE = 10, 1.0
SEASON_US = 150 * DAY_US
Table = TypeVar("Table", bound=Columns)
# What a name is moved by from one season to the next, so that nothing of it was ever seen.
APART = {"item": 1 << 36, "carton": 1 << 24, "run": 1 << 16, "shipment": 1 << 20, "dealer": 1 << 12, "store": 1 << 20,
         "first_item": 1 << 36}  # fmt: skip
PEOPLE = 1 << 34
NAMES = frozenset({"person", "account", "device", "network", "payee", "inviter", "invitee"})
TIMES = frozenset({"at", "told", "packed_at", "shipped_at", "unlocked_at"})


@dataclass(frozen=True, slots=True)
class Cost:
    """scans: in history when the season was over. us: processor time a scan of that season, by family."""

    scans: int
    us: dict[str, float]

    @property
    def total_us(self) -> float:
        return sum(self.us.values())


def run() -> dict[str, Any]:
    costs = list(grow(int(os.environ.get("JUDGE_SEASONS", SEASONS)), scale=float(os.environ.get("JUDGE_SCALE", SCALE))))
    return {
        "history_scans": [cost.scans for cost in costs],
        "batch_us_per_scan": [round(cost.total_us, 1) for cost in costs],
        "batch_us_by_family": {name: [round(cost.us[name], 1) for cost in costs] for name in sorted(costs[0].us)},
        "growth": round(costs[-1].total_us / costs[0].total_us, 2),
    }


def grow(seasons: int, *, scale: float) -> Iterator[Cost]:
    """Season after season on one memory."""
    guard: Watch | None = None
    scans = 0
    for season in range(seasons):
        world = simulate(Parameters(scale=scale), seed=40 + season)
        events = moved(world.events, season)
        route = Route.of(events.cartons, events.dealers, Params())
        guard = guard or Watch(events, Params(), np.random.default_rng(1), route, world.registered)
        guard.events, guard.route, guard.folded = events, route, 0
        guard.took.clear()
        _fold(guard, events)
        scans += len(events.scans)
        cost = Cost(scans, {name: 1e6 * took / len(events.scans) for name, took in guard.took.items()})
        sys.stderr.write(f"{scans:,} scans: {cost.total_us:.1f} us a scan\n")
        yield cost


def _fold(guard: Watch, events: Events) -> None:
    begin = int(events.scans.at[0]) // DAY_US * DAY_US
    nights = (int(events.scans.at[-1]) - begin) // DAY_US + 1
    for night in range(nights):
        start, end = begin + night * DAY_US, begin + (night + 1) * DAY_US
        scans, stores = between(events.scans, start, end), between(events.stores, start, end)
        guard.judge(scans, stores, end=end, full=night % FORTNIGHT == FORTNIGHT - 1)
        guard.folded += len(scans)


def moved(events: Events, season: int) -> Events:
    """The same season for other people, packs and dealers, later."""
    change = int(np.int64(season))
    dealers = {
        dealer + change * APART["dealer"]: tuple(
            (start + change * SEASON_US if start else 0, until + change * SEASON_US if until else 0, regions)
            for start, until, regions in held
        )
        for dealer, held in events.dealers.territory.items()
    }
    tables = (events.scans, events.cartons, events.stores, events.referrals)
    scans, cartons, stores, referrals = (_moved(table, change) for table in tables)
    return Events(scans, cartons, Dealers(dealers), stores, referrals)  # type: ignore[arg-type]


def _moved(table: Table, season: int) -> Table:
    columns: dict[str, Any] = {}
    for one in fields(table):  # type: ignore[arg-type]  # Every table is a dataclass, its base is not.
        column = getattr(table, one.name)
        by = APART.get(one.name, PEOPLE if one.name in NAMES else SEASON_US if one.name in TIMES else 0)
        columns[one.name] = np.where(column != 0, column + season * by, 0) if by else column  # 0 is nothing, for ever.
    return type(table)(**columns)
