"""What a member does with points on the page: check in, invite, redeem, see the tier; in both languages."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, expect

from foundation import clock
from foundation.database import transaction
from loyalty import rewards
from tests.browser.shop import Shop
from tests.browser.test_consumer_page import phone, sign_in
from tests.browser.test_consumer_screens import fits, seen

pytestmark = pytest.mark.browser

COUPON = {"kind": "fixed", "off_fen": 500, "days": 30}


def offer(house: Shop, **terms: object) -> None:
    now = clock.now()
    with transaction(house.stage.house.engine) as tx:
        made = rewards.draft(tx, **terms, starts_at=now - timedelta(hours=1), by="Zhao", now=now)
        rewards.publish(tx, made.id, by="Qian", now=now)


def test_a_member_checks_in_and_redeems_a_coupon(shop: Callable[..., Shop], chromium: Browser) -> None:
    house = shop("api")
    offer(house, kind="coupon", name_zh="五元券", name_en="5 yuan coupon", points=12, stock=1, coupon=COUPON)
    offer(house, kind="goods", name_zh="茶杯", name_en="Tea cup", points=500, cash_fen=990)
    with phone(chromium) as li:
        li.goto(house.page_of(house.texts[0]))
        sign_in(li, house, "13800138001")
        expect(li.locator("#available")).to_have_text("10")
        li.get_by_role("button", name="签到").click()
        expect(li.get_by_text("签到 +5，连续 1 天")).to_be_visible()
        li.get_by_role("link", name="积分", exact=True).click()
        expect(li.get_by_text("会员等级 · 普通会员")).to_be_visible()
        expect(li.get_by_text("还差 490 到银牌会员")).to_be_visible()
        expect(li.get_by_text("每日签到")).to_be_visible()
        seen(li, "tier-zh")
        fits(li)
        li.get_by_role("link", name="兑换", exact=True).click()
        expect(li.get_by_text("积分不足")).to_be_visible()
        seen(li, "rewards-zh")
        li.get_by_role("button", name="兑换").click()
        li.get_by_role("button", name="确定兑换").click()
        expect(li.get_by_text("兑换成功")).to_be_visible()
        code = li.locator(".code").inner_text()
        assert len(code) == 17
        seen(li, "redeemed-zh")
        fits(li)
        li.get_by_role("button", name="English").click()
        expect(li.get_by_role("heading", level=1)).to_have_text("Rewards")
        expect(li.get_by_text("Sold out")).to_be_visible()
        expect(li.get_by_text(code)).to_be_visible()
        seen(li, "rewards-en")
        li.get_by_role("link", name="Points", exact=True).click()
        expect(li.locator("#available")).to_have_text("3")
        seen(li, "tier-en")


def test_a_friend_uses_the_code_once(shop: Callable[..., Shop], chromium: Browser) -> None:
    house = shop("api")
    with phone(chromium, forgive=("409",)) as li:
        li.goto(house.page_of(house.texts[0]))
        sign_in(li, house, "13800138002")
        li.get_by_role("link", name="我的", exact=True).click()
        li.get_by_role("link", name="邀请好友").click()
        code = li.locator(".code").inner_text()
        assert len(code) == 8
        li.get_by_label("填写好友的邀请码").fill(code)
        li.get_by_role("button", name="提交").click()
        expect(li.get_by_text("不能邀请自己")).to_be_visible()
        seen(li, "referral-refused")
        fits(li)
