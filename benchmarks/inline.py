"""A season's columns through the in-line judgement: every scan judged in order on what was remembered before it.

What a database would load stands in memory: who claimed an item, when it was first seen, where its carton was sent. The
state round trip is not part of it; `onecode bench scan` measures that.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

import numpy as np

from antifraud.columns import METHODS, Events, Outcome
from antifraud.decision import Decision, decide
from antifraud.evidence import Evidence
from antifraud.location import Location
from antifraud.params import Params
from antifraud.signals import Attempt, Facts
from codegen.canaries import Canary
from codegen.identity import Face, ItemNumber, Profile
from codegen.items import FirstSeen, ItemState
from codegen.run_index import Run
from codegen.wire import Forged, Genuine, Token, Unissued

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
GTIN = "06901234567892"


def instant(at_us: int) -> datetime:
    return EPOCH + timedelta(microseconds=at_us)


@dataclass(slots=True)
class Season:
    """`batch(start, stop)` gathers what is known of these rows; `judge` decides them in order and remembers."""

    events: Events
    params: Params
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    claimed: dict[ItemNumber, UUID] = field(default_factory=dict)
    first: dict[ItemNumber, FirstSeen] = field(default_factory=dict)
    _runs: dict[int, Run] = field(default_factory=dict)
    _places: dict[int, int] = field(default_factory=dict)
    _columns: dict[str, list[Any]] = field(default_factory=dict)
    _cartons: dict[str, list[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        cartons, scans = self.events.cartons, self.events.scans
        two_faced = set(cartons.sku[np.isin(cartons.carton, scans.carton[~scans.claim_face])].tolist())
        for run, sku in zip(*(column.tolist() for column in (cartons.run, cartons.sku)), strict=True):
            self._runs[run] = _run(run, Face.INNER if sku in two_faced else Face.OUTER)
        self._places = {carton: at for at, carton in enumerate(cartons.carton.tolist())}
        self._columns = {one.name: getattr(scans, one.name).tolist() for one in fields(scans)}
        self._cartons = {name: getattr(cartons, name).tolist() for name in ("run", "dealer", "shipped_at")}

    def batches(self, size: int) -> Iterator[list[Facts]]:
        """Gathered one by one, so each knows what the ones before it decided."""
        for start in range(0, len(self.events.scans), size):
            yield self.batch(start, min(start + size, len(self.events.scans)))

    def batch(self, start: int, stop: int) -> list[Facts]:
        return [self._facts(row) for row in range(start, stop)]

    def judge(self, facts: Sequence[Facts]) -> list[Decision]:
        """Decide a batch and keep what it changed."""
        evidence = Evidence(self.rows)
        decisions = [decide(evidence, one, params=self.params, now=one.attempt.at) for one in facts]
        self.claimed.update(evidence.taken)
        self.first.update(evidence.seen)
        return decisions

    def _facts(self, row: int) -> Facts:
        columns = self._columns
        outcome, item = columns["outcome"][row], ItemNumber(columns["item"][row])
        account, method = columns["account"][row], columns["method"][row]
        fix = (columns["lat"][row], columns["lon"][row], columns["sigma_km"][row])
        attempt = Attempt(
            UUID(int=row + 1), f"{item}/{row if outcome == Outcome.BAD_TAG else ''}", f"d{columns['device'][row]}",
            address(columns["network"][row]), UUID(int=account) if account else None,
            Location(*fix, METHODS[method]) if method else None, True, instant(columns["at"][row]),
        )  # fmt: skip
        if outcome in (Outcome.BAD_TAG, Outcome.NOT_ISSUED):
            token: Token = Forged() if outcome == Outcome.BAD_TAG else Unissued(item)
            return Facts(attempt, token, None)
        at = self._places.get(columns["carton"][row])
        run = self._runs[self._cartons["run"][at]] if at is not None else next(iter(self._runs.values()))
        face = run.claim_face if columns["claim_face"][row] else Face.OUTER
        leak = Canary(item, run.id, "a plant") if outcome == Outcome.CANARY else None
        genuine = Genuine(item, face, run.profile, run.gtin, run)
        return Facts(attempt, genuine, self._state(item, at, outcome, attempt.at), leak)

    def _state(self, item: ItemNumber, at: int | None, outcome: int, now: datetime) -> ItemState:
        first = self.first.get(item)
        known: dict[str, Any] = {}
        if at is not None:
            dealer, shipped_us = self._cartons["dealer"][at], self._cartons["shipped_at"][at]
            gone = dealer and instant(shipped_us) <= now
            known = {"sscc": f"{self.events.cartons.carton[at]:018}", "dealer_id": dealer or None}
            if gone:
                us = (now - EPOCH) // timedelta(microseconds=1)
                known |= {"shipped_at": instant(shipped_us), "authorised": self.events.dealers.regions(dealer, us)}
        return ItemState(
            item, commissioned=outcome != Outcome.NOT_ACTIVATED, recalled=outcome == Outcome.INACTIVE,
            first_seen_at=first.at if first else None, claimed_by=self.claimed.get(item), **known,
        )  # fmt: skip


def _run(number: int, claim_face: Face) -> Run:
    return Run(number, 1, 1, GTIN, Profile.STANDARD, "X", ItemNumber(1 << 36), 1 << 30, claim_face, None, None, "", "")


@lru_cache(maxsize=65536)
def address(network: int) -> str:
    """An address of each network: the world's networks are numbers, a request has an address."""
    return f"2001:{network >> 16 & 0xFFFF:x}:{network & 0xFFFF:x}::7"
