"""A buyer's ten seconds: scan, read the verdict, sign in, see the points; in two languages, without scripts."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.shop import Shop, picture

pytestmark = pytest.mark.browser

PHONE = {"width": 390, "height": 844}
LI = "13800138000"
BUDGET_BYTES = 40_000  # A page over a weak 3G link in a shop's cellar.


@contextmanager
def phone(
    chromium: Browser,
    *,
    language: str = "zh-CN",
    scripts: bool = True,
    user_agent: str | None = None,
    forgive: tuple[str, ...] = (),
) -> Iterator[Page]:
    """Somebody's phone. It complains when the page breaks its own rules or asks a third party for anything.

    forgive: statuses the browser may report of requests that are meant to be refused.
    """
    complaints: list[str] = []
    context = chromium.new_context(
        viewport=PHONE, device_scale_factor=1, is_mobile=True, has_touch=True, locale=language,
        timezone_id="Asia/Shanghai", java_script_enabled=scripts, user_agent=user_agent,
    )  # fmt: skip
    page = context.new_page()
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda one: complaints.append(one.url) if "//127.0.0.1:" not in one.url[:20] else None)
    yield page
    context.close()
    meant = tuple(f"status of {status} " for status in forgive)
    real = [said for said in complaints if not said.startswith("data:") and not any(one in said for one in meant)]
    assert real == []


def title(page: Page, words: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(words)


def sign_in(page: Page, shop: Shop, number: str) -> None:
    page.get_by_label("手机号").fill(number)
    page.get_by_role("button", name="获取验证码").click()
    expect(page.get_by_text("验证码已发送")).to_be_visible()
    page.get_by_label("短信验证码").fill(shop.text_message(f"+86{number}"))
    page.get_by_role("button", name="登录", exact=True).click()


def sum_of(sizes: dict[str, int]) -> int:
    """Bytes of an answer on the wire, headers and all, as the browser counted them."""
    return sizes["responseBodySize"] + sizes["responseHeadersSize"]


def test_a_buyer_checks_a_bottle_and_is_paid_once(shop: Callable[..., Shop], chromium: Browser) -> None:
    house = shop("api")
    bottle, other = house.page_of(house.texts[0]), house.page_of(house.texts[1])

    with phone(chromium) as li:
        li.goto(bottle)
        title(li, "正品")
        expect(li.get_by_text("高山乌龙茶")).to_be_visible()
        assert house.texts[0][-20:] not in li.url + li.content(), "neither a copied link nor a script may have the code"
        sign_in(li, house, LI)
        expect(li.locator("#reward")).to_have_text("+10 积分")
        expect(li.locator("#available")).to_have_text("10")
        picture(li, "phone-zh.png")

        li.reload()  # The code has left the address bar; the answer stays, and pays no second time.
        title(li, "正品")
        expect(li.locator("#reward")).to_have_text("+10 积分")
        expect(li.locator("#available")).to_have_text("10")

        li.get_by_role("button", name="English").click()
        title(li, "Genuine")
        expect(li.locator("#reward")).to_have_text("+10 points")
        assert li.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]

        li.goto(bottle)  # The camera again, in the same visit.
        title(li, "Genuine")
        expect(li.locator("#available")).to_have_text("10")

        li.goto(other)
        title(li, "Genuine")
        expect(li.locator("#available")).to_have_text("20")
        li.get_by_role("link", name="Me", exact=True).click()
        li.get_by_role("button", name="Sign out").click()
        title(li, "Genuine")  # What was answered stays; whose points they are is no longer shown.
        expect(li.locator("#balance")).to_have_count(0)

    with phone(chromium, language="en") as wang:
        wang.goto(bottle)
        title(wang, "Points already collected")
        expect(wang.locator("#first")).to_contain_text("First checked")
        expect(wang.locator("#signin")).to_be_hidden()
        picture(wang, "phone-en.png")


def test_every_answer_on_a_phone(shop: Callable[..., Shop], chromium: Browser) -> None:
    house = shop("api")
    bottle = house.texts[2]
    forged = bottle[:-1] + ("0" if bottle[-1] != "0" else "1")

    with phone(chromium) as li:
        received: list[int] = []
        li.on("requestfinished", lambda one: received.append(sum_of(one.sizes())))
        li.goto(house.page_of(bottle), wait_until="networkidle")
        title(li, "正品")
        assert 10_000 < sum(received) < BUDGET_BYTES
        li.goto(house.page_of(forged))
        title(li, "查不到这个码")
        li.goto(house.page_of(house.asleep))
        title(li, "尚未启用")

    with phone(chromium) as wang:
        wang.goto(f"{house.stage.api}/")
        title(wang, "查验商品")
        wang.get_by_label("扫不出来").fill(f"  {bottle[-20:].lower()} ")
        wang.get_by_role("button", name="查验").click()
        title(wang, "正品，已查验过")

    with phone(chromium, scripts=False) as old:
        old.goto(house.page_of(bottle))
        title(old, "正品，已查验过")
        assert "您的浏览器没有运行脚本" in (old.locator("noscript").text_content() or "")
        expect(old.get_by_role("textbox")).to_have_count(0)  # Nothing is offered that would not work.
        old.goto(house.page_of(forged))
        title(old, "查不到这个码")
