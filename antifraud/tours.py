"""Which places to visit, in which order: as much that a visit would settle for each kilometre as there is. Pure.

A carton of posterior p is worth its entropy, H(p) = -p log2 p - (1 - p) log2(1 - p) bits: 1 at even odds, nothing when
it is as good as known. Goods move on, so a place counts half after HALF_LIFE (an assumption). Tours grow by the visit
of most bits a kilometre at the cheapest place of its tour (insertion), as long as kilometres and visits last.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from antifraud.location import haversine_km

HALF_LIFE = timedelta(days=14)
ROAD = 1.3  # Kilometres of road for one of air, an assumption.
NEAR_KM = 0.5  # Next door is not free: parking and talking cost as much as this.
CELL = 0.01  # Degrees, about a kilometre: one place.
LEAST_BITS = 0.05
MOST_PLACES = 2000

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Sighting:
    """A carton of this posterior was seen there."""

    sscc: str
    posterior: float
    lat: float
    lon: float
    at: datetime


@dataclass(frozen=True, slots=True)
class Place:
    """bits: what a visit is expected to settle."""

    name: str
    lat: float
    lon: float
    cartons: tuple[str, ...]
    bits: float

    @property
    def point(self) -> Point:
        return self.lat, self.lon


@dataclass(slots=True)
class Tour:
    """From the base and back to it."""

    inspector: str
    base: Point
    most_km: float
    most_visits: int
    stops: list[Place]

    @property
    def km(self) -> float:
        way = [self.base, *(stop.point for stop in self.stops), self.base]
        return sum(road_km(here, there) for here, there in pairwise(way))


def entropy_bits(p: float) -> float:
    return -sum(share * math.log2(share) for share in (p, 1 - p) if share > 0)


def road_km(here: Point, there: Point) -> float:
    return ROAD * haversine_km(*here, *there)


def places(seen: Iterable[Sighting], *, now: datetime) -> list[Place]:
    """Sightings by place, the most informative first. A carton counts where it was seen last."""
    latest: dict[str, Sighting] = {}
    for one in sorted(seen, key=lambda one: (one.at, one.lat, one.lon)):
        latest[one.sscc] = one
    cells: dict[tuple[int, int], list[Sighting]] = {}
    for one in latest.values():
        cells.setdefault((round(one.lat / CELL), round(one.lon / CELL)), []).append(one)
    found = [_place(cell, here, now) for cell, here in cells.items()]
    return sorted((one for one in found if one.bits >= LEAST_BITS), key=lambda one: (-one.bits, one.name))


def _place(cell: tuple[int, int], here: Sequence[Sighting], now: datetime) -> Place:
    bits = sum(entropy_bits(one.posterior) * 0.5 ** max(0.0, (now - one.at) / HALF_LIFE) for one in here)
    return Place(
        f"place:{cell[0] * CELL:.2f},{cell[1] * CELL:.2f}",
        sum(one.lat for one in here) / len(here),
        sum(one.lon for one in here) / len(here),
        tuple(sorted(one.sscc for one in here)),
        round(bits, 4),
    )


def plan(tours: Sequence[Tour], candidates: Iterable[Place]) -> list[Tour]:
    """Fill the tours, which are changed; a place is visited by one. Of the candidates, MOST_PLACES are weighed."""
    left = list(candidates)[:MOST_PLACES]
    offers = [_offers(tour, left) for tour in tours]
    while any(offers):
        _, turn, name = max((offer.worth, turn, name) for turn, of in enumerate(offers) for name, offer in of.items())
        best = offers[turn][name]
        tours[turn].stops.insert(best.at, best.place)
        left.remove(best.place)
        for others in offers:
            others.pop(name, None)
        offers[turn] = _offers(tours[turn], left)  # The other tours are as they were.
    return list(tours)


@dataclass(frozen=True, slots=True)
class _Offer:
    """worth: bits a kilometre; at: where in the tour."""

    worth: float
    place: Place
    at: int


def _offers(tour: Tour, left: Iterable[Place]) -> dict[str, _Offer]:
    """What the day still holds, by the place's name."""
    if len(tour.stops) >= tour.most_visits:
        return {}
    way = [tour.base, *(stop.point for stop in tour.stops), tour.base]
    legs = [(here, there, road_km(here, there)) for here, there in pairwise(way)]
    spare_km = tour.most_km - sum(km for _, _, km in legs)
    offers = [_offer(place, legs, spare_km) for place in left]
    return {offer.place.name: offer for offer in offers if offer is not None}


def _offer(place: Place, legs: Sequence[tuple[Point, Point, float]], spare_km: float) -> _Offer | None:
    detours = [road_km(here, place.point) + road_km(place.point, there) - km for here, there, km in legs]
    at = min(range(len(detours)), key=detours.__getitem__)
    return _Offer(place.bits / max(detours[at], NEAR_KM), place, at) if detours[at] <= spare_km else None
