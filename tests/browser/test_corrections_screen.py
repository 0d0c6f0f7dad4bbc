"""A swap of labels, from two opened cases on a handheld to the record a person corrected."""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from codegen import hierarchy, runs
from foundation import clock
from foundation.database import reading, transaction
from printer_jobs import checks, jobs, reports
from tests.browser.shop import Shop, picture
from tests.browser.test_console import desk, sign_in
from tests.browser.test_consumer_screens import phone
from tests.printer_jobs.test_jobs import passes, told

pytestmark = pytest.mark.browser


def swapped(house: Shop) -> list[str]:
    """Three cases of four from a line; the second and third were opened, and each holds the other's bottles."""
    engine, now = house.stage.house.engine, clock.now() - timedelta(minutes=10)
    with reading(engine) as tx:
        old = next(iter(runs.load_index(tx)))
    with transaction(engine) as tx:
        run = runs.issue(
            tx, brand_id=old.brand_id, gtin=old.gtin, count=12, order_id="PO-SWAP", profile=old.profile, inner=False,
            produced_on=None, expires_at=None, now=now,
        )  # fmt: skip
        job = jobs.create(tx, run, "三号线", 12, 4, now=now)
        cases = [jobs.new_sscc(tx, job.id, at, now=now) for at in range(3)]
        records = [("SENT", 0, 12), *passes(*range(12))]
        for at, sscc in enumerate(cases):
            records += [("CASE", sscc, [(at * 4, at * 4 + 4)]), ("PACKED", sscc)]
        reports.report(tx, job.id, told(job, *records), now=now)
        for case, first in ((1, 8), (2, 4)):
            items = [run.first + first + at for at in range(3)]
            checks.check(tx, cases[case], items, by="Li", at=clock.now(), now=clock.now())
    return cases


def test_a_person_accepts_what_opened_cases_prove(shop: Callable[..., Shop], chromium: Browser) -> None:
    house = shop("console")
    cases = swapped(house)
    with phone(chromium) as small, desk(chromium) as page:
        sign_in(page, house, "demo", house.stage.password)
        expect(page.get_by_role("button", name="退出")).to_be_visible()
        page.goto(f"{house.stage.console}/line")
        page.get_by_role("link", name="两箱标签贴反").click()
        expect(page.get_by_text("依据：开箱核对")).to_be_visible()
        expect(page.get_by_role("cell", name=f"{cases[2]} (3)")).to_be_visible()
        page.get_by_role("button", name="接受更正").click()
        expect(page.get_by_role("alert")).to_contain_text("请写一句理由")
        if folder := os.environ.get("ONECODE_SEEN"):
            page.screenshot(path=Path(folder) / "correction-zh.png", full_page=True)
        picture(page, "correction-zh.png")
        address = page.url
        sign_in(small, house, "demo", house.stage.password)
        expect(small.get_by_role("button", name="退出")).to_be_visible()
        small.goto(address)
        expect(small.get_by_role("button", name="接受更正")).to_be_visible()
        if folder := os.environ.get("ONECODE_SEEN"):
            small.screenshot(path=Path(folder) / "correction-phone.png", full_page=True)
        page.get_by_label("理由").fill("两箱都开过")
        page.get_by_role("button", name="接受更正").click()
        expect(page.get_by_text("已更正 · demo")).to_be_visible()
        page.goto(f"{house.stage.console}/correction/999")
        expect(page.get_by_text("接受更正")).to_have_count(0)
    with reading(house.stage.house.engine) as tx:
        first = hierarchy.contents(tx, cases[0]).items[0][0]
        assert hierarchy.contents(tx, cases[1]).items == ((first + 8, first + 12),)
