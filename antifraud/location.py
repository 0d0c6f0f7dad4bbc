"""Where a scan happened, as a distribution: a point, an error, and how it was found out.

No rule may read the point without its error and method. A network address never says more than a province, and
never accuses; only `located` scans (satellites, WeChat's blurred fix, Wi-Fi) may.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

from antifraud.regions import Region, calm_region, name, province_of, region_of

__all__ = ["Location", "Region", "from_report", "haversine_km", "name", "pmf", "province_of", "region_of"]

SIGMA_KM = {  # Rayleigh: median error = 1.1774 sigma.
    "gps": 0.0085,  # 7-13 m in town
    "fuzzy": 2.55,  # WeChat's getFuzzyLocation, about 3 km
    "wifi": 2.55,
    "ip_fixed": 13.6,  # 3-16 km, with a heavy tail
    "ip_mobile": 153.0,  # 179-207 km: the operator's gateway, not the phone
}
RADIUS_KM = {"gps": 0.1, "fuzzy": 8.0, "wifi": 8.0, "ip_fixed": 100.0, "ip_mobile": 800.0}  # p90-p95
LOCATED = frozenset({"gps", "fuzzy", "wifi"})
ACCURACY_SIGMAS = 1.515  # Phones report the radius that holds 68 %: sqrt(-2 ln 0.32) sigmas.
P95_SIGMAS = 2.448
CELL_TAIL, CELL_TAIL_KM = 0.01, 5.0  # One "gps" fix in a hundred is the radio cell's.
SAMPLES, TAIL_SAMPLES = 32, 8
NOWHERE_DEG = 1e-3  # Closer than 100 m to 0,0.
WIDEST_KM = 50.0  # A located fix with a larger error says no prefecture.
OUTSIDE: Region = 0  # At sea or abroad.
FLOOR = 1e-3  # One fix, perhaps forged, moves no likelihood by more than a factor of 1000.
EARTH_KM = 6371.0088
KM_PER_DEG = EARTH_KM * math.pi / 180


@dataclass(frozen=True, slots=True)
class Location:
    """WGS-84 degrees; sigma_km of a Rayleigh error; method: gps, fuzzy, wifi, ip_fixed or ip_mobile."""

    lat: float
    lon: float
    sigma_km: float
    method: str

    @property
    def located(self) -> bool:
        return self.method in LOCATED

    @property
    def radius_km(self) -> float:
        """Subtracted from a distance before anything is concluded from it."""
        return max(RADIUS_KM[self.method], P95_SIGMAS * self.sigma_km)


def from_report(
    lat: float | None, lon: float | None, accuracy_m: float | None, method: str, crs: str = "wgs84"
) -> Location | None:
    """What a phone said, made usable; None when it said nothing or something no place on Earth matches.

    Nor is 0,0 a place, which a phone without a fix sends, nor a fix whose error is below zero (so a phone marks one
    that is not valid) or wider than any prefecture: what such a scan was for counts, where it was does not.

    crs: "wgs84" or "gcj02" (what Chinese map kits return). accuracy_m widens the method's error, never narrows it:
    an accuracy of zero is what a forged fix says.
    """
    if method not in SIGMA_KM or lat is None or lon is None:
        return None
    if not (abs(lat) <= 90 and abs(lon) <= 180):  # Also refuses NaN.
        return None
    if abs(lat) <= NOWHERE_DEG and abs(lon) <= NOWHERE_DEG:
        return None
    told = accuracy_m / 1000 / ACCURACY_SIGMAS if accuracy_m is not None and not math.isnan(accuracy_m) else 0.0
    if not 0 <= told <= WIDEST_KM:
        return None
    if crs == "gcj02":
        lat, lon = wgs84(lat, lon)
    return Location(lat, lon, max(SIGMA_KM[method], told), method)


def pmf(location: Location) -> dict[Region, float]:
    """P(region | fix): the share of the error disc inside each region. OUTSIDE collects sea and abroad; sums to 1."""
    if location.method == "gps" and location.sigma_km * P95_SIGMAS < 0.5:
        # Profiled: nine look-ups were a tenth of a scan, and nearly every fix is further than 5 km from any border.
        if (calm := calm_region(location.lat, location.lon)) is not None:
            return {calm: CERTAIN}
        point = region_of(location.lat, location.lon) or OUTSIDE
        mass = {point: 1 - CELL_TAIL}
        _spread(mass, location, CELL_TAIL_KM, uniform(TAIL_SAMPLES), CELL_TAIL)
        return mass
    mass = {}
    _spread(mass, location, location.sigma_km, rayleigh(SAMPLES), 1.0)
    return mass


def _spread(
    mass: dict[Region, float], at: Location, scale_km: float, points: tuple[tuple[float, float], ...], share: float
) -> None:
    """Add `share` to `mass`, in equal parts to the regions of the points of a disc around `at`."""
    north = scale_km / KM_PER_DEG
    east = north / max(0.01, math.cos(math.radians(at.lat)))
    part = share / len(points)
    for dx, dy in points:
        region = region_of(at.lat + dy * north, at.lon + dx * east) or OUTSIDE
        mass[region] = mass.get(region, 0.0) + part


@lru_cache
def uniform(n: int) -> tuple[tuple[float, float], ...]:
    """n sunflower points in the unit disc, each standing for the same area."""
    return tuple(_turned(math.sqrt((k + 0.5) / n), k) for k in range(n))


@lru_cache
def rayleigh(n: int) -> tuple[tuple[float, float], ...]:
    """n sunflower points, each standing for the same share of a two-dimensional Gauss of sigma 1."""
    return tuple(_turned(math.sqrt(-2 * math.log(1 - (k + 0.5) / n)), k) for k in range(n))


def _turned(radius: float, k: int) -> tuple[float, float]:
    angle = k * math.pi * (3 - math.sqrt(5))  # the golden angle
    return radius * math.cos(angle), radius * math.sin(angle)


CERTAIN = sum([CELL_TAIL / TAIL_SAMPLES] * TAIL_SAMPLES, 1 - CELL_TAIL)
"""What `pmf` adds up to when every point of the disc is in one region, to the last bit."""


def haversine_km(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Great-circle distance."""
    p1, p2 = math.radians(lat1), math.radians(lat2)
    a = math.sin((p2 - p1) / 2) ** 2
    a += math.cos(p1) * math.cos(p2) * math.sin(math.radians(lon2 - lon1) / 2) ** 2
    return 2 * EARTH_KM * math.asin(min(1.0, math.sqrt(a)))


def wgs84(lat: float, lon: float) -> tuple[float, float]:
    """A GCJ-02 point in WGS-84, to about a centimetre inside China; unchanged abroad, where maps do not shift."""
    if not (0.8293 < lat < 55.8271 and 72.004 < lon < 137.8347):
        return lat, lon
    guess_lat, guess_lon = lat, lon
    for _ in range(3):  # The shift is smooth: a few rounds of undoing it converge.
        d_lat, d_lon = _gcj_shift(guess_lat, guess_lon)
        guess_lat, guess_lon = lat - d_lat, lon - d_lon
    return guess_lat, guess_lon


def _gcj_shift(lat: float, lon: float) -> tuple[float, float]:
    """Degrees that GCJ-02 adds to a WGS-84 point: the published series on the Krasovsky ellipsoid."""
    x, y = lon - 105, lat - 35
    wave = 20 * math.sin(6 * math.pi * x) + 20 * math.sin(2 * math.pi * x)
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * math.sqrt(abs(x))
    north += (wave + 20 * math.sin(math.pi * y) + 40 * math.sin(math.pi / 3 * y)) * 2 / 3
    north += (160 * math.sin(math.pi / 12 * y) + 320 * math.sin(math.pi / 30 * y)) * 2 / 3
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * math.sqrt(abs(x))
    east += (wave + 20 * math.sin(math.pi * x) + 40 * math.sin(math.pi / 3 * x)) * 2 / 3
    east += (150 * math.sin(math.pi / 12 * x) + 300 * math.sin(math.pi / 30 * x)) * 2 / 3
    axis, eccentricity2 = 6378245.0, 0.00669342162296594323
    magic = 1 - eccentricity2 * math.sin(math.radians(lat)) ** 2
    meridian = axis * (1 - eccentricity2) / (magic * math.sqrt(magic))
    parallel = axis / math.sqrt(magic) * math.cos(math.radians(lat))
    return math.degrees(north / meridian), math.degrees(east / parallel)
