"""The plant manager's look at a line: counts, shares, grades that sink, and where every code of a job went."""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from codegen import runs
from foundation import clock
from foundation.database import reading, transaction
from printer_jobs import jobs
from tests.browser.shop import Shop, picture
from tests.browser.test_console import desk, sign_in

pytestmark = pytest.mark.browser


def test_a_line_seen_from_the_plant(shop: Callable[..., Shop], chromium: Browser) -> None:
    house, now = shop("console"), clock.now()
    with reading(house.stage.house.engine) as tx:
        run = next(iter(runs.load_index(tx)))
    with transaction(house.stage.house.engine) as tx:
        fresh = runs.issue(
            tx, brand_id=run.brand_id, gtin=run.gtin, count=5_000, order_id="PO-LINE", profile=run.profile,
            inner=False, produced_on=None, expires_at=None, now=now,
        )  # fmt: skip
        job = jobs.create(tx, fresh, "三号线", 2_000, 24, now=now)
        rows = [
            {"at": (now - timedelta(minutes=90 - at)).replace(second=0, microsecond=0).isoformat(),
             "passed": 180 + at % 7, "rejected": at % 5, "graded": 180, "grade_sum": 180 * (3.9 - at / 60)}
            for at in range(90)
        ]  # fmt: skip
        for part in (rows[:50], rows[50:]):
            told = {"passed": 1, "rejected": 0, "minutes": {"began": now.isoformat(), "minutes": part}}
            jobs.heartbeat(tx, job.id, told, now=now)
    with desk(chromium) as page:
        sign_in(page, house, "demo", house.stage.password)
        expect(page.get_by_role("button", name="退出")).to_be_visible()
        page.goto(f"{house.stage.console}/line/三号线")
        expect(page.get_by_text("打印等级在下降")).to_be_visible()
        expect(page.get_by_text("2,000").first).to_be_visible()
        expect(page.locator("canvas").first).to_be_visible()
        page.wait_for_timeout(1_000)  # ECharts draws its bars in.
        if folder := os.environ.get("ONECODE_SEEN"):
            page.screenshot(path=Path(folder) / "plant-zh.png", full_page=True)
        picture(page, "console-line-zh.png")
        page.goto(f"{house.stage.console}/line")
        expect(page.get_by_text("三号线").first).to_be_visible()
        page.goto(f"{house.stage.console}/line/nobody")
        expect(page.get_by_text("三号线")).to_have_count(0)
