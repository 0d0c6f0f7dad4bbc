"""The story of a pack, a member's own scans, and a member's rights."""

from datetime import date

from foundation import clock
from foundation.database import transaction
from loyalty import campaigns
from scan_api import story
from tests.support.world import POINTS


def told(world, phone, answer, device=None):
    path = f"/v1/scans/{answer.body['scan_id']}/story"
    return world.http.get(path, params={"device": device or phone.device}, headers=phone.headers)


def test_a_genuine_pack_tells_where_it_went_to_the_province(world):
    li = world.phone("Li")
    said = told(world, li, li.scan(world.factory.make_item())).json()
    assert (said["product"]["en"], said["brand"]) == ("Oolong", "山泉")
    assert [step["what"] for step in said["steps"]] == ["checked", "shipped"]
    shipped = said["steps"][-1]
    assert (shipped["where"], shipped["who"]) == ({"zh": "四川省", "en": "Sichuan"}, None)
    assert date.fromisoformat(shipped["on"])


def test_a_member_reads_why_a_scan_brought_what_it_brought(world):
    with transaction(world.house.engine) as tx:
        made = campaigns.draft(
            tx, name_zh="夜里翻倍", name_en="At night", rule="hour == 99", points=7, budget_points=100,
            starts_at=world.factory.now, now=world.factory.now, priority=9,
        )  # fmt: skip
        campaigns.publish(tx, made.id, made.version, now=world.factory.now)
    li, wang, item = world.phone("Li"), world.phone("Wang"), world.factory.make_item()
    path = f"/v1/me/scans/{li.scan(item).body['scan_id']}/receipt"
    said = world.http.get(path, headers=li.headers).json()
    assert (said["points"], said["state"], said["reason"]) == (POINTS, "credited", "first-scan")
    found = {one["campaign"]["zh"]: (one["result"], one["points"], one["says"]["zh"]) for one in said["asked"]}
    assert found["首扫得积分"] == ("paid", POINTS, "已发放")
    assert found["夜里翻倍"] == ("not-matched", 0, "这次不符合活动规则")
    assert world.http.get(path, headers=wang.headers).status_code == 404
    refused = f"/v1/me/scans/{wang.scan(item).body['scan_id']}/receipt"
    assert "took no item" in world.http.get(refused, headers=wang.headers).json()["detail"]


def test_it_says_nothing_a_competitor_could_count(world):
    item, li = world.factory.make_item(), world.phone("Li")
    said = told(world, li, li.scan(item)).text
    for hidden in (item.sscc, str(item.number), "成都", "order-", "DN-", "line 1", item.text[-20:]):
        assert hidden not in said


def test_the_dealer_is_named_once_the_brand_says_so(world):
    li = world.phone("Li")
    answer = li.scan(world.factory.make_item())
    with transaction(world.house.engine) as tx:
        story.name_dealers(tx, world.factory.brand.id, named=True, by="Zhao", now=clock.now())
    assert told(world, li, answer).json()["steps"][-1]["who"]["zh"] == "成都茶行"


def test_it_is_told_to_nobody_else_and_of_nothing_else(world):
    li, wang, item = world.phone("Li"), world.phone("Wang"), world.factory.make_item()
    mine, forged = li.scan(item), li.scan(item.forged())
    world.factory.void(item)
    void = li.scan(item)
    for phone, answer in ((wang, mine), (li, forged), (li, void)):
        said = told(world, phone, answer)
        assert (said.status_code, said.json()["detail"]) == (404, "There is no story to tell of this scan.")


def test_a_member_sees_their_scans_and_what_they_earned(world):
    li, item = world.phone("Li"), world.factory.make_item()
    world.phone("Wang").scan(item)
    li.scan(world.factory.make_item())
    li.scan(item)
    li.scan(item.forged())
    said = world.http.get("/v1/me/scans", headers=li.headers).json()
    seen = [(one["verdict"], one["points"], one["may_appeal"], one["product"] is None) for one in said]
    assert seen == [("unknown", 0, True, True), ("claimed", 0, True, False), ("genuine", 10, False, False)]
    older = world.http.get("/v1/me/scans", params={"before": said[1]["scan_id"]}, headers=li.headers).json()
    assert [one["verdict"] for one in older] == ["genuine"]


def test_consents_are_kept_in_the_words_that_were_read(world):
    li = world.phone("Li")
    path, headers = "/v1/me/consents", li.headers | {"Accept-Language": "en"}
    assert [one["granted"] for one in world.http.get(path, headers=headers).json()] == [False, False]
    given = world.http.put(f"{path}/sms", json={"granted": True}, headers=headers).json()
    assert given["granted"]
    world.http.put(f"{path}/wechat", json={"granted": True}, headers=headers)
    world.http.put(f"{path}/wechat", json={"granted": False}, headers=headers)
    assert [one["granted"] for one in world.http.get(path, headers=headers).json()] == [True, False]
    kept = world.http.get("/v1/me/export", headers=headers).json()["consents"]
    assert [(one["channel"], one["granted"]) for one in kept] == [("sms", True), ("wechat", True), ("wechat", False)]
    assert kept[0]["wording"] == given["wording"]
