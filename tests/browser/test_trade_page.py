"""A store on its phones: registers, waits, takes on an assistant, opens a case, reads what was refused and why."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import text

from codegen import shipments
from foundation import clock
from foundation.database import reading, transaction
from loyalty import rebates, trade, trade_terms
from loyalty.trade_terms import Promise
from tests.browser.shop import Shop
from tests.browser.test_consumer_page import phone, sign_in
from tests.browser.test_consumer_screens import fits, seen

pytestmark = pytest.mark.browser

ZHOU, WU, CHEN = "13800138011", "13800138012", "13800138013"
PROMISE = Promise(case_points=50, sale_points=10, assistant_percent=30, case_rebate_fen=20_000)
CHENGDU, URUMQI = 510100, 650100


def case_of(house: Shop) -> str:
    with reading(house.stage.house.engine) as tx:
        return str(tx.execute(text("SELECT sscc FROM units ORDER BY sscc LIMIT 1")).scalar_one())


def approve(house: Shop) -> None:
    with transaction(house.stage.house.engine) as tx:
        for one in trade.partners(tx, state="pending"):
            trade.approve(tx, one.id, by="Zhao", now=clock.now())


def register(page: Page, dealer: int, code: str, name: str, kind: str = "store") -> None:
    page.get_by_label("经销商编号").fill(str(dealer))
    page.get_by_role("button", name="下一步").click()
    page.get_by_label("类别").select_option(kind)
    page.locator("#code-of").fill(code)
    page.get_by_label("名称").fill(name)
    page.get_by_role("button", name="提交登记").click()


def test_a_store_registers_and_opens_a_case(shop: Callable[..., Shop], chromium: Browser) -> None:
    house = shop("api")
    dealer, now, sscc = house.stage.dealers["成都茶行"], clock.now(), case_of(house)
    with transaction(house.stage.house.engine) as tx:
        brand = house.stage.brand.id
        terms = trade_terms.draft(
            tx, PROMISE, brand_id=brand, budget_points=10_000, budget_fen=1_000_000, by="Zhao", now=now
        )
        trade_terms.publish(tx, terms.id, by="Qian", now=now)
        assert shipments.dealers(tx, brand_id=brand)
    with phone(chromium, forgive=("404", "409", "400")) as zhou, phone(chromium, forgive=("404",)) as wu:
        zhou.goto(f"{house.stage.api}/trade")
        seen(zhou, "trade-sign-in-zh")
        sign_in(zhou, house, ZHOU)
        zhou.get_by_label("经销商编号").fill("999")
        zhou.get_by_role("button", name="下一步").click()
        expect(zhou.get_by_text("没有这个经销商编号")).to_be_visible()
        register(zhou, dealer, "CD-001", "锦里烟酒")
        expect(zhou.get_by_text("锦里烟酒 的登记正在审核")).to_be_visible()
        seen(zhou, "trade-pending-zh")
        approve(house)

        wu.goto(f"{house.stage.api}/trade")
        sign_in(wu, house, WU)
        wu.get_by_label("门店编码").fill("NO-1")
        wu.get_by_role("button", name="申请加入").click()
        expect(wu.get_by_text("没有这个编码的门店")).to_be_visible()
        seen(wu, "trade-newcomer-error-zh")
        wu.get_by_label("门店编码").fill("cd-001")
        wu.get_by_role("button", name="申请加入").click()
        expect(wu.get_by_text("等店主确认")).to_be_visible()

        zhou.reload()
        zhou.get_by_role("button", name="同意").click()
        expect(zhou.get_by_role("button", name="同意")).to_have_count(0)
        wu.goto(f"{house.stage.api}/trade#{sscc}")
        wu.reload()
        expect(wu.get_by_label("箱码")).to_have_value(sscc)
        wu.get_by_role("button", name="开箱").click()
        expect(wu.get_by_text("已开箱，+50 积分")).to_be_visible()
        expect(wu.locator("#points")).to_have_text("35")
        expect(wu.locator("#mine")).to_have_text("15")
        seen(wu, "trade-opened-zh")
        fits(wu)

        zhou.reload()
        zhou.get_by_label("箱码").fill("12345")
        zhou.get_by_role("button", name="开箱").click()
        expect(zhou.get_by_text("这不是箱码")).to_be_visible()
        zhou.get_by_label("箱码").fill(f"https://id.example.cn/00/{sscc}")
        zhou.get_by_role("button", name="开箱").click()
        expect(zhou.get_by_text("这一箱已经开过")).to_be_visible()
        seen(zhou, "trade-refused-zh")
        fits(zhou)
        zhou.get_by_role("button", name="English").click()
        expect(zhou.get_by_role("heading", level=1)).to_have_text("Stores and dealers")
        expect(zhou.get_by_text("Case opened", exact=False).first).to_be_visible()
        seen(zhou, "trade-en")
        fits(zhou)
        zhou.set_viewport_size({"width": 1280, "height": 800})
        seen(zhou, "trade-laptop-en")


def test_a_dealer_reads_what_is_withheld_and_until_when(shop: Callable[..., Shop], chromium: Browser) -> None:
    house = shop("api")
    dealer, now = house.stage.dealers["成都茶行"], clock.now()
    with phone(chromium) as chen:
        chen.goto(f"{house.stage.api}/trade")
        sign_in(chen, house, CHEN)
        register(chen, dealer, "DL-1", "成都茶行", "dealer")
        expect(chen.get_by_text("成都茶行 的登记正在审核")).to_be_visible()
        approve(house)
        chen.reload()
        expect(chen.get_by_text("还没有返利")).to_be_visible()
        with transaction(house.stage.house.engine) as tx:
            asked = {"dealer_id": dealer, "region": URUMQI, "case_id": 1, "reason": "十二箱在乌鲁木齐被扫", "days": 30}
            one = rebates.propose(tx, **asked, by="Zhao", now=now)
            rebates.approve(tx, one.id, by="Qian", now=now)
        chen.reload()
        expect(chen.get_by_text("返利暂扣：乌鲁木齐市")).to_be_visible()
        expect(chen.get_by_text("到期未决自动发放")).to_be_visible()
        seen(chen, "trade-dealer-zh")
        fits(chen)
        chen.get_by_role("button", name="退出登录").click()
        expect(chen.get_by_label("手机号")).to_be_visible()
