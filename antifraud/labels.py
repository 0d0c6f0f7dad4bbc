"""What a decision teaches about the rules: one label per reason code and pivot of the case, for whoever measures them.

A label stands while its case stays closed: reopening takes it back, and the audit log keeps that it was there. The
weight is how many scans a label speaks for: one of an audit sample 1 / the probability it was drawn with, any other 1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Row, delete, select, text

from antifraud.case_tables import case_labels
from foundation.database import ReadTx, Tx

Source = Literal["case", "appeal", "inspection", "audit"]
SOURCES: Mapping[str, Source] = {"appeal:": "appeal", "audit:": "audit"}


@dataclass(frozen=True, slots=True)
class Label:
    """scan_id: of the first alert of that code and pivot. weight: scans it speaks for, above 0."""

    code: str
    pivot: str
    scan_id: UUID
    outcome: str
    source: Source
    case_id: int | None
    weight: float
    decided_by: str
    decided_at: datetime


def of_decision(tx: Tx, case_id: int, pivot: str, outcome: str, *, by: str, now: datetime) -> int:
    """Label every code and pivot among the alerts of a case that was just decided, in one statement; how many."""
    source: Source = next((source for prefix, source in SOURCES.items() if pivot.startswith(prefix)), "case")
    says = {"case_id": case_id, "outcome": outcome, "source": source, "by": by, "now": now}
    return tx.execute(_DECIDED, says).rowcount


_DECIDED = text("""
INSERT INTO case_labels (code, pivot, scan_id, outcome, source, case_id, weight, decided_by, decided_at)
SELECT DISTINCT ON (code, pivot) code, pivot, scan_id, :outcome, :source, :case_id,
    CASE WHEN pivot LIKE 'audit:%' THEN 1 / CAST(details ->> 'probability' AS float8) ELSE 1 END, :by, :now
FROM alerts WHERE case_id = :case_id ORDER BY code, pivot, id
""")


def of_appeal(tx: Tx, case_id: int, scan_id: UUID, *, by: str, now: datetime) -> int:
    """An appeal against a scan was accepted: what was alerted on that very scan was wrong; how many labels."""
    says = {"case_id": case_id, "scan_id": scan_id, "by": by, "now": now}
    return tx.execute(_OVERTURNED, says).rowcount


_OVERTURNED = text("""
INSERT INTO case_labels (code, pivot, scan_id, outcome, source, case_id, weight, decided_by, decided_at)
SELECT DISTINCT ON (code, pivot) code, pivot, scan_id, 'false_positive', 'appeal', :case_id, 1, :by, :now
FROM alerts WHERE scan_id = :scan_id AND case_id IS DISTINCT FROM :case_id ORDER BY code, pivot, id
ON CONFLICT DO NOTHING
""")


def of_visit(tx: Tx, ssccs: Sequence[str], *, about: str, outcome: str, by: str, now: datetime) -> int:
    """Somebody went there and looked at these cartons; how many labels.

    about: how the codes begin that the visit tells about. A carton nobody was alerted to is labelled INS_VISIT, under
    its latest scan: what the rules missed shows only so.
    """
    says = {"ssccs": list(ssccs), "about": about, "outcome": outcome, "by": by, "now": now}
    return tx.execute(_VISITED, says).rowcount


_VISITED = text("""
WITH alerted AS (
    SELECT DISTINCT ON (code, sscc) code, pivot, sscc, scan_id FROM alerts
    WHERE sscc = ANY(:ssccs) AND starts_with(code, :about) AND code NOT LIKE 'APL!_%' ESCAPE '!' ORDER BY code, sscc, id
), quiet AS (
    SELECT 'INS_VISIT' AS code, 'sscc:' || c.sscc AS pivot, c.sscc, last.scan_id
    FROM unnest(CAST(:ssccs AS text[])) AS c (sscc) CROSS JOIN LATERAL (
        SELECT scan_id FROM scans WHERE scans.sscc = c.sscc ORDER BY received_at DESC LIMIT 1
    ) AS last
    WHERE c.sscc NOT IN (SELECT sscc FROM alerted)
)
INSERT INTO case_labels (code, pivot, scan_id, outcome, source, weight, decided_by, decided_at)
SELECT code, pivot, scan_id, :outcome, 'inspection', 1, :by, :now FROM alerted
UNION ALL SELECT code, pivot, scan_id, :outcome, 'inspection', 1, :by, :now FROM quiet
""")


def take_back(tx: Tx, case_id: int) -> int:
    """The case is open again, so nothing is decided; how many labels went."""
    return tx.execute(delete(case_labels).where(case_labels.c.case_id == case_id)).rowcount


def of_case(tx: ReadTx, case_id: int) -> Sequence[Label]:
    """By code, then pivot."""
    found = select(case_labels).where(case_labels.c.case_id == case_id)
    return [_label(row) for row in tx.execute(found.order_by(case_labels.c.code, case_labels.c.pivot))]


def _label(row: Row[Any]) -> Label:
    return Label(**{field.name: getattr(row, field.name) for field in fields(Label)})
