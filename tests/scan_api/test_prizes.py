"""Prizes over HTTP and at the shell: drawn in the scan, published for all, checked offline by anyone."""

import json
from datetime import timedelta
from functools import partial

import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from foundation import clock
from foundation.database import transaction
from foundation.ids import uuid7
from loyalty import handing, prizes
from loyalty.draws import Prize
from loyalty.payouts import Order
from scan_api import chores
from scan_api.app import make_app
from scan_api.cli import app as cli
from scan_api.codebook import Codebook
from scan_api.paymaster import open_channel
from tests.support.pools import TABLE, announce
from tests.support.wechat_pay import wechat_pay_server
from tests.support.world import MASTER, POINTS, open_house


@pytest.fixture
def pool(world):
    """Announced yesterday, ends in an hour."""
    return announce(world, ends_at=clock.now() + timedelta(hours=1))


def reveal(world, pool):
    with transaction(world.house.engine) as tx:
        seeds = Codebook(world.house.keys).pool_seed
        prizes.reveal(tx, pool.id, seeds=seeds, by="Qian", now=pool.ends_at)


def test_a_scan_draws_and_a_stranger_checks_it(world, pool, tmp_path):
    phone = world.phone("Li")
    answers = [phone.scan(item) for item in world.factory.make_case(3)]
    told = [one.body["reward"]["prize"] for one in answers]
    assert [(one["nth"], one["kind"], one["points"], one["state"]) for one in told] == [
        (nth, "points", 5, "won") for nth in (1, 2, 3)
    ]
    before = world.http.get(f"/v1/prizes/{pool.id}").json()
    assert before["seed"] is None
    assert (before["out_of"], before["names"]["1"]["zh"]) == (10**9 + 1, "积分")
    assert "draws" not in before
    reveal(world, pool)
    file = tmp_path / "pool.json"
    file.write_text(json.dumps(world.http.get(f"/v1/prizes/{pool.id}").json()))
    run = CliRunner().invoke(cli, ["prizes", "verify", str(file), "--commitment", before["commitment"]])
    assert (run.exit_code, run.stdout.strip()) == (0, "all 3 draws are as committed to")
    run = CliRunner().invoke(cli, ["prizes", "verify", str(file), "--commitment", "00" * 32])
    assert run.exit_code == 1
    assert "not the one you saw" in run.stdout


def test_what_is_no_published_pool_is_refused_in_a_sentence(world, pool, tmp_path):
    file = tmp_path / "pool.json"
    for content in ("[]", "{", '{"seed": "zz"}', json.dumps(world.http.get(f"/v1/prizes/{pool.id}").json())):
        file.write_text(content)
        run = CliRunner().invoke(cli, ["prizes", "verify", str(file)])
        assert run.exit_code != 0
        assert str(file) in str(run.exception)


def of(phone, method, path):
    return phone.http.request(method, f"/v1/me/prizes{path}", headers=phone.headers)


def test_a_coupon_that_was_won_shows_its_code(world):
    terms = {"kind": "fixed", "off_fen": 500, "days": 30}
    table = (Prize(1, "coupon", "五元券", "5 yuan off", 0, 500, 10**9, 1000, terms), TABLE[1])
    announce(world, ends_at=clock.now() + timedelta(hours=1), table=table)
    li = world.phone("Li")
    assert li.scan(world.factory.make_item()).body["reward"]["prize"]["kind"] == "coupon"
    with transaction(world.house.engine) as tx:
        handing.hand_over(tx, now=clock.now())
    assert of(li, "GET", "").json()[0]["coupon_code"] is None
    assert [chores.issue_coupons(world.house, clock.now()) for _ in range(2)] == [1, 0]
    [won] = of(li, "GET", "").json()
    assert (won["state"], len(won["coupon_code"])) == ("paid", 17)


def test_my_prizes_are_mine(world, pool):
    li, wang = world.phone("Li"), world.phone("Wang")
    won = li.scan(world.factory.make_item()).body["reward"]["prize"]
    with transaction(world.house.engine) as tx:
        handing.hand_over(tx, now=clock.now())
    [mine] = of(li, "GET", "").json()
    assert (mine["win_id"], mine["state"], mine["amount"]) == (won["win_id"], "paid", 5)
    assert of(wang, "GET", "").json() == []
    assert of(wang, "POST", f"/{won['win_id']}/collect").status_code == 404
    assert of(li, "POST", f"/{won['win_id']}/collect").json()["type"] == "urn:onecode:problem:cannot-collect"


def test_a_notification_only_says_when_to_ask(database, tmp_path):
    with wechat_pay_server(tmp_path) as wechat:
        house = open_house(database, tmp_path, **wechat.environment)
        order = Order(uuid7(clock.now()).hex, 100, "o-li", "红包")
        assert open_channel(house.settings).send(order).state == "accepted"
        headers, body = wechat.notification(order.order_no)
        forged = headers | {"Wechatpay-Nonce": "another"}
        old = headers | {"Wechatpay-Timestamp": "1700000000"}
        with TestClient(make_app(house), raise_server_exceptions=False) as http:
            said = [
                http.post("/v1/wechat-pay/notifications", content=body, headers=one).status_code
                for one in (headers, headers, forged, old, {})
            ]
            other = b'{"resource": {"nonce": 1}}'
            empty = http.post("/v1/wechat-pay/notifications", content=other, headers=wechat.signed(other))
        assert said == [204, 204, 401, 401, 401]
        assert empty.status_code == 400


def test_where_nothing_is_paid_nobody_is_heard(world):
    assert world.http.post("/v1/wechat-pay/notifications", content=b"{}").status_code == 401


def test_the_desk_sees_resumes_and_reveals_at_the_shell(world, pool, monkeypatch):
    monkeypatch.setenv("ONECODE_DATABASE_URL", world.house.url)
    monkeypatch.setenv("ONECODE_MASTER_KEY", MASTER)
    run = partial(CliRunner().invoke, cli)
    with transaction(world.house.engine) as tx:
        assert prizes.trip(tx, pool.id, "too fast", now=clock.now())
        assert not prizes.trip(tx, pool.id, "too fast", now=clock.now())
    [seen] = json.loads(run(["prizes", "list", "--json"]).stdout)
    assert (seen["draws"], seen["left"], seen["held_reason"]) == (0, {"1": 1000}, "too fast")
    assert run(["prizes", "resume", str(pool.id), "--reason", "a festival"]).exit_code == 0
    assert "not held" in str(run(["prizes", "resume", str(pool.id), "--reason", "again"]).exception)
    assert "after its end" in str(run(["prizes", "reveal", str(pool.id)]).exception)


@pytest.mark.parametrize(
    ("action", "state", "points"), [("void-points", "voided", 0), ("release-points", "paid", POINTS + 5)]
)
def test_a_reviewer_decides_the_prize_with_the_points(world, pool, action, state, points):
    bottle = world.factory.make_item()
    world.phone("Li", city="Chengdu", signed_in=False).scan(bottle)
    thief = world.phone("Wang", city="Urumqi")
    held = thief.scan(bottle.photocopy())
    assert (held.state, held.body["reward"]["prize"]["state"]) == ("held", "held")
    [case] = world.cases(code="CLN")
    world.settle(case, "confirmed_risk" if action == "void-points" else "false_positive", action)
    with transaction(world.house.engine) as tx:
        handing.hand_over(tx, now=clock.now())
    assert [one["state"] for one in of(thief, "GET", "").json()] == [state]
    assert thief.wallet()["available"] == points
    assert world.books() == []
