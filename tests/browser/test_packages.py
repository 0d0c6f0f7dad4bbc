"""A package from the first request to the plant's word: asked by one, approved by another, its token shown once."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from foundation import clock
from foundation.database import transaction
from scan_api import auth
from tests.browser.shop import Shop
from tests.browser.test_console import choose, desk, sign_in, sign_out
from tests.codegen import plants

pytestmark = pytest.mark.browser

PASSWORD = "a plant manager's password"


def look(page: Page, name: str) -> None:
    """Keep the screen on both sizes when somebody wants to look at it."""
    if folder := os.environ.get("ONECODE_PICTURES_DIR"):
        for width, height in ((390, 844), (1280, 800)):
            page.set_viewport_size({"width": width, "height": height})
            page.wait_for_timeout(400)
            page.screenshot(path=Path(folder) / f"{name}-{width}.png")


def test_two_people_hand_over_a_package(shop: Callable[..., Shop], chromium: Browser) -> None:
    house = shop("console")
    with transaction(house.stage.house.engine) as tx:
        auth.add_staff(tx, "li", PASSWORD, ("producer",), now=clock.now())
        auth.add_staff(tx, "wang", PASSWORD, ("producer",), now=clock.now())
    with desk(chromium) as page:
        sign_in(page, house, "li", PASSWORD)
        page.wait_for_url("**/runs")
        choose(page, "生产", "码包")
        expect(page.get_by_text("还没有码包")).to_be_visible()
        look(page, "empty-zh")
        page.get_by_label("印刷厂名称").fill("成都印务")
        page.get_by_label("公钥").fill(plants.age().secret)
        page.get_by_role("button", name="登记").click()
        expect(page.get_by_role("alert").filter(has_text="不是可用的公钥")).to_be_visible()
        look(page, "error-zh")
        page.get_by_label("公钥").fill(plants.age().public)
        page.get_by_role("button", name="登记").click()
        page.get_by_role("button", name="申请", exact=True).click()
        page.get_by_role("cell", name="待审批").click()
        expect(page.get_by_text("需要另一位同事审批")).to_be_visible()
        expect(page.get_by_role("button", name="批准")).to_have_count(0)
        where = page.url

        sign_out(page)
        sign_in(page, house, "wang", PASSWORD)
        page.wait_for_url("**/runs")
        page.goto(where)
        page.get_by_role("button", name="批准").click()
        page.get_by_role("button", name="生成加密文件").click()
        page.get_by_label("交付给").fill("赵师傅")
        page.get_by_role("button", name="交付", exact=True).click()
        expect(page.get_by_text("只显示这一次")).to_be_visible()
        look(page, "token-zh")
        page.get_by_role("button", name="已记下").click()
        page.get_by_role("button", name="印刷厂已确认").click()
        expect(page.get_by_text("绝不能印刷")).to_be_visible()
        page.get_by_role("button", name="已记下").click()
        page.get_by_role("button", name="English").click()
        expect(page.get_by_text("Acknowledged", exact=True)).to_be_visible()
        expect(page.get_by_text("赵师傅")).to_be_visible()
        look(page, "package-en")
        page.goto(where.replace("/package/1", "/packages"))
        expect(page.get_by_role("cell", name="成都印务")).to_be_visible()
        look(page, "list-en")
    assert house.audited("package:1") == [
        f"package.{step}" for step in ("request", "approve", "generated", "handed-over", "acknowledged")
    ]
