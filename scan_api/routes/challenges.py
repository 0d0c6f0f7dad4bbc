"""A way back in for a person at a shut door: a puzzle, and its answer."""

import asyncio
from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from foundation import clock
from foundation.errors import TooMany
from scan_api import throttle
from scan_api.captcha import ChallengeFailed
from scan_api.edge import Caller, Edge, TheCaller, TheEdge
from scan_api.problems import problems
from scan_api.throttle import Guessing

router = APIRouter(prefix="/v1/challenges", tags=["scans"])


class DeviceIn(BaseModel):
    model_config = ConfigDict(extra="forbid")
    device: str = Field(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")


class AnswerIn(DeviceIn):
    token: str = Field(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")
    answer: str = Field(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")


class ChallengeOut(BaseModel):
    """kind hashcash: find an `answer` such that SHA-256 of `token:answer` begins with `bits` zero bits."""

    kind: str
    token: str
    bits: int
    expires_at: datetime


@router.post("")
async def pose(body: DeviceIn, edge: TheEdge) -> ChallengeOut:
    """A challenge for this phone."""
    posed = edge.captcha.pose(body.device, now=clock.now())
    return ChallengeOut(kind=posed.kind, token=posed.token, bits=posed.bits, expires_at=posed.expires_at)


@router.post("/answers", status_code=204, responses=problems(ChallengeFailed, Guessing, TooMany))
async def answer(body: AnswerIn, caller: TheCaller, edge: TheEdge) -> None:
    """Reopen the door to this phone, and to the member signed in on it."""
    await asyncio.to_thread(_answer, edge, body, caller)


def _answer(edge: Edge, body: AnswerIn, caller: Caller) -> None:
    now = clock.now()
    edge.captcha.check(body.device, body.token, body.answer, now=now)
    member = str(caller.member_id) if caller.member_id else None
    if not throttle.lift(edge.limits, body.device, member, now=now):
        raise Guessing(
            "Wrong codes were tried again after the last challenge; come back tomorrow.", retry_after_s=86400
        )
    edge.door.work(now=now)
