"""What is on record of one case: its level, which dealer got it last, what lies in it, and the labels it had before."""

from dataclasses import dataclass

from sqlalchemy import text

from codegen import gs1
from codegen.units import Level
from foundation.database import ReadTx


@dataclass(frozen=True, slots=True)
class CaseRecord:
    """units: itself and every unit in it now; formerly: labels it took the place of, with what they had replaced."""

    sscc: str
    level: Level
    brand_id: int
    dealer_id: int | None
    units: tuple[str, ...]
    formerly: tuple[str, ...]
    is_retired: bool


def record_of(tx: ReadTx, sscc: str) -> CaseRecord | None:
    """None: there is no such unit. Raises NotAnSscc, WrongCheckDigit."""
    row = tx.execute(text(_RECORD), {"sscc": gs1.sscc(sscc)}).first()
    if row is None:
        return None
    return CaseRecord(
        row.sscc, row.level, row.brand_id, row.dealer_id, tuple(row.units), tuple(row.formerly or ()), row.is_retired
    )


_RECORD = """
WITH RECURSIVE inside (sscc) AS (
    SELECT CAST(:sscc AS text)
    UNION
    SELECT p.sscc FROM unit_parents p JOIN inside i ON p.parent_sscc = i.sscc WHERE p.unpacked_at IS NULL
), before (sscc) AS (
    SELECT CAST(:sscc AS text)
    UNION
    SELECT o.sscc FROM units o JOIN before b ON o.replaced_by = b.sscc
)
SELECT u.sscc, u.level, u.brand_id, u.replaced_by IS NOT NULL AS is_retired,
       (SELECT s.dealer_id FROM shipment_units su JOIN shipments s ON s.id = su.shipment_id
        WHERE su.sscc = u.sscc ORDER BY s.shipped_at DESC, s.id DESC LIMIT 1) AS dealer_id,
       (SELECT array_agg(sscc ORDER BY sscc) FROM inside) AS units,
       (SELECT array_agg(sscc ORDER BY sscc) FROM before WHERE sscc <> u.sscc) AS formerly
FROM units u WHERE u.sscc = :sscc
"""
