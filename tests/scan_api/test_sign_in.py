"""Signing in through real protocols: a gateway that checks signatures, a WeChat that knows everyone, their faults."""

import re
from functools import partial
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from foundation import clock
from foundation.database import reading, transaction
from foundation.errors import BadRequest
from foundation.limits import Rate
from foundation.settings import Settings
from loyalty import invariants, merging
from scan_api import gateways
from scan_api.app import make_app
from scan_api.routes import sign_in
from tests.scan_api.test_refusals import refused
from tests.support.sms_gateway import sms_gateway
from tests.support.wechat import wechat_server
from tests.support.world import Phone, World, open_house

LI = "+8613800138000"


@pytest.fixture
def gateway():
    with sms_gateway() as made:
        yield made


@pytest.fixture
def wechat():
    with wechat_server() as made:
        yield made


@pytest.fixture
def shop(database, tmp_path, gateway, wechat):
    """A world whose text messages and WeChat are the stand-ins."""
    house = open_house(database, tmp_path, **gateway.environment, **wechat.environment)
    with TestClient(make_app(house), raise_server_exceptions=False) as http:
        yield World(house, http)


def ask_code(shop, number=LI, **more):
    return shop.http.post("/v1/sign-in/codes", json={"phone": number, **more})


def by_phone(shop, gateway, number=LI, token=None):
    assert ask_code(shop, number).status_code == 204
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    body = {"phone": number, "code": gateway.delivered[-1][1]}
    return shop.http.post("/v1/sign-in", json=body, headers=headers).json()["token"]


def to_wechat(shop, **query):
    """The browser is sent to WeChat and comes back: (code, state)."""
    shop.http.cookies.clear()
    sent = shop.http.get("/v1/sign-in/wechat", params={"back_to": "/wallet", **query}, follow_redirects=False)
    assert sent.status_code == 302, sent.text
    there = httpx.get(sent.headers["location"], follow_redirects=False)
    back = urlsplit(there.headers["location"])
    assert back.path == "/v1/sign-in/wechat/callback"
    page = shop.http.get(f"{back.path}?{back.query}", follow_redirects=False)
    assert page.status_code == 303
    target = urlsplit(page.headers["location"])
    assert target.path == "/wallet"
    found = parse_qs(target.fragment)
    return {"code": found["wechat"][0], "state": found["state"][0]}


def by_wechat(shop, token=None):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return shop.http.post("/v1/sign-in/wechat", json=to_wechat(shop), headers=headers)


def count(shop, table):
    with reading(shop.house.engine) as tx:
        return tx.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()


def test_a_code_travels_signed_and_works(shop, gateway):
    token = by_phone(shop, gateway)
    assert gateway.delivered[0][0] == "13800138000"
    assert re.fullmatch(r"\d{6}", gateway.delivered[0][1])
    assert shop.http.get("/v1/me/wallet", headers={"Authorization": f"Bearer {token}"}).status_code == 200


@pytest.mark.parametrize(
    ("fault", "status", "kind"),
    [
        ("isv.BUSINESS_LIMIT_CONTROL", 429, "sms-busy"),
        ("isv.AMOUNT_NOT_ENOUGH", 503, "sms-away"),
        ("isv.OUT_OF_SERVICE", 503, "sms-away"),
        ("Throttling.User", 503, "sms-away"),
        ("isv.MOBILE_NUMBER_ILLEGAL", 400, "sms-refused"),
        ("slow", 503, "sms-away"),
    ],
)
def test_a_gateway_on_a_bad_day_is_said_and_the_next_try_need_not_wait(shop, gateway, fault, status, kind):
    gateway.fault = fault
    refused(ask_code(shop), status, kind)
    gateway.fault = ""
    assert ask_code(shop).status_code == 204


def test_a_lost_answer_makes_no_second_message(shop, gateway):
    gateway.fault = "silent"
    refused(ask_code(shop), 503, "sms-away")
    assert (gateway.requests, len(gateway.delivered)) == (2, 1), "the same message was tried again, and known"


def test_a_wrong_secret_at_the_gateway_is_our_trouble(database, tmp_path, gateway):
    house = open_house(database, tmp_path, **gateway.environment | {"ONECODE_SMS_KEY": "wrong"})
    with TestClient(make_app(house), raise_server_exceptions=False) as http:
        refused(http.post("/v1/sign-in/codes", json={"phone": LI}), 503, "sms-away")
    assert gateway.delivered == []


def test_a_gateway_half_set_up_is_refused_by_name():
    settings = Settings.from_environment({"ONECODE_SMS": "aliyun", "ONECODE_SMS_KEY_ID": "x"})
    with pytest.raises(BadRequest, match="ONECODE_SMS_KEY"):
        gateways.open_sender(settings)


def test_codes_are_limited_by_number_device_and_network(shop, gateway, monkeypatch):
    monkeypatch.setattr(sign_in, "NETWORK", Rate(burst=10, every_s=20))
    for n in range(5):
        assert ask_code(shop, f"+861380013800{n}", device="phone-1").status_code == 204
    refused(ask_code(shop, "+8613800138006", device="phone-1"), 429, "too-many")
    for n in range(5):
        assert ask_code(shop, f"+86138001390{n:02}").status_code == 204
    refused(ask_code(shop, "+8613800138099"), 429, "too-many")


def test_wechat_makes_a_member_and_finds_them_again(shop, wechat):
    assert by_wechat(shop).status_code == 200
    assert by_wechat(shop).status_code == 200
    wechat.person = "wang"
    assert by_wechat(shop).status_code == 200
    assert count(shop, "members") == 2
    with reading(shop.house.engine) as tx:
        rows = tx.execute(text("SELECT kind, sealed, mask FROM member_identifiers")).all()
    assert sorted(row.kind for row in rows) == ["wechat_openid"] * 2 + ["wechat_unionid"] * 2
    assert not any(b"li" in bytes(row.sealed) and b"u-li" in bytes(row.sealed) for row in rows)


def test_wechat_without_a_union_is_found_by_its_openid(shop, wechat):
    wechat.unionids = False
    assert by_wechat(shop).status_code == 200
    wechat.unionids = True
    assert by_wechat(shop).status_code == 200
    assert count(shop, "members") == 1


@pytest.mark.parametrize(
    ("fault", "status", "kind"),
    [
        (40029, 401, "wrong-wechat-code"),
        (40163, 401, "wrong-wechat-code"),
        (42003, 401, "wrong-wechat-code"),
        (45011, 429, "wechat-busy"),
        (45009, 429, "wechat-busy"),
        (40125, 503, "wechat-away"),
        (-1, 503, "wechat-away"),
        ("http500", 503, "wechat-away"),
        ("garbage", 503, "wechat-away"),
    ],
)
def test_a_wechat_on_a_bad_day_is_said(shop, wechat, fault, status, kind):
    wechat.fault = fault
    document = refused(by_wechat(shop), status, kind)
    assert "0123456789abcdef" not in str(document)
    assert count(shop, "members") == 0


def test_a_snapshot_page_signs_nobody_in(shop, wechat):
    wechat.snapshot = True
    refused(by_wechat(shop), 401, "wrong-wechat-code")


def test_a_code_works_once(shop, wechat):
    first = to_wechat(shop)
    assert shop.http.post("/v1/sign-in/wechat", json=first).status_code == 200
    second = to_wechat(shop)
    refused(shop.http.post("/v1/sign-in/wechat", json=second | {"code": first["code"]}), 401, "wrong-wechat-code")


def test_a_state_works_once_in_the_browser_that_began(shop, wechat):
    mine = to_wechat(shop)
    mine_cookie = dict(shop.http.cookies)
    shop.http.cookies.clear()
    refused(shop.http.post("/v1/sign-in/wechat", json=mine), 400, "wrong-state")
    shop.http.cookies.update(mine_cookie)
    refused(shop.http.post("/v1/sign-in/wechat", json=mine), 400, "wrong-state")
    again = to_wechat(shop)
    assert shop.http.post("/v1/sign-in/wechat", json=again).status_code == 200
    refused(shop.http.post("/v1/sign-in/wechat", json=again), 400, "wrong-state")
    assert wechat.asked.count("/sns/oauth2/access_token") == 1, "a wrong state asks nobody"


def test_the_cookie_is_the_browsers_own(shop):
    sent = shop.http.get("/v1/sign-in/wechat", follow_redirects=False)
    said = sent.headers["set-cookie"].lower()
    assert "httponly" in said
    assert "samesite=lax" in said
    assert sent.headers["location"].endswith("#wechat_redirect")


@pytest.mark.parametrize(
    "away", ["//evil.cn", "https://evil.cn", "/\\evil.cn", "/a\r\nSet-Cookie: x", "wallet", "/a#b"]
)
def test_nobody_is_sent_elsewhere(shop, away):
    answer = shop.http.get("/v1/sign-in/wechat", params={"back_to": away}, follow_redirects=False)
    refused(answer, 400, "bad-request")


def test_without_wechat_it_is_said(world):
    refused(world.http.get("/v1/sign-in/wechat", follow_redirects=False), 503, "wechat-not-configured")


def test_a_wechat_member_and_a_phone_member_become_one_and_the_books_stay_true(shop, gateway, wechat):
    phone_token = by_phone(shop, gateway)
    wechat_token = by_wechat(shop).json()["token"]
    first, second = shop.factory.make_case(2)
    for token, item in ((phone_token, first), (wechat_token, second)):
        assert Phone(shop.http, None, LI, "Chengdu", token).scan(item).credited
    before = shop_total(shop)
    merged = by_wechat(shop, token=phone_token).json()["token"]
    assert Phone(shop.http, None, LI, "Chengdu", merged).wallet()["available"] == 20
    assert (shop_total(shop), shop.books()) == (before, [])
    refused(shop.http.get("/v1/me/wallet", headers={"Authorization": f"Bearer {wechat_token}"}), 401, "not-signed-in")
    alone = by_wechat(shop).json()["token"]
    assert Phone(shop.http, None, LI, "Chengdu", alone).wallet()["available"] == 20, "WeChat alone finds the one member"


def shop_total(shop):
    with reading(shop.house.engine) as tx:
        return tx.execute(
            text("SELECT sum(available) FROM balances JOIN accounts ON id = account_id WHERE kind = 'member'")
        ).scalar_one()


def test_a_second_phone_on_the_same_browser_is_a_second_person(shop, gateway):
    first = by_phone(shop, gateway, LI)
    by_phone(shop, gateway, "+8613900139000", token=first)
    assert count(shop, "members") == 2


def test_two_members_with_phones_stay_two(shop, gateway, wechat):
    linked = by_phone(shop, gateway, LI)
    assert by_wechat(shop, token=linked).status_code == 200
    other = by_phone(shop, gateway, "+8613900139000")
    refused(by_wechat(shop, token=other), 409, "cannot-merge")
    assert count(shop, "members") == 2


def test_points_held_at_the_merge_follow(shop, gateway, wechat):
    """Two accounts scan one bottle from two ends of the country; the doubtful points are released after the merge."""
    engine = shop.house.engine
    wechat_token = by_wechat(shop).json()["token"]
    item = shop.factory.make_item()
    stranger = by_phone(shop, gateway, "+8613900139000")
    assert Phone(shop.http, None, "", "Urumqi", stranger).scan(item, claim=False).status == 200
    held = Phone(shop.http, None, LI, "Guangzhou", wechat_token).scan(item)
    assert held.state == "held"
    phone_token = by_phone(shop, gateway)
    merged = by_wechat(shop, token=phone_token).json()["token"]
    (case, *_) = shop.cases()
    shop.settle(case, "false_positive", "release-points")
    with transaction(engine) as tx:
        assert merging.collect(tx, now=clock.now()) == 10
        assert merging.collect(tx, now=clock.now()) == 0
        assert invariants.check_invariants(tx) == []
    assert Phone(shop.http, None, LI, "Chengdu", merged).wallet()["available"] == 10


def test_sessions_are_listed_and_ended_one_by_one_and_all_at_once(world):
    li = world.phone("Li")
    agent = {"User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18) MicroMessenger/8.0"}
    with transaction(world.house.engine) as tx:
        tx.execute(text("UPDATE sign_in_codes SET sent_at = sent_at - interval '1 hour'"))
    assert world.http.post("/v1/sign-in/codes", json={"phone": li.number}).status_code == 204
    body = {"phone": li.number, "code": li.messages.read(li.number)}
    other = world.http.post("/v1/sign-in", json=body, headers=agent).json()["token"]
    there = {"Authorization": f"Bearer {other}"}
    listed = world.http.get("/v1/me/sessions", headers=li.headers).json()
    assert [(one["browser"], one["here"]) for one in listed] == [("WeChat, iPhone", False), ("", True)]
    stranger = world.phone("Wang")
    at = f"/v1/me/sessions/{listed[0]['session_id']}"
    refused(world.http.delete(at, headers=stranger.headers), 404, "not-found")
    assert world.http.delete(at, headers=li.headers).status_code == 204
    refused(world.http.get("/v1/me/wallet", headers=there), 401, "not-signed-in")
    assert world.http.delete("/v1/me/sessions", headers=li.headers).status_code == 204
    assert len(world.http.get("/v1/me/sessions", headers=li.headers).json()) == 1


def test_a_session_ended_in_one_process_is_ended_in_another(world, tmp_path):
    li = world.phone("Li")
    with TestClient(make_app(world.house)) as second:
        standing = second.app.state.edge.standing
        assert second.get("/v1/me/wallet", headers=li.headers).status_code == 200
        assert world.http.delete("/v1/sign-in", headers=li.headers).status_code == 204
        standing.work(now=clock.now())  # What its clock does twice a second.
        assert second.get("/v1/me/wallet", headers=li.headers).status_code == 401


def test_a_child_gets_no_points_until_a_guardian_agrees(world):
    li = world.phone("Li")
    year = clock.now().year
    first, second = world.factory.make_case(2)
    said = world.http.put("/v1/me/birth-year", json={"born_in": year - 10}, headers=li.headers)
    assert said.json() == {"guardian_needed": True}
    refused_claim = li.scan(first)
    assert (refused_claim.verdict, refused_claim.points) == ("genuine", 0)
    refused(
        world.http.put("/v1/me/birth-year", json={"born_in": year - 30}, headers=li.headers), 409, "age-already-said"
    )
    agreed = {"agrees": True, "wording": "我是监护人，同意孩子参加积分活动"}
    assert world.http.put("/v1/me/guardian", json=agreed, headers=li.headers).json() == {"guardian_needed": False}
    assert li.scan(second).credited
    withdrawn = {"agrees": False, "wording": "撤回同意"}
    assert world.http.put("/v1/me/guardian", json=withdrawn, headers=li.headers).status_code == 200
    assert not li.scan(first).credited


def test_a_birthday_is_kept_by_either_calendar_and_must_be_a_day(world):
    li = world.phone("Li")
    put = partial(world.http.put, "/v1/me/birthday", headers=li.headers)
    assert world.http.get("/v1/me/birthday", headers=li.headers).json() is None
    assert put(json={"month": 12, "day": 30, "lunar": True}).status_code == 200
    assert world.http.get("/v1/me/birthday", headers=li.headers).json() == {"month": 12, "day": 30, "lunar": True}
    refused(put(json={"month": 2, "day": 30}), 400, "bad-request")
    refused(put(json={"month": 12, "day": 31, "lunar": True}), 400, "bad-request")
    refused(put(json={"month": 13, "day": 1}), 422, "invalid-body")
    assert put(json={"month": 2, "day": 29}).json()["lunar"] is False


def test_a_grown_up_needs_no_guardian_and_a_year_must_be_believable(world):
    li, year = world.phone("Li"), clock.now().year
    wrong = world.http.put("/v1/me/birth-year", json={"born_in": year + 1}, headers=li.headers)
    refused(wrong, 400, "bad-request")
    said = world.http.put("/v1/me/birth-year", json={"born_in": 1980}, headers=li.headers)
    assert said.json() == {"guardian_needed": False}
    refused(
        world.http.put("/v1/me/guardian", json={"agrees": True, "wording": "x"}, headers=li.headers), 409, "conflict"
    )


def test_who_scans_first_and_signs_in_later_still_gets_the_points(world):
    """Nobody is signed in: the scan says so; the same phone signs in and claims with a scan of its own."""
    item, li = world.factory.make_item(), world.phone("Li", signed_in=False)
    before = li.scan(item)
    assert (before.verdict, before.state) == ("genuine", "sign_in")
    li.sign_in()
    assert li.scan(item).credited
    assert li.wallet()["available"] == 10
