"""The handheld's page, driven as its reader types: pack, refuse, replace, close by the label that was read back."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from codegen import keys as keyring
from codegen import runs, spans
from foundation import clock
from foundation.database import reading, transaction
from tests.browser.shop import Shop, picture
from tests.browser.test_console import sign_in
from tests.browser.test_consumer_screens import phone

pytestmark = pytest.mark.browser


def scan(page: Page, text: str) -> None:
    page.get_by_label("扫描瓶码").fill(text)
    page.keyboard.press("Enter")


def seen(page: Page, name: str) -> None:
    if folder := os.environ.get("ONECODE_SEEN"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def fresh_bottles(house: Shop, count: int) -> list[str]:
    """Codes of bottles the line has passed, in no case."""
    engine, now = house.stage.house.engine, clock.now()
    with reading(engine) as tx:
        old = next(iter(runs.load_index(tx)))
    with transaction(engine) as tx:
        run = runs.issue(
            tx, brand_id=old.brand_id, gtin=old.gtin, count=count, order_id="PO-REWORK", profile=old.profile,
            inner=False, produced_on=None, expires_at=None, now=now,
        )  # fmt: skip
        spans.commission(tx, [(run.first, run.end)], by="line 1", now=now)
        return list(runs.export(run, keyring.load_ring(tx, house.stage.house.keys)))


def test_a_case_is_made_mended_and_closed_with_a_handheld(shop: Callable[..., Shop], chromium: Browser) -> None:
    house = shop("console")
    bottles = fresh_bottles(house, 5)
    with phone(chromium) as page:
        sign_in(page, house, "demo", house.stage.password)
        expect(page.get_by_role("button", name="退出")).to_be_visible()
        page.goto(f"{house.stage.console}/rework")
        seen(page, "rework-empty")
        for text in bottles[:3]:
            scan(page, text)
            expect(page.get_by_role("status")).to_contain_text("没有装箱")
        expect(page.get_by_text("已扫 3 瓶")).to_be_visible()
        page.get_by_role("button", name="装成新箱").click()
        expect(page.get_by_role("status")).to_contain_text("已装入 3 件")
        expect(page.get_by_text("内含 3 瓶")).to_be_visible()
        seen(page, "rework-case")

        scan(page, "HTTPS://EVIL.CN/01/1")
        expect(page.get_by_role("status")).to_contain_text("不是本品牌的码")
        seen(page, "rework-refused")
        scan(page, bottles[2])
        scan(page, bottles[3])
        picture(page, "rework-zh.png")
        page.get_by_role("button", name="换瓶").click()
        expect(page.get_by_role("status")).to_contain_text("已换瓶")

        page.get_by_role("button", name="封箱").click()
        expect(page.get_by_role("status")).to_contain_text("再扫一次")
        scan(page, "(00)006901234000007772")
        expect(page.get_by_role("status")).to_contain_text("标签不是这个包装的")
        page.get_by_role("button", name="封箱").click()
        sscc = page.get_by_role("link", name="打印标签").get_attribute("href").rpartition("/")[2]
        scan(page, f"(00){sscc}")
        expect(page.get_by_role("status")).to_contain_text("已封箱")
        expect(page.get_by_text("箱 · 已封")).to_be_visible()
        scan(page, bottles[4])
        page.get_by_role("button", name="装入").click()
        expect(page.get_by_role("status")).to_contain_text("先开封")

        page.goto(f"{house.stage.console}/rework/label/{sscc}")
        expect(page.get_by_alt_text(f"SSCC {sscc}")).to_be_visible()
        seen(page, "rework-label")
        page.goto(f"{house.stage.console}/rework/label/006901234000007772")
        expect(page.get_by_text("没有这个箱或托盘")).to_be_visible()


def test_a_pallet_is_built_and_undone_in_english(shop: Callable[..., Shop], chromium: Browser) -> None:
    house = shop("console")
    bottles = fresh_bottles(house, 2)
    with phone(chromium) as page:
        sign_in(page, house, "demo", house.stage.password)
        expect(page.get_by_role("button", name="退出")).to_be_visible()
        page.goto(f"{house.stage.console}/rework")
        page.get_by_role("button", name="English").click()
        field = page.get_by_label("Scan a bottle")
        made = []
        for text in bottles:
            field.fill(text)
            page.keyboard.press("Enter")
            page.get_by_role("button", name="Pack a new case").click()
            expect(page.get_by_text("bottles inside: 1")).to_be_visible()
            made.append(page.get_by_role("link", name="Print the label").get_attribute("href").rpartition("/")[2])
            page.get_by_role("button", name="Start over").click()
        for sscc in made:
            field.fill(sscc)
            page.keyboard.press("Enter")
            expect(page.get_by_role("status")).to_contain_text(sscc[:6])
        seen(page, "rework-two-cases-en")
        page.get_by_role("button", name="Build a new pallet").click()
        expect(page.get_by_text("Pallet · open")).to_be_visible()
        expect(page.get_by_text("bottles inside: 2")).to_be_visible()
        page.get_by_role("button", name="Undo my last packing").click()
        expect(page.get_by_role("status")).to_contain_text("taken back out")
