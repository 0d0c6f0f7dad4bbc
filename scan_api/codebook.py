"""What judging a code needs, in memory: the key ring and the index of runs. Read again every few seconds.

A good tag on an item no known run owns is either a stolen key or a run issued since; `scanning` reloads before it
believes the first.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass

from codegen import canaries, wire
from codegen import keys as keyring
from codegen import runs as runs_of
from codegen.canaries import Canary
from codegen.keys import KeyProvider, KeyRing
from codegen.run_index import RunIndex
from codegen.wire import Token
from foundation import clock
from foundation.database import ReadTx

FRESH_S = 5.0


@dataclass(frozen=True, slots=True)
class Page:
    keys: KeyRing
    runs: RunIndex
    canaries: Mapping[int, Canary]  # By item number: a leaked package is named without a query.


class Codebook:
    """Shared by the threads of one process."""

    def __init__(self, provider: KeyProvider) -> None:
        self._provider = provider
        self._page: Page | None = None
        self._read_at = 0.0
        self._seeds: dict[int, bytes] = {}
        self._lock = threading.Lock()

    def page(self, tx: ReadTx) -> Page:
        """The present page, at most FRESH_S old."""
        page = self._page
        if page is None or clock.monotonic_s() - self._read_at > FRESH_S:
            return self.reload(tx)
        return page

    def read(self, text: str) -> Token | None:
        """What the last page says of a text, without a query; None before the first page was read."""
        page = self._page
        return wire.decode(text, keys=page.keys, runs=page.runs) if page else None

    def campaign_seed(self, campaign_id: int) -> bytes:
        """32 bytes that settle a campaign's random awards; revealed after its end, never stored before."""
        if campaign_id not in self._seeds:
            self._seeds[campaign_id] = self._provider.derive(f"onecode campaign {campaign_id} v1".encode("ascii"), 32)
        return self._seeds[campaign_id]

    def reload(self, tx: ReadTx) -> Page:
        """Read keys and runs again, now."""
        with self._lock:
            self._page = Page(keyring.load_ring(tx, self._provider), runs_of.load_index(tx), canaries.load(tx))
            self._read_at = clock.monotonic_s()
            return self._page
