"""What a dealer says came in at its gate: cases and pallets, each compared with where it was sent.

    as sent       the latest delivery of the unit went to this dealer
    misdirected   it went to another dealer, who is named
    unsent        there is no delivery of it on record

Goods that stand in a yard stand there, so a unit that was sent elsewhere is taken down and told, not refused: it is
evidence, and the gate can put it aside. An arrival is named by the dealer's own document: the same document with the
same units changes nothing, with others it is refused. Everything that lies in a unit came in with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text

from codegen import gs1
from codegen.shipments import DocumentReused, OtherBrand, UnknownDealer
from codegen.tables import dealers
from codegen.units import UnknownUnit
from foundation import facts
from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest
from foundation.facts import Fact


class NothingArrived(BadRequest):
    type = "nothing-arrived"


@dataclass(frozen=True, slots=True)
class ArrivedUnit:
    """sent_to: the dealer of its latest delivery, None where there is none; document: of that delivery."""

    sscc: str
    sent_to: int | None
    document: str | None


@dataclass(frozen=True, slots=True)
class Arrival:
    """units: what the caller named, by SSCC. missing: units of the same deliveries that have not come in yet."""

    id: int
    dealer_id: int
    document: str
    received_at: datetime
    units: tuple[ArrivedUnit, ...]
    missing: tuple[str, ...]

    @property
    def misdirected(self) -> tuple[ArrivedUnit, ...]:
        return tuple(one for one in self.units if one.sent_to not in (self.dealer_id, None))

    @property
    def unsent(self) -> tuple[ArrivedUnit, ...]:
        return tuple(one for one in self.units if one.sent_to is None)


def receive(tx: Tx, *, dealer_id: int, units: Sequence[str], document: str, by: str, now: datetime) -> Arrival:
    """Take down what came in.

    Raises NothingArrived, UnknownDealer, UnknownUnit, OtherBrand, DocumentReused, NotAnSscc, WrongCheckDigit.
    """
    numbers = tuple(sorted({gs1.sscc(unit) for unit in units}))
    if not numbers or not document.strip():
        raise NothingArrived("Name the arrival's document and at least one case or pallet.")
    brand_id = tx.execute(select(dealers.c.brand_id).where(dealers.c.id == dealer_id)).scalar()
    if brand_id is None:
        raise UnknownDealer(f"There is no dealer {dealer_id}.", dealer_id=dealer_id)
    # (1) The document is the key: whoever wrote it first received; the same again is the same arrival.
    place = {"dealer": dealer_id, "document": document, "by": by, "now": now}
    arrival_id = tx.execute(text(_OPEN), place).scalar()
    if arrival_id is None:
        return _same(_found(tx, dealer_id, document), numbers)
    # (2) Locked, so that nobody unloads a pallet while it comes in.
    _require_known(tx, numbers, brand_id)
    # (3) Everything in a unit came with it, each beside the delivery that was to bring it.
    tx.execute(text(_ARRIVE), {"arrival": arrival_id, "units": list(numbers), "now": now})
    arrival = _found(tx, dealer_id, document)
    body = {
        "dealer_id": dealer_id, "document": document, "units": list(numbers),
        "misdirected": [one.sscc for one in arrival.misdirected], "unsent": [one.sscc for one in arrival.unsent],
    }  # fmt: skip
    facts.announce(tx, [Fact("package.received", f"arrival:{arrival_id}", body)], now=now)
    return arrival


def _found(tx: ReadTx, dealer_id: int, document: str) -> Arrival:
    row = tx.execute(
        text("SELECT id, received_at FROM arrivals WHERE dealer_id = :dealer AND document = :document"),
        {"dealer": dealer_id, "document": document},
    ).one()
    units = tx.execute(text(_UNITS), {"arrival": row.id}).all()
    missing = tx.execute(text(_MISSING), {"arrival": row.id, "dealer": dealer_id}).scalars()
    return Arrival(row.id, dealer_id, document, row.received_at, tuple(ArrivedUnit(*one) for one in units),
                   tuple(missing))  # fmt: skip


def _same(earlier: Arrival, numbers: tuple[str, ...]) -> Arrival:
    if tuple(one.sscc for one in earlier.units) != numbers:
        raise DocumentReused(f"Document {earlier.document!r} received other units before; use a new document.")
    return earlier


def _require_known(tx: Tx, numbers: Sequence[str], brand_id: int) -> None:
    rows = tx.execute(
        text("SELECT sscc, brand_id FROM units WHERE sscc = ANY (:units) ORDER BY sscc FOR NO KEY UPDATE"),
        {"units": list(numbers)},
    ).all()
    missing = sorted(set(numbers) - {row.sscc for row in rows})
    if missing:
        raise UnknownUnit(f"There is no case or pallet {missing[0]}.", sscc=missing[0])
    if any(row.brand_id != brand_id for row in rows):
        raise OtherBrand("The units are of another brand than the dealer.")


_OPEN = """
INSERT INTO arrivals (dealer_id, document, received_at, received_by) VALUES (:dealer, :document, :now, :by)
ON CONFLICT DO NOTHING RETURNING id
"""

_ARRIVE = """
WITH RECURSIVE inside (sscc, outermost) AS (
    SELECT sscc, sscc FROM unnest(CAST(:units AS text[])) AS sscc
    UNION ALL
    SELECT p.sscc, i.outermost FROM unit_parents p JOIN inside i ON p.parent_sscc = i.sscc WHERE p.unpacked_at IS NULL
)
INSERT INTO arrival_units (sscc, arrival_id, outermost_sscc, shipment_id)
SELECT DISTINCT ON (i.sscc) i.sscc, :arrival, i.outermost,
       (SELECT su.shipment_id FROM shipment_units su JOIN shipments s ON s.id = su.shipment_id
        WHERE su.sscc = i.sscc AND s.shipped_at <= :now ORDER BY s.shipped_at DESC, s.id DESC LIMIT 1)
FROM inside i ORDER BY i.sscc, i.outermost
"""

_UNITS = """
SELECT r.sscc, s.dealer_id, s.document FROM arrival_units r LEFT JOIN shipments s ON s.id = r.shipment_id
WHERE r.arrival_id = :arrival AND r.sscc = r.outermost_sscc ORDER BY r.sscc
"""

# Outermost units of the deliveries this arrival is about, that no arrival of this dealer has.
_MISSING = """
SELECT DISTINCT su.outermost_sscc FROM shipment_units su JOIN shipments s ON s.id = su.shipment_id
WHERE s.dealer_id = :dealer AND su.shipment_id IN (SELECT shipment_id FROM arrival_units WHERE arrival_id = :arrival)
  AND NOT EXISTS (SELECT FROM arrival_units ru JOIN arrivals r ON r.id = ru.arrival_id
                  WHERE ru.sscc = su.outermost_sscc AND r.dealer_id = :dealer)
ORDER BY su.outermost_sscc
"""
