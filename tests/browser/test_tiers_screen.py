"""The ladder of tiers on the screen: a level added and refused, drafted by one person, put in force by another."""

from collections.abc import Callable
from uuid import UUID

import pytest
from playwright.sync_api import Browser, Page, expect

from foundation import clock
from foundation.database import reading, transaction
from loyalty import tiers
from tests.browser.shop import Shop
from tests.browser.test_console import desk, sign_in
from tests.browser.test_marketing import PASSWORD, fits, swap, two_marketers
from tests.browser.test_packages import look

pytestmark = pytest.mark.browser


def add_level(page: Page) -> None:
    """Another level at the end, there to be filled."""
    there = page.get_by_label("代号（小写字母）").count()
    page.get_by_role("button", name="添加一级").click()
    expect(page.get_by_label("代号（小写字母）")).to_have_count(there + 1)


def test_the_next_ladder_is_drafted_and_put_in_force_by_another(shop: Callable[..., Shop], chromium: Browser) -> None:
    house = shop("console")
    two_marketers(house)
    with transaction(house.stage.house.engine) as tx:
        for n, growth in enumerate((10, 700, 2500), 1):
            tiers.credit(tx, UUID(int=n), key=str(n), growth=growth, now=clock.now())
    where = f"{house.stage.console}/tiers"
    with desk(chromium) as page:
        sign_in(page, house, "mei", PASSWORD)
        page.wait_for_url("**/campaigns")
        page.goto(where)
        expect(page.get_by_text("起草下一版等级")).to_be_visible()
        add_level(page)
        page.get_by_label("代号（小写字母）").last.fill("black")
        page.get_by_label("成长值达到").last.fill("100")
        page.get_by_role("button", name="保存草稿").click()
        expect(page.get_by_role("alert").filter(has_text="both languages")).to_be_visible()
        page.get_by_label("中文名称").last.fill("黑金会员")
        page.get_by_label("英文名称").last.fill("Black")
        page.get_by_role("button", name="保存草稿").click()
        expect(page.get_by_role("alert").filter(has_text="more growth than diamond")).to_be_visible()
        look(page, "tiers-error-zh")
        page.get_by_label("成长值达到").last.fill("9000")
        page.get_by_label("成长值达到").nth(1).fill("600")
        page.get_by_role("button", name="去掉这一级").nth(1).click()
        page.get_by_role("button", name="保存草稿").click()
        expect(page.get_by_text("需要另一位同事审批")).to_be_visible()
        swap(page, house, "lan", where)
        page.get_by_role("button", name="批准并启用").click()
        expect(page.get_by_role("alert").filter(has_text="stand on gold")).to_be_visible()
        add_level(page)  # The level members stand on comes back, as the last.
        for label, value in (
            ("代号（小写字母）", "gold"),
            ("中文名称", "金牌会员"),
            ("英文名称", "Gold"),
            ("成长值达到", "20000"),
        ):
            page.get_by_label(label).last.fill(value)
        page.get_by_role("button", name="保存草稿").click()
        expect(page.get_by_text("需要另一位同事审批")).to_be_visible()
        swap(page, house, "mei", where)
        look(page, "tiers-draft-zh")
        page.get_by_role("button", name="批准并启用").click()
        expect(page.get_by_text("起草下一版等级")).to_be_visible()
        expect(page.get_by_role("cell", name="黑金会员")).to_be_visible()
        page.get_by_role("button", name="English").click()
        expect(page.get_by_text("Draft the next ladder")).to_be_visible()
        look(page, "tiers-en")
        fits(page)
    with reading(house.stage.house.engine) as tx:
        scheme = tiers.in_force(tx)
    assert [one.tier for one in scheme.levels] == ["regular", "silver", "diamond", "black", "gold"]
    assert dict(scheme.levels[1].needs) == {"growth": 600}
    assert house.audited("tiers") == ["tiers.draft", "tiers.draft", "tiers.publish"]
