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

from sqlalchemy import Row, select

from antifraud import known_good
from antifraud.findings import Alert, Severity
from antifraud.tables import alerts as alerts_table
from antifraud.tables import cases
from foundation import facts
from foundation.bulk import Write, record_set, write_all
from foundation.database import ReadTx, Tx
from foundation.facts import Fact

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
    """Keep the alerts and group them into cases, in one statement. Returns pivot -> case id of the open ones."""
    if not alerts:
        return {}
    alerts = known_good.softened(tx, alerts, now=now)
    write_all(tx, raising(alerts, now=now), now=now)
    found = select(cases.c.pivot, cases.c.id).where(
        cases.c.pivot.in_({alert.pivot for alert in alerts}), cases.c.state != "closed"
    )
    return {row.pivot: row.id for row in tx.execute(found)}


def raising(alerts: Sequence[Alert], *, now: datetime) -> list[Write]:
    """What `raise_alerts` would write, for a use case that writes more in the same statement.

    A pivot that calls a person opens a case or joins it; one that does not joins a case or is kept without.
    """
    calling = {alert.pivot for alert in alerts if alert.severity > Severity.INFO}
    opened = _grouped([alert for alert in alerts if alert.pivot in calling], now)
    joined = _grouped([alert for alert in alerts if alert.pivot not in calling], now)
    kept_in = [(_OPENED, opened, "cases_opened"), (_JOINED, joined, "cases_joined")]
    writes = [Write(name, sql, rows) for sql, rows, name in kept_in]
    for name, rows in (("alerts_calling", opened), ("alerts_joining", joined)):
        pivots = {row["pivot"] for row in rows}
        kept = [_row(alert, now) | {"turn": turn} for turn, alert in enumerate(alerts) if alert.pivot in pivots]
        writes.append(Write(name, _KEPT[name], kept, len(kept)))
    writes.append(Write("cases_told", _TOLD, [{}] if opened else []))
    return [*writes, facts.announcing("alerts_told", [_fact(alert) for alert in alerts if alert.pivot in calling])]


def _fact(alert: Alert) -> Fact:
    body = {"code": alert.reason.code, "severity": int(alert.severity), "scan_id": str(alert.scan_id)}
    return Fact("alert.raised", alert.pivot, body | {"item": alert.item, "sscc": alert.sscc})


# The unique index of open cases decides who opens and who joins. A graver alert than any before ends a snooze, and can
# only bring the due time forward. A statement cannot see rows its own parts write, so ids come from what they return.
_OPENED = f"""
INSERT INTO cases (pivot, state, severity, codes, alerts, opened_at, first_seen_at, last_seen_at, due_at,
    snoozed_until)
SELECT pivot, 'pending', severity, string_to_array(codes, ' '), alerts, :now, :now, :now,
    case_due(severity, :now, due_at), case_asleep(string_to_array(codes, ' '), pivot, :now)
FROM {record_set("cases_opened", "pivot text, severity smallint, codes text, alerts integer, due_at timestamptz")}
ON CONFLICT (pivot) WHERE state <> 'closed' DO UPDATE SET
    alerts = cases.alerts + excluded.alerts,
    last_seen_at = greatest(cases.last_seen_at, excluded.last_seen_at),
    codes = ARRAY(SELECT DISTINCT unnest(cases.codes || excluded.codes) ORDER BY 1),
    due_at = least(cases.due_at, excluded.due_at),
    snoozed_until = CASE WHEN excluded.severity > cases.severity THEN NULL ELSE cases.snoozed_until END,
    severity = greatest(cases.severity, excluded.severity)
RETURNING id, pivot, xmax = 0 AS fresh
"""  # noqa: S608

# A row nobody had before has no xmax: it was inserted, not updated.
_TOLD = """
INSERT INTO facts (kind, subject, body, at)
SELECT 'case.opened', 'case:' || id, jsonb_build_object('case_id', id, 'pivot', pivot), :now
FROM cases_opened WHERE fresh AND CAST(:cases_told AS json) IS NOT NULL ORDER BY id RETURNING id
"""

# Adds to cases that are open and leaves the others alone.
_JOINED = f"""
UPDATE cases SET
    alerts = cases.alerts + new.alerts,
    last_seen_at = greatest(cases.last_seen_at, :now),
    codes = ARRAY(SELECT DISTINCT unnest(cases.codes || string_to_array(new.codes, ' ')) ORDER BY 1)
FROM (
    SELECT open.id, n.alerts, n.codes
    FROM {record_set("cases_joined", "pivot text, codes text, alerts integer").replace("cases_joined_rows", "n")}
    JOIN cases open ON open.pivot = n.pivot AND open.state <> 'closed'
    ORDER BY open.pivot FOR UPDATE OF open
) AS new
WHERE cases.id = new.id
RETURNING cases.id, cases.pivot
"""  # noqa: S608

_ALERT_COLUMNS = (
    "turn integer, raised_at timestamptz, code text, severity smallint, pivot text, scan_id uuid, item bigint,"
    " sscc text, dealer_id bigint, details jsonb, contribution double precision, params_version text"
)
_KEPT = {
    name: f"""
INSERT INTO alerts (case_id, raised_at, code, severity, pivot, scan_id, item, sscc, dealer_id, details, contribution,
    params_version)
SELECT {grouped}.id, raised_at, code, severity, pivot, scan_id, item, sscc, dealer_id, details, contribution,
    params_version
FROM {record_set(name, _ALERT_COLUMNS)} LEFT JOIN {grouped} USING (pivot) ORDER BY turn RETURNING 1
"""  # noqa: S608
    for name, grouped in (("alerts_calling", "cases_opened"), ("alerts_joining", "cases_joined"))
}


def _grouped(alerts: Sequence[Alert], now: datetime) -> list[dict[str, Any]]:
    """One row a pivot, in pivot order: cases are locked in one order everywhere."""
    groups: dict[str, list[Alert]] = defaultdict(list)
    for alert in alerts:
        groups[alert.pivot].append(alert)
    return [_group(pivot, group, now) for pivot, group in sorted(groups.items())]


def _group(pivot: str, group: Sequence[Alert], now: datetime) -> dict[str, Any]:
    worst = max(alert.severity for alert in group)
    codes = " ".join(sorted({alert.reason.code for alert in group}))
    return {"pivot": pivot, "severity": int(worst), "codes": codes, "alerts": len(group), "due_at": now + DUE[worst]}


def _row(alert: Alert, now: datetime) -> dict[str, Any]:
    return {
        "raised_at": now, "code": alert.reason.code, "severity": int(alert.severity),
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
