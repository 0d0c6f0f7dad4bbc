"""Who the points belong to: identity, consent, export, erasure. The ledger knows only a pseudonymous id.

A phone number is stored twice: sealed (AES-256-GCM), so that we can write to the member, and as a keyed hash
(HMAC-SHA-256), so that the same number finds the same member and no list of numbers exists anywhere. Erasing deletes
both; the books keep their sums.
"""

import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import phonenumbers
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import delete, func, insert, or_, select, text, update

from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest, Conflict, NotFound
from foundation.ids import random_bytes, uuid7
from loyalty import holding, trade
from loyalty.accounts import Account, System, open_accounts, spendable
from loyalty.books import About, open_books
from loyalty.standing_tables import member_notices
from loyalty.tables import consents, holds, member_identifiers, members

KINDS = ("member", "member_pending", "member_reserved")
NONCE = 12


class BadPhoneNumber(BadRequest):
    """The text is no phone number one could call."""

    type = "bad-phone-number"


@dataclass(frozen=True, slots=True)
class MemberKeys:
    """Two keys for two purposes, both of 32 bytes."""

    sealing: bytes = field(repr=False)
    finding: bytes = field(repr=False)

    @staticmethod
    def derive(purpose_key: Callable[[str], bytes]) -> "MemberKeys":
        """purpose_key: 32 bytes for a named purpose, out of the installation's master key."""
        return MemberKeys(sealing=purpose_key("members sealing"), finding=purpose_key("members finding"))

    def index(self, kind: str, value: str) -> bytes:
        return hmac.digest(self.finding, f"{kind}\0{value}".encode(), "sha256")

    def seal(self, kind: str, value: str, member_id: UUID) -> bytes:
        """nonce || ciphertext || tag; bound to its kind and member, so a row copied to another does not open."""
        nonce = random_bytes(NONCE)
        return nonce + AESGCM(self.sealing).encrypt(nonce, value.encode(), f"{kind}\0{member_id}".encode())

    def open(self, kind: str, sealed: bytes, member_id: UUID) -> str:
        bound = f"{kind}\0{member_id}".encode()
        return AESGCM(self.sealing).decrypt(sealed[:NONCE], sealed[NONCE:], bound).decode()


def e164(phone: str, *, region: str = "CN") -> str:
    """`138 0013 8000` -> `+8613800138000`. Raises BadPhoneNumber."""
    try:
        number = phonenumbers.parse(phone[:40], region)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_valid_number(number):
        raise BadPhoneNumber("This is not a phone number; write it as 138 0013 8000 or with its country, +86 …")
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def mask(number: str) -> str:
    """`+8613812341234` -> `138****1234`; abroad with the country, half of the digits hidden."""
    digits = number.removeprefix("+86")
    shown = 3 if digits != number else min(4, len(digits) // 3)
    return f"{digits[:shown]}****{digits[-4:]}"


@dataclass(frozen=True, slots=True)
class Identifier:
    """One way to find a member: kind `phone`, `wechat_openid` or `wechat_unionid`, and its value."""

    kind: str
    value: str = field(repr=False)

    @property
    def mask(self) -> str:
        return mask(self.value) if self.kind == "phone" else f"…{self.value[-4:]}"


def find_or_create(tx: Tx, *, phone: str, keys: MemberKeys, now: datetime) -> UUID:
    """The member of a phone number, new if need be. Two callers at once get the same one."""
    return identify(tx, [Identifier("phone", e164(phone))], keys=keys, now=now)


def identify(tx: Tx, proven: Sequence[Identifier], *, keys: MemberKeys, now: datetime) -> UUID:
    """The member of the first identifier that is known, new if none is; the others become theirs unless taken."""
    known = (find(tx, one.kind, keys.index(one.kind, one.value)) for one in proven)
    member_id = next((found for found in known if found is not None), None)
    fresh = member_id is None
    if member_id is None:
        member_id = uuid7(now)
        if not link(tx, member_id, proven[0], keys=keys, now=now):
            # Somebody was quicker; that statement waited for them, this one sees them.
            return identify(tx, proven, keys=keys, now=now)
    for one in proven:
        link(tx, member_id, one, keys=keys, now=now)
    if fresh:
        tx.execute(insert(members).values(id=member_id, created_at=now))
        open_accounts(tx, [Account(kind, str(member_id)) for kind in KINDS], now=now)
    return member_id


def link(tx: Tx, member_id: UUID, one: Identifier, *, keys: MemberKeys, now: datetime) -> bool:
    """Make an identifier the member's. False: it is somebody's already, perhaps theirs."""
    row = {"kind": one.kind, "blind_index": keys.index(one.kind, one.value), "member_id": member_id, "created_at": now}
    sealed = {"sealed": keys.seal(one.kind, one.value, member_id), "mask": one.mask}
    return tx.execute(ADD_IDENTIFIER, row | sealed).first() is not None


# The member's row follows: the foreign key is checked at commit, and a loser leaves no orphan behind.
ADD_IDENTIFIER = text("""
INSERT INTO member_identifiers (kind, blind_index, member_id, sealed, mask, created_at)
VALUES (:kind, :blind_index, :member_id, :sealed, :mask, :created_at)
ON CONFLICT DO NOTHING RETURNING member_id
""")


def find(tx: ReadTx, kind: str, index: bytes) -> UUID | None:
    this = (member_identifiers.c.kind == kind, member_identifiers.c.blind_index == index)
    return tx.execute(select(member_identifiers.c.member_id).where(*this)).scalar()


def find_all(tx: ReadTx, kind: str, indexes: Sequence[bytes]) -> dict[bytes, UUID]:
    """Members by their keyed hashes; the unknown are missing."""
    columns = (member_identifiers.c.blind_index, member_identifiers.c.member_id)
    query = select(*columns).where(member_identifiers.c.kind == kind, member_identifiers.c.blind_index.in_(indexes))
    return {bytes(row.blind_index): row.member_id for row in tx.execute(query)}


def has(tx: ReadTx, member_id: UUID, kind: str) -> bool:
    """Whether the member is known by an identifier of this kind."""
    this = (member_identifiers.c.kind == kind, member_identifiers.c.member_id == member_id)
    return tx.execute(select(member_identifiers.c.kind).where(*this)).first() is not None


def values(tx: ReadTx, member_id: UUID, kind: str, *, keys: MemberKeys) -> list[str]:
    """The member's identifiers of a kind, opened: for whoever must write or pay to them."""
    this = (member_identifiers.c.kind == kind, member_identifiers.c.member_id == member_id)
    sealed = tx.execute(select(member_identifiers.c.sealed).where(*this)).scalars()
    return [keys.open(kind, one, member_id) for one in sealed]


def masks(tx: ReadTx, member_ids: Sequence[UUID]) -> dict[UUID, str]:
    """How staff screens name members: 138****1234. Erased members are missing."""
    query = select(member_identifiers.c.member_id, member_identifiers.c.mask).where(
        member_identifiers.c.member_id.in_(list(member_ids)), member_identifiers.c.kind == "phone"
    )
    return {row.member_id: row.mask for row in tx.execute(query)}


def today(tx: ReadTx, member_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """Who these members are today: themselves, or whom they were merged into. Unknown and erased ones are missing."""
    new = members.alias("new")
    query = (
        select(members.c.id, func.coalesce(members.c.merged_into, members.c.id).label("who"))
        .outerjoin(new, new.c.id == members.c.merged_into)
        .where(members.c.id.in_(list(member_ids)), members.c.erased_at.is_(None), new.c.erased_at.is_(None))
    )
    return {row.id: row.who for row in tx.execute(query)}


@dataclass(frozen=True, slots=True)
class Known:
    """A member as staff see one: masks only. merged_into: who they are today, if they turned out to be another."""

    id: UUID
    since: datetime
    identifiers: tuple[tuple[str, str], ...]  # (kind, mask)
    erased_at: datetime | None
    merged_into: UUID | None


def known(tx: ReadTx, member_id: UUID) -> Known:
    """Raises NotFound."""
    row = tx.execute(select(members).where(members.c.id == member_id)).one_or_none()
    if row is None:
        raise NotFound("There is no such member.")
    shown = select(member_identifiers.c.kind, member_identifiers.c.mask).where(
        member_identifiers.c.member_id == member_id
    )
    masked = tuple((one.kind, one.mask) for one in tx.execute(shown.order_by(member_identifiers.c.kind)))
    return Known(row.id, row.created_at, masked, row.erased_at, row.merged_into)


def consent(tx: Tx, member_id: UUID, *, purpose: str, channel: str, granted: bool, wording: str, now: datetime) -> None:
    """Add a grant or a withdrawal, with the wording the member saw. The last entry counts."""
    tx.execute(
        insert(consents).values(
            member_id=member_id,
            purpose=purpose,
            channel=channel,
            granted=granted,
            wording=wording,
            wording_hash=hashlib.sha256(wording.encode()).digest(),
            at=now,
        )
    )


def has_consented(tx: ReadTx, member_id: UUID, *, purpose: str, channel: str) -> bool:
    last = (
        select(consents.c.granted)
        .where(consents.c.member_id == member_id, consents.c.purpose == purpose, consents.c.channel == channel)
        .order_by(consents.c.id.desc())
        .limit(1)
    )
    return bool(tx.execute(last).scalar())


def erase(tx: Tx, member_id: UUID, *, now: datetime) -> dict[str, object]:
    """Sever the person from the points: open holds end, the balance lapses, identifiers and consents are deleted.

    Transfers and lots stay under a pseudonym that leads to nobody. Returns the receipt: what went, what stayed, why.
    Raises NotFound, and Conflict for a member erased before.
    """
    row = tx.execute(select(members).where(members.c.id == member_id).with_for_update()).one_or_none()
    if row is None:
        raise NotFound("There is no such member.")
    if row.erased_at is not None:
        raise Conflict("This member was erased before.")
    forfeited = forfeit(tx, str(member_id), now=now)
    if trade.forget(tx, member_id, now=now):
        forfeited += forfeit(tx, trade.assistant(member_id), now=now)
    deleted = {
        "identifiers": tx.execute(
            delete(member_identifiers).where(member_identifiers.c.member_id == member_id)
        ).rowcount,
        "consents": tx.execute(delete(consents).where(consents.c.member_id == member_id)).rowcount,
    }
    notices = tx.execute(delete(member_notices).where(member_notices.c.member_id == member_id)).rowcount
    selves = or_(members.c.id == member_id, members.c.merged_into == member_id)
    tx.execute(update(members).where(selves).values(name=None, born_in=None, guardian_agreed_at=None, erased_at=now))
    return {
        "member": str(member_id),
        "erased_at": now.isoformat(),
        "deleted": deleted | {"name": row.name is not None, "notices": notices},
        "lapsed_points": forfeited,
        "kept": {"transfers": "the books of the points programme, without any link to a person"},
    }


def forfeit(tx: Tx, owner: str, *, now: datetime) -> int:
    """End what is open and let the balance lapse; how many points lapsed."""
    open_holds = select(holds.c.id).where(holds.c.owner_ref == owner, holds.c.state == "open")
    holding.void_hold(tx, list(tx.execute(open_holds).scalars()), reason="erasure", now=now)
    account = spendable(owner)
    books = open_books(tx, [account], burning=[account], now=now)
    left = books.available(account)
    if left:
        books.burn("expire", account, System.EXPIRED, left, About("erasure"))
    books.write(tx)
    return left


def count(tx: ReadTx) -> int:
    """Members there are, erased ones not counted."""
    return int(tx.execute(select(func.count()).where(members.c.erased_at.is_(None))).scalar_one())
