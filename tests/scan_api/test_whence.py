"""How a scan came is kept with it: by which network and browser, with which hints; and it decides nothing in line."""

import numpy as np
import pytest

from antifraud.columns import METHODS, Environment
from antifraud.event_reader import read_scans
from antifraud.scan_feed import BEGINNING, NOBODY, Place
from foundation import clock, ids
from foundation.database import reading
from tests.support.address_files import write_mmdb
from tests.support.world import open_house, world_on

CHENGDU = {"latitude": 30.6598, "longitude": 104.0633, "accuracy_radius": 20}
WECHAT = "Mozilla/5.0 (Linux; Android 14) Chrome/120 Mobile MicroMessenger/8.0.50"


@pytest.fixture
def world(database, tmp_path):
    """Behind one proxy, with a file that knows the operator of 1.0.0.0/24."""
    file = write_mmdb(tmp_path / "city.mmdb", {
        "1.0.0.0/24": {"location": CHENGDU, "autonomous_system_number": 4134},
        "1.0.1.0/24": {"autonomous_system_number": 37963},
    })  # fmt: skip
    house = open_house(
        database, tmp_path, ONECODE_ADDRESS_FILES=f"{file}:{tmp_path / 'none.xdb'}", ONECODE_TRUSTED_PROXIES="1"
    )
    with world_on(database, tmp_path, house) as made:
        yield made


def sent(world, item, address, *, agent=WECHAT, **more):
    scan_id = more.pop("scan_id", None) or ids.uuid7(clock.now())
    body = {"text": item.text, "device": "phone-1", "claim": False} | more
    return world.http.put(
        f"/v1/scans/{scan_id}", json=body, headers={"X-Forwarded-For": address, "User-Agent": agent}
    ).json()


def test_the_log_keeps_network_browser_door_and_hints(world):
    item = world.factory.make_item()
    assert sent(world, item, "1.0.0.9")["verdict"] == "genuine"
    kept = world.scans()[0]
    assert (kept.pool, kept.hints, kept.method, kept.region) == ("AS4134|wechat-android|code", 0, "ip_fixed", None)
    assert (kept.lat, kept.lon) == (CHENGDU["latitude"], CHENGDU["longitude"])
    sent(world, item, "1.0.1.9", agent="python-requests/2.32", hints=["emulator"], location={
        "lat": 30.0, "lon": 104.0, "accuracy_m": 0, "method": "gps"
    })  # fmt: skip
    kept = world.scans()[0]
    everything = Environment.DATACENTRE | Environment.HOOKED | Environment.EMULATOR | Environment.ACCURACY_ZERO
    assert (kept.pool, kept.hints, kept.method) == ("AS37963|other-other|code", everything, "gps")


def test_a_retry_over_another_network_is_the_same_scan(world):
    item, scan_id = world.factory.make_item(), ids.uuid7(clock.now())
    first = sent(world, item, "1.0.0.9", scan_id=scan_id)
    assert sent(world, item, "9.9.9.9", scan_id=scan_id, agent="curl/8", hints=["hooked"]) == first
    assert len(world.scans()) == 1


def test_the_judgement_reads_what_the_log_keeps(world):
    item = world.factory.make_item()
    sent(world, item, "1.0.0.9")
    sent(world, item, "9.9.9.9", agent="", location={"lat": 30.0, "lon": 104.0, "accuracy_m": 0, "method": "gps"})
    with reading(world.house.engine) as tx:
        scans = read_scans(tx, Place(BEGINNING, NOBODY), clock.now(), 10).scans
    assert [METHODS[one] for one in scans.method] == ["ip_fixed", "gps"]
    assert scans.pool[0] != scans.pool[1] != 0
    assert scans.environment.tolist() == [0, Environment.ACCURACY_ZERO]
    assert (np.isnan(scans.accuracy_m[0]), scans.accuracy_m[1]) == (True, 0.0)


def test_a_hint_that_is_none_is_refused_in_a_sentence(world):
    answer = sent(world, world.factory.make_item(), "1.0.0.9", hints=["nice"])
    assert (answer["status"], "emulator" in answer["detail"] or "hints" in str(answer)) == (422, True)


def test_a_fix_of_a_chinese_map_kit_is_put_right(world):
    item = world.factory.make_item()
    sent(world, item, "1.0.0.9", location={
        "lat": 39.908692, "lon": 116.397477, "accuracy_m": 15, "method": "gps", "crs": "gcj02",
    })  # fmt: skip
    kept = world.scans()[0]
    assert (kept.lat, kept.lon) == pytest.approx((39.907288, 116.391233), abs=1e-4)
