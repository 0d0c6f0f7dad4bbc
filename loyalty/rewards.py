"""The catalogue, and redeeming from it: points are reserved with the stock, spent when fulfilled, returned when not.

    request ──> requested ── fulfil ──> confirmed ── ship ──> shipped ── deliver ──> delivered
       │            └── cancel, or nobody fulfilled in time ──> cancelled (points and stock back)
       └──> refused: remembered under its id            confirmed, shipped, delivered ── return ──> returned
The client's id is the redemption's: the same again answers the same. Coupons and services need nobody to fulfil them
and are confirmed at once. What a reward costs in cash is paid where it is handed over. Locks: redemption, reward, the
member's limit, then balances, in this order everywhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, insert, select, text, update

from foundation import audit
from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest, Conflict, NotFound
from loyalty import accounts, coupons, holding, ledger, segments, tiers
from loyalty.benefits import Benefits
from loyalty.expiry import BRAND_ZONE
from loyalty.holding import Hold
from loyalty.idempotency import Key
from loyalty.ledger import Reversal
from loyalty.reward_tables import redemptions, reward_uses, rewards
from loyalty.tiers import Level

OPEN_FOR = timedelta(days=7)  # A request nobody fulfilled gives the points back after this.
PERIODS = {"day": "%Y-%m-%d", "week": "%G-W%V", "month": "%Y-%m", "year": "%Y", "ever": "ever"}
KINDS = ("goods", "coupon", "service")
MOST_STOCK = 10**9


class RewardMoved(Conflict):
    """The reward or redemption is not in the state this needs."""

    type = "reward-moved"


class RedemptionReused(Conflict):
    """The id was used for another reward; nothing was changed."""

    type = "redemption-id-reused"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a draft says; the fields as in Reward."""

    kind: str
    name_zh: str
    name_en: str
    points: int
    starts_at: datetime
    cash_fen: int = 0
    delivery_fen: int = 0
    stock: int | None = None
    per_member: int = 0
    period: str = "ever"
    tiers: Sequence[str] = ()
    segments: Sequence[str] = ()
    coupon: Mapping[str, Any] | None = None
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reward:
    """remaining None: no stock to run out of. per_member 0: no limit. tiers, segments empty: for all."""

    id: int
    kind: str
    name_zh: str
    name_en: str
    points: int
    cash_fen: int
    delivery_fen: int
    stock: int | None
    remaining: int | None
    per_member: int
    period: str
    tiers: Sequence[str]
    segments: Sequence[str]
    coupon: Mapping[str, Any] | None
    state: str
    starts_at: datetime
    ends_at: datetime | None
    drafted_by: str
    approved_by: str | None

    def period_of(self, at: datetime) -> str:
        return at.astimezone(BRAND_ZONE).strftime(PERIODS[self.period])


@dataclass(frozen=True, slots=True)
class Redemption:
    id: UUID
    reward_id: int
    member_id: UUID
    points: int
    cash_fen: int
    delivery_fen: int
    state: str
    reason: str
    coupon_id: UUID | None
    carrier: str | None
    tracking: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Offer:
    """A reward as one member sees it, at the prices of their tier. why_not: empty, or one stable word."""

    reward: Reward
    points: int
    delivery_fen: int
    why_not: str


def draft(
    tx: Tx, *, kind: str, name_zh: str, name_en: str, points: int, cash_fen: int = 0,
    delivery_fen: int = 0, stock: int | None = None,
    per_member: int = 0, period: str = "ever", tiers: Sequence[str] = (), segments: Sequence[str] = (),
    coupon: Mapping[str, Any] | None = None, starts_at: datetime, ends_at: datetime | None = None, by: str,
    now: datetime,
) -> Reward:  # fmt: skip
    """A reward nobody sees yet. Raises BadRequest naming the part that is wrong."""
    terms = Terms(
        kind, name_zh, name_en, points, starts_at, cash_fen=cash_fen, delivery_fen=delivery_fen, stock=stock,
        per_member=per_member, period=period, tiers=tiers, segments=segments, coupon=coupon, ends_at=ends_at,
    )  # fmt: skip
    return draft_terms(tx, terms, by=by, now=now)


def draft_terms(tx: Tx, terms: Terms, *, by: str, now: datetime) -> Reward:
    """The same, of terms in one piece."""
    row = checked(terms) | {"state": "draft", "drafted_by": by, "created_at": now}
    reward_id = tx.execute(insert(rewards).values(row).returning(rewards.c.id)).scalar_one()
    after = {"name": terms.name_zh}
    audit.record(tx, actor=by, action="rewards.draft", subject=f"reward:{reward_id}", after=after, now=now)
    return get(tx, reward_id)


def amend(tx: Tx, reward_id: int, terms: Terms, *, by: str, now: datetime) -> Reward:
    """Write a draft anew; its author is whoever wrote it last. Raises BadRequest, RewardMoved."""
    return _turn(tx, reward_id, "draft", checked(terms) | {"drafted_by": by}, "rewards.amend", by, now)


def restock(tx: Tx, reward_id: int, more: int, *, by: str, now: datetime) -> Reward:
    """More of a reward came in. Raises BadRequest, RewardMoved for one without stock or no longer offered."""
    if not 0 < more <= MOST_STOCK:
        raise BadRequest(f"Say how many more there are, from 1 to {MOST_STOCK:,}.")
    counted = update(rewards).where(
        rewards.c.id == reward_id, rewards.c.remaining.is_not(None), rewards.c.state != "withdrawn"
    )
    values = {"stock": rewards.c.stock + more, "remaining": rewards.c.remaining + more}
    if not tx.execute(counted.values(values)).rowcount:
        raise RewardMoved("This reward has no stock that could grow, or is no longer offered.")
    audit.record(tx, actor=by, action="rewards.restock", subject=f"reward:{reward_id}", after={"more": more}, now=now)
    return get(tx, reward_id)


def checked(terms: Terms) -> dict[str, Any]:
    """The row of these terms. Raises BadRequest."""
    if terms.kind not in KINDS or terms.period not in PERIODS:
        raise BadRequest(f"A reward is one of {', '.join(KINDS)}; its period one of {', '.join(PERIODS)}.")
    if not (1 <= len(terms.name_zh.strip()) <= 80 and 1 <= len(terms.name_en.strip()) <= 80):
        raise BadRequest("Name the reward in both languages, in at most 80 characters.")
    numbers = (terms.points, terms.cash_fen, terms.delivery_fen, terms.per_member, terms.stock or 0)
    if min(numbers) < 0 or max(numbers) > MOST_STOCK or terms.points + terms.cash_fen == 0:
        raise BadRequest("Prices, limits and stock are whole numbers from 0 up, and a reward costs something.")
    if terms.ends_at is not None and terms.ends_at <= terms.starts_at:
        raise BadRequest("Let the reward end after it starts.")
    if (terms.kind == "coupon") != (terms.coupon is not None):
        raise BadRequest("Say what the coupon gives, and only for a coupon.")
    if terms.coupon is not None:
        coupons.check_terms(terms.coupon)
    return {
        "kind": terms.kind, "name_zh": terms.name_zh, "name_en": terms.name_en, "points": terms.points,
        "cash_fen": terms.cash_fen, "delivery_fen": terms.delivery_fen, "stock": terms.stock, "remaining": terms.stock,
        "per_member": terms.per_member, "period": terms.period, "tiers": list(terms.tiers),
        "segments": list(terms.segments), "coupon": terms.coupon, "starts_at": terms.starts_at,
        "ends_at": terms.ends_at,
    }  # fmt: skip


def publish(tx: Tx, reward_id: int, *, by: str, now: datetime) -> Reward:
    """Another person than the author puts it into the catalogue. Raises RewardMoved."""
    if get(tx, reward_id).drafted_by == by:
        raise RewardMoved("Another person has to approve this reward: it spends stock and points.")
    return _turn(tx, reward_id, "draft", {"state": "published", "approved_by": by}, "rewards.publish", by, now)


def withdraw(tx: Tx, reward_id: int, *, by: str, now: datetime) -> Reward:
    """No longer offered; what was redeemed stays. Raises RewardMoved."""
    return _turn(tx, reward_id, "published", {"state": "withdrawn"}, "rewards.withdraw", by, now)


def _turn(
    tx: Tx, reward_id: int, expected: str, values: Mapping[str, Any], action: str, by: str, now: datetime
) -> Reward:
    this = update(rewards).where(rewards.c.id == reward_id, rewards.c.state == expected)
    if not tx.execute(this.values(**values)).rowcount:
        raise RewardMoved(f"The reward is not in the state {expected}.")
    audit.record(tx, actor=by, action=action, subject=f"reward:{reward_id}", now=now)
    return get(tx, reward_id)


def get(tx: ReadTx, reward_id: int) -> Reward:
    """Raises NotFound."""
    row = tx.execute(select(rewards).where(rewards.c.id == reward_id)).first()
    if row is None:
        raise NotFound(f"There is no reward {reward_id}.")
    return _reward(row)


def list_rewards(tx: ReadTx) -> list[Reward]:
    """All, newest first, for screens."""
    return [_reward(row) for row in tx.execute(select(rewards).order_by(rewards.c.id.desc()))]


def offers(tx: ReadTx, member_id: UUID, *, now: datetime) -> list[Offer]:
    """The catalogue as a member sees it, cheapest first."""
    rows = tx.execute(select(rewards).where(rewards.c.state == "published").order_by(rewards.c.points, rewards.c.id))
    seen = [_reward(row) for row in rows]
    used = {(row.reward_id, row.period): row.used for row in tx.execute(
        select(reward_uses).where(reward_uses.c.member_id == member_id))}  # fmt: skip
    points = accounts.read(tx, str(member_id)).get("member", (0, 0))[1]
    who = _who(tx, member_id)
    return [
        Offer(
            one,
            who.gives.price(one.points),
            who.gives.delivery(one.delivery_fen),
            _why_not(one, who, used=used.get((one.id, one.period_of(now)), 0), points=points, now=now),
        )
        for one in seen
        if one.ends_at is None or now < one.ends_at
    ]


@dataclass(frozen=True, slots=True)
class Who:
    """What a reward asks of a member besides points."""

    level: Level
    segments: Sequence[str]

    @property
    def gives(self) -> Benefits:
        return self.level.gives


def _who(tx: ReadTx, member_id: UUID) -> Who:
    return Who(tiers.standing(tx, member_id).level, segments.of_member(tx, member_id))


def _why_not(one: Reward, who: Who, *, used: int, points: int, now: datetime) -> str:
    if one.state != "published" or (one.ends_at is not None and now >= one.ends_at):
        return "ended"
    if now < one.starts_at:
        return "not-yet"
    if one.tiers and who.level.tier not in one.tiers:
        return "tier"
    if one.segments and not set(one.segments) & set(who.segments):
        return "segment"
    if one.remaining == 0:
        return "sold-out"
    if one.per_member and used >= one.per_member:
        return "limit"
    return "too-few-points" if points < who.gives.price(one.points) else ""


def redeem(
    tx: Tx, redemption_id: UUID, *, reward_id: int, member_id: UUID, coupon_key: bytes, now: datetime
) -> Redemption:
    """Reserve points and stock, once an id. A refusal is an answer, and stays. Raises RedemptionReused, NotFound."""
    get(tx, reward_id)
    row = {"id": redemption_id, "reward": reward_id, "member": member_id, "now": now}
    if tx.execute(_REQUEST, row).first() is None:
        found = tx.execute(select(redemptions).where(redemptions.c.id == redemption_id)).one()
        if (found.reward_id, found.member_id) != (reward_id, member_id):
            raise RedemptionReused("This id was used for another redemption; make a new one.")
        return _redemption(found)
    # The reward's row is what everyone who wants it queues for; stock and limits are decided under its lock.
    one = _locked_reward(tx, reward_id)
    period = one.period_of(now)
    used = tx.execute(_USED, {"reward": reward_id, "member": member_id, "period": period}).scalar() or 0
    points = accounts.read(tx, str(member_id)).get("member", (0, 0))[1]
    who = _who(tx, member_id)
    price, delivery_fen = who.gives.price(one.points), who.gives.delivery(one.delivery_fen)
    values: dict[str, Any] = {"period": period, "points": price, "cash_fen": one.cash_fen}
    values["delivery_fen"] = delivery_fen
    why_not = _why_not(one, who, used=used, points=points, now=now)
    if not why_not and price:
        wanted = Hold(
            Key("redemption", str(redemption_id)), "spend", str(member_id), price, "redemption",
            correlation_id=redemption_id,
        )  # fmt: skip
        (held,) = holding.hold(tx, [wanted], now=now)
        why_not = held.reason
        values["hold_id"] = held.transfer_id
    if why_not:
        return _change(tx, redemption_id, values | {"state": "refused", "reason": why_not, "hold_id": None}, now)
    _take(tx, one, member_id, period, 1)
    requested = _change(tx, redemption_id, values | {"lapses_at": now + OPEN_FOR}, now)
    if one.kind == "goods":
        return requested
    if one.coupon is not None:
        made = coupons.issue(
            tx, member_id=member_id, terms=one.coupon, source=f"redemption:{redemption_id}", key=coupon_key, now=now
        )
        _change(tx, redemption_id, {"coupon_id": made.id}, now)
    return fulfil(tx, redemption_id, by="catalogue", now=now)


def _locked_reward(tx: Tx, reward_id: int) -> Reward:
    """Not FOR UPDATE: every redemption's foreign key holds the row's key, and two of them would wait for each other."""
    this = select(rewards).where(rewards.c.id == reward_id)
    return _reward(tx.execute(this.with_for_update(key_share=True)).one())


_REQUEST = text("""
INSERT INTO redemptions (id, reward_id, member_id, period, points, cash_fen, delivery_fen, state, reason, created_at,
    changed_at)
VALUES (:id, :reward, :member, '', 0, 0, 0, 'requested', '', :now, :now) ON CONFLICT DO NOTHING RETURNING id
""")
_USED = text("SELECT used FROM reward_uses WHERE reward_id = :reward AND member_id = :member AND period = :period")
_COUNT = text("""
INSERT INTO reward_uses (reward_id, member_id, period, used) VALUES (:reward, :member, :period, 1)
ON CONFLICT (reward_id, member_id, period) DO UPDATE SET used = reward_uses.used + :step
""")


def _take(tx: Tx, one: Reward, member_id: UUID, period: str, step: int) -> None:
    """One more (1) or one less (-1) is out of stock and counted for the member; the reward's row is locked."""
    out = update(rewards).where(rewards.c.id == one.id, rewards.c.remaining.is_not(None))
    tx.execute(out.values(remaining=rewards.c.remaining - step))
    tx.execute(_COUNT, {"reward": one.id, "member": member_id, "period": period, "step": step})


def fulfil(tx: Tx, redemption_id: UUID, *, by: str, now: datetime) -> Redemption:
    """The points are spent. Raises RewardMoved."""
    row = _locked(tx, redemption_id, "requested")
    values: dict[str, Any] = {"state": "confirmed", "lapses_at": None}
    if row.hold_id is not None:
        ended = holding.settle(tx, [row.hold_id], reason="redemption", now=now)[row.hold_id]
        if ended.state != "posted":
            raise RewardMoved("The reserved points went back meanwhile.")
        values["transfer_id"] = ended.transfer_id
    return _step(tx, redemption_id, values, by, now)


def ship(tx: Tx, redemption_id: UUID, *, carrier: str, tracking: str, by: str, now: datetime) -> Redemption:
    """Raises BadRequest, RewardMoved."""
    if not carrier.strip() or not tracking.strip():
        raise BadRequest("Name the carrier and the number of the parcel.")
    _locked(tx, redemption_id, "confirmed")
    return _step(tx, redemption_id, {"state": "shipped", "carrier": carrier, "tracking": tracking}, by, now)


def deliver(tx: Tx, redemption_id: UUID, *, by: str, now: datetime) -> Redemption:
    _locked(tx, redemption_id, "shipped")
    return _step(tx, redemption_id, {"state": "delivered"}, by, now)


def cancel(tx: Tx, redemption_id: UUID, *, by: str, now: datetime) -> Redemption:
    """Before it is fulfilled: points and stock go back. Raises RewardMoved."""
    return _cancel(tx, [_locked(tx, redemption_id, "requested")], by, now)[0]


def _cancel(tx: Tx, rows: Sequence[Row[Any]], by: str, now: datetime) -> list[Redemption]:
    """All stock in the rewards' order, then all balances in one batch: whoever redeems meanwhile waits, and no more."""
    for row in sorted(rows, key=lambda row: row.reward_id):
        _stock_back(tx, row)
    holding.void_hold(tx, [row.hold_id for row in rows if row.hold_id is not None], reason="cancelled", now=now)
    return [_step(tx, row.id, {"state": "cancelled", "lapses_at": None}, by, now) for row in rows]


def give_back(tx: Tx, redemption_id: UUID, *, by: str, now: datetime) -> Redemption:
    """It came back: the points return to the lots they came from, as points. A used coupon stays used: RewardMoved."""
    row = _locked(tx, redemption_id, "confirmed", "shipped", "delivered")
    if row.coupon_id is not None and not coupons.void(tx, row.coupon_id):
        raise RewardMoved("The coupon was used or has expired; it cannot be returned.")
    _stock_back(tx, row)
    if row.transfer_id is not None:
        undone = Reversal(Key("redemption-return", str(redemption_id)), row.transfer_id, "returned")
        ledger.reverse(tx, [undone], now=now)
    return _step(tx, redemption_id, {"state": "returned"}, by, now)


def _stock_back(tx: Tx, row: Row[Any]) -> None:
    one = _locked_reward(tx, row.reward_id)
    _take(tx, one, row.member_id, row.period, -1)


def sweep(tx: Tx, *, now: datetime, limit: int = 100) -> int:
    """Cancel what nobody fulfilled in time; how many."""
    due = select(redemptions).where(redemptions.c.state == "requested", redemptions.c.lapses_at <= now)
    rows = tx.execute(due.order_by(redemptions.c.id).limit(limit).with_for_update(skip_locked=True)).all()
    return len(_cancel(tx, rows, "worker", now))


def of_member(tx: ReadTx, member_id: UUID, *, limit: int = 50) -> list[Redemption]:
    rows = tx.execute(
        select(redemptions).where(redemptions.c.member_id == member_id).order_by(redemptions.c.id.desc()).limit(limit)
    )
    return [_redemption(row) for row in rows]


def list_redemptions(
    tx: ReadTx, *, state: str | None = None, before: UUID | None = None, limit: int = 200
) -> list[Redemption]:
    """Newest first, those of one state if asked; the next page is `before` the last one's id."""
    query = select(redemptions).order_by(redemptions.c.id.desc()).limit(limit)
    if state:
        query = query.where(redemptions.c.state == state)
    found = tx.execute(query if before is None else query.where(redemptions.c.id < before))
    return [_redemption(row) for row in found]


def redemption(tx: ReadTx, redemption_id: UUID) -> Redemption:
    """Raises NotFound."""
    row = tx.execute(select(redemptions).where(redemptions.c.id == redemption_id)).first()
    if row is None:
        raise NotFound("There is no such redemption.")
    return _redemption(row)


def waiting(tx: ReadTx, *, limit: int = 200) -> list[Redemption]:
    """What the desk still has to hand over, oldest first."""
    rows = tx.execute(
        select(redemptions)
        .where(redemptions.c.state.in_(["requested", "confirmed", "shipped"]))
        .order_by(redemptions.c.created_at)
        .limit(limit)
    )
    return [_redemption(row) for row in rows]


def _locked(tx: Tx, redemption_id: UUID, *expected: str) -> Row[Any]:
    row = tx.execute(select(redemptions).where(redemptions.c.id == redemption_id).with_for_update()).first()
    if row is None:
        raise NotFound("There is no such redemption.")
    if row.state not in expected:
        raise RewardMoved(f"The redemption is {row.state}.", state=row.state)
    return row


def _step(tx: Tx, redemption_id: UUID, values: Mapping[str, Any], by: str, now: datetime) -> Redemption:
    changed = _change(tx, redemption_id, values, now)
    audit.record(
        tx, actor=by, action=f"redemption.{changed.state}", subject=f"redemption:{redemption_id}", now=now
    )  # fmt: skip
    return changed


def _change(tx: Tx, redemption_id: UUID, values: Mapping[str, Any], now: datetime) -> Redemption:
    this = update(redemptions).where(redemptions.c.id == redemption_id).values(**values, changed_at=now)
    return _redemption(tx.execute(this.returning(*redemptions.c)).one())


def _reward(row: Row[Any]) -> Reward:
    return Reward(
        row.id, row.kind, row.name_zh, row.name_en, row.points, row.cash_fen, row.delivery_fen, row.stock,
        row.remaining, row.per_member, row.period, row.tiers, row.segments, row.coupon, row.state, row.starts_at,
        row.ends_at, row.drafted_by, row.approved_by,
    )  # fmt: skip


def _redemption(row: Row[Any]) -> Redemption:
    return Redemption(
        row.id, row.reward_id, row.member_id, row.points, row.cash_fen, row.delivery_fen, row.state, row.reason,
        row.coupon_id, row.carrier, row.tracking, row.created_at,
    )  # fmt: skip
