"""A member's rights over HTTP: consents with the wording that was read, a copy of everything, and erasure.

PIPL articles 15 (withdrawing is as easy as agreeing), 45 (a copy) and 47 (deletion). The wording is ours, so what is
kept is what was shown.
"""

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header
from pydantic import BaseModel, ConfigDict

from foundation import audit, clock
from foundation.database import reading, transaction
from foundation.errors import Conflict, NotFound, NotSignedIn
from loyalty import members, wallet
from scan_api import appeals, auth, texts
from scan_api.auth import Session
from scan_api.edge import Edge, TheEdge, TheMember
from scan_api.problems import problems

router = APIRouter(prefix="/v1/me", tags=["members"])
Channel = Literal["sms", "wechat"]
CHANNELS: tuple[Channel, ...] = ("sms", "wechat")
PURPOSE = "marketing"


class ConsentIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    granted: bool


class ConsentOut(BaseModel):
    channel: Channel
    granted: bool
    wording: str


@router.get("/consents", responses=problems(NotSignedIn))
async def my_consents(
    member: TheMember, edge: TheEdge, accept_language: Annotated[str | None, Header()] = None
) -> list[ConsentOut]:
    """What the member may agree to, in the words they would agree to, and whether they do."""
    return await asyncio.to_thread(_consents, edge, member, texts.language_of(accept_language))


@router.put("/consents/{channel}", responses=problems(NotSignedIn))
async def put_consent(
    channel: Channel,
    body: ConsentIn,
    member: TheMember,
    edge: TheEdge,
    accept_language: Annotated[str | None, Header()] = None,
) -> ConsentOut:
    """Agree, or no longer agree; the wording shown in this language is kept with it."""
    return await asyncio.to_thread(_consent, edge, member, channel, body.granted, texts.language_of(accept_language))


@router.get("/export", responses=problems(NotSignedIn, NotFound))
async def my_data(member: TheMember, edge: TheEdge) -> dict[str, Any]:
    """Everything held about the member."""
    return await asyncio.to_thread(_export, edge, member)


@router.delete("", responses=problems(NotSignedIn, NotFound, Conflict))
async def erase_me(member: TheMember, edge: TheEdge) -> dict[str, Any]:
    """Sever the person from the points, for good: the receipt says what went and what stayed. Ends every session."""
    return await asyncio.to_thread(_erase, edge, member)


def _consents(edge: Edge, member: Session, language: texts.Language) -> list[ConsentOut]:
    with reading(edge.house.engine) as tx:
        return [
            ConsentOut(
                channel=channel,
                granted=members.has_consented(tx, member.member_id, purpose=PURPOSE, channel=channel),
                wording=texts.CONSENTS[channel][language],
            )
            for channel in CHANNELS
        ]


def _consent(edge: Edge, member: Session, channel: Channel, granted: bool, language: texts.Language) -> ConsentOut:
    wording = texts.CONSENTS[channel][language]
    with transaction(edge.house.engine) as tx:
        members.consent(
            tx, member.member_id, purpose=PURPOSE, channel=channel, granted=granted, wording=wording, now=clock.now()
        )
    return ConsentOut(channel=channel, granted=granted, wording=wording)


def _export(edge: Edge, member: Session) -> dict[str, Any]:
    with reading(edge.house.engine) as tx:
        return dict(wallet.export(tx, member.member_id, keys=edge.member_keys, now=clock.now()))


def _erase(edge: Edge, member: Session) -> dict[str, Any]:
    now = clock.now()
    with transaction(edge.house.engine) as tx:
        folders = appeals.forget(tx, member.member_id, now=now)
        receipt = dict(members.erase(tx, member.member_id, now=now))
        ended = auth.revoke_others(tx, member.member_id, keep=None, now=now)
        audit.record(
            tx, actor="consumer", action="member.erase", subject=f"member:{member.member_id}",
            after={"lapsed_points": receipt["lapsed_points"], "photos": len(folders)}, now=now,
        )  # fmt: skip
    for session_id in ended:
        edge.standing.end(session_id)
    for folder in folders:
        edge.album.drop(folder)  # After the commit: photos deleted for an erasure that failed would be lost.
    return receipt | {"photos": len(folders)}
