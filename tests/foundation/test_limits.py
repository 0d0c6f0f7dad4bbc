"""Limits on callers: the same story in PostgreSQL and in Redis, alone and raced."""

import threading
from datetime import timedelta

import pytest

from foundation import clock
from foundation import limits as limits_of
from foundation.database import transaction
from foundation.errors import BadRequest
from foundation.limits import Kept, LimitsAway, Rate
from foundation.settings import Secret


@pytest.fixture(params=["postgresql", "redis"])
def limits(request, database):
    if request.param == "postgresql":
        return limits_of.open_limits(Secret(""), database)
    made = limits_of.open_limits(Secret(request.getfixturevalue("redis_url")), database)
    made._client.flushdb()
    return made


@pytest.fixture
def now():
    # Redis forgets by its own clock, so the story happens now.
    return clock.now()


def test_a_bucket_gives_its_burst_and_then_one_at_a_time(limits, now):
    rate = {"sms:138": Rate(burst=3, every_s=60)}
    assert [limits_of.take(limits, rate, now=now) for _ in range(3)] == [0, 0, 0]
    assert limits_of.take(limits, rate, now=now) == pytest.approx(60, abs=0.01)
    assert limits_of.take(limits, rate, now=now + timedelta(seconds=59)) == pytest.approx(1, abs=0.01)
    assert limits_of.take(limits, rate, now=now + timedelta(seconds=61)) == 0


def test_all_buckets_or_none(limits, now):
    narrow, wide = {"a": Rate(1, 60)}, {"a": Rate(1, 60), "b": Rate(1, 60)}
    assert limits_of.take(limits, narrow, now=now) == 0
    assert limits_of.take(limits, wide, now=now) > 0
    assert limits_of.take(limits, {"b": Rate(1, 60)}, now=now) == 0, "the refused call took nothing from b"


def test_a_raced_bucket_gives_no_more_than_it_holds(limits, now):
    start, got = threading.Barrier(12), []

    def ask():
        start.wait()
        got.append(limits_of.take(limits, {"raced": Rate(5, 3600)}, now=now))

    askers = [threading.Thread(target=ask) for _ in range(12)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert sum(wait == 0 for wait in got) == 5


def test_a_mark_is_seen_until_it_ends_and_can_be_taken_back(limits, now):
    hour = now + timedelta(hours=1)
    limits.change(["x", "y"], lambda _: {"x": Kept({"n": 1}, hour, hour), "y": Kept({"n": 2}, hour)}, now=now)
    assert list(limits.marked(now=now)) == ["x"]
    assert limits.marked(now=now + timedelta(minutes=61)) == {}
    assert limits.known(["x", "z"], now=now) == {"x"}
    assert limits.known(["x", "y"], now=now + timedelta(minutes=61)) == frozenset()
    limits.change(["x"], lambda states: {"x": Kept(states["x"], hour)}, now=now)
    assert limits.marked(now=now) == {}


def test_what_expired_counts_as_unknown(limits, now):
    limits.change(["x"], lambda _: {"x": Kept({"n": 1}, now + timedelta(seconds=30))}, now=now)
    seen = []
    limits.change(["x"], lambda states: seen.append(dict(states["x"])) or {}, now=now + timedelta(seconds=31))
    assert seen == [{}]


def test_what_expired_is_swept(database, now):
    stored = limits_of.PostgresLimits(database)
    stored.change(["x"], lambda _: {"x": Kept({"n": 1}, now + timedelta(seconds=30))}, now=now)
    with transaction(database) as later:
        assert limits_of.sweep(later, now=now + timedelta(seconds=29)) == 0
        assert limits_of.sweep(later, now=now + timedelta(seconds=31)) == 1
    assert stored.known(["x"], now=now) == frozenset()


def test_a_single_use_key_is_used_once(limits, now):
    until = now + timedelta(minutes=5)
    assert limits_of.spend_once(limits, "puzzle", until=until, now=now)
    assert not limits_of.spend_once(limits, "puzzle", until=until, now=now)


def test_a_redis_that_is_away_is_said(database, now):
    away = limits_of.open_limits(Secret("redis://127.0.0.1:1/0"), database)
    with pytest.raises(LimitsAway):
        away.marked(now=now)
    with pytest.raises(BadRequest, match="ONECODE_LIMITS_URL"):
        limits_of.open_limits(Secret("memcached://x"), database)
