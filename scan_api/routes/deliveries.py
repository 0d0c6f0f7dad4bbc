"""Dealers, what is sent to them, and what they say came in. Producers, supervisors, keys with `deliveries:write`."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from codegen import arrivals, shipments
from codegen.arrivals import ArrivedUnit, NothingArrived
from codegen.gs1 import NotAnSscc, WrongCheckDigit
from codegen.shipments import DocumentReused, NothingToShip, NotOutermost, OtherBrand, UnknownDealer
from codegen.units import UnitShut, UnknownUnit
from foundation import clock
from foundation.database import reading, transaction
from foundation.errors import NotAllowed, NotSignedIn, TooMany
from scan_api.edge import TheEdge
from scan_api.problems import problems
from scan_api.staff import Caller, staff_or_key

router = APIRouter(prefix="/v1", tags=["deliveries"])
TheSender = Annotated[Caller, Depends(staff_or_key("producer", scope="deliveries:write"))]
WHO = (NotSignedIn, NotAllowed, TooMany)
WRONG = (UnknownDealer, UnknownUnit, OtherBrand, DocumentReused, NotAnSscc, WrongCheckDigit)
MOST_UNITS = 10_000  # A train of containers; a document with more is several.
BrandId = Annotated[int | None, Query(ge=1, lt=2**63)]


class DealerOut(BaseModel):
    """regions: prefectures it may sell in now, by their six-digit code."""

    id: int
    brand_id: int
    name: str
    regions: list[int]


class PaperIn(BaseModel):
    """units: SSCCs of cases and pallets as they stand there; what lies in them goes with them."""

    model_config = ConfigDict(extra="forbid")

    dealer_id: int = Field(ge=1, lt=1 << 63)
    document: str = Field(min_length=1, max_length=100, pattern=r"^[^\x00]*$")
    units: list[Annotated[str, Field(max_length=50)]] = Field(min_length=1, max_length=MOST_UNITS)


class ShipmentOut(BaseModel):
    id: int
    dealer_id: int
    document: str
    units: list[str]
    shipped_at: datetime


class ArrivedUnitOut(BaseModel):
    """sent_to: the dealer it was last sent to, null where there is no delivery of it."""

    sscc: str
    sent_to: int | None
    document: str | None


class ArrivalOut(BaseModel):
    """misdirected: sent to another dealer. unsent: no delivery on record. missing: of the same delivery, still out."""

    id: int
    dealer_id: int
    document: str
    received_at: datetime
    units: list[ArrivedUnitOut]
    misdirected: list[ArrivedUnitOut]
    unsent: list[ArrivedUnitOut]
    missing: list[str]


@router.get("/dealers", responses=problems(*WHO))
def list_dealers(edge: TheEdge, _: TheSender, brand_id: BrandId = None) -> list[DealerOut]:
    """Every dealer with the regions in force now, by name."""
    with reading(edge.house.engine) as tx:
        found = shipments.dealers(tx, brand_id=brand_id)
    return [DealerOut(id=one.id, brand_id=one.brand_id, name=one.name, regions=sorted(one.regions)) for one in found]


@router.post("/deliveries", responses=problems(*WHO, *WRONG, NothingToShip, NotOutermost, UnitShut))
def ship(body: PaperIn, edge: TheEdge, _: TheSender) -> ShipmentOut:
    """Send cases and pallets to a dealer. The same document with the same units changes nothing."""
    with transaction(edge.house.engine) as tx:
        sent = shipments.ship(tx, dealer_id=body.dealer_id, units=body.units, document=body.document, now=clock.now())
    return ShipmentOut(
        id=sent.id, dealer_id=sent.dealer_id, document=sent.document, units=list(sent.units), shipped_at=sent.shipped_at
    )


@router.post("/arrivals", responses=problems(*WHO, *WRONG, NothingArrived))
def receive(body: PaperIn, edge: TheEdge, caller: TheSender) -> ArrivalOut:
    """Take down what came in at a dealer's gate, and say what should not be there and what is still missing."""
    with transaction(edge.house.engine) as tx:
        took = arrivals.receive(
            tx, dealer_id=body.dealer_id, units=body.units, document=body.document, by=caller.name, now=clock.now()
        )
    return ArrivalOut(
        id=took.id, dealer_id=took.dealer_id, document=took.document, received_at=took.received_at,
        units=_out(took.units), misdirected=_out(took.misdirected), unsent=_out(took.unsent),
        missing=list(took.missing),
    )  # fmt: skip


def _out(units: tuple[ArrivedUnit, ...]) -> list[ArrivedUnitOut]:
    return [ArrivedUnitOut(sscc=one.sscc, sent_to=one.sent_to, document=one.document) for one in units]
