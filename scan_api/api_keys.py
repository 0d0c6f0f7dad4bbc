"""Keys for other systems: what each may do, until when, and when it was last used. The secret is shown once.

    ock_<id, 32 hex digits>_<secret, 43 letters>

Only SHA-256 of the secret is kept (it has 256 bits of entropy, so a slow hash would guard nothing), compared in
constant time. Screens and logs name a key by its hint.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args
from uuid import UUID

from sqlalchemy import insert, or_, select, update

from foundation import audit, ids
from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest, NotAllowed, NotFound, NotSignedIn
from scan_api.tables import api_keys

Scope = Literal[
    "items:verify", "scans:read", "webhooks:manage", "line:work", "links:manage", "epcis:capture", "epcis:read",
    "deliveries:write", "units:work",
    "trade:deliver", "cases:work", "inspections:report",
    "prizes:draft", "orders:write",
]  # fmt: skip
SCOPES: tuple[Scope, ...] = get_args(Scope)
MOST_DAYS = 730
USED_EVERY = timedelta(minutes=1)  # How finely the last use is kept.
_NOBODY = hashlib.sha256(b"no key has this id").digest()


class ScopeMissing(NotAllowed):
    """The key is good, and not for this."""

    type = "scope-missing"


@dataclass(frozen=True, slots=True)
class ApiKey:
    id: UUID
    name: str
    hint: str
    scopes: frozenset[str]
    created_at: datetime
    created_by: str
    expires_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None


def issue(tx: Tx, *, name: str, scopes: Sequence[str], days: int, by: str, now: datetime) -> tuple[ApiKey, str]:
    """A new key and its whole text, which is nowhere else. Raises BadRequest."""
    if unknown := sorted(set(scopes) - set(SCOPES)):
        raise BadRequest(f"There is no scope {unknown[0]!r}; the scopes are {', '.join(SCOPES)}.")
    if not scopes or not name.strip() or not 1 <= days <= MOST_DAYS:
        raise BadRequest(f"A key needs a name, at least one scope, and 1 to {MOST_DAYS} days to live.")
    key_id, secret = ids.uuid7(now), ids.token_urlsafe(32)
    row = {
        "id": key_id,
        "name": name.strip()[:100],
        "hint": f"ock_…{key_id.hex[-8:]}",
        "secret_hash": hashlib.sha256(secret.encode()).digest(),
        "scopes": sorted(set(scopes)),
        "created_at": now,
        "created_by": by,
        "expires_at": now + timedelta(days=days),
    }
    tx.execute(insert(api_keys).values(row))
    after = {"name": row["name"], "scopes": row["scopes"], "days": days}
    audit.record(tx, actor=by, action="api-key-issued", subject=f"api-key:{key_id}", after=after, now=now)
    return _found(tx, key_id), f"ock_{key_id.hex}_{secret}"


def check(tx: Tx, text: str, scope: Scope, *, now: datetime) -> ApiKey:
    """The key that is calling. Raises NotSignedIn, ScopeMissing."""
    key_id, secret = _parse(text)
    row = tx.execute(select(api_keys).where(api_keys.c.id == key_id)).first()
    right = hmac.compare_digest(row.secret_hash if row else _NOBODY, hashlib.sha256(secret.encode()).digest())
    if row is None or not right or row.revoked_at is not None or row.expires_at <= now:
        raise NotSignedIn("This API key is not valid, has expired or was revoked.")
    if scope not in row.scopes:
        raise ScopeMissing(f"This API key may not be used here; it needs the scope {scope}.")
    _touch(tx, row.id, now)
    return _key(row)


def revoke(tx: Tx, key_id: UUID, *, by: str, now: datetime) -> ApiKey:
    """End a key at once, everywhere. Raises NotFound; ending it again changes nothing."""
    ended = tx.execute(
        update(api_keys).where(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None)).values(revoked_at=now)
    )
    if ended.rowcount:
        audit.record(tx, actor=by, action="api-key-revoked", subject=f"api-key:{key_id}", now=now)
    return _found(tx, key_id)


def keys(tx: ReadTx) -> list[ApiKey]:
    """Every key, newest first."""
    return [_key(row) for row in tx.execute(select(api_keys).order_by(api_keys.c.id.desc()))]


def _parse(text: str) -> tuple[UUID, str]:
    word, _, rest = text.partition("_")
    digits, _, secret = rest.partition("_")
    if word != "ock" or len(digits) != 32 or set(digits) - set("0123456789abcdef") or len(secret) != 43:
        raise NotSignedIn("This is not an API key; it begins with ock_.")
    return UUID(hex=digits), secret


def _touch(tx: Tx, key_id: UUID, now: datetime) -> None:
    stale = or_(api_keys.c.last_used_at.is_(None), api_keys.c.last_used_at < now - USED_EVERY)
    tx.execute(update(api_keys).where(api_keys.c.id == key_id, stale).values(last_used_at=now))


def _found(tx: ReadTx, key_id: UUID) -> ApiKey:
    row = tx.execute(select(api_keys).where(api_keys.c.id == key_id)).first()
    if row is None:
        raise NotFound("There is no such API key.")
    return _key(row)


def _key(row: object) -> ApiKey:
    fields = {name: getattr(row, name) for name in ApiKey.__dataclass_fields__}
    return ApiKey(**fields | {"scopes": frozenset(fields["scopes"])})
