"""The rest of the page: what it weighs, what a refused buyer does, a member's screens; small, dark and read out."""

import io
import os
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.browser.shop import Shop, picture
from tests.browser.test_console import choose, desk
from tests.browser.test_console import sign_in as sign_in_to_console
from tests.browser.test_consumer_page import BUDGET_BYTES, phone, sign_in, title

pytestmark = pytest.mark.browser

SMALL = {"width": 360, "height": 740}
TABS = {"积分": "积分", "我的": "我的"}


def seen(page: Page, name: str) -> None:
    """For whoever looks at the screens by hand: ONECODE_SEEN=<folder> keeps every one of them."""
    if folder := os.environ.get("ONECODE_SEEN"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def fits(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]


def photo(colour: tuple[int, int, int]) -> dict[str, object]:
    out = io.BytesIO()
    Image.new("RGB", (3000, 2000), colour).save(out, "JPEG")
    return {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": out.getvalue()}


def test_the_page_is_light_on_the_worst_network(
    shop: Callable[..., Shop], chromium: Browser, record_property: Callable[[str, object], None]
) -> None:
    """400 kbit/s, 400 ms, a processor four times slower. What is asserted is what was transferred, not a time."""
    house = shop("api")
    with phone(chromium) as li:
        control = li.context.new_cdp_session(li)
        received: dict[str, int] = {}
        control.on("Network.loadingFinished", lambda one: received.update({one["requestId"]: one["encodedDataLength"]}))
        control.send("Network.enable")
        slow = {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000}
        control.send("Network.emulateNetworkConditions", slow)
        control.send("Emulation.setCPUThrottlingRate", {"rate": 4})
        li.goto(house.page_of(house.texts[0]), wait_until="networkidle")
        title(li, "正品")
        painted = li.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        weight = sum(received.values())
        record_property("first_contentful_paint_ms", round(painted))
        record_property("transferred_bytes", weight)
        assert painted > 0
        assert 10_000 < weight < BUDGET_BYTES
        kinds = li.evaluate("performance.getEntriesByType('resource').map(e => e.initiatorType).sort()")
        assert kinds == ["fetch", "script"], "one script, one scan, and nothing else"


def test_the_script_is_kept_for_ever_under_its_own_name(shop: Callable[..., Shop]) -> None:
    house = shop("api")
    with house.people() as http:
        page = http.get("/", headers={"Accept-Encoding": "gzip"})
        name = page.text.split('src="/web/')[1].split('"')[0]
        script = http.get(f"/web/{name}")
        assert "immutable" in script.headers["cache-control"]
        assert (page.headers["content-encoding"], script.headers["content-encoding"]) == ("gzip", "gzip")
        assert "unsafe-inline" not in page.headers["content-security-policy"]
        assert http.get("/web/page.000000000000.js").status_code == 404


def test_a_link_copied_from_the_page_is_worth_nothing(shop: Callable[..., Shop], chromium: Browser) -> None:
    house = shop("api")
    with phone(chromium) as li:
        li.goto(house.page_of(house.texts[0]))
        title(li, "正品")
        copied = li.url
        assert li.evaluate("document.referrer") == ""
    with phone(chromium) as wang:
        wang.goto(copied)
        title(wang, "查验商品")


def test_a_refused_buyer_appeals_in_two_taps_and_is_paid(shop: Callable[..., Shop], chromium: Browser) -> None:
    house = shop("api", "console")
    bottle = house.page_of(house.texts[0])
    with phone(chromium) as li:
        li.goto(bottle)
        sign_in(li, house, "13800138000")
        expect(li.locator("#reward")).to_have_text("+10 积分")
    with phone(chromium) as wang, desk(chromium) as page:
        wang.goto(bottle)
        title(wang, "积分已被领取")
        seen(wang, "claimed-zh")
        picture(wang, "phone-claimed-zh.png")
        wang.get_by_role("link", name="申诉").click()
        sign_in(wang, house, "13900139000")
        expect(wang.get_by_text("请人工核实")).to_be_visible()
        seen(wang, "appeal-empty")
        wang.get_by_label("拍包装").set_input_files(photo((20, 120, 60)))
        wang.get_by_label("拍小票").set_input_files(photo((240, 240, 230)))
        expect(wang.get_by_text("申诉处理中")).to_be_visible()
        seen(wang, "appeal-open")

        sign_in_to_console(page, house, "demo", house.stage.password)
        page.get_by_role("cell", name="消费者申诉").click()
        expect(page.get_by_role("img", name="小票")).to_be_visible()
        expect(page.get_by_text("消费者对结果")).to_be_visible()
        page.get_by_role("button", name="领取", exact=True).click()
        page.get_by_role("radio", name="误报").click()
        page.get_by_role("checkbox", name="通过申诉并补发积分").click()
        page.get_by_label("理由").fill("照片与记录一致。")
        seen(page, "console-appeal")
        picture(page, "console-appeal-zh.png")
        page.get_by_role("button", name="提交决定").click()
        expect(page.get_by_text("已结案 · ")).to_be_visible()

        wang.reload()
        expect(wang.get_by_text("申诉通过，已补发 10 积分。")).to_be_visible()
        wang.get_by_role("link", name="积分", exact=True).click()
        expect(wang.locator("#available")).to_have_text("10")
        seen(wang, "wallet")

        # A pack whose code cannot be read at all: the same two photos, and the reviewer says what they show.
        wang.goto(f"{house.stage.api}/#/")
        wang.get_by_role("button", name="请人工核实").click()
        wang.get_by_label("拍包装").set_input_files(photo((20, 120, 60)))
        wang.get_by_label("拍小票").set_input_files(photo((240, 240, 230)))
        expect(wang.get_by_text("申诉处理中")).to_be_visible()
        page.goto(f"{house.stage.console}/")
        page.get_by_role("cell", name="消费者申诉：查不到的码").click()
        page.get_by_role("button", name="领取", exact=True).click()
        page.get_by_role("radio", name="误报").click()
        page.get_by_role("checkbox", name="通过申诉并补发积分").click()
        page.get_by_label("理由").fill("包装是正品，码被刮花。")
        page.get_by_role("button", name="提交决定").click()
        expect(page.get_by_text("请选择照片中的商品。")).to_be_visible()
        page.get_by_label("照片中的商品").click()
        page.get_by_role("option").first.click()
        seen(page, "console-appeal-unknown")
        page.get_by_role("button", name="提交决定").click()
        expect(page.get_by_text("已结案 · ")).to_be_visible()
        wang.reload()
        expect(wang.get_by_text("申诉通过，已补发 10 积分。")).to_be_visible()


def test_a_members_screens_on_a_small_phone(shop: Callable[..., Shop], chromium: Browser) -> None:
    house = shop("api")
    with phone(chromium) as li:
        li.set_viewport_size(SMALL)
        li.goto(f"{house.stage.api}/#/wallet")
        expect(li.get_by_text("登录后可查看积分和兑换")).to_be_visible()
        seen(li, "wallet-signed-out")
        li.goto(house.page_of(house.texts[1]))
        sign_in(li, house, "13800138000")
        expect(li.locator("#reward")).to_have_text("+10 积分")
        seen(li, "genuine-paid")
        li.get_by_role("link", name="商品故事").click()
        expect(li.get_by_text("发往四川省")).to_be_visible()
        seen(li, "story")
        for tab in ("积分", "我的"):
            li.get_by_role("link", name=tab, exact=True).click()
            expect(li.get_by_role("heading", level=1)).to_have_text(TABS[tab])
            fits(li)
        for name, words in (("我的查验", "已到账"), ("登录的设备", "本机"), ("隐私与授权", "注销账户")):
            li.get_by_role("link", name="我的", exact=True).click()
            li.get_by_role("link", name=name).click()
            expect(li.get_by_text(words).first).to_be_visible()
            if name == "我的查验":
                li.get_by_role("button", name="积分说明").first.click()
                expect(li.get_by_text("· 已发放")).to_be_visible()
            seen(li, name)
            fits(li)
        li.get_by_role("checkbox").first.click()
        expect(li.get_by_text("已保存。")).to_be_visible()
        li.get_by_role("button", name="查看我的全部数据").click()
        expect(li.get_by_role("textbox", name="查看我的全部数据")).to_have_value(re.compile(r"\+8613800138000"))
        born, birthday = (li.locator("form").filter(has_text=words) for words in ("出生年份", "农历"))
        birthday.get_by_role("textbox").fill("12-30")
        birthday.get_by_role("checkbox").check()
        birthday.get_by_role("button").click()
        expect(birthday.get_by_role("alert")).to_have_text("已保存。")
        seen(li, "birthday")
        born.get_by_role("textbox").fill("2020")
        born.get_by_role("button").click()
        expect(li.get_by_text("需要监护人同意")).to_be_visible()
        li.get_by_role("button", name="同意", exact=True).click()
        li.get_by_role("button", name="注销账户").click()
        li.get_by_role("button", name="确定注销").click()
        expect(li.get_by_text("账户已注销。")).to_be_visible()


def test_dark_large_and_read_out(shop: Callable[..., Shop], chromium: Browser) -> None:
    house = shop("api")
    with phone(chromium, language="en") as li:
        li.set_viewport_size(SMALL)
        li.emulate_media(color_scheme="dark")
        li.goto(house.page_of(house.texts[2]))
        title(li, "Genuine")
        seen(li, "dark-en")
        tree = li.locator("body").aria_snapshot()
        parts = ("banner", "main", "status", 'heading "Genuine" [level=1]', 'navigation "Navigation"', "Phone number")
        for part in parts:
            assert part in tree, part
        assert "seal" not in tree
        li.evaluate("document.documentElement.style.fontSize = '200%'")
        fits(li)
        seen(li, "large-en")
        li.goto(house.page_of(house.asleep))
        title(li, "Not active yet")
        li.goto(house.page_of(house.texts[3][:-1] + ("0" if house.texts[3][-1] != "0" else "1")))
        title(li, "Code not found")
        seen(li, "unknown-en")


def test_each_verdict_has_a_shape_of_its_own_without_scripts(shop: Callable[..., Shop], chromium: Browser) -> None:
    house = shop("api")
    with phone(chromium, scripts=False) as old:
        old.goto(house.page_of(house.texts[0]))
        title(old, "正品")
        seen(old, "no-scripts")
        expect(old.locator("#seal")).to_have_attribute("href", "#seal-genuine")
        shapes = old.locator("symbol").evaluate_all("all => all.map(one => one.innerHTML)")
        assert len(set(shapes)) == len(shapes) >= 9
        assert old.locator("nav").is_hidden()


def test_a_brand_words_a_verdict_and_sees_it_first(shop: Callable[..., Shop], chromium: Browser) -> None:
    house = shop("api", "console")
    with desk(chromium) as page:
        sign_in_to_console(page, house, "demo", house.stage.password)
        choose(page, "营销", "扫码文案")
        page.get_by_label("中文标题").first.fill("好酒，放心喝")
        expect(page.get_by_text("好酒，放心喝").last).to_be_visible()
        seen(page, "console-texts")
        picture(page, "console-texts-zh.png")
        page.get_by_role("button", name="保存").first.click()
        expect(page.get_by_role("button", name="恢复默认")).to_be_visible()
        assert house.audited("verdict-texts") == ["text.change"]
    with house.people() as http:  # Another process, which reads the words again every few seconds.
        path = house.page_of(house.texts[0])
        said = (time.sleep(0.3) or http.get(path).text for _ in range(40))
        assert any("好酒，放心喝" in page for page in said)
