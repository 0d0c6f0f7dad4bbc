"""Prize pools over HTTP: what cannot be is refused in one sentence, and the refusal is remembered under its key."""

from datetime import timedelta
from uuid import uuid5

import pytest
from sqlalchemy import text

from foundation import audit, clock
from foundation.database import reading, transaction
from foundation.ids import uuid7
from loyalty import prizes
from loyalty.draws import Prize
from scan_api import api_keys, auth
from tests.support.pools import TABLE, announce

PASSWORD = "correct horse battery"
MEI, QIAN = ("Mei", PASSWORD), ("Qian", PASSWORD)
POINTS = {"kind": "points", "name_zh": "积分", "name_en": "Points", "amount": 5, "weight": 1, "quantity": 10}
NOTHING = {"kind": "nothing", "name_zh": "谢谢", "name_en": "Nothing", "weight": 9}
BIG = 2**53


@pytest.fixture
def desk(world):
    with transaction(world.house.engine) as tx:
        for name in ("Mei", "Qian"):
            auth.add_staff(tx, name, PASSWORD, ["marketer"], now=clock.now())
        _, key = api_keys.issue(tx, name="ERP", scopes=["prizes:draft"], days=1, by="Mei", now=clock.now())
    return Desk(world, {"Authorization": f"Bearer {key}"})


class Desk:
    def __init__(self, world, system):
        self.world, self.system = world, system

    def pool(self, **other):
        """The body of a draft that starts in an hour."""
        starts = clock.now() + timedelta(hours=1)
        return {
            "brand_id": self.world.factory.brand.id, "name_zh": "开盖有奖", "name_en": "Open and win",
            "prizes": [POINTS, NOTHING], "disclosure": dict.fromkeys(prizes.DISCLOSED, "如公告"), "out_of": 10,
            "starts_at": starts.isoformat(), "ends_at": (starts + timedelta(days=1)).isoformat(), "minute_fen": 100,
            "hour_fen": 100,
        } | other  # fmt: skip

    def put(self, path, body, *, by=None, key=None):
        """By a system; or by a person, whose password takes its time to be checked."""
        where = f"/v1/pools{path}/{key or uuid7(clock.now())}"
        return self.world.http.put(where, json=body, auth=by, headers=None if by else self.system)

    def drafted(self, **other):
        got = self.put("/drafts", self.pool(**other))
        assert got.status_code == 200, got.text
        return got.json()

    def moved(self, pool_id, move, *, by=QIAN, key=None, reason="节日"):
        return self.put(f"/{pool_id}/moves", {"move": move, "reason": reason}, by=by, key=key)

    def many(self):
        with reading(self.world.house.engine) as tx:
            return tx.execute(text("SELECT count(*) FROM prize_pools")).scalar_one()


def refusal(answer):
    """(status, type, the one sentence)."""
    assert answer.headers["content-type"] == "application/problem+json"
    said = answer.json()
    assert said["detail"].count("\n") == 0
    return answer.status_code, said["type"].rsplit(":", 1)[-1], said["detail"]


WRONG = [
    ({"prizes": [POINTS | {"weight": 2}, NOTHING]}, "add up to more than one: 11 of 10"),
    ({"prizes": [POINTS, NOTHING | {"weight": 8}]}, "add up to 9 of 10"),
    ({"prizes": [POINTS | {"quantity": 0}, NOTHING]}, "there are 0 of it"),
    ({"prizes": [POINTS | {"quantity": -1}, NOTHING]}, "there are -1 of it"),
    ({"prizes": [POINTS | {"amount": -5}, NOTHING]}, "takes something away"),
    ({"prizes": [POINTS | {"weight": 0}, NOTHING]}, "could never be drawn"),
    ({"prizes": [POINTS, NOTHING | {"quantity": 3}]}, "without a quantity"),
    ({"disclosure": {}}, "must say 'conditions'"),
    ({"minute_fen": -1}, "in fen"),
    ({"brand_id": 999}, "no brand 999"),
]


def test_a_pool_that_cannot_be_is_refused_and_the_refusal_is_remembered(desk):
    namespace = uuid7(clock.now())
    for turn, (wrong, says) in enumerate(WRONG):
        key, body = uuid5(namespace, str(turn)), desk.pool(**wrong)
        first = desk.put("/drafts", body, key=key)
        assert says in refusal(first)[2]
        assert desk.put("/drafts", body, key=key).json() == first.json(), "a blind retry is refused in the same words"
        assert refusal(desk.put("/drafts", desk.pool(), key=key))[:2] == (409, "key-reused")
    for amount in (1.5, BIG, "5", None):
        wrong = desk.pool(prizes=[POINTS | {"amount": amount}, NOTHING])
        assert refusal(desk.put("/drafts", wrong))[:2] == (422, "invalid-body")
    assert desk.many() == 0
    assert desk.world.books() == []


def test_a_draft_is_one_pool_a_key_and_may_be_written_anew_until_it_is_announced(desk):
    key, body = uuid7(clock.now()), desk.pool()
    made = desk.put("/drafts", body, key=key).json()
    assert desk.put("/drafts", body, key=key).json() == made
    assert refusal(desk.put("/drafts", body, key=key, by=QIAN))[1] == "key-reused"
    assert (desk.many(), made["state"], made["drafted_by"]) == (1, "draft", "key:ERP")
    assert refusal(desk.put(f"/{made['id']}/moves", {"move": "publish"}))[1] == "person-needed"
    other = desk.pool(prizes=[POINTS | {"amount": 8}, NOTHING])
    changed = desk.put(f"/{made['id']}/changes", other, by=MEI).json()
    assert (changed["id"], changed["prizes"][0]["amount"], changed["drafted_by"]) == (made["id"], 8, "Mei")
    assert refusal(desk.put("/999/changes", body))[:2] == (404, "not-found")
    assert "Another person" in refusal(desk.moved(made["id"], "publish", by=MEI))[2]
    assert desk.moved(made["id"], "publish").json()["commitment"]
    assert "announced before" in refusal(desk.moved(made["id"], "publish"))[2]


def test_nothing_changes_against_the_consumer_after_the_start(desk):
    pool = announce(desk.world, ends_at=clock.now() + timedelta(hours=1))
    body, key = desk.pool(prizes=[POINTS | {"amount": 1}, NOTHING]), uuid7(clock.now())
    first = desk.put(f"/{pool.id}/changes", body, key=key)
    assert refusal(first)[:2] == (409, "pool-fixed")
    assert desk.put(f"/{pool.id}/changes", body, key=key).json() == first.json()
    with reading(desk.world.house.engine) as tx:
        assert prizes.get(tx, pool.id).prizes == pool.prizes


def test_a_pool_is_revealed_after_its_end_and_closed_once(desk):
    world, made = desk.world, desk.drafted()
    assert "never announced" in refusal(desk.moved(made["id"], "reveal"))[2]
    pool = announce(world, ends_at=clock.now() + timedelta(hours=1))
    early = uuid7(clock.now())
    told = refusal(desk.moved(pool.id, "reveal", key=early))
    assert told[:2] == (409, "pool-moved")
    assert "after its end" in told[2]
    assert desk.world.http.get(f"/v1/prizes/{pool.id}").json()["seed"] is None
    assert "held already" not in desk.moved(pool.id, "pause").text
    assert "held already" in refusal(desk.moved(pool.id, "pause"))[2]
    assert "says why" in refusal(desk.moved(pool.id, "resume", reason=" "))[2]
    assert desk.moved(pool.id, "resume").json()["held_reason"] is None
    over = announce(world, ends_at=clock.now() - timedelta(hours=1))
    key = uuid7(clock.now())
    closed = desk.moved(over.id, "reveal", key=key)
    assert closed.json()["state"] == "revealed"
    assert desk.moved(over.id, "reveal", key=key).json() == closed.json(), "the same request: the same answer"
    assert "revealed before" in refusal(desk.moved(over.id, "reveal"))[2]
    assert refusal(desk.moved(pool.id, "reveal", key=early)) == told
    with reading(world.house.engine) as tx:
        assert [one.action for one in audit.history(tx, f"pool:{over.id}")].count("prizes.reveal") == 1


def test_what_is_used_up_is_not_won_and_nothing_is_drawn_after_the_end(desk):
    world = desk.world
    first, second = world.factory.make_case(2)
    table = (Prize(1, "points", "积分", "Points", 5, 0, 10**9, 1), TABLE[1])
    announce(world, ends_at=clock.now() + timedelta(hours=1), table=table)
    won = world.phone("Li").scan(first).body["reward"]["prize"]
    lost = world.phone("Wang").scan(second).body["reward"]["prize"]
    assert [(one["kind"], one["state"]) for one in (won, lost)] == [("points", "won"), ("nothing", "lost")]
    assert world.http.get("/v1/pools", headers=desk.system).json()[0]["prizes"][0]["remaining"] == 0
