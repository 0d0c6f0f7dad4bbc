"""Orders over HTTP: a shop sends purchases, refunds and whole files; nothing earns twice, nothing is half done."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier

import pytest
from sqlalchemy import text

from foundation import clock
from foundation.database import reading, transaction
from foundation.ids import uuid7
from loyalty import campaigns, members, orders
from loyalty.campaigns import Terms
from loyalty.members import MemberKeys
from scan_api import api_keys

HEADER = ",".join(orders.COLUMNS)


@pytest.fixture
def shop(world):
    """A system that may send orders; a point a yuan since forever."""
    with transaction(world.house.engine) as tx:
        _, key = api_keys.issue(tx, name="POS", scopes=["orders:write"], days=1, by="Mei", now=clock.now())
        terms = Terms("消费", "Spend", "true", {"kind": "per_yuan", "slices": [[0, "1"]]}, world.factory.now,
                      trigger="order")  # fmt: skip
        made = campaigns.draft_terms(tx, terms, budget_points=100_000, by=None, now=world.factory.now)
        campaigns.publish(tx, made.id, 1, now=world.factory.now)
    return Shop(world, {"Authorization": f"Bearer {key}"})


class Shop:
    def __init__(self, world, headers):
        self.world, self.headers = world, headers

    def put(self, path, status=200, **body):
        got = self.world.http.put(f"/v1/orders/{path}", json=body, headers=self.headers)
        assert got.status_code == status, got.text
        return got.json()

    def file(self, *rows, key, encoding="utf-8"):
        content = "\n".join([HEADER, *rows]).encode(encoding)
        headers = self.headers | {"Content-Type": "text/csv"}
        return self.world.http.put(f"/v1/order-files/{key}", content=content, headers=headers)


def member_of(world, phone):
    keys = MemberKeys.derive(world.house.purpose_key)
    with reading(world.house.engine) as tx:
        return members.find(tx, "phone", keys.index("phone", members.e164(phone.number)))


def test_an_order_earns_once_and_its_refunds_take_back(shop):
    li = shop.world.phone("Li")
    bought = {"phone": "138 0000 0000", "placed_at": clock.now().isoformat(), "paid_fen": 10_050}
    said = shop.put("o-1", 404, **bought | {"phone": "139 9999 9999"})
    assert said["type"].endswith("no-such-buyer")
    bought["phone"] = li.number
    first = shop.put("o-1", **bought)
    assert (first["points"], first["state"], first["reason"]) == (100, "credited", "order")
    assert shop.put("o-1", **bought) == first
    assert shop.put("o-1", 409, **bought | {"paid_fen": 1})["type"].endswith("order-reused")
    assert "whole number of fen" in shop.put("o-2", 400, **bought | {"paid_fen": -5})["detail"]
    assert shop.put("o-2", 422, **bought | {"paid_fen": 1.5})["type"].endswith("invalid-body")
    assert [shop.put("o-1/refunds/r-1", amount_fen=5_025)["points"] for _ in range(2)] == [50, 50]
    assert "left to refund" in shop.put("o-1/refunds/r-2", 409, amount_fen=9_000)["detail"]
    assert shop.put("o-9/refunds/r-1", 404, amount_fen=1)["type"].endswith("not-found")
    assert (li.wallet()["available"], shop.world.books()) == (50, [])
    assert shop.world.http.put("/v1/orders/o-3", json=bought, headers=li.headers).status_code == 401


def test_a_finished_survey_is_told_and_asks_for_its_reward(shop):
    li, world = shop.world.phone("Li"), shop.world
    told = partial(world.http.put, headers=shop.headers, json={"phone": li.number})
    assert told("/v1/surveys/taste/answers").status_code == 202
    assert told("/v1/surveys/口味/answers").json()["detail"] == "Name the survey in at most 60 ASCII characters."
    assert told("/v1/surveys/taste/answers", json={}).status_code == 422
    with reading(world.house.engine) as tx:
        (asked,) = tx.execute(text("SELECT args FROM outbox WHERE task = 'loyalty.reward_survey'")).scalars()
    assert asked == {"member_id": str(member_of(world, li)), "survey": "taste"}


def test_a_file_is_taken_whole_and_its_refusal_remembered(shop):
    li, key = shop.world.phone("Li"), uuid7(clock.now())
    who, when = member_of(shop.world, li), clock.now().isoformat()
    rows = [f"o{at},{who},{when},12.5,shop," for at in range(1_500)]
    bad = shop.file(*rows, f"x,{who},{when},1.999,,", key=key)
    assert (bad.status_code, bad.json()["type"].rsplit(":", 1)[-1]) == (400, "bad-order-file")
    assert bad.json()["detail"].startswith("Row 1502, paid_yuan")
    assert shop.file(*rows, f"x,{who},{when},1.999,,", key=key).json() == bad.json()
    assert shop.file(*rows, key=key).json()["type"].endswith("key-reused")
    assert "Row 1501, order_id: 'o3' is in row 5" in shop.file(*rows[:-1], rows[3], key=uuid7(clock.now())).text
    wrong = shop.file(rows[0], f"茶,{who},{when},1,,", key=uuid7(clock.now()), encoding="gb18030")
    assert "Row 3: save the file as UTF-8" in wrong.json()["detail"]
    assert li.wallet()["available"] == 0, "nothing of a refused file was placed"
    key, start = uuid7(clock.now()), Barrier(2)

    def send(_):
        start.wait()
        return shop.file(*rows, key=key).json()

    with ThreadPoolExecutor(2) as lines:
        assert list(lines.map(send, range(2))) == [{"orders": 1_500}] * 2
    assert (li.wallet()["available"], shop.world.books()) == (1_500 * 12, [])
