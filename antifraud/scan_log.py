"""Every scan ever seen, refused ones too, with the answer it got and what was known at that moment.

The phone chose the scan id, a UUIDv7: the primary key is the idempotency check, the table is partitioned by the id,
and old months detach. Rows are only added.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from dateutil.relativedelta import relativedelta
from sqlalchemy import ColumnElement, func, select, text

from antifraud.signals import storable
from antifraud.tables import scans
from codegen.items import Stale
from foundation.bulk import Write, write_all
from foundation.database import ReadTx, Tx
from foundation.ids import uuid7_floor

MONTHS_BACK, MONTHS_AHEAD = 2, 2
_PARTITION_LOCK = 0x7363616E73  # "scans": one maker of partitions at a time.


@dataclass(frozen=True, slots=True)
class Earlier:
    """What a scan id was answered before. `input_hash` differs: the id is used for other content."""

    scan_id: UUID
    input_hash: bytes
    answer: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """One row of the log. region is the prefecture of the fix; answer is what the caller was told, word for word.

    pool, hints: how it came, as `antifraud.signals.Whence` has it.
    """

    scan_id: UUID
    input_hash: bytes
    received_at: datetime
    text: str
    verdict: str
    reasons: Sequence[str]
    item: int | None = None
    face: int | None = None
    gtin: str | None = None
    sscc: str | None = None
    dealer_id: int | None = None
    device: str
    address: str
    member_id: UUID | None = None
    lat: float | None = None
    lon: float | None = None
    sigma_km: float | None = None
    method: str | None = None
    region: int | None = None
    claim: bool = False
    reward_points: int = 0
    reward_state: str = "none"
    answer: Mapping[str, Any]
    params_version: str
    features: Mapping[str, Any]
    contributions: Mapping[str, Any]
    pool: str | None = None
    hints: int = 0


COLUMNS = tuple(field.name for field in fields(Scan))


def find(tx: ReadTx, asked: Sequence[tuple[UUID, bytes]]) -> dict[UUID, Earlier]:
    """The answers these scan ids got before. asked: (scan_id, input_hash); compare the hash, it may differ."""
    if not asked:
        return {}
    rows = tx.execute(_FIND, {"ids": [scan_id for scan_id, _ in asked]})
    return {row.scan_id: Earlier(row.scan_id, bytes(row.input_hash), row.answer) for row in rows}


_FIND = text("SELECT scan_id, input_hash, answer FROM scans WHERE scan_id = ANY(:ids)")


def record(tx: Tx, rows: Sequence[Scan]) -> None:
    """Add the rows in one statement. Raises Stale when a concurrent transaction recorded one of the ids first."""
    write_all(tx, recording(rows))


def recording(rows: Sequence[Scan]) -> list[Write]:
    """What `record` would write, for a use case that writes more in the same statement."""
    raced = Stale("One of these scans was recorded by another transaction; look again.")
    return [Write("recorded", _RECORD, [_row(scan) for scan in rows], len(rows), raced)]


_RECORD = (
    f"INSERT INTO scans ({', '.join(COLUMNS)}) SELECT {', '.join(COLUMNS)} "  # noqa: S608 names of our own columns
    "FROM json_populate_recordset(CAST(NULL AS scans), CAST(:recorded AS json))"
    " ON CONFLICT (scan_id) DO NOTHING RETURNING 1"
)


def _row(scan: Scan) -> dict[str, Any]:
    return {
        "scan_id": scan.scan_id, "input_hash": "\\x" + scan.input_hash.hex(),
        "received_at": scan.received_at, "text": storable(scan.text), "verdict": scan.verdict,
        "reasons": scan.reasons, "item": scan.item, "face": scan.face, "gtin": scan.gtin, "sscc": scan.sscc,
        "dealer_id": scan.dealer_id, "device": storable(scan.device), "address": storable(scan.address),
        "member_id": scan.member_id,
        "lat": scan.lat, "lon": scan.lon, "sigma_km": scan.sigma_km, "method": scan.method, "region": scan.region,
        "claim": scan.claim, "reward_points": scan.reward_points, "reward_state": scan.reward_state,
        "answer": scan.answer, "params_version": scan.params_version, "features": scan.features,
        "contributions": scan.contributions, "pool": storable(scan.pool) if scan.pool else None, "hints": scan.hints,
    }  # fmt: skip


def of_item(tx: ReadTx, item: int, *, limit: int = 200) -> list[Scan]:
    """Newest first."""
    return _scans(tx, scans.c.item == item, limit=limit)


def of_sscc(tx: ReadTx, sscc: str, *, limit: int = 500) -> list[Scan]:
    """Scans of the items a carton held, newest first."""
    return _scans(tx, scans.c.sscc == sscc, limit=limit)


def of_address(tx: ReadTx, address: str, *, limit: int = 200) -> list[Scan]:
    return _scans(tx, scans.c.address == address, limit=limit)


def _scans(tx: ReadTx, condition: ColumnElement[bool], *, limit: int) -> list[Scan]:
    found = select(scans).where(condition).order_by(scans.c.received_at.desc()).limit(limit)
    return [_scan(row) for row in tx.execute(found).mappings()]


def of_member(tx: ReadTx, member_id: UUID, *, limit: int = 50, before: UUID | None = None) -> list[Scan]:
    """Newest first; `before` is the last scan_id of the page before."""
    found = select(scans).where(scans.c.member_id == member_id)
    if before is not None:
        found = found.where(scans.c.scan_id < before)
    return [_scan(row) for row in tx.execute(found.order_by(scans.c.scan_id.desc()).limit(limit)).mappings()]


def recent(tx: ReadTx, *, limit: int = 50) -> list[Scan]:
    """The newest by the time inside the id, which is the phone's."""
    return [_scan(row) for row in tx.execute(select(scans).order_by(scans.c.scan_id.desc()).limit(limit)).mappings()]


def by_ids(tx: ReadTx, scan_ids: Sequence[UUID]) -> list[Scan]:
    """The scans behind the alerts of a case, oldest first."""
    found = select(scans).where(scans.c.scan_id.in_(scan_ids)).order_by(scans.c.scan_id)
    return [_scan(row) for row in tx.execute(found).mappings()]


def _scan(row: Mapping[Any, Any]) -> Scan:
    return Scan(**{**row, "input_hash": bytes(row["input_hash"])})


def hourly(tx: ReadTx, *, since: datetime) -> list[tuple[datetime, str, int]]:
    """(hour, verdict, scans) in order, of what was received since."""
    hour = func.date_trunc("hour", scans.c.received_at).label("hour")
    totals = (
        select(hour, scans.c.verdict, func.count())
        .where(scans.c.received_at >= since)
        .group_by(hour, scans.c.verdict)
        .order_by(hour, scans.c.verdict)
    )
    return [(row[0], row[1], row[2]) for row in tx.execute(totals)]


def ensure_partitions(tx: Tx, now: datetime) -> list[str]:
    """Make the months from two before `now` to two after. Returns the names of those that were missing.

    Asks first: making one locks the whole table for a moment, which a nightly call must not do for nothing.
    """
    first = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    months = [first + relativedelta(months=step) for step in range(-MONTHS_BACK, MONTHS_AHEAD + 1)]
    if all(_exists(tx, month) for month in months):
        return []
    tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _PARTITION_LOCK})
    missing = [month for month in months if not _exists(tx, month)]
    for month in missing:
        start, end = uuid7_floor(month), uuid7_floor(month + relativedelta(months=1))
        tx.execute(text(f"CREATE TABLE {_name(month)} PARTITION OF scans FOR VALUES FROM ('{start}') TO ('{end}')"))
    return [_name(month) for month in missing]


def _name(month: datetime) -> str:
    return f"scans_{month:%Y_%m}"


def _exists(tx: ReadTx, month: datetime) -> bool:
    return bool(tx.execute(text("SELECT to_regclass(:name) IS NOT NULL"), {"name": _name(month)}).scalar_one())
