"""Prize pools: announced with a commitment before the start, drawn in the scan's own transaction, revealed at the end.

    draft ── publish (another person) ──> published ── reveal, after the end ──> revealed
      └── redraft ──> draft, by whoever wrote it last
An announced pool may be held on top of that: the breaker tripped; draws go on, payouts wait until a person resumes.

After publishing the database refuses every change (trigger): nothing is altered against the consumer, and chances that
do not add up to one are not published. What is worth money is counted, so a pool's cost is bounded by its own table.
"""

import json
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, delete, insert, select, update

from foundation import audit, facts
from foundation.clock import monotonic_s
from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest, Conflict, NotFound
from foundation.facts import Fact
from foundation.observability import log
from loyalty import coupons, draws
from loyalty.awards import Seeds
from loyalty.draws import Prize
from loyalty.expiry import BRAND_ZONE
from loyalty.prize_tables import legal_limits, prize_draws, prize_pools
from loyalty.prize_tables import prizes as prize_rows

CACHED_S = 1.0
KINDS = ("red_packet", "coupon", "goods", "points", "nothing")
ENDLESS = ("points", "nothing")
DISCLOSED = (
    "conditions",
    "method",
    "claim",
    "give_up",
    "organiser",
)  # 规范促销行为暂行规定: to be said before the start.


class LimitBroken(BadRequest):
    """A legal limit, kept as data, does not allow this."""

    type = "limit-broken"


class PoolMoved(Conflict):
    """The pool is not in the state this needs."""

    type = "pool-moved"


class PoolFixed(Conflict):
    """The pool was announced: nothing in it changes any more."""

    type = "pool-fixed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a draft says; as in Pool."""

    brand_id: int
    name_zh: str
    name_en: str
    prizes: Sequence[Prize]
    disclosure: Mapping[str, str]
    out_of: int
    starts_at: datetime
    ends_at: datetime
    minute_fen: int
    hour_fen: int
    gtins: Sequence[str] = ()

    def row(self) -> dict[str, object]:
        return {
            "brand_id": self.brand_id, "name_zh": self.name_zh, "name_en": self.name_en,
            "gtins": sorted(set(self.gtins)), "disclosure": dict(self.disclosure), "out_of": self.out_of,
            "starts_at": self.starts_at, "ends_at": self.ends_at, "minute_fen": self.minute_fen,
            "hour_fen": self.hour_fen,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pool:
    """gtins empty: all products of the brand. minute_fen, hour_fen: what may be paid out before the breaker trips.

    out_of: what the weights of the prizes add up to; weight / out_of is the chance of a prize.
    """

    id: int
    brand_id: int
    name_zh: str
    name_en: str
    gtins: frozenset[str]
    disclosure: Mapping[str, str]
    starts_at: datetime
    ends_at: datetime
    minute_fen: int
    hour_fen: int
    out_of: int
    state: str
    commitment: bytes | None
    held_reason: str | None
    drafted_by: str
    approved_by: str | None
    draws: int
    prizes: tuple[Prize, ...]
    remaining: Mapping[int, int]

    def is_on(self, brand_id: int, gtin: str, at: datetime) -> bool:
        is_ours = self.brand_id == brand_id and (not self.gtins or gtin in self.gtins)
        return is_ours and self.starts_at <= at < self.ends_at


def limit(tx: ReadTx, name: str, *, now: datetime) -> int:
    """The value in force of a limit others set. Raises NotFound."""
    found = tx.execute(
        select(legal_limits.c.value)
        .where(legal_limits.c.name == name, legal_limits.c.valid_from <= now.astimezone(BRAND_ZONE).date())
        .order_by(legal_limits.c.valid_from.desc())
    ).scalar()
    if found is None:
        raise NotFound(f"There is no limit named {name}.")
    return int(found)


def draft(tx: Tx, content: Content, *, by: str, now: datetime) -> Pool:
    """A pool nobody can draw from yet. Raises BadRequest naming the part that is wrong, LimitBroken."""
    _check(tx, content, now=now)
    row = content.row() | {"state": "draft", "draws": 0, "drafted_by": by, "created_at": now}
    pool_id = tx.execute(insert(prize_pools).values(row).returning(prize_pools.c.id)).scalar_one()
    _add(tx, pool_id, content.prizes)
    _audit_draft(tx, pool_id, "draft", content, by, now)
    return get(tx, pool_id)


def redraft(tx: Tx, pool_id: int, content: Content, *, by: str, now: datetime) -> Pool:
    """Write a draft anew; `by` is its author from now on. Raises PoolFixed, NotFound, BadRequest, LimitBroken."""
    mine = (prize_pools.c.id == pool_id, prize_pools.c.state == "draft")
    if not tx.execute(update(prize_pools).where(*mine).values(content.row() | {"drafted_by": by})).rowcount:
        get(tx, pool_id)
        raise PoolFixed(
            "This pool was announced: nothing in it changes any more, for or against anybody; announce another one."
        )
    _check(tx, content, now=now)
    tx.execute(delete(prize_rows).where(prize_rows.c.pool_id == pool_id))
    _add(tx, pool_id, content.prizes)
    _audit_draft(tx, pool_id, "redraft", content, by, now)
    return get(tx, pool_id)


def _add(tx: Tx, pool_id: int, prizes: Sequence[Prize]) -> None:
    rows = [
        {"pool_id": pool_id, "place": one.place, "kind": one.kind, "name_zh": one.name_zh, "name_en": one.name_en,
         "amount": one.amount, "value_fen": one.value_fen, "weight": one.weight, "quantity": one.quantity,
         "remaining": one.quantity, "coupon": one.coupon and dict(one.coupon)}
        for one in prizes
    ]  # fmt: skip
    tx.execute(insert(prize_rows), rows)


def _audit_draft(tx: Tx, pool_id: int, what: str, content: Content, by: str, now: datetime) -> None:
    after = {"name": content.name_zh}
    audit.record(tx, actor=by, action=f"prizes.{what}", subject=f"pool:{pool_id}", after=after, now=now)


def _check(tx: ReadTx, content: Content, *, now: datetime) -> None:
    prizes, top = content.prizes, limit(tx, "top_prize", now=now)
    if not prizes or sorted(one.place for one in prizes) != list(range(1, len(prizes) + 1)):
        raise BadRequest("Number the prizes 1, 2, 3 … without gaps.")
    for one in prizes:
        _check_prize(tx, one, top, now=now)
    if not any(one.quantity is None for one in prizes):
        raise BadRequest("Add a prize without a quantity, or 'nothing', for whoever comes when the others are gone.")
    said = content.disclosure
    if missing := next((name for name in DISCLOSED if not str(said.get(name, "")).strip()), None):
        raise BadRequest(f"The announcement must say {missing!r} before the start.")
    _check_chances(prizes, content.out_of)
    if not content.ends_at > content.starts_at > now:
        raise BadRequest("A pool starts in the future, after it was announced, and ends after it starts.")
    if not 0 < content.minute_fen <= content.hour_fen:
        raise BadRequest("Give what may be paid a minute and an hour, in fen; an hour's is at least a minute's.")


def _check_prize(tx: ReadTx, one: Prize, top: int, *, now: datetime) -> None:
    """top: fen, the most the law lets a prize be worth."""
    if one.kind not in KINDS:
        raise BadRequest(f"Prize {one.place}: there is no kind {one.kind!r}; it is one of {', '.join(KINDS)}.")
    if one.weight <= 0:
        raise BadRequest(f"Prize {one.place} could never be drawn: give a weight above 0, or leave it out.")
    if one.quantity is not None and one.quantity <= 0:
        raise BadRequest(f"Prize {one.place}: there are {one.quantity} of it; give a count above 0, or leave it out.")
    if one.amount < 0 or one.value_fen < 0:
        raise BadRequest(f"Prize {one.place} takes something away; an amount and a worth are 0 or more.")
    if one.kind in ("red_packet", "points") and one.amount == 0:
        raise BadRequest(f"Prize {one.place} gives nothing; say how much.")
    if (one.kind == "coupon") != (one.coupon is not None):
        raise BadRequest(f"Prize {one.place}: say what the coupon gives, and only for a coupon.")
    if one.coupon is not None:
        coupons.check_terms(one.coupon)
    worth = max(one.value_fen, one.amount if one.kind == "red_packet" else 0)
    if worth > top:
        raise LimitBroken(f"Prize {one.place} is worth {worth / 100:,.2f} yuan; the law allows {top / 100:,.0f}.")
    if one.kind == "red_packet":
        _check_packet(tx, one, now=now)
    if one.quantity is None and one.kind not in ENDLESS:
        raise BadRequest(f"Prize {one.place} is worth money: say how many there are.")


def _check_chances(prizes: Sequence[Prize], out_of: int) -> None:
    chances = sum(one.weight for one in prizes)
    if chances > out_of:
        raise BadRequest(f"The chances of the prizes add up to more than one: {chances} of {out_of}.")
    if chances < out_of:
        raise BadRequest(f"The chances add up to {chances} of {out_of}; give the rest to 'nothing', for all to see.")


def _check_packet(tx: ReadTx, one: Prize, *, now: datetime) -> None:
    least, most = limit(tx, "payout_least", now=now), limit(tx, "payout_most", now=now)
    if not least <= one.amount <= most:
        raise LimitBroken(f"Prize {one.place}: a red packet is {least / 100:.2f} to {most / 100:.2f} yuan.")


def publish(tx: Tx, pool_id: int, *, seeds: Seeds, by: str, now: datetime) -> Pool:
    """Commit to the seed and announce. Needs another person than the author, before the start. Raises PoolMoved."""
    # Locked first: what is committed to is what stands there when the state changes, whoever redrafts meanwhile.
    tx.execute(select(prize_pools.c.id).where(prize_pools.c.id == pool_id).with_for_update())
    pool = get(tx, pool_id)
    if pool.drafted_by == by:
        raise PoolMoved("Another person has to approve this pool: money moves.")
    committed = draws.commitment(seeds(pool_id), draws.definition(pool_id, pool.prizes))
    put = (
        update(prize_pools)
        .where(prize_pools.c.id == pool_id, prize_pools.c.state == "draft", prize_pools.c.starts_at > now)
        .values(state="published", commitment=committed, approved_by=by, published_at=now)
    )
    if not tx.execute(put).rowcount:
        if pool.state != "draft":
            raise PoolMoved("This pool was announced before; nothing was done.")
        raise PoolMoved("Its start has come; write the draft anew with a start in the future, then announce it.")
    audit.record(
        tx, actor=by, action="prizes.publish", subject=f"pool:{pool_id}", after={"commitment": committed.hex()}, now=now
    )
    _cached.pop(tx.engine, None)
    return get(tx, pool_id)


def trip(tx: Tx, pool_id: int, reason: str, *, now: datetime) -> bool:
    """Stop paying from a pool until a person resumes it, and call one. Draws go on: nothing is taken from consumers."""
    if not _hold(tx, pool_id, reason, now):
        return False
    audit.record(tx, actor="worker", action="prizes.trip", subject=f"pool:{pool_id}", after={"reason": reason}, now=now)
    facts.announce(tx, [Fact("prizes.held", f"pool:{pool_id}", {"pool_id": pool_id, "reason": reason})], now=now)
    log(__name__).error("payouts of a prize pool wait for a person", pool=pool_id, reason=reason)
    return True


def pause(tx: Tx, pool_id: int, *, by: str, reason: str, now: datetime) -> None:
    """A person stops the payouts of a pool, as the breaker does, until one resumes. Raises PoolMoved, BadRequest."""
    if not reason.strip():
        raise BadRequest("Write a sentence that says why the payouts stop.")
    if not _hold(tx, pool_id, reason, now):
        raise PoolMoved("The pool is held already, or was never announced.")
    audit.record(tx, actor=by, action="prizes.pause", subject=f"pool:{pool_id}", after={"reason": reason}, now=now)


def _hold(tx: Tx, pool_id: int, reason: str, now: datetime) -> bool:
    this = update(prize_pools).where(
        prize_pools.c.id == pool_id, prize_pools.c.state != "draft", prize_pools.c.held_at.is_(None)
    )
    return bool(tx.execute(this.values(held_reason=reason, held_at=now)).rowcount)


def resume(tx: Tx, pool_id: int, *, by: str, reason: str, now: datetime) -> None:
    """A person looked and lets the payouts go on; what was sent before counts no more. Raises PoolMoved."""
    if not reason.strip():
        raise BadRequest("Write a sentence that says why the payouts may go on.")
    held = update(prize_pools).where(prize_pools.c.id == pool_id, prize_pools.c.held_at.is_not(None))
    if not tx.execute(held.values(held_reason=None, held_at=None, resumed_at=now)).rowcount:
        raise PoolMoved("The pool is not held.")
    audit.record(tx, actor=by, action="prizes.resume", subject=f"pool:{pool_id}", after={"reason": reason}, now=now)


def reveal(tx: Tx, pool_id: int, *, seeds: Seeds, by: str, now: datetime) -> None:
    """Publish the seed, after the end. Raises PoolMoved."""
    done = update(prize_pools).where(
        prize_pools.c.id == pool_id, prize_pools.c.state == "published", prize_pools.c.ends_at <= now
    )
    if not tx.execute(done.values(state="revealed", seed=seeds(pool_id))).rowcount:
        raise PoolMoved(_why_not_revealed(get(tx, pool_id)))
    audit.record(tx, actor=by, action="prizes.reveal", subject=f"pool:{pool_id}", now=now)
    _cached.pop(tx.engine, None)


def _why_not_revealed(pool: Pool) -> str:
    match pool.state:
        case "draft":
            return "A draft was never announced, so there is nothing to reveal."
        case "revealed":
            return "This pool is closed and its seed was revealed before; nothing was done."
        case _:
            ends = pool.ends_at.astimezone(BRAND_ZONE)
            return f"The seed is revealed after its end, {ends:%Y-%m-%d %H:%M}: before, it would say who wins."


def published(tx: ReadTx, pool_id: int) -> dict[str, object]:
    """What anyone needs to check the draws (see draws.check). seed is null and draws are absent before the reveal.

    Raises NotFound, also for a draft.
    """
    pool = get(tx, pool_id)
    if pool.state == "draft":
        raise NotFound(f"There is no prize pool {pool_id}.")
    seed = tx.execute(select(prize_pools.c.seed).where(prize_pools.c.id == pool_id)).scalar()
    said: dict[str, object] = {
        "pool": pool.id,
        "commitment": pool.commitment and pool.commitment.hex(),
        "prizes": json.loads(draws.definition(pool_id, pool.prizes))["prizes"],
        "out_of": pool.out_of,
        "names": {str(one.place): {"zh": one.name_zh, "en": one.name_en} for one in pool.prizes},
        "coupons": {str(one.place): dict(one.coupon) for one in pool.prizes if one.coupon is not None},
        "name": {"zh": pool.name_zh, "en": pool.name_en},
        "starts_at": pool.starts_at.isoformat(),
        "ends_at": pool.ends_at.isoformat(),
        "disclosure": dict(pool.disclosure),
        "seed": seed and seed.hex(),
    }
    if seed is None:
        return said
    rows = tx.execute(
        select(prize_draws.c.nth, prize_draws.c.item, prize_draws.c.place)
        .where(prize_draws.c.pool_id == pool_id)
        .order_by(prize_draws.c.nth)
    )
    return said | {"draws": [list(row) for row in rows]}


def get(tx: ReadTx, pool_id: int) -> Pool:
    """Raises NotFound."""
    found = _pools(tx, prize_pools.c.id == pool_id)
    if not found:
        raise NotFound(f"There is no prize pool {pool_id}.")
    return found[0]


def list_pools(tx: ReadTx) -> list[Pool]:
    """Every pool, newest first."""
    return _pools(tx, prize_pools.c.id > 0)


def _pools(tx: ReadTx, which: object) -> list[Pool]:
    rows = tx.execute(select(prize_pools).where(which).order_by(prize_pools.c.id.desc())).all()  # type: ignore[arg-type]
    ids = [row.id for row in rows]
    prizes: dict[int, list[Prize]] = {}
    remaining: dict[int, dict[int, int]] = {}
    query = select(prize_rows).where(prize_rows.c.pool_id.in_(ids)).order_by(prize_rows.c.pool_id, prize_rows.c.place)
    for one in tx.execute(query):
        prize = Prize(
            one.place, one.kind, one.name_zh, one.name_en, one.amount, one.value_fen, one.weight, one.quantity,
            one.coupon,
        )  # fmt: skip
        prizes.setdefault(one.pool_id, []).append(prize)
        if one.quantity is not None:
            remaining.setdefault(one.pool_id, {})[one.place] = one.remaining
    return [
        Pool(
            row.id, row.brand_id, row.name_zh, row.name_en, frozenset(row.gtins), row.disclosure, row.starts_at,
            row.ends_at, row.minute_fen, row.hour_fen, row.out_of, row.state, row.commitment, row.held_reason,
            row.drafted_by, row.approved_by, row.draws, tuple(prizes.get(row.id, ())), remaining.get(row.id, {}),
        )
        for row in rows
    ]  # fmt: skip


_cached: MutableMapping[Engine, tuple[float, Sequence[Pool]]] = WeakKeyDictionary()


def in_force(tx: ReadTx) -> Sequence[Pool]:
    """Announced pools, at most CACHED_S old: an announcement precedes its start, so nobody misses one."""
    read_at, found = _cached.get(tx.engine, (float("-inf"), ()))
    if monotonic_s() - read_at >= CACHED_S:
        found = _pools(tx, prize_pools.c.state == "published")
        _cached[tx.engine] = monotonic_s(), found
    return found
