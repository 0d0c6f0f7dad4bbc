"""Who lies in what, now and before: items in bundles, cases and layers, those on pallets.

    item --pack--> any unit      unit --pack--> one that ranks higher      unpack takes out; packing elsewhere follows

A thing lies in at most one unit at a time. Packing is all or nothing, and asks that every item is commissioned, neither
voided nor scrapped, and not packed elsewhere; doing the same again changes nothing. What is taken out stays on record
with its dates. A cap that is paired with a body stands for the body.

`now` is when it happened. Events come late and out of order, and each is judged by what was true at its own time:
voided, packed elsewhere, closed. One that comes late and finds its things packed elsewhere since ends where that began.
That an item was commissioned need only be known, for a station without network says so days later. Locks go runs
first, then units in SSCC order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text

from codegen import gs1, pairs, rangeset, spans
from codegen import units as unit_book
from codegen.keys import UnknownBrand
from codegen.rangeset import Range
from codegen.units import RANK, Level, Packed, Refusal, UnknownUnit
from foundation import facts
from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest, Conflict
from foundation.facts import Fact

__all__ = [
    "Contents", "Level", "LevelDiffers", "NoCompanyPrefix", "NothingToPack", "Packed", "Refusal", "UnknownUnit",
    "contents", "everything_in", "issued", "last_pack", "move", "new_sscc", "pack", "parents", "unpack",
]  # fmt: skip


Stay = tuple[int, int, datetime | None]
"""Items `low` .. `high - 1`, and the moment at which they are on record elsewhere, or None."""


class NothingToPack(BadRequest):
    type = "nothing-to-pack"


class NoCompanyPrefix(Conflict):
    """The brand has no GS1 company prefix to make SSCCs from."""

    type = "no-company-prefix"


class LevelDiffers(Conflict):
    """The SSCC already belongs to a unit of another level or brand."""

    type = "level-differs"


@dataclass(frozen=True, slots=True)
class Contents:
    """What lies directly in a unit; `caps`: the codes paired with its items."""

    sscc: str
    level: Level
    items: tuple[Range, ...]
    units: tuple[str, ...]
    caps: tuple[Range, ...] = ()


def new_sscc(tx: Tx, brand_id: int, *, extension: int = 0) -> str:
    """The brand's next SSCC; it is nobody's until something is packed into it. Raises UnknownBrand, NoCompanyPrefix.

    Without a company prefix of its own, a brand of GS1 China uses the one inside its first GTIN.
    """
    row = tx.execute(
        text(
            "UPDATE brands b SET next_sscc = next_sscc + 1 WHERE id = :brand"
            " RETURNING next_sscc - 1 AS serial, company_prefix,"
            " (SELECT gtin FROM products p WHERE p.brand_id = b.id ORDER BY created_at, gtin LIMIT 1) AS gtin"
        ),
        {"brand": brand_id},
    ).first()
    if row is None:
        raise UnknownBrand(f"There is no brand {brand_id}.", brand_id=brand_id)
    company = row.company_prefix or (row.gtin and gs1.chinese_company_prefix(row.gtin))
    if not company:
        raise NoCompanyPrefix(f"Brand {brand_id} has no GS1 company prefix; enter it before packing.")
    return gs1.make_sscc(extension, company, row.serial)


def issued(tx: ReadTx, sscc: str) -> bool:
    """Whether the number is one of ours: given out by new_sscc, or in use. Raises NotAnSscc, WrongCheckDigit."""
    number = gs1.sscc(sscc)
    for row in tx.execute(text(_PREFIXES), {"sscc": number}):
        company = row.company_prefix or (row.gtin and gs1.chinese_company_prefix(row.gtin))
        if row.known or (company and number[1:].startswith(company)):
            serial = number[1 + len(company or "") : -1]
            if row.known or (serial and int(serial) < row.next_sscc):
                return True
    return False


def pack(
    tx: Tx, *, sscc: str, level: Level, items: spans.Items = (), units: Sequence[str] = (), by: str, now: datetime
) -> Packed:
    """Put items, or units that rank lower, into a unit, all or none. More may be added later.

    Raises NotAnSscc, WrongCheckDigit, NothingToPack, LevelDiffers.
    """
    number, children = gs1.sscc(sscc), sorted({gs1.sscc(unit) for unit in units})
    asked = pairs.bodies(tx, rangeset.of(items))
    if not asked and not children:
        raise NothingToPack("Name the items or the units to pack.")
    # (1) Hold everything whose state must not change while we look.
    owners = spans.lock_runs(tx, asked) if asked else []
    held = _hold(tx, [*children, number])
    # (2) What speaks against it?
    refused = _judge_shut(tx, number, children, held, now)
    refused_items, fresh_items = _judge_items(tx, number, asked, owners, now)
    refused_units, fresh_units = _judge_units(tx, number, level, children, held, now)
    brands = {row.brand_id for row in owners} | {held[child].brand_id for child in children if child in held}
    refused += refused_items + refused_units + ([Refusal(number, "other-brand")] if len(brands) > 1 else [])
    if refused:
        return Packed(number, tuple(refused))
    # (3) The unit begins with its first content.
    _begin(tx, number, level, brands.pop(), held, now)
    _write(tx, number, fresh_items, fresh_units, by=by, now=now)
    count = sum(high - low for low, high, _ in fresh_items)
    body = {"sscc": number, "level": level, "items": count, "units": [child for child, _ in fresh_units]}
    facts.announce(tx, [Fact("package.packed", f"sscc:{number}", body)], now=now)
    return Packed(number, (), count + len(fresh_units))


def unpack(
    tx: Tx,
    *,
    sscc: str,
    items: spans.Items | None = None,
    units: Sequence[str] | None = None,
    sampled: bool = False,
    by: str,
    now: datetime,
) -> int:
    """Take items or units out; with neither named, everything. Returns how many items and units came out.

    Raises NotAnSscc, WrongCheckDigit, UnknownUnit, UnitShut.
    """
    number = gs1.sscc(sscc)
    if number not in _hold(tx, [number]):
        raise unit_book.unknown(number)
    unit_book.require_open(tx, number, at=now)
    everything = items is None and units is None
    asked = "{(,)}" if everything else rangeset.literal(pairs.bodies(tx, rangeset.of(items or ())))
    place = {"sscc": number, "asked": asked, "by": by, "now": now, "sampled": sampled}
    out = tx.execute(text(_TAKE_OUT), place).all()
    place |= {"everything": everything, "units": [gs1.sscc(unit) for unit in units or ()]}
    parted = [row.sscc for row in tx.execute(text(_PART), place)]
    count = int(sum(row.n_items for row in out if row.goes))
    if count or parted:
        body = {"sscc": number, "items": count, "units": sorted(parted), "sampled": sampled}
        facts.announce(tx, [Fact("package.unpacked", f"sscc:{number}", body)], now=now)
    return count + len(parted)


def move(tx: Tx, *, old: str, new: str, by: str, now: datetime) -> Packed:
    """Everything in `old` lies in `new` from now on, whatever became of it meanwhile, and `old` is retired.

    A new number becomes a unit of the same level and takes the old one's place in what it lay in, and its deliveries;
    one that holds things already is added to. Raises NotAnSscc, WrongCheckDigit, UnknownUnit.
    """
    source, target = gs1.sscc(old), gs1.sscc(new)
    tx.execute(text(_LOCK_RUNS_IN), {"sscc": source})
    held = _hold(tx, [source, target])
    if source not in held:
        raise unit_book.unknown(source)
    refused = unit_book.shut(tx, [source, target], at=now) + _judge_move(tx, held, source, target, now)
    if refused:
        return Packed(target, tuple(refused))
    unit, fresh = held[source], target not in held
    _begin(tx, target, unit.level, unit.brand_id, held, now)
    place = {"old": source, "new": target, "by": by, "now": now}
    moved = sum(tx.execute(text(_MOVE_ITEMS), place).scalars()) + tx.execute(text(_MOVE_UNITS), place).rowcount
    tx.execute(text(_TAKE_PLACE if fresh else _LEAVE_PLACE), place)
    if fresh:
        tx.execute(text(_TAKE_DELIVERIES), place)
    unit_book.retire(tx, source, target, by=by, now=now)
    body = {"old": source, "new": target, "level": unit.level}
    facts.announce(tx, [Fact("package.replaced", f"sscc:{source}", body)], now=now)
    return Packed(target, (), moved)


def last_pack(tx: ReadTx, by: str) -> Contents | None:
    """What `by` packed last and is still there, in one unit at one moment; None: nothing."""
    row = tx.execute(text(_LAST_PACK), {"by": by}).first()
    if row is None:
        return None
    items = rangeset.of((low, high) for low, high in row.items or ())
    return Contents(row.sscc, row.level, tuple(items), tuple(row.units or ()))


def parents(tx: ReadTx, items: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """The units each item lies in now, innermost first; an item that lies in none is absent."""
    rows = tx.execute(text(_PARENTS), {"items": list(items)})
    return {row.item: tuple(row.units) for row in rows}


def ancestors(tx: ReadTx, sscc: str) -> tuple[str, ...]:
    """The units a unit lies in now, innermost first."""
    return tuple(tx.execute(text(_ANCESTORS), {"sscc": sscc}).scalars())


def contents(tx: ReadTx, sscc: str) -> Contents:
    """What lies directly in a unit now. Raises NotAnSscc, WrongCheckDigit, UnknownUnit."""
    unit = unit_book.find(tx, sscc)
    rows = tx.execute(
        text(
            "SELECT lower(items) AS low, upper(items) AS high FROM unit_contents"
            " WHERE sscc = :sscc AND unpacked_at IS NULL"
        ),
        {"sscc": unit.sscc},
    )
    items = tuple(rangeset.of((row.low, row.high) for row in rows))
    children = tx.execute(
        text("SELECT sscc FROM unit_parents WHERE parent_sscc = :sscc AND unpacked_at IS NULL ORDER BY sscc"),
        {"sscc": unit.sscc},
    )
    return Contents(
        unit.sscc, unit.level, items, tuple(row.sscc for row in children), tuple(pairs.caps(tx, items)) if items else ()
    )


def everything_in(tx: ReadTx, sscc: str) -> tuple[Level, list[Range]]:
    """The unit's level and all items in it now, however deep they lie. Raises NotAnSscc, WrongCheckDigit, UnknownUnit.

    One statement for any number of items: cases are few, and what is in them are ranges.
    """
    unit = unit_book.find(tx, sscc)
    rows = tx.execute(text(_EVERYTHING_IN), {"sscc": unit.sscc})
    return unit.level, rangeset.of((row.low, row.high) for row in rows)


def _judge_shut(tx: Tx, sscc: str, children: Sequence[str], held: dict[str, Row[Any]], at: datetime) -> list[Refusal]:
    """The unit must be open, and no child a retired label; a closed case may well go onto a pallet."""
    refused = unit_book.shut(tx, [sscc], at=at)
    return refused + [
        Refusal(child, "retired", held[child].replaced_by)
        for child in children
        if child in held and held[child].state == "retired"
    ]


def _judge_items(
    tx: Tx, sscc: str, asked: list[Range], owners: Sequence[Row[Any]], at: datetime
) -> tuple[list[Refusal], list[Stay]]:
    """What may not be packed, and what is not in the unit yet."""
    if not asked:
        return [], []
    known = rangeset.of((row.low, row.high) for row in owners)
    refused = [Refusal(part, "not-issued") for part in rangeset.without(asked, known)]
    states = spans.states(tx, asked, at=at)
    unborn = rangeset.without(rangeset.common(asked, known), states.get("commissioned", []))
    refused += [Refusal(part, "not-commissioned") for part in unborn]
    for state in ("voided", "scrapped"):
        refused += [Refusal(part, state) for part in states.get(state, [])]
    left, later = asked, list[Row[Any]]()
    for row in tx.execute(text(_LIES), {"asked": rangeset.literal(asked), "at": at}):
        parts = rangeset.common(asked, [(row.low, row.high)])
        if row.packed_at > at:
            later.append(row)
            continue
        left = rangeset.without(left, parts)
        if row.sscc != sscc:
            refused += [Refusal(part, "packed", row.sscc) for part in parts]
    return refused, _stays(left, later)


def _stays(left: list[Range], later: Sequence[Row[Any]]) -> list[Stay]:
    """Items go in until now, or until the moment at which something else is on record."""
    stays = list[Stay]()
    for row in later:  # The earliest first.
        parts = rangeset.common(left, [(row.low, row.high)])
        stays += [(low, high, row.packed_at) for low, high in parts]
        left = rangeset.without(left, parts)
    return stays + [(low, high, None) for low, high in left]


def _judge_units(
    tx: Tx, sscc: str, level: Level, children: Sequence[str], held: dict[str, Row[Any]], at: datetime
) -> tuple[list[Refusal], list[tuple[str, datetime | None]]]:
    """The same for units: only onto what ranks higher."""
    refused = [Refusal(child, "unknown") for child in children if child not in held]
    here = [child for child in children if child in held]
    refused += [Refusal(child, "ranks-too-high") for child in here if RANK[held[child].level] >= RANK[level]]
    fresh: dict[str, datetime | None] = dict.fromkeys(children)
    for row in tx.execute(text(_LIE), {"units": list(children), "at": at}):
        if row.packed_at > at:
            if row.sscc in fresh and fresh[row.sscc] is None:
                fresh[row.sscc] = row.packed_at
        elif row.parent_sscc == sscc:
            fresh.pop(row.sscc, None)
        else:
            refused.append(Refusal(row.sscc, "packed", row.parent_sscc))
    return refused, sorted(fresh.items())


def _judge_move(tx: Tx, held: dict[str, Row[Any]], source: str, target: str, at: datetime) -> list[Refusal]:
    if source == target:
        return [Refusal(source, "twice")]
    refused = list[Refusal]()
    if target in held and (held[target].level, held[target].brand_id) != (held[source].level, held[source].brand_id):
        refused.append(Refusal(target, "other-level"))
    if tx.execute(text(_CHANGED_SINCE), {"sscc": source, "at": at}).scalar():
        refused.append(Refusal(source, "changed-since"))
    return refused


def _hold(tx: Tx, ssccs: Sequence[str]) -> dict[str, Row[Any]]:
    """Of the units named, those that exist; locked with all they lie in."""
    held = unit_book.hold(tx, ssccs)
    return {sscc: held[sscc] for sscc in ssccs if sscc in held}


def _begin(tx: Tx, sscc: str, level: Level, brand_id: int, held: dict[str, Row[Any]], now: datetime) -> None:
    unit = held.get(sscc)
    if unit is None:
        tx.execute(
            text(
                "INSERT INTO units (sscc, brand_id, level, created_at) VALUES (:sscc, :brand, :level, :now)"
                " ON CONFLICT DO NOTHING"
            ),
            {"sscc": sscc, "brand": brand_id, "level": level, "now": now},
        )
        unit = _hold(tx, [sscc])[sscc]
    if (unit.level, unit.brand_id) != (level, brand_id):
        raise LevelDiffers(f"{sscc} is a {unit.level} of brand {unit.brand_id}; use another SSCC.", sscc=sscc)


def _write(
    tx: Tx, sscc: str, items: Sequence[Stay], units: Sequence[tuple[str, datetime | None]], *, by: str, now: datetime
) -> None:
    if items:
        lows, highs, ends = (list(column) for column in zip(*items, strict=True))
        tx.execute(
            text(
                "INSERT INTO unit_contents (sscc, items, packed_by, packed_at, unpacked_at, unpacked_by)"
                " SELECT :sscc, int8range(low, high), :by, :now, until, CASE WHEN until IS NOT NULL THEN :by END FROM"
                " unnest(CAST(:lows AS bigint[]), CAST(:highs AS bigint[]), CAST(:ends AS timestamptz[]))"
                " AS f (low, high, until)"
            ),
            {"sscc": sscc, "lows": lows, "highs": highs, "ends": ends, "by": by, "now": now},
        )
    if units:
        children, ends = (list(column) for column in zip(*units, strict=True))
        tx.execute(
            text(
                "INSERT INTO unit_parents (sscc, parent_sscc, packed_by, packed_at, unpacked_at, unpacked_by)"
                " SELECT child, :sscc, :by, :now, until, CASE WHEN until IS NOT NULL THEN :by END"
                " FROM unnest(CAST(:units AS text[]), CAST(:ends AS timestamptz[])) AS f (child, until)"
            ),
            {"sscc": sscc, "units": children, "ends": ends, "by": by, "now": now},
        )


_PREFIXES = """
SELECT company_prefix, next_sscc, EXISTS (SELECT FROM units u WHERE u.sscc = :sscc) AS known,
       (SELECT gtin FROM products p WHERE p.brand_id = b.id ORDER BY created_at, gtin LIMIT 1) AS gtin
FROM brands b
"""

# Two branches, because what lies there now and what lay there before are two indexes.
_LIES = """
SELECT sscc, lower(items) AS low, upper(items) AS high, packed_at FROM unit_contents
WHERE unpacked_at IS NULL AND items && CAST(:asked AS int8multirange)
UNION ALL
SELECT sscc, lower(items), upper(items), packed_at FROM unit_contents
WHERE unpacked_at IS NOT NULL AND items && CAST(:asked AS int8multirange) AND unpacked_at > :at
ORDER BY packed_at
"""

_LIE = """
SELECT sscc, parent_sscc, packed_at FROM unit_parents
WHERE sscc = ANY (CAST(:units AS text[])) AND (unpacked_at IS NULL OR unpacked_at > :at) ORDER BY packed_at
"""

# A range that is taken out in part is cut: the part goes on record, the rest stays as it was.
_TAKE_OUT = """
WITH hit AS (
    DELETE FROM unit_contents
    WHERE sscc = :sscc AND packed_at <= :now AND (unpacked_at IS NULL OR unpacked_at > :now)
      AND items && CAST(:asked AS int8multirange)
    RETURNING *
), parts AS (
    SELECT hit.*, unnest(int8multirange(items) * CAST(:asked AS int8multirange)) AS part, true AS goes FROM hit
    UNION ALL
    SELECT hit.*, unnest(int8multirange(items) - CAST(:asked AS int8multirange)), false FROM hit
), kept AS (
    INSERT INTO unit_contents (sscc, items, packed_by, packed_at, unpacked_at, unpacked_by, sampled)
    SELECT sscc, part, packed_by, packed_at, CASE WHEN goes THEN CAST(:now AS timestamptz) ELSE unpacked_at END,
           CASE WHEN goes THEN :by ELSE unpacked_by END, CASE WHEN goes THEN :sampled ELSE sampled END
    FROM parts
)
SELECT upper(part) - lower(part) AS n_items, goes FROM parts
"""

_PART = """
UPDATE unit_parents SET unpacked_at = :now, unpacked_by = :by
WHERE parent_sscc = :sscc AND packed_at <= :now AND (unpacked_at IS NULL OR unpacked_at > :now)
  AND (:everything OR sscc = ANY (CAST(:units AS text[])))
RETURNING sscc
"""

_LOCK_RUNS_IN = """
SELECT FROM runs WHERE items && (
    SELECT coalesce(range_agg(items), '{}') FROM unit_contents WHERE sscc = :sscc AND unpacked_at IS NULL
) ORDER BY id FOR NO KEY UPDATE
"""

_CHANGED_SINCE = """
SELECT EXISTS (SELECT FROM unit_contents WHERE sscc = :sscc AND greatest(packed_at, unpacked_at) > :at)
    OR EXISTS (SELECT FROM unit_parents WHERE :sscc IN (sscc, parent_sscc) AND greatest(packed_at, unpacked_at) > :at)
"""

# Rows go and come back with their end: deleted rows of this statement do not count as overlaps.
_MOVE_ITEMS = """
WITH gone AS (
    DELETE FROM unit_contents WHERE sscc = :old AND unpacked_at IS NULL RETURNING *
), before AS (
    INSERT INTO unit_contents (sscc, items, packed_by, packed_at, unpacked_at, unpacked_by)
    SELECT sscc, items, packed_by, packed_at, :now, :by FROM gone
)
INSERT INTO unit_contents (sscc, items, packed_by, packed_at) SELECT :new, items, :by, :now FROM gone
RETURNING upper(items) - lower(items)
"""

_MOVE_UNITS = """
WITH gone AS (
    DELETE FROM unit_parents WHERE parent_sscc = :old AND unpacked_at IS NULL RETURNING *
), before AS (
    INSERT INTO unit_parents (sscc, parent_sscc, packed_by, packed_at, unpacked_at, unpacked_by)
    SELECT sscc, parent_sscc, packed_by, packed_at, :now, :by FROM gone
)
INSERT INTO unit_parents (sscc, parent_sscc, packed_by, packed_at) SELECT sscc, :new, :by, :now FROM gone
"""

_TAKE_PLACE = """
WITH left_ AS (
    UPDATE unit_parents SET unpacked_at = :now, unpacked_by = :by WHERE sscc = :old AND unpacked_at IS NULL
    RETURNING parent_sscc
)
INSERT INTO unit_parents (sscc, parent_sscc, packed_by, packed_at) SELECT :new, parent_sscc, :by, :now FROM left_
"""

_LEAVE_PLACE = "UPDATE unit_parents SET unpacked_at = :now, unpacked_by = :by WHERE sscc = :old AND unpacked_at IS NULL"

_TAKE_DELIVERIES = """
INSERT INTO shipment_units (sscc, shipment_id, outermost_sscc)
SELECT :new, shipment_id, outermost_sscc FROM shipment_units WHERE sscc = :old
"""

_LAST_PACK = """
WITH last AS (
    SELECT sscc, packed_at FROM (
        (SELECT sscc, packed_at, id FROM unit_contents WHERE packed_by = :by AND unpacked_at IS NULL
         ORDER BY packed_at DESC, id DESC LIMIT 1)
        UNION ALL
        (SELECT parent_sscc, packed_at, id FROM unit_parents WHERE packed_by = :by AND unpacked_at IS NULL
         ORDER BY packed_at DESC, id DESC LIMIT 1)
    ) AS both_ ORDER BY packed_at DESC, id DESC LIMIT 1
)
SELECT last.sscc, u.level,
       (SELECT array_agg(ARRAY[lower(items), upper(items)]) FROM unit_contents c
        WHERE c.sscc = last.sscc AND c.packed_at = last.packed_at AND packed_by = :by AND unpacked_at IS NULL) AS items,
       (SELECT array_agg(p.sscc ORDER BY p.sscc) FROM unit_parents p
        WHERE p.parent_sscc = last.sscc AND p.packed_at = last.packed_at AND packed_by = :by AND unpacked_at IS NULL
       ) AS units
FROM last JOIN units u USING (sscc)
"""

_PARENTS = """
WITH RECURSIVE asked AS (
    SELECT a.item, coalesce(a.item - lower(k.caps) + lower(k.bodies), a.item) AS body
    FROM unnest(CAST(:items AS bigint[])) AS a (item)
    LEFT JOIN code_pairs k ON k.caps @> a.item AND k.undone_at IS NULL
), up (item, sscc, depth) AS (
    SELECT a.item, c.sscc, 1 FROM asked a JOIN unit_contents c ON c.items @> a.body AND c.unpacked_at IS NULL
    UNION ALL
    SELECT up.item, p.parent_sscc, depth + 1 FROM up JOIN unit_parents p ON p.sscc = up.sscc AND p.unpacked_at IS NULL
)
SELECT item, array_agg(sscc ORDER BY depth) AS units FROM up GROUP BY item
"""

_ANCESTORS = """
WITH RECURSIVE up (sscc, depth) AS (
    SELECT parent_sscc, 1 FROM unit_parents WHERE sscc = :sscc AND unpacked_at IS NULL
    UNION ALL
    SELECT p.parent_sscc, depth + 1 FROM up JOIN unit_parents p ON p.sscc = up.sscc AND p.unpacked_at IS NULL
)
SELECT sscc FROM up ORDER BY depth
"""

_EVERYTHING_IN = """
WITH RECURSIVE inside (sscc) AS (
    SELECT CAST(:sscc AS text)
    UNION
    SELECT p.sscc FROM unit_parents p JOIN inside i ON p.parent_sscc = i.sscc WHERE p.unpacked_at IS NULL
)
SELECT lower(c.items) AS low, upper(c.items) AS high
FROM unit_contents c JOIN inside USING (sscc) WHERE c.unpacked_at IS NULL
"""
