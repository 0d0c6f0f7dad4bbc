"""R-H1: scanned before it could be sold, for many scans of one shipment or run: a leak, or a record that is missing?

About 2 % of cartons have a wrong record and up to 10 % of event files have errors (published, DSCSA), so a missing
shipment is likelier than a thief. Many unrelated people who scan in one place: the shipment left and nobody wrote it
down: DATA_MISMATCH, work on data. Few people, phones or payees for many items, or items of one group scanned all over
the country: the codes got out before the goods. A single early scan is the in-line rule's.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from antifraud.batch.fixes import likeliest, masses
from antifraud.batch.items import row_of
from antifraud.batch.proof import BatchFinding, found, ordered
from antifraud.columns import Cartons, Outcome, Scans
from antifraud.findings import Severity, Value
from antifraud.params import Params

__all__ = ["EarlyState", "judge_early"]

Whole = NDArray[np.int64]
SKEW_US = 3_600_000_000
GRAVE = {"HRV_BEFORE_PACK": Severity.CRITICAL, "HRV_IN_WAREHOUSE": Severity.HIGH, "HRV_NOT_SHIPPED": Severity.MEDIUM}
NATS = {"HRV_BEFORE_PACK": 4.0, "HRV_IN_WAREHOUSE": 3.0, "HRV_NOT_SHIPPED": 1.5}
PLACED, TOGETHER = 5, 0.5


@dataclass(slots=True)
class _Group:
    """Early scans of one shipment or run. regions: where, once an item."""

    items: set[int] = field(default_factory=set)
    actors: tuple[set[int], set[int], set[int]] = field(default_factory=lambda: (set(), set(), set()))
    cartons: set[int] = field(default_factory=set)
    regions: dict[int, int] = field(default_factory=dict)
    scans: list[int] = field(default_factory=list)
    at: int = 0


@dataclass(slots=True)
class EarlyState:
    scans: int = 0
    groups: dict[tuple[str, str, int], _Group] = field(default_factory=dict)


def judge_early(scans: Scans, cartons: Cartons, params: Params, state: EarlyState) -> list[BatchFinding]:
    """The shipments and runs with early scans in this batch."""
    row = _carton_rows(scans, cartons)
    code = _codes(scans, row, cartons, params)
    early = np.flatnonzero(code > 0)
    some = scans.take(early)
    region = likeliest(masses(some), len(some))
    touched = {}
    for k, at in enumerate(early.tolist()):
        key = (CODES[code[at]], *_group(int(row[at]), int(code[at]), cartons, int(scans.item[at])))
        group = touched[key] = state.groups.setdefault(key, _Group())
        _add(group, scans, at, int(region[k]), state.scans)
    state.scans += len(scans)
    findings = (_said(key, group, params) for key, group in sorted(touched.items(), key=lambda pair: pair[0]))
    return ordered(one for one in findings if one is not None)


CODES = ("", "HRV_BEFORE_PACK", "HRV_IN_WAREHOUSE", "HRV_NOT_SHIPPED")


def _carton_rows(scans: Scans, cartons: Cartons) -> Whole:
    """The carton on record, else the one whose range of numbers the item was printed into."""
    row = row_of(scans.carton, cartons)
    if not len(cartons):
        return row
    order = np.argsort(cartons.first_item, kind="stable")
    place = np.maximum(0, np.searchsorted(cartons.first_item[order], scans.item, side="right") - 1)
    guess = order[place]
    inside = (scans.item >= cartons.first_item[guess]) & (scans.item < cartons.first_item[guess] + cartons.count[guess])
    return np.where((row < 0) & inside, guess, row)


def _codes(scans: Scans, row: Whole, cartons: Cartons, params: Params) -> Whole:
    """Which of CODES each scan is; 0 for none."""
    code = np.zeros(len(scans), dtype=np.int64)
    valid, known = scans.outcome == Outcome.VALID, row >= 0
    if len(cartons):
        shipped, packed = cartons.shipped_at[row], cartons.packed_at[row]
        waiting = valid & known & ((shipped == 0) | (scans.at < shipped - SKEW_US))
        code[waiting] = 2 if params.logistics == "shipping" else 3
        if params.logistics != "partial":
            code[valid & known & ((packed == 0) | (scans.at < packed - SKEW_US))] = 1
    code[scans.outcome == Outcome.NOT_ACTIVATED] = 1
    return code


def _group(row: int, code: int, cartons: Cartons, item: int) -> tuple[str, int]:
    if row < 0:
        return "block", item >> 16
    shipment = int(cartons.shipment[row])
    return ("shipment", shipment) if shipment and code != 1 else ("run", int(cartons.run[row]))


def _add(group: _Group, scans: Scans, at: int, region: int, first: int) -> None:
    item = int(scans.item[at])
    if region and item not in group.items:
        group.regions[region] = group.regions.get(region, 0) + 1
    group.items.add(item)
    for seen, column in zip(group.actors, (scans.person, scans.device, scans.payee), strict=True):
        if column[at]:
            seen.add(int(column[at]))
    if scans.carton[at]:
        group.cartons.add(int(scans.carton[at]))
    group.scans.append(at + first)
    group.at = max(group.at, int(scans.at[at]))


def _said(key: tuple[str, str, int], group: _Group, params: Params) -> BatchFinding | None:
    code, kind, one = key
    items, people = len(group.items), min((len(seen) for seen in group.actors if seen), default=0)
    if items < params.batch.early_items or not people:
        return None
    placed, most = sum(group.regions.values()), max(group.regions.values(), default=0)
    together = placed < PLACED or most >= TOGETHER * placed
    values: dict[str, Value] = {
        "items": items, "people": people, "cartons": len(group.cartons), "placed": placed, "together": most,
    }  # fmt: skip
    pivot, proof = f"{kind}:{one}", sorted(group.cartons)
    if people >= params.batch.early_unrelated * items and together:
        return found("DATA_MISMATCH", Severity.INFO, pivot, values, 0.0, at=group.at, scans=group.scans, cartons=proof)
    return found(
        code, GRAVE[code], pivot, values, NATS[code], at=group.at, scans=group.scans, cartons=proof, holds=True
    )
