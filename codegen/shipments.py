"""Dealers, the regions they may sell in, and which cases and pallets went to whom.

A delivery is named by its document: the same document with the same units changes nothing, with others it is refused.
The cases on a shipped pallet are written down too, so that a case taken off its pallet still says where it went; the
latest delivery of a case counts. A region is the adcode of a prefecture, in force from one instant to another.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text

from codegen import gs1
from codegen.keys import UnknownBrand
from codegen.tables import brands
from codegen.tables import dealers as dealer_table
from codegen.units import UnitShut, UnknownUnit
from foundation import facts
from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest, Conflict, NotFound
from foundation.facts import Fact


class UnknownDealer(NotFound):
    type = "unknown-dealer"


class DealerExists(Conflict):
    type = "dealer-exists"


class BadRegion(BadRequest):
    """A region is the six-digit code of a prefecture."""

    type = "bad-region"


class NothingToShip(BadRequest):
    type = "nothing-to-ship"


class DocumentReused(Conflict):
    """The document was used before for other units."""

    type = "document-reused"


class NotOutermost(Conflict):
    """A unit still lies in another: ship that one, or take it out."""

    type = "not-outermost"


class OtherBrand(Conflict):
    """The units are of another brand than the dealer."""

    type = "other-brand"


@dataclass(frozen=True, slots=True)
class Dealer:
    id: int
    brand_id: int
    name: str
    regions: frozenset[int]


@dataclass(frozen=True, slots=True)
class Shipment:
    """`units`: what the caller named, outermost."""

    id: int
    dealer_id: int
    document: str
    units: tuple[str, ...]
    shipped_at: datetime


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """`sscc`: the unit the item lies in now; the rest is None until it was shipped."""

    sscc: str
    outermost_sscc: str | None
    dealer_id: int | None
    dealer: str | None
    document: str | None
    shipped_at: datetime | None


def add_dealer(tx: Tx, *, brand_id: int, name: str, regions: Sequence[int], now: datetime) -> Dealer:
    """A dealer with the regions it may sell in from now on. Raises UnknownBrand, DealerExists, BadRegion."""
    if tx.execute(select(brands.c.id).where(brands.c.id == brand_id)).first() is None:
        raise UnknownBrand(f"There is no brand {brand_id}.", brand_id=brand_id)
    dealer_id = tx.execute(
        text(
            "INSERT INTO dealers (brand_id, name, created_at) VALUES (:brand, :name, :now)"
            " ON CONFLICT DO NOTHING RETURNING id"
        ),
        {"brand": brand_id, "name": name, "now": now},
    ).scalar()
    if dealer_id is None:
        raise DealerExists(f"The brand has a dealer named {name!r} already.")
    return authorise(tx, dealer_id, regions, now=now)


def authorise(tx: Tx, dealer_id: int, regions: Sequence[int], *, now: datetime) -> Dealer:
    """From now on the dealer may sell in exactly these regions. Raises UnknownDealer, BadRegion."""
    wrong = [region for region in regions if not 110000 <= region <= 829999]
    if wrong:
        raise BadRegion(f"{wrong[0]} is no region; use the six-digit code of a prefecture, such as 510100.")
    dealer = tx.execute(
        select(dealer_table).where(dealer_table.c.id == dealer_id).with_for_update(key_share=True)
    ).first()
    if dealer is None:
        raise UnknownDealer(f"There is no dealer {dealer_id}.", dealer_id=dealer_id)
    place = {"dealer": dealer_id, "regions": sorted(set(regions)), "now": now}
    # What began at this very instant never was in force; closing it would leave an empty interval.
    tx.execute(
        text(
            "DELETE FROM dealer_regions WHERE dealer_id = :dealer AND valid_from >= :now AND valid_to IS NULL"
            " AND region <> ALL (CAST(:regions AS int[]))"
        ),
        place,
    )
    tx.execute(
        text(
            "UPDATE dealer_regions SET valid_to = :now WHERE dealer_id = :dealer AND valid_to IS NULL"
            " AND region <> ALL (CAST(:regions AS int[]))"
        ),
        place,
    )
    tx.execute(
        text(
            "INSERT INTO dealer_regions (dealer_id, region, valid_from)"
            " SELECT :dealer, region, :now FROM unnest(CAST(:regions AS int[])) AS region"
            " WHERE NOT EXISTS (SELECT FROM dealer_regions d WHERE d.dealer_id = :dealer AND d.region = region.region"
            " AND d.valid_to IS NULL)"
        ),
        place,
    )
    return Dealer(dealer_id, dealer.brand_id, dealer.name, frozenset(regions))


def dealers(tx: ReadTx, *, brand_id: int | None = None) -> list[Dealer]:
    """Every dealer with its regions in force now, by name."""
    rows = tx.execute(
        text(
            "SELECT d.id, d.brand_id, d.name, coalesce(array_agg(r.region) FILTER (WHERE r.region IS NOT NULL), '{}')"
            " FROM dealers d LEFT JOIN dealer_regions r ON r.dealer_id = d.id AND r.valid_to IS NULL"
            " WHERE CAST(:brand AS bigint) IS NULL OR d.brand_id = :brand GROUP BY d.id ORDER BY d.name, d.id"
        ),
        {"brand": brand_id},
    )
    return [Dealer(number, brand, name, frozenset(regions)) for number, brand, name, regions in rows]


def ship(tx: Tx, *, dealer_id: int, units: Sequence[str], document: str, now: datetime) -> Shipment:
    """Send cases and pallets to a dealer.

    Raises UnknownDealer, UnknownUnit, UnitShut, NothingToShip, NotOutermost, OtherBrand, DocumentReused, gs1.sscc's.
    """
    numbers = tuple(sorted({gs1.sscc(unit) for unit in units}))
    if not numbers or not document.strip():
        raise NothingToShip("Name the delivery document and at least one case or pallet.")
    brand_id = tx.execute(select(dealer_table.c.brand_id).where(dealer_table.c.id == dealer_id)).scalar()
    if brand_id is None:
        raise UnknownDealer(f"There is no dealer {dealer_id}.", dealer_id=dealer_id)
    # (1) The document is the key: whoever wrote it first ships, the same again is the same shipment.
    shipment_id = tx.execute(
        text(
            "INSERT INTO shipments (dealer_id, document, shipped_at) VALUES (:dealer, :document, :now)"
            " ON CONFLICT DO NOTHING RETURNING id"
        ),
        {"dealer": dealer_id, "document": document, "now": now},
    ).scalar()
    if shipment_id is None:
        return _same(_by_document(tx, dealer_id, document), numbers)
    # (2) Locked, so that nobody loads or unloads a pallet while it leaves.
    _require_outermost(tx, numbers, brand_id)
    # (3) Everything in a unit goes with it, however deep it lies.
    tx.execute(text(_SEND), {"shipment": shipment_id, "units": list(numbers)})
    body = {"dealer_id": dealer_id, "document": document, "units": list(numbers)}
    facts.announce(tx, [Fact("package.shipped", f"shipment:{shipment_id}", body)], now=now)
    return Shipment(shipment_id, dealer_id, document, numbers, now)


def whereabouts(tx: ReadTx, items: Sequence[int]) -> dict[int, Whereabouts]:
    """Where each item is and who got it; an item that lies in no unit is absent."""
    rows = tx.execute(
        text(
            "SELECT a.item, c.sscc, s.outermost_sscc, s.dealer_id, d.name, s.document, s.shipped_at"
            " FROM unnest(CAST(:items AS bigint[])) AS a (item)"
            " LEFT JOIN code_pairs k ON k.caps @> a.item AND k.undone_at IS NULL"
            " JOIN unit_contents c ON c.unpacked_at IS NULL"
            " AND c.items @> coalesce(a.item - lower(k.caps) + lower(k.bodies), a.item)"
            " LEFT JOIN LATERAL (SELECT su.outermost_sscc, sh.* FROM shipment_units su"
            " JOIN shipments sh ON sh.id = su.shipment_id WHERE su.sscc = c.sscc"
            " ORDER BY sh.shipped_at DESC, sh.id DESC LIMIT 1) s ON true"
            " LEFT JOIN dealers d ON d.id = s.dealer_id"
        ),
        {"items": list(items)},
    )
    return {item: Whereabouts(*rest) for item, *rest in rows}


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery of a unit, by itself or inside another."""

    sscc: str
    dealer_id: int
    dealer: str
    document: str
    shipped_at: datetime


def deliveries_of(tx: ReadTx, ssccs: Sequence[str]) -> list[Delivery]:
    """Every delivery of these units on record, oldest first."""
    rows = tx.execute(
        text(
            "SELECT u.sscc, s.dealer_id, d.name, s.document, s.shipped_at FROM shipment_units u"
            " JOIN shipments s ON s.id = u.shipment_id JOIN dealers d ON d.id = s.dealer_id"
            " WHERE u.sscc = ANY (:ssccs) ORDER BY s.shipped_at, s.id, u.sscc"
        ),
        {"ssccs": list(ssccs)},
    )
    return [Delivery(*row) for row in rows]


def _by_document(tx: ReadTx, dealer_id: int, document: str) -> Shipment:
    row = tx.execute(
        text(
            "SELECT s.id, s.shipped_at, array_agg(DISTINCT u.outermost_sscc) AS units FROM shipments s"
            " JOIN shipment_units u ON u.shipment_id = s.id"
            " WHERE s.dealer_id = :dealer AND s.document = :document GROUP BY s.id"
        ),
        {"dealer": dealer_id, "document": document},
    ).one()
    return Shipment(row.id, dealer_id, document, tuple(sorted(row.units)), row.shipped_at)


def _same(earlier: Shipment, numbers: tuple[str, ...]) -> Shipment:
    if earlier.units != numbers:
        raise DocumentReused(f"Document {earlier.document!r} shipped other units before; use a new document.")
    return earlier


def _require_outermost(tx: Tx, numbers: Sequence[str], brand_id: int) -> None:
    rows = tx.execute(
        text(
            "SELECT sscc, brand_id, replaced_by FROM units WHERE sscc = ANY (CAST(:units AS text[]))"
            " ORDER BY sscc FOR NO KEY UPDATE"
        ),
        {"units": list(numbers)},
    ).all()
    missing = sorted(set(numbers) - {row.sscc for row in rows})
    if missing:
        raise UnknownUnit(f"There is no case or pallet {missing[0]}.", sscc=missing[0])
    if any(row.brand_id != brand_id for row in rows):
        raise OtherBrand("The units are of another brand than the dealer.")
    retired = next((row for row in rows if row.replaced_by is not None), None)
    if retired is not None:
        raise UnitShut(f"{retired.sscc} is a retired label; ship {retired.replaced_by}.", sscc=retired.sscc)
    inner = tx.execute(
        text(
            "SELECT sscc, parent_sscc FROM unit_parents"
            " WHERE unpacked_at IS NULL AND sscc = ANY (CAST(:units AS text[])) ORDER BY sscc"
        ),
        {"units": list(numbers)},
    ).first()
    if inner is not None:
        raise NotOutermost(f"{inner.sscc} lies in {inner.parent_sscc}; ship that, or take it out first.")


_SEND = """
WITH RECURSIVE inside (sscc, outermost) AS (
    SELECT sscc, sscc FROM unnest(CAST(:units AS text[])) AS sscc
    UNION ALL
    SELECT p.sscc, i.outermost FROM unit_parents p JOIN inside i ON p.parent_sscc = i.sscc WHERE p.unpacked_at IS NULL
)
INSERT INTO shipment_units (sscc, shipment_id, outermost_sscc) SELECT sscc, :shipment, outermost FROM inside
"""
