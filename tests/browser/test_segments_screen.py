"""Segments on the screen: a rule that is read while it is typed, foreseen, put in force by another, retired."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, expect

from foundation import clock
from foundation.database import transaction
from loyalty import members, segments
from loyalty.members import MemberKeys
from tests.browser.shop import Shop
from tests.browser.test_console import desk, sign_in
from tests.browser.test_marketing import PASSWORD, fits, swap, two_marketers
from tests.browser.test_packages import look

pytestmark = pytest.mark.browser


def test_a_segment_is_written_approved_and_retired(shop: Callable[..., Shop], chromium: Browser) -> None:
    house = shop("console")
    two_marketers(house)
    keys = MemberKeys.derive(house.stage.house.purpose_key)
    with transaction(house.stage.house.engine) as tx:
        for digit in range(3):
            members.find_or_create(tx, phone=f"1380013800{digit}", keys=keys, now=clock.now())
    with desk(chromium) as page:
        sign_in(page, house, "mei", PASSWORD)
        page.wait_for_url("**/campaigns")
        page.goto(f"{house.stage.console}/segments")
        expect(page.get_by_text("还没有分群")).to_be_visible()
        page.get_by_label("代号（字母、数字、短横线）").fill("new-ones")
        page.get_by_label("中文名称").fill("新会员")
        page.get_by_label("英文名称").fill("New members")
        page.get_by_role("button", name="保存草稿").click()
        expect(page.get_by_role("alert").filter(has_text="Write the rule")).to_be_visible()
        page.get_by_role("textbox", name="规则").fill("joined_days < 7 and luck > 3")
        expect(page.get_by_text("luck").last).to_be_visible()
        look(page, "segments-error-zh")
        page.get_by_role("textbox", name="规则").fill("joined_days < 7")
        page.get_by_role("button", name="保存草稿").click()
        expect(page.get_by_text("查看的 3 名会员中 3 名")).to_be_visible()
        expect(page.get_by_text("需要另一位同事审批")).to_be_visible()
        swap(page, house, "lan", page.url)
        look(page, "segment-draft-zh")
        page.get_by_role("button", name="批准并启用").click()
        expect(page.get_by_text("使用中").first).to_be_visible()
        with transaction(house.stage.house.engine) as tx:
            segments.sweep(tx, now=clock.now())
        page.goto(f"{house.stage.console}/segments")
        expect(page.get_by_role("cell", name="3", exact=True)).to_be_visible()
        page.get_by_role("button", name="English").click()
        expect(page.get_by_text("A new segment")).to_be_visible()
        look(page, "segments-en")
        fits(page)
        page.get_by_role("link", name="New members").click()
        page.get_by_role("button", name="Retire").click()
        expect(page.get_by_text("Retired").first).to_be_visible()
        page.goto(f"{house.stage.console}/segment/new-ones.9")
        expect(page.get_by_text("There is nothing here")).to_be_visible()
    assert house.audited("segment:new-ones") == ["segments.draft", "segments.publish", "segments.retire"]
