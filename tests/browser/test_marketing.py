"""A marketer's week: a draft tried on history, approved by a colleague, scanned and paid; and every room."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import Browser, Page, expect

from antifraud import scan_log
from console.shop_words import WORDS
from foundation import clock
from foundation.database import reading, transaction
from foundation.ids import uuid7
from foundation.settings import Settings
from loyalty import campaigns, coupons, handing, invariants, members, prizes
from loyalty.campaigns import Terms
from loyalty.expiry import BRAND_ZONE
from loyalty.members import Identifier, MemberKeys
from scan_api import auth, demo
from scan_api.demo import Phone
from scan_api.paymaster import Paymaster, open_channel
from tests.browser.shop import Shop
from tests.browser.test_console import desk, sign_in, sign_out
from tests.browser.test_packages import look
from tests.support.wechat_pay import APP_ID, WeChatPayServer, wechat_pay_server

pytestmark = pytest.mark.browser

PASSWORD = "a marketer's password"
TEA = demo.PRODUCTS[0][0]
SAYS = "如公告"
SOON = timedelta(seconds=30)  # Until the pool starts: it has to be approved before.


@pytest.fixture
def wechat(tmp_path: Path) -> Iterator[WeChatPayServer]:
    folder = tmp_path / "wechat-pay"
    folder.mkdir()
    with wechat_pay_server(folder) as standing:
        yield standing


def two_marketers(house: Shop) -> None:
    with transaction(house.stage.house.engine) as tx:
        for name in ("mei", "lan"):
            auth.add_staff(tx, name, PASSWORD, ("marketer",), now=clock.now())


def swap(page: Page, house: Shop, name: str, where: str) -> None:
    """Somebody else sits down at the same screen."""
    sign_out(page)
    sign_in(page, house, name, PASSWORD)
    page.wait_for_url("**/campaigns")
    page.goto(where)


def test_from_draft_through_lab_and_approval_to_the_first_payout(
    shop: Callable[..., Shop], chromium: Browser, wechat: WeChatPayServer
) -> None:
    house = shop("api", "console", more=wechat.environment)
    two_marketers(house)
    with house.people() as http:
        Phone.signed_in(http, house.stage).scan(house.texts[0], at=demo.CHENGDU)  # History for the lab.
    with desk(chromium) as page:
        sign_in(page, house, "mei", PASSWORD)
        page.wait_for_url("**/campaigns")
        draft_a_campaign(page)
        try_it(page)
        page.get_by_role("button", name="提交审批").click()
        expect(page.get_by_text("需要另一位同事审批")).to_be_visible()
        where = page.url
        swap(page, house, "lan", where)
        page.get_by_role("button", name="批准并发布").click()
        expect(page.get_by_text("进行中")).to_be_visible()
        look(page, "campaign-live-zh")
        assert house.audited(f"campaign:{where.rsplit('/', 1)[-1]}") == ["campaign.submit", "campaign.approve"]

        page.goto(f"{house.stage.console}/pools")
        draft_a_pool(page)
        where = page.url
        swap(page, house, "mei", where)
        page.get_by_role("button", name="批准并公布").click()
        expect(page.get_by_text("已公布")).to_be_visible()
        expect(page.get_by_text("熔断未触发")).to_be_visible()
        look(page, "pool-live-zh")
        scanned = scan_and_win(page, house)
        assert (scanned["reward"]["points"], scanned["reward"]["prize"]["kind"]) == (10 + 88, "red_packet")

        pay(house, wechat)
        assert list(wechat.paid().values()) == [120]
        page.goto(f"{house.stage.console}/payouts")
        expect(page.get_by_role("cell", name="已到账")).to_be_visible()
        expect(page.get_by_role("cell", name="¥1.20")).to_be_visible()
        look(page, "payouts-zh")
        page.goto(where)
        expect(page.get_by_text("999 / 1,000")).to_be_visible()
        page.get_by_label("理由").fill("先看一眼")
        page.get_by_role("button", name="暂停发放").click()
        expect(page.get_by_text("熔断：先看一眼")).to_be_visible()
        look(page, "pool-held-zh")
    with reading(house.stage.house.engine) as tx:
        assert invariants.check_invariants(tx) == []


def draft_a_campaign(page: Page) -> None:
    page.get_by_role("button", name="节假日双倍积分").click()
    expect(page.get_by_text("意思是：当天是节假日或周末")).to_be_visible()
    look(page, "campaign-template-zh")
    page.get_by_role("button", name="扫码得积分").click()
    page.get_by_label("中文名称").fill("茶友加赠")
    page.get_by_label("英文名称").fill("Tea lovers")
    page.get_by_label("规则", exact=True).fill(f'gtin = "{TEA}"')
    expect(page.get_by_text("第 6 个字符处看不懂")).to_be_visible()
    look(page, "campaign-error-zh")
    page.get_by_label("规则", exact=True).fill(f'gtin == "{TEA}"')
    expect(page.get_by_text(f"意思是：商品条码是“{TEA}”")).to_be_visible()
    page.get_by_label("叠加方式").click()
    page.get_by_role("option", name="额外").click()
    page.get_by_label("数额").fill("88")
    page.get_by_role("button", name="保存草稿").click()
    expect(page.get_by_role("alert").filter(has_text="budget: give a whole number")).to_be_visible()
    page.get_by_label("预算（积分）").fill("5000")
    page.get_by_role("button", name="保存草稿").click()
    page.wait_for_url("**/campaign/*")


def try_it(page: Page) -> None:
    page.get_by_role("button", name="试算").click()
    figures = page.locator(".figure")
    expect(figures.nth(0)).to_have_text("1")
    expect(figures.nth(1)).to_have_text("88")
    expect(figures.nth(2)).to_have_text("10")
    expect(figures.nth(3)).to_have_text("+88")
    expect(figures.nth(4)).to_have_text("1")
    look(page, "campaign-lab-zh")


def draft_a_pool(page: Page) -> None:
    for label, text in (("中文名称", "开盖有奖"), ("英文名称", "Open and win")):
        page.get_by_label(label).first.fill(text)
        page.get_by_label(label).nth(1).fill(text)
    page.get_by_label("红包元数或积分数").first.fill("1.20")
    page.get_by_label("权重", exact=True).first.fill("999999")
    expect(page.get_by_text("已分配 1,998,999 / 1,000,000")).to_be_visible()
    for label in ("参与条件", "参与方式", "兑奖时间与方式", "弃奖处理", "主办方"):
        page.get_by_label(label).fill(SAYS)
    page.get_by_label("开始").fill(f"{clock.now().astimezone(BRAND_ZONE) + SOON:%Y-%m-%dT%H:%M:%S}")
    page.get_by_role("button", name="保存草稿").click()
    expect(page.get_by_role("alert").filter(has_text="add up to more than one")).to_be_visible()
    look(page, "pool-error-zh")
    page.get_by_label("权重", exact=True).nth(1).fill("1")
    page.get_by_role("button", name="保存草稿").click()
    page.wait_for_url("**/pool/*")
    expect(page.get_by_text("99.9999%")).to_be_visible()


def scan_and_win(page: Page, house: Shop) -> dict[str, Any]:
    """Once the pool is on, a buyer scans; their WeChat is known to us."""
    with reading(house.stage.house.engine) as tx:
        starts_at = prizes.list_pools(tx)[0].starts_at
    page.wait_for_timeout(max(0, (starts_at - clock.now()).total_seconds() * 1000 + 1000))
    with house.people() as http:
        scanned = Phone.signed_in(http, house.stage).scan(house.texts[1], at=demo.CHENGDU)
    keys = MemberKeys.derive(house.stage.house.purpose_key)
    with transaction(house.stage.house.engine) as tx:
        member = scan_log.recent(tx)[0].member_id
        assert member is not None
        members.link(tx, member, Identifier("wechat_openid", f"{APP_ID}:o-li"), keys=keys, now=clock.now())
    return scanned


def pay(house: Shop, wechat: WeChatPayServer) -> None:
    """What the worker does: hand over what was won, carry payouts to the channel, ask how they ended."""
    keys, engine = MemberKeys.derive(house.stage.house.purpose_key), house.stage.house.engine
    with transaction(engine) as tx:
        assert handing.hand_over(tx, now=clock.now()) == 1
    channel = open_channel(Settings.from_environment(wechat.environment))
    assert channel is not None
    paymaster = Paymaster(engine, channel, keys, app_id=APP_ID)
    for after in (0, 1, 2):
        paymaster.round(now=clock.now() + timedelta(minutes=after))
    channel.close()


def test_the_desk_offers_ships_and_looks_after_a_member(shop: Callable[..., Shop], chromium: Browser) -> None:
    house = shop("api", "console")
    two_marketers(house)
    at = house.stage.console
    with desk(chromium) as page:
        sign_in(page, house, "mei", PASSWORD)
        page.wait_for_url("**/campaigns")
        for room, says in EMPTY.items():
            page.goto(f"{at}/{room}")
            expect(page.get_by_text(says)).to_be_visible()
            look(page, f"{room}-empty-zh")
        page.goto(f"{at}/catalogue")
        page.get_by_label("中文名称").fill("茶杯")
        page.get_by_role("button", name="保存草稿").click()
        expect(page.get_by_role("alert").filter(has_text="both languages")).to_be_visible()
        page.get_by_label("英文名称").fill("Cup")
        page.get_by_label("积分价").fill("6")
        page.get_by_label("库存").fill("3")
        look(page, "catalogue-error-zh")
        page.get_by_role("button", name="保存草稿").click()
        page.wait_for_url("**/reward/*")
        expect(page.get_by_text("需要另一位同事审批")).to_be_visible()
        swap(page, house, "lan", page.url)
        page.get_by_role("button", name="批准并上架").click()
        expect(page.get_by_text("可兑换", exact=True)).to_be_visible()
        page.get_by_label("补多少").fill("2")
        page.get_by_role("button", name="补货").click()
        expect(page.get_by_text("5 / 5")).to_be_visible()
        look(page, "reward-zh")

        member = buy(house)
        page.goto(f"{at}/redemptions")
        page.get_by_role("link", name="茶杯").click()
        page.wait_for_url("**/redemption/*")
        page.get_by_role("button", name="发放").click()
        page.get_by_role("button", name="发货").click()
        expect(page.get_by_role("alert").filter(has_text="Name the carrier")).to_be_visible()
        look(page, "redemption-error-zh")
        page.get_by_label("快递公司").fill("顺丰")
        page.get_by_label("快递单号").fill("SF1")
        page.get_by_role("button", name="发货").click()
        expect(page.get_by_text("顺丰 SF1")).to_be_visible()
        with page.expect_download() as file:
            page.goto(f"{at}/redemptions")
            page.get_by_role("button", name="下载 CSV").click()
        assert ",shipped,," in file.value.path().read_text("utf-8-sig")
        look(page, "redemptions-zh")

        orders(page, house, member)
        find(page, house, member)
        page.get_by_role("button", name="English").click()
        expect(page.get_by_role("button", name="中文")).to_be_visible()
        for room in ("campaigns", "catalogue", "redemptions", "budgets", "tiers", "liability", "orders"):
            page.goto(f"{at}/{room}")
            expect(page.locator(".sheet").first).to_be_visible()
            page.wait_for_timeout(300)
            look(page, f"{room}-en")
            fits(page)
            assert_all_said(page)


EMPTY = {
    "catalogue": "还没有兑换商品",
    "redemptions": "没有兑换订单",
    "pools": "还没有奖池",
    "payouts": "没有红包记录",
    "liability": "还没有发过积分",
    "tiers": "还没有会员进入等级",
}


def buy(house: Shop) -> UUID:
    """A member scans a bottle and redeems a cup; who it was."""
    with house.people() as http:
        li = Phone.signed_in(http, house.stage)
        li.scan(house.texts[0], at=demo.CHENGDU)
        headers = {"Authorization": f"Bearer {li._token}"}
        body = {"reward_id": 1, "id": str(uuid7(clock.now()))}
        assert http.post("/v1/me/redemptions", json=body, headers=headers).json()["state"] == "requested"
    with reading(house.stage.house.engine) as tx:
        member = scan_log.recent(tx)[0].member_id
    assert member is not None
    return member


def orders(page: Page, house: Shop, member: UUID) -> None:
    """A wrong file changes nothing and says where; the right one is taken whole."""
    page.goto(f"{house.stage.console}/orders")
    head, row = "order_id,member,placed_at,paid_yuan,channel,gtins", f"{member},2026-06-01T09:30:00,12.50,shop,{TEA}"
    for content, says in (
        (f"{head}\nA1,{row}\nA1,{row}\n".encode(), "Row 3, order_id: 'A1' is in row 2 already."),
        (f"{head}\n订单,{row}\n".encode("gb18030"), "Row 2: save the file as UTF-8"),
        (f"{head}\nA1,{row}\nA2,{row.replace('12.50', '-1')}\n".encode(), "Row 3, paid_yuan"),
    ):
        upload(page, content)
        expect(page.get_by_role("alert").filter(has_text=says)).to_be_visible()
        expect(page.get_by_text("一行都没有写入")).to_be_visible()
    look(page, "orders-error-zh")
    upload(page, f"{head}\nA1,{row}\nA2,{row}\n".encode())
    expect(page.get_by_role("status").filter(has_text="已导入 2 笔订单")).to_be_visible()
    assert house.audited("orders") == ["orders.import"]


def upload(page: Page, content: bytes) -> None:
    page.locator("input[type=file]").set_input_files({"name": "orders.csv", "mimeType": "text/csv", "buffer": content})


def find(page: Page, house: Shop, member: UUID) -> None:
    """By phone number to everything about a member, and from a point back to the bottle and the rule."""
    page.goto(f"{house.stage.console}/members")
    page.get_by_label("手机号或会员编号").fill("12")
    page.get_by_role("button", name="查找").click()
    expect(page.get_by_role("alert").filter(has_text="既不是会员编号，也不是手机号")).to_be_visible()
    look(page, "members-error-zh")
    page.get_by_label("手机号或会员编号").fill(str(member))
    page.get_by_role("button", name="查找").click()
    page.wait_for_url(f"**/member/{member}")
    expect(page.locator(".figure").first).to_have_text("4")  # Ten for the scan, six for the cup.
    for word in ("首次扫码", "兑换礼品", "茶杯", "手机验证码", "普通会员"):
        expect(page.get_by_text(word).first).to_be_visible()
    page.wait_for_timeout(300)
    look(page, "member-zh")
    fits(page)
    assert house.audited(f"member:{member}") == ["member.find", "member.view"]
    with page.expect_download() as file:
        page.get_by_role("button", name="下载对账单").click()
    assert file.value.path().read_text("utf-8-sig").splitlines()[1].endswith(",award,首次扫码,10,10")
    page.get_by_role("link", name="首次扫码").click()
    page.wait_for_url("**/lineage/*")
    for word in ("首扫得积分", "成都茶行", "发货", "已发放 +10"):
        expect(page.get_by_text(word).first).to_be_visible()
    look(page, "lineage-zh")


def fits(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.set_viewport_size({"width": 1280, "height": 800})


def assert_all_said(page: Page) -> None:
    """No word is missing: a key without words would be shown as it is."""
    said = set(page.locator("body").inner_text().split())
    assert not said & {key for key in WORDS if "-" in key}


def test_a_started_campaign_changes_for_the_better_only(shop: Callable[..., Shop], chromium: Browser) -> None:
    house = shop("console")
    two_marketers(house)
    now = clock.now()
    terms = Terms("周末翻番", "Weekend", "weekday(at) >= 6", {"kind": "fixed", "points": 88}, now)
    with transaction(house.stage.house.engine) as tx:
        made = campaigns.draft_terms(tx, terms, budget_points=5000, by="mei", now=now)
        campaigns.submit(tx, made.id, 1, by="mei", now=now)
        campaigns.approve(tx, made.id, 1, by="lan", now=now)
    with desk(chromium) as page:
        sign_in(page, house, "mei", PASSWORD)
        page.wait_for_url("**/campaigns")
        page.get_by_role("link", name="周末翻番").click()
        expect(page.get_by_text("扫码时间是星期几（1至7）不小于6")).to_be_visible()
        page.get_by_role("button", name="写下一个版本").click()
        page.get_by_label("数额").fill("5")
        page.get_by_role("button", name="保存草稿").click()
        expect(page.get_by_role("alert").filter(has_text="活动开始后只能对消费者更有利")).to_be_visible()
        look(page, "campaign-against-zh")
        page.get_by_label("数额").fill("99")
        page.get_by_role("button", name="添加上限").click()
        page.get_by_role("button", name="保存草稿").click()
        expect(page.get_by_role("alert").filter(has_text="Cap no tighter than before")).to_be_visible()
        page.get_by_role("button", name="去掉这个上限").click()
        page.get_by_role("button", name="保存草稿").click()
        expect(page.get_by_text("99 积分").first).to_be_visible()
        page.get_by_role("button", name="提交审批").click()
        expect(page.get_by_text("需要另一位同事审批")).to_be_visible()
        where = page.url
        swap(page, house, "lan", where)
        page.get_by_label("理由").first.fill("请先试算")
        page.get_by_role("button", name="退回修改").click()
        expect(page.get_by_role("button", name="提交审批")).to_be_visible()
        page.get_by_role("button", name="停止活动").click()
        expect(page.get_by_role("alert").filter(has_text="Say why the campaign ends")).to_be_visible()
        page.get_by_label("理由").fill("预算另有用处")
        page.get_by_role("button", name="停止活动").click()
        expect(page.get_by_role("cell", name="已停止")).to_be_visible()
        look(page, "campaign-versions-zh")
        page.get_by_role("button", name="English").click()
        expect(page.get_by_text("It means: the weekday (1 to 7) of the time of the scan is at least 6")).to_be_visible()
        look(page, "campaign-versions-en")
        fits(page)
    subject = f"campaign:{made.id}"
    assert house.audited(subject)[-3:] == ["campaign.submit", "campaign.return", "campaign.end"]


def test_a_store_uses_a_coupon_once(shop: Callable[..., Shop], chromium: Browser) -> None:
    house = shop("console")
    key = house.stage.house.purpose_key("coupons")
    with transaction(house.stage.house.engine) as tx:
        terms = {"kind": "fixed", "off_fen": 500, "days": 30}
        given = coupons.issue(tx, member_id=uuid7(clock.now()), terms=terms, source="test", key=key, now=clock.now())
    code = coupons.code_of(given.id, key)
    with desk(chromium) as page:
        sign_in(page, house, "demo", house.stage.password)
        page.set_viewport_size({"width": 390, "height": 844})
        page.get_by_role("button", name="营销").click()
        look(page, "menu-open-zh")
        page.get_by_role("link", name="优惠券").click()
        page.wait_for_url("**/coupons")
        page.get_by_label("券码").fill("K7Q2M")
        page.get_by_role("button", name="查看").click()
        expect(page.get_by_role("alert").filter(has_text="券码不对")).to_be_visible()
        look(page, "coupons-error-zh")
        page.get_by_label("券码").fill(code.lower())
        page.get_by_role("button", name="查看").click()
        expect(page.get_by_text("立减 ¥5.00 · 可用").first).to_be_visible()
        page.get_by_label("门店").fill("一号店")
        page.get_by_label("小票号").fill("R1")
        page.get_by_role("button", name="核销").click()
        expect(page.get_by_text("立减 ¥5.00 · 已核销")).to_be_visible()
        page.get_by_label("小票号").fill("R2")
        page.get_by_role("button", name="核销").click()
        expect(page.get_by_role("alert").filter(has_text="已经用过或已失效")).to_be_visible()
        fits(page)
