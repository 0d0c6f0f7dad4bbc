"""A member's rewards over HTTP: check in, invite, redeem, see the tier."""

from foundation import clock, ids
from foundation.database import transaction
from loyalty import rewards


def offer(world, **terms):
    now = clock.now()
    usual = {"kind": "goods", "name_zh": "茶杯", "name_en": "Cup", "points": 5, "stock": 3}
    with transaction(world.house.engine) as tx:
        made = rewards.draft(tx, **(usual | terms), starts_at=now, by="Zhao", now=now)
        return rewards.publish(tx, made.id, by="Qian", now=now).id


def test_check_in_pays_a_coupon_and_the_same_id_answers_the_same(world):
    li = world.phone("Li")
    call = {"headers": li.headers}
    assert world.http.post("/v1/me/check-in", **call).json() == {"points": 5, "streak": 1, "already": False}
    assert world.http.post("/v1/me/check-in", **call).json()["already"] is True
    coupon = {"kind": "fixed", "off_fen": 500, "days": 7}
    reward_id = offer(world, kind="coupon", coupon=coupon)
    [seen] = world.http.get("/v1/rewards?lang=en", **call).json()
    assert (seen["id"], seen["name"]["en"], seen["left"], seen["why_not"]) == (reward_id, "Cup", 3, None)
    body = {"reward_id": reward_id, "id": str(ids.uuid7(clock.now()))}
    got = world.http.post("/v1/me/redemptions", json=body, **call).json()
    assert (got["state"], len(got["coupon_code"])) == ("confirmed", 17)
    assert world.http.post("/v1/me/redemptions", json=body, **call).json() == got
    assert world.http.get("/v1/me/redemptions", **call).json() == [got]
    [seen] = world.http.get("/v1/rewards", **call).json()
    assert (seen["left"], seen["why_not"]) == (2, "too-few-points")
    reused = world.http.post("/v1/me/redemptions", json=body, headers=world.phone("Wang").headers)
    assert (reused.status_code, reused.json()["type"]) == (409, "urn:onecode:problem:redemption-id-reused")
    assert world.books() == []


def test_a_friend_who_scans_brings_points_and_the_tier_counts_the_scan(world):
    li, wang = world.phone("Li"), world.phone("Wang")
    code = world.http.get("/v1/me/referral", headers=li.headers).json()["code"]
    accept = world.http.post("/v1/me/referral", json={"code": code}, headers=wang.headers)
    assert accept.status_code == 204
    assert wang.scan(world.factory.make_item()).credited
    tier = world.http.get("/v1/me/tier", headers=wang.headers).json()
    assert (tier["tier"]["zh"], tier["qualifying"], tier["next"]["at"]) == ("普通会员", 10, 500)
    assert world.http.get("/v1/me/referral", headers=li.headers).json() | {"code": ""} == {
        "code": "", "invited": 1, "points": 100,
    }  # fmt: skip
    refused = world.http.post("/v1/me/referral", json={"code": code}, headers=li.headers)
    assert (refused.status_code, refused.json()["said"]) == (409, "ring")


def test_a_child_waits_for_a_guardian(world):
    child = world.phone("Xiao")
    year = {"born_in": clock.now().year - 9}
    assert world.http.put("/v1/me/birth-year", json=year, headers=child.headers).json()["guardian_needed"]
    refused = world.http.post("/v1/me/check-in", headers=child.headers)
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:onecode:problem:guardian-needed")
    assert world.http.post("/v1/me/check-in").status_code == 401
