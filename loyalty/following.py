"""What follows from what a member did: growth and the tier, the referral, the sale. Off the scan's path, exactly once.

A scan, an order, a check-in leaves one row, written with everything else it writes. The sweep takes rows of which the
points are certain; a scan that was withdrawn meanwhile counts for nothing, a held scan's row waits for the decision and
is dropped when its points are voided. A member who looks at the tier is followed first, so nobody waits for the sweep.
Locks: rows, tiers in the members' order, then all points in one batch.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from foundation.bulk import Write, record_set, write_all
from foundation.database import ReadTx, Tx
from loyalty import ledger, referrals, sales, tiers
from loyalty.accounts import Account, System
from loyalty.drawing import Taken
from loyalty.idempotency import Key
from loyalty.ledger import Post
from loyalty.tiers import Earned


def scanned(taken: Sequence[Taken], points: Sequence[int]) -> list[Write]:
    """What to write for scans that took their item; points: what each earned, in the same order."""
    return _leaving([
        _event(one.member_id, "scan", one.at, scan_id=one.scan_id, item=one.item, hold=one.hold, points=earned,
               brand_id=one.brand_id, dealer_id=one.dealer_id, sscc=one.sscc)
        for one, earned in zip(taken, points, strict=True)
    ])  # fmt: skip


def ordered(tx: Tx, placed: Sequence[tuple[UUID, int, int, datetime]]) -> None:
    """Orders that were placed just now: (member, points, paid in fen, when)."""
    rows = [_event(member, "order", at, points=points, spend_fen=fen) for member, points, fen, at in placed]
    write_all(tx, _leaving(rows))


def refunded(tx: Tx, member_id: UUID, *, points: int, spend_fen: int, placed_at: datetime) -> None:
    """A part of an order that was placed then went back, and its points with it."""
    write_all(tx, _leaving([_event(member_id, "refund", placed_at, points=points, spend_fen=spend_fen)]))


def checked_in(tx: Tx, member_id: UUID, *, at: datetime) -> None:
    write_all(tx, _leaving([_event(member_id, "check_in", at)]))


def _event(member_id: UUID, kind: str, at: datetime, **known: object) -> dict[str, object]:
    nothing = {"scan_id": None, "item": None, "hold": False, "points": 0, "spend_fen": 0}
    nothing |= {"brand_id": None, "dealer_id": None, "sscc": None}
    return {"member_id": member_id, "kind": kind, "at": at} | nothing | known


def _leaving(rows: Sequence[Mapping[str, object]]) -> list[Write]:
    return [Write("followed", _LEAVE, rows, len(rows))]


_COLUMNS = (
    "member_id uuid, kind text, scan_id uuid, item bigint, hold boolean, points bigint, spend_fen bigint, "
    "at timestamptz, brand_id bigint, dealer_id bigint, sscc text"
)
_LEAVE = f"""
INSERT INTO member_events (member_id, kind, scan_id, item, hold, points, spend_fen, at, brand_id, dealer_id, sscc)
SELECT followed_rows.* FROM {record_set("followed", _COLUMNS)} RETURNING 1
"""  # noqa: S608


def follow(tx: Tx, *, now: datetime, member_id: UUID | None = None, limit: int = 500) -> int:
    """Follow what is certain, oldest first; how many rows were done with. Several sweepers share the work."""
    rows = tx.execute(_TAKE, {"member": member_id, "limit": limit}).all()
    certain = [row for row in rows if (not row.hold or row.held_state == "posted") and not row.is_withdrawn]
    if certain:
        _follow(tx, sorted(certain, key=lambda row: (row.who, row.id)), now=now)
    sales.note(tx, [row for row in certain if row.kind == "scan"])
    return len(rows)


def behind_s(tx: ReadTx, *, now: datetime) -> float:
    """How long ago the oldest event happened that waits for nothing but a sweep; 0 when none does."""
    oldest = tx.execute(text("SELECT at FROM member_events WHERE NOT hold ORDER BY id LIMIT 1")).scalar()
    return max(0.0, (now - oldest).total_seconds()) if oldest else 0.0


def _follow(tx: Tx, certain: Sequence[Row[Any]], *, now: datetime) -> None:
    """A refund is its member's oldest row, so refunds go first; all members are locked before either."""
    tiers.lock(tx, {row.who for row in certain}, tiers.in_force(tx), now=now)
    for row in certain:
        if row.kind == "refund":
            tiers.take_back(
                tx, row.who, key=f"event {row.id}", growth=row.points, spend_fen=row.spend_fen, placed_at=row.at,
                now=now,
            )  # fmt: skip
    events = [row for row in certain if row.kind != "refund"]
    if not events:
        return
    steps = tiers.credit_all(tx, [_earned(row) for row in events], now=now)
    scans = [(row, step.before) for row, step in zip(events, steps, strict=True) if row.kind == "scan"]
    due = [post for row, level in scans for post in _bonus(row, level.gives.bonus(row.points))]
    due += referrals.due(tx, {row.member_id for row, _ in scans}, now=now) if scans else []
    if due:
        ledger.post(tx, due, now=now)


def _earned(row: Row[Any]) -> Earned:
    is_activity = row.kind in ("check_in", "activity")
    return Earned(row.who, f"event {row.id}", row.points, row.spend_fen, int(row.kind == "scan"), int(is_activity))


def _bonus(row: Row[Any], points: int) -> list[Post]:
    """What the tier the member had adds to the scan's points; undone with the scan."""
    if points <= 0:
        return []
    key, member = Key("tier-bonus", str(row.scan_id)), Account("member", str(row.who))
    return [Post(key, "award", System.ISSUER, member, points, "tier-bonus", correlation_id=row.scan_id)]


# A held scan has a hold under its scan id; while that is open the row waits. One that earned nothing has none: nobody
# will decide about it, and it counts for nothing. A refund waits for what came before it, or it would take back growth
# that was not credited yet.
_TAKE = text("""
WITH due AS (
    SELECT e.id, (SELECT h.state FROM holds h WHERE h.correlation_id = e.scan_id AND e.hold LIMIT 1) AS held_state
    FROM member_events e
    WHERE (CAST(:member AS uuid) IS NULL OR e.member_id = :member)
      AND NOT (e.kind = 'refund'
               AND EXISTS (SELECT FROM member_events o WHERE o.member_id = e.member_id AND o.id < e.id))
      AND NOT EXISTS (SELECT FROM holds h WHERE e.hold AND h.correlation_id = e.scan_id AND h.state = 'open')
    ORDER BY e.id LIMIT :limit FOR UPDATE OF e SKIP LOCKED
)
DELETE FROM member_events e USING due WHERE e.id = due.id RETURNING e.*, due.held_state,
    e.kind = 'scan' AND e.points > 0 AND EXISTS (
        SELECT FROM transfers t JOIN transfers u ON u.reverses = t.id
        WHERE t.correlation_id = e.scan_id AND t.kind IN ('award', 'settle')) AS is_withdrawn,
    coalesce((SELECT m.merged_into FROM members m WHERE m.id = e.member_id), e.member_id) AS who
""")
