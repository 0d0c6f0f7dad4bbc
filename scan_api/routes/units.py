"""Cases and pallets at a rework table: what a handheld asks, once each. Operators, and keys with `units:work`."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from codegen import hierarchy, rangeset, symbols, units
from codegen.gs1 import NotAnSscc, WrongCheckDigit
from codegen.hierarchy import LevelDiffers, NoCompanyPrefix, NothingToPack
from codegen.units import Level, State, UnitShut, UnknownUnit
from foundation import clock
from foundation.database import ReadTx, reading, transaction
from foundation.errors import BadRequest, NotAllowed, NotSignedIn, TooMany
from printer_jobs import rework
from printer_jobs.aggregation import WrongCaseCount
from printer_jobs.rework import ClockAhead, OperationReused, Order, What
from scan_api import scanned
from scan_api.edge import Edge, TheEdge
from scan_api.problems import problems
from scan_api.scanned import NotOneOfOurs
from scan_api.staff import Caller, staff_or_key

router = APIRouter(prefix="/v1/units", tags=["units"])
TheOperator = Annotated[Caller, Depends(staff_or_key("operator", scope="units:work"))]
WHO = (NotSignedIn, NotAllowed, TooMany)
MOST_SCANNED = 5_000
Text = Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")]
Sscc = Annotated[str, Path(max_length=40, description="18 digits")]


class OperationIn(BaseModel):
    """id: chosen by the handheld, the same when it sends again. Everything scanned is sent as it was read.

    unit: the label of the unit it is about; none: a new case. codes: bottles (for a replacement the bad one, then the
    good one). units: labels of what goes in, comes out or is merged. pack_size: a case must hold exactly so many, or
    fewer if `short`. new: the label to put on instead. scanned: the label as it was read back, to close.
    """

    model_config = ConfigDict(extra="forbid")

    id: UUID
    what: What
    at: AwareDatetime | None = Field(None, description="When it happened; now, if not said")
    unit: Text | None = None
    codes: list[Text] = Field([], max_length=MOST_SCANNED)
    units: list[Text] = Field([], max_length=MOST_SCANNED)
    level: Level = "case"
    pack_size: int | None = Field(None, ge=1, le=100_000)
    short: bool = False
    new: Text | None = None
    reason: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] = ""
    scanned: Text = ""


class UnitRefusalOut(BaseModel):
    """what: a unit; item: a bottle. says: what to do, in a sentence."""

    what: str | None
    item: int | None
    reason: str
    unit: str | None
    says: str


class OperationOut(BaseModel):
    """Done, or nothing at all: `refused` says why. changed: bottles and units that moved."""

    unit: str | None
    done: bool
    changed: int
    refused: list[UnitRefusalOut]


class UnitOut(BaseModel):
    """items: bottles in it, however deep. units: what lies directly in it. inside: what it lies in, innermost first."""

    sscc: str
    level: Level
    state: State
    replaced_by: str | None
    items: int
    units: list[str]
    inside: list[str]
    label_checked_at: datetime | None


class ScannedOut(BaseModel):
    """item, or unit; inside: the units it lies in, innermost first."""

    item: int | None
    unit: str | None
    inside: list[str]


@router.post(
    "/operations",
    responses=problems(
        *WHO, NotOneOfOurs, NotAnSscc, WrongCheckDigit, UnknownUnit, UnitShut, LevelDiffers, NothingToPack,
        NoCompanyPrefix, WrongCaseCount, OperationReused, ClockAhead, BadRequest,
    ),
)  # fmt: skip
def operate(body: OperationIn, edge: TheEdge, caller: TheOperator) -> OperationOut:
    """Pack, take out, replace, sample, open, merge, relabel, close, reopen, undo: once for every id."""
    now = clock.now()
    with transaction(edge.house.engine) as tx:
        order = _order(tx, edge, body)
        signers = [rework.signer(tx, order.unit, edge.house.keys).public] if body.what == "close" and order.unit else []
        done = rework.perform(tx, body.id, order, by=caller.name, at=body.at or now, signers=signers, now=now)
    return OperationOut.model_validate(rework.as_json(done))


@router.get("/scanned", responses=problems(*WHO, NotOneOfOurs, WrongCheckDigit))
def made_out(edge: TheEdge, _: TheOperator, text: Annotated[str, Query(max_length=500)]) -> ScannedOut:
    """What a text that was read is, and what it lies in."""
    with reading(edge.house.engine) as tx:
        (one,) = scanned.make_out(tx, edge.codebook, [text])
        if one.unit is not None:
            return ScannedOut(item=None, unit=one.unit, inside=list(hierarchy.ancestors(tx, one.unit)))
        assert one.item is not None
        return ScannedOut(item=one.item, unit=None, inside=list(hierarchy.parents(tx, [one.item]).get(one.item, ())))


@router.get("/{sscc}", responses=problems(*WHO, NotAnSscc, WrongCheckDigit, UnknownUnit))
def show(sscc: Sscc, edge: TheEdge, _: TheOperator) -> UnitOut:
    """A unit as it is now."""
    with reading(edge.house.engine) as tx:
        unit, inside = units.find(tx, sscc), hierarchy.contents(tx, sscc)
        items = hierarchy.everything_in(tx, sscc)[1]
        return UnitOut(
            sscc=unit.sscc, level=unit.level, state=unit.state, replaced_by=unit.replaced_by,
            items=rangeset.count(items), units=list(inside.units), inside=list(hierarchy.ancestors(tx, unit.sscc)),
            label_checked_at=unit.label_checked_at,
        )  # fmt: skip


@router.get(
    "/{sscc}/label",
    responses=problems(*WHO, NotAnSscc, WrongCheckDigit, UnknownUnit, NothingToPack)
    | {200: {"content": {"image/png": {}, "application/zpl": {}}}},
    response_class=Response,
)
def print_label(sscc: Sscc, edge: TheEdge, _: TheOperator, form: Literal["png", "zpl"] = "png") -> Response:
    """Its signed label, for a screen or for a label printer."""
    with reading(edge.house.engine) as tx:
        made = rework.label(tx, sscc, edge.house.keys)
    if form == "zpl":
        return Response(made.zpl(), media_type="application/zpl")
    return Response(symbols.picture_png(made.picture()), media_type="image/png")


def _order(tx: ReadTx, edge: Edge, body: OperationIn) -> Order:
    """What was scanned as numbers. Raises NotOneOfOurs, WrongCheckDigit."""
    things = scanned.make_out(tx, edge.codebook, body.codes)
    wrong = next((one for one in things if one.item is None), None)
    if wrong is not None:
        raise NotOneOfOurs(f"{wrong.text[:60]!r} is the label of a unit; it belongs under units.")
    return Order(
        body.what, _sscc(tx, edge, body.unit), tuple(one.item for one in things if one.item is not None),
        tuple(sscc for text in body.units if (sscc := _sscc(tx, edge, text))), body.level, body.pack_size, body.short,
        _sscc(tx, edge, body.new), body.reason, body.scanned,
    )  # fmt: skip


def _sscc(tx: ReadTx, edge: Edge, text: str | None) -> str | None:
    if text is None:
        return None
    (one,) = scanned.make_out(tx, edge.codebook, [text])
    if one.unit is None:
        raise NotOneOfOurs(f"{text[:60]!r} is a bottle; scan the label of a case or pallet.")
    return one.unit
