"""An analyst's morning: a copied code waits in the queue, is looked at, taken and decided; others see nothing of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from playwright.sync_api import Browser, Page, TimeoutError, expect

from foundation import clock
from foundation.database import transaction
from scan_api import auth
from tests.browser.shop import Shop, picture

pytestmark = pytest.mark.browser

DESK = {"width": 1280, "height": 800}
FROZEN = ["case.take", "action.propose", "action.take", "case.decide"]  # Freezing is an action that can be undone.
GUEST_PASSWORD = "a guest may look at nothing"


@contextmanager
def desk(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(viewport=DESK, locale="zh-CN", timezone_id="Asia/Shanghai")
    complaints: list[str] = []
    page = context.new_page()
    page.set_default_timeout(8000)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda one: complaints.append(one.url) if one.url.startswith("https:") else None)
    yield page
    context.close()
    assert complaints == []


def sign_in(page: Page, shop: Shop, name: str, password: str) -> None:
    page.goto(f"{shop.stage.console}/sign-in")
    page.get_by_label("用户名").fill(name)
    page.get_by_label("密码").fill(password)
    page.get_by_role("button", name="登录").click()


def choose(page: Page, menu: str, link: str) -> None:
    """Open a menu and go where the link leads; a page that loads itself anew meanwhile closes its menus."""
    wanted = page.get_by_role("link", name=link)
    for _ in range(4):
        page.get_by_role("button", name=menu).click()
        with suppress(TimeoutError):
            wanted.wait_for(timeout=3000)
            break
    wanted.click()


def sign_out(page: Page) -> None:
    """Waits for the console's own move to the sign-in page, which would abort a visit begun meanwhile."""
    page.get_by_role("button", name="退出").click()
    page.wait_for_url("**/sign-in")
    expect(page.get_by_label("用户名")).to_be_visible()


def test_an_analyst_decides_the_case_of_a_copied_code(shop: Callable[..., Shop], chromium: Browser) -> None:
    house = shop("api", "console")
    with desk(chromium) as page:
        sign_in(page, house, "demo", house.stage.password)
        expect(page.get_by_text("没有待处理的案件")).to_be_visible()
        house.copied(house.texts[0])
        page.get_by_role("cell", name="同码异地").click()

        expect(page.get_by_text("很可能存在复制码")).to_be_visible()
        expect(page.get_by_text("成都市 → 乌鲁木齐市")).to_be_visible()
        expect(page.locator("path.leaflet-interactive").nth(30)).to_be_attached()  # Provinces, and discs over them.
        for event in ("发放", "已激活", "装箱", "发货", "首次查验"):
            expect(page.locator(".q-timeline").get_by_text(event, exact=True)).to_be_visible()
        for raw in ("first_seen", "case.take", "{holds}", "CLN_", "sscc:", "dealer_id"):
            expect(page.get_by_text(raw)).to_have_count(0)
        picture(page, "console-case-zh.png")

        page.get_by_role("button", name="领取", exact=True).click()
        page.get_by_role("radio", name="确认有风险").click()
        page.get_by_role("checkbox", name="冻结码").click()
        page.get_by_role("button", name="提交决定").click()
        expect(page.get_by_role("alert")).to_contain_text("请写一句理由")
        page.get_by_label("理由").fill("两地相距两千多公里，判定为复制码。")
        page.get_by_role("button", name="提交决定").click()
        expect(page.get_by_text("已结案 · ")).to_be_visible()
        expect(page.get_by_text("demo · 提交决定")).to_be_visible()
        assert house.audited(f"case:{page.url.rsplit('/', 1)[-1]}") == FROZEN

        house.copied(house.texts[1])
        page.get_by_role("button", name="English").click()
        page.get_by_role("link", name="Case queue").click()
        expect(page.get_by_role("cell", name="One code, two places")).to_be_visible()
        picture(page, "console-queue-en.png")


def test_who_may_not_look_sees_nothing(shop: Callable[..., Shop], chromium: Browser) -> None:
    house = shop("api", "console")
    house.copied(house.texts[0])
    with transaction(house.stage.house.engine) as tx:
        auth.add_staff(tx, "guest", GUEST_PASSWORD, (), now=clock.now())
        auth.add_staff(tx, "plant", GUEST_PASSWORD, ("operator",), now=clock.now())
    with desk(chromium) as page:
        page.goto(f"{house.stage.console}/case/1")
        page.wait_for_url("**/sign-in")
        sign_in(page, house, "demo", "not the password")
        expect(page.get_by_text("用户名或密码不对")).to_be_visible()

        sign_in(page, house, "guest", GUEST_PASSWORD)
        expect(page.get_by_text("没有此页面的权限")).to_be_visible()
        page.goto(f"{house.stage.console}/case/1")
        expect(page.get_by_text("没有此页面的权限")).to_be_visible()
        expect(page.get_by_text("证据")).to_have_count(0)

        sign_out(page)
        sign_in(page, house, "plant", GUEST_PASSWORD)
        expect(page.get_by_role("heading", name="产线")).to_be_visible()
        page.goto(f"{house.stage.console}/case/1")
        expect(page.get_by_text("没有此页面的权限")).to_be_visible()
        expect(page.get_by_text("证据")).to_have_count(0)


def test_a_row_is_a_link_and_needs_no_connection(shop: Callable[..., Shop], chromium: Browser) -> None:
    house = shop("api", "console")
    house.copied(house.texts[0])
    with desk(chromium) as page:
        sign_in(page, house, "demo", house.stage.password)
        row = page.get_by_role("link", name="同码异地")
        address = row.get_attribute("href")
        assert address is not None
        assert address.startswith("/case/")
        page.route("**/socket.io/**", lambda asked: asked.abort())
        page.route_web_socket("**/socket.io/**", lambda asked: asked.close())
        page.reload()
        page.get_by_role("cell", name="商品 1-1").click()
        page.wait_for_url(f"**{address}")
        page.set_viewport_size({"width": 390, "height": 844})
        page.goto(house.stage.console)
        row.click()
        page.wait_for_url(f"**{address}")
