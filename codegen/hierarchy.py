"""Item in case in pallet: who lies in what, now and before.

    item --pack--> case or pallet        case --pack--> pallet        unpack takes out; packing elsewhere is then legal

An item lies in at most one unit, a case on at most one pallet. Packing is all or nothing, and asks that every item is
commissioned, neither voided nor scrapped, and not packed elsewhere; doing the same again changes nothing. What is
taken out stays on record with its dates. Locks go runs first, then units in SSCC order.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row, select, text

from codegen import gs1, rangeset, spans
from codegen.keys import UnknownBrand
from codegen.rangeset import Range
from codegen.tables import units as unit_table
from foundation import facts
from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest, Conflict, NotFound
from foundation.facts import Fact

Level = Literal["case", "pallet"]


class UnknownUnit(NotFound):
    """There is no such case or pallet."""

    type = "unknown-unit"


class NothingToPack(BadRequest):
    type = "nothing-to-pack"


class NoCompanyPrefix(Conflict):
    """The brand has no GS1 company prefix to make SSCCs from."""

    type = "no-company-prefix"


class LevelDiffers(Conflict):
    """The SSCC already belongs to a unit of another level or brand."""

    type = "level-differs"


@dataclass(frozen=True, slots=True)
class Refusal:
    """`what`: an SSCC, or a range of items. `unit`: where it is packed already.

    `reason`: not-issued, not-commissioned, voided, scrapped, packed, other-brand, unknown, not-a-case.
    """

    what: str | Range
    reason: str
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Packed:
    """`refused` empty: everything lies in the unit now. Otherwise nothing was changed."""

    sscc: str
    refused: tuple[Refusal, ...]


@dataclass(frozen=True, slots=True)
class Contents:
    sscc: str
    level: Level
    items: tuple[Range, ...]
    units: tuple[str, ...]


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


def pack(
    tx: Tx, *, sscc: str, level: Level, items: spans.Items = (), units: Sequence[str] = (), by: str, now: datetime
) -> Packed:
    """Put items, or cases onto a pallet, into a unit, all or none. More may be added later.

    Raises NotAnSscc, WrongCheckDigit, NothingToPack, LevelDiffers.
    """
    number, asked = gs1.sscc(sscc), rangeset.of(items)
    children = sorted({gs1.sscc(unit) for unit in units})
    if not asked and not children:
        raise NothingToPack("Name the items or the units to pack.")
    # (1) Hold everything whose state must not change while we look.
    owners = spans.lock_runs(tx, asked) if asked else []
    held = _lock_units(tx, [*children, number])
    # (2) What speaks against it?
    refused, fresh_items = _judge_items(tx, number, asked, owners)
    refused_units, fresh_units = _judge_units(tx, number, level, children, held)
    brands = {row.brand_id for row in owners} | {held[child].brand_id for child in children if child in held}
    refused += refused_units + ([Refusal(number, "other-brand")] if len(brands) > 1 else [])
    if refused:
        return Packed(number, tuple(refused))
    # (3) The unit begins with its first content.
    _begin(tx, number, level, brands.pop(), now)
    _write(tx, number, fresh_items, fresh_units, by=by, now=now)
    body = {"sscc": number, "level": level, "items": rangeset.count(fresh_items), "units": list(fresh_units)}
    facts.announce(tx, [Fact("package.packed", f"sscc:{number}", body)], now=now)
    return Packed(number, ())


def unpack(
    tx: Tx,
    *,
    sscc: str,
    items: spans.Items | None = None,
    units: Sequence[str] | None = None,
    by: str,
    now: datetime,
) -> int:
    """Take items or units out; with neither named, everything. Returns how many items and units came out.

    Raises NotAnSscc, WrongCheckDigit, UnknownUnit.
    """
    number = gs1.sscc(sscc)
    if number not in _lock_units(tx, [number]):
        raise UnknownUnit(f"There is no case or pallet {number}.", sscc=number)
    everything = items is None and units is None
    asked = "{(,)}" if everything else rangeset.literal(rangeset.of(items or ()))
    out = tx.execute(text(_TAKE_OUT), {"sscc": number, "asked": asked, "by": by, "now": now}).all()
    parted = tx.execute(
        text(
            "UPDATE unit_parents SET unpacked_at = :now, unpacked_by = :by WHERE parent_sscc = :sscc"
            " AND unpacked_at IS NULL AND (:everything OR sscc = ANY (CAST(:units AS text[])))"
        ),
        {"sscc": number, "everything": everything, "units": list(units or ()), "by": by, "now": now},
    ).rowcount
    return int(sum(row.n_items for row in out if row.unpacked_at is not None) + parted)


def parents(tx: ReadTx, items: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """The units each item lies in now, innermost first; an item that lies in none is absent."""
    rows = tx.execute(
        text(
            "SELECT a.item, c.sscc, p.parent_sscc FROM unnest(CAST(:items AS bigint[])) AS a (item)"
            " JOIN unit_contents c ON c.items @> a.item AND c.unpacked_at IS NULL"
            " LEFT JOIN unit_parents p ON p.sscc = c.sscc AND p.unpacked_at IS NULL"
        ),
        {"items": list(items)},
    )
    return {row.item: (row.sscc, row.parent_sscc) if row.parent_sscc else (row.sscc,) for row in rows}


def contents(tx: ReadTx, sscc: str) -> Contents:
    """What lies directly in a unit now. Raises NotAnSscc, WrongCheckDigit, UnknownUnit."""
    number = gs1.sscc(sscc)
    unit = tx.execute(select(unit_table).where(unit_table.c.sscc == number)).first()
    if unit is None:
        raise UnknownUnit(f"There is no case or pallet {number}.", sscc=number)
    items = tx.execute(
        text(
            "SELECT lower(items) AS low, upper(items) AS high FROM unit_contents"
            " WHERE sscc = :sscc AND unpacked_at IS NULL"
        ),
        {"sscc": number},
    )
    children = tx.execute(
        text("SELECT sscc FROM unit_parents WHERE parent_sscc = :sscc AND unpacked_at IS NULL ORDER BY sscc"),
        {"sscc": number},
    )
    return Contents(
        number,
        unit.level,
        tuple(rangeset.of((row.low, row.high) for row in items)),
        tuple(row.sscc for row in children),
    )


def everything_in(tx: ReadTx, sscc: str) -> tuple[Level, list[Range]]:
    """The unit's level and all items in it now, however deep they lie. Raises NotAnSscc, WrongCheckDigit, UnknownUnit.

    One statement for any number of items: cases are few, and what is in them are ranges.
    """
    number = gs1.sscc(sscc)
    level = tx.execute(select(unit_table.c.level).where(unit_table.c.sscc == number)).scalar()
    if level is None:
        raise UnknownUnit(f"There is no case or pallet {number}.", sscc=number)
    rows = tx.execute(text(_EVERYTHING_IN), {"sscc": number})
    return level, rangeset.of((row.low, row.high) for row in rows)


def _lock_units(tx: Tx, ssccs: Sequence[str]) -> dict[str, Row[Any]]:
    rows = tx.execute(
        select(unit_table)
        .where(unit_table.c.sscc.in_(ssccs))
        .order_by(unit_table.c.sscc)
        .with_for_update(key_share=True)
    )
    return {row.sscc: row for row in rows}


def _judge_items(
    tx: Tx, sscc: str, asked: list[Range], owners: Sequence[Row[Any]]
) -> tuple[list[Refusal], list[Range]]:
    """What may not be packed, and what is not in the unit yet."""
    if not asked:
        return [], []
    issued = rangeset.of((row.low, row.high) for row in owners)
    refused = [Refusal(part, "not-issued") for part in rangeset.without(asked, issued)]
    states = spans.states(tx, asked)
    unborn = rangeset.without(rangeset.common(asked, issued), states.get("commissioned", []))
    refused += [Refusal(part, "not-commissioned") for part in unborn]
    for state in ("voided", "scrapped"):
        refused += [Refusal(part, state) for part in states.get(state, [])]
    inside = defaultdict[str, list[Range]](list)
    for row in tx.execute(
        text(
            "SELECT sscc, lower(items) AS low, upper(items) AS high FROM unit_contents"
            " WHERE unpacked_at IS NULL AND items && CAST(:asked AS int8multirange)"
        ),
        {"asked": rangeset.literal(asked)},
    ):
        inside[row.sscc].append((row.low, row.high))
    for unit, parts in inside.items():
        if unit != sscc:
            refused += [Refusal(part, "packed", unit) for part in rangeset.common(asked, rangeset.of(parts))]
    return refused, rangeset.without(asked, rangeset.of(inside.get(sscc, [])))


def _judge_units(
    tx: Tx, sscc: str, level: Level, children: Sequence[str], held: dict[str, Row[Any]]
) -> tuple[list[Refusal], list[str]]:
    """The same for units: only cases, only onto a pallet."""
    refused = [Refusal(child, "unknown") for child in children if child not in held]
    refused += [
        Refusal(child, "not-a-case")
        for child in children
        if child in held and (held[child].level != "case" or level != "pallet")
    ]
    lying = tx.execute(
        text(
            "SELECT sscc, parent_sscc FROM unit_parents WHERE unpacked_at IS NULL AND sscc = ANY (CAST(:s AS text[]))"
        ),
        {"s": list(children)},
    ).all()
    refused += [Refusal(row.sscc, "packed", row.parent_sscc) for row in lying if row.parent_sscc != sscc]
    return refused, sorted(set(children) - {row.sscc for row in lying})


def _begin(tx: Tx, sscc: str, level: Level, brand_id: int, now: datetime) -> None:
    tx.execute(
        text(
            "INSERT INTO units (sscc, brand_id, level, created_at) VALUES (:sscc, :brand, :level, :now)"
            " ON CONFLICT DO NOTHING"
        ),
        {"sscc": sscc, "brand": brand_id, "level": level, "now": now},
    )
    unit = _lock_units(tx, [sscc])[sscc]
    if (unit.level, unit.brand_id) != (level, brand_id):
        raise LevelDiffers(f"{sscc} is a {unit.level} of brand {unit.brand_id}; use another SSCC.", sscc=sscc)


def _write(tx: Tx, sscc: str, items: Sequence[Range], units: Sequence[str], *, by: str, now: datetime) -> None:
    if items:
        lows, highs = (list(column) for column in zip(*items, strict=True))
        tx.execute(
            text(
                "INSERT INTO unit_contents (sscc, items, packed_by, packed_at)"
                " SELECT :sscc, int8range(low, high), :by, :now"
                " FROM unnest(CAST(:lows AS bigint[]), CAST(:highs AS bigint[])) AS f (low, high)"
            ),
            {"sscc": sscc, "lows": lows, "highs": highs, "by": by, "now": now},
        )
    if units:
        tx.execute(
            text(
                "INSERT INTO unit_parents (sscc, parent_sscc, packed_by, packed_at)"
                " SELECT child, :sscc, :by, :now FROM unnest(CAST(:units AS text[])) AS child"
            ),
            {"sscc": sscc, "units": list(units), "by": by, "now": now},
        )


# A range that is taken out in part is cut: the part goes on record, the rest stays.
_TAKE_OUT = """
WITH hit AS (
    DELETE FROM unit_contents
    WHERE sscc = :sscc AND unpacked_at IS NULL AND items && CAST(:asked AS int8multirange)
    RETURNING *
), parts AS (
    SELECT hit.*, unnest(int8multirange(items) * CAST(:asked AS int8multirange)) AS part, true AS goes FROM hit
    UNION ALL
    SELECT hit.*, unnest(int8multirange(items) - CAST(:asked AS int8multirange)), false FROM hit
)
INSERT INTO unit_contents (sscc, items, packed_by, packed_at, unpacked_at, unpacked_by)
SELECT sscc, part, packed_by, packed_at, CASE WHEN goes THEN CAST(:now AS timestamptz) END, CASE WHEN goes THEN :by END
FROM parts
RETURNING upper(items) - lower(items) AS n_items, unpacked_at
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
