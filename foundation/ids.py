"""The only place that knows randomness: ids, secrets, and seeded generators for simulations.

A UUIDv7 carries its own time (RFC 9562, section 5.7), so tables keyed by it can be partitioned by the id.
"""

import os
import random
import secrets
from datetime import UTC, datetime, timedelta
from uuid import UUID

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def uuid7(now: datetime) -> UUID:
    """A UUIDv7: 48 bits of Unix milliseconds, then 74 random bits between version and variant."""
    millis = (now - _EPOCH) // timedelta(milliseconds=1)
    return _uuid7(millis, _noise())


_AT_ONCE = 256
_drawn: list[int] = []
os.register_at_fork(after_in_child=_drawn.clear)  # Two processes must not share what is left.


def _noise() -> int:
    """74 bits of the system's randomness, drawn for many ids at once.

    Profiled: the call into the system was a twentieth of a scan, and gave the interpreter away each time.
    """
    try:
        return _drawn.pop()  # One step: no two threads get the same.
    except IndexError:
        drawn = secrets.token_bytes(10 * _AT_ONCE)
        mine, *others = (int.from_bytes(drawn[at : at + 10]) >> 6 for at in range(0, len(drawn), 10))
        _drawn.extend(others)
        return mine


def uuid7_floor(at: datetime) -> UUID:
    """The smallest UUIDv7 of an instant: the bound of a partition or of a search by time."""
    return _uuid7((at - _EPOCH) // timedelta(milliseconds=1), 0)


def uuid7_time(value: UUID) -> datetime:
    """The instant inside a UUIDv7, to the millisecond."""
    return _EPOCH + timedelta(milliseconds=value.int >> 80)


def _uuid7(millis: int, noise: int) -> UUID:
    high, low = noise >> 62, noise & ((1 << 62) - 1)
    return UUID(int=(millis & ((1 << 48) - 1)) << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low)


def token_urlsafe(n_bytes: int = 32) -> str:
    """A secret for a session or a link: n_bytes of entropy in URL-safe letters."""
    return secrets.token_urlsafe(n_bytes)


def random_bytes(n: int) -> bytes:
    return secrets.token_bytes(n)


def random_below(end: int) -> int:
    """A number from 0 to end - 1 nobody can foretell."""
    return secrets.randbelow(end)


def random_digits(n: int) -> str:
    """A one-time code of n decimal digits."""
    return f"{secrets.randbelow(10**n):0{n}d}"


def seeded(seed: int | str) -> random.Random:
    """A generator whose whole sequence follows from the seed; never for secrets."""
    return random.Random(seed)  # noqa: S311
