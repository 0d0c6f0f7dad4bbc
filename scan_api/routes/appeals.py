"""Appeals over HTTP: the member sends two photos of a refused scan, and sees what came of it.

The photos come inside the JSON, base64, so that an appeal arrives whole or not at all.
"""

import asyncio
import base64
import binascii
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from antifraud.signals import network
from foundation import clock, ids
from foundation.database import reading, transaction
from foundation.errors import NotSignedIn, TooMany
from foundation.limits import Rate
from scan_api import appeals, photos
from scan_api.appeals import NAMES, Appeal, NoSuchScan, NothingToAppeal
from scan_api.auth import Session
from scan_api.edge import Caller, Edge, TheCaller, TheEdge, TheMember
from scan_api.photos import BadPhoto
from scan_api.problems import TooLarge, problems

router = APIRouter(prefix="/v1/appeals", tags=["members"])

MEMBER = Rate(burst=5, every_s=3600)  # Five at once, then one an hour.
NETWORK = Rate(burst=60, every_s=10)
MOST_BYTES = 2 * photos.MOST_BASE64 + 4096  # Two photos and a few words.
Photo = Annotated[str, Field(min_length=1, max_length=photos.MOST_BASE64, pattern=r"^[A-Za-z0-9+/]+={0,2}$")]


class AppealIn(BaseModel):
    """photo, receipt: JPEG, PNG or WebP of at most 2 MB each, in base64. device: as in the scan."""

    model_config = ConfigDict(extra="forbid")

    device: str = Field(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")
    photo: Photo
    receipt: Photo


class AppealOut(BaseModel):
    """points: what an accepted appeal paid or released. scan_id: of another scan where the same pack was appealed."""

    scan_id: UUID
    state: Literal["open", "accepted", "declined"]
    raised_at: datetime
    due_at: datetime
    points: int

    @staticmethod
    def of(appeal: Appeal) -> "AppealOut":
        return AppealOut.model_validate(appeal, from_attributes=True)


@router.put(
    "/{scan_id}", responses=problems(BadPhoto, NotSignedIn, NoSuchScan, NothingToAppeal, TooLarge, TooMany)
)  # fmt: skip
async def put_appeal(scan_id: UUID, body: AppealIn, member: TheMember, caller: TheCaller, edge: TheEdge) -> AppealOut:
    """Ask a person to look at a refused scan of yours. Sent again, or of the same pack: the appeal as it stands."""
    return await asyncio.to_thread(_raise, edge, member, caller, scan_id, body)


@router.get("/{scan_id}", responses=problems(NotSignedIn, NoSuchScan))
async def get_appeal(scan_id: UUID, member: TheMember, edge: TheEdge) -> AppealOut:
    """What came of your appeal."""
    return await asyncio.to_thread(_read, edge, member, scan_id)


def _raise(edge: Edge, member: Session, caller: Caller, scan_id: UUID, body: AppealIn) -> AppealOut:
    edge.take({f"appeal:{member.member_id}": MEMBER, f"appeal-network:{network(caller.address)}": NETWORK})
    with reading(edge.house.engine) as tx:
        scan = appeals.scan_of(tx, scan_id, member_id=member.member_id, device=body.device)
        if not appeals.may_appeal(scan):
            raise NothingToAppeal("This scan was not refused; there is nothing to appeal.")
        earlier = appeals.standing(tx, scan, member_id=member.member_id)
    if earlier is not None:
        return _mine(earlier, member)
    drawn = {name: photos.redrawn(_bytes(getattr(body, name), name), name) for name in NAMES}
    now = clock.now()
    folder = ids.uuid7(now).hex
    edge.album.keep(folder, drawn)  # Before the row: an appeal on record has its photos.
    try:
        with transaction(edge.house.engine) as tx:
            raised = appeals.raise_appeal(tx, scan, member_id=member.member_id, folder=folder, now=now)
    except Exception:
        edge.album.drop(folder)
        raise
    if raised.folder != folder:
        edge.album.drop(folder)  # The same appeal, sent twice at once.
    return _mine(raised, member)


def _read(edge: Edge, member: Session, scan_id: UUID) -> AppealOut:
    with reading(edge.house.engine) as tx:
        found = appeals.of_scans(tx, [scan_id]).get(scan_id)
    if found is None:
        raise NoSuchScan("There is no such scan of yours, or no appeal of it.")
    return _mine(found, member)


def _mine(appeal: Appeal, member: Session) -> AppealOut:
    if appeal.member_id != member.member_id:
        raise NoSuchScan("There is no such scan of yours.")
    return AppealOut.of(appeal)


def _bytes(text: str, name: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadPhoto(f"The {name} is not whole base64; send it again.") from None
