"""The log of scans in the order of judgement, in stretches: from a place, up to an instant, so many at once."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, tuple_

from antifraud.lab.vocabulary import COLUMNS
from antifraud.tables import scans
from foundation.database import ReadTx

NOBODY = UUID(int=0)
_WANTED = [scans.c[name] for name in (*COLUMNS, "contributions", "answer", "text", "address", "lat", "lon")]


@dataclass(frozen=True, slots=True)
class Stretch:
    """rows: COLUMNS of the log, and its contributions; where to go on; whether this was the last before `until`."""

    rows: Sequence[Row[Any]]
    at: datetime
    scan_id: UUID
    last: bool


def stretch(tx: ReadTx, at: datetime, scan_id: UUID, *, until: datetime, limit: int) -> Stretch:
    """The scans after the place (at, scan_id), before `until`."""
    after = tuple_(scans.c.received_at, scans.c.scan_id) > tuple_(at, scan_id)
    wanted = select(*_WANTED).where(scans.c.received_at >= at, scans.c.received_at < until, after)
    rows = tx.execute(wanted.order_by(scans.c.received_at, scans.c.scan_id).limit(limit)).all()
    last = len(rows) < limit
    if last:
        return Stretch(rows, until, NOBODY, last)
    return Stretch(rows, rows[-1].received_at, rows[-1].scan_id, last)


def these(tx: ReadTx, ids: Collection[UUID]) -> Sequence[Row[Any]]:
    """These scans of the log; those it does not have are missing."""
    return tx.execute(select(*_WANTED).where(scans.c.scan_id.in_(ids))).all()


def prize_fen(answer: Any) -> int:
    """Money that was won with this scan, by the answer it got."""
    prize = (answer.get("reward") or {}).get("prize") or {}
    return int(prize.get("amount_fen") or 0)
