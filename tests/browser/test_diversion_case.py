"""A diversion case from the scans that raise it to the evidence pack that is checked, worked by keyboard."""

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from antifraud import evidence_pack
from codegen import manifests, sealed_pdf
from scan_api import demo
from scan_api.demo import Phone
from tests.browser.shop import Shop, picture
from tests.browser.test_console import desk, sign_in

pytestmark = pytest.mark.browser


DEEDS = ["action.propose", "dealer.notified", "action.take", "case.note",
         "case.take", "case.decide", "case.reopen", "case.decide"]  # fmt: skip


def diverted(house: Shop) -> None:
    """Three people in Urumqi open bottles of a case shipped to Chengdu; one is opened where it belongs."""
    with house.people() as http:
        for text in house.texts[:3]:
            assert Phone.signed_in(http, house.stage).scan(text, at=demo.URUMQI)["verdict"] == "genuine"
        assert Phone.signed_in(http, house.stage).scan(house.texts[3], at=demo.CHENGDU)["verdict"] == "genuine"


def taken(page: Page, form: str, folder: Path) -> bytes:
    """The evidence pack in this form, as it arrives on the analyst's disk."""
    with page.expect_download() as arriving:
        page.get_by_role("button", name="证据档案").click()
        page.get_by_role("menu").get_by_text(form).click()
    kept = folder / arriving.value.suggested_filename
    arriving.value.save_as(kept)
    return kept.read_bytes()


def test_a_diversion_case_from_the_alert_to_the_evidence(
    shop: Callable[..., Shop], chromium: Browser, tmp_path: Path
) -> None:
    house = shop("api", "console")
    diverted(house)
    with desk(chromium) as page:
        # (1) It waits in the queue, found by its reason and opened without a mouse.
        sign_in(page, house, "demo", house.stage.password)
        row = page.get_by_role("link", name="疑似窜货")
        expect(row).to_be_visible()
        page.goto(f"{house.stage.console}/?family=CLN")
        expect(page.get_by_text("没有符合条件的案件")).to_be_visible()
        page.keyboard.press("c")
        expect(row).to_be_visible()
        page.keyboard.press("?")
        expect(page.get_by_role("dialog").get_by_text("领取下一件")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        page.keyboard.press("j")
        expect(row).to_be_focused()
        page.keyboard.press("Enter")
        page.wait_for_url("**/case/*")
        case_id = int(page.url.rsplit("/", 1)[-1])

        # (2) Why it is here, where it was, and what lay in the carton.
        expect(page.get_by_text("疑似跨区流通")).to_be_visible()
        expect(page.get_by_text("阈值 95.0%", exact=False).last).to_be_visible()
        expect(page.get_by_text("4 次查验，4 次有可靠定位：4 卫星")).to_be_visible()
        expect(page.locator("path.leaflet-interactive").nth(30)).to_be_attached()
        cells = page.get_by_role("list", name="箱内商品").get_by_role("listitem")
        expect(cells).to_have_count(len(house.texts))
        standings = ["授权区域外"] * 3 + ["授权区域内"] + ["未扫"] * 2
        for number, standing in enumerate(standings):
            expect(cells.nth(number)).to_have_attribute("title", _holds(standing))
        expect(cells.nth(0)).to_contain_text("乌鲁木齐市")
        expect(page.get_by_role("img", name="账号、设备与网络")).to_be_visible()
        expect(page.get_by_text("次在授权区域内")).to_be_visible()  # The other side stands beside it.
        picture(page, "console-diversion-zh.png")

        # (3) The dealer is told and asked, before anybody concludes anything.
        page.get_by_role("button", name="采取措施").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_role("combobox", name="措施").click()
        page.get_by_role("option", name="通知经销商").click()
        dialog.get_by_label("理由").fill("请说明这一箱为何在乌鲁木齐被扫。")
        dialog.get_by_role("button", name="采取措施").click()
        expect(page.get_by_text("还没有回复。")).to_be_visible()
        expect(page.get_by_text("生效中")).to_be_visible()
        page.get_by_role("textbox", name="写一条备注").fill("已电话联系。")
        page.keyboard.press("Enter")
        expect(page.get_by_text("已电话联系。")).to_be_visible()

        # (4) Decided with one key and a sentence, undone, and decided again.
        for key, outcome in (("3", "误报"), ("1", "确认有风险")):
            page.keyboard.press(key)
            dialog = page.get_by_role("dialog")
            expect(dialog.get_by_text(f"结论：{outcome}")).to_be_visible()
            dialog.get_by_role("button", name="提交决定").click()
            expect(page.get_by_role("alert")).to_contain_text("请写一句理由")
            dialog.get_by_label("理由").fill("三位互不相关的用户在乌鲁木齐扫码。")
            page.keyboard.press("Enter")
            expect(page.get_by_text(f"已结案: {outcome}")).to_be_visible()
            if key == "3":
                page.keyboard.press("u")
                expect(page.get_by_role("button", name="放回队列")).to_be_visible()
        assert house.audited(f"case:{case_id}") == DEEDS

        # (5) The file for whoever is not in this room, whole for a reader with the public keys alone.
        keys = house.stage.house.keys
        pack = json.loads(taken(page, "JSON", tmp_path))
        public = manifests.read_public_key(manifests.public_key(keys))
        assert evidence_pack.faults(pack, public) == []
        assert (pack["case"]["outcome"], len(pack["scans"])) == ("confirmed_risk", 4)
        pack["scans"][1]["lat"] = 0.0
        assert "breaks at scan 2" in " ".join(evidence_pack.faults(pack, public))
        paper = taken(page, "PDF", tmp_path)
        with ThreadPoolExecutor(1) as reader:  # Playwright keeps this thread's event loop.
            assert reader.submit(sealed_pdf.whole, paper, sealed_pdf.fingerprint(keys)).result()
        assert house.audited(f"case:{case_id}")[-2:] == ["case.evidence", "case.evidence"]

        # (6) Back to an empty queue.
        page.reload()
        page.keyboard.press("b")
        expect(page.get_by_text("没有待处理的案件")).to_be_visible()


def _holds(standing: str) -> re.Pattern[str]:
    return re.compile(re.escape(standing))


def down_to(page: Page, row: Locator) -> None:
    """Down by j until the row is under the cursor; the first key may come before the page listens."""
    for _ in range(20):
        page.keyboard.press("j")
        page.wait_for_timeout(100)
        if row.evaluate("row => row === document.activeElement"):
            return
    expect(row).to_be_focused()


def test_cases_are_marked_snoozed_and_found_by_keyboard(shop: Callable[..., Shop], chromium: Browser) -> None:
    house = shop("api", "console")
    diverted(house)
    house.copied(house.texts[4])
    with desk(chromium) as page:
        sign_in(page, house, "demo", house.stage.password)
        copied, gone = page.get_by_role("link", name="同码异地"), page.get_by_role("link", name="疑似窜货")
        expect(copied).to_be_visible()
        expect(gone).to_be_visible()
        down_to(page, gone)
        page.keyboard.press("x")
        expect(page.get_by_text("已选 1 件")).to_be_visible()
        page.keyboard.press("s")
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("理由").fill("等展会结束")
        page.keyboard.press("Enter")
        expect(page.locator(".queue tbody tr")).to_have_count(1)
        page.goto(f"{house.stage.console}/?snoozed=1")
        expect(page.locator(".queue tbody tr")).to_have_count(1)

        page.goto(house.stage.console)
        expect(page.locator(".queue tbody tr")).to_have_count(1)
        page.keyboard.press("/")
        page.keyboard.type(house.texts[4])  # As a gun at the desk types it.
        page.keyboard.press("Enter")
        page.wait_for_url("**/?q=*")
        expect(copied).to_be_visible()
        page.get_by_role("textbox", name="案件号").fill("1-9999")
        page.keyboard.press("Enter")
        expect(page.get_by_text("没有符合条件的案件")).to_be_visible()
