"""Cursors of exports: where a reader stands, as a text that means nothing to them and cannot be bent.

cursor = base64url( microseconds since 1970, signed 8 | scan id 16 | HMAC-SHA256(key, all before), first 8 )
"""

import base64
import binascii
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from uuid import UUID

from antifraud.scan_feed import Place
from foundation.errors import BadRequest

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class WrongCursor(BadRequest):
    """The cursor is none of ours."""

    type = "wrong-cursor"


def write_cursor(place: Place, key: bytes) -> str:
    body = ((place.at - _EPOCH) // timedelta(microseconds=1)).to_bytes(8, "big", signed=True) + place.scan_id.bytes
    return base64.urlsafe_b64encode(body + _mac(key, body)).decode().rstrip("=")


def read_cursor(text: str, key: bytes) -> Place:
    """Raises WrongCursor."""
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        raw = b""
    body, mac = raw[:24], raw[24:]
    if len(raw) != 32 or not hmac.compare_digest(mac, _mac(key, body)):
        raise WrongCursor("This cursor is none of ours; leave it out to begin at the beginning.")
    at = _EPOCH + timedelta(microseconds=int.from_bytes(body[:8], "big", signed=True))
    return Place(at, UUID(bytes=body[8:]))


def _mac(key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, b"export cursor v1\0" + body, hashlib.sha256)[:8]
