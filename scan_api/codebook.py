"""What judging a code needs, in memory: the key ring and the index of runs. Read again every few seconds.

A good tag on an item no known run owns is either a stolen key or a run issued since, so what is in memory is read
again before the first is believed.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from codegen import canaries, wire
from codegen import keys as keyring
from codegen import runs as runs_of
from codegen.canaries import Canary
from codegen.keys import KeyProvider, KeyRing
from codegen.run_index import RunIndex
from codegen.wire import Token, Unissued
from foundation import clock
from foundation.database import ReadTx

FRESH_S = 5.0


@dataclass(frozen=True, slots=True)
class Page:
    keys: KeyRing
    runs: RunIndex
    canaries: Mapping[int, Canary]  # By item number: a leaked package is named without a query.
    brands: Mapping[str, int]  # By GTIN.


class Codebook:
    """Shared by the threads of one process."""

    def __init__(self, provider: KeyProvider) -> None:
        self._provider = provider
        self._page: Page | None = None
        self._read_at = 0.0
        self._seeds: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def page(self, tx: ReadTx) -> Page:
        """The present page, at most FRESH_S old."""
        page = self._page
        if page is None or clock.monotonic_s() - self._read_at > FRESH_S:
            return self.reload(tx)
        return page

    def decode_many(self, tx: ReadTx, texts: Sequence[str]) -> list[Token]:
        """What each text is; a run issued a moment ago is known too."""
        page = self.page(tx)
        tokens = wire.decode_many(texts, keys=page.keys, runs=page.runs)
        if any(isinstance(token, Unissued) for token in tokens):
            page = self.reload(tx)  # Only now is it a stolen key.
            tokens = wire.decode_many(texts, keys=page.keys, runs=page.runs)
        return tokens

    def brand_of(self, gtin: str) -> int | None:
        """Whose product it is, by the last page read."""
        return self._page.brands.get(gtin) if self._page else None

    def read(self, text: str) -> Token | None:
        """What the last page says of a text, without a query; None before the first page was read."""
        page = self._page
        return wire.decode(text, keys=page.keys, runs=page.runs) if page else None

    def campaign_seed(self, campaign_id: int) -> bytes:
        """32 bytes that settle a campaign's random awards; revealed after its end, never stored before."""
        return self._seed(f"campaign {campaign_id}")

    def pool_seed(self, pool_id: int) -> bytes:
        """32 bytes that settle the draws of a prize pool; revealed after its end, never stored before."""
        return self._seed(f"prize pool {pool_id}")

    def _seed(self, of: str) -> bytes:
        if of not in self._seeds:
            self._seeds[of] = self._provider.derive(f"onecode {of} v1".encode("ascii"), 32)
        return self._seeds[of]

    def reload(self, tx: ReadTx) -> Page:
        """Read keys and runs again, now."""
        with self._lock:
            keys, runs = keyring.load_ring(tx, self._provider), runs_of.load_index(tx)
            self._page = Page(keys, runs, canaries.load(tx), {run.gtin: run.brand_id for run in runs})
            self._read_at = clock.monotonic_s()
            return self._page
