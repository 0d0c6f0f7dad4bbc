"""Referral: whoever brings a new member gets points, and so does the new member, after that one's first paid scan.

Who was invited by whom is fixed once. Refused: oneself, a member who scanned before, a ring (the inviter was invited by
the invited, at any distance). Depth is one: nobody earns from the invited of the invited. Two people who invite each
other at the same moment take one lock, in order, so the second sees the first.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, insert, select, text

from foundation import ids
from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest, Conflict, NotFound
from loyalty.accounts import Account, System
from loyalty.idempotency import Key
from loyalty.ledger import Post
from loyalty.standing_tables import referral_codes, referrals

POINTS = 100
ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 8
_RING_LOCK = 0x72696E67  # "ring": whether an invitation closes a ring is asked by one at a time.


class NoSuchReferral(NotFound):
    type = "no-such-referral"


class NotReferrable(Conflict):
    """The invitation cannot be taken: said is why, in one stable word."""

    type = "not-referrable"


@dataclass(frozen=True, slots=True)
class Referral:
    """points: what the invitations brought so far."""

    code: str
    invited: int
    points: int


def mine(tx: Tx, member_id: UUID, *, now: datetime) -> Referral:
    """The member's own code, made the first time, and what it brought."""
    code = _code_of(tx, member_id)
    while code is None:
        made = "".join(ALPHABET[ids.random_below(len(ALPHABET))] for _ in range(LENGTH))
        tx.execute(_ADD, {"member": member_id, "code": made, "now": now})
        code = _code_of(tx, member_id)
    paid = func.count().filter(referrals.c.state == "paid")
    invited, rewarded = tx.execute(select(func.count(), paid).where(referrals.c.inviter == member_id)).one()
    return Referral(code, invited, rewarded * POINTS)


_ADD = text(
    "INSERT INTO referral_codes (member_id, code, created_at) VALUES (:member, :code, :now) ON CONFLICT DO NOTHING"
)


def _code_of(tx: ReadTx, member_id: UUID) -> str | None:
    return tx.execute(select(referral_codes.c.code).where(referral_codes.c.member_id == member_id)).scalar()


def accept(tx: Tx, member_id: UUID, code: str, *, now: datetime) -> None:
    """`member_id` was invited by whoever has the code. The same again changes nothing.

    Raises BadRequest, NoSuchReferral, NotReferrable.
    """
    said = code.strip().upper()
    if len(said) != LENGTH or set(said) - set(ALPHABET):
        raise BadRequest(f"An invitation code has {LENGTH} letters and digits, such as 7KQ2MWXB.")
    inviter = tx.execute(select(referral_codes.c.member_id).where(referral_codes.c.code == said)).scalar()
    if inviter is None:
        raise NoSuchReferral("There is no such invitation code.")
    tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _RING_LOCK})
    known = tx.execute(select(referrals.c.inviter).where(referrals.c.invited == member_id)).scalar()
    if known == inviter:
        return
    if known is not None:
        raise NotReferrable("You were invited by somebody else before.", said="invited-before")
    if inviter == member_id or inviter in _descendants(tx, member_id):
        raise NotReferrable("Nobody can invite themselves, nor those who invited them.", said="ring")
    if _scanned(tx, member_id):
        raise NotReferrable("An invitation is for new members; you scanned before.", said="not-new")
    tx.execute(insert(referrals).values(invited=member_id, inviter=inviter, state="pending", created_at=now))


def _descendants(tx: ReadTx, member_id: UUID) -> set[UUID]:
    """Everyone this member brought, directly or not."""
    return set(tx.execute(_DESCENDANTS, {"member": member_id}).scalars())


_DESCENDANTS = text("""
WITH RECURSIVE brought AS (
    SELECT invited FROM referrals WHERE inviter = :member
    UNION SELECT r.invited FROM referrals r JOIN brought b ON r.inviter = b.invited
)
SELECT invited FROM brought
""")


def _scanned(tx: ReadTx, member_id: UUID) -> bool:
    return tx.execute(_SCANNED, {"owner": str(member_id), "member": member_id}).first() is not None


# Points for anything but a check-in or a referral, or a scan still to be followed.
_SCANNED = text("""
SELECT 1 FROM accounts a JOIN transfers t ON t.target_id = a.id
WHERE a.owner_ref = :owner AND a.kind IN ('member', 'member_pending') AND a.asset = 'points'
  AND t.correlation_id IS NOT NULL
UNION ALL SELECT 1 FROM member_events WHERE member_id = :member AND kind = 'scan' LIMIT 1
""")


def due(tx: Tx, invited: Collection[UUID], *, now: datetime) -> list[Post]:
    """What both sides get for the first paid scan of each, to be posted by the caller; nothing for who is not pending.

    The guarded update is what two callers race for. A side that was erased meanwhile gets nothing.
    """
    paid = tx.execute(_PAY, {"invited": list(invited), "now": now}).all()
    if not paid:
        return []
    gone = set(tx.execute(_GONE, {"ids": [who for row in paid for who in row]}).scalars())
    sides = [
        (row.invited, side, who) for row in paid for side, who in (("referral", row.inviter), ("referred", row.invited))
    ]
    return [_post(*one) for one in sides if one[2] not in gone]


def _post(invited: UUID, side: str, who: UUID) -> Post:
    key = Key("referral", f"{invited} {side}")
    return Post(key, "award", System.ISSUER, Account("member", str(who)), POINTS, side)


_GONE = text("SELECT id FROM members WHERE id = ANY(CAST(:ids AS uuid[])) AND erased_at IS NOT NULL")
_PAY = text("""
WITH pending AS (
    SELECT invited FROM referrals WHERE invited = ANY(CAST(:invited AS uuid[])) AND state = 'pending'
    ORDER BY invited FOR UPDATE
)
UPDATE referrals r SET state = 'paid', paid_at = :now FROM pending WHERE r.invited = pending.invited
RETURNING r.invited, r.inviter
""")
