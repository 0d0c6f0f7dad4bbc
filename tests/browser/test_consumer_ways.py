"""Ways a visit goes besides the usual one: signed in by WeChat, telling where, typing wrong until a puzzle is posed."""

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace

import pytest
from playwright.sync_api import Browser, expect

from antifraud import scan_log
from foundation import clock
from foundation.database import reading
from tests.browser.shop import Shop
from tests.browser.test_consumer_page import LI, phone, sign_in, title
from tests.support.pools import announce
from tests.support.wechat import wechat_server

pytestmark = pytest.mark.browser

WECHAT = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36 MicroMessenger/8.0.50"
CHENGDU = {"latitude": 30.657, "longitude": 104.066, "accuracy": 25}


def test_in_wechat_one_tap_signs_in_and_collects(shop: Callable[..., Shop], chromium: Browser) -> None:
    with wechat_server() as wechat:
        house = shop("api", more=wechat.environment)
        with phone(chromium, user_agent=WECHAT) as li:
            li.goto(house.page_of(house.texts[0]))
            title(li, "正品")
            li.get_by_role("link", name="微信登录").click()
            expect(li.get_by_text("+10 积分")).to_be_visible()
            title(li, "正品")
            assert "state=" not in li.url, "what WeChat gave is spent and gone from the address"
            li.reload()
            expect(li.locator("#available")).to_have_text("10")
        with phone(chromium) as wang:
            wang.goto(house.page_of(house.texts[1]))
            title(wang, "正品")
            expect(wang.get_by_role("link", name="微信登录")).to_have_count(0)


def test_somebody_who_says_no_to_wechat_still_sees_the_verdict(shop: Callable[..., Shop], chromium: Browser) -> None:
    with wechat_server() as wechat:
        house = shop("api", more=wechat.environment)
        wechat.fault = 40163  # The code was used before: an old page opened again.
        with phone(chromium, user_agent=WECHAT, forgive=("400", "401", "422")) as li:
            li.goto(house.page_of(house.texts[0]))
            title(li, "正品")
            li.get_by_role("link", name="微信登录").click()
            title(li, "正品")
            expect(li.get_by_label("手机号")).to_be_visible()


def test_the_place_is_asked_for_once_with_its_reason_and_goes_with_that_scan_only(
    shop: Callable[..., Shop], chromium: Browser
) -> None:
    house = shop("api")
    with phone(chromium) as li:
        li.context.grant_permissions(["geolocation"])
        li.context.set_geolocation(CHENGDU)  # type: ignore[arg-type]
        li.goto(house.page_of(house.texts[0]))
        title(li, "正品")
        expect(li.get_by_text("不提供也可以领取积分")).to_be_visible()
        li.get_by_role("button", name="提供大致位置").click()
        expect(li.get_by_role("button", name="提供大致位置")).to_have_count(0)
        title(li, "正品")
    with reading(house.stage.house.engine) as tx:
        first, second = sorted(scan_log.recent(tx, limit=2), key=lambda one: one.received_at)
    assert (first.method, second.method) == (None, "gps")
    assert second.region == 510100
    assert second.device == first.device


def test_somebody_who_refuses_the_place_is_not_asked_again(shop: Callable[..., Shop], chromium: Browser) -> None:
    house = shop("api")
    with phone(chromium) as li:
        li.goto(house.page_of(house.texts[0]))
        li.get_by_role("button", name="提供大致位置").click()  # A browser without a grant refuses for the person.
        expect(li.get_by_text("没有取得位置，不影响查验和积分")).to_be_visible()
        title(li, "正品")


def test_a_poor_typist_proves_to_be_a_person_and_goes_on(shop: Callable[..., Shop], chromium: Browser) -> None:
    house = shop("api")
    good = house.texts[0][-20:]
    with phone(chromium, forgive=("429",)) as li:
        li.goto(house.stage.api)
        for at in range(6):
            letters = "0" if good[at] != "0" else "1"
            li.get_by_label("扫不出来？输入包装上的字符").fill(good[:at] + letters + good[at + 1 :])
            li.get_by_role("button", name="查验", exact=True).click()
            title(li, "查不到这个码")
        li.wait_for_timeout(1_000)  # The door shuts within a quarter of a second after the sixth.
        with li.expect_response("**/v1/challenges/answers") as proved:
            li.get_by_label("扫不出来？输入包装上的字符").fill(good)
            li.get_by_role("button", name="查验", exact=True).click()
        assert proved.value.ok
        title(li, "正品")


def test_a_prize_is_revealed_by_hand_and_found_again(shop: Callable[..., Shop], chromium: Browser) -> None:
    house = shop("api")
    announce(
        SimpleNamespace(house=house.stage.house, factory=SimpleNamespace(brand=house.stage.brand)),
        ends_at=clock.now() + timedelta(days=1),
    )
    with phone(chromium) as li:
        li.goto(house.page_of(house.texts[0]))
        sign_in(li, house, LI)
        li.get_by_role("button", name="有惊喜，点击揭晓").click()
        expect(li.get_by_text("恭喜获得：积分 +5 积分")).to_be_visible()
        li.goto(f"{house.stage.api}/#/prizes")
        expect(li.get_by_text("积分 ·")).to_be_visible()
        expect(li.get_by_text("+5 积分")).to_be_visible()
        li.goto(f"{house.stage.api}/#/me")
        expect(li.get_by_role("link", name="我的奖品")).to_be_visible()
