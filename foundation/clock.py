"""The only place that reads the wall clock. Edges call it once and pass `now` on."""

import time
from datetime import UTC, datetime


def now() -> datetime:
    """The present instant, aware, in UTC."""
    return datetime.now(UTC)


def monotonic_s() -> float:
    """Seconds on a clock that never goes back; for measuring, never for dates."""
    return time.monotonic()
