"""What a network address says, out of files of both formats; and that a broken file stops nothing."""

import pytest

from antifraud.addresses import NOTHING, AddressBook, browser_of, pool_of
from antifraud.columns import Environment
from antifraud.location import SIGMA_KM
from antifraud.regions import place, region_of
from tests.support.address_files import write_mmdb, write_xdb

CHENGDU = {"location": {"latitude": 30.6598, "longitude": 104.0633, "accuracy_radius": 20}}


@pytest.fixture
def mmdb(tmp_path):
    return write_mmdb(tmp_path / "city.mmdb", {
        "1.0.0.0/24": CHENGDU | {"traits": {"autonomous_system_number": 4134}},
        "1.0.1.0/24": CHENGDU | {"traits": {"autonomous_system_number": 9808}},
        "1.0.2.0/24": {"autonomous_system_number": 37963, "autonomous_system_organization": "Hangzhou Alibaba"},
        "1.0.3.0/24": {"is_anonymous": True, "is_hosting_provider": True},
        "1.0.4.0/24": {"location": {"latitude": 400.0, "longitude": 1.0}},
        "1.0.5.0/24": CHENGDU | {"traits": {"connection_type": "Cellular"}},
    })  # fmt: skip


@pytest.fixture
def xdb(tmp_path):
    return write_xdb(tmp_path / "ip.xdb", {
        ("1.0.0.0", "1.0.0.255"): "中国|四川省|成都市|电信|CN",
        ("1.0.1.0", "1.0.1.255"): "中国|0|新疆维吾尔自治区|乌鲁木齐市|联通",
        ("1.0.2.0", "1.0.2.255"): "中国|四川省|0|移动|CN",
        ("1.0.3.0", "1.0.3.255"): "中国|浙江省|杭州市|阿里云|CN",
        ("1.0.4.0", "1.0.4.255"): "United States|California|0|Google LLC|US",
        ("1.0.5.0", "1.0.5.255"): "中国|上海|上海市|电信|CN",
        ("1.0.6.0", "1.0.6.255"): "内网IP",
    })  # fmt: skip


def test_a_city_file_says_where_and_whose(mmdb):
    book = AddressBook([mmdb])
    assert book.broken == []
    fixed = book.about("1.0.0.7")
    assert (fixed.operator, fixed.hints, fixed.location.method) == ("AS4134", 0, "ip_fixed")
    assert region_of(fixed.location.lat, fixed.location.lon) == 510100
    assert fixed.location.sigma_km == SIGMA_KM["ip_fixed"], "a radius of 20 km is no better than the method is known"
    assert not fixed.location.located
    assert book.about("1.0.1.7").location.method == "ip_mobile"
    assert book.about("1.0.5.7").location.sigma_km == SIGMA_KM["ip_mobile"]
    assert book.about("1.0.2.7").hints == Environment.DATACENTRE
    assert book.about("1.0.3.7").hints == Environment.DATACENTRE | Environment.RELAY
    assert book.about("1.0.4.7").location is None


def test_an_ip2region_file_says_where_and_whose(xdb):
    book = AddressBook([xdb])
    assert book.broken == []
    told = book.about("1.0.0.9")
    assert (told.location.lat, told.location.lon) == (place(510100).lat, place(510100).lon)
    assert (told.operator, told.location.method) == ("电信", "ip_fixed")
    old = book.about("1.0.1.9")
    assert (region_of(old.location.lat, old.location.lon), old.operator) == (650100, "联通")
    province = book.about("1.0.2.9")
    assert (province.location.method, province.location.sigma_km) == ("ip_mobile", SIGMA_KM["ip_mobile"])
    assert book.about("1.0.3.9").hints == Environment.DATACENTRE
    abroad = book.about("1.0.4.9")
    assert (abroad.location, abroad.operator) == (None, "Google LLC")
    assert book.about("1.0.5.9").location.method == "ip_fixed", "a municipality is one region"
    assert book.about("1.0.6.9") == book.about("9.9.9.9") == NOTHING


def test_each_thing_comes_from_the_first_file_that_knows_it(mmdb, xdb):
    told = AddressBook([xdb, mmdb]).about("1.0.2.1")
    assert (told.operator, told.hints) == ("移动", Environment.DATACENTRE)


@pytest.mark.parametrize("address", ["unknown", "", "2001:db8::1", "1.2.3", "testclient"])
def test_an_address_that_no_file_knows_says_nothing(mmdb, xdb, address):
    assert AddressBook([mmdb, xdb]).about(address) == NOTHING


def test_a_carriers_address_is_thousands_of_people():
    assert AddressBook().about("100.64.3.2").hints == Environment.CARRIER_NAT


@pytest.mark.parametrize("name", ["city.mmdb", "ip.xdb"])
def test_a_broken_file_is_named_and_the_other_goes_on(tmp_path, mmdb, xdb, name):
    bad, other = (mmdb, xdb) if name == "city.mmdb" else (xdb, mmdb)
    bad.write_bytes(bad.read_bytes()[:200])
    book = AddressBook([tmp_path / "none.mmdb", bad, other])
    assert [("none.mmdb" in said, name in said) for said in book.broken] == [(True, False), (False, True)]
    assert book.about("1.0.0.7").location is not None


def test_a_file_damaged_in_its_middle_says_nothing(mmdb, xdb):
    for path in (mmdb, xdb):
        raw = bytearray(path.read_bytes())
        middle = raw.index(b"location") if path is mmdb else raw.index("四川省".encode())
        raw[middle - 3 : middle + 30] = b"\xff" * 33
        path.write_bytes(raw)
    book = AddressBook([mmdb, xdb])
    assert book.broken == []
    assert book.about("1.0.0.7") == book.about("1.0.0.8") == NOTHING
    assert ["damaged in places" in said for said in book.broken] == [True, True], "each file is named once"


@pytest.mark.parametrize(
    ("agent", "browser", "hints"),
    [
        ("Mozilla/5.0 (Linux; Android 14) AppleWebKit/537 Chrome/120 Mobile MicroMessenger/8.0", "wechat-android", 0),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18) AppleWebKit/605 Safari/604.1", "safari-ios", 0),
        ("Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/120", "chrome-desk", Environment.HOOKED),
        ("python-requests/2.32", "other-other", Environment.HOOKED),
        ("", "other-other", 0),
    ],
)
def test_what_a_browser_calls_itself(agent, browser, hints):
    assert browser_of(agent) == (browser, hints)


def test_a_pool_is_named_even_where_the_operator_is_not_known():
    assert pool_of("", "wechat-android", "page") == "?|wechat-android|page"
