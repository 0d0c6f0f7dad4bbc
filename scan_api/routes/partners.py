"""A trade partner asks whether a pack may be sold on."""

import asyncio
from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from foundation import clock
from foundation.database import reading
from foundation.errors import NotSignedIn, TooMany
from scan_api import partners
from scan_api.api_keys import ApiKey, ScopeMissing
from scan_api.callers import key_with
from scan_api.edge import Edge, TheEdge
from scan_api.partners import Question, Reason, Verified
from scan_api.problems import problems

router = APIRouter(prefix="/v1/partners", tags=["systems"])


class QuestionIn(BaseModel):
    """correlation_id comes back with the answer."""

    model_config = ConfigDict(extra="forbid")
    text: str = Field(min_length=1, max_length=512)
    gtin: str | None = Field(default=None, pattern=r"^[0-9]{14}$")
    expires_on: date | None = None
    correlation_id: UUID | None = None


class VerifiedOut(BaseModel):
    verified: bool
    reasons: list[Reason]
    gtin: str | None
    correlation_id: UUID | None


@router.post("/verify", responses=problems(NotSignedIn, ScopeMissing, TooMany))
async def verify(
    body: QuestionIn, edge: TheEdge, _: Annotated[ApiKey, Depends(key_with("items:verify"))]
) -> VerifiedOut:
    """Yes or no, and reason codes as in GS1 Lightweight Messaging. Records nothing on the item."""
    found = await asyncio.to_thread(_verify, edge, Question(body.text, body.gtin, body.expires_on))
    return VerifiedOut(
        verified=found.verified,
        reasons=list(found.reasons),
        gtin=found.gtin,
        correlation_id=body.correlation_id,
    )


def _verify(edge: Edge, asked: Question) -> Verified:
    with reading(edge.house.engine) as tx:
        return partners.verify(tx, asked, codebook=edge.codebook, zone=edge.house.settings.zone, now=clock.now())
