"""What happened, written down in the transaction in which it happened, for whoever listens outside.

A package announces in its own words and knows no listener; the edge hands the rows on and deletes them. Facts of one
subject are handed on in the order in which they were announced.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select, text

from foundation.bulk import Write, record_set
from foundation.database import Tx
from foundation.tables import facts

_ORDER_LOCK = 0x6661637473  # "facts": one relay at a time, or two would overtake each other.


@dataclass(frozen=True, slots=True)
class Fact:
    """kind: `noun.done`; subject: what it happened to, such as case:7; body: JSON without secrets or contact data."""

    kind: str
    subject: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Announced:
    id: int
    fact: Fact
    at: datetime


def announce(tx: Tx, announced: Iterable[Fact], *, now: datetime) -> None:
    """Keep the facts, in one statement, in this order."""
    rows = [{"kind": one.kind, "subject": one.subject, "body": dict(one.body), "at": now} for one in announced]
    if rows:
        tx.execute(insert(facts), rows)


def announcing(name: str, announced: Sequence[Fact]) -> Write:
    """What `announce` would write, for a use case that writes more in the same statement. name: its own there."""
    rows = [{"kind": one.kind, "subject": one.subject, "body": one.body} for one in announced]
    return Write(name, _ANNOUNCED.format(source=record_set(name, "kind text, subject text, body jsonb")), rows)


_ANNOUNCED = "INSERT INTO facts (kind, subject, body, at) SELECT kind, subject, body, :now FROM {source} RETURNING id"


def take(tx: Tx, *, limit: int = 200) -> list[Announced]:
    """The oldest facts, gone once this transaction commits; none while another relay is at work."""
    if not tx.execute(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _ORDER_LOCK}).scalar_one():
        return []
    rows = tx.execute(select(facts).order_by(facts.c.id).limit(limit)).all()
    if rows:
        tx.execute(delete(facts).where(facts.c.id.in_([row.id for row in rows])))
    return [Announced(row.id, Fact(row.kind, row.subject, row.body), row.at) for row in rows]
