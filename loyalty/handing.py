"""Handing over what was won: points at once, red packets by a payout, coupons as codes, the rest to whoever ships it.

A sweep takes wins that wait for nobody. A prize of points is one transfer under the key ("prize", win); a red packet
becomes a payout where the member is known to the channel, and waits to be collected where not. Members who were merged
are paid as who they are today; what an erased one won is voided.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from foundation.database import Tx
from foundation.errors import Conflict, NotFound
from loyalty import coupons, ledger, payouts, wins
from loyalty.accounts import Account, System
from loyalty.idempotency import Key
from loyalty.ledger import Post
from loyalty.payouts import Owed


class CannotCollect(Conflict):
    """The prize is not one that can be paid now."""

    type = "cannot-collect"


# The member as who they are today, whether they are still a person, and whether the channel can reach them.
WINS = """
SELECT d.win_id, d.pool_id, d.scan_id, d.state, d.hold, z.kind, z.amount, z.coupon, p.ends_at,
    coalesce(m.merged_into, m.id) AS who,
    coalesce(t.erased_at, m.erased_at) IS NOT NULL AS is_erased,
    EXISTS (SELECT FROM member_identifiers i WHERE i.member_id = coalesce(m.merged_into, m.id)
            AND i.kind = 'wechat_openid') AS is_reachable
FROM prize_draws d JOIN prizes z USING (pool_id, place) JOIN prize_pools p ON p.id = d.pool_id
JOIN members m ON m.id = d.member_id LEFT JOIN members t ON t.id = m.merged_into
"""
DUE = text(f"{WINS} WHERE d.state = 'won' AND NOT d.hold ORDER BY d.drawn_at LIMIT :limit FOR UPDATE OF d SKIP LOCKED")
COUPONS = text(f"""{WINS} WHERE d.state = 'waiting' AND NOT d.hold AND z.kind = 'coupon' AND z.coupon IS NOT NULL
    AND coalesce(t.erased_at, m.erased_at) IS NULL ORDER BY d.drawn_at LIMIT :limit FOR UPDATE OF d SKIP LOCKED""")
ONE = text(f"{WINS} WHERE d.win_id = :win_id FOR UPDATE OF d")


def hand_over(tx: Tx, *, now: datetime, limit: int = 500) -> int:
    """Hand over wins that are due; how many. Two sweepers share the work."""
    due = tx.execute(DUE, {"limit": limit}).all()
    groups: dict[str, list[Row[Any]]] = {"voided": [], "paid": [], "paying": [], "waiting": []}
    for row in due:
        groups[_next(row)].append(row)
    if groups["paid"]:
        ledger.post(tx, [_award(row) for row in groups["paid"]], now=now)
    payouts.queue(tx, [_owed(row) for row in groups["paying"]], now=now)
    for state, rows in groups.items():
        wins.move(tx, [row.win_id for row in rows], ["won"], state, reason="erased" * (state == "voided"), now=now)
    return len(due)


def issue_coupons(tx: Tx, *, key: bytes, now: datetime, limit: int = 200) -> int:
    """Make the coupons that were won, once a win; how many. key: codes are made with it, so whoever holds it calls."""
    due = tx.execute(COUPONS, {"limit": limit}).all()
    for row in due:
        coupons.issue(tx, member_id=row.who, terms=row.coupon, source=f"win:{row.win_id}", key=key, now=now)
    wins.move(tx, [row.win_id for row in due], ["waiting"], "paid", now=now)
    return len(due)


def _next(row: Row[Any]) -> str:
    if row.is_erased:
        return "voided"
    if row.kind == "points":
        return "paid"
    return "paying" if row.kind == "red_packet" and row.is_reachable else "waiting"


def _award(row: Row[Any]) -> Post:
    member = Account("member", str(row.who))
    return Post(
        Key("prize", str(row.win_id)), "award", System.ISSUER, member, row.amount, "prize", correlation_id=row.scan_id
    )


def _owed(row: Row[Any]) -> Owed:
    return Owed(row.win_id, row.pool_id, row.who, row.amount)


def collect(tx: Tx, win_id: UUID, *, member_id: UUID, now: datetime) -> None:
    """The member asks for a red packet that waits or came back; a packet on its way is left alone.

    Raises NotFound for a win that is not theirs, CannotCollect.
    """
    row = tx.execute(ONE, {"win_id": win_id}).first()
    if row is None or row.who != member_id:
        raise NotFound("There is no such prize of yours.")
    if row.kind != "red_packet" or row.hold or row.state not in ("won", "waiting", "failed", "paying", "paid"):
        raise CannotCollect("This prize is not one that is paid out here and now.")
    if row.state in ("paying", "paid"):
        return
    if now >= row.ends_at + payouts.CLAIM_UNTIL:
        raise CannotCollect("The time to collect this prize is over.")
    if not row.is_reachable:
        raise CannotCollect("Sign in with WeChat first; the red packet is paid there.")
    payouts.queue(tx, [_owed(row)], now=now)
    wins.move(tx, [win_id], [row.state], "paying", now=now)
