"""What a handheld asks to be done with units, once each: the id it chose is the key.

The same id with the same content gets the answer it got before; with other content it is refused. What was refused is
not kept, so a handheld whose events come in another order sends them again. `at` is when it happened, on the
handheld's clock, which may be late by days and ahead by SKEW. A number we never gave out is foreign.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import insert, select, text

from codegen import brands as brand_book
from codegen import case_labels, hierarchy, rangeset, runs, spans, symbols, units
from codegen.digsig import PublicKey, SigningKey
from codegen.hierarchy import Level, NothingToPack, Packed, Refusal
from codegen.keys import KeyProvider
from codegen.units import Unit
from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest, Conflict
from printer_jobs import aggregation, checks
from printer_jobs.aggregation import Filling
from printer_jobs.tables import unit_operations

What = Literal[
    "pack", "pack-levels", "take-out", "replace", "sample", "open", "merge", "relabel", "close", "reopen", "undo",
    "check",
]  # fmt: skip
SKEW = timedelta(minutes=5)

SAYS: Mapping[str, str] = {
    "not-issued": "This code was never issued; set the bottle aside and tell a supervisor.",
    "not-commissioned": "The line has not passed this bottle; send it back to the line.",
    "voided": "This code is void; set the bottle aside.",
    "scrapped": "This label was scrapped at the line; set the bottle aside.",
    "packed": "It lies in {unit}; take it out there first.",
    "other-brand": "These are of several brands; pack each brand on its own.",
    "unknown": "Nothing was ever packed under this label; pack it first.",
    "ranks-too-high": "A {what} does not go in here; scan a unit of a smaller level.",
    "closed": "{unit} is closed; reopen it first.",
    "retired": "This label is retired; scan {unit} instead.",
    "twice": "This label was scanned twice; scan the other one.",
    "foreign": "This SSCC is not one of ours; print a label and use that.",
    "label-used": "This label is on another unit already; print a new one.",
    "not-in-this-unit": "It does not lie in this unit; scan the unit it came from.",
    "changed-since": "The unit was changed after that time; scan it again and decide anew.",
    "empty": "Nothing lies in it; pack something first.",
    "other-level": "The two are of different levels or brands; merge like with like.",
    "label-differs": "The label that was scanned is not this unit's; take it off and print the right one.",
    "label-forged": "The signature on the label is not ours; take it off and print a new one.",
    "nothing-to-undo": "There is nothing of yours to undo.",
}


class OperationReused(Conflict):
    """The id was used before, for something else."""

    type = "operation-reused"


class ClockAhead(BadRequest):
    """The handheld's clock is ahead of ours."""

    type = "clock-ahead"


@dataclass(frozen=True, slots=True)
class Order:
    """What to do. unit None: a new case, under the next number. scanned: the label that was read back to close.

    items[0] and items[1] of a replacement: the bad one and the good one. pack_size: a case must hold exactly so many,
    or fewer if `short`.
    """

    what: What
    unit: str | None = None
    items: tuple[int, ...] = ()
    units: tuple[str, ...] = ()
    level: Level = "case"
    pack_size: int | None = None
    short: bool = False
    new: str | None = None
    reason: str = ""
    scanned: str = ""
    fillings: tuple[Filling, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Label:
    """What stands on a unit's label; digsig: AI 8030 over its number."""

    sscc: str
    host: str
    name: str
    gtin: str
    count: int
    digsig: str

    def picture(self) -> symbols.Picture:
        return case_labels.picture(**asdict(self))

    def zpl(self) -> str:
        return symbols.case_label_zpl(**asdict(self))


def perform(
    tx: Tx, operation_id: UUID, order: Order, *, by: str, at: datetime, signers: Sequence[PublicKey] = (), now: datetime
) -> Packed:
    """Do it once. Raises OperationReused, ClockAhead, and what `aggregation` raises."""
    if at > now + SKEW:
        raise ClockAhead("The time of this event has not come yet; set the handheld's clock.")
    asked = json.loads(json.dumps(asdict(order) | {"at": at.isoformat()}))
    # (1) One at a time per id; a retry gets the answer it got before.
    tx.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:id, 0))"), {"id": str(operation_id)})
    earlier = tx.execute(select(unit_operations).where(unit_operations.c.id == operation_id)).first()
    if earlier is not None:
        if (earlier.asked, earlier.by) != (asked, by):
            raise OperationReused("This id was used for another operation; give every operation an id of its own.")
        return Packed(earlier.answer["sscc"], (), earlier.answer["changed"])
    # (2) Numbers we never gave out, and labels named twice, before anything is touched.
    refused = _judge_numbers(tx, order)
    if refused:
        return Packed(order.unit or "", tuple(refused))
    # (3) Do it, and keep what was done.
    answer = _DO[order.what](tx, order, by, at, signers)
    if not answer.refused:
        row = {"id": operation_id, "what": order.what, "asked": asked, "by": by, "at": at, "recorded_at": now}
        row["answer"] = {"sscc": answer.sscc, "changed": answer.changed}
        tx.execute(insert(unit_operations).values(row))
    return answer


def says(refusal: Refusal) -> str:
    """One sentence that says what to do."""
    what = refusal.what if isinstance(refusal.what, str) else f"bottle {refusal.what[0]}"
    return SAYS[refusal.reason].format(what=what, unit=refusal.unit)


def signer(tx: ReadTx, sscc: str, provider: KeyProvider) -> SigningKey:
    """The key the unit's brand signs labels with. Raises UnknownUnit and gs1.sscc's."""
    return SigningKey.derive(provider, brand_id=units.find(tx, sscc).brand_id)


def label(tx: ReadTx, sscc: str, provider: KeyProvider) -> Label:
    """The label of a unit that holds something. Raises UnknownUnit, NothingToPack, and gs1.sscc's."""
    unit, (_, items) = units.find(tx, sscc), hierarchy.everything_in(tx, sscc)
    run = runs.load_index(tx).find(items[0][0]) if items else None
    if run is None:
        raise NothingToPack(f"Nothing lies in {unit.sscc} now; pack something before you print its label.")
    host = next(one.host for one in brand_book.list_brands(tx) if one.id == unit.brand_id)
    signed = dict(signer(tx, unit.sscc, provider).sign((("00", unit.sscc),)))
    return Label(unit.sscc, host, run.product_zh, run.gtin, rangeset.count(items), signed["8030"])


def _judge_numbers(tx: ReadTx, order: Order) -> list[Refusal]:
    named = [*order.units, *(one.sscc for one in order.fillings)]
    refused = [Refusal(one, "twice") for one in sorted({one for one in named if named.count(one) > 1})]
    targets = [one for one in (order.unit, order.new, *(one.sscc for one in order.fillings)) if one is not None]
    return refused + [Refusal(one, "foreign") for one in targets if not hierarchy.issued(tx, one)]


def _pack(tx: Tx, order: Order, by: str, at: datetime, _: Sequence[PublicKey]) -> Packed:
    sscc = order.unit or _next_number(tx, order)
    if order.pack_size is None:
        level = units.levels(tx, [sscc]).get(sscc, order.level)
        return hierarchy.pack(tx, sscc=sscc, level=level, items=order.items, units=order.units, by=by, now=at)
    pack = aggregation.pack_short_case if order.short else aggregation.pack_full_case
    return pack(tx, sscc=sscc, items=order.items, pack_size=order.pack_size, by=by, now=at)


def _next_number(tx: Tx, order: Order) -> str:
    """Of the brand of what is to be packed."""
    if order.units:
        return hierarchy.new_sscc(tx, units.find(tx, order.units[0]).brand_id)
    owners = spans.lock_runs(tx, rangeset.of(order.items))
    if not owners:
        raise NothingToPack("Name the items or the units to pack.")
    return hierarchy.new_sscc(tx, owners[0].brand_id)


def _take_out(tx: Tx, order: Order, by: str, at: datetime, _: Sequence[PublicKey]) -> Packed:
    sscc = _unit(tx, order).sscc
    if order.units:
        return aggregation.take_units_out(tx, sscc=sscc, inside=order.units, by=by, now=at)
    return aggregation.take_out(tx, sscc=sscc, items=order.items, by=by, now=at)


def _replace(tx: Tx, order: Order, by: str, at: datetime, _: Sequence[PublicKey]) -> Packed:
    if len(order.items) != 2:
        raise BadRequest("A replacement names the bad bottle and then the good one.")
    bad, good = order.items
    reason = order.reason or "replaced"
    return aggregation.replace_item(tx, sscc=_unit(tx, order).sscc, bad=bad, good=good, reason=reason, by=by, now=at)


def _sample(tx: Tx, order: Order, by: str, at: datetime, _: Sequence[PublicKey]) -> Packed:
    reason = order.reason or "laboratory"
    return aggregation.take_sample(tx, sscc=_unit(tx, order).sscc, items=order.items, reason=reason, by=by, now=at)


def _close(tx: Tx, order: Order, by: str, at: datetime, signers: Sequence[PublicKey]) -> Packed:
    return aggregation.close(tx, sscc=_unit(tx, order).sscc, scanned=order.scanned, signers=signers, by=by, now=at)


def _check(tx: Tx, order: Order, by: str, at: datetime, _: Sequence[PublicKey]) -> Packed:
    """`changed`: how many of the bottles found are not on record in it."""
    sscc = _unit(tx, order).sscc
    found = checks.check(tx, sscc, order.items, by=by, at=at, now=at)
    return Packed(sscc, (), rangeset.count(found.differs))


def _unit(tx: ReadTx, order: Order) -> Unit:
    if order.unit is None:
        raise BadRequest("Name the unit; scan its label.")
    return units.find(tx, order.unit)


_Do = Callable[[Tx, Order, str, datetime, Sequence[PublicKey]], Packed]
_DO: dict[str, _Do] = {
    "pack": _pack,
    "pack-levels": lambda tx, order, by, at, _: aggregation.pack_levels(tx, order.fillings, by=by, now=at),
    "take-out": _take_out,
    "replace": _replace,
    "sample": _sample,
    "open": lambda tx, order, by, at, _: aggregation.open_unit(tx, sscc=_unit(tx, order).sscc, by=by, now=at),
    "merge": lambda tx, order, by, at, _: aggregation.merge(
        tx, sscc=_unit(tx, order).sscc, others=order.units, by=by, now=at
    ),
    "relabel": lambda tx, order, by, at, _: aggregation.relabel(
        tx, sscc=_unit(tx, order).sscc, new=order.new, by=by, now=at
    ),
    "close": _close,
    "check": _check,
    "reopen": lambda tx, order, by, at, _: units.reopen(tx, _unit(tx, order).sscc, by=by, now=at),
    "undo": lambda tx, _, by, at, __: aggregation.undo_last(tx, by=by, now=at),
}


def as_json(answer: Packed) -> dict[str, Any]:
    return {
        "unit": answer.sscc or None,
        "done": not answer.refused,
        "changed": answer.changed,
        "refused": [
            {
                "what": one.what if isinstance(one.what, str) else None,
                "item": None if isinstance(one.what, str) else one.what[0],
                "reason": one.reason,
                "unit": one.unit,
                "says": says(one),
            }
            for one in answer.refused
        ],
    }
