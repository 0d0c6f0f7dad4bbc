"""The webhooks screen: what a system did not hear, and sending it again."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, expect

from foundation import clock, facts
from foundation.database import transaction
from foundation.facts import Fact
from scan_api import webhooks
from scan_api.webhooks import Secrets, Told
from tests.browser.shop import Shop
from tests.browser.test_console import desk, sign_in

pytestmark = pytest.mark.browser

SECRETS = Secrets(b"s" * 32)
SIZES = {"phone": (390, 844), "laptop": (1280, 800)}


def messages_for(house: Shop) -> int:
    """One endpoint, one message delivered and two given up."""
    now = clock.now()
    with transaction(house.stage.house.engine) as tx:
        made, _ = webhooks.add(
            tx, name="ERP 用友", url="https://erp.example.cn/hooks/onecode", kinds=["case.decided", "codes.recalled"],
            private=False, secrets=SECRETS, by="demo", now=now,
        )  # fmt: skip
        told = [Fact("case.decided", f"case:{n}", {"n": n}) for n in range(3)]
        facts.announce(tx, told, now=now)
        webhooks.hand_on(tx, now=now)
        for n in range(webhooks.MOST_TRIES):
            at = now + timedelta(days=n)
            for parcel in webhooks.claim(tx, secrets=SECRETS, now=at):
                accepted = parcel.body["subject"] == "case:0"
                webhooks.settle(tx, parcel, Told(200, "ok") if accepted else Told(500, "no such host"), now=at)
    return made.id


def test_a_supervisor_sends_again_what_was_given_up(shop: Callable[..., Shop], chromium: Browser, tmp_path) -> None:
    house = shop("api", "console")
    with desk(chromium) as page:
        sign_in(page, house, "demo", house.stage.password)
        expect(page.get_by_text("没有待处理的案件")).to_be_visible()
        page.goto(f"{house.stage.console}/webhooks")
        expect(page.get_by_text("还没有系统在接收通知")).to_be_visible()
        page.screenshot(path=tmp_path / "empty.png")
        endpoint = messages_for(house)
        page.goto(f"{house.stage.console}/webhooks")
        page.get_by_role("cell", name="ERP 用友").click()
        expect(page.get_by_text("重新发送已放弃的 2 条")).to_be_visible()
        expect(page.get_by_text("已放弃", exact=True)).to_have_count(2)
        for name, (width, height) in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            page.reload()
            expect(page.get_by_text("已送达").first).to_be_visible()
            page.screenshot(path=tmp_path / f"{name}.png", full_page=True)
        page.get_by_text("重新发送已放弃的 2 条").click()
        expect(page.get_by_text("等待中", exact=True)).to_have_count(2)
        page.get_by_text("English").click()
        expect(page.get_by_text("Waiting", exact=True)).to_have_count(2)
        expect(page.get_by_text("given up again")).to_have_count(0)
        page.screenshot(path=tmp_path / "english.png", full_page=True)
        page.goto(f"{house.stage.console}/webhooks/999")
        expect(page.get_by_text("There is nothing here")).to_be_visible()
    assert "webhook-replayed" in house.audited(f"webhook:{endpoint}")
