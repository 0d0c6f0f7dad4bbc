"""A challenge between a doubt and a block: an interface, and a puzzle that costs a program more than a person.

The puzzle is a hashcash: find a number whose SHA-256 together with the token begins with `bits` zero bits. It needs no
third party, works in every browser and tells nobody who is asked. A brand that buys a captcha puts it behind the same
two calls.

    token = base64url( expiry, Unix seconds 8 | bits 1 | nonce 16 | HMAC-SHA256(key, all before || device) 32 )
"""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from foundation import ids
from foundation.errors import BadRequest
from foundation.limits import Limits, spend_once

LIFE = timedelta(minutes=5)
BITS = 16  # 65,536 hashes on average: half a second in a phone's browser, and as much for every few guesses.


class ChallengeFailed(BadRequest):
    """The answer is wrong, too old, for another phone, or was used before."""

    type = "challenge-failed"


@dataclass(frozen=True, slots=True)
class Challenge:
    kind: str
    token: str
    bits: int
    expires_at: datetime


class Captcha(Protocol):
    def pose(self, device: str, *, now: datetime) -> Challenge: ...

    def check(self, device: str, token: str, answer: str, *, now: datetime) -> None:
        """Raise ChallengeFailed unless the answer is right, in time, for this phone, and new."""


class Hashcash:
    def __init__(self, key: bytes, limits: Limits, *, bits: int = BITS) -> None:
        self._key, self._limits, self._bits = key, limits, bits

    def pose(self, device: str, *, now: datetime) -> Challenge:
        expires_at = now + LIFE
        body = int(expires_at.timestamp()).to_bytes(8, "big") + bytes([self._bits]) + ids.random_bytes(16)
        token = base64.urlsafe_b64encode(body + self._mac(body, device)).decode().rstrip("=")
        return Challenge("hashcash", token, self._bits, expires_at)

    def check(self, device: str, token: str, answer: str, *, now: datetime) -> None:
        try:
            raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except (binascii.Error, ValueError):
            raw = b""
        body, mac = raw[:25], raw[25:]
        if len(raw) != 57 or not hmac.compare_digest(mac, self._mac(body, device)):
            raise ChallengeFailed("This challenge was not made for this phone; ask for a new one.")
        expires_at = datetime.fromtimestamp(int.from_bytes(body[:8], "big"), now.tzinfo)
        if expires_at <= now:
            raise ChallengeFailed("This challenge is too old; ask for a new one.")
        if not solves(token, answer, body[8]):
            raise ChallengeFailed("This answer does not solve the challenge.")
        if not spend_once(self._limits, f"puzzle:{body[9:].hex()}", until=expires_at, now=now):
            raise ChallengeFailed("This challenge was answered before; ask for a new one.")

    def _mac(self, body: bytes, device: str) -> bytes:
        return hmac.digest(self._key, b"challenge v1\0" + body + device.encode("utf-8", "replace"), hashlib.sha256)


def solves(token: str, answer: str, bits: int) -> bool:
    digest = hashlib.sha256(f"{token}:{answer}".encode("utf-8", "replace")).digest()
    return int.from_bytes(digest, "big") >> (256 - bits) == 0


def solve(token: str, bits: int) -> str:
    """What a browser does; for clients and tests."""
    answer = 0
    while not solves(token, str(answer), bits):
        answer += 1
    return str(answer)
