"""What callers did lately, shared by all processes: in PostgreSQL, or in Redis where that is configured.

One operation: `change` reads the states of some keys, lets a pure function fold them, and writes them back, atomically
with respect to every other `change` of the same keys. Token buckets, sequential tests and spent puzzles are all folds.
A key may be *marked* until an instant; `marked` lists those. Nothing here is worth keeping:
losing it forgives everyone.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, cast

import redis
from sqlalchemy import Engine, text

from foundation.database import Tx, transaction
from foundation.errors import BadRequest, Unavailable
from foundation.settings import Secret

EMPTY: Mapping[str, Any] = {}
MARKS_KEPT = timedelta(hours=1)  # Beyond their end, in Redis, whose list of marks does not expire by itself.


class LimitsAway(Unavailable):
    """The store of limits does not answer."""

    type = "limits-away"


@dataclass(frozen=True, slots=True)
class Kept:
    """A key's state to write: JSON, when it may be forgotten, and until when the key is marked."""

    state: Mapping[str, Any]
    expires_at: datetime
    marked_until: datetime | None = None


States = Mapping[str, Mapping[str, Any]]
Fold = Callable[[States], Mapping[str, Kept]]


class Limits(Protocol):
    def change(self, keys: Sequence[str], fold: Fold, *, now: datetime) -> None:
        """Give `fold` the states of `keys` (empty where nothing is known) and keep what it returns.

        fold is pure, and may be called again when another process was quicker. What has expired counts as unknown.
        """

    def known(self, kinds: Sequence[str], *, now: datetime) -> frozenset[str]:
        """The keys of these kinds (what stands before their first colon) that have a state."""

    def marked(self, *, now: datetime) -> dict[str, datetime]:
        """Every key that is marked at `now`, and until when."""


def open_limits(url: Secret, engine: Engine) -> Limits:
    """The store a setting names: empty for PostgreSQL, redis:// for Redis."""
    if not url:
        return PostgresLimits(engine)
    if not url.reveal().startswith(("redis://", "rediss://", "unix://")):
        raise BadRequest("ONECODE_LIMITS_URL must begin with redis://, or be empty to keep limits in PostgreSQL.")
    return RedisLimits(redis.Redis.from_url(url.reveal(), socket_timeout=2, socket_connect_timeout=2))


class PostgresLimits:
    """Rows of an unlogged table, locked in key order while they are folded; two statements whatever the number."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def change(self, keys: Sequence[str], fold: Fold, *, now: datetime) -> None:
        wanted = sorted(set(keys))
        if not wanted:
            return
        with transaction(self._engine) as tx:
            rows = tx.execute(_TAKE, {"keys": wanted, "now": now}).all()
            kept = fold({row.key: row.state if row.expires_at > now else {} for row in rows})
            if kept:
                tx.execute(_KEEP, _columns(kept))

    def known(self, kinds: Sequence[str], *, now: datetime) -> frozenset[str]:
        with transaction(self._engine) as tx:
            return frozenset(tx.execute(_KNOWN, {"kinds": list(kinds), "now": now}).scalars())

    def marked(self, *, now: datetime) -> dict[str, datetime]:
        with transaction(self._engine) as tx:
            return {row.key: row.marked_until for row in tx.execute(_MARKED, {"now": now})}


def sweep(tx: Tx, *, now: datetime) -> int:
    """Drop the rows that may be forgotten; how many went. Redis forgets by itself."""
    return tx.execute(text("DELETE FROM limits WHERE expires_at <= :now"), {"now": now}).rowcount


# A row that is not there is made, so that there is something to lock; both kinds come back locked, in key order.
_TAKE = text("""
INSERT INTO limits (key, state, expires_at)
SELECT key, '{}', :now FROM unnest(CAST(:keys AS text[])) AS k (key) ORDER BY key
ON CONFLICT (key) DO UPDATE SET key = excluded.key
RETURNING key, state, expires_at
""")

_KEEP = text("""
UPDATE limits SET state = k.state, expires_at = k.expires_at, marked_until = k.marked_until
FROM unnest(CAST(:keys AS text[]), CAST(:states AS jsonb[]), CAST(:expires AS timestamptz[]),
            CAST(:marks AS timestamptz[])) AS k (key, state, expires_at, marked_until)
WHERE limits.key = k.key
""")

_KNOWN = text(
    "SELECT key FROM limits WHERE split_part(key, ':', 1) = ANY(CAST(:kinds AS text[])) AND expires_at > :now"
)

_MARKED = text("SELECT key, marked_until FROM limits WHERE marked_until > :now")


def _columns(kept: Mapping[str, Kept]) -> dict[str, object]:
    return {
        "keys": list(kept),
        "states": [json.dumps(one.state) for one in kept.values()],
        "expires": [one.expires_at for one in kept.values()],
        "marks": [one.marked_until for one in kept.values()],
    }


class RedisLimits:
    """Keys under `onecode:limit:` with Redis's own expiry; a fold that was overtaken is folded again (WATCH)."""

    PREFIX, MARKED, KNOWN = "onecode:limit:", "onecode:marked", "onecode:known"

    def __init__(self, client: "redis.Redis") -> None:
        self._client = client

    def change(self, keys: Sequence[str], fold: Fold, *, now: datetime) -> None:
        wanted = sorted(set(keys))
        if not wanted:
            return
        names = [self.PREFIX + key for key in wanted]

        def fold_there(pipe: Any) -> None:
            found = pipe.mget(names)
            states = {key: _alive(raw, now) for key, raw in zip(wanted, found, strict=True)}
            pipe.multi()
            for key, one in fold(states).items():
                self._keep(pipe, key, one)

        with _answering():
            self._client.transaction(fold_there, *names)

    def _keep(self, pipe: Any, key: str, one: Kept) -> None:
        until = _millis(one.expires_at)
        pipe.set(self.PREFIX + key, json.dumps({"state": one.state, "expires": until}), pxat=until)
        pipe.zadd(self.KNOWN, {key: until})
        if one.marked_until is None:
            pipe.zrem(self.MARKED, key)
        else:
            pipe.zadd(self.MARKED, {key: _millis(one.marked_until)})

    def known(self, kinds: Sequence[str], *, now: datetime) -> frozenset[str]:
        with _answering():
            self._client.zremrangebyscore(self.KNOWN, "-inf", _millis(now - MARKS_KEPT))
            found = cast("list[bytes]", self._client.zrange(self.KNOWN, f"({_millis(now)}", "+inf", byscore=True))
        keys = (raw.decode() for raw in found)
        return frozenset(key for key in keys if key.partition(":")[0] in kinds)

    def marked(self, *, now: datetime) -> dict[str, datetime]:
        with _answering():
            self._client.zremrangebyscore(self.MARKED, "-inf", _millis(now - MARKS_KEPT))
            found = cast(
                "list[tuple[bytes, float]]",
                self._client.zrange(self.MARKED, f"({_millis(now)}", "+inf", byscore=True, withscores=True),
            )
        return {key.decode(): datetime.fromtimestamp(millis / 1000, UTC) for key, millis in found}


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except redis.RedisError as error:
        raise LimitsAway("The store of limits does not answer; try again.", retry_after_s=2) from error


def _alive(raw: bytes | None, now: datetime) -> Mapping[str, Any]:
    if raw is None:
        return EMPTY
    kept = json.loads(raw)
    state: Mapping[str, Any] = kept["state"] if kept["expires"] > _millis(now) else EMPTY
    return state


def _millis(at: datetime) -> int:
    return round(at.timestamp() * 1000)


@dataclass(frozen=True, slots=True)
class Rate:
    """`burst` at once, then one each `every_s` seconds."""

    burst: int
    every_s: float


@dataclass(slots=True)
class _Taken:
    wait_s: float = 0.0
    kept: dict[str, Kept] = field(default_factory=dict)


def take(limits: Limits, rates: Mapping[str, Rate], *, now: datetime) -> float:
    """Spend one from every bucket, or from none. Returns 0, or the seconds until all of them would have one.

    The generic cell rate algorithm (ITU-T I.371): one number a key, the time at which the bucket is full again.
    """
    taken = _Taken()

    def fold(states: States) -> Mapping[str, Kept]:
        taken.wait_s, taken.kept = 0.0, {}
        at = now.timestamp()
        for key, rate in rates.items():
            full_at = max(states[key].get("full_at", at), at) + rate.every_s
            taken.wait_s = max(taken.wait_s, full_at - at - rate.burst * rate.every_s)
            taken.kept[key] = Kept({"full_at": full_at}, now + timedelta(seconds=full_at - at))
        return taken.kept if taken.wait_s <= 0 else {}

    limits.change(list(rates), fold, now=now)
    return max(0.0, taken.wait_s)


def spend_once(limits: Limits, key: str, *, until: datetime, now: datetime) -> bool:
    """Mark a single-use key as used. False: it was used before."""
    fresh = False

    def fold(states: States) -> Mapping[str, Kept]:
        nonlocal fresh
        fresh = not states[key]
        return {key: Kept({"used": True}, until)} if fresh else {}

    limits.change([key], fold, now=now)
    return fresh
