"""The trade over HTTP: a store registers, opens a case, sells a bottle; diversion is refused, told and withheld."""

from datetime import timedelta

import pytest

from antifraud import alerts, case_actions, cases
from antifraud.findings import Alert, Reason, Severity
from codegen import case_records, digsig, gs1, hierarchy, shipments, spans
from codegen.digsig import SigningKey
from foundation import clock, ids
from foundation.database import transaction
from loyalty import following, rebates, sales, trade, trade_terms
from loyalty.rebates import WithholdingMoved
from loyalty.trade_terms import Promise
from scan_api import api_keys, trading
from scan_api.trading import DealerNotHeard, NoEvidence

PROMISE = Promise(case_points=50, sale_points=10, assistant_percent=30, case_rebate_fen=200, sale_rebate_fen=25)
CHENGDU, URUMQI = 510100, 650100


def promise(world):
    with transaction(world.house.engine) as tx:
        made = trade_terms.draft(
            tx, PROMISE, brand_id=world.factory.brand.id, budget_points=10_000, budget_fen=10_000, by="Zhao",
            now=clock.now(),
        )  # fmt: skip
        trade_terms.publish(tx, made.id, by="Qian", now=clock.now())


def call(phone, method, path, status=200, **body):
    got = phone.http.request(method, f"/v1/trade{path}", json=body or None, headers=phone.headers)
    assert got.status_code == status, got.text
    return got.json() if got.content else None


def shop(world, owner, *, code="CD-001", dealer=None, region=CHENGDU):
    dealer_id = dealer or world.factory.dealer.id
    said = {"dealer_id": dealer_id, "code": code, "name": "锦里烟酒", "region": region}
    made = call(owner, "POST", "/partners", 201, **said)
    assert call(owner, "POST", "/partners", 201, **said) == made
    with transaction(world.house.engine) as tx:
        trade.approve(tx, made["id"], by="Zhao", now=clock.now())
    return made["id"]


def opening(phone, label, *, id_=None, status=200):
    return call(
        phone, "POST", "/openings", status, id=id_ or str(ids.uuid7(clock.now())), text=label, device=phone.device
    )


def sold(world):
    with transaction(world.house.engine) as tx:
        following.follow(tx, now=clock.now())
    with transaction(world.house.engine) as tx:
        sales.sweep(tx, now=clock.now())


def test_a_store_opens_a_case_and_earns_by_the_bottle(world):
    promise(world)
    owner, assistant, buyer = (world.phone(name) for name in ("Zhou", "Wu", "Li"))
    seen = call(owner, "GET", f"/dealers/{world.factory.dealer.id}")
    assert (seen["name"], seen["regions"][0]["zh"]) == ("成都茶行", "成都市")
    shop(world, owner)
    assert call(assistant, "POST", "/people", code="cd-001")["is_bound"] is False
    assert opening(assistant, "1" * 18, status=403)["type"].endswith("not-a-partner")
    [_, asked] = call(owner, "GET", "/me")["people"]
    assert (asked["role"], asked["state"], asked["phone"]) == ("assistant", "asked", "138****0001")
    assert call(assistant, "PUT", f"/people/{asked['id']}", 403)["type"].endswith("not-a-partner")
    call(owner, "PUT", f"/people/{asked['id']}", 204)
    bottles = world.factory.make_case(3)
    id_ = str(ids.uuid7(clock.now()))
    got = opening(assistant, f"https://id.brand.cn/00/{bottles[0].sscc}", id_=id_)
    assert (got["state"], got["points"], got["assistant_points"]) == ("opened", 35, 15)
    assert opening(assistant, f"(00){bottles[0].sscc}", id_=id_) == got
    assert opening(owner, bottles[0].sscc)["reason"] == "already-opened"
    assert buyer.scan(bottles[0]).credited
    assert owner.scan(bottles[1]).credited
    sold(world)
    found = call(assistant, "GET", "/rewards")
    assert (found["points"], found["mine"]) == (35 + 7, 15 + 3)
    assert [(line["amount"], line["zh"]) for line in found["lines"]] == [(7, "动销奖励"), (35, "开箱返利")]
    assert call(owner, "GET", "/rewards")["mine"] == 0
    assert call(owner, "GET", "/rebates", 403)["type"].endswith("not-a-partner")
    call(owner, "DELETE", f"/people/{asked['id']}", 204)
    assert call(assistant, "GET", "/me")["partner"] is None
    assert world.books() == []


def test_a_dealer_sees_rebates_and_what_is_withheld(world):
    promise(world)
    dealer, owner = world.phone("Chen"), world.phone("Zhou")
    shop(world, owner)
    number = world.factory.dealer.id
    body = {"kind": "dealer", "dealer_id": number, "code": "DL-1", "name": "成都茶行", "region": CHENGDU}
    made = call(dealer, "POST", "/partners", 201, **body)
    with transaction(world.house.engine) as tx:
        trade.approve(tx, made["id"], by="Zhao", now=clock.now())
    opening(owner, world.factory.make_case(2)[0].sscc)
    assert opening(dealer, world.factory.make_case(2)[0].sscc, status=403)["type"].endswith("not-a-partner")
    found = call(dealer, "GET", "/rebates")
    assert (found["months"][0]["waiting"], found["matured_fen"], found["withheld"]) == (200, 0, [])
    asked = {"dealer_id": number, "region": URUMQI, "case_id": 1, "reason": "核查中", "days": 30}
    with transaction(world.house.engine) as tx:
        one = rebates.propose(tx, **asked, by="Zhao", now=clock.now())
        rebates.approve(tx, one.id, by="Qian", now=clock.now())
    found = call(dealer, "GET", "/rebates")
    assert (found["months"][0]["withheld"], found["months"][0]["due_at"]) == (200, None)
    [withheld] = found["withheld"]
    assert (withheld["region"]["zh"], withheld["reason"]) == ("乌鲁木齐市", "核查中")


def heard(tx, case):
    """The dealer was told five days ago and let the deadline pass."""
    ago = clock.now() - timedelta(days=5)
    case_actions.act(
        tx, case.id, "dealer_notice", case.pivot, until=ago + timedelta(days=4), by="Zhao", reason="请说明", now=ago
    )


def test_another_dealers_case_is_refused_and_calls_a_person(world):
    promise(world)
    stranger = world.phone("Ma", city="Urumqi")
    with transaction(world.house.engine) as tx:
        other = shipments.add_dealer(
            tx, brand_id=world.factory.brand.id, name="乌市茶行", regions=[URUMQI], now=clock.now()
        )
    refused = call(stranger, "POST", "/partners", 400, dealer_id=other.id, code="UR-1", name="天山", region=CHENGDU)
    assert "does not sell in region" in refused["detail"]
    shop(world, stranger, code="UR-1", dealer=other.id, region=URUMQI)
    sscc, id_ = world.factory.make_case(2)[0].sscc, str(ids.uuid7(clock.now()))
    got = opening(stranger, sscc, id_=id_)
    assert (got["state"], got["reason"], got["points"]) == ("refused", "other-dealer", 0)
    assert opening(stranger, sscc, id_=id_) == got
    [case] = world.cases(code="DIV_STORE_OPENING")
    assert (case.pivot, case.alerts) == (f"dealer:{world.factory.dealer.id}:{URUMQI}", 1)
    world.settle(case, "confirmed_risk")
    with transaction(world.house.engine) as tx:
        asked = {"days": 30, "reason": "乌鲁木齐开箱", "now": clock.now()}
        with pytest.raises(DealerNotHeard, match="send a notice"):
            trading.withhold(tx, case.id, by="Zhao", **asked)
        heard(tx, case)
        one = trading.withhold(tx, case.id, by="Zhao", **asked)
        assert (one.dealer_id, one.region, one.state) == (world.factory.dealer.id, URUMQI, "proposed")
        with pytest.raises(WithholdingMoved, match="Another person"):
            rebates.approve(tx, one.id, by="Zhao", now=clock.now())


def test_evidence_short_of_ten_sure_cartons_withholds_nothing(world):
    dealer = world.factory.dealer.id

    def carton(n, least):
        reason = Reason("DIV_CARTON_TASK", {"least": least}, 5.0)
        sscc, pivot = f"{n:018d}", f"dealer:{dealer}:{URUMQI}"
        return Alert(reason, Severity.MEDIUM, pivot, ids.uuid7(clock.now()), None, sscc, dealer, "1")

    with transaction(world.house.engine) as tx:
        seen = [carton(n, 0.995) for n in range(9)] + [carton(9, 0.98), carton(3, 0.999)]
        [case_id] = alerts.raise_alerts(tx, seen, now=clock.now()).values()
        asked = {"days": 30, "reason": "十箱", "by": "Zhao", "now": clock.now()}
        with pytest.raises(NoEvidence, match="9 sure cartons of 10"):
            trading.withhold(tx, case_id, **asked)
        alerts.raise_alerts(tx, [carton(10, 0.99)], now=clock.now())
        assert trading.evidence(tx, case_id).cartons == 10
        heard(tx, cases.case(tx, case_id))
        assert trading.withhold(tx, case_id, **asked).state == "proposed"
        other = Alert(seen[0].reason, Severity.HIGH, "item:7", ids.uuid7(clock.now()), 7, None, None, "1")
        [case_id] = alerts.raise_alerts(tx, [other], now=clock.now()).values()
        with pytest.raises(NoEvidence, match="not about a dealer"):
            trading.withhold(tx, case_id, **asked)
        with pytest.raises(cases.NoSuchCase):
            trading.withhold(tx, 999, **asked)


@pytest.mark.parametrize(
    ("label", "says"),
    [("hello", "no case label"), ("HTTPS://ID.BRAND.CN/01/06901234567892/21/X", "no case label"), ("1" * 18, "check")],
)
def test_what_is_no_case_label_is_said_so(world, label, says):
    owner = world.phone("Zhou")
    shop(world, owner)
    assert says in opening(owner, label, status=400)["detail"]


def test_a_forged_signature_is_a_case_nobody_knows_and_a_good_one_opens(world):
    promise(world)
    owner = world.phone("Zhou")
    shop(world, owner)
    sscc = world.factory.make_case(1)[0].sscc
    key = SigningKey.derive(world.house.keys, brand_id=world.factory.brand.id)
    forged = dict(SigningKey(b"f" * 32).sign((("00", sscc),)))["8030"]
    assert opening(owner, f"https://id.brand.cn/00/{sscc}?8030={forged}")["reason"] == "unknown-case"
    good = dict(key.sign((("00", sscc),)))[digsig.DIGSIG]
    assert opening(owner, f"https://id.brand.cn/00/{sscc}?8030={good}")["state"] == "opened"


def test_a_bundle_in_the_case_and_a_relabelled_case_are_the_stores(world):
    promise(world)
    owner, buyer = world.phone("Zhou"), world.phone("Li")
    shop(world, owner)
    run, bottles = world.factory.issue(4)
    now = world.factory.now
    with transaction(world.house.engine) as tx:
        spans.commission(tx, [(run.first, run.end)], by="line 1", now=now)
        bundle, case, new = (hierarchy.new_sscc(tx, world.factory.brand.id) for _ in range(3))
        hierarchy.pack(tx, sscc=bundle, level="bundle", items=[(run.first, run.end)], by="line 1", now=now)
        hierarchy.pack(tx, sscc=case, level="case", units=[bundle], by="line 1", now=now)
        shipments.ship(tx, dealer_id=world.factory.dealer.id, units=[case], document="DN-9", now=now)
        assert case_records.record_of(tx, case).units == tuple(sorted([bundle, case]))
    opening(owner, case)
    assert buyer.scan(bottles[0]).credited
    sold(world)
    assert call(owner, "GET", "/rewards")["points"] == 60
    with transaction(world.house.engine) as tx:
        hierarchy.move(tx, old=case, new=new, by="table", now=now + timedelta(days=1))
    assert opening(owner, case)["reason"] == "not-a-case"
    assert opening(owner, new)["reason"] == "already-opened"


def test_the_dealers_system_delivers_and_nobody_else_may(world):
    owner, buyer = world.phone("Zhou"), world.phone("Li")
    promise(world)
    shop(world, owner)
    bottles, body = world.factory.make_case(2), {"code": "CD-001", "units": []}
    body["units"] = [bottles[0].sscc, gs1.make_sscc(0, "6901234", 777)]
    assert world.http.post("/v1/trade/store-cases", json=body, headers=owner.headers).status_code == 401
    with transaction(world.house.engine) as tx:
        _, key = api_keys.issue(tx, name="DMS", scopes=["trade:deliver"], days=1, by="Zhao", now=clock.now())
    got = world.http.post("/v1/trade/store-cases", json=body, headers={"Authorization": f"Bearer {key}"}).json()
    assert {one["sscc"]: one["why_not"] for one in got} == {bottles[0].sscc: None, body["units"][1]: "unknown-case"}
    assert buyer.scan(bottles[0]).credited
    sold(world)
    assert call(owner, "GET", "/rewards")["points"] == 10
