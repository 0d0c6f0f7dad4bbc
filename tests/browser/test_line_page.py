"""A shift at the operator's page on a ten-inch tablet: start, a fault with what to do, rejects, the bin, the report."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from foundation import clock
from printer_jobs.examiner import Optics
from printer_jobs.platform import PlatformAway
from printer_jobs.serials import Balance
from printer_jobs.shift_log import ShiftLog
from printer_jobs.shift_report import Account
from printer_jobs.virtual.belt import BeltEye
from scan_api.line_desk import Job, LineDesk
from scan_api.line_page import make_page
from tests.browser.shop import picture
from tests.printer_jobs.factory import JOB, Floor
from tests.support.server import served

pytestmark = pytest.mark.browser

TABLET = {"width": 1280, "height": 800}


class Plant:
    """The floor of the page: a virtual printer and the real station, its platform a folder that can be away."""

    def __init__(self, folder: Path, count: int) -> None:
        self.floor = Floor(folder, count=count, pack_size=24)
        self.away = False
        self.eye: type[BeltEye] = BeltEye
        self.floor.mishaps.delay_s = 0.02
        self.summary: Balance | None = None

    def jobs(self) -> list[Job]:
        if self.away:
            raise PlatformAway("The platform does not answer.")
        return [Job(JOB, "高山乌龙茶 250克", "Oolong tea 250 g", len(self.floor.lease.serials))]

    def run(self, job, on_step, halted):
        eye = self.eye(self.floor.printer, optics=Optics(module_px=4))
        return self.floor.station(eye=eye, on_step=on_step, halted=halted).run(job)

    def account(self, job, language):
        return Account(job, "茶", Balance(240, 230, 2, 0, 8, 0, 0), "12 / 12")


class Copied(BeltEye):
    """Somebody sticks a copy of the label before onto the next product."""

    texts = ()

    def look(self, after, timeout_s):
        found = super().look(after, timeout_s)
        return [replace(one, texts=self.texts) if one.tag == 40 and self.texts else self.remember(one) for one in found]

    def remember(self, sight):
        if len(sight.texts) == 1:
            self.texts = sight.texts
        return sight


@pytest.fixture
def plant(tmp_path) -> Iterator[Callable[[int], Plant]]:
    made: list[Plant] = []

    def build(count: int) -> Plant:
        made.append(Plant(tmp_path / "floor", count))
        return made[-1]

    yield build
    for one in made:
        one.floor.printer.close()


@contextmanager
def operator(
    chromium: Browser, plant: Plant, folder: Path, language: str = "zh-CN"
) -> Iterator[tuple[Page, LineDesk, str]]:
    desk = LineDesk("三号线", plant, ShiftLog(folder, now=clock.now()), zone=ZoneInfo("Asia/Shanghai"))
    complaints: list[str] = []
    with served(make_page(desk)) as url:
        context = chromium.new_context(viewport=TABLET, locale=language, has_touch=True)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.goto(url)
        yield page, desk, url
        context.close()
        desk.close()
    assert [one for one in complaints if "409" not in one] == []


def seen(page: Page, name: str) -> None:
    if folder := os.environ.get("ONECODE_SEEN"):
        page.screenshot(path=Path(folder) / f"{name}.png")


def fits(page: Page) -> None:
    """Nothing to scroll on a tablet, and every button is as large as a gloved thumb."""
    assert page.evaluate("document.documentElement.scrollHeight") <= TABLET["height"]
    assert page.evaluate("document.documentElement.scrollWidth") <= TABLET["width"]
    sizes = page.evaluate("[...document.querySelectorAll('button')].map(b => [b.offsetWidth, b.offsetHeight])")
    assert all(width >= 64 and height >= 64 for width, height in sizes if width)


def test_a_shift(plant, chromium, tmp_path):
    line = plant(600)
    line.floor.mishaps.paper_out_after = 60
    with operator(chromium, line, tmp_path / "log") as (page, desk, url):
        expect(page.locator("#state")).to_have_text("待机")
        fits(page)
        seen(page, "line-idle-zh")
        page.get_by_role("button", name="开始").click()
        page.get_by_role("button", name="高山乌龙茶").click()
        expect(page.locator("#state")).to_have_text("生产中")
        expect(page.locator("#what")).to_have_text("标签用完", timeout=30_000)
        expect(page.locator("#do")).to_have_text("装上一卷新标签。")
        fits(page)
        seen(page, "line-fault-zh")
        picture(page, "line-fault-zh.png")
        line.floor.printer.repair()
        expect(page.locator("#what")).not_to_have_text("标签用完", timeout=20_000)
        seen(page, "line-running-zh")
        expect(page.locator(".figure.main b")).not_to_have_text("0")
        page.get_by_role("button", name="停线").click()
        expect(page.locator("#state")).to_have_text("已停线", timeout=20_000)
        expect(page.locator("#what")).to_have_text("已停线")
        picture(page, "line-stopped-zh.png")
        page.get_by_role("button", name="继续").click()
        line.floor.mishaps.delay_s = 0.0
        expect(page.locator("#state")).to_have_text("完成", timeout=60_000)
        seen(page, "line-finished-zh")
        assert desk.log.passed + desk.log.rejected.total() >= 200
        page.get_by_role("button", name="剔除箱").click()
        for digit in "3":
            page.get_by_role("button", name=digit, exact=True).click()
        seen(page, "line-bin-zh")
        page.get_by_role("button", name="确定").click()
        expect(page.get_by_text("数目")).to_be_visible()
        page.get_by_role("button", name="关闭").click()
        report = httpx.get(f"{url}/report.pdf")
        assert report.content.startswith(b"%PDF-")
        page.get_by_role("button", name="English").click()
        expect(page.locator("#state")).to_have_text("Finished")
        fits(page)
        seen(page, "line-finished-en")
        page.get_by_role("button", name="Next shift").click()
        page.get_by_role("dialog").get_by_role("button", name="Next shift").click()
        expect(page.locator(".figure.main b")).to_have_text("0")


def test_a_copied_label_stops_the_line_and_says_what_to_do(plant, chromium, tmp_path):
    line = plant(120)
    line.eye = Copied
    with operator(chromium, line, tmp_path / "log", "en") as (page, desk, _):
        page.get_by_role("button", name="Start").click()
        page.get_by_role("button", name="Oolong").click()
        expect(page.locator("#what")).to_have_text("The same code twice", timeout=30_000)
        expect(page.locator("#do")).to_have_text("Take the label off, find out who copied it, then start.")
        expect(page.locator("#state")).to_have_text("Stopped")
        fits(page)
        seen(page, "line-duplicate-en")
        assert desk.shown()["alarms"][0]["grave"] is True


def test_two_tablets_one_line(plant, chromium, tmp_path):
    line = plant(2_000)
    with operator(chromium, line, tmp_path / "log", "en") as (page, _, url):
        second = page.context.new_page()
        second.goto(url)
        for one in (page, second):
            one.get_by_role("button", name="Start").click()
            expect(one.get_by_role("button", name="Oolong")).to_be_visible()
        page.get_by_role("button", name="Oolong").click()
        expect(second.locator("#state")).to_have_text("Running")
        second.get_by_role("button", name="Oolong").click()
        expect(second.get_by_text("is running; stop it first")).to_be_visible()
        second.get_by_role("button", name="Close").click()
        second.get_by_role("button", name="Stop").click()
        expect(page.locator("#state")).to_have_text("Stopped", timeout=20_000)


def test_a_platform_that_is_away_is_no_reason_to_stop_and_another_page_may_not_steer(plant, chromium, tmp_path):
    line = plant(24)
    with operator(chromium, line, tmp_path / "log", "en") as (page, _, url):
        page.get_by_role("button", name="Start").click()
        expect(page.get_by_role("button", name="Oolong")).to_be_visible()
        line.away = True
        page.get_by_role("button", name="Close").click()
        page.get_by_role("button", name="Start").click()
        expect(page.get_by_role("button", name="Oolong")).to_be_visible()
        page.get_by_role("button", name="Close").click()
        expect(page.locator("#what")).to_have_text("Platform away")
        seen(page, "line-away-en")
        assert httpx.post(f"{url}/stop", headers={"Origin": "https://evil.example"}).status_code == 403
        assert httpx.post(f"{url}/stop").status_code == 409
        assert httpx.post(f"{url}/jobs/99/start").status_code == 404
        assert httpx.post(f"{url}/bin", json={"counted": -1}).status_code == 422
        assert httpx.get(f"{url}/web/../line_page.py").status_code == 404
