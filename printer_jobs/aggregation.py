"""What is done with cases at the end of a line and at a rework table; the same rules for a station and a handheld.

| operation        | what it does                                                        | EPCIS                      |
| ---------------- | ------------------------------------------------------------------- | -------------------------- |
| full, short case | exactly `pack_size` items, or fewer, into a case that holds no other | AggregationEvent ADD       |
| pack levels      | bottles into bundles, bundles into a case, ... all at once          | one ADD a unit             |
| replace          | a bad bottle out and void, a good one in                            | DELETE, ADD, decommission  |
| sample           | bottles out, void, on record as samples                             | DELETE, OBSERVE inspecting |
| open             | everything out                                                      | DELETE                     |
| merge, relabel   | everything into another unit, or under a new number; the old retired | DELETE, ADD                |
| close, reopen    | nothing in it changes, or may again; closing asks for its label     | -                          |
| undo             | the last pack of whoever asks, out again                            | DELETE                     |

Each is all or nothing and an answer, not an exception: a refused item is named with its reason. The events are told by
`codegen.epcis` out of what is on record. `now` is when it happened.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from codegen import case_labels, hierarchy, pairs, rangeset, spans, units
from codegen.digsig import PublicKey
from codegen.hierarchy import Level, Packed, Refusal
from foundation.database import Tx
from foundation.errors import BadRequest


class WrongCaseCount(BadRequest):
    """A full case holds exactly `pack_size` items, a short one fewer."""

    type = "wrong-case-count"


@dataclass(frozen=True, slots=True)
class Filling:
    """What goes into one unit; `units` may be named by fillings before it."""

    sscc: str
    level: Level
    items: tuple[int, ...] = ()
    units: tuple[str, ...] = ()


def pack_full_case(tx: Tx, *, sscc: str, items: spans.Items, pack_size: int, by: str, now: datetime) -> Packed:
    """Raises WrongCaseCount, NotAnSscc, WrongCheckDigit, LevelDiffers."""
    count = rangeset.count(rangeset.of(items))
    if count != pack_size:
        raise WrongCaseCount(f"A full case holds {pack_size} items, not {count}; pack it as a short case.")
    return _pack_case(tx, sscc, items, by=by, now=now)


def pack_short_case(tx: Tx, *, sscc: str, items: spans.Items, pack_size: int, by: str, now: datetime) -> Packed:
    """The last case of a lease. Raises WrongCaseCount, NotAnSscc, WrongCheckDigit, LevelDiffers."""
    count = rangeset.count(rangeset.of(items))
    if not 0 < count < pack_size:
        raise WrongCaseCount(f"A short case holds 1 to {pack_size - 1} items, not {count}.")
    return _pack_case(tx, sscc, items, by=by, now=now)


def pack_levels(tx: Tx, fillings: Sequence[Filling], *, by: str, now: datetime) -> Packed:
    """Several units at once, the innermost first; the answer is the last one's.

    Raises NothingToPack, LevelDiffers, and gs1.sscc's.
    """
    if not fillings:
        raise hierarchy.NothingToPack("Name the units to fill, the innermost first.")
    inner, changed = tx.begin_nested(), 0
    for one in fillings:
        packed = hierarchy.pack(tx, sscc=one.sscc, level=one.level, items=one.items, units=one.units, by=by, now=now)
        if packed.refused:
            inner.rollback()
            return packed
        changed += packed.changed
    inner.commit()
    return replace(packed, changed=changed)


def replace_item(tx: Tx, *, sscc: str, bad: int, good: int, reason: str, by: str, now: datetime) -> Packed:
    """Take a bad item out of its unit, void it with its cap, and put a good one in its place.

    Refused, and nothing changed, when the good one may not be packed or the bad one does not lie in the unit.
    """
    out = _missing(tx, sscc, [bad])
    if out:
        return Packed(sscc, out)
    level = units.find(tx, sscc).level
    packed = hierarchy.pack(tx, sscc=sscc, level=level, items=[good], by=by, now=now)
    if not packed.refused:
        hierarchy.unpack(tx, sscc=sscc, items=[bad], by=by, now=now)
        _void(tx, [bad], reason=reason, by=by, now=now)
    return packed


def take_out(tx: Tx, *, sscc: str, items: Sequence[int], by: str, now: datetime) -> Packed:
    """The mistake of a packer; the case is short then. Raises UnknownUnit, UnitShut."""
    out = _missing(tx, sscc, items)
    return Packed(sscc, out, 0 if out else hierarchy.unpack(tx, sscc=sscc, items=items, by=by, now=now))


def take_units_out(tx: Tx, *, sscc: str, inside: Sequence[str], by: str, now: datetime) -> Packed:
    """Cases off a pallet. Raises UnknownUnit, UnitShut, and gs1.sscc's."""
    lying = hierarchy.contents(tx, sscc).units
    missing = tuple(Refusal(unit, "not-in-this-unit") for unit in inside if unit not in lying)
    if missing:
        return Packed(sscc, missing)
    return Packed(sscc, (), hierarchy.unpack(tx, sscc=sscc, units=inside, by=by, now=now))


def take_sample(tx: Tx, *, sscc: str, items: Sequence[int], reason: str, by: str, now: datetime) -> Packed:
    """Bottles for the laboratory: out, void, on record as samples. Raises UnknownUnit, UnitShut."""
    out = _missing(tx, sscc, items)
    if out:
        return Packed(sscc, out)
    count = hierarchy.unpack(tx, sscc=sscc, items=items, sampled=True, by=by, now=now)
    _void(tx, items, reason=f"sampled: {reason}", by=by, now=now)
    return Packed(sscc, (), count)


def open_unit(tx: Tx, *, sscc: str, by: str, now: datetime) -> Packed:
    """Everything out. Raises UnknownUnit, UnitShut."""
    return Packed(sscc, (), hierarchy.unpack(tx, sscc=sscc, by=by, now=now))


def merge(tx: Tx, *, sscc: str, others: Sequence[str], by: str, now: datetime) -> Packed:
    """Everything in the others into this one, whose number stays; theirs are retired. Raises UnknownUnit."""
    units.find(tx, sscc)
    inner, changed = tx.begin_nested(), 0
    for other in others:
        moved = hierarchy.move(tx, old=other, new=sscc, by=by, now=now)
        if moved.refused:
            inner.rollback()
            return moved
        changed += moved.changed
    inner.commit()
    return Packed(sscc, (), changed)


def relabel(tx: Tx, *, sscc: str, new: str | None = None, by: str, now: datetime) -> Packed:
    """A new number for a unit whose label is torn; without `new`, the brand's next one. Raises UnknownUnit."""
    unit = units.find(tx, sscc)
    if new is not None and units.levels(tx, [new]):
        return Packed(new, (Refusal(new, "label-used"),))
    return hierarchy.move(tx, old=sscc, new=new or hierarchy.new_sscc(tx, unit.brand_id), by=by, now=now)


def close(tx: Tx, *, sscc: str, scanned: str, signers: Sequence[PublicKey], by: str, now: datetime) -> Packed:
    """Close a unit whose label was read back: it says that number; a signature on it is ours. Raises UnknownUnit."""
    number = units.find(tx, sscc).sscc
    wrong = case_labels.wrong_label(number, scanned, signers)
    if wrong:
        return Packed(number, (Refusal(number, wrong),))
    closed = units.close(tx, number, by=by, now=now)
    if not closed.refused:
        units.label_checked(tx, number, now=now)
    return closed


def undo_last(tx: Tx, *, by: str, now: datetime) -> Packed:
    """What `by` packed last comes out again; asked again, what was packed before that. Raises UnitShut."""
    last = hierarchy.last_pack(tx, by)
    if last is None:
        return Packed("", (Refusal("", "nothing-to-undo"),))
    refused = units.shut(tx, [last.sscc], at=now)
    if refused:
        return Packed(last.sscc, tuple(refused))
    count = hierarchy.unpack(tx, sscc=last.sscc, items=last.items, units=last.units, by=by, now=now)
    return Packed(last.sscc, (), count)


def _pack_case(tx: Tx, sscc: str, items: spans.Items, *, by: str, now: datetime) -> Packed:
    """A number that is on another case already was scanned twice; the same case again changes nothing."""
    if units.levels(tx, [sscc]):
        lying = hierarchy.contents(tx, sscc)
        if rangeset.without(lying.items, pairs.bodies(tx, rangeset.of(items))) or lying.units:
            return Packed(sscc, (Refusal(sscc, "label-used"),))
    return hierarchy.pack(tx, sscc=sscc, level="case", items=items, by=by, now=now)


def _missing(tx: Tx, sscc: str, items: Sequence[int]) -> tuple[Refusal, ...]:
    lying = hierarchy.parents(tx, list(items))
    return tuple(Refusal((one, one + 1), "not-in-this-unit") for one in items if sscc not in lying.get(one, ())[:1])


def _void(tx: Tx, items: Sequence[int], *, reason: str, by: str, now: datetime) -> None:
    """Body and cap alike: nobody drinks this bottle."""
    gone = pairs.bodies(tx, rangeset.of(items))
    spans.void(tx, rangeset.of([*gone, *pairs.caps(tx, gone)]), reason=reason, by=by, now=now)
