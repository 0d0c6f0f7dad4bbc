"""Points, their errors and their regions."""

import math

import pytest

from antifraud import location, regions
from antifraud.data.build import normalised
from antifraud.location import Location, from_report, haversine_km, pmf

LANDMARKS = [  # lat, lon, region, what stands there
    (39.9087, 116.3975, 110000, "Tiananmen"),
    (39.0837, 117.2010, 120000, "Tianjin, Five Avenues"),
    (31.2397, 121.4998, 310000, "Shanghai, Oriental Pearl"),
    (29.5590, 106.5770, 500000, "Chongqing, Jiefangbei"),
    (30.6570, 104.0657, 510100, "Chengdu, Tianfu Square"),
    (22.5410, 114.0580, 440300, "Shenzhen, civic centre"),
    (23.1066, 113.3245, 440100, "Canton Tower"),
    (30.2446, 120.1502, 330100, "Hangzhou, Leifeng Pagoda"),
    (31.3206, 120.6265, 320500, "Suzhou, Humble Administrator's Garden"),
    (43.8256, 87.6168, 650100, "Urumqi"),
    (29.6555, 91.1190, 540100, "Lhasa, Potala"),
    (45.7700, 126.6200, 230100, "Harbin, St Sophia"),
    (36.0610, 120.3200, 370200, "Qingdao, a pier on the bay"),
    (24.4460, 118.0650, 350200, "Xiamen, Gulangyu island"),
    (20.0200, 110.3500, 460100, "Haikou"),
    (19.2420, 110.4700, 469000, "Qionghai: a county straight under Hainan"),
    (19.5200, 109.5800, 460400, "Danzhou: a prefecture since 2015"),
    (42.8270, 93.5150, 650500, "Hami: a city since 2016"),
    (29.6490, 94.3610, 540400, "Nyingchi: a city since 2015"),
    (36.2130, 117.6770, 370100, "Laiwu: part of Jinan since 2019"),
    (22.2800, 114.1580, 810000, "Hong Kong"),
    (22.1900, 113.5400, 820000, "Macau"),
    (25.0340, 121.5640, 710000, "Taipei"),
    (35.6800, 139.7600, None, "Tokyo"),
    (28.0000, 125.5000, None, "East China Sea"),
    (47.9200, 106.9200, None, "Ulaanbaatar"),
]


@pytest.mark.parametrize(("lat", "lon", "region", "what"), LANDMARKS)
def test_a_landmark_lies_in_its_region(lat, lon, region, what):
    assert regions.region_of(lat, lon) == region, what


def test_the_remembered_answer_is_the_exact_one():
    # Across a border (Shanghai-Suzhou), asked cold and then warm, in an order that fills cells from both sides.
    points = [(31.2 + i * 0.01, 120.9 + j * 0.01) for i in range(30) for j in range(40)]
    first = [regions.region_of(*point) for point in points]
    regions._atlas().cells.clear()
    assert [regions.region_of(*point) for point in reversed(points)] == first[::-1]
    assert {310000, 320500} <= set(first)


def test_every_region_has_two_names_a_place_and_a_shape_to_draw():
    drawn = {feature["id"] for feature in regions.geojson()["features"]}
    listed = regions.prefectures()
    assert len(listed) == 344
    assert {place.code for place in listed} - drawn == {460300}  # Sansha: only islands
    for place in listed:
        assert place.zh
        assert place.en.isascii() or "ü" in place.en
        assert regions.province_of(place.code) % 10_000 == 0
    assert len({place.en for place in listed}) == len(listed)
    assert {feature["id"] for feature in regions.geojson("province")["features"]} == {
        regions.province_of(place.code) for place in listed
    }


def test_the_seat_of_a_region_lies_in_it():
    astray = [place.zh for place in regions.prefectures() if regions.region_of(place.lat, place.lon) != place.code]
    assert astray == ["三沙市"]


def test_names():
    assert regions.name(510100, "zh") == "成都市"
    assert regions.name(510100, "en") == "Chengdu"
    assert regions.name(510000, "en") == "Sichuan"
    assert regions.name(999900, "en") == "999900"
    assert regions.province_of(510100) == 510000


@pytest.mark.parametrize(
    ("adcode", "region"),
    [("110105", 110000), ("500233", 500000), ("542621", 540400), ("652201", 650500), ("371202", 370100),
     ("469003", 460400), ("469023", 469000), ("429004", 429000), ("510104", 510100), ("810001", 810000)],
)  # fmt: skip
def test_codes_of_one_place_meet_in_one_region(adcode, region):
    assert normalised(adcode) == region


def test_a_gps_fix_is_nearly_certain_and_a_blurred_one_is_not():
    chengdu = pmf(Location(30.657, 104.0657, 0.0085, "gps"))
    assert chengdu[510100] == pytest.approx(1.0)
    border = pmf(from_report(31.31, 121.14, None, "fuzzy"))
    assert border.keys() >= {310000, 320500}
    assert sum(border.values()) == pytest.approx(1)
    assert pmf(Location(35.68, 139.76, 0.0085, "gps")) == {location.OUTSIDE: pytest.approx(1.0)}


def test_the_disc_has_the_error_it_claims():
    radii = sorted(math.hypot(x, y) for x, y in location.rayleigh(1000))
    assert radii[500] == pytest.approx(1.1774, rel=0.01)
    assert math.hypot(*map(sum, zip(*location.rayleigh(1000), strict=True))) / 1000 < 0.01


def test_a_reported_accuracy_widens_and_never_narrows():
    assert from_report(30, 104, 0, "gps").sigma_km == location.SIGMA_KM["gps"]
    assert from_report(30, 104, 3030, "gps").sigma_km == pytest.approx(2.0)
    assert from_report(30, 104, 3030, "gps").radius_km == pytest.approx(4.9, abs=0.01)
    assert from_report(30, 104, None, "fuzzy").radius_km == 8.0
    assert from_report(30, 104, math.nan, "gps").sigma_km == location.SIGMA_KM["gps"]


@pytest.mark.parametrize(
    "report",
    [
        (None, 104, 5, "gps"), (30, 104, 5, "none"), (91, 104, 5, "gps"), (30, math.nan, 5, "gps"),
        (0.0, 0.0, 5, "gps"), (0.0005, -0.0009, 5, "fuzzy"), (0.0, 0.0, 5, "gps", "gcj02"),
        (30, 104, -1, "gps"), (30, 104, math.inf, "gps"), (30, 104, 1e9, "gps"), (30, 104, 80_000, "fuzzy"),
    ],
)  # fmt: skip
def test_what_is_no_place_is_no_location(report):
    assert from_report(*report) is None


def test_a_wide_fix_stays_one_and_doubts_itself():
    wide = from_report(30, 104, 60_000, "gps")
    assert wide is not None
    assert 39 < wide.sigma_km < 40
    assert max(pmf(wide).values()) < 0.9
    assert from_report(0.0, 104, 5, "gps") is not None  # The equator is a place.


def test_only_a_phone_is_located():
    assert [m for m in location.SIGMA_KM if Location(30, 104, 1, m).located] == ["gps", "fuzzy", "wifi"]


def test_distance():
    assert haversine_km(39.9042, 116.4074, 31.2304, 121.4737) == pytest.approx(1067, abs=2)
    assert haversine_km(0, 0, 0, 180) == pytest.approx(math.pi * location.EARTH_KM)


def test_the_map_shift_is_undone():
    lat, lon = 39.9087, 116.3975
    d_lat, d_lon = location._gcj_shift(lat, lon)
    back = location.wgs84(lat + d_lat, lon + d_lon)
    assert haversine_km(lat, lon, *back) < 1e-4
    assert 0.4 < haversine_km(lat, lon, lat + d_lat, lon + d_lon) < 0.68
    assert location.wgs84(48.85, 2.35) == (48.85, 2.35)  # Paris
    assert from_report(lat + d_lat, lon + d_lon, 5, "gps", "gcj02").lat == pytest.approx(lat, abs=1e-6)
