"""Regions of China: which prefecture a point lies in, what it is called, how it is drawn.

A region is the 6-digit code of a prefecture (510100); municipalities, Taiwan, Hong Kong and Macau are one region each.
The polygons are good to about 400 m: fit for decisions about regions, never for the radius of a shop.
"""

import gzip
import hashlib
import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import shapely

Region = int
Language = Literal["zh", "en"]

DATA = Path(__file__).parent / "data"
CELLS_PER_DEG = 20  # The grid of remembered answers: 0.05 degrees, about 5 km.
CALM_ROWS, CALM_COLUMNS = 1, 2  # 0.05 degrees north or south, 0.1 east or west (6.5 km at 54 degrees north).
CALM_KM = 5.5
SHORE_DEG = 0.05  # A fix this far off a simplified coast still belongs to it.
SOUTH, NORTH, WEST, EAST = 3.0, 54.0, 73.0, 136.0


@dataclass(frozen=True, slots=True)
class Place:
    """A prefecture or a province. lat, lon: its seat, in degrees."""

    code: Region
    zh: str
    en: str
    lat: float
    lon: float


@dataclass(slots=True)
class _Atlas:
    places: dict[Region, Place]
    codes: list[Region]  # of parts[i]
    parts: Any  # shapely polygons; a region may have many
    tree: Any
    version: str
    cells: dict[int, Region | tuple[int, ...]] = field(default_factory=dict)
    calm: dict[int, Region | None] = field(default_factory=dict)


def region_of(lat: float, lon: float) -> Region | None:
    """The prefecture of a WGS-84 point; None at sea and abroad.

    The first point in a grid cell asks the polygons; a cell inside one region is then remembered as that region,
    a cell on a border as the few polygons to test exactly.
    """
    if not (SOUTH < lat < NORTH and WEST < lon < EAST):
        return None
    atlas = _atlas()
    cell = math.floor(lat * CELLS_PER_DEG) << 16 | math.floor(lon * CELLS_PER_DEG)
    known = atlas.cells.get(cell)
    if known is None:
        known = atlas.cells[cell] = _survey(atlas, cell)
    return known if isinstance(known, int) else _exactly(atlas, known, lat, lon)


def calm_region(lat: float, lon: float) -> Region | None:
    """The one prefecture within CALM_KM of a point; None near a border, a shore or abroad. Costs one look-up."""
    if not (SOUTH < lat < NORTH and WEST < lon < EAST):
        return None
    atlas = _atlas()
    row, column = math.floor(lat * CELLS_PER_DEG), math.floor(lon * CELLS_PER_DEG)
    cell = row << 16 | column
    try:
        return atlas.calm[cell]
    except KeyError:
        found = atlas.calm[cell] = _neighbourhood(row, column)
        return found


def _neighbourhood(row: int, column: int) -> Region | None:
    """The region all cells around a cell lie in, when there is one."""
    rows = range(row - CALM_ROWS, row + CALM_ROWS + 1)
    columns = range(column - CALM_COLUMNS, column + CALM_COLUMNS + 1)
    centres = ((y + 0.5, x + 0.5) for y in rows for x in columns)
    regions = {_whole(y / CELLS_PER_DEG, x / CELLS_PER_DEG) for y, x in centres}
    return regions.pop() if len(regions) == 1 else None


def _whole(lat: float, lon: float) -> Region | None:
    """The region that holds the whole cell of a point."""
    region_of(lat, lon)
    known = _atlas().cells.get(math.floor(lat * CELLS_PER_DEG) << 16 | math.floor(lon * CELLS_PER_DEG))
    return known if isinstance(known, int) else None


def shapes() -> tuple["np.ndarray[Any, np.dtype[np.int64]]", Any, Any]:
    """(code of each part, the parts as prepared polygons, a tree of them), for whoever asks about many points."""
    atlas = _atlas()
    shapely.prepare(atlas.parts)
    return np.array(atlas.codes), atlas.parts, atlas.tree


def province_of(region: Region) -> Region:
    return region // 10_000 * 10_000


def name(region: Region, lang: Language = "zh") -> str:
    """Of a prefecture or a province. An unknown code is shown as itself: old rows must stay readable."""
    place = _atlas().places.get(region)
    return str(region) if place is None else (place.zh if lang == "zh" else place.en)


def place(region: Region) -> Place | None:
    return _atlas().places.get(region)


def prefectures() -> list[Place]:
    """Every region a scan or a dealer can be in, by code."""
    provincial = {code for code in _atlas().places if code % 10_000 == 0 and code not in _drawn()}
    return [place for code, place in sorted(_atlas().places.items()) if code not in provincial]


def version() -> str:
    """Names the artefact by its content: 12 hex digits of its SHA-256. Decisions store it with their parameters."""
    return _atlas().version


def geojson(level: Literal["province", "prefecture"] = "prefecture") -> dict[str, Any]:
    """A FeatureCollection to draw, simplified to about 4 km; properties: code, province, zh, en."""
    source = _source()
    wanted = [one for one in source["outlines"] if level == "prefecture" or one["code"] % 10_000 == 0]
    if level == "prefecture":
        wanted = [one for one in wanted if one["code"] in _drawn()]
    return {"type": "FeatureCollection", "features": [_feature(one, source["outline_scale"]) for one in wanted]}


def _feature(outline: dict[str, Any], scale: int) -> dict[str, Any]:
    code = outline["code"]
    rings = [[_closed(ring, scale) for ring in polygon] for polygon in outline["polygons"]]
    return {
        "type": "Feature",
        "id": code,
        "properties": {"code": code, "province": province_of(code), "zh": name(code, "zh"), "en": name(code, "en")},
        "geometry": {"type": "MultiPolygon", "coordinates": rings},
    }


def _closed(ring: list[int], scale: int) -> list[list[float]]:
    points = [[round(x, 3), round(y, 3)] for x, y in _degrees(ring, scale).tolist()]
    return [*points, points[0]]


def _survey(atlas: _Atlas, cell: int) -> Region | tuple[int, ...]:
    """The region that holds the whole cell, or the parts within reach of it."""
    south, west = (cell >> 16) / CELLS_PER_DEG, (cell & 0xFFFF) / CELLS_PER_DEG
    square = shapely.box(west, south, west + 1 / CELLS_PER_DEG, south + 1 / CELLS_PER_DEG)
    near: list[int] = atlas.tree.query(square, predicate="dwithin", distance=SHORE_DEG).tolist()
    for part in near:
        if shapely.contains_properly(atlas.parts[part], square):
            return atlas.codes[part]
    shapely.prepare(atlas.parts[near])
    return tuple(near)


def _exactly(atlas: _Atlas, near: tuple[int, ...], lat: float, lon: float) -> Region | None:
    for part in near:
        if shapely.contains_xy(atlas.parts[part], lon, lat):
            return atlas.codes[part]
    if not near:
        return None
    distances = shapely.distance(atlas.parts[list(near)], shapely.Point(lon, lat))
    nearest = int(np.argmin(distances))
    return atlas.codes[near[nearest]] if distances[nearest] <= SHORE_DEG else None


@lru_cache(maxsize=1)
def _atlas() -> _Atlas:
    packed = (DATA / "china_regions.json.gz").read_bytes()
    source = json.loads(gzip.decompress(packed))
    fields = ("code", "zh", "en", "lat", "lon")
    places = {one["code"]: Place(*(one[field] for field in fields)) for one in source["regions"]}
    drawn = list(_polygons(source["regions"], source["scale"]))
    parts = np.array([polygon for _, polygon in drawn], dtype=object)
    version = hashlib.sha256(packed).hexdigest()[:12]
    return _Atlas(places, [code for code, _ in drawn], parts, shapely.STRtree(parts), version)


def _source() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(gzip.decompress((DATA / "china_regions.json.gz").read_bytes()))
    return found


@lru_cache(maxsize=1)
def _drawn() -> frozenset[Region]:
    return frozenset(_atlas().codes) | {460300}  # Sansha is all islands: the source draws none of them.


def _polygons(rows: Iterable[dict[str, Any]], scale: int) -> Iterator[tuple[Region, Any]]:
    for row in rows:
        for outer, *holes in row["polygons"]:
            yield row["code"], shapely.Polygon(_degrees(outer, scale), [_degrees(hole, scale) for hole in holes])


def _degrees(ring: list[int], scale: int) -> "np.ndarray[Any, np.dtype[np.float64]]":
    """(n, 2) degrees, longitude first, of a packed ring: a start and steps."""
    return np.cumsum(np.array(ring, dtype=np.int64).reshape(-1, 2), axis=0) / scale
