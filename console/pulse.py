"""Whether the queue changed, asked of the database once for everybody who looks, however many that are."""

import asyncio

from antifraud import case_queue
from antifraud.case_queue import Mark
from console import desk
from foundation import clock

EVERY_S = 3.0

_asking = asyncio.Lock()
_last: list[tuple[float, Mark]] = []


async def mark() -> Mark:
    """At most EVERY_S old."""
    async with _asking:
        if not _last or clock.monotonic_s() - _last[0][0] > EVERY_S:
            _last[:] = [(clock.monotonic_s(), await desk.read(case_queue.mark))]
        return _last[0][1]
