"""A plant manager recalls a case and voids a bottle: the number first, a reason always, and every API hears it next."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from codegen import runs, spans
from foundation import clock
from foundation.database import reading, transaction
from scan_api import auth
from scan_api.demo import Phone
from tests.browser.shop import BOTTLES, Shop
from tests.browser.test_console import desk, sign_in
from tests.browser.test_packages import look

pytestmark = pytest.mark.browser

PASSWORD = "a plant manager's password"


@pytest.fixture
def house(shop: Callable[..., Shop]) -> Shop:
    made = shop("api", "console")
    with transaction(made.stage.house.engine) as tx:
        auth.add_staff(tx, "li", PASSWORD, ("producer",), now=clock.now())
    return made


def verdict(house: Shop, text: str) -> str:
    """What a phone hears of the API, which is another process than the console."""
    with house.people() as http:
        return str(Phone.signed_in(http, house.stage).scan(text)["verdict"])


def name(page: Page, scope: str, value: str, reason: str) -> None:
    page.get_by_label("范围").click()
    page.get_by_role("option", name=scope, exact=True).click()
    page.get_by_label("编号").fill(value)
    page.get_by_label("理由").fill(reason)
    page.get_by_role("button", name="统计数量").click()


def test_a_case_is_recalled_and_the_next_scan_says_so(house: Shop, chromium: Browser) -> None:
    with reading(house.stage.house.engine) as tx:
        run = runs.list_runs(tx)[0].run
    assert verdict(house, house.texts[0]) == "genuine"
    with desk(chromium) as page:
        sign_in(page, house, "li", PASSWORD)
        page.wait_for_url("**/runs")
        page.get_by_role("button", name="召回、作废").click()
        page.wait_for_url("**/recall")
        expect(page.get_by_text("解除", exact=True)).to_have_count(0)
        look(page, "recall-empty-zh")
        name(page, "批次", f"{run.id}", " ")
        expect(page.get_by_role("alert").filter(has_text="请写一句原因")).to_be_visible()
        name(page, "箱", "369012340000000017", "瓶盖松动")
        expect(page.get_by_role("alert").filter(has_text="没有这个箱或托盘")).to_be_visible()
        look(page, "recall-error-zh")
        name(page, "批次", f"{run.id}", "瓶盖松动")
        expect(page.get_by_text(f"召回 {BOTTLES + 1} 个码（批次 {run.id}）？")).to_be_visible()
        look(page, "recall-confirm-zh")
        assert verdict(house, house.texts[1]) == "genuine", "counting changes nothing"
        page.get_by_role("dialog").get_by_role("button", name="召回").click()
        expect(page.get_by_text(f"已召回 {BOTTLES + 1} 个码")).to_be_visible()
        look(page, "recall-done-zh")
        assert [verdict(house, text) for text in house.texts[1:3]] == ["recalled"] * 2
        assert "scope.recall" in house.audited(f"run:{run.id}")


def test_a_supervisor_lifts_what_was_voided_and_sees_what_stays(house: Shop, chromium: Browser) -> None:
    with reading(house.stage.house.engine) as tx:
        run = runs.list_runs(tx)[0].run
    with transaction(house.stage.house.engine) as tx:
        spans.void(tx, [(run.first, run.first + 2)], reason="stolen", by="Li", now=clock.now())
    assert verdict(house, house.texts[0]) == "void"
    with desk(chromium) as page:
        sign_in(page, house, "demo", house.stage.password)
        expect(page.get_by_text("没有待处理的案件")).to_be_visible()
        page.goto(f"{house.stage.console}/recall?run={run.id}")
        page.get_by_text("解除", exact=True).click()
        name(page, "单个码", house.texts[0], "找回来了")
        page.get_by_role("dialog").get_by_role("button", name="解除").click()
        expect(page.get_by_text("已解除 1 个码")).to_be_visible()
        page.get_by_role("button", name="已记下").click()
        assert (verdict(house, house.texts[0]), verdict(house, house.texts[1])) == ("genuine", "void")
        page.get_by_role("button", name="English").click()
        page.get_by_text("Void", exact=True).click()
        page.get_by_label("Its number").fill(f"{run.id}")
        page.get_by_label("Reason").fill("caps leak")
        page.get_by_role("button", name="Count the codes").click()
        expect(page.get_by_text(f"Void {BOTTLES + 1} codes")).to_be_visible()
        page.get_by_role("dialog").get_by_role("button", name="Void").click()
        expect(page.get_by_text("1 codes stay as they were: Voided")).to_be_visible()
        look(page, "recall-done-en")
        page.get_by_role("button", name="I have noted it").click()
        sign_out_in_english(page)


def sign_out_in_english(page: Page) -> None:
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in")
