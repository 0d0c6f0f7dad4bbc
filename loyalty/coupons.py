"""Coupons: a code nobody can guess, used once, in one store.

The code is derived from the coupon's id and a key, so the member can see it again and no table holds it:
14 letters (70 bits) of HMAC-SHA-256(key, "coupon" || id) in Crockford's alphabet and a check letter, which tells a
typing mistake from a forgery without a query. What is stored is the SHA-256 of the code.

    issued ── use (one guarded update) ──> used
       └── sweep, after its end ──> expired;  void: its redemption went back
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, insert, select, update

from foundation import facts
from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest, Conflict, NotFound
from foundation.facts import Fact
from foundation.ids import uuid7
from loyalty import notices
from loyalty.reward_tables import coupons

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LETTERS = 14
NOTICE = timedelta(days=3)
KINDS = ("fixed", "percent", "full_reduction", "gift", "free_delivery")


class BadCouponCode(BadRequest):
    """The letters do not fit together: a typing mistake."""

    type = "bad-coupon-code"


class CouponGone(Conflict):
    """The coupon was used, has expired or was taken back."""

    type = "coupon-gone"


@dataclass(frozen=True, slots=True)
class Coupon:
    id: UUID
    member_id: UUID
    terms: Mapping[str, Any]
    state: str
    expires_at: datetime


def check_terms(terms: Mapping[str, Any]) -> None:
    """{"kind", "off_fen" or "percent", "from_fen", "days"}. Raises BadRequest naming what is wrong."""
    kind, days = terms.get("kind"), terms.get("days")
    if kind not in KINDS:
        raise BadRequest(f"A coupon is one of {', '.join(KINDS)}.")
    if not isinstance(days, int) or not 1 <= days <= 3660:
        raise BadRequest("Say in 'days' how long a coupon lives, 1 to 3660.")
    if kind in ("fixed", "full_reduction") and not _positive(terms.get("off_fen")):
        raise BadRequest("Say in 'off_fen' what the coupon takes off.")
    if kind == "percent" and not (_positive(terms.get("percent")) and terms["percent"] <= 100):
        raise BadRequest("Say in 'percent' how much of 100 the coupon takes off.")
    if kind == "full_reduction" and not _positive(terms.get("from_fen")):
        raise BadRequest("Say in 'from_fen' from which amount on the coupon counts.")


def _positive(value: object) -> bool:
    return isinstance(value, int) and value > 0


def code_of(coupon_id: UUID, key: bytes) -> str:
    """The code as it is shown: `K7Q2M-WXB4T-9HCDE`, the last letter checks the others."""
    number = int.from_bytes(hmac.digest(key, b"coupon" + coupon_id.bytes, "sha256"), "big")
    letters = "".join(CROCKFORD[number >> 5 * at & 31] for at in range(LETTERS))
    whole = letters + _check_letter(letters)
    return "-".join(whole[at : at + 5] for at in range(0, len(whole), 5))


def _check_letter(letters: str) -> str:
    """Weights 1 to 14 modulo 31, a prime: any one wrong letter and any two exchanged are noticed, but 0 for Z."""
    return CROCKFORD[sum(at * CROCKFORD.index(letter) for at, letter in enumerate(letters, 1)) % 31]


def read_code(text: str) -> str:
    """The letters of a code as typed (O for 0, I and L for 1, dashes or not). Raises BadCouponCode."""
    typed = text.upper().translate(str.maketrans("OIL", "011", "- \t"))
    if len(typed) != LETTERS + 1 or set(typed) - set(CROCKFORD) or _check_letter(typed[:-1]) != typed[-1]:
        raise BadCouponCode("This is no coupon code; look at the letters again.")
    return typed


def issue(tx: Tx, *, member_id: UUID, terms: Mapping[str, Any], source: str, key: bytes, now: datetime) -> Coupon:
    """A coupon for a member, once a source (redemption:…, win:…, by-hand:…)."""
    coupon_id, expires_at = uuid7(now), now + timedelta(days=terms["days"])
    code = read_code(code_of(coupon_id, key))
    row = {"id": coupon_id, "code_hash": _hash(code), "member_id": member_id, "terms": dict(terms), "state": "issued"}
    tx.execute(insert(coupons).values(**row, source=source, expires_at=expires_at, created_at=now))
    return Coupon(coupon_id, member_id, terms, "issued", expires_at)


def use(tx: Tx, text: str, *, store: str, document: str, now: datetime) -> Coupon:
    """Take the coupon for one purchase; the same store and document again is the same use.

    Raises BadCouponCode, NotFound, CouponGone.
    """
    this = coupons.c.code_hash == _hash(read_code(text))
    free = update(coupons).where(this, coupons.c.state == "issued", coupons.c.expires_at > now)
    row = tx.execute(
        free.values(state="used", used_at=now, used_by=store, document=document).returning(*coupons.c)
    ).first()
    if row is not None:
        return _coupon(row)
    row = tx.execute(select(coupons).where(this)).first()
    if row is None:
        raise NotFound("There is no such coupon.")
    if (row.state, row.used_by, row.document) == ("used", store, document):
        return _coupon(row)
    raise CouponGone(f"This coupon was {'used before' if row.state == 'used' else 'ended'}.", state=row.state)


def look(tx: ReadTx, text: str) -> Coupon:
    """What a code is worth, without using it. Raises BadCouponCode, NotFound."""
    row = tx.execute(select(coupons).where(coupons.c.code_hash == _hash(read_code(text)))).first()
    if row is None:
        raise NotFound("There is no such coupon.")
    return _coupon(row)


def void(tx: Tx, coupon_id: UUID) -> bool:
    """Take back a coupon nobody used; False: it was used or ended."""
    free = update(coupons).where(coupons.c.id == coupon_id, coupons.c.state == "issued").values(state="void")
    return bool(tx.execute(free).rowcount)


def sweep(tx: Tx, *, now: datetime, limit: int = 500) -> int:
    """Expire what ended, and tell members once what will end soon; how many coupons."""
    ended = update(coupons).where(coupons.c.state == "issued", coupons.c.expires_at <= now).values(state="expired")
    soon = (
        select(coupons)
        .where(coupons.c.state == "issued", coupons.c.expires_at <= now + NOTICE, coupons.c.noticed_at.is_(None))
        .order_by(coupons.c.expires_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    count = tx.execute(ended).rowcount
    rows = tx.execute(soon).all()
    tx.execute(update(coupons).where(coupons.c.id.in_([row.id for row in rows])).values(noticed_at=now))
    told = [
        Fact("coupon.expiring", f"member:{row.member_id}",
             {"member_id": str(row.member_id), "coupon_id": str(row.id), "expires_at": row.expires_at.isoformat()})
        for row in rows
    ]  # fmt: skip
    facts.announce(tx, told, now=now)
    notices.coupons_end(tx, [(row.id, row.member_id, row.expires_at) for row in rows], now=now)
    return count + len(rows)


def of_member(tx: ReadTx, member_id: UUID) -> list[Coupon]:
    rows = tx.execute(select(coupons).where(coupons.c.member_id == member_id).order_by(coupons.c.id.desc()))
    return [_coupon(row) for row in rows]


def _coupon(row: Row[Any]) -> Coupon:
    return Coupon(row.id, row.member_id, row.terms, row.state, row.expires_at)


def _hash(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()
