"""China as the world needs it: how many people live in a prefecture, who travels where, and points inside each.

The same in every world. Prefectures and seats: antifraud.regions. People of a province: the Seventh National Population
Census, communique No. 3 (published, 2021-05-11). Within a province: Zipf with exponent 0.5, the capital first and then
by code (assumption). Taiwan, Hong Kong and Macau are not sold to (assumption).
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from antifraud import regions
from antifraud.location import EARTH_KM, KM_PER_DEG
from antifraud.simulator.streams import Dice, stream

PLACES = 64  # Points of a prefecture where people live and stores stand.
NEAR = 6
GRAVITY_KM, GRAVITY_POWER = 100.0, 1.5  # Journeys ~ people / (distance + 100 km)^1.5. Assumption.
ZIPF = 0.5
CENSUS_2020 = {
    11: 21_893_095, 12: 13_866_009, 13: 74_610_235, 14: 34_915_616, 15: 24_049_155, 21: 42_591_407, 22: 24_073_453,
    23: 31_850_088, 31: 24_870_895, 32: 84_748_016, 33: 64_567_588, 34: 61_027_171, 35: 41_540_086, 36: 45_188_635,
    37: 101_527_453, 41: 99_365_519, 42: 57_752_557, 43: 66_444_864, 44: 126_012_510, 45: 50_126_804, 46: 10_081_232,
    50: 32_054_159, 51: 83_674_866, 52: 38_562_148, 53: 47_209_277, 54: 3_648_100, 61: 39_528_999, 62: 25_019_831,
    63: 5_923_957, 64: 7_202_654, 65: 25_852_345,
}  # fmt: skip

Whole = NDArray[np.int64]
Real = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Country:
    """R prefectures by rising code. people: their share of the country. near: (R, NEAR) the closest others.

    pull: (R, R) running sums of where a journey from each leads, never back to itself. place_lat, place_lon:
    (R, PLACES) points that lie inside, most of them near the seat.
    """

    codes: Whole
    people: Real
    near: Whole
    pull: Real
    place_lat: Real
    place_lon: Real

    def __len__(self) -> int:
        return len(self.codes)

    def journeys(self, dice: Dice, origin: Whole) -> Whole:
        """Where journeys from these prefectures lead (places in `codes`, not codes)."""
        # One search in all rows at once: row r of the running sums lies in (r, r + 1].
        flat = (self.pull + np.arange(len(self))[:, None]).ravel()
        found = np.searchsorted(flat, origin + dice.random(len(origin)), side="right")
        return np.asarray(np.minimum(found - origin * len(self), len(self) - 1))

    def anywhere(self, dice: Dice, n: int) -> Whole:
        """n prefectures by how many people they have."""
        found = np.searchsorted(np.cumsum(self.people), dice.random(n), side="right")
        return np.minimum(found, len(self) - 1)


@lru_cache(maxsize=1)
def country() -> Country:
    mainland = [place for place in regions.prefectures() if place.code // 10_000 in CENSUS_2020]
    found = [place for place in mainland if regions.region_of(place.lat, place.lon) == place.code]  # Sansha is sea.
    lat, lon = np.array([place.lat for place in found]), np.array([place.lon for place in found])
    codes = np.array([place.code for place in found], dtype=np.int64)
    people, away = _people(codes), distances_km(lat, lon, lat, lon)
    place_lat, place_lon = _places(codes, lat, lon, away)
    near = np.argsort(away, axis=1, kind="stable")[:, 1 : NEAR + 1]
    return Country(codes, people, near, _pull(people, away), place_lat, place_lon)


def distances_km(lat1: Real, lon1: Real, lat2: Real, lon2: Real) -> Real:
    """(n, m) great-circle distances between two lists of points in degrees."""
    p1, p2 = np.radians(lat1)[:, None], np.radians(lat2)[None, :]
    step = np.radians(lon2)[None, :] - np.radians(lon1)[:, None]
    a = np.sin((p2 - p1) / 2) ** 2 + np.cos(p1) * np.cos(p2) * np.sin(step / 2) ** 2
    return np.asarray(2 * EARTH_KM * np.arcsin(np.sqrt(np.minimum(1.0, a))))


def _people(codes: Whole) -> Real:
    people = np.zeros(len(codes))
    for province, count in CENSUS_2020.items():
        members = np.flatnonzero(codes // 10_000 == province)
        ranked = members[np.argsort(codes[members] % 10_000 >= 9000, kind="stable")]  # Lone counties come last.
        share = np.arange(1, len(ranked) + 1) ** -ZIPF
        people[ranked] = count * share / share.sum()
    return np.asarray(people / people.sum())


def _pull(people: Real, away: Real) -> Real:
    weight = people[None, :] / (away + GRAVITY_KM) ** GRAVITY_POWER
    np.fill_diagonal(weight, 0.0)
    return np.asarray(np.cumsum(weight / weight.sum(axis=1, keepdims=True), axis=1))


def _places(codes: Whole, lat: Real, lon: Real, away: Real) -> tuple[Real, Real]:
    """Seven in ten around the seat, the rest out to the borders; only points the map puts into the prefecture."""
    dice = stream(0, "places")
    reach_km = np.sort(away, axis=1)[:, 1:5].mean(axis=1) / 2
    place_lat, place_lon = np.repeat(lat[:, None], PLACES, 1), np.repeat(lon[:, None], PLACES, 1)
    for at, code in enumerate(codes.tolist()):
        spread = np.where(dice.random(3 * PLACES) < 0.7, 0.25, 0.7) * reach_km[at] / KM_PER_DEG
        north = lat[at] + dice.normal(size=3 * PLACES) * spread
        east = lon[at] + dice.normal(size=3 * PLACES) * spread / np.cos(np.radians(lat[at]))
        inside = _inside(code, north, east)
        place_lat[at, : len(inside)], place_lon[at, : len(inside)] = north[inside], east[inside]
    return place_lat, place_lon


def _inside(code: int, lat: Real, lon: Real) -> list[int]:
    found = []
    for at, point in enumerate(zip(lat.tolist(), lon.tolist(), strict=True)):
        if regions.region_of(*point) == code:
            found.append(at)
        if len(found) == PLACES:
            break
    return found
