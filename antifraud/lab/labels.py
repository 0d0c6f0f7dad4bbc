"""What people decided, as the lab reads it: the only place here that asks the table of labels.

A label is knowledge of today about a scan of then. It judges a rule; no rule ever reads one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from foundation.database import ReadTx

BAD, GOOD, VALUABLE = "confirmed_risk", "false_positive", "valuable_alert"
"""valuable_alert: right to alert and no fraud; it is counted apart, for neither side."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One label: weight: scans it speaks for."""

    code: str
    pivot: str
    scan_id: UUID
    outcome: str
    source: str
    weight: float


def pivots_of(row: Any) -> list[str]:
    """Under what a case may know this scan: its item, its case of goods, its phone."""
    named = [f"device:{row.device}"]
    named += [f"item:{row.item}"] if row.item is not None else []
    return named + ([f"sscc:{row.sscc}"] if row.sscc is not None else [])


def outcomes(tx: ReadTx, rows: Sequence[Any]) -> dict[UUID, str]:
    """scan id -> what was decided of it, or else of what it is about; the latest word. Undecided ones are missing."""
    pivots = {pivot: row.scan_id for row in rows for pivot in pivots_of(row)}
    if not pivots:
        return {}
    asked = {"scans": [row.scan_id for row in rows], "pivots": list(pivots)}
    by_scan, by_pivot = dict[UUID, str](), dict[str, str]()
    for found in tx.execute(_OUTCOMES, asked):
        by_scan[found.scan_id] = found.outcome
        by_pivot[found.pivot] = found.outcome
    told = {row.scan_id: [by_pivot[pivot] for pivot in pivots_of(row) if pivot in by_pivot] for row in rows}
    about = {scan_id: said[0] for scan_id, said in told.items() if said}
    return about | {row.scan_id: by_scan[row.scan_id] for row in rows if row.scan_id in by_scan}


_OUTCOMES = text("""
SELECT scan_id, pivot, outcome FROM case_labels
WHERE (scan_id = ANY(:scans) OR pivot = ANY(:pivots)) AND outcome <> 'inconclusive' ORDER BY decided_at, id
""")


def decided(tx: ReadTx, *, since: datetime, until: datetime, codes: Iterable[str] | None = None) -> list[Judged]:
    """Labels of that time, oldest first; of these codes, or of all."""
    asked = {"since": since, "until": until, "codes": list(codes) if codes is not None else None}
    return [Judged(*row) for row in tx.execute(_DECIDED, asked)]


def about(tx: ReadTx, *, since: datetime, until: datetime) -> list[Judged]:
    """Labels of the scans received in that time, whenever they were decided."""
    return [Judged(*row) for row in tx.execute(_ABOUT, {"since": since, "until": until})]


_ABOUT = text("""
SELECT code, pivot, scan_id, outcome, source, weight FROM case_labels JOIN scans USING (scan_id)
WHERE received_at >= :since AND received_at < :until ORDER BY decided_at, id
""")
_DECIDED = text("""
SELECT code, pivot, scan_id, outcome, source, weight FROM case_labels
WHERE decided_at >= :since AND decided_at < :until AND (CAST(:codes AS text[]) IS NULL OR code = ANY(:codes))
ORDER BY decided_at, id
""")
