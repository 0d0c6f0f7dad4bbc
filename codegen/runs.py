"""Runs: a production order becomes a range of item numbers, and no row per code.

    issue --> open --> close      items that were not commissioned by then never will be

The first item's number comes from one guarded statement under the brand's lock, so no item is issued twice. The same
order id gives the same run, and is refused with other content. A run never changes its product, profile or range.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from http import HTTPStatus
from typing import Any

import numpy as np
from sqlalchemy import Row, select, text, update

from codegen import gs1
from codegen.brands import Brand, UnknownProduct, add_brand, add_product, list_brands
from codegen.identity import INDICES, Face, ItemNumber, Profile, item_number
from codegen.keys import KeyRing, lock_brand
from codegen.run_index import Run, RunIndex
from codegen.run_symbol import RunSymbol, SymbolWish
from codegen.tables import epochs, products, runs
from codegen.wire import LETTERS, encode_many, prefix
from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest, Conflict, NotFound

__all__ = [
    "Brand", "Listed", "Run", "RunIndex", "RunSymbol", "SymbolWish",
    "add_brand", "add_product", "close", "export", "find_run", "issue",
    "list_brands", "list_runs", "load_index", "require_face",
]  # fmt: skip

EXPORT_BLOCK = 65_536
_LOT = re.compile(r"""[!"%-?A-Z_a-z]{1,20}""", re.ASCII)  # GS1 General Specifications, figure 7.11-1.
_OURS_TO_CHOOSE = SymbolWish()


class UnknownRun(NotFound):
    type = "unknown-run"


class BadCount(BadRequest):
    """A run has at least one item."""

    type = "bad-count"


class BadOrder(BadRequest):
    """The order id or a date of the order is unusable."""

    type = "bad-order"


class EpochFull(Conflict):
    """The brand's key epoch has not that many numbers left; `remaining` says how many."""

    type = "epoch-full"


class OrderReused(Conflict):
    """The order id was used before with other content."""

    type = "order-reused"


class NoInnerFace(BadRequest):
    """The run was issued without codes under cap or scratch layer."""

    status, type = HTTPStatus.CONFLICT, "no-inner-face"


@dataclass(frozen=True, slots=True)
class Listed:
    """A run as screens list it."""

    run: Run
    order_id: str
    symbol: RunSymbol
    created_at: datetime
    closed_at: datetime | None


def issue(
    tx: Tx,
    *,
    brand_id: int,
    gtin: str,
    count: int,
    order_id: str,
    profile: Profile = Profile.STANDARD,
    inner: bool = False,
    produced_on: date | None = None,
    expires_at: datetime | None = None,
    lot: str | None = None,
    symbol: SymbolWish = _OURS_TO_CHOOSE,
    now: datetime,
) -> Run:
    """Issue `count` items of a product; the same order again returns the run it made.

    inner: a second code under cap or scratch layer, which then is the one that claims. lot: as in GS1's AI 10.
    Raises NotAGtin, WrongCheckDigit, UnknownBrand, UnknownProduct, BadCount, BadOrder, DoesNotFit, UnknownLevel,
    BadMask, EpochFull, OrderReused.
    """
    # (1) Are the words right? Nothing is locked for what cannot be.
    number = gs1.gtin14(gtin)
    _check_order(order_id, count, expires_at, lot)
    # (2) One at a time for a brand; a second call with the same order waits here for the first.
    host = lock_brand(tx, brand_id)
    owner = tx.execute(select(products.c.brand_id).where(products.c.gtin == number)).scalar()
    if owner != brand_id:
        raise UnknownProduct(f"The brand has no product {number}; add the product first.", gtin=number)
    wanted = (number, count, profile, Face.INNER if inner else Face.OUTER, produced_on, expires_at, lot)
    # (3) The caller's id is the key: same content, same run.
    earlier = _by_order(tx, brand_id, order_id)
    if earlier is not None:
        if _content(earlier.run) != wanted or not symbol.allows(earlier.symbol):
            raise OrderReused(f"Order {order_id!r} was issued before with other content; use a new order id.")
        return earlier.run
    # (4) Settle the symbol, which may not hold the text; then take the numbers and write the run.
    drawn = symbol.settle(prefix(gtin=number, host=host, profile=profile), LETTERS[profile])
    epoch, first = _take(tx, brand_id, count)
    tx.execute(
        text(
            "INSERT INTO runs (brand_id, epoch, gtin, order_id, items, profile, claim_face, host, qr_version,"
            " qr_level, mask, produced_on, expires_at, lot, created_at)"
            " VALUES (:brand_id, :epoch, :gtin, :order_id, int8range(:first, :end), :profile, :claim_face, :host,"
            " :qr_version, :qr_level, :mask, :produced_on, :expires_at, :lot, :now)"
        ),
        {
            "brand_id": brand_id, "epoch": epoch, "gtin": number, "order_id": order_id,
            "first": first, "end": first + count, "profile": int(profile), "claim_face": int(inner), "host": host,
            "qr_version": drawn.version, "qr_level": drawn.level, "mask": drawn.mask, "produced_on": produced_on,
            "expires_at": expires_at, "lot": lot, "now": now,
        },
    )  # fmt: skip
    made = _by_order(tx, brand_id, order_id)
    assert made is not None
    return made.run


def close(tx: Tx, run_id: int, now: datetime) -> None:
    """End a run: what is not commissioned stays dead. Closing again changes nothing. Raises UnknownRun."""
    if tx.execute(select(runs.c.id).where(runs.c.id == run_id).with_for_update(key_share=True)).first() is None:
        raise UnknownRun(f"There is no run {run_id}.", run_id=run_id)
    tx.execute(update(runs).where(runs.c.id == run_id, runs.c.closed_at.is_(None)).values(closed_at=now))


def load_index(tx: ReadTx) -> RunIndex:
    """Every run, for judging scans without a query."""
    return RunIndex(_run(row) for row in tx.execute(text(_SELECT)))


def list_runs(tx: ReadTx, *, brand_id: int | None = None) -> list[Listed]:
    """Runs as screens list them, newest first; canaries of packages are no orders and stay out."""
    rows = tx.execute(
        text(
            _SELECT + " WHERE (CAST(:brand_id AS bigint) IS NULL OR r.brand_id = :brand_id)"
            " AND NOT EXISTS (SELECT FROM packages k WHERE k.canary_run = r.id) ORDER BY r.id DESC"
        ),
        {"brand_id": brand_id},
    )
    return [_listed(row) for row in rows]


def find_run(tx: ReadTx, run_id: int) -> Listed:
    """One run by its number. Raises UnknownRun."""
    row = tx.execute(text(_SELECT + " WHERE r.id = :run_id"), {"run_id": run_id}).first()
    if row is None:
        raise UnknownRun(f"There is no run {run_id}.", run_id=run_id)
    return _listed(row)


def export(run: Run, keys: KeyRing, face: Face = Face.OUTER) -> Iterator[str]:
    """Every code of the run in item order, made block by block as it is asked for. Raises NoInnerFace."""
    for items in _blocks(run, face):
        yield from encode_many(items, keys=keys, gtin=run.gtin, host=run.host, face=face, profile=run.profile)


def require_face(run: Run, face: Face) -> None:
    """Raises NoInnerFace."""
    if not run.prints(face, run.profile):
        raise NoInnerFace(f"Run {run.id} has no codes under cap or layer; export its outer face.", run_id=run.id)


def _blocks(run: Run, face: Face) -> Iterator[np.ndarray[Any, np.dtype[np.uint64]]]:
    require_face(run, face)
    for first in range(run.first, run.end, EXPORT_BLOCK):
        yield np.arange(first, min(first + EXPORT_BLOCK, run.end), dtype=np.uint64)


def _check_order(order_id: str, count: int, expires_at: datetime | None, lot: str | None) -> None:
    if not 0 < len(order_id.strip()) <= 200:
        raise BadOrder("An order id has 1 to 200 characters.")
    if expires_at is not None and expires_at.tzinfo is None:
        raise BadOrder("The expiry needs a time zone.")
    if lot is not None and not _LOT.fullmatch(lot):
        raise BadOrder(f"{lot!r} is no lot; it has 1 to 20 letters, digits and signs of GS1's character set 82.")
    if count <= 0:
        raise BadCount(f"A run has at least one item, not {count}.")
    if count > INDICES:
        raise EpochFull(f"A key epoch holds {INDICES:,} items, not {count:,}; split the order.", remaining=INDICES)


def _take(tx: Tx, brand_id: int, count: int) -> tuple[int, ItemNumber]:
    """The next numbers of the brand's newest live epoch."""
    taken = tx.execute(
        text(
            "UPDATE epochs SET next_index = next_index + :count"
            " WHERE number = (SELECT max(number) FROM epochs WHERE brand_id = :brand_id AND retired_at IS NULL)"
            " AND next_index + :count <= :limit RETURNING number, next_index - :count AS start"
        ),
        {"brand_id": brand_id, "count": count, "limit": INDICES},
    ).first()
    if taken is None:
        used = tx.execute(
            select(epochs.c.next_index)
            .where(epochs.c.brand_id == brand_id, epochs.c.retired_at.is_(None))
            .order_by(epochs.c.number.desc())
        ).scalar()
        remaining = INDICES - (used or 0)
        raise EpochFull(
            f"The key epoch has {remaining:,} numbers left, not {count:,}; begin a new epoch.", remaining=remaining
        )
    return taken.number, item_number(taken.number, taken.start)


_SELECT = (
    "SELECT r.*, lower(r.items) AS start, upper(r.items) - lower(r.items) AS n_items, p.name_zh, p.name_en"
    " FROM runs r JOIN products p USING (gtin)"
)


def _by_order(tx: ReadTx, brand_id: int, order_id: str) -> Listed | None:
    row = tx.execute(
        text(_SELECT + " WHERE r.brand_id = :brand_id AND r.order_id = :order_id"),
        {"brand_id": brand_id, "order_id": order_id},
    ).first()
    return _listed(row) if row else None


def _listed(row: Row[Any]) -> Listed:
    symbol = RunSymbol(row.qr_version, row.qr_level, row.mask)
    return Listed(_run(row), row.order_id, symbol, row.created_at, row.closed_at)


def _run(row: Row[Any]) -> Run:
    return Run(
        row.id, row.brand_id, row.epoch, row.gtin, Profile(row.profile), row.host, ItemNumber(row.start), row.n_items,
        Face(row.claim_face), row.produced_on, row.expires_at, row.name_zh, row.name_en, row.lot,
    )  # fmt: skip


def _content(run: Run) -> tuple[object, ...]:
    return run.gtin, run.count, run.profile, run.claim_face, run.produced_on, run.expires_at, run.lot
