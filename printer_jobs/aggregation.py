"""Items into cases at the end of a line: a full case, a short one, a bad item replaced.

Each is all or nothing and an answer, not an exception: a refused item is named with its reason. Commissioned comes
before packed; what is taken out stays on record.
"""

from collections.abc import Sequence
from datetime import datetime

from codegen import hierarchy, rangeset, spans
from codegen.hierarchy import Packed
from foundation.database import Tx
from foundation.errors import BadRequest


class WrongCaseCount(BadRequest):
    """A full case holds exactly `pack_size` items, a short one fewer."""

    type = "wrong-case-count"


def pack_full_case(tx: Tx, *, sscc: str, items: spans.Items, pack_size: int, by: str, now: datetime) -> Packed:
    """Raises WrongCaseCount, NotAnSscc, WrongCheckDigit, LevelDiffers."""
    count = rangeset.count(rangeset.of(items))
    if count != pack_size:
        raise WrongCaseCount(f"A full case holds {pack_size} items, not {count}; pack it as a short case.")
    return hierarchy.pack(tx, sscc=sscc, level="case", items=items, by=by, now=now)


def pack_short_case(tx: Tx, *, sscc: str, items: spans.Items, pack_size: int, by: str, now: datetime) -> Packed:
    """The last case of a lease. Raises WrongCaseCount, NotAnSscc, WrongCheckDigit, LevelDiffers."""
    count = rangeset.count(rangeset.of(items))
    if not 0 < count < pack_size:
        raise WrongCaseCount(f"A short case holds 1 to {pack_size - 1} items, not {count}.")
    return hierarchy.pack(tx, sscc=sscc, level="case", items=items, by=by, now=now)


def replace_item(tx: Tx, *, sscc: str, bad: int, good: int, reason: str, by: str, now: datetime) -> Packed:
    """Take a bad item out of its case, void it, and put a good one in its place.

    Refused, and nothing changed, when the good one may not be packed or the bad one does not lie in the case.
    """
    if not _lies_in(tx, sscc, bad):
        return Packed(sscc, (hierarchy.Refusal((bad, bad + 1), "not-in-this-case"),))
    packed = hierarchy.pack(tx, sscc=sscc, level="case", items=[good], by=by, now=now)
    if not packed.refused:
        hierarchy.unpack(tx, sscc=sscc, items=[bad], by=by, now=now)
        spans.void(tx, [bad], reason=reason, by=by, now=now)
    return packed


def take_out(tx: Tx, *, sscc: str, items: Sequence[int], by: str, now: datetime) -> int:
    """A sample, or the mistake of a packer; the case is short then. Returns how many came out. Raises UnknownUnit."""
    return hierarchy.unpack(tx, sscc=sscc, items=items, by=by, now=now)


def _lies_in(tx: Tx, sscc: str, item: int) -> bool:
    return sscc in hierarchy.parents(tx, [item]).get(item, ())[:1]
