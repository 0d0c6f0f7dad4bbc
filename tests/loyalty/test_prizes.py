"""Prizes: committed to before the start, counted exactly, unchangeable, and recomputable by a stranger."""

import hashlib
import hmac
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from foundation.bulk import write_all
from foundation.database import reading, transaction
from foundation.errors import BadRequest
from foundation.ids import uuid7
from loyalty import drawing, draws, prizes
from loyalty.drawing import Taken
from loyalty.draws import Prize
from loyalty.prizes import Content, LimitBroken, PoolMoved

LI = UUID(int=1)
TEA = "06901234567892"
SAYS = dict.fromkeys(prizes.DISCLOSED, "如公告")
REST = Prize(2, "nothing", "谢谢参与", "Nothing this time", 0, 0, 7, None)
TABLE = (
    Prize(1, "red_packet", "现金红包", "Red packet", 888, 888, 1, 3),
    Prize(2, "points", "积分", "Points", 5, 0, 2, 10),
    Prize(3, "nothing", "谢谢参与", "Nothing this time", 0, 0, 7, None),
)


def seeds(pool_id):
    return hashlib.sha256(b"seed %d" % pool_id).digest()


def announced(tx, now, table=TABLE, **terms):
    made = prizes.draft(
        tx,
        Content(
            brand_id=1,
            name_zh="开盖有奖",
            name_en="Open and win",
            prizes=table,
            disclosure=SAYS,
            out_of=sum(one.weight for one in table),
            starts_at=now + timedelta(hours=1),
            ends_at=now + timedelta(days=1),
            minute_fen=10_000,
            hour_fen=100_000,
            **terms,
        ),
        by="Zhao",
        now=now,
    )
    return prizes.publish(tx, made.id, seeds=seeds, by="Qian", now=now)


def scanned(item, now, **more):
    return Taken(**({"scan_id": uuid7(now), "item": item, "brand_id": 1, "gtin": TEA, "member_id": LI, "hold": False,
                     "at": now + timedelta(hours=2)} | more))  # fmt: skip


def draw(tx, taken, now):
    wins, writes = drawing.drawing(tx, taken, seeds=seeds, now=now)
    write_all(tx, writes, now=now)
    return wins


def stranger(published):
    """What somebody writes who has only the page that explains it: no code of ours."""
    seed = bytes.fromhex(published["seed"])

    def frame(*parts):
        return b"".join(len(one).to_bytes(4, "big") + one for one in parts)

    table = json.dumps({"pool": published["pool"], "prizes": published["prizes"]}, separators=(",", ":"))
    committed = hashlib.sha256(frame(b"onecode prize pool v1", seed, table.encode())).hexdigest()
    assert committed == published["commitment"]
    weights = [one[3] for one in published["prizes"]]
    left = {one[0]: one[4] for one in published["prizes"] if one[4] is not None}
    for _, item, _ in published["draws"]:
        turn = 0
        while True:
            name = frame(b"draw", item.to_bytes(8, "big"), turn.to_bytes(4, "big"))
            z = int.from_bytes(hmac.new(seed, name, hashlib.sha256).digest()[:16], "big")
            turn += 1
            if z >= 2**128 - 2**128 % sum(weights):
                continue
            ticket, place = z % sum(weights), 1
            while ticket >= weights[place - 1]:
                ticket -= weights[place - 1]
                place += 1
            if place not in left or left[place]:
                break
        if place in left:
            left[place] -= 1
        yield place


def test_a_stranger_finds_the_same_prizes(tx, now):
    pool = announced(tx, now)
    for at in range(20):
        draw(tx, [scanned(at * 10 + n, now) for n in range(10)], now)
    assert "draws" not in prizes.published(tx, pool.id)
    with pytest.raises(PoolMoved, match="after its end"):
        prizes.reveal(tx, pool.id, seeds=seeds, by="Qian", now=now)
    prizes.reveal(tx, pool.id, seeds=seeds, by="Qian", now=now + timedelta(days=2))
    published = prizes.published(tx, pool.id)
    assert len(published["draws"]) == 200
    assert list(stranger(published)) == [place for _, _, place in published["draws"]]
    assert Counter(place for _, _, place in published["draws"])[1] == 3
    assert draws.check(published) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda told: told["draws"].pop(4), "Draw 5 is missing"),
        (lambda told: told["draws"][4].__setitem__(2, 1 if told["draws"][4][2] != 1 else 2), "Draw 5, of item"),
        (lambda told: told["prizes"][0].__setitem__(3, 2), "not those that were committed to"),
        (lambda told: told.__setitem__("seed", "00" * 32), "not those that were committed to"),
    ],
)
def test_what_was_altered_is_found(tx, now, change, says):
    pool = announced(tx, now)
    draw(tx, [scanned(n, now) for n in range(9)], now)
    prizes.reveal(tx, pool.id, seeds=seeds, by="Qian", now=now + timedelta(days=2))
    told = prizes.published(tx, pool.id)
    change(told)
    [found] = draws.check(told)
    assert says in found


def test_draws_follow_the_weights():
    table = [Prize(n, "nothing", "", "", 0, 0, weight, None) for n, weight in enumerate((1, 2, 7), 1)]
    counted = Counter(draws.draw(b"s" * 32, item, table, {}).prize.place for item in range(20_000))
    for place, share in ((1, 0.1), (2, 0.2), (3, 0.7)):
        assert abs(counted[place] / 20_000 - share) < 5 * (share * (1 - share) / 20_000) ** 0.5


def test_a_pool_whose_lasting_prize_is_rare_draws_no_longer_than_others():
    table = (Prize(1, "points", "", "", 5, 0, 10**9, 1), Prize(2, "points", "", "", 1, 0, 3, 7),
             Prize(3, "nothing", "", "", 0, 0, 1, None))  # fmt: skip
    drawn = [draws.draw(b"s" * 32, item, table, {1: 0, 2: 7}) for item in range(400)]
    assert max(one.redrawn for one in drawn) <= draws.OVER_ALL
    places = [one.prize.place for one in drawn]
    assert 0.65 < places.count(2) / len(places) < 0.85, "three to one, as their weights say"
    assert {draws.draw(b"s" * 32, item, table, {1: 0, 2: 0}).prize.place for item in range(40)} == {3}


def test_counts_are_never_exceeded_however_many_draw_at_once(database, now):
    with transaction(database) as tx:
        pool = announced(tx, now, (Prize(1, "red_packet", "红包", "Packet", 100, 100, 99, 20), REST))

    def batch(first):
        with transaction(database) as tx:
            return list(draw(tx, [scanned(first * 10 + n, now) for n in range(10)], now).values())

    with ThreadPoolExecutor(16) as pool_of_threads:
        won = [one for wins in pool_of_threads.map(batch, range(24)) for one in wins]
    assert sorted(one.nth for one in won) == list(range(1, 241))
    with transaction(database) as tx:
        assert prizes.get(tx, pool.id).remaining == {1: 0}
        prizes.reveal(tx, pool.id, seeds=seeds, by="Qian", now=now + timedelta(days=2))
    with reading(database) as tx:
        told = prizes.published(tx, pool.id)
    assert Counter(place for _, _, place in told["draws"])[1] == 20
    assert draws.check(told) == []


def test_nothing_changes_after_the_announcement(tx, now):
    pool = announced(tx, now)
    for change in (
        "UPDATE prizes SET weight = 99 WHERE place = 3",
        "UPDATE prizes SET amount = 1 WHERE place = 1",
        "UPDATE prizes SET remaining = 3 + 1 WHERE place = 1",
        "DELETE FROM prizes WHERE place = 1",
        f"INSERT INTO prizes VALUES ({pool.id}, 9, 'nothing', '', '', 0, 0, 1000, NULL, NULL)",
        "UPDATE prize_pools SET ends_at = starts_at + interval '1 second'",
        "UPDATE prize_pools SET minute_fen = 1",
        "UPDATE prize_pools SET state = 'draft', commitment = NULL, published_at = NULL",
        "UPDATE prize_pools SET commitment = '\\x00'",
        "UPDATE prize_pools SET disclosure = '{}'",
        "DELETE FROM prize_pools",
    ):
        with pytest.raises((DBAPIError, IntegrityError)), tx.begin_nested():
            tx.execute(text(change))


def test_chances_beyond_one_are_not_published_whoever_wrote_them(tx, now):
    made = prizes.draft(
        tx,
        Content(
            brand_id=1,
            name_zh="奖",
            name_en="Prize",
            prizes=TABLE,
            disclosure=SAYS,
            minute_fen=1,
            hour_fen=1,
            starts_at=now + timedelta(hours=1),
            ends_at=now + timedelta(days=1),
            out_of=10,
        ),
        by="Zhao",
        now=now,
    )
    tx.execute(text("UPDATE prizes SET weight = 5 WHERE place = 1"))
    with pytest.raises(DBAPIError, match="add up to 14 of 10"), tx.begin_nested():
        prizes.publish(tx, made.id, seeds=seeds, by="Qian", now=now)


def test_the_law_is_data(tx, now):
    with pytest.raises(LimitBroken, match=r"worth 50,000.01 yuan; the law allows 50,000"):
        announced(tx, now, (Prize(1, "goods", "汽车", "Car", 0, 5_000_001, 1, 1), REST))
    with pytest.raises(LimitBroken, match=r"a red packet is 0.10 to 200.00 yuan"):
        announced(tx, now, (Prize(1, "red_packet", "红包", "Packet", 20_001, 0, 1, 1), REST))
    tx.execute(text("INSERT INTO legal_limits VALUES ('top_prize', '2026-01-01', 100, 'fen', 'test', '2026-01-01')"))
    with pytest.raises(LimitBroken):
        announced(tx, now)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"prizes": TABLE[:2]}, "without a quantity"),
        ({"out_of": 9}, "add up to more than one: 10 of 9"),
        ({"out_of": 11}, "give the rest to 'nothing'"),
        ({"prizes": (Prize(1, "goods", "茶", "Tea", 0, 100, 3, None), REST)}, "Prize 1 is worth money"),
        ({"prizes": TABLE[1:]}, "without gaps"),
        ({"prizes": (Prize(1, "points", "积分", "Points", 5, 0, 3, 0), REST)}, "there are 0 of it"),
        ({"prizes": (Prize(1, "points", "积分", "Points", -5, 0, 3, 9), REST)}, "takes something away"),
        ({"prizes": (Prize(1, "points", "积分", "Points", 5, 0, 0, 9), REST)}, "never be drawn"),
        ({"disclosure": SAYS | {"claim": " "}}, "must say 'claim'"),
        ({"starts_at": "now"}, "starts in the future"),
        ({"minute_fen": 0}, "in fen"),
    ],
)
def test_a_pool_that_cannot_be_is_refused(tx, now, wrong, says):
    if wrong.get("starts_at"):
        wrong = {"starts_at": now}
    usual = {
        "brand_id": 1, "name_zh": "奖", "name_en": "Prize", "prizes": TABLE, "disclosure": SAYS,
        "starts_at": now + timedelta(hours=1), "ends_at": now + timedelta(days=1), "minute_fen": 1, "hour_fen": 1,
        "out_of": 10,
    }  # fmt: skip
    with pytest.raises(BadRequest, match=says):
        prizes.draft(tx, Content(**(usual | wrong)), by="Zhao", now=now)


def test_money_needs_a_second_person(tx, now):
    made = prizes.draft(
        tx,
        Content(
            brand_id=1,
            name_zh="奖",
            name_en="Prize",
            prizes=TABLE,
            disclosure=SAYS,
            minute_fen=1,
            out_of=10,
            hour_fen=1,
            starts_at=now + timedelta(hours=1),
            ends_at=now + timedelta(days=1),
        ),
        by="Zhao",
        now=now,
    )
    with pytest.raises(PoolMoved, match="Another person"):
        prizes.publish(tx, made.id, seeds=seeds, by="Zhao", now=now)
    with pytest.raises(PoolMoved, match="Its start has come"):
        prizes.publish(tx, made.id, seeds=seeds, by="Qian", now=now + timedelta(hours=2))


def test_other_products_and_times_draw_nothing_and_cost_nothing(tx, now):
    announced(tx, now, gtins=[TEA])
    prizes.in_force(tx)
    asked = []
    listener = lambda *told: asked.append(told[2])  # noqa: E731
    event.listen(tx, "before_cursor_execute", listener)
    others = [scanned(1, now, gtin="06900000000001"), scanned(2, now, brand_id=2), scanned(3, now, at=now)]
    assert drawing.drawing(tx, others, seeds=seeds, now=now) == ({}, [])
    assert asked == []
    wins, _ = drawing.drawing(tx, [scanned(n, now, hold=True) for n in range(50)], seeds=seeds, now=now)
    event.remove(tx, "before_cursor_execute", listener)
    assert len(asked) == 1
    assert {one.said()["state"] for one in wins.values()} == {"held", "lost"}
