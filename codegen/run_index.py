"""Which run owns an item: in memory, by bisection, so that a scan asks no database. Pure."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime

from codegen.identity import Face, ItemNumber, Profile


@dataclass(frozen=True, slots=True)
class Run:
    """One production order: items `first` .. `first + count - 1`, all of one product."""

    id: int
    brand_id: int
    epoch: int
    gtin: str
    profile: Profile
    host: str
    first: ItemNumber
    count: int
    claim_face: Face
    produced_on: date | None
    expires_at: datetime | None
    product_zh: str
    product_en: str
    lot: str | None = None

    @property
    def end(self) -> int:
        """One past the last item."""
        return self.first + self.count

    def prints(self, face: Face, profile: Profile) -> bool:
        """Whether this run ever put such a code on an item; an inner face only where it claims."""
        return profile == self.profile and face <= self.claim_face


class RunIndex:
    """All runs, closed ones too: their items are still out there."""

    __slots__ = ("_by_id", "_firsts", "_runs")

    def __init__(self, runs: Iterable[Run]) -> None:
        self._runs = sorted(runs, key=lambda run: run.first)
        self._firsts = [run.first for run in self._runs]
        self._by_id = {run.id: run for run in self._runs}

    def find(self, item: int) -> Run | None:
        """The run that issued the item; None: nobody did."""
        at = bisect_right(self._firsts, item) - 1
        if at < 0 or item >= self._runs[at].end:
            return None
        return self._runs[at]

    def get(self, run_id: int) -> Run | None:
        return self._by_id.get(run_id)

    def __len__(self) -> int:
        return len(self._runs)

    def __iter__(self) -> Iterator[Run]:
        return iter(self._runs)
