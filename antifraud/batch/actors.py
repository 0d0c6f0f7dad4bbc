"""The last fifty codes each account and each payee claimed: what the detectors of harvested codes read.

One row a code and actor, by the face that pays, read as valid, of a carton on record. Actors who are not known (0) and
registered businesses (restaurants, shops), who rightly open many cartons, keep none.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from antifraud.batch.items import row_of
from antifraud.batch.memory import Groups, Memory, groups, stack
from antifraud.columns import Cartons, Columns, Outcome, Scans

__all__ = ["KINDS", "Actors", "Harvest", "Trail"]

Whole = NDArray[np.int64]
KINDS = ("person", "payee")
KEPT = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail(Columns):
    """By rising actor, then in the order of judgement. sealed: scanned before its carton left."""

    actor: Whole
    seq: Whole
    at: Whole
    item: Whole
    carton: Whole
    dealer: Whole
    device: Whole
    sealed: NDArray[np.bool_]
    lat: NDArray[np.float64]
    lon: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Harvest:
    """The trails of the actors a batch touched, of one kind."""

    kind: str
    trail: Trail
    actors: Groups


class Actors:
    """exempt: registered businesses, whose trails say nothing."""

    def __init__(self, exempt: Whole | None = None) -> None:
        self.scans = 0
        self.exempt = np.zeros(0, dtype=np.int64) if exempt is None else exempt
        self.memory = {kind: Memory(_nothing()) for kind in KINDS}

    def fold(self, scans: Scans, cartons: Cartons) -> list[Harvest]:
        """Remember the claims of a batch; the trails it touched, one Harvest a kind."""
        row = row_of(scans.carton, cartons)
        fit = (scans.outcome == Outcome.VALID) & scans.claim_face & (row >= 0) & ~np.isin(scans.person, self.exempt)
        rows = np.flatnonzero(fit)
        answer = [self._of(kind, scans, rows, row, cartons) for kind in KINDS]
        self.scans += len(scans)
        return answer

    def _of(self, kind: str, scans: Scans, rows: Whole, row: Whole, cartons: Cartons) -> Harvest:
        key = getattr(scans, kind)
        rows = rows[key[rows] != 0]
        rows = rows[np.argsort(key[rows], kind="stable")]
        of = row[rows]
        shipped = cartons.shipped_at[of] if len(cartons) else np.zeros(0, dtype=np.int64)
        fresh = Trail(
            actor=key[rows], seq=rows + self.scans, at=scans.at[rows], item=scans.item[rows],
            carton=scans.carton[rows], dealer=cartons.dealer[of] if len(cartons) else of, device=scans.device[rows],
            sealed=(shipped == 0) | (scans.at[rows] < shipped), lat=scans.lat[rows], lon=scans.lon[rows],
        )  # fmt: skip
        touched = np.unique(fresh.actor)
        kept = _kept(stack([self.memory[kind].look(touched), fresh]))
        self.memory[kind].put(touched, kept)
        return Harvest(kind, kept, groups(kept.actor))


def _nothing() -> Trail:
    whole, real = np.zeros(0, dtype=np.int64), np.zeros(0)
    return Trail(
        actor=whole, seq=whole, at=whole, item=whole, carton=whole, dealer=whole, device=whole,
        sealed=np.zeros(0, dtype=bool), lat=real, lon=real,
    )  # fmt: skip


def _kept(trail: Trail) -> Trail:
    """The latest scan of each (actor, item), the last fifty of each actor."""
    order = np.lexsort((trail.seq, trail.item, trail.actor))
    actor, item = trail.actor[order], trail.item[order]
    last = np.ones(len(order), dtype=bool)
    last[:-1] = (actor[1:] != actor[:-1]) | (item[1:] != item[:-1])
    rows = order[last]
    rows = rows[np.lexsort((trail.seq[rows], trail.actor[rows]))]
    index = groups(trail.actor[rows])
    from_end = index.stops[index.of] - np.arange(len(rows))
    return trail.take(rows[from_end <= KEPT])
