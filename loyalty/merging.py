"""Two members who turn out to be one person: identifiers and spendable points move, nothing written is changed.

The one who stays gets every identifier and, lot by lot with its own expiry, what the other could spend: the sum over
all members is what it was. The other stays as a name on old entries and points to the one who stays. Points that were
still held follow when they mature, and so does growth: `collect` is run by the clock and safe to run twice.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text, update

from foundation import audit
from foundation.database import ReadTx, Tx
from foundation.errors import Conflict, NotFound
from loyalty import accounts, tiers
from loyalty.accounts import Account
from loyalty.books import About, open_books
from loyalty.members import MemberKeys
from loyalty.tables import member_identifiers, members

ASSETS = ("points", "growth")


class CannotMerge(Conflict):
    """The two are not one person as far as we can know."""

    type = "cannot-merge"


def merge(tx: Tx, *, stays: UUID, goes: UUID, keys: MemberKeys, now: datetime) -> int:
    """Make `goes` part of `stays`. Returns how many points moved. Raises CannotMerge, NotFound.

    The caller has seen both proven in one browser. Two members with a phone number each are two people.
    """
    rows = {row.id: row for row in tx.execute(_LOCK, {"ids": sorted([stays, goes])})}
    if len(rows) < 2:
        raise NotFound("There is no such member.")
    if any(row.erased_at is not None or row.merged_into is not None for row in rows.values()):
        raise CannotMerge("One of these members was erased or merged before.")
    kinds = {one: _identifiers(tx, one) for one in (stays, goes)}
    if all(any(kind == "phone" for kind, _ in kinds[one]) for one in (stays, goes)):
        raise CannotMerge("Both members have a phone number; they stay two.")
    for kind, sealed in kinds[goes]:
        _reseal(tx, kind, sealed, stays=stays, goes=goes, keys=keys)
    _keep_the_younger(tx, rows[stays], rows[goes])
    tx.execute(update(members).where(members.c.id == goes).values(merged_into=stays))
    moved = _pass_on(tx, stays=stays, goes=goes, now=now)
    after = {"stays": str(stays), "points": moved}
    audit.record(tx, actor="member", action="member-merged", subject=f"member:{goes}", after=after, now=now)
    return moved


_LOCK = text("""
SELECT id, erased_at, merged_into, born_in, guardian_agreed_at FROM members WHERE id = ANY(:ids) ORDER BY id FOR UPDATE
""")


def resolve(tx: ReadTx, member_id: UUID) -> UUID:
    """Who a member is today."""
    into = tx.execute(select(members.c.merged_into).where(members.c.id == member_id)).scalar()
    return resolve(tx, into) if into is not None else member_id


def collect(tx: Tx, *, now: datetime, limit: int = 100) -> int:
    """Pass on what reached merged members since, such as points that were held; how many points."""
    late = tx.execute(_LATE, {"limit": limit}).all()
    return sum(_pass_on(tx, stays=resolve(tx, row.merged_into), goes=row.id, now=now) for row in late)


_LATE = text("""
SELECT m.id, m.merged_into FROM members m
WHERE m.merged_into IS NOT NULL AND EXISTS (
    SELECT FROM accounts a JOIN balances b ON b.account_id = a.id
    WHERE a.owner_ref = CAST(m.id AS text) AND a.kind = 'member' AND b.available > 0)
ORDER BY m.id LIMIT :limit FOR UPDATE OF m SKIP LOCKED
""")


def _pass_on(tx: Tx, *, stays: UUID, goes: UUID, now: datetime) -> int:
    """Every asset the other has, growth too; how many points. Tiers first: they are locked before balances."""
    tiers.merge(tx, stays=stays, goes=goes, now=now)
    assets = [asset for asset in ASSETS if "member" in accounts.read(tx, str(goes), asset=asset)]
    sources = {asset: Account("member", str(goes), asset) for asset in assets}
    targets = {asset: Account("member", str(stays), asset) for asset in assets}
    books = open_books(tx, [*sources.values(), *targets.values()], burning=sources.values(), now=now)
    moved = {asset: books.pass_on(sources[asset], targets[asset], About("merged")) for asset in assets}
    books.write(tx)
    if moved.get("growth"):
        tiers.credit(tx, stays, key=f"merged {goes}", growth=0, now=now)
    return moved.get("points", 0)


def _identifiers(tx: ReadTx, member_id: UUID) -> list[tuple[str, bytes]]:
    rows = tx.execute(select(member_identifiers).where(member_identifiers.c.member_id == member_id))
    return [(row.kind, row.sealed) for row in rows]


def _reseal(tx: Tx, kind: str, sealed: bytes, *, stays: UUID, goes: UUID, keys: MemberKeys) -> None:
    """A sealed value is bound to its member, so it is opened as the one's and sealed as the other's."""
    value = keys.open(kind, sealed, goes)
    tx.execute(
        update(member_identifiers)
        .where(member_identifiers.c.kind == kind, member_identifiers.c.blind_index == keys.index(kind, value))
        .values(member_id=stays, sealed=keys.seal(kind, value, stays))
    )


def _keep_the_younger(tx: Tx, stays: Row[Any], goes: Row[Any]) -> None:
    """A merge must not make a child grow up."""
    born = [row.born_in for row in (stays, goes) if row.born_in is not None]
    if born:
        agreed = stays.guardian_agreed_at or goes.guardian_agreed_at
        values = {"born_in": max(born), "guardian_agreed_at": agreed}
        tx.execute(update(members).where(members.c.id == stays.id).values(values))
