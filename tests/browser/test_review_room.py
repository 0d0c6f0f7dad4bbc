"""The rooms around the queue: everything moved at once and back, dealers, flows, rules, two people on one action."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, expect

from foundation import clock
from foundation.database import transaction
from scan_api import auth
from tests.browser.shop import Shop, picture
from tests.browser.test_console import desk, sign_in, sign_out
from tests.browser.test_diversion_case import diverted
from tests.support import nights

pytestmark = pytest.mark.browser

PASSWORD = "an analyst's own password"


def test_all_that_is_shown_moves_at_once_and_back(shop: Callable[..., Shop], chromium: Browser) -> None:
    house = shop("api", "console")
    diverted(house)
    for text in house.texts[3:]:
        house.copied(text)
    with desk(chromium) as page:
        sign_in(page, house, "demo", house.stage.password)
        rows = page.locator(".queue tbody tr")
        expect(rows).to_have_count(4)
        page.goto(f"{house.stage.console}/?family=CLN")
        expect(rows).to_have_count(3)
        page.keyboard.press("m")
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_text("对筛选出的全部 3 件案件")).to_be_visible()
        expect(dialog.get_by_text("3", exact=True)).to_be_visible()
        dialog.get_by_label("理由").fill("展会期间的样品")
        dialog.get_by_role("button", name="处理 3 件").click()
        page.wait_for_url("**/bulk/*")
        expect(page.get_by_text("已处理 3")).to_be_visible()
        move = page.url

        page.goto(house.stage.console)
        expect(rows).to_have_count(1)
        page.goto(f"{house.stage.console}/snoozes")
        expect(page.get_by_role("cell", name="展会期间的样品")).to_have_count(3)
        picture(page, "console-snoozes-zh.png")

        page.goto(move)
        page.get_by_role("button", name="撤销这次操作").click()
        dialog.get_by_label("理由").fill("选错了")
        page.keyboard.press("Enter")
        expect(page.get_by_text("已还原 3")).to_be_visible()
        page.goto(house.stage.console)
        expect(rows).to_have_count(4)


def test_a_hard_action_waits_for_a_second_person(shop: Callable[..., Shop], chromium: Browser) -> None:
    house = shop("api", "console")
    diverted(house)
    with transaction(house.stage.house.engine) as tx:
        auth.add_staff(tx, "lan", PASSWORD, ("analyst",), now=clock.now())
    with desk(chromium) as page:
        sign_in(page, house, "demo", house.stage.password)
        page.get_by_role("link", name="疑似窜货").click()
        page.get_by_role("button", name="采取措施").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_role("combobox", name="措施").click()
        page.get_by_role("option", name="暂停兑奖").click()
        dialog.get_by_role("button", name="采取措施").click()
        expect(page.get_by_role("alert")).to_contain_text("请写一句理由")
        dialog.get_by_label("理由").fill("同一手机反复出现")
        dialog.get_by_role("button", name="采取措施").click()
        expect(page.get_by_text("待同意")).to_be_visible()
        expect(page.get_by_role("button", name="批准")).to_have_count(0)
        where = page.url
        sign_out(page)
        sign_in(page, house, "lan", PASSWORD)
        page.get_by_role("link", name="疑似窜货").wait_for()
        page.goto(where)
        page.get_by_role("button", name="批准").click()
        expect(page.get_by_text("生效中")).to_be_visible()
        expect(page.get_by_text("lan 同意")).to_be_visible()
        page.get_by_role("button", name="撤销措施").click()
        dialog.get_by_label("理由").fill("已核实")
        page.keyboard.press("Enter")
        expect(page.get_by_text("已撤销")).to_be_visible()
    steps = house.audited(f"case:{where.rsplit('/', 1)[-1]}")
    assert steps == ["action.propose", "action.take", "action.undo"]


def test_dealers_flows_and_rules_are_shown_with_what_is_not_concluded(
    shop: Callable[..., Shop], chromium: Browser
) -> None:
    house = shop("api", "console")
    diverted(house)
    with desk(chromium) as page:
        sign_in(page, house, "demo", house.stage.password)
        page.get_by_role("link", name="疑似窜货").wait_for()
        for room in ("scoreboard", "flows", "rule-health"):
            page.goto(f"{house.stage.console}/{room}")
            expect(page.get_by_text("夜间研判还没有运行过")).to_be_visible()
        with transaction(house.stage.house.engine) as tx:
            nights.fill(tx, now=clock.now())

        page.goto(f"{house.stage.console}/scoreboard")
        listed = page.locator("tbody tr", has_text="列入")
        expect(listed).to_have_count(nights.DIVERTERS)
        expect(page.locator("tbody tr", has_text="不作结论").first).to_be_visible()
        expect(page.locator("canvas").first).to_be_visible()
        picture(page, "console-dealers-zh.png")
        listed.first.get_by_role("link").click()
        page.wait_for_url("**/scoreboard/*")
        expect(page.get_by_text("这不是对任何人的认定")).to_be_visible()
        expect(page.get_by_text("可疑的箱")).to_be_visible()

        page.goto(f"{house.stage.console}/flows?days=90")
        arrows = page.locator("svg a")
        expect(arrows).to_have_count(nights.DIVERTERS)
        picture(page, "console-flows-zh.png")
        where = arrows.last.get_attribute("href")
        page.goto(f"{house.stage.console}{where}")
        expect(page.get_by_role("link", name="回到流向图")).to_be_visible()
        page.goto(f"{house.stage.console}/flows/nowhere")
        expect(page.get_by_text("没有找到")).to_be_visible()

        page.goto(f"{house.stage.console}/rule-health")
        row = page.locator("tbody tr", has_text="疑似窜货").first
        expect(row.locator("polyline")).to_be_attached()
        expect(page.get_by_text("夜间研判", exact=True)).to_be_visible()
        page.get_by_role("button", name="English").click()
        expect(page.get_by_role("cell", name="Likely diversion")).to_be_visible()
        for raw in ("DIV_", "CLN_", "{", "rule-health", "night-"):
            expect(page.get_by_text(raw)).to_have_count(0)
