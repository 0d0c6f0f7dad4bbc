"""The rules of today's systems on the same worlds: what a detector must beat. No published system does more than these.

any      a carton with any scan out of its dealer's region
third    a carton with two foreign scans or more, and three in ten of all
many     a code scanned more than three times
binomial a dealer whose share of foreign scans is above the country's at z = 2.33, looked at every night
"""

import numpy as np
from numpy.typing import NDArray

from antifraud.batch.cartons import Route
from antifraud.batch.fixes import likeliest, masses
from antifraud.batch.items import row_of
from antifraud.batch.territory import at as place_of
from antifraud.columns import Outcome
from antifraud.params import Params
from antifraud.simulator.truth import CLONED
from antifraud.simulator.world import World
from benchmarks.detect import scoring
from benchmarks.detect.nights import DAY_US, Season
from benchmarks.detect.scoring import Figures, Told

Whole = NDArray[np.int64]
Z = 2.33
MANY = 3


def figures(world: World, season: Season, params: Params) -> dict[str, Figures]:
    """Each rule, scored like the detector of the same thing."""
    row, foreign, at = _placed(world, params)
    carton = world.events.cartons.carton
    n = np.bincount(row, minlength=len(carton))
    out = np.bincount(row, foreign, minlength=len(carton))
    some, third = np.flatnonzero(out >= 1), np.flatnonzero((out >= 2) & (out >= 0.3 * n))
    last = np.full(len(carton), int(world.events.scans.at[-1]))
    return {
        "any_foreign_scan": scoring.cartons(world, season, told=Told(carton[some], last[some])),
        "two_and_30_percent": scoring.cartons(world, season, told=Told(carton[third], last[third])),
        "scanned_more_than_3_times": _many(world),
        "dealer_binomial": scoring.dealers(world, season, told=_binomial(world, row, foreign, at)),
    }


def _placed(world: World, params: Params) -> tuple[Whole, NDArray[np.bool_], Whole]:
    """(row of the carton, whether foreign, time) of every located scan of a carton on a known route."""
    events = world.events
    route, scans = Route.of(events.cartons, events.dealers, params), events.scans
    row = row_of(scans.carton, events.cartons)
    found = likeliest(masses(scans), len(scans))
    rows = np.flatnonzero((scans.outcome == Outcome.VALID) & (row >= 0) & (found > 0))
    rows = rows[route.territories.of[row[rows]] >= 0]
    home = route.territories.home[route.territories.of[row[rows]], place_of(found[rows])]
    return row[rows], ~home, scans.at[rows]


def _many(world: World) -> Figures:
    items, times = np.unique(world.events.scans.item[world.events.scans.item > 0], return_counts=True)
    flagged, truth = items[times > MANY], world.truth.items
    true = truth.take(truth.kind == CLONED)
    large = true.item[true.packs > 20]
    genuine = ~np.isin(items, truth.item)
    return {
        "precision": scoring.share(np.isin(flagged, true.item), flagged > 0),
        "recall_20_packs": scoring.share(np.isin(large, flagged), large > 0),
        "flags_per_genuine_code": scoring.share(genuine & (times > MANY), genuine),
    }


def _binomial(world: World, row: Whole, foreign: NDArray[np.bool_], at: Whole) -> Told:
    """The first night each dealer stands out."""
    dealer = world.events.cartons.dealer[row]
    common = float(foreign.mean()) if len(foreign) else 0.0
    size = int(world.truth.dealers.dealer.max()) + 1
    n, x, first = np.zeros(size), np.zeros(size), np.full(size, scoring.NEVER)
    day = at // DAY_US
    for night in range(int(day[0]), int(day[-1]) + 1):
        mine = slice(int(np.searchsorted(day, night)), int(np.searchsorted(day, night, side="right")))
        n += np.bincount(dealer[mine], minlength=size)
        x += np.bincount(dealer[mine], foreign[mine], minlength=size)
        z = (x - n * common) / np.sqrt(np.maximum(1e-9, n * common * (1 - common)))
        first = np.where((z > Z) & (n >= 30) & (first == scoring.NEVER), (night + 1) * DAY_US, first)
    keys = np.flatnonzero(first < scoring.NEVER)
    return Told(keys, first[keys])
