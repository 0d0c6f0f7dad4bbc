"""A marketer hangs a link on a product, sees what a program is told of it, is refused in one sentence, withdraws."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, expect

from foundation import clock
from foundation.database import transaction
from scan_api import auth, demo
from tests.browser.shop import Shop
from tests.browser.test_console import choose, desk, sign_in
from tests.browser.test_packages import look

pytestmark = pytest.mark.browser

PASSWORD = "a marketer's password"
TEA = demo.PRODUCTS[0][0]
HREF = "https://www.shanquan.example.cn/products/tea?from=pack"


def test_a_marketer_hangs_and_withdraws_a_link(shop: Callable[..., Shop], chromium: Browser) -> None:
    house = shop("api", "console")
    with transaction(house.stage.house.engine) as tx:
        auth.add_staff(tx, "mei", PASSWORD, ("marketer",), now=clock.now())
    with desk(chromium) as page, house.people() as http:
        sign_in(page, house, "mei", PASSWORD)
        choose(page, "营销", "链接")
        expect(page.get_by_text("还没有链接")).to_be_visible()
        look(page, "links-empty-zh")
        page.get_by_label("挂在").fill("/01/06901234567893")
        page.get_by_label("通向").fill(HREF)
        page.get_by_label("标题").fill("云雾绿茶的故事")
        page.get_by_role("button", name="添加链接").click()
        expect(page.get_by_role("alert").filter(has_text="其中一个标识符的值不对")).to_be_visible()
        look(page, "links-error-zh")
        page.get_by_label("挂在").fill(f"/01/{TEA}")
        page.get_by_role("button", name="添加链接").click()
        expect(page.get_by_role("cell", name=f"/01/{TEA}")).to_be_visible()
        page.get_by_label("数字链接").fill(f"/01/{TEA}/10/L7")
        page.get_by_role("button", name="查看").click()
        expect(page.locator(".nicegui-code").get_by_text(HREF)).to_be_visible()
        look(page, "links-full-zh")
        asked = {"params": {"linkType": "gs1:pip"}, "follow_redirects": False}
        assert http.get(f"/01/{TEA}", **asked).headers["location"] == HREF
        page.get_by_role("button", name="English").click()
        page.get_by_role("cell", name=f"/01/{TEA}").click()
        page.wait_for_url("**/link/*")
        look(page, "link-en")
        where = page.url
        page.get_by_role("button", name="Withdraw this link").click()
        expect(page.get_by_role("cell", name="Withdrawn")).to_be_visible()
        assert http.get(f"/01/{TEA}", **asked).headers.get("location") != HREF
        page.goto(where)
        expect(page.get_by_text("云雾绿茶的故事").first).to_be_visible()
        expect(page.get_by_role("button", name="Withdraw this link")).to_have_count(0)
        page.goto(f"{house.stage.console}/link/999")
        expect(page.get_by_text("There is nothing here")).to_be_visible()
    assert house.audited("link:1") == ["link.add", "link.withdraw"]
