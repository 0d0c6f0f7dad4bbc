"""Telling other systems what happened: endpoints, their messages, and what became of each.

Signed as Standard Webhooks asks: `webhook-id`, `webhook-timestamp`, and `webhook-signature: v1,<base64>` with
HMAC-SHA-256 over "id.timestamp.body"; two signatures while a secret is being rotated. Messages of one subject reach an
endpoint in order: the next waits until the one before was delivered or given up. Delivery is at least once; the id is
the same each time.

| try   | 1 | 2   | 3    | 4     | 5      | 6      | 7   | 8   | 9   | 10   | then             |
| ----- | - | --- | ---- | ----- | ------ | ------ | --- | --- | --- | ---- | ---------------- |
| after | 0 | 5 s | 30 s | 2 min | 10 min | 30 min | 1 h | 3 h | 6 h | 12 h | dead, replayable |
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Row, delete, func, insert, select, text, update

from foundation import audit, facts, ids
from foundation.bulk import rows_json
from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest, NotFound
from scan_api import addresses
from scan_api.tables import webhook_endpoints, webhook_messages

KINDS = (
    "action.taken",
    "action.undone",
    "alert.raised",
    "case.decided",
    "case.opened",
    "case.overdue",
    "codes.held",
    "codes.paired",
    "codes.parted",
    "codes.recalled",
    "codes.released",
    "codes.voided",
    "coupon.expiring",
    "dealer.notified",
    "dealer.replied",
    "package.closed",
    "package.packed",
    "package.received",
    "package.reopened",
    "package.replaced",
    "package.retired",
    "package.shipped",
    "package.unpacked",
    "payout.stuck",
    "payouts.differ",
    "points.expiring",
    "prizes.held",
    "rebates.released",
    "rebates.withheld",
    "rule.changed",
    "reward.credited",
    "reward.withdrawn",
    "segments.changed",
    "tier.changed",
    "tier.will_fall",
)
PAUSES_S = (5, 30, 120, 600, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600)
MOST_TRIES = len(PAUSES_S) + 1
LEASE = timedelta(seconds=60)  # Longer than a try may take: a sender that died is replaced.
KEPT = timedelta(days=30)
OVERLAP = timedelta(hours=24)  # Both secrets sign after a rotation.
SECRET_BYTES = 32
NONCE = 12


@dataclass(frozen=True, slots=True)
class Endpoint:
    id: int
    name: str
    url: str
    kinds: tuple[str, ...]
    created_at: datetime
    created_by: str
    disabled_at: datetime | None
    old_until: datetime | None


@dataclass(frozen=True, slots=True)
class Message:
    id: int
    endpoint_id: int
    message_id: UUID
    kind: str
    subject: str
    happened_at: datetime
    state: str
    tries: int
    due_at: datetime
    last_status: int | None
    last_said: str | None
    delivered_at: datetime | None


@dataclass(frozen=True, slots=True)
class Parcel:
    """A message about to be sent: everything the sender needs, nothing it must ask for."""

    id: int
    endpoint_id: int
    url: str
    message_id: UUID
    tries: int
    body: dict[str, Any]
    secrets: Sequence[bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Told:
    """What an endpoint answered. status None: nothing that could be read."""

    status: int | None
    said: str

    @property
    def accepted(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class Secrets:
    """Signing secrets, sealed at rest (AES-256-GCM) and bound to the address they sign for."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, secret: bytes, url: str) -> bytes:
        nonce = ids.random_bytes(NONCE)
        return nonce + self._cipher.encrypt(nonce, secret, url.encode())

    def open(self, sealed: bytes, url: str) -> bytes:
        return self._cipher.decrypt(sealed[:NONCE], sealed[NONCE:], url.encode())


def add(
    tx: Tx, *, name: str, url: str, kinds: Sequence[str], private: bool, secrets: Secrets, by: str, now: datetime
) -> tuple[Endpoint, str]:
    """A new endpoint and its secret, shown once. Raises BadRequest, AddressRefused."""
    if unknown := sorted(set(kinds) - set(KINDS)):
        raise BadRequest(f"There is no event {unknown[0]!r}; the events are {', '.join(KINDS)}.")
    if not kinds or not name.strip():
        raise BadRequest("An endpoint needs a name and at least one event.")
    addresses.check(url, private=private)
    secret = ids.random_bytes(SECRET_BYTES)
    row = {"name": name.strip()[:100], "url": url, "kinds": sorted(set(kinds)), "created_at": now, "created_by": by}
    made = tx.execute(
        insert(webhook_endpoints).values(row | {"secret": secrets.seal(secret, url)}).returning(webhook_endpoints)
    ).one()
    _audit(tx, "webhook-added", made.id, by, now, url=url, kinds=row["kinds"])
    return _endpoint(made), written(secret)


def rotate(tx: Tx, endpoint_id: int, *, secrets: Secrets, by: str, now: datetime) -> str:
    """A new secret, shown once; the old one signs beside it for a day. Raises NotFound."""
    row = _row(tx, endpoint_id)
    secret = ids.random_bytes(SECRET_BYTES)
    fresh = {"secret": secrets.seal(secret, row.url), "old_secret": row.secret, "old_until": now + OVERLAP}
    tx.execute(update(webhook_endpoints).where(webhook_endpoints.c.id == endpoint_id).values(fresh))
    _audit(tx, "webhook-rotated", endpoint_id, by, now)
    return written(secret)


def disable(tx: Tx, endpoint_id: int, *, by: str, now: datetime, off: bool = True) -> Endpoint:
    """Stop sending, or start again; what was waiting keeps waiting. Raises NotFound."""
    _row(tx, endpoint_id)
    tx.execute(
        update(webhook_endpoints).where(webhook_endpoints.c.id == endpoint_id).values(disabled_at=now if off else None)
    )
    _audit(tx, "webhook-disabled" if off else "webhook-enabled", endpoint_id, by, now)
    return _endpoint(_row(tx, endpoint_id))


def endpoints(tx: ReadTx) -> list[Endpoint]:
    """Every endpoint, oldest first."""
    return [_endpoint(row) for row in tx.execute(select(webhook_endpoints).order_by(webhook_endpoints.c.id))]


def messages(
    tx: ReadTx, endpoint_id: int, *, state: str | None = None, before: int | None = None, limit: int = 50
) -> list[Message]:
    """The latest messages of an endpoint, newest first; the next page is `before` the last one's id. NotFound."""
    _row(tx, endpoint_id)
    found = select(webhook_messages).where(webhook_messages.c.endpoint_id == endpoint_id)
    if state is not None:
        found = found.where(webhook_messages.c.state == state)
    if before is not None:
        found = found.where(webhook_messages.c.id < before)
    rows = tx.execute(found.order_by(webhook_messages.c.id.desc()).limit(limit))
    return [Message(**{name: getattr(row, name) for name in Message.__dataclass_fields__}) for row in rows]


def counts(tx: ReadTx) -> dict[str, int]:
    """Messages that wait and that were given up."""
    state = webhook_messages.c.state
    rows = tx.execute(select(state, func.count()).where(state.in_(("waiting", "dead"))).group_by(state))
    return {"waiting": 0, "dead": 0} | {row[0]: row[1] for row in rows}


def replay(tx: Tx, endpoint_id: int, *, message_ids: Sequence[int] = (), by: str, now: datetime) -> int:
    """Send again: the messages named, or every dead one. Returns how many wait now. Raises NotFound."""
    _row(tx, endpoint_id)
    chosen = webhook_messages.c.id.in_(message_ids) if message_ids else webhook_messages.c.state == "dead"
    again = tx.execute(
        update(webhook_messages)
        .where(webhook_messages.c.endpoint_id == endpoint_id, chosen, webhook_messages.c.state != "waiting")
        .values(state="waiting", tries=0, due_at=now, delivered_at=None)
    ).rowcount
    if again:
        _audit(tx, "webhook-replayed", endpoint_id, by, now, messages=again)
    return again


def hand_on(tx: Tx, *, now: datetime) -> int:
    """Turn facts into messages for whoever listens; how many facts."""
    taken = facts.take(tx)
    rows = [
        {
            "message_id": ids.uuid7(now),
            "kind": one.fact.kind,
            "subject": one.fact.subject,
            "body": one.fact.body,
            "at": one.at,
            "turn": one.id,
        }
        for one in taken
    ]
    if rows:
        tx.execute(_HAND_ON, {"rows": rows_json(rows), "now": now})
    return len(taken)


_HAND_ON = text("""
INSERT INTO webhook_messages (endpoint_id, message_id, kind, subject, body, happened_at, state, due_at)
SELECT e.id, f.message_id, f.kind, f.subject, f.body, f.at, 'waiting', :now
FROM json_to_recordset(CAST(:rows AS json))
     AS f (message_id uuid, kind text, subject text, body jsonb, at timestamptz, turn bigint)
JOIN webhook_endpoints e ON e.disabled_at IS NULL AND f.kind = ANY (e.kinds)
ORDER BY f.turn, e.id
""")


def claim(tx: Tx, *, secrets: Secrets, now: datetime, limit: int = 50) -> list[Parcel]:
    """The first waiting message of each subject that is due, leased to the caller."""
    rows = tx.execute(_CLAIM, {"now": now, "lease": now + LEASE, "limit": limit}).all()
    return [_parcel(row, secrets, now) for row in rows]


_CLAIM = text("""
WITH due AS (
    SELECT m.id FROM webhook_messages m JOIN webhook_endpoints e ON e.id = m.endpoint_id AND e.disabled_at IS NULL
    WHERE m.state = 'waiting' AND m.due_at <= :now AND NOT EXISTS (
        SELECT 1 FROM webhook_messages b
        WHERE b.endpoint_id = m.endpoint_id AND b.subject = m.subject AND b.state = 'waiting' AND b.id < m.id)
    ORDER BY m.due_at, m.id LIMIT :limit FOR UPDATE OF m SKIP LOCKED
)
UPDATE webhook_messages m SET due_at = :lease, tries = m.tries + 1
FROM due, webhook_endpoints e
WHERE m.id = due.id AND e.id = m.endpoint_id
RETURNING m.id, m.endpoint_id, m.message_id, m.kind, m.subject, m.body, m.happened_at, m.tries,
          e.url, e.secret, e.old_secret, e.old_until
""")


def settle(tx: Tx, parcel: Parcel, told: Told, *, now: datetime) -> None:
    """Delivered, to be tried again later, or given up. A sender whose lease ran out settles nothing twice."""
    values: dict[str, Any] = {"last_status": told.status, "last_said": told.said}
    if told.accepted:
        values |= {"state": "delivered", "delivered_at": now}
    elif parcel.tries >= MOST_TRIES:
        values |= {"state": "dead"}
    else:
        values |= {"due_at": now + pause(parcel)}
    tx.execute(
        update(webhook_messages)
        .where(
            webhook_messages.c.id == parcel.id,
            webhook_messages.c.state == "waiting",
            webhook_messages.c.tries == parcel.tries,
        )
        .values(values)
    )


def sweep(tx: Tx, *, now: datetime) -> int:
    """Forget what was delivered a month ago; dead messages stay until they are replayed."""
    old = (webhook_messages.c.state == "delivered", webhook_messages.c.delivered_at < now - KEPT)
    return tx.execute(delete(webhook_messages).where(*old)).rowcount


def pause(parcel: Parcel) -> timedelta:
    """Until the next try: from 80 to 120 % of the table, so that a receiver that was down is not met by all at once."""
    digest = hashlib.sha256(parcel.message_id.bytes + bytes([parcel.tries])).digest()
    share = 0.8 + 0.4 * int.from_bytes(digest[:4], "big") / 2**32
    return timedelta(seconds=PAUSES_S[parcel.tries - 1] * share)


def sign(secrets: Sequence[bytes], message_id: UUID, timestamp: int, body: bytes) -> str:
    """The value of webhook-signature: one `v1,<base64>` for each secret."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    digests = (hmac.digest(secret, signed, hashlib.sha256) for secret in secrets)
    return " ".join("v1," + base64.b64encode(digest).decode() for digest in digests)


def written(secret: bytes) -> str:
    return "whsec_" + base64.b64encode(secret).decode()


def _parcel(row: Row[Any], secrets: Secrets, now: datetime) -> Parcel:
    keys = [secrets.open(row.secret, row.url)]
    if row.old_secret is not None and row.old_until > now:
        keys.append(secrets.open(row.old_secret, row.url))
    body = {"type": row.kind, "timestamp": row.happened_at.isoformat(), "subject": row.subject, "data": row.body}
    return Parcel(row.id, row.endpoint_id, row.url, row.message_id, row.tries, body, keys)


def _row(tx: ReadTx, endpoint_id: int) -> Row[Any]:
    row = tx.execute(select(webhook_endpoints).where(webhook_endpoints.c.id == endpoint_id)).first()
    if row is None:
        raise NotFound("There is no such webhook endpoint.")
    return row


def _endpoint(row: Row[Any]) -> Endpoint:
    fields = {name: getattr(row, name) for name in Endpoint.__dataclass_fields__}
    return Endpoint(**fields | {"kinds": tuple(row.kinds)})


def _audit(tx: Tx, action: str, endpoint_id: int, by: str, now: datetime, **after: object) -> None:
    audit.record(tx, actor=by, action=action, subject=f"webhook:{endpoint_id}", after=after, now=now)
