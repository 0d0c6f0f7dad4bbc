"""Builds the regions of China from two published packages. Run by hand; the product reads the result.

    npm pack echarts@4.9.0 && tar xzf echarts-4.9.0.tgz                  (Apache-2.0: polygons)
    pip download --no-deps cpca==0.5.5 && unzip cpca-0.5.5-*.whl         (MIT: names and centroids)
    python -m antifraud.data.build package cpca/resources/adcodes.csv

Writes `china_regions.json.gz` beside this file, byte-identical for the same input:

    scale     grid cells per degree; every coordinate is an integer on that grid
    regions   one per prefecture or province: code, zh, en, lat, lon, and `polygons`: [[ring, hole, ...], ...],
              where a ring is [x0, y0, dx1, dy1, ...] and does not repeat its first point
    outlines  the same for maps on a screen: `code` of a prefecture or a province, simplified so
              that neighbours still share their border

Rule of codes: a region is named by its prefecture, the first four digits; NORMALISED and RAISED
below are the exceptions, and both sides of any join must use it.
"""

import csv
import gzip
import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

HERE = Path(__file__).parent
SCALE = 1024  # What echarts encodes: 1/1024 degree, about 100 m.
TOLERANCE_DEG = 0.004  # Visvalingam-Whyatt: the square root of the area a corner must span to stay; about 400 m.
OUTLINE_SCALE = 100  # A screen shows a whole country: 1 km is finer than a pixel.
OUTLINE_TOLERANCE_DEG = 0.04
ONE_REGION = {"11", "12", "31", "50", "71", "81", "82"}  # Municipalities, Taiwan, Hong Kong, Macau.
NORMALISED = {
    "5426": "5404",  # Nyingchi, Shannan, Qamdo, Xigaze, Nagqu: prefectures that became cities.
    "5422": "5405",
    "5421": "5403",
    "5423": "5402",
    "5424": "5406",
    "6522": "6505",  # Hami, Turpan.
    "6521": "6504",
    "3712": "3701",  # Laiwu joined Jinan in 2019.
}
RAISED = {"469003": "460400"}  # Danzhou: a county-level city that became a prefecture.
NO_PLACE = {139000}  # "Directly under the province" in Hebei: nothing is.
RENAMED = {"540600": "那曲市"}  # The list of names is older than the reform.


def normalised(adcode: str) -> int:
    """The region of any 6-digit administrative code of a prefecture, county or district."""
    adcode = RAISED.get(adcode, adcode)
    if adcode[:2] in ONE_REGION:
        return int(adcode[:2]) * 10_000
    return int(NORMALISED.get(adcode[:4], adcode[:4])) * 100


def polygons(path: Path) -> Iterator[tuple[str, BaseGeometry]]:
    """(adcode, geometry in degrees) of every feature in an echarts map."""
    source = json.loads(path.read_text("utf-8"))
    scale = source.get("UTF8Scale", 1024)
    for feature in source["features"]:
        geometry = feature["geometry"]
        coordinates, offsets = geometry["coordinates"], geometry.get("encodeOffsets")
        if geometry["type"] == "Polygon":
            coordinates, offsets = [coordinates], [offsets]
        rings = [
            [ring(text, offset, scale) for text, offset in zip(part, starts, strict=True)]
            for part, starts in zip(coordinates, offsets, strict=True)
        ]
        parts = [shapely.make_valid(polygon(part)) for part in rings]
        yield str(feature["id"]), shapely.union_all(parts)


def polygon(rings: Sequence[list[tuple[float, float]]]) -> BaseGeometry:
    """Outer ring and holes. A ring of fewer than three points encloses nothing: some maps carry such."""
    outer, *holes = rings
    return shapely.Polygon(outer, [hole for hole in holes if len(hole) > 2])


def ring(text: str | list[list[float]], offset: Sequence[int], scale: int) -> list[tuple[float, float]]:
    """Points of one ring. Some maps carry plain lists; the others zigzag deltas as characters from U+0040."""
    if not isinstance(text, str):
        return [(x, y) for x, y in text]
    x, y = offset
    points = []
    for at in range(0, len(text), 2):
        x += unzigzag(ord(text[at]) - 64)
        y += unzigzag(ord(text[at + 1]) - 64)
        points.append((x / scale, y / scale))
    return points


def unzigzag(value: int) -> int:
    return (value >> 1) ^ -(value & 1)


def regions(maps: Path) -> dict[int, BaseGeometry]:
    """Prefectures by code. Places that have none are drawn from the map of provinces."""
    parts: dict[int, list[BaseGeometry]] = defaultdict(list)
    for adcode, shape in polygons(maps / "china-cities.json"):
        if adcode[:2] not in ONE_REGION:
            parts[normalised(adcode)].append(shape)
    for adcode, shape in polygons(maps / "china.json"):
        if adcode[:2] in ONE_REGION:
            parts[normalised(adcode)].append(shape)
    whole = {code: areas(shapely.set_precision(shapely.union_all(parts[code]), 1 / SCALE)) for code in sorted(parts)}
    simple = shapely.set_precision(shapely.coverage_simplify(list(whole.values()), TOLERANCE_DEG), 1 / SCALE)
    return dict(zip(whole, map(areas, simple), strict=True))


def areas(shape: BaseGeometry) -> BaseGeometry:
    """Only what has an area: repairs leave stray lines and points behind."""
    parts = shapely.get_parts(shapely.get_parts(shape))
    return shapely.MultiPolygon([part for part in parts if part.geom_type == "Polygon"])


def names(path: Path) -> dict[int, tuple[str, float | None, float | None]]:
    """Region or province -> (Chinese name, latitude, longitude), from cpca's list."""
    found = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            code = int(row["adcode"][:6])
            if row["adcode"].endswith("0" * 8) and (code % 10_000 == 0 or normalised(str(code)) == code):
                place = (float(row["latitude"]), float(row["longitude"])) if row["latitude"] else (None, None)
                found[code] = (RENAMED.get(str(code), row["name"]), *place)
    found[540600] = (RENAMED["540600"], None, None)
    return found


def english() -> dict[int, str]:
    """Kept by hand: pinyin, but the name the world uses where there is one (Hohhot), apart where two share one."""
    with (HERE / "names_en.csv").open(encoding="utf-8", newline="") as file:
        return {int(row["code"]): row["name"] for row in csv.DictReader(file)}


def packed(shape: BaseGeometry, scale: int) -> list[list[list[int]]]:
    """[[ring, hole, ...], ...] with each ring as a start and the steps from there, on the grid."""
    return [[steps(ring, scale) for ring in (part.exterior, *part.interiors)] for part in shapely.get_parts(shape)]


def steps(ring: BaseGeometry, scale: int) -> list[int]:
    points = [(round(x * scale), round(y * scale)) for x, y in ring.coords[:-1]]
    flat = [*points[0]]
    for (x0, y0), (x1, y1) in pairwise(points):
        flat += (x1 - x0, y1 - y0)
    return flat


def outlines(shapes: dict[int, BaseGeometry]) -> list[dict[str, Any]]:
    """Prefectures and provinces for a screen. Simplified as one coverage: no gaps open between neighbours."""
    simple = dict(zip(shapes, shapely.coverage_simplify(list(shapes.values()), OUTLINE_TOLERANCE_DEG), strict=True))
    provinces: dict[int, list[BaseGeometry]] = defaultdict(list)
    for code, shape in simple.items():
        provinces[code // 10_000 * 10_000].append(shape)
    drawn = simple | {code: shapely.union_all(parts, grid_size=1 / SCALE) for code, parts in provinces.items()}
    grid = {code: areas(shapely.set_precision(shape, 1 / OUTLINE_SCALE)) for code, shape in drawn.items()}
    return [{"code": code, "polygons": packed(grid[code], OUTLINE_SCALE)} for code in sorted(grid)]


def build(package: Path, adcodes: Path) -> bytes:
    shapes, named, en = regions(package / "map" / "json"), names(adcodes), english()
    rows = []
    for code in sorted(shapes.keys() | {code for code in named if code not in NO_PLACE}):
        shape = shapes.get(code, shapely.MultiPolygon())
        zh, lat, lon = named[code]
        if lat is None and not shape.is_empty:
            inside = shape.representative_point()
            lat, lon = inside.y, inside.x
        place = {"lat": lat and round(lat, 4), "lon": lon and round(lon, 4)}
        rows.append({"code": code, "zh": zh, "en": en[code], **place, "polygons": packed(shape, SCALE)})
    whole = {"scale": SCALE, "regions": rows, "outline_scale": OUTLINE_SCALE, "outlines": outlines(shapes)}
    text = json.dumps(whole, ensure_ascii=False, separators=(",", ":"))
    return gzip.compress(text.encode(), mtime=0)


if __name__ == "__main__":
    (HERE / "china_regions.json.gz").write_bytes(build(Path(sys.argv[1]), Path(sys.argv[2])))
