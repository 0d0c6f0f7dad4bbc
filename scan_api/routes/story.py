"""The story of a pack over HTTP, and a member's own scans with what they earned."""

import asyncio
from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel

from antifraud import scan_log
from codegen import runs
from foundation.database import ReadTx, reading
from foundation.errors import NotFound, NotSignedIn
from loyalty import campaigns, receipts
from scan_api import appeals, story
from scan_api.auth import Session
from scan_api.edge import Caller, Edge, TheCaller, TheEdge, TheMember
from scan_api.problems import problems
from scan_api.story import NoStory

router = APIRouter(prefix="/v1", tags=["scans"])
PAGE = 20


class BothOut(BaseModel):
    zh: str
    en: str


class StepOut(BaseModel):
    what: Literal["made", "checked", "shipped"]
    on: date
    where: BothOut | None
    who: BothOut | None


class StoryOut(BaseModel):
    product: BothOut
    brand: str
    lot: str | None
    best_before: date | None
    steps: list[StepOut]


class MyScanOut(BaseModel):
    """appeal: the state of its appeal; may_appeal: the member may still raise one."""

    scan_id: UUID
    at: datetime
    verdict: str
    product: BothOut | None
    points: int
    state: Literal["credited", "held", "none"]
    appeal: Literal["open", "accepted", "declined"] | None
    may_appeal: bool


class AskedOut(BaseModel):
    """A campaign that was asked; result: one stable word, says: the same for the member."""

    campaign: BothOut
    result: str
    says: BothOut
    points: int


class ReceiptOut(BaseModel):
    """reason: one stable word. asked: in the order in which they were asked; none where no campaign was on."""

    scan_id: UUID
    points: int
    state: Literal["credited", "held", "none"]
    reason: str
    asked: list[AskedOut]


@router.get("/scans/{scan_id}/story", responses=problems(NotSignedIn, NoStory))
async def get_story(
    scan_id: UUID,
    caller: TheCaller,
    edge: TheEdge,
    device: Annotated[str, Query(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")],
) -> StoryOut:
    """Where and when the pack was made, checked and shipped; for the phone that scanned it, and genuine packs only."""
    return await asyncio.to_thread(_story, edge, caller, scan_id, device)


@router.get("/me/scans", tags=["members"], responses=problems(NotSignedIn))
async def my_scans(member: TheMember, edge: TheEdge, before: UUID | None = None) -> list[MyScanOut]:
    """Your own scans, newest first; `before` is the last scan_id of the page before."""
    return await asyncio.to_thread(_scans, edge, member, before)


@router.get("/me/scans/{scan_id}/receipt", tags=["members"], responses=problems(NotSignedIn, NotFound))
async def my_receipt(scan_id: UUID, member: TheMember, edge: TheEdge) -> ReceiptOut:
    """Why a scan of yours brought what it brought: the campaigns that were asked, which paid, why others did not."""
    return await asyncio.to_thread(_receipt, edge, member, scan_id)


def _receipt(edge: Edge, member: Session, scan_id: UUID) -> ReceiptOut:
    with reading(edge.house.engine) as tx:
        found = receipts.receipt(tx, scan_id)
        if found.member_id != member.member_id:
            raise NotFound("No rule was asked about this scan: it took no item, or there is no such scan.")
        asked = [_asked(tx, one) for one in found.tried]
    said = {"points": found.points, "state": found.state, "reason": found.outcome["reason"], "asked": asked}
    return ReceiptOut.model_validate({"scan_id": scan_id} | said)


def _asked(tx: ReadTx, tried: Mapping[str, Any]) -> AskedOut:
    one = next(it for it in campaigns.versions(tx, tried["campaign"]) if it.version == tried["version"])
    zh, en = receipts.RESULTS.get(tried["result"], (tried["result"], tried["result"]))
    name, says = BothOut(zh=one.name_zh, en=one.name_en), BothOut(zh=zh, en=en)
    return AskedOut(campaign=name, result=tried["result"], says=says, points=tried.get("paid", 0))


def _story(edge: Edge, caller: Caller, scan_id: UUID, device: str) -> StoryOut:
    with reading(edge.house.engine) as tx:
        told = story.tell(
            tx, scan_id, member_id=caller.member_id, device=device, zone=edge.house.settings.zone
        )  # fmt: skip
    return StoryOut.model_validate(told, from_attributes=True)


def _scans(edge: Edge, member: Session, before: UUID | None) -> list[MyScanOut]:
    with reading(edge.house.engine) as tx:
        found = scan_log.of_member(tx, member.member_id, limit=PAGE, before=before)
        raised = appeals.of_scans(tx, [scan.scan_id for scan in found])
        index = runs.load_index(tx)
    said: list[MyScanOut] = []
    for scan in found:
        run = index.find(scan.item) if scan.item is not None and scan.answer["product"] else None
        appeal: Any = raised.get(scan.scan_id)
        said.append(
            MyScanOut.model_validate(
                {
                    "scan_id": scan.scan_id,
                    "at": scan.received_at,
                    "verdict": scan.verdict,
                    "product": {"zh": run.product_zh, "en": run.product_en} if run else None,
                    "points": scan.reward_points,
                    "state": scan.reward_state,
                    "appeal": appeal.state if appeal else None,
                    "may_appeal": appeal is None and appeals.may_appeal(scan),
                }
            )
        )
    return said
