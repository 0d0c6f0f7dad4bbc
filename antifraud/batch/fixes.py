"""P(region | fix) of many fixes at once, as sparse rows: the same numbers as antifraud.location.pmf.

A grid of 0.05 degrees remembers for each cell the one region that holds it, or that a border runs through it; then the
polygons are asked, all points of one polygon together. A fix that cannot be one (no number, 0,0, an error as wide as
a province) has no rows: it says nothing, and nobody is accused by it.

Measured on a busy core, cells known: 5 us a satellite fix around towns, 13 us a blurred one (32 points each). Profiled:
asking an STRtree point by point was nine tenths of the time; grouping the points by polygon and preparing the polygons
took it away. What is left is the distance to simplified coasts.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import shapely
from numpy.typing import NDArray

from antifraud import regions
from antifraud.batch.memory import spans
from antifraud.columns import METHODS, Columns, Scans
from antifraud.location import (
    CELL_TAIL,
    CELL_TAIL_KM,
    KM_PER_DEG,
    LOCATED,
    NOWHERE_DEG,
    P95_SIGMAS,
    RADIUS_KM,
    SAMPLES,
    SIGMA_KM,
    TAIL_SAMPLES,
    WIDEST_KM,
    rayleigh,
    uniform,
)
from antifraud.regions import CELLS_PER_DEG, EAST, NORTH, SHORE_DEG, SOUTH, WEST

__all__ = ["Masses", "far_km", "likeliest", "located", "masses", "radius_km", "region_of_many"]

Whole = NDArray[np.int64]
Real = NDArray[np.float64]
CHUNK = 1 << 16
UNKNOWN, BORDER = -1, -2
LOCATED_METHODS = np.array([one in LOCATED for one in METHODS])
LEAST_SIGMA = np.array([SIGMA_KM.get(one, np.inf) for one in METHODS])
LEAST_RADIUS = np.array([RADIUS_KM.get(one, np.inf) for one in METHODS])


@dataclass(frozen=True, slots=True)
class Masses(Columns):
    """mass: P(region | fix) of the fix in this row of the scans; by (row, region), 1 a row. Region 0: outside."""

    row: Whole
    region: Whole
    mass: Real


def located(scans: Scans) -> NDArray[np.bool_]:
    """Whose place may be used: a phone's fix, with numbers a fix can have."""
    fit = LOCATED_METHODS[np.minimum(scans.method, len(METHODS) - 1)] & (scans.method < len(METHODS))
    with np.errstate(invalid="ignore"):
        fit &= (np.abs(scans.lat) <= 90) & (np.abs(scans.lon) <= 180)  # Also refuses NaN.
        fit &= (np.abs(scans.lat) > NOWHERE_DEG) | (np.abs(scans.lon) > NOWHERE_DEG)
        fit &= (scans.sigma_km >= 0) & (scans.sigma_km <= WIDEST_KM)
    return np.asarray(fit, dtype=np.bool_)


def radius_km(method: NDArray[np.uint8], sigma_km: Real) -> Real:
    """What to subtract from a distance on each side before anything is concluded from it."""
    return np.asarray(np.maximum(LEAST_RADIUS[method], P95_SIGMAS * sigma_km))


def far_km(lat1: Real, lon1: Real, lat2: Real, lon2: Real) -> Real:
    """Great-circle distances of pairs."""
    p1, p2 = np.radians(lat1), np.radians(lat2)
    a = np.sin((p2 - p1) / 2) ** 2 + np.cos(p1) * np.cos(p2) * np.sin(np.radians(lon2 - lon1) / 2) ** 2
    return np.asarray(2 * KM_PER_DEG * 180 / np.pi * np.arcsin(np.minimum(1.0, np.sqrt(a))))


def masses(scans: Scans) -> Masses:
    """The rows of every located scan."""
    usable = np.flatnonzero(located(scans))
    sigma = np.maximum(LEAST_SIGMA[scans.method[usable]], scans.sigma_km[usable])
    sharp = (scans.method[usable] == METHODS.index("gps")) & (sigma * P95_SIGMAS < 0.5)
    disc = np.array([(0.0, 0.0), *uniform(TAIL_SAMPLES)])
    tail = np.array([1 - CELL_TAIL] + [CELL_TAIL / TAIL_SAMPLES] * TAIL_SAMPLES)
    gauss, even = np.array(rayleigh(SAMPLES)), np.full(SAMPLES, 1 / SAMPLES)
    parts = []
    for chosen, points, shares in ((sharp, disc, tail), (~sharp, gauss, even)):
        rows = usable[chosen]
        scale = np.full(len(rows), CELL_TAIL_KM) if points is disc else sigma[chosen]
        for at in range(0, len(rows), CHUNK):
            some = rows[at : at + CHUNK]
            parts.append(_spread(some, scans.lat[some], scans.lon[some], scale[at : at + CHUNK], points, shares))
    row, region, mass = (np.concatenate([part[k] for part in parts] or [np.zeros(0)]) for k in range(3))
    order = np.lexsort((region, row))
    return Masses(row[order].astype(np.int64), region[order].astype(np.int64), mass[order])


def _spread(rows: Whole, lat: Real, lon: Real, km: Real, points: Real, shares: Real) -> tuple[Whole, Whole, Real]:
    """The regions of the points of a disc around each fix, each with its share."""
    north = km / KM_PER_DEG
    east = north / np.maximum(0.01, np.cos(np.radians(lat)))
    lats, lons = lat[:, None] + points[:, 1] * north[:, None], lon[:, None] + points[:, 0] * east[:, None]
    codes = region_of_many(lats.ravel(), lons.ravel()).reshape(lats.shape)
    calm = (codes == codes[:, :1]).all(axis=1)
    mixed = np.flatnonzero(~calm)
    keys, slots = np.unique(mixed[:, None] << 20 | codes[mixed], return_inverse=True)
    sums = np.bincount(slots.ravel(), np.broadcast_to(shares, codes[mixed].shape).ravel(), len(keys))
    return (
        np.concatenate([rows[calm], rows[keys >> 20]]),
        np.concatenate([codes[calm, 0], keys & 0xFFFFF]),
        np.concatenate([np.full(int(calm.sum()), sum(shares.tolist())), sums]),
    )


def likeliest(found: Masses, n: int) -> Whole:
    """The region with the most mass of each of n rows; 0 where there is none, or it is outside."""
    best = np.zeros(n, dtype=np.int64)
    order = np.lexsort((found.region, found.mass, found.row))
    best[found.row[order]] = found.region[order]  # The last of a row stays: the heaviest.
    return best


# --- which region a point lies in -----------------------------------------------------------------------------------


@dataclass(slots=True)
class _Grid:
    """cells: region by (row, column), UNKNOWN or BORDER; first, last: the parts to ask, in `part`."""

    codes: Whole
    parts: NDArray[np.object_]
    cells: Whole
    first: Whole
    last: Whole
    part: list[Whole]
    width: int
    stored: int = 0

    def near(self) -> Whole:
        """All candidate lists, one after the other."""
        if len(self.part) > 1:
            self.part = [np.concatenate(self.part)]
        return self.part[0]


@lru_cache(maxsize=1)
def _grid() -> _Grid:
    codes, parts, _ = regions.shapes()
    width, height = round((EAST - WEST) * CELLS_PER_DEG), round((NORTH - SOUTH) * CELLS_PER_DEG)
    cells = np.full(width * height, UNKNOWN)
    empty = np.zeros(width * height, dtype=np.int64)
    return _Grid(codes, parts, cells, empty, empty.copy(), [np.zeros(0, dtype=np.int64)], width)


def region_of_many(lat: Real, lon: Real) -> Whole:
    """The prefecture of each WGS-84 point, 0 at sea and abroad: antifraud.regions.region_of, many at once."""
    grid = _grid()
    found = np.zeros(len(lat), dtype=np.int64)
    inside = np.flatnonzero((lat > SOUTH) & (lat < NORTH) & (lon > WEST) & (lon < EAST))
    row = np.floor(lat[inside] * CELLS_PER_DEG).astype(np.int64) - round(SOUTH * CELLS_PER_DEG)
    column = np.floor(lon[inside] * CELLS_PER_DEG).astype(np.int64) - round(WEST * CELLS_PER_DEG)
    cell = row * grid.width + column
    known = grid.cells[cell]
    if (known == UNKNOWN).any():
        _survey(grid, np.unique(cell[known == UNKNOWN]))
        known = grid.cells[cell]
    found[inside] = np.maximum(known, 0)
    edge = np.flatnonzero(known == BORDER)
    if len(edge):
        found[inside[edge]] = _exactly(grid, cell[edge], lat[inside[edge]], lon[inside[edge]])
    return found


def _survey(grid: _Grid, cells: Whole) -> None:
    """Learn these cells: the region that holds the whole cell, or the parts within reach of it."""
    south = (cells // grid.width + round(SOUTH * CELLS_PER_DEG)) / CELLS_PER_DEG
    west = (cells % grid.width + round(WEST * CELLS_PER_DEG)) / CELLS_PER_DEG
    squares = shapely.box(west, south, west + 1 / CELLS_PER_DEG, south + 1 / CELLS_PER_DEG)
    square, part = regions.shapes()[2].query(squares, predicate="dwithin", distance=SHORE_DEG)
    order = np.argsort(square, kind="stable")
    square, part = square[order], part[order]
    holds = np.flatnonzero(shapely.contains_properly(grid.parts[part], squares[square]))[::-1]
    state = np.zeros(len(cells), dtype=np.int64)
    state[square] = BORDER
    state[square[holds]] = grid.codes[part[holds]]
    grid.cells[cells] = state
    counts = np.bincount(square, minlength=len(cells))
    stops = grid.stored + np.cumsum(counts)
    grid.first[cells], grid.last[cells] = stops - counts, stops
    grid.part.append(part)
    grid.stored += len(part)


def _exactly(grid: _Grid, cell: Whole, lat: Real, lon: Real) -> Whole:
    """The region of points in cells a border runs through: the part that holds them, else the nearest shore."""
    near = grid.near()
    starts, stops = grid.first[cell], grid.last[cell]
    point, part = np.repeat(np.arange(len(cell)), stops - starts), near[spans(starts, stops)]
    order = np.argsort(part, kind="stable")
    bounds = np.flatnonzero(np.diff(part[order], prepend=-1, append=-1))
    hit = np.zeros(len(part), dtype=bool)
    for start, stop in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        pairs = order[start:stop]
        hit[pairs] = shapely.contains_xy(grid.parts[part[pairs[0]]], lon[point[pairs]], lat[point[pairs]])
    found = np.zeros(len(cell), dtype=np.int64)
    first = np.flatnonzero(hit)[::-1]  # Polygons of neighbours overlap a little; the first in the tree's order counts.
    found[point[first]] = grid.codes[part[first]]
    astray = np.ones(len(cell), dtype=bool)
    astray[point[hit]] = False
    left = np.flatnonzero(astray[point])
    if len(left):
        distance = shapely.distance(grid.parts[part[left]], shapely.points(lon[point[left]], lat[point[left]]))
        close = left[distance <= SHORE_DEG]
        nearest = close[np.lexsort((distance[distance <= SHORE_DEG], point[close]))[::-1]]
        found[point[nearest]] = grid.codes[part[nearest]]  # The last of a point stays: the nearest.
    return found
