"""The room of the trade: terms by two people, a store let in, a dealer's rebates withheld and paid by two people."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from playwright.sync_api import Browser, Page, expect

from antifraud import alerts, case_actions, cases
from antifraud.findings import Alert, Reason, Severity
from foundation import clock, ids
from foundation.database import transaction
from loyalty import openings, trade
from loyalty.openings import Case
from scan_api import auth
from tests.browser.shop import Shop
from tests.browser.test_console import desk, sign_in, sign_out
from tests.browser.test_packages import look

pytestmark = pytest.mark.browser

PASSWORD = "a marketer's password"
CHENGDU, URUMQI = 510100, 650100
ZHOU = UUID(int=7)


def confirmed_case(house: Shop, dealer_id: int) -> int:
    now = clock.now()
    reason = Reason("DIV_CARTON_TASK", {"least": 0.97}, 5.0)
    seen = Alert(reason, Severity.MEDIUM, f"dealer:{dealer_id}:{URUMQI}", ids.uuid7(now), None, "1", dealer_id, "1")
    with transaction(house.stage.house.engine) as tx:
        [case_id] = alerts.raise_alerts(tx, [seen], now=now).values()
        cases.take(tx, case_id, by="wang", now=now)
        cases.decide(tx, case_id, "confirmed_risk", by="wang", reason="现场核实", now=now)
    return case_id


def heard(house: Shop, case_id: int) -> None:
    """The dealer was told five days ago and let the deadline pass."""
    ago = clock.now() - timedelta(days=5)
    with transaction(house.stage.house.engine) as tx:
        pivot = cases.case(tx, case_id).pivot
        case_actions.act(
            tx, case_id, "dealer_notice", pivot, until=ago + timedelta(days=4), by="wang", reason="请说明", now=ago
        )


def changed_hands(page: Page, house: Shop, name: str, where: str) -> None:
    sign_out(page)
    sign_in(page, house, name, PASSWORD)
    page.wait_for_url("**/campaigns")
    page.goto(f"{house.stage.console}{where}")


def test_two_people_run_the_trade(shop: Callable[..., Shop], chromium: Browser) -> None:
    house, now = shop("console"), clock.now()
    dealer = house.stage.dealers["成都茶行"]
    with transaction(house.stage.house.engine) as tx:
        for name in ("mei", "qian"):
            auth.add_staff(tx, name, PASSWORD, ("marketer",), now=now)
    with desk(chromium) as page:
        sign_in(page, house, "mei", PASSWORD)
        page.get_by_role("link", name="渠道").click()
        expect(page.get_by_text("没有待审核的登记")).to_be_visible()
        expect(page.get_by_text("还没有条款")).to_be_visible()
        look(page, "trade-empty-zh")
        page.get_by_text("起草新条款").first.click()
        for label, value in (("开箱积分", "50"), ("动销积分", "10"), ("箱返利（分）", "20000")):
            page.get_by_label(label).fill(value)
        page.get_by_role("button", name="起草新条款").last.click()
        page.get_by_role("button", name="批准并生效").click()
        expect(page.get_by_role("alert").filter(has_text="须由另一人批准")).to_be_visible()
        look(page, "trade-error-zh")
        changed_hands(page, house, "qian", "/trade")
        page.get_by_role("button", name="批准并生效").click()
        expect(page.get_by_role("cell", name="生效中")).to_be_visible()

        with transaction(house.stage.house.engine) as tx:
            asked = trade.register(
                tx,
                kind="store",
                dealer_id=dealer,
                code="CD-001",
                name="锦里烟酒",
                region=CHENGDU,
                member_id=ZHOU,
                now=now,
            )
        page.reload()
        page.get_by_role("button", name="通过").click()
        expect(page.get_by_role("cell", name="合作中")).to_be_visible()
        with transaction(house.stage.house.engine) as tx:
            owner, brand = trade.working(tx, ZHOU), house.stage.brand.id
            for n, whose in enumerate((dealer, dealer, dealer + 1)):
                case = Case(f"{n:018d}", "case", brand, whose, (f"{n:018d}",))
                openings.open_case(tx, ids.uuid7(now), case, owner, device="d", now=clock.now())
        page.reload()
        expect(page.get_by_role("cell", name="属于其他经销商")).to_be_visible()
        look(page, "trade-full-zh")
        page.get_by_role("cell", name="CD-001").first.click()
        expect(page.get_by_text("开箱返利").first).to_be_visible()
        look(page, "partner-zh")

        page.goto(f"{house.stage.console}/trade")
        page.get_by_role("button", name="申请付清已到期返利").click()
        expect(page.get_by_role("alert").filter(has_text="No rebate has matured")).to_be_visible()
        case_id = confirmed_case(house, dealer)
        page.goto(f"{house.stage.console}/rebates/{dealer}")
        expect(page.get_by_role("cell", name="¥400.00").first).to_be_visible()
        page.get_by_label("案件编号").fill("999")
        page.get_by_label("理由").fill("核查流向")
        page.get_by_role("button", name="提议暂扣").click()
        expect(page.get_by_role("alert").filter(has_text="没有这个案件")).to_be_visible()
        page.get_by_label("案件编号").fill(str(case_id))
        page.get_by_role("button", name="提议暂扣").click()
        expect(page.get_by_role("alert").filter(has_text="send a notice")).to_be_visible()
        heard(house, case_id)
        page.get_by_role("button", name="提议暂扣").click()
        page.get_by_role("button", name="同意暂扣").click()
        expect(page.get_by_role("alert").filter(has_text="须由另一人同意")).to_be_visible()
        changed_hands(page, house, "mei", f"/rebates/{dealer}")
        page.get_by_role("button", name="同意暂扣").click()
        expect(page.get_by_text("暂扣中")).to_be_visible()
        look(page, "rebates-held-zh")
        page.get_by_label("理由").first.fill("已核实为授权团购")
        page.get_by_role("button", name="提议发放").click()
        changed_hands(page, house, "qian", f"/rebates/{dealer}")
        page.get_by_role("button", name="English").click()
        page.get_by_role("button", name="Agree to pay").click()
        expect(page.get_by_text("Paid", exact=True)).to_be_visible()
        look(page, "rebates-en")
        page.goto(f"{house.stage.console}/partner/{asked.partner.id}")
        page.get_by_label("Reason (they read it)").fill("moved away")
        page.get_by_role("button", name="Close").click()
        expect(page.get_by_text("moved away")).to_be_visible()
        page.goto(f"{house.stage.console}/partner/999")
        expect(page.get_by_text("There is nothing here")).to_be_visible()
    assert house.audited(f"dealer:{dealer}") == [
        "rebates.propose", "rebates.approve", "rebates.ask-release", "rebates.release",
    ]  # fmt: skip
