"""The visits each code had: what all detectors of copies read. Folded once a batch, whatever the batches were.

A visit is the first scan of a code by one person in one cell of 5 km on one day, by one face; a code keeps 64.
Only what was read as valid counts. Beside them the crowd of each SKU: how many codes met how many people.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from antifraud.batch.fixes import located
from antifraud.batch.memory import Groups, Memory, groups, spans, stack
from antifraud.columns import Cartons, Columns, Outcome, Scans
from antifraud.regions import CELLS_PER_DEG

__all__ = ["Items", "Touched", "Visits", "distinct", "pairs", "people", "row_of"]

Whole = NDArray[np.int64]
VISITS = 64
CROWD = 17  # Codes that met 16 people or more are alike.
DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Visits(Columns):
    """By rising item, then in the order of judgement. cell: -1 where the fix may not be used, and lat, lon are NaN."""

    item: Whole
    seq: Whole
    at: Whole
    cell: Whole
    carton: Whole
    person: Whole
    device: Whole
    network: Whole
    payee: Whole
    paying: NDArray[np.bool_]
    claimed: NDArray[np.bool_]
    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    sigma_km: NDArray[np.float64]
    method: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Touched:
    """Everything kept of the items a batch scanned, before it and after it, and how the rows after it are grouped."""

    before: Visits
    visits: Visits
    items: Groups


class Items:
    """The visits of every code, and the crowds of every SKU."""

    def __init__(self) -> None:
        self.scans = 0
        self.memory: Memory[Visits] = Memory(_visits(_nothing(), 0))
        self.crowds: dict[int, Whole] = {}

    def fold(self, scans: Scans, cartons: Cartons) -> Touched:
        """Remember these scans; what is now known of their items."""
        fresh = _visits(scans, self.scans)
        self.scans += len(scans)
        touched = np.unique(fresh.item)
        before = self.memory.look(touched)
        after = _kept(stack([before, fresh]))
        self.memory.put(touched, after)
        for visits, sign in ((before, -1), (after, 1)):
            self._count(visits, cartons, sign)
        return Touched(before, after, groups(after.item))

    def _count(self, visits: Visits, cartons: Cartons, sign: int) -> None:
        index = groups(visits.item)
        met = np.minimum(people(visits, index), CROWD - 1)
        sku = sku_of(visits.carton[index.starts], cartons)
        for one in np.unique(sku).tolist():
            counts = np.bincount(met[sku == one], minlength=CROWD)
            self.crowds[one] = self.crowds.get(one, np.zeros(CROWD, dtype=np.int64)) + sign * counts


def _nothing() -> Scans:
    whole, small = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.uint8)
    real, flag = np.zeros(0), np.zeros(0, dtype=bool)
    return Scans(
        at=whole, told=whole, item=whole, outcome=small, claim_face=flag, claimed=flag, value_fen=whole, carton=whole,
        person=whole, account=whole, device=whole, network=whole, pool=whole, payee=whole, lat=real, lon=real,
        sigma_km=real, method=small, accuracy_m=real, environment=small,
    )  # fmt: skip


def _visits(scans: Scans, first: int) -> Visits:
    rows = np.flatnonzero(scans.outcome == Outcome.VALID)
    rows = rows[np.argsort(scans.item[rows], kind="stable")]
    one, seq = scans.take(rows), rows + first
    fit = located(one)
    with np.errstate(invalid="ignore"):
        lat, lon = np.where(fit, one.lat, np.nan), np.where(fit, one.lon, np.nan)
        cell = np.where(fit, np.floor(lat * CELLS_PER_DEG) * (1 << 20) + np.floor(lon * CELLS_PER_DEG), -1)
    return Visits(
        item=one.item, seq=seq, at=one.at, cell=cell.astype(np.int64), carton=one.carton, person=one.person,
        device=one.device, network=one.network, payee=one.payee, paying=one.claim_face, claimed=one.claimed,
        lat=lat, lon=lon, sigma_km=one.sigma_km, method=one.method,
    )  # fmt: skip


def _kept(visits: Visits) -> Visits:
    """The first of each (item, person, cell, day, face), the claim itself always; 64 an item."""
    order = np.lexsort((visits.seq, visits.item))
    lone = np.ones(len(order), dtype=bool)
    item = visits.item[order]
    lone[1:] &= item[1:] != item[:-1]
    lone[:-1] &= item[1:] != item[:-1]  # Profiled: four of five codes are scanned once, and sorting them by six keys
    several = order[~lone]  # was most of the fold.
    keys = (visits.claimed, visits.paying, visits.at // DAY_US, visits.cell, visits.person, visits.item)
    names = [key[several] for key in keys]
    inner = np.lexsort((visits.seq[several], *names))
    again = np.ones(len(inner), dtype=bool)
    again[:1] = False
    for name in names:
        again[1:] &= name[inner][1:] == name[inner][:-1]
    firsts = several[inner[~again]]
    firsts = firsts[np.lexsort((visits.seq[firsts], visits.item[firsts]))]
    firsts = firsts[groups(visits.item[firsts]).place < VISITS]
    rows = np.concatenate([order[lone], firsts])
    return visits.take(rows[np.argsort(visits.item[rows], kind="stable")])


def sku_of(carton: Whole, cartons: Cartons) -> Whole:
    """The SKU of each carton; 0 where it is not on record."""
    row = row_of(carton, cartons)
    return np.where(row >= 0, cartons.sku[row], 0) if len(cartons) else np.zeros(len(carton), dtype=np.int64)


def row_of(carton: Whole, cartons: Cartons) -> Whole:
    """Where each carton stands in the table; -1 when it does not."""
    if not len(cartons):
        return np.full(len(carton), -1)
    at = np.minimum(np.searchsorted(cartons.carton, carton), len(cartons) - 1)
    return np.where((cartons.carton[at] == carton) & (carton != 0), at, -1)


def distinct(values: Whole, index: Groups) -> Whole:
    """How many different values each group has."""
    order = np.lexsort((values, index.of))
    sorted_values, of = values[order], index.of[order]
    new = np.ones(len(order), dtype=bool)
    new[1:] = (sorted_values[1:] != sorted_values[:-1]) | (of[1:] != of[:-1])
    return np.bincount(of[new], minlength=len(index))


def people(visits: Visits, index: Groups) -> Whole:
    """How many people each item met by the face that pays: distinct accounts or phones, whichever are fewer."""
    met = np.zeros(len(index), dtype=np.int64)
    paying = np.flatnonzero(visits.paying)
    if not len(paying):
        return met
    mine = groups(index.of[paying])
    phone = np.where(visits.device[paying] != 0, visits.device[paying], -visits.person[paying])
    met[mine.keys] = np.minimum(distinct(visits.person[paying], mine), distinct(phone, mine))
    return met


def pairs(index: Groups) -> tuple[Whole, Whole]:
    """(earlier, later): every two rows of one group."""
    place = index.place
    later = np.repeat(np.arange(len(index.of)), place)
    return spans(index.starts[index.of], index.starts[index.of] + place), later
