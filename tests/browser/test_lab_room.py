"""A rule's life on the screen: drafted, tried on history, beside live, published by another, taken back."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from playwright.sync_api import Browser, Page, expect

from antifraud.lab import backtest, limits, shadow
from foundation import clock
from foundation.database import Tx, reading, transaction
from scan_api import auth, sparring
from tests.antifraud.lab.conftest import History
from tests.browser.shop import Shop
from tests.browser.test_console import desk, sign_in, sign_out
from tests.browser.test_marketing import assert_all_said, fits
from tests.browser.test_packages import look

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

PASSWORD = "an analyst's own password"
PLAYED = {
    "attacks": {
        f"A{n}": {"scans": 200, "live": 0.07 * n, "draft": 0.07 * n + (0.21 if n == 1 else 0), "alone": 0.3 / n,
                  "evasion": {"condition": 'method == "gps"', "changed": 0.3 / n, "left": 0.0} if n < 4 else None}
        for n in range(1, 11)
    },
    "honest": {"scans": 9000, "live": 0.0012, "draft": 0.0012, "alone": 0.0},
}  # fmt: skip


@pytest.fixture
def house(shop: Callable[..., Shop]) -> Shop:
    """Two analysts, and three weeks of scans: one in six is of a code that five people have scanned."""
    opened, now = shop("console"), clock.now()
    with transaction(opened.stage.house.engine) as tx:
        for name in ("li", "wang"):
            auth.add_staff(tx, name, PASSWORD, ("analyst",), now=now)
        limits.change(tx, "shadow_days", 1, by="boss", now=now)
        history = History(tx, now)
        for turn in range(84):
            many = turn % 6 == 0
            scan = history.scan(f"p{turn}", at=now - timedelta(hours=6 * turn + 1), people=5 if many else 1,
                                reasons=["CLN_USERS_MANY"] if turn % 12 == 0 else [], item=1000 + turn)  # fmt: skip
            if many:
                history.label(scan, "confirmed_risk" if turn % 18 else "false_positive", code="CLN_USERS_MANY")
            if turn % 20 == 6:
                history.label(scan, "confirmed_risk", code="AUDIT", source="audit", weight=2.0)
    return opened


def enter(page: Page, house: Shop, name: str) -> None:
    sign_in(page, house, name, PASSWORD)
    page.wait_for_url(f"{house.stage.console}/")


def draft_a_rule(page: Page) -> None:
    page.get_by_role("link", name="起草规则").click()
    page.get_by_label("代号").fill("many-people")
    page.get_by_label("中文名称").fill("多人同码领奖")
    page.get_by_label("英文名称").fill("Many people claim one code")
    rule = page.get_by_label("规则", exact=True)
    rule.fill("people / 2 > 1")
    expect(page.get_by_text("might be by zero")).to_be_visible()
    look(page, "lab-draft-wrong-zh")
    rule.fill("people >= 3 and claim")
    expect(page.get_by_text("扫过此码的人数不小于3，并且要求领奖")).to_be_visible()
    page.get_by_text("命中时奖励先冻结").click()
    page.get_by_role("button", name="保存草稿").click()
    expect(page.get_by_role("alert").filter(has_text="says why")).to_be_visible()
    page.get_by_label("为什么").fill("五月的复制码都有多人领取")
    page.get_by_role("button", name="保存草稿").click()
    page.wait_for_url("**/lab/many-people/1")


def try_on_history(page: Page, house: Shop) -> None:
    """In two stretches, as the background would; the screen follows by itself."""
    page.get_by_role("button", name="开始回测").click()
    expect(page.get_by_text("已完成 0%")).to_be_visible()
    engine = house.stage.house.engine
    with reading(engine) as tx:
        run = backtest.latest(tx, "many-people", 1)
    assert run is not None
    with transaction(engine) as tx:
        backtest.go_on(tx, run.id, now=clock.now(), limit=40)
    expect(page.get_by_text("查验 40 次")).to_be_visible()
    look(page, "lab-run-zh")
    with transaction(engine) as tx:
        backtest.go_on(tx, run.id, now=clock.now())
    expect(page.get_by_text("共 84 次查验，占 16.667%")).to_be_visible()
    expect(page.get_by_role("cell", name="多人扫同码")).to_be_visible()


def run_beside(page: Page, tx: Tx, now: datetime, *, scans: int, people: int) -> None:
    """An hour of scans, counted as the background would."""
    shadow.go_on(tx, now=now)
    history = History(tx, now)
    for minute in range(scans):
        history.scan(f"q{minute}", at=now + timedelta(minutes=minute + 1), people=people if minute % 5 == 0 else 1)
    shadow.go_on(tx, now=now + timedelta(hours=2))


def test_a_rule_from_its_draft_to_live_and_back(house: Shop, chromium: Browser) -> None:
    engine = house.stage.house.engine
    where = f"{house.stage.console}/lab/many-people/1"
    with desk(chromium) as page:
        enter(page, house, "li")
        page.goto(f"{house.stage.console}/lab")
        expect(page.get_by_text("还没有人写过规则")).to_be_visible()
        look(page, "lab-empty-zh")
        draft_a_rule(page)
        expect(page.get_by_text("等待后台演练")).to_be_visible()
        look(page, "lab-fresh-zh")
        sparring.play_next(engine, threading.Event(), play=lambda asked, stop: PLAYED)
        expect(page.get_by_role("cell", name="A10 熟知阈值者")).to_be_visible()
        try_on_history(page, house)

        page.get_by_role("button", name="申请发布").click()
        expect(page.get_by_role("alert").filter(has_text="还有未满足的")).to_be_visible()
        page.get_by_role("button", name="开始试运行").click()
        expect(page.get_by_text("试运行至 2")).to_be_visible()
        with transaction(engine) as tx:
            run_beside(page, tx, clock.now(), scans=60, people=5)
        expect(page.get_by_role("cell", name="12 (20.00%)")).to_be_visible()
        look(page, "lab-shadow-zh")
        page.get_by_role("button", name="申请发布").click()
        expect(page.get_by_text("li 起草或申请了这个版本，不能自己批准")).to_be_visible()
        expect(page.get_by_role("button", name="批准并生效")).to_have_count(0)
        look(page, "lab-waiting-zh")

        sign_out(page)
        enter(page, house, "wang")
        page.goto(where)
        page.get_by_role("button", name="批准并生效").click()
        expect(page.get_by_text("wang 批准")).to_be_visible()
        look(page, "lab-live-zh")
        page.get_by_label("理由").fill("展会期间误报太多")
        page.get_by_role("button", name="立即回退").click()
        expect(page.get_by_text("结束：展会期间误报太多")).to_be_visible()
        assert_all_said(page)
        fits(page)
        look(page, "lab-rolled-back-zh")
    steps = house.audited("lab:many-people")
    assert steps == ["lab.draft", "lab.adversaries", "lab.backtest", "lab.shadow", "lab.ask", "lab.publish", "lab.gate",
                     "lab.roll-back"]  # fmt: skip
