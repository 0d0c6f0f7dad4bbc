"""What was won, from the draw to the hand: wins are only moved from a state they are known to be in.

    won ── sweep ──> paid (points) · paying (red packet, see payouts) · waiting (goods, coupons, nobody to pay to yet)
    won, held ── release ──> won      ── void ──> voided
    waiting, failed ── collect ──> paying        paying ── the channel's word ──> paid · failed

A win that is held waits for a decision on its scan: what ends the points of that scan ends the prize too, in the same
transaction. Nothing of a person under review is confiscated by silence, and nothing held is paid.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Text, cast, func, select, update

from foundation.database import ReadTx, Tx
from loyalty.prize_tables import payouts, prize_draws, prizes
from loyalty.reward_tables import coupons


@dataclass(frozen=True, slots=True)
class Won:
    """amount: fen of a red packet, points, or 0. package: what the member's WeChat needs to confirm a payout.

    coupon_id: of a coupon that was won and made.
    """

    win_id: UUID
    pool_id: int
    nth: int
    kind: str
    name_zh: str
    name_en: str
    amount: int
    state: str
    drawn_at: datetime
    package: str | None
    coupon_id: UUID | None = None


def held_of(tx: ReadTx, scan_ids: Sequence[UUID]) -> list[UUID]:
    """Those of these scans whose prize waits for a decision."""
    held = select(prize_draws.c.scan_id).where(
        prize_draws.c.scan_id.in_(list(scan_ids)), prize_draws.c.state == "won", prize_draws.c.hold
    )
    return list(tx.execute(held.order_by(prize_draws.c.scan_id)).scalars())


def release(tx: Tx, scan_ids: Sequence[UUID]) -> int:
    """Nothing is wrong with these scans: what they won is handed over; how many wins."""
    return _decide(tx, scan_ids, {"hold": False}) if scan_ids else 0


def void(tx: Tx, scan_ids: Sequence[UUID], *, reason: str, now: datetime) -> int:
    """What these scans won and still wait for is not handed over; how many wins."""
    return _decide(tx, scan_ids, {"state": "voided", "reason": reason, "settled_at": now}) if scan_ids else 0


def _decide(tx: Tx, scan_ids: Sequence[UUID], values: dict[str, Any]) -> int:
    held = update(prize_draws).where(
        prize_draws.c.scan_id.in_(list(scan_ids)), prize_draws.c.state == "won", prize_draws.c.hold
    )
    return tx.execute(held.values(**values)).rowcount


def move(
    tx: Tx, win_ids: Sequence[UUID], came_from: Sequence[str], state: str, *, reason: str = "", now: datetime
) -> int:
    """Bring wins to a state; how many were where they were expected."""
    these = update(prize_draws).where(prize_draws.c.win_id.in_(list(win_ids)), prize_draws.c.state.in_(list(came_from)))
    done = tx.execute(these.values(state=state, reason=reason, settled_at=now)) if win_ids else None
    return done.rowcount if done else 0


def of_member(tx: ReadTx, member_id: UUID, *, limit: int = 50) -> list[Won]:
    """The newest wins of a member, without the draws that won nothing."""
    alive = payouts.c.state.not_in(["failed", "cancelled"])
    query = (
        select(prize_draws, prizes, payouts.c.package, coupons.c.id.label("coupon_id"))
        .join(prizes, (prizes.c.pool_id == prize_draws.c.pool_id) & (prizes.c.place == prize_draws.c.place))
        .outerjoin(payouts, (payouts.c.win_id == prize_draws.c.win_id) & alive)
        .outerjoin(coupons, coupons.c.source == func.concat("win:", cast(prize_draws.c.win_id, Text)))
        .where(prize_draws.c.member_id == member_id, prize_draws.c.state != "lost")
        .order_by(prize_draws.c.win_id.desc())
        .limit(limit)
    )
    return [_won(row) for row in tx.execute(query)]


def _won(row: Row[Any]) -> Won:
    state = "held" if row.hold and row.state == "won" else row.state
    return Won(
        row.win_id,
        row.pool_id,
        row.nth,
        row.kind,
        row.name_zh,
        row.name_en,
        row.amount,
        state,
        row.drawn_at,
        row.package,
        row.coupon_id,
    )
