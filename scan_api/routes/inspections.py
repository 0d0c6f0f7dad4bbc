"""Inspections on an inspector's phone: the day's tour, and what was found, with pictures."""

import base64
import binascii
from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from antifraud import inspection
from antifraud.inspection import Inspection, InspectionMoved, NoSuchInspection
from foundation import clock, ids
from foundation.database import reading, transaction
from foundation.errors import BadRequest, NotAllowed, NotSignedIn, TooMany
from scan_api import photos
from scan_api.edge import Edge, TheEdge
from scan_api.photos import BadPhoto
from scan_api.problems import TooLarge, problems
from scan_api.staff import Caller, staff_or_key

router = APIRouter(prefix="/v1/inspections", tags=["inspections"])
TheInspector = Annotated[Caller, Depends(staff_or_key("inspector", scope="inspections:report"))]
WHO = (NotSignedIn, NotAllowed, TooMany)
MOST_PHOTOS = 3
MOST_BYTES = MOST_PHOTOS * photos.MOST_BASE64 + 16_384
Photo = Annotated[str, Field(min_length=1, max_length=photos.MOST_BASE64, pattern=r"^[A-Za-z0-9+/]+={0,2}$")]
Found = Literal["diverted", "at_home", "copied", "genuine", "not_there"]


class FoundIn(BaseModel):
    """photos: JPEG, PNG or WebP of at most 2 MB each, in base64. inner_scan_id: of the scan of a code under a cap."""

    model_config = ConfigDict(extra="forbid")

    found: Found
    note: str = Field(default="", max_length=inspection.MOST_NOTE, pattern=r"^[^\x00]*$")
    inner_scan_id: UUID | None = None
    photos: list[Photo] = Field(default_factory=list, max_length=MOST_PHOTOS)


class InspectionOut(BaseModel):
    """turn: its place in the tour; km: of the whole tour; bits: what a look is expected to settle."""

    id: int
    day: date
    inspector: str
    turn: int
    subject: str
    cartons: list[str]
    lat: float
    lon: float
    bits: float
    km: float
    case_id: int | None
    state: Literal["open", "done", "withdrawn"]
    found: Found | None
    note: str | None
    ended_at: AwareDatetime | None


@router.get("", responses=problems(*WHO))
def list_inspections(
    edge: TheEdge, caller: TheInspector, day: Annotated[date | None, Query()] = None
) -> list[InspectionOut]:
    """An inspector's own tour of a day, today unless said, and what is open from before; a system sees everybody's."""
    when = day or clock.now().astimezone(inspection.ZONE).date()
    with reading(edge.house.engine) as tx:
        found = inspection.of_day(tx, when) if _is_system(caller) else inspection.tour(tx, caller.name, day=when)
    return [_inspection(one) for one in found]


@router.put(
    "/{inspection_id}/result",
    responses=problems(*WHO, BadRequest, BadPhoto, NoSuchInspection, InspectionMoved, TooLarge),
)
def put_result(
    inspection_id: Annotated[int, Path(ge=1, lt=2**63)], body: FoundIn, edge: TheEdge, caller: TheInspector
) -> InspectionOut:
    """What was found there, once; the same again answers the same."""
    with reading(edge.house.engine) as tx:
        asked = inspection.get(tx, inspection_id)
    if not _is_system(caller) and asked.inspector != caller.name:
        raise NoSuchInspection(f"There is no inspection {inspection_id} of yours.")
    if asked.state == "done" and (asked.found, asked.note, asked.inner_scan_id, asked.ended_by) == (
        body.found, body.note, body.inner_scan_id, caller.name,
    ):  # fmt: skip
        return _inspection(asked)
    drawn = {f"photo-{turn}": _redrawn(one, turn) for turn, one in enumerate(body.photos, 1)}
    return _inspection(_report(edge, inspection_id, body, drawn, caller.name))


def _report(edge: Edge, inspection_id: int, body: FoundIn, drawn: dict[str, bytes], by: str) -> Inspection:
    now = clock.now()
    folder = ids.uuid7(now).hex if drawn else None
    if folder is not None:
        edge.album.keep(folder, drawn)  # Before the row: a result on record has its pictures.
    try:
        with transaction(edge.house.engine) as tx:
            return inspection.report(
                tx, inspection_id, body.found, inner_scan_id=body.inner_scan_id, folder=folder, note=body.note, by=by,
                now=now,
            )  # fmt: skip
    except Exception:
        if folder is not None:
            edge.album.drop(folder)
        raise


def _is_system(caller: Caller) -> bool:
    return caller.name.startswith("key:")


def _redrawn(text: str, turn: int) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadPhoto(f"Photo {turn} is not whole base64; send it again.") from None
    return photos.redrawn(raw, f"photo {turn}")


def _inspection(one: Inspection) -> InspectionOut:
    said = {name: getattr(one, name) for name in InspectionOut.model_fields}
    return InspectionOut.model_validate(said | {"cartons": list(one.cartons)})
