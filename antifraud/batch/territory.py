"""Where the dealer of each carton may sell, as rows over all regions, and which regions lie next to that.

A carton's territory is whatever was granted to its dealer at any time from shipping until it should be sold: a dealer
whose region changes meanwhile is not accused. No dealer, no territory on record, or dates that contradict each other:
the route is unknown, which is not diverted, and the carton is counted apart.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from antifraud import regions
from antifraud.columns import Cartons, Dealers
from antifraud.location import OUTSIDE
from antifraud.params import Params
from antifraud.regions import Region

__all__ = ["Territories", "at", "beside", "codes", "distances_km", "territories"]

Whole = NDArray[np.int64]
Flag = NDArray[np.bool_]
DAY_US = 86_400_000_000
SKEW_US = 3_600_000_000
TOUCH_DEG = 0.02  # Neighbours in simplified polygons are up to 2 km apart.


@lru_cache(maxsize=1)
def codes() -> Whole:
    """Every region a scan can be in, rising; 0 is outside."""
    return np.array([OUTSIDE, *(place.code for place in regions.prefectures())])


def at(region: Whole) -> Whole:
    """The place of each region in `codes`; an unknown one stands for outside."""
    known = codes()
    place = np.minimum(np.searchsorted(known, region), len(known) - 1)
    return np.where(known[place] == region, place, 0)


@dataclass(frozen=True, slots=True)
class Territories:
    """of: (n cartons,) row of home, or -1 where the route is unknown. home, beside: (t, regions). dealer: (t,)."""

    of: Whole
    home: Flag
    beside: Flag
    dealer: Whole


def territories(cartons: Cartons, dealers: Dealers, params: Params) -> Territories:
    """Of each carton in the table. One row for each dealer and set of regions that occurs."""
    sold_us = params.batch.sold_within_days * DAY_US
    sane = (cartons.dealer != 0) & (cartons.shipped_at > 0)
    sane &= (cartons.packed_at == 0) | (cartons.packed_at <= cartons.shipped_at + SKEW_US)
    of = np.full(len(cartons), -1)
    rows: dict[tuple[int, frozenset[Region]], int] = {}
    for dealer in np.unique(cartons.dealer[sane]).tolist():
        mine = np.flatnonzero(sane & (cartons.dealer == dealer))
        granted = dealers.territory.get(dealer, ())
        shipped = cartons.shipped_at[mine]
        held = np.zeros(len(mine), dtype=np.int64)
        for bit, (start, until, _) in enumerate(granted):
            in_time = (start <= shipped + sold_us) & ((until == 0) | (until > shipped))
            held |= np.where(in_time, 1 << bit, 0)
        for bits in np.unique(held).tolist():
            some = frozenset().union(*(granted[bit][2] for bit in range(len(granted)) if bits >> bit & 1))
            if some:
                of[mine[held == bits]] = rows.setdefault((dealer, some), len(rows))
    home = np.array([_home(some) for _, some in rows]).reshape(len(rows), len(codes()))
    beside = np.array([_beside(some) for _, some in rows]).reshape(home.shape)
    owner = np.array([dealer for dealer, _ in rows], dtype=np.int64)
    return Territories(of, home.astype(bool), beside.astype(bool), owner)


@lru_cache(maxsize=4096)
def _home(some: frozenset[Region]) -> Flag:
    known = codes()
    return np.asarray(np.isin(known, list(some)) | (np.isin(known // 10_000 * 10_000, list(some)) & (known != OUTSIDE)))


@lru_cache(maxsize=4096)
def _beside(some: frozenset[Region]) -> Flag:
    """Regions that are not home and touch one that is."""
    home = _home(some)
    return np.asarray(_touching()[home].any(axis=0) & ~home) if home.any() else np.zeros(len(home), dtype=bool)


def beside(some: frozenset[Region]) -> frozenset[Region]:
    """The regions that touch a territory and are not in it."""
    return frozenset(int(code) for code in codes()[_beside(some)])


@lru_cache(maxsize=1)
def _touching() -> Flag:
    """(regions, regions): which share a border."""
    part_codes, parts, tree = regions.shapes()
    one, two = tree.query(parts, predicate="dwithin", distance=TOUCH_DEG)
    place = at(part_codes)
    touching = np.zeros((len(codes()),) * 2, dtype=bool)
    touching[place[one], place[two]] = True
    np.fill_diagonal(touching, False)
    return touching


@lru_cache(maxsize=1)
def distances_km() -> NDArray[np.float64]:
    """(regions, regions) between seats; outside is 2 000 km from everywhere."""
    seats = [regions.place(code) for code in codes().tolist()]
    lat = np.array([seat.lat if seat else np.nan for seat in seats], dtype=float)
    lon = np.array([seat.lon if seat else np.nan for seat in seats], dtype=float)
    p = np.radians(lat)
    a = np.sin((p[:, None] - p) / 2) ** 2
    a += np.cos(p[:, None]) * np.cos(p) * np.sin(np.radians(lon[:, None] - lon) / 2) ** 2
    return np.asarray(np.nan_to_num(12742.0176 * np.arcsin(np.sqrt(np.minimum(1.0, a))), nan=2000.0))
