"""Who is calling: members by phone and one-time code, staff by name and password.

A member's token proves itself: session id, member id and expiry under an HMAC, so the scan path asks no table.
Revoked sessions are read twice a second; a revoked token lives at most that long. Codes and passwords are kept
hashed, compared in constant time, and run out of tries.

    token = base64url( session id 16 | member id 16 | expiry, Unix seconds 8 | HMAC-SHA256(key, all before) 32 )
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Literal
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from sqlalchemy import delete, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from foundation import ids
from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest, NotSignedIn, TooMany
from scan_api.tables import sessions, sign_in_codes, staff

CODE_LIFE = timedelta(minutes=5)
CODE_PAUSE = timedelta(seconds=60)  # Between two messages to one number.
CODE_TRIES = 5
SESSION_LIFE = timedelta(days=90)
STAFF_TRIES = 8
STAFF_PAUSE = timedelta(minutes=15)
BROWSER = 80
Via = Literal["phone", "wechat"]
ROLES = ("analyst", "supervisor", "marketer", "producer", "operator", "inspector")

_passwords = PasswordHasher()
# Checked when the name is unknown, so that an unknown name takes as long as a wrong password.
_NOBODY = _passwords.hash("nobody has this password")


class WrongCode(NotSignedIn):
    """The one-time code is wrong, used up or too old; the caller is not told which."""

    type = "wrong-code"


class CodeTooSoon(TooMany):
    type = "code-too-soon"


@dataclass(frozen=True, slots=True)
class Session:
    session_id: UUID
    member_id: UUID
    expires_at: datetime


def new_code(tx: Tx, phone_index: bytes, *, key: bytes, now: datetime) -> str:
    """A fresh six-digit code for a number, replacing any earlier one. Raises CodeTooSoon within a minute."""
    code = ids.random_digits(6)
    fresh = {
        "code_hash": _code_hash(key, phone_index, code),
        "sent_at": now,
        "expires_at": now + CODE_LIFE,
        "tries_left": CODE_TRIES,
    }
    made = tx.execute(
        upsert(sign_in_codes)
        .values(phone_index=phone_index, **fresh)
        .on_conflict_do_update(
            index_elements=["phone_index"], set_=fresh, where=sign_in_codes.c.sent_at <= now - CODE_PAUSE
        )
        .returning(sign_in_codes.c.phone_index)
    )
    if made.first() is None:
        raise CodeTooSoon(
            "A code was sent less than a minute ago; wait a moment before asking again.", retry_after_s=60
        )
    return code


def use_code(tx: Tx, phone_index: bytes, code: str, *, key: bytes, now: datetime) -> bool:
    """Take the code, once. A wrong one costs a try, so the caller must commit either way."""
    left = tx.execute(
        update(sign_in_codes)
        .where(
            sign_in_codes.c.phone_index == phone_index,
            sign_in_codes.c.tries_left > 0,
            sign_in_codes.c.expires_at > now,
        )
        .values(tries_left=sign_in_codes.c.tries_left - 1)
        .returning(sign_in_codes.c.code_hash)
    ).first()
    if left is None or not hmac.compare_digest(left.code_hash, _code_hash(key, phone_index, code)):
        return False
    tx.execute(delete(sign_in_codes).where(sign_in_codes.c.phone_index == phone_index))
    return True


def withdraw_code(tx: Tx, phone_index: bytes) -> None:
    """The code never left: forget it, so that the next try need not wait."""
    tx.execute(delete(sign_in_codes).where(sign_in_codes.c.phone_index == phone_index))


def open_session(tx: Tx, member_id: UUID, *, key: bytes, now: datetime, via: Via = "phone", browser: str = "") -> str:
    """A bearer token for a member who has just proved who they are. browser: what the member will know it by."""
    session = Session(ids.uuid7(now), member_id, now + SESSION_LIFE)
    tx.execute(
        insert(sessions).values(
            session_id=session.session_id,
            member_id=member_id,
            created_at=now,
            expires_at=session.expires_at,
            via=via,
            browser=browser[:BROWSER],
        )
    )
    return seal(session, key)


def revoke(tx: Tx, session_id: UUID, *, now: datetime) -> bool:
    """End a session. False: it had ended already."""
    return bool(
        tx.execute(
            update(sessions)
            .where(sessions.c.session_id == session_id, sessions.c.revoked_at.is_(None))
            .values(revoked_at=now)
        ).rowcount
    )


def revoke_others(tx: Tx, member_id: UUID, *, keep: UUID | None, now: datetime) -> list[UUID]:
    """End every session of a member but one. Returns those that were ended."""
    ended = tx.execute(
        update(sessions)
        .where(
            sessions.c.member_id == member_id,
            sessions.c.revoked_at.is_(None),
            sessions.c.session_id.is_distinct_from(keep),
        )
        .values(revoked_at=now)
        .returning(sessions.c.session_id)
    )
    return list(ended.scalars())


def revoked(tx: ReadTx, *, since: datetime | None = None, now: datetime) -> frozenset[UUID]:
    """Sessions that were revoked, lately or ever, and would not have expired yet."""
    ended = sessions.c.revoked_at.is_not(None) if since is None else sessions.c.revoked_at > since
    rows = tx.execute(select(sessions.c.session_id).where(ended, sessions.c.expires_at > now))
    return frozenset(row.session_id for row in rows)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session as its member sees it. via: how they proved who they are."""

    session_id: UUID
    via: str
    browser: str
    created_at: datetime
    expires_at: datetime


def sessions_of(tx: ReadTx, member_id: UUID, *, now: datetime) -> list[SignedIn]:
    """Where a member is signed in, newest first."""
    rows = tx.execute(
        select(sessions)
        .where(sessions.c.member_id == member_id, sessions.c.revoked_at.is_(None), sessions.c.expires_at > now)
        .order_by(sessions.c.created_at.desc())
    )
    return [SignedIn(row.session_id, row.via, row.browser, row.created_at, row.expires_at) for row in rows]


def owned(tx: ReadTx, session_id: UUID, member_id: UUID) -> bool:
    """Whether a session is the member's to end."""
    return (
        tx.execute(
            select(sessions.c.session_id).where(sessions.c.session_id == session_id, sessions.c.member_id == member_id)
        ).first()
        is not None
    )


def seal(session: Session, key: bytes) -> str:
    body = session.session_id.bytes + session.member_id.bytes + int(session.expires_at.timestamp()).to_bytes(8, "big")
    return base64.urlsafe_b64encode(body + _mac(key, body)).decode().rstrip("=")


def unseal(token: str, key: bytes, *, now: datetime) -> Session:
    """The session inside a token. Raises NotSignedIn for anything forged, cut or too old."""
    session = _opened(token, key)
    if session.expires_at <= now:
        raise NotSignedIn("This sign-in has expired; sign in again.")
    return session


@lru_cache(maxsize=16_384)  # A phone sends the same token with each scan; what is remembered was proven once.
def _opened(token: str, key: bytes) -> Session:
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError):
        raw = b""
    body, mac = raw[:40], raw[40:]
    if len(raw) != 72 or not hmac.compare_digest(mac, _mac(key, body)):
        raise NotSignedIn("This sign-in is not valid; sign in again.")
    expires_at = datetime.fromtimestamp(int.from_bytes(body[32:], "big"), UTC)
    return Session(UUID(bytes=body[:16]), UUID(bytes=body[16:32]), expires_at)


def add_staff(tx: Tx, name: str, password: str, roles: Sequence[str], *, now: datetime) -> None:
    """Create a member of staff, or give an existing one a new password and roles."""
    if unknown := sorted(set(roles) - set(ROLES)):
        raise BadRequest(f"There is no role {unknown[0]!r}; the roles are {', '.join(ROLES)}.")
    if len(password) < 12:
        raise BadRequest("A password needs at least 12 characters.")
    values = {"password_hash": _passwords.hash(password), "roles": list(roles), "failures": 0, "locked_until": None}
    tx.execute(
        upsert(staff)
        .values(name=name, created_at=now, **values)
        .on_conflict_do_update(index_elements=["name"], set_=values)
    )


def check_staff(tx: Tx, name: str, password: str, *, now: datetime) -> frozenset[str] | None:
    """The roles of a member of staff, or None. Too many failures lock the name for a while; commit either way."""
    row = tx.execute(select(staff).where(staff.c.name == name, staff.c.disabled_at.is_(None)).with_for_update()).first()
    locked = row is not None and row.locked_until is not None and row.locked_until > now
    right = _matches(row.password_hash if row else _NOBODY, password)
    if row is None or locked:
        return None
    if right:
        tx.execute(update(staff).where(staff.c.name == name).values(failures=0, locked_until=None))
        return frozenset(row.roles)
    failures = row.failures + 1
    pause = now + STAFF_PAUSE if failures % STAFF_TRIES == 0 else None
    tx.execute(update(staff).where(staff.c.name == name).values(failures=failures, locked_until=pause))
    return None


def roles_of(tx: ReadTx, name: str) -> frozenset[str]:
    """The present roles of a name; empty when it was disabled."""
    row = tx.execute(select(staff.c.roles).where(staff.c.name == name, staff.c.disabled_at.is_(None))).first()
    return frozenset(row.roles) if row else frozenset()


def _matches(stored: str, password: str) -> bool:
    try:
        return _passwords.verify(stored, password)
    except VerifyMismatchError:
        return False


def _code_hash(key: bytes, phone_index: bytes, code: str) -> bytes:
    return hmac.digest(key, b"sign-in code\0" + phone_index + code.encode(), hashlib.sha256)


def _mac(key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, b"member session v1\0" + body, hashlib.sha256)
