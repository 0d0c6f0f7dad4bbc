"""By hand: one person asks, for a member or a list; another agrees; a rebate the bank sends back can be paid anew."""

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from playwright.sync_api import Browser, Page, expect

from foundation import clock
from foundation.database import reading, transaction
from loyalty import by_hand, coupons, ledger, members, rebates, trade, wallet
from loyalty.accounts import Account, System
from loyalty.idempotency import Key
from loyalty.invariants import check_invariants
from loyalty.ledger import Post
from loyalty.members import MemberKeys
from scan_api import auth
from tests.browser.shop import Shop
from tests.browser.test_console import desk, sign_in, sign_out
from tests.browser.test_packages import look

pytestmark = pytest.mark.browser

PASSWORD = "a marketer's password"
PHONES = ("13800138001", "13800138002", "13800138003")


def furnished(house: Shop) -> list[UUID]:
    """Two marketers, three members."""
    now, keys = clock.now(), MemberKeys.derive(house.stage.house.purpose_key)
    with transaction(house.stage.house.engine) as tx:
        for name in ("mei", "lan"):
            auth.add_staff(tx, name, PASSWORD, ("marketer",), now=now)
        return [members.find_or_create(tx, phone=phone, keys=keys, now=now) for phone in PHONES]


def swap(page: Page, house: Shop, name: str, where: str) -> None:
    sign_out(page)
    sign_in(page, house, name, PASSWORD)
    page.wait_for_url("**/campaigns")
    page.goto(where)


def asked(page: Page, why: str) -> str:
    page.get_by_label("理由（批准人会看到）").fill(why)
    page.get_by_role("button", name="提交申请").click()
    page.wait_for_url("**/by-hand/*")
    return page.url


def test_points_and_coupons_need_two_people(shop: Callable[..., Shop], chromium: Browser, tmp_path: Path) -> None:
    house = shop("console")
    li, wu, he = furnished(house)
    with desk(chromium) as page:
        sign_in(page, house, "mei", PASSWORD)
        page.wait_for_url("**/campaigns")
        page.goto(f"{house.stage.console}/by-hand")
        expect(page.get_by_text("没有申请")).to_be_visible()
        look(page, "by-hand-empty-zh")
        _refused(page, tmp_path)
        for_list = _with_a_list(page, tmp_path)
        expect(page.get_by_text("需要另一位同事审批")).to_be_visible()
        page.goto(f"{house.stage.console}/member/{li}")
        page.get_by_role("link", name="人工收发积分或券").click()
        page.get_by_role("button", name="优惠券", exact=True).click()
        page.get_by_label("减多少（元）").fill("5")
        for_coupon = asked(page, "道歉")

        swap(page, house, "lan", for_list)
        look(page, "by-hand-waiting-zh")
        page.get_by_role("button", name="批准并执行").click()
        expect(page.get_by_role("cell", name="积分不够，没有收")).to_be_visible()
        with page.expect_download() as arriving:
            page.get_by_role("button", name="下载 CSV").click()
        assert b"too-few-points" in Path(arriving.value.path()).read_bytes()
        look(page, "by-hand-done-zh")
        page.goto(for_coupon)
        expect(page.get_by_role("cell", name="立减 ¥5.00")).to_be_visible()
        page.get_by_role("button", name="批准并执行").click()
        expect(page.get_by_role("cell", name="已完成")).to_be_visible()
        page.goto(f"{house.stage.console}/by-hand?state=done")
        expect(page.get_by_role("row", name="优惠券")).to_be_visible()
        look(page, "by-hand-list-zh")
        page.get_by_role("button", name="English").click()
        expect(page.get_by_text("A new request")).to_be_visible()
        look(page, "by-hand-list-en")
    with reading(house.stage.house.engine) as tx:
        got = [wallet.balance(tx, who, now=clock.now()).available for who in (li, wu, he)]
        assert (got, len(coupons.of_member(tx, li)), check_invariants(tx)) == ([50, 30, 0], 1, [])
    assert house.audited("by-hand:1") == ["by-hand.ask", "by-hand.approve"]


def _refused(page: Page, folder: Path) -> None:
    """Nothing filled in, then a list with a wrong row: each told in a sentence."""
    page.get_by_role("button", name="提交申请").click()
    expect(page.get_by_role("alert").filter(has_text="phone number or id")).to_be_visible()
    wrong = folder / "wrong.csv"
    wrong.write_text("member,points\n13800138001,5\n13800138009,5\n")
    page.locator("input[type=file]").set_input_files(wrong)
    expect(page.get_by_role("alert").filter(has_text="Row 3, member")).to_be_visible()
    look(page, "by-hand-error-zh")


def _with_a_list(page: Page, folder: Path) -> str:
    right = folder / "right.csv"
    rows = [f"{phone},{points}\n" for phone, points in zip(PHONES, (50, 30, -9), strict=True)]
    right.write_text("".join(["member,points\n", *rows]))
    page.locator("input[type=file]").set_input_files(right)
    expect(page.get_by_text("名单：3 人，合计 +71 积分")).to_be_visible()
    expect(page.get_by_label("手机号或会员编号")).to_be_hidden()
    return asked(page, "系统故障补发")


def test_a_rebate_is_paid_and_sent_back(shop: Callable[..., Shop], chromium: Browser) -> None:
    house, now = shop("console"), clock.now()
    furnished(house)
    dealer = house.stage.dealers["成都茶行"]
    with transaction(house.stage.house.engine) as tx:
        owner = Account("trade", trade.dealer(dealer), "cash_fen")
        key = Key("test", "matured")
        ledger.post(tx, [Post(key, "award", System.ISSUER, owner, 12_345, "shop-sale", asset="cash_fen")], now=now)
        made = by_hand.ask_rebates(tx, [dealer], why="六月返利", by="mei", now=now)
    where = f"{house.stage.console}/by-hand/{made.id}"
    with desk(chromium) as page:
        sign_in(page, house, "lan", PASSWORD)
        page.wait_for_url("**/campaigns")
        page.goto(where)
        expect(page.get_by_role("cell", name="成都茶行")).to_be_visible()
        page.get_by_role("button", name="批准并执行").click()
        page.get_by_role("button", name="登记退回").click()
        expect(page.get_by_role("alert").filter(has_text="what the bank said")).to_be_visible()
        look(page, "by-hand-bank-zh")
        page.get_by_label("理由").last.fill("户名不符")
        page.get_by_role("button", name="登记退回").click()
        expect(page.get_by_role("cell", name="银行已退回")).to_be_visible()
        page.goto(f"{house.stage.console}/by-hand/999")
        expect(page.get_by_text("没有")).to_be_visible()
    with reading(house.stage.house.engine) as tx:
        assert rebates.balance_fen(tx, dealer) == 12_345
