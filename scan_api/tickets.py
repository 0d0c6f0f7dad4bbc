"""Tickets: what a served page holds instead of the code, so that no script, copied link or referrer ever carries it.

    ticket = base64url( nonce 12 | AES-256-GCM( scan id 16 | expiry, Unix seconds 8 | phone 16 | text ) )

The server chose the scan id, and a scan id is answered once: that is what makes a ticket good for one scan. A ticket
for the claim that follows a sign-in is bound to the phone that was answered; the first of a page is bound to nobody
(16 zero bytes), for the page has not said yet who it is.
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from foundation.errors import BadRequest, Conflict
from foundation.ids import random_bytes, uuid7

LIFE = timedelta(minutes=15)
NONCE, PHONE, HEAD = 12, 16, 40
MOST_TEXT = 512  # Characters, as of a code that is sent openly.
MOST = 3000  # Characters of a ticket: four bytes for each of those, in base64.
NOBODY = bytes(PHONE)
_PURPOSE = b"scan ticket v1"


class TicketNotGood(BadRequest):
    """The ticket is damaged, made up, or older than a quarter of an hour."""

    type = "ticket-not-good"


class TicketElsewhere(Conflict):
    """The ticket is another scan's, or another phone's."""

    status, type = HTTPStatus.CONFLICT, "ticket-elsewhere"


@dataclass(frozen=True, slots=True)
class Ticket:
    """A sealed ticket and the scan id it is good for."""

    scan_id: UUID
    sealed: str = field(repr=False)


def issue(text: str, *, key: bytes, now: datetime, device: str | None = None) -> Ticket:
    """A ticket for one scan of `text`, within a quarter of an hour, by `device` alone if it is named."""
    scan_id, nonce = uuid7(now), random_bytes(NONCE)
    expiry = int((now + LIFE).timestamp()).to_bytes(8, "big")
    said = text[:MOST_TEXT].encode("utf-8", "replace")
    plain = scan_id.bytes + expiry + (NOBODY if device is None else _phone(device)) + said
    sealed = nonce + AESGCM(key).encrypt(nonce, plain, _PURPOSE)
    return Ticket(scan_id, base64.urlsafe_b64encode(sealed).rstrip(b"=").decode())


def opened(sealed: str, scan_id: UUID, device: str, *, key: bytes, now: datetime) -> str:
    """The text of the code. Raises TicketNotGood, TicketElsewhere."""
    plain = _plain(sealed, key)
    if datetime.fromtimestamp(int.from_bytes(plain[16:24], "big"), UTC) <= now:
        raise TicketNotGood("This page was opened too long ago; scan the code on the pack again.")
    if plain[:16] != scan_id.bytes:
        raise TicketElsewhere("This ticket belongs to another scan id; send it with its own.")
    if plain[24:HEAD] not in (NOBODY, _phone(device)):
        raise TicketElsewhere("This ticket belongs to another phone; scan the code on the pack.")
    return plain[HEAD:].decode("utf-8", "replace")


def _plain(sealed: str, key: bytes) -> bytes:
    try:
        raw = base64.b64decode(sealed + "=" * (-len(sealed) % 4), altchars=b"-_", validate=True)
        return AESGCM(key).decrypt(raw[:NONCE], raw[NONCE:], _PURPOSE)
    except (binascii.Error, ValueError, InvalidTag):
        raise TicketNotGood("This ticket is not one of ours; scan the code on the pack again.") from None


def _phone(device: str) -> bytes:
    return hashlib.sha256(device.encode("utf-8", "replace")).digest()[:PHONE]
