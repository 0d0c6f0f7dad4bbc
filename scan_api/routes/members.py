"""Members: the wallet, where one is signed in, and what a child needs a guardian for."""

import asyncio
from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from foundation import clock
from foundation.database import reading, transaction
from foundation.errors import BadRequest, Conflict, NotFound, NotSignedIn
from loyalty import calendar, guardians, wallet
from loyalty.guardians import AgeAlreadySaid
from scan_api import auth
from scan_api.edge import Edge, TheEdge, TheMember
from scan_api.problems import problems

router = APIRouter(prefix="/v1/me", tags=["members"])


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class BirthYear(_Strict):
    born_in: int = Field(ge=1900, le=2200)


class Agreement(_Strict):
    """wording: what the guardian read, word for word."""

    agrees: bool
    wording: str = Field(min_length=1, max_length=2000, pattern=r"^[^\x00]*$")


class AgeOut(BaseModel):
    guardian_needed: bool


class SessionOut(BaseModel):
    session_id: UUID
    via: str
    browser: str
    created_at: datetime
    expires_at: datetime
    here: bool


class BirthdayIn(BaseModel):
    """lunar: month and day are of the lunar calendar; the birthday in a leap month is that of the plain month."""

    model_config = ConfigDict(extra="forbid")

    month: int = Field(ge=1, le=12, strict=True)
    day: int = Field(ge=1, le=31, strict=True)
    lunar: bool = False


class BirthdayOut(BaseModel):
    month: int
    day: int
    lunar: bool


@router.get("/wallet", responses=problems(NotSignedIn))
async def my_wallet(member: TheMember, edge: TheEdge) -> dict[str, Any]:
    """Points available, pending and reserved, and the latest movements."""
    return await asyncio.to_thread(_wallet, edge, member)


@router.get("/sessions", responses=problems(NotSignedIn))
async def my_sessions(member: TheMember, edge: TheEdge) -> list[SessionOut]:
    """Where this member is signed in, newest first."""
    return await asyncio.to_thread(_sessions, edge, member)


@router.delete("/sessions", status_code=204, responses=problems(NotSignedIn))
async def end_other_sessions(member: TheMember, edge: TheEdge) -> None:
    """End every session of this member but the one that asks."""
    await asyncio.to_thread(_end_others, edge, member)


@router.delete("/sessions/{session_id}", status_code=204, responses=problems(NotSignedIn, NotFound))
async def end_session(session_id: UUID, member: TheMember, edge: TheEdge) -> None:
    """End one session of this member; ending it again changes nothing."""
    await asyncio.to_thread(_end, edge, member, session_id)


@router.put("/birth-year", responses=problems(BadRequest, NotSignedIn, AgeAlreadySaid))
async def say_birth_year(body: BirthYear, member: TheMember, edge: TheEdge) -> AgeOut:
    """Keep the year of birth. A child gets no points and no advertising until a guardian agrees."""
    return AgeOut(guardian_needed=await asyncio.to_thread(_say_birth_year, edge, member, body.born_in))


@router.put("/guardian", responses=problems(NotSignedIn, Conflict))
async def guardian(body: Agreement, member: TheMember, edge: TheEdge) -> AgeOut:
    """A guardian agrees, or no longer does."""
    await asyncio.to_thread(_guardian, edge, member, body)
    return AgeOut(guardian_needed=not body.agrees)


@router.get("/birthday", responses=problems(NotSignedIn))
async def get_birthday(member: TheMember, edge: TheEdge) -> BirthdayOut | None:
    """The birthday you told, or null."""

    def work() -> BirthdayOut | None:
        with reading(edge.house.engine) as tx:
            told = calendar.birthday_of(tx, member.member_id)
        return BirthdayOut(month=told.month, day=told.day, lunar=told.lunar) if told else None

    return await asyncio.to_thread(work)


@router.put("/birthday", responses=problems(BadRequest, NotSignedIn, NotFound))
async def put_birthday(body: BirthdayIn, member: TheMember, edge: TheEdge) -> BirthdayOut:
    """Keep the day you celebrate, by either calendar. One told shortly before brings nothing this year."""

    def work() -> BirthdayOut:
        with transaction(edge.house.engine) as tx:
            calendar.say_birthday(tx, member.member_id, **body.model_dump(), now=clock.now())
        return BirthdayOut(**body.model_dump())

    return await asyncio.to_thread(work)


def _wallet(edge: Edge, member: auth.Session) -> dict[str, Any]:
    with reading(edge.house.engine) as tx:
        balance = wallet.balance(tx, member.member_id, now=clock.now())
        movements = wallet.history(tx, member.member_id, limit=20)
    return {
        "available": balance.available,
        "pending": balance.pending,
        "reserved": balance.reserved,
        "history": [
            {
                "at": one.at.isoformat(),
                "amount": one.points,
                "pending": one.is_pending,
                "what": {"zh": one.reason_zh, "en": one.reason_en},
            }
            for one in movements
        ],
    }


def _sessions(edge: Edge, member: auth.Session) -> list[SessionOut]:
    with reading(edge.house.engine) as tx:
        found = auth.sessions_of(tx, member.member_id, now=clock.now())
    return [
        SessionOut(
            session_id=one.session_id,
            via=one.via,
            browser=one.browser,
            created_at=one.created_at,
            expires_at=one.expires_at,
            here=one.session_id == member.session_id,
        )
        for one in found
    ]


def _end_others(edge: Edge, member: auth.Session) -> None:
    with transaction(edge.house.engine) as tx:
        ended = auth.revoke_others(tx, member.member_id, keep=member.session_id, now=clock.now())
    for session_id in ended:
        edge.standing.end(session_id)


def _end(edge: Edge, member: auth.Session, session_id: UUID) -> None:
    with transaction(edge.house.engine) as tx:
        if not auth.owned(tx, session_id, member.member_id):
            raise NotFound("You have no such session.")
        auth.revoke(tx, session_id, now=clock.now())
    edge.standing.end(session_id)


def _say_birth_year(edge: Edge, member: auth.Session, year: int) -> bool:
    with transaction(edge.house.engine) as tx:
        child = guardians.say_birth_year(tx, member.member_id, year, now=clock.now())
        needed = child and member.member_id in guardians.young(tx, now=clock.now())
    edge.standing.grew(member.member_id, young=needed)
    return needed


def _guardian(edge: Edge, member: auth.Session, body: Agreement) -> None:
    with transaction(edge.house.engine) as tx:
        act = guardians.agree if body.agrees else guardians.withdraw
        act(tx, member.member_id, wording=body.wording, now=clock.now())
    edge.standing.grew(member.member_id, young=not body.agrees)
