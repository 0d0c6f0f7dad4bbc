"""What a member sees of their points: what is there, what is on its way, and every movement with its reason.

Lots that are due count as lapsed from their midnight on, whether or not the nightly sweep has been.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, text

from foundation.database import ReadTx
from foundation.errors import NotFound
from loyalty import accounts, notices, wins
from loyalty.members import MemberKeys
from loyalty.tables import consents, lots, member_identifiers, members

REASONS = {
    "first-scan": ("首次扫码", "First scan"),
    "order": ("购物积分", "Purchase"),
    "check-in": ("每日签到", "Daily check-in"),
    "referral": ("邀请好友", "A friend joined"),
    "referred": ("受邀加入", "Joined by invitation"),
    "redemption": ("兑换礼品", "Reward redeemed"),
    "cancelled": ("取消兑换", "Redemption cancelled"),
    "returned": ("礼品退回", "Reward returned"),
    "prize": ("抽奖奖励", "Prize"),
    "birthday": ("生日礼", "Birthday gift"),
    "tier-bonus": ("等级加赠", "Bonus of your level"),
    "case-opened": ("开箱返利", "Case opened"),
    "shop-sale": ("动销奖励", "Bottle sold"),
    "survey": ("问卷奖励", "Survey reward"),
    "refund": ("退款收回", "Refunded purchase"),
    "expired": ("积分到期", "Points expired"),
    "matured": ("积分到账", "Points released"),
    "appeal": ("申诉通过", "Appeal accepted"),
    "lapsed": ("兑换超时退回", "Redemption timed out"),
    "erasure": ("注销账户", "Account erased"),
    "merged": ("合并账户", "Accounts merged"),
    "goodwill": ("品牌赠送", "A gift from the brand"),
    "correction": ("积分更正", "Correction"),
    "rebate-paid": ("返利发放", "Rebate paid"),
    "rebate-returned": ("返利退回", "Rebate sent back"),
    "written-off": ("核销差额", "Written off"),
}
KINDS = {
    "award": ("获得积分", "Points earned"),
    "burn": ("使用积分", "Points spent"),
    "adjust": ("积分调整", "Adjustment"),
    "hold": ("积分待确认", "Points pending"),
    "settle": ("积分到账", "Points released"),
    "release": ("积分退回", "Points returned"),
    "void": ("积分取消", "Points cancelled"),
    "expire": ("积分到期", "Points expired"),
    "reverse": ("积分收回", "Points taken back"),
    "return": ("积分退回", "Points returned"),
}


@dataclass(frozen=True, slots=True)
class Wallet:
    """Points. available may be negative where the programme allows debt."""

    available: int
    pending: int
    reserved: int


@dataclass(frozen=True, slots=True)
class Movement:
    """points: signed, as the member's total sees it. is_pending: it touched pending points, not spendable ones."""

    transfer_id: UUID
    at: datetime
    kind: str
    points: int
    after: int
    is_pending: bool
    reason: str
    reason_zh: str
    reason_en: str


def balance(tx: ReadTx, member_id: UUID, *, now: datetime) -> Wallet:
    found = accounts.read(tx, str(member_id))
    account_id, available = found.get("member", (None, 0))
    due = select(func.coalesce(func.sum(lots.c.remaining), 0)).where(
        lots.c.account_id == account_id, lots.c.remaining > 0, lots.c.expires_at <= now
    )
    lapsed = int(tx.execute(due).scalar_one())
    return Wallet(available - lapsed, found.get("member_pending", (0, 0))[1], found.get("member_reserved", (0, 0))[1])


# All rows of a member are looked at: ids follow the clocks of several processes, so no index has them in order.
HISTORY = text("""
SELECT t.id, t.event_at, t.kind, t.reason, e.amount, e.after, e.pending
FROM accounts a CROSS JOIN LATERAL (
    SELECT id, amount, target_after AS after, a.kind <> :settled AS pending FROM transfers
    WHERE target_id = a.id AND target_version IS NOT NULL
    UNION ALL
    SELECT id, -amount, source_after, a.kind <> :settled FROM transfers
    WHERE source_id = a.id AND source_version IS NOT NULL
) AS e JOIN transfers t ON t.id = e.id
WHERE a.owner_ref = :owner AND a.kind IN (:settled, :pending) AND a.asset = :asset
  AND NOT (t.kind = 'settle' AND e.pending) AND (CAST(:before AS uuid) IS NULL OR t.id < :before)
ORDER BY t.id DESC LIMIT :limit
""")


def history(tx: ReadTx, member_id: UUID, *, limit: int = 50, before: UUID | None = None) -> list[Movement]:
    """Movements, newest first; the next page is `before` the last one's transfer_id."""
    return movements(tx, str(member_id), limit=limit, before=before)


def movements(
    tx: ReadTx, owner: str, *, asset: str = "points", limit: int = 50, before: UUID | None = None
) -> list[Movement]:
    """The same of any owner: a member, a store, an assistant, a dealer."""
    kinds = {"settled": accounts.spendable(owner).kind, "pending": accounts.pending(owner).kind}
    where = {"owner": owner, "asset": asset, "limit": min(limit, 500), "before": before}
    rows = tx.execute(HISTORY, where | kinds)
    return [
        Movement(
            row.id, row.event_at, row.kind, row.amount, row.after, row.pending, row.reason, *said(row.kind, row.reason)
        )
        for row in rows
    ]


def said(kind: str, reason: str) -> tuple[str, str]:
    return REASONS.get(reason) or KINDS[kind]


def export(tx: ReadTx, member_id: UUID, *, keys: MemberKeys, now: datetime) -> dict[str, object]:
    """All we hold about a member, as JSON. Raises NotFound."""
    row = tx.execute(select(members).where(members.c.id == member_id)).one_or_none()
    if row is None:
        raise NotFound("There is no such member.")
    identifiers = tx.execute(select(member_identifiers).where(member_identifiers.c.member_id == member_id))
    wallet = balance(tx, member_id, now=now)
    return {
        "member": str(member_id),
        "name": row.name,
        "since": row.created_at.isoformat(),
        "identifiers": {one.kind: keys.open(one.kind, one.sealed, member_id) for one in identifiers},
        "consents": consents_of(tx, member_id),
        "points": {"available": wallet.available, "pending": wallet.pending, "reserved": wallet.reserved},
        "movements": [
            {"at": one.at.isoformat(), "points": one.points, "kind": one.kind, "reason": one.reason_zh}
            for one in everything(tx, member_id)
        ],
        "notices": [
            {"kind": one.kind, "amount": one.amount, "last_day": one.due_on.isoformat()}
            for one in notices.of_member(tx, member_id)
        ],
        "prizes": [
            {"at": one.drawn_at.isoformat(), "kind": one.kind, "name": one.name_zh, "amount": one.amount}
            | {"state": one.state}
            for one in wins.of_member(tx, member_id)
        ],
    }


def consents_of(tx: ReadTx, member_id: UUID) -> list[dict[str, object]]:
    rows = tx.execute(select(consents).where(consents.c.member_id == member_id).order_by(consents.c.id))
    return [
        {"purpose": one.purpose, "channel": one.channel, "granted": one.granted, "wording": one.wording}
        | {"at": one.at.isoformat()}
        for one in rows
    ]


def everything(tx: ReadTx, member_id: UUID) -> list[Movement]:
    found: list[Movement] = []
    while page := history(tx, member_id, limit=500, before=found[-1].transfer_id if found else None):
        found += page
    return found
