"""A rule's life on the screen: drafted, tried on history, beside live, published by another, taken back."""

import re
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import insert

from antifraud.lab import adversaries, backtest, breaker, limits, shadow, versions
from antifraud.lab.tables import lab_versions
from foundation import clock
from foundation.database import Tx, reading, transaction
from scan_api import auth, sparring
from tests.antifraud.lab.conftest import History
from tests.browser.shop import Shop, picture
from tests.browser.test_console import desk, sign_in, sign_out
from tests.browser.test_marketing import assert_all_said, fits
from tests.browser.test_packages import look

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

TICK = timedelta(milliseconds=1)  # All on one day, whenever the test runs.
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
    expect(page.get_by_role("alert").filter(has_text="请写一句理由")).to_be_visible()
    page.get_by_label("为什么").fill("五月的复制码都有多人领取")
    page.get_by_role("button", name="保存草稿").click()
    page.wait_for_url("**/lab/many-people.1")


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


def run_beside(house: Shop, *, scans: int, people: int) -> None:
    """Some scans after the shadow run began, counted as the background would."""
    engine, now = house.stage.house.engine, clock.now()
    with transaction(engine) as tx:
        shadow.go_on(tx, now=now)
        history = History(tx, now)
        for turn in range(scans):
            history.scan(f"q{turn}", at=now + 10 * turn * TICK, people=people if turn % 5 == 0 else 1)
    counted = 0
    while counted < scans:  # What is younger than somebody's open transaction waits for the next turn.
        with transaction(engine) as tx:
            counted += shadow.go_on(tx, now=now + timedelta(hours=1))


def test_a_rule_from_its_draft_to_live_and_back(house: Shop, chromium: Browser) -> None:
    engine = house.stage.house.engine
    where = f"{house.stage.console}/lab/many-people.1"
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
        run_beside(house, scans=60, people=5)
        expect(page.get_by_role("cell", name="12 (20.00%)")).to_be_visible()
        look(page, "lab-shadow-zh")
        page.get_by_role("button", name="申请发布").click()
        expect(page.get_by_text("li 起草或申请了这个版本，不能自己批准")).to_be_visible()
        expect(page.get_by_role("button", name="批准并生效")).to_have_count(0)
        look(page, "lab-waiting-zh")
        page.evaluate("window.scrollTo(0, 0)")
        picture(page, "console-lab-zh.png")

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


def taken_back(tx: Tx, now: datetime) -> None:
    """Version 1 was quiet on history; live it hits half of the scans, and the breaker takes it back."""
    history = History(tx, now)
    limits.change(tx, "baseline_scans", 50, by="boss", now=now)
    one = history.draft(by="li")
    for turn in range(60):
        history.scan(f"p{turn}", at=now - timedelta(minutes=turn + 1), people=3 if turn == 7 else 1)
    history.backtest(one)
    versions.make_live(tx, "many", 1, by="wang", now=now)
    shadow.go_on(tx, now=now)
    for turn in range(40):
        history.scan(f"q{turn}", at=now + 10 * turn * TICK, reasons=["RULE_MANY"] if turn % 2 else [])
    shadow.go_on(tx, now=now + timedelta(hours=1))
    assert breaker.watch(tx, now=now + 500 * TICK) == ["many"]


def unreadable(tx: Tx, now: datetime) -> None:
    """A version written for a program that knew more words."""
    body = History(tx, now).draft("old", by="li").body
    tree = body["tree"] | {"left": {"fact": "mood"}}
    row = {"slug": "old", "version": 2, "body": {**body, "tree": tree}, "why": "moods", "state": "draft"}
    tx.execute(insert(lab_versions).values(row | {"drafted_by": "li", "drafted_at": now}))


def test_what_goes_wrong_is_told_where_it_is_seen(shop: Callable[..., Shop], chromium: Browser) -> None:
    house, now = shop("console"), clock.now()
    engine, console = house.stage.house.engine, house.stage.console
    with transaction(engine) as tx:
        auth.add_staff(tx, "wang", PASSWORD, ("analyst",), now=now)
        taken_back(tx, now)
        unreadable(tx, now)
        waiting = History(tx, now).draft("night", "hour < 5", by="li")
        versions.ask(tx, "night", waiting.version, by="li", now=now)
        run = adversaries.ask(tx, "night", 1, by="li", now=now)
        adversaries.take(tx, now=now)
        adversaries.finish(tx, run.id, report=None, failure="The adversaries took longer than 840 s.", now=now)
    with desk(chromium) as page:
        enter(page, house, "wang")
        page.goto(f"{console}/lab")
        expect(page.locator("tbody tr", has_text="old")).to_contain_text("当前程序读不懂这个版本")
        look(page, "lab-list-zh")
        page.locator("tbody tr", has_text="已自动退回").get_by_role("link").click()
        expect(page.get_by_text("40 次查验命中 20 次")).to_be_visible()
        expect(page.get_by_role("link", name="查看警报")).to_have_attribute("href", re.compile(r"/case/\d+"))
        page.get_by_label("从").fill("2020-01-01")
        page.get_by_role("button", name="开始回测").click()
        expect(page.get_by_role("alert").filter(has_text="最长 400 天")).to_be_visible()
        look(page, "lab-tripped-zh")

        page.goto(f"{console}/lab/night")
        expect(page.get_by_text("没有完成：The adversaries took longer")).to_be_visible()
        page.get_by_role("button", name="批准并生效").click()
        expect(page.get_by_role("alert").filter(has_text="还有未满足的")).to_be_visible()
        look(page, "lab-night-zh")
        page.get_by_label("理由").fill("还没写完")
        with transaction(engine) as tx:
            versions.refuse(tx, "night", 1, why="too many honest people at night", by="boss", now=clock.now())
        expect(page.get_by_text("boss 退回：too many honest people")).to_be_visible()  # Without being asked.
        expect(page.get_by_role("button", name="申请发布")).to_be_visible()
        page.goto(f"{console}/lab/nowhere")
        expect(page.get_by_text("没有找到")).to_be_visible()

        page.goto(f"{console}/lab-draft?slug=params")
        page.get_by_label("添加要改的阈值").click()
        page.get_by_role("option", name="同码人数上限").click()
        page.get_by_label("同码人数上限").fill("99")
        page.get_by_label("为什么").fill("送礼季")
        page.get_by_role("button", name="保存草稿").click()
        expect(page.get_by_role("alert").filter(has_text="from 3 to 50")).to_be_visible()
        look(page, "lab-params-zh")
        page.get_by_label("同码人数上限").fill("6")
        page.get_by_role("button", name="保存草稿").click()
        expect(page.get_by_text("同码人数上限（人）: 5 → 6")).to_be_visible()
        look(page, "lab-params-page-zh")
        page.get_by_role("button", name="English").click()
        expect(page.get_by_text("Waits for the background")).to_be_visible()
        for path in ("lab", "lab/many.1", "lab-quality", f"scan/{sample(house)}", "lab-draft?slug=many"):
            page.goto(f"{console}/{path}")
            expect(page.locator("section").first).to_be_visible()
            assert_all_said(page)
            look(page, f"lab-{path[:11].replace('/', '-')}-en")
            fits(page)


def sample(house: Shop) -> str:
    with reading(house.stage.house.engine) as tx:
        return str(shadow.samples(tx, "many", 1)[0][1])
