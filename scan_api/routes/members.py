"""Members: sign in with a phone and a one-time code, see the wallet, sign out."""

import asyncio
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from foundation import clock
from foundation.database import reading, transaction
from foundation.errors import BadRequest, NotSignedIn
from loyalty import members, wallet
from scan_api import auth
from scan_api.auth import CodeTooSoon, WrongCode
from scan_api.edge import Edge, TheEdge, TheMember
from scan_api.problems import problems
from scan_api.sender import SmsNotConfigured

router = APIRouter(prefix="/v1", tags=["members"])


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PhoneIn(_Strict):
    phone: str = Field(min_length=5, max_length=24)


class SignIn(PhoneIn):
    code: str = Field(pattern=r"^[0-9]{6}$")


class Token(BaseModel):
    token: str


@router.post("/sign-in/codes", status_code=204, responses=problems(BadRequest, CodeTooSoon, SmsNotConfigured))
async def send_code(body: PhoneIn, edge: TheEdge) -> None:
    """Send a one-time code to a phone; it works for five minutes, five tries, once."""
    await asyncio.to_thread(_send_code, edge, body.phone)


@router.post("/sign-in", responses=problems(BadRequest, WrongCode))
async def sign_in(body: SignIn, edge: TheEdge) -> Token:
    """Exchange the code for a bearer token; a new number becomes a new member."""
    return Token(token=await asyncio.to_thread(_sign_in, edge, body.phone, body.code))


@router.delete("/sign-in", status_code=204, responses=problems(NotSignedIn))
async def sign_out(member: TheMember, edge: TheEdge) -> None:
    """End this session everywhere it is used."""
    await asyncio.to_thread(_sign_out, edge, member)
    edge.forget(member.session_id)


@router.get("/me/wallet", responses=problems(NotSignedIn))
async def my_wallet(member: TheMember, edge: TheEdge) -> dict[str, Any]:
    """Points available, pending and reserved, and the latest movements."""
    return await asyncio.to_thread(_wallet, edge, member)


def _send_code(edge: Edge, phone: str) -> None:
    number = members.e164(phone)
    key = edge.house.purpose_key("one-time code")
    with transaction(edge.house.engine) as tx:
        code = auth.new_code(tx, member_keys(edge).index("phone", number), key=key, now=clock.now())
        edge.sender.send(number, code)  # Not sent: the code is rolled back with the exception.


def _sign_in(edge: Edge, phone: str, code: str) -> str:
    number, keys, now = members.e164(phone), member_keys(edge), clock.now()
    with transaction(edge.house.engine) as tx:
        key = edge.house.purpose_key("one-time code")
        good = auth.use_code(tx, keys.index("phone", number), code, key=key, now=now)
        # A wrong code costs a try, so the transaction commits before the refusal is raised.
        token = None
        if good:
            member = members.find_or_create(tx, phone=number, keys=keys, now=now)
            token = auth.open_session(tx, member, key=edge.session_key, now=now)
    if token is None:
        raise WrongCode("This code is not right or no longer valid; ask for a new one.")
    return token


def _sign_out(edge: Edge, member: auth.Session) -> None:
    with transaction(edge.house.engine) as tx:
        auth.revoke(tx, member.session_id, now=clock.now())


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


def member_keys(edge: Edge) -> members.MemberKeys:
    return members.MemberKeys(
        sealing=edge.house.purpose_key("members sealing"), finding=edge.house.purpose_key("members finding")
    )
