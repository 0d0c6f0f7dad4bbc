"""The transfers sealed in a hash chain, off the hot path: a rewritten, added or lost row shows, and where.

A seal covers the transfers from_id <= id < until_id: digest = SHA-256(digest before || each row as canonical JSON,
length-prefixed, in id order). Only ids older than every running transaction are sealed, or a late commit would land
behind the seal. Reference: Blnk seals runs of rows after a trailing delay in the same way.
"""

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, insert, select, text

from foundation.database import ReadTx, Tx, settled_before
from foundation.ids import uuid7_floor
from loyalty.tables import transfer_seals, transfers

DELAY = timedelta(seconds=30)
_LOCK = 0x7365616C73  # "seals": a chain has one end.
_COLUMNS = list(transfers.columns)
_AT_A_TIME = 5_000


def seal(tx: Tx, *, now: datetime, limit: int = 20_000) -> int:
    """Seal the oldest unsealed transfers. Returns how many; 0 when another sealer is at work."""
    if not tx.execute(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _LOCK}).scalar_one():
        return 0
    last = tx.execute(select(transfer_seals).order_by(transfer_seals.c.id.desc()).limit(1)).first()
    start = last.until_id if last else UUID(int=0)
    until = uuid7_floor(settled_before(tx, now, delay=DELAY))
    if until <= start:
        return 0
    ids = select(transfers.c.id).where(transfers.c.id >= start, transfers.c.id < until).order_by(transfers.c.id)
    beyond = tx.execute(ids.offset(limit).limit(1)).scalar()
    until = until if beyond is None else beyond
    digest, count = _digest(tx, last.digest if last else b"", start, until)
    if count:
        row = {"from_id": start, "until_id": until, "transfers": count, "digest": digest, "sealed_at": now}
        tx.execute(insert(transfer_seals).values(**row))
    return count


def first_broken_seal(tx: ReadTx) -> int | None:
    """The id of the first seal its transfers no longer match; None when the chain holds."""
    digest = b""
    start = UUID(int=0)
    for one in tx.execute(select(transfer_seals).order_by(transfer_seals.c.id)).all():
        digest, count = _digest(tx, digest, one.from_id, one.until_id)
        if digest != one.digest or count != one.transfers or one.from_id != start:
            return int(one.id)
        start = one.until_id
    return None


def _digest(tx: ReadTx, previous: bytes, start: UUID, until: UUID) -> tuple[bytes, int]:
    chain, count = hashlib.sha256(previous), 0
    while rows := _page(tx, start, until, is_first=count == 0):
        for row in rows:
            body = _line(row)
            chain.update(len(body).to_bytes(4, "big") + body)
        count, start = count + len(rows), rows[-1].id
    return chain.digest(), count


def _page(tx: ReadTx, start: UUID, until: UUID, *, is_first: bool) -> list[Row[Any]]:
    after = transfers.c.id >= start if is_first else transfers.c.id > start
    query = select(*_COLUMNS).where(after, transfers.c.id < until).order_by(transfers.c.id).limit(_AT_A_TIME)
    return list(tx.execute(query))


def _line(row: Iterable[Any]) -> bytes:
    """UUIDs and UTC instants as orjson writes them; the order of the columns is that of the table."""
    return orjson.dumps(list(row))
