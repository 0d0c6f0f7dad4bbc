"""Alerts: what calls a person. Those of one pivot meet in one open case, however many arrive at once.

An alert of severity INFO is kept for the file: it joins a case that is open and opens none. Wording is for people to
read as "potential": nobody is accused by a machine.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, insert, select, text

from antifraud.findings import Alert, Severity
from antifraud.tables import alerts as alerts_table
from foundation.database import ReadTx, Tx

DUE = {  # How soon a person looks.
    Severity.INFO: timedelta(days=14),
    Severity.MEDIUM: timedelta(days=3),
    Severity.HIGH: timedelta(hours=24),
    Severity.CRITICAL: timedelta(hours=4),
}


@dataclass(frozen=True, slots=True)
class Raised:
    """An alert as it was kept; case_id is None when it opened no case."""

    id: int
    case_id: int | None
    raised_at: datetime
    code: str
    severity: Severity
    pivot: str
    scan_id: UUID
    item: int | None
    sscc: str | None
    dealer_id: int | None
    details: dict[str, Any]
    contribution: float


def raise_alerts(tx: Tx, alerts: Sequence[Alert], *, now: datetime) -> dict[str, int]:
    """Keep the alerts and group them into cases: three statements at most. Returns pivot -> case id."""
    if not alerts:
        return {}
    calling = {alert.pivot for alert in alerts if alert.severity > Severity.INFO}
    cases = _open(tx, [alert for alert in alerts if alert.pivot in calling], now)
    cases |= _join(tx, [alert for alert in alerts if alert.pivot not in calling], now)
    tx.execute(insert(alerts_table), [_row(alert, cases.get(alert.pivot), now) for alert in alerts])
    return cases


def _open(tx: Tx, alerts: Sequence[Alert], now: datetime) -> dict[str, int]:
    """One statement: the unique index of open cases decides who opens and who joins.

    A graver alert than any before ends a snooze, and can only bring the due time forward.
    """
    if not alerts:
        return {}
    rows = tx.execute(_OPEN, _arrays(_grouped(alerts), now))
    return {row.pivot: row.id for row in rows}


_OPEN = text("""
INSERT INTO cases (pivot, state, severity, codes, alerts, opened_at, first_seen_at, last_seen_at, due_at)
SELECT pivot, 'pending', severity, string_to_array(codes, ' '), alerts, :now, :now, :now, due_at
FROM unnest(CAST(:pivots AS text[]), CAST(:severities AS smallint[]), CAST(:codes AS text[]),
            CAST(:counts AS integer[]), CAST(:due AS timestamptz[])) AS new (pivot, severity, codes, alerts, due_at)
ORDER BY pivot
ON CONFLICT (pivot) WHERE state <> 'closed' DO UPDATE SET
    alerts = cases.alerts + excluded.alerts,
    last_seen_at = greatest(cases.last_seen_at, excluded.last_seen_at),
    codes = ARRAY(SELECT DISTINCT unnest(cases.codes || excluded.codes) ORDER BY 1),
    due_at = least(cases.due_at, excluded.due_at),
    snoozed_until = CASE WHEN excluded.severity > cases.severity THEN NULL ELSE cases.snoozed_until END,
    severity = greatest(cases.severity, excluded.severity)
RETURNING id, pivot
""")


def _join(tx: Tx, alerts: Sequence[Alert], now: datetime) -> dict[str, int]:
    """Add to cases that are open; leave the others alone."""
    if not alerts:
        return {}
    rows = tx.execute(_JOIN, _arrays(_grouped(alerts), now))
    return {row.pivot: row.id for row in rows}


_JOIN = text("""
WITH open AS (SELECT id FROM cases WHERE pivot = ANY(:pivots) AND state <> 'closed' ORDER BY pivot FOR UPDATE)
UPDATE cases SET
    alerts = cases.alerts + new.alerts,
    last_seen_at = greatest(cases.last_seen_at, :now),
    codes = ARRAY(SELECT DISTINCT unnest(cases.codes || string_to_array(new.codes, ' ')) ORDER BY 1)
FROM open, unnest(CAST(:pivots AS text[]), CAST(:codes AS text[]), CAST(:counts AS integer[]))
           AS new (pivot, codes, alerts)
WHERE cases.id = open.id AND cases.pivot = new.pivot
RETURNING cases.id, cases.pivot
""")


def _grouped(alerts: Sequence[Alert]) -> dict[str, list[Alert]]:
    groups: dict[str, list[Alert]] = defaultdict(list)
    for alert in alerts:
        groups[alert.pivot].append(alert)
    return dict(sorted(groups.items()))  # Cases are locked in one order everywhere.


def _arrays(groups: dict[str, list[Alert]], now: datetime) -> dict[str, Any]:
    worst = [max(alert.severity for alert in group) for group in groups.values()]
    return {
        "pivots": list(groups),
        "severities": [int(severity) for severity in worst],
        "codes": [" ".join(sorted({alert.reason.code for alert in group})) for group in groups.values()],
        "counts": [len(group) for group in groups.values()],
        "due": [now + DUE[severity] for severity in worst],
        "now": now,
    }


def _row(alert: Alert, case_id: int | None, now: datetime) -> dict[str, Any]:
    return {
        "case_id": case_id, "raised_at": now, "code": alert.reason.code, "severity": int(alert.severity),
        "pivot": alert.pivot, "scan_id": alert.scan_id, "item": alert.item, "sscc": alert.sscc,
        "dealer_id": alert.dealer_id, "details": dict(alert.reason.values),
        "contribution": alert.reason.contribution, "params_version": alert.params_version,
    }  # fmt: skip


def of_case(tx: ReadTx, case_id: int, *, limit: int = 200) -> list[Raised]:
    """The newest alerts of a case, oldest of them first."""
    found = select(alerts_table).where(alerts_table.c.case_id == case_id)
    rows = tx.execute(found.order_by(alerts_table.c.id.desc()).limit(limit)).all()
    return [_raised(row) for row in reversed(rows)]


def of_scan(tx: ReadTx, scan_id: UUID) -> list[Raised]:
    found = select(alerts_table).where(alerts_table.c.scan_id == scan_id).order_by(alerts_table.c.id)
    return [_raised(row) for row in tx.execute(found)]


def of_pivot(tx: ReadTx, pivot: str, *, limit: int = 200) -> list[Raised]:
    """Newest first, those that opened no case included."""
    found = select(alerts_table).where(alerts_table.c.pivot == pivot)
    return [_raised(row) for row in tx.execute(found.order_by(alerts_table.c.id.desc()).limit(limit))]


def _raised(row: Row[Any]) -> Raised:
    return Raised(
        row.id, row.case_id, row.raised_at, row.code, Severity(row.severity), row.pivot,
        row.scan_id, row.item, row.sscc, row.dealer_id, row.details, row.contribution,
    )  # fmt: skip
