"""Transfers and receipts live in one partition a month, made ahead by the time inside their ids; old months detach.

A default partition takes what no month was made for, so that nothing is ever refused; a month whose rows already lie
there stays there.
"""

from datetime import UTC, datetime

from dateutil.relativedelta import relativedelta
from sqlalchemy import text

from foundation.database import ReadTx, Tx
from foundation.ids import uuid7_floor

TABLES = ("transfers", "receipts")
BACK, AHEAD = 1, 3
_LOCK = 0x6D6F6E746873  # "months": one maker at a time.


def ensure_months(tx: Tx, now: datetime) -> list[str]:
    """Make the months from one before `now` to three after; names of those that were missing. Asks before it locks."""
    first = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    months = [first + relativedelta(months=step) for step in range(-BACK, AHEAD + 1)]
    wanted = [(table, month) for table in TABLES for month in months]
    if not any(_is_missing(tx, *one) for one in wanted):
        return []
    tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    made = [one for one in wanted if _is_missing(tx, *one)]
    for table, month in made:
        _make(tx, table, month)
    return [_name(*one) for one in made]


def _make(tx: Tx, table: str, month: datetime) -> None:
    start, end = _bounds(month)
    name = _name(table, month)
    tx.execute(text(f"CREATE TABLE {name} PARTITION OF {table} FOR VALUES FROM ('{start}') TO ('{end}')"))
    tx.execute(
        text(
            f"CREATE TRIGGER {name}_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {name}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting()"
        )
    )


def _is_missing(tx: ReadTx, table: str, month: datetime) -> bool:
    start, end = _bounds(month)
    held = f"SELECT FROM {table}_other WHERE id >= CAST(:start AS uuid) AND id < CAST(:end AS uuid)"
    query = f"SELECT to_regclass(:name) IS NULL AND NOT EXISTS ({held})"
    return bool(tx.execute(text(query), {"name": _name(table, month), "start": start, "end": end}).scalar_one())


def _bounds(month: datetime) -> tuple[str, str]:
    return str(uuid7_floor(month)), str(uuid7_floor(month + relativedelta(months=1)))


def _name(table: str, month: datetime) -> str:
    return f"{table}_{month:%Y_%m}"
