"""Signing in: with a phone and a one-time code, or with WeChat.

Either proves a member; both in one browser make them one. A second phone number is a second person, who takes over.
"""

import asyncio
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Cookie, Header, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ConfigDict, Field

from antifraud.signals import network
from foundation import clock, ids
from foundation.database import Tx, transaction
from foundation.errors import BadRequest, NotSignedIn, Problem, TooMany
from foundation.limits import Rate
from loyalty import members, merging
from loyalty.members import Identifier
from loyalty.merging import CannotMerge
from scan_api import auth, wechat
from scan_api.auth import CodeTooSoon, Via, WrongCode
from scan_api.edge import Caller, Edge, TheCaller, TheEdge, TheMember
from scan_api.problems import problems
from scan_api.sender import SmsAway, SmsBusy, SmsNotConfigured, SmsRefused
from scan_api.wechat import WeChatAway, WeChatBusy, WeChatNotConfigured, WrongState, WrongWeChatCode

router = APIRouter(prefix="/v1/sign-in", tags=["sign-in"])

NUMBER = Rate(burst=5, every_s=720)  # Messages to one number: five, then five an hour.
NETWORK = Rate(burst=120, every_s=2)  # Messages asked for from one network, which may be a whole carrier's.
DEVICE = Rate(burst=5, every_s=300)
TRIES = Rate(burst=60, every_s=2)  # Codes tried from one network, over all numbers.
COOKIE = "onecode_wechat"
CALLBACK = "/v1/sign-in/wechat/callback"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PhoneIn(_Strict):
    phone: str = Field(min_length=5, max_length=24)


class CodeWanted(PhoneIn):
    device: str | None = Field(default=None, min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")


class SignIn(PhoneIn):
    code: str = Field(pattern=r"^[0-9]{6}$")


class WeChatSignIn(_Strict):
    code: str = Field(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$")
    state: str = Field(pattern=r"^[0-9a-f]{32}$")


class Token(BaseModel):
    token: str


@router.post(
    "/codes",
    status_code=204,
    responses=problems(BadRequest, SmsRefused, CodeTooSoon, SmsBusy, TooMany, SmsNotConfigured, SmsAway),
)
async def send_code(body: CodeWanted, caller: TheCaller, edge: TheEdge) -> None:
    """Send a one-time code to a phone; it works for five minutes, five tries, once."""
    await asyncio.to_thread(_send_code, edge, body, caller)


@router.post("", responses=problems(BadRequest, WrongCode, TooMany))
async def sign_in(body: SignIn, caller: TheCaller, edge: TheEdge, user_agent: Annotated[str, Header()] = "") -> Token:
    """Exchange the code for a bearer token; a new number becomes a new member.

    Signed in with WeChat already: the number becomes that member's, or the two members become one.
    """
    return Token(token=await asyncio.to_thread(_sign_in, edge, body, caller, browser_of(user_agent)))


@router.delete("", status_code=204, responses=problems(NotSignedIn))
async def sign_out(member: TheMember, edge: TheEdge) -> None:
    """End this session everywhere it is used."""
    await asyncio.to_thread(_sign_out, edge, member)
    edge.standing.end(member.session_id)


@router.get(
    "/wechat",
    status_code=302,
    response_class=RedirectResponse,
    responses=problems(BadRequest, TooMany, WeChatNotConfigured),
)
async def begin_wechat(
    request: Request, caller: TheCaller, edge: TheEdge, back_to: Annotated[str, Query(max_length=512)] = "/"
) -> Response:
    """Send the browser to WeChat; it comes back to `back_to`, a path of this site."""
    base = edge.house.settings.public_url or str(request.base_url).rstrip("/")
    url, browser = await asyncio.to_thread(_begin_wechat, edge, caller, back_to, base)
    answer = RedirectResponse(url, 302, {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})
    answer.set_cookie(
        COOKIE, browser, max_age=600, path="/v1/sign-in/wechat", secure=base.startswith("https:"), httponly=True,
        samesite="lax",
    )  # fmt: skip
    return answer


@router.get("/wechat/callback", status_code=303, response_class=RedirectResponse, responses=problems(WrongState))
async def return_from_wechat(
    edge: TheEdge,
    code: Annotated[str, Query(max_length=128, pattern=r"^[\x21-\x7e]*$")] = "",
    state: Annotated[str, Query(pattern=r"^[0-9a-f]{32}$")] = "",
) -> Response:
    """Hand the code on to the page in the fragment, which no server sees. A GET uses nothing up: previews open it."""
    back_to = await asyncio.to_thread(_back_to, edge, state)
    target = f"{back_to}#{urlencode({'wechat': code, 'state': state})}"
    return RedirectResponse(target, 303, {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})


@router.post(
    "/wechat",
    responses=problems(WrongState, WrongWeChatCode, CannotMerge, WeChatBusy, WeChatNotConfigured, WeChatAway),
)
async def sign_in_with_wechat(
    body: WeChatSignIn,
    caller: TheCaller,
    edge: TheEdge,
    user_agent: Annotated[str, Header()] = "",
    onecode_wechat: Annotated[str, Cookie()] = "",
) -> Token:
    """Exchange what came back from WeChat for a bearer token, in the browser that began.

    Signed in by phone already: WeChat becomes a second way in, or the two members become one.
    """
    browser = browser_of(user_agent)
    return Token(token=await asyncio.to_thread(_sign_in_wechat, edge, body, caller, onecode_wechat, browser))


def _send_code(edge: Edge, body: CodeWanted, caller: Caller) -> None:
    number = members.e164(body.phone)
    index, key, now = edge.member_keys.index("phone", number), edge.house.purpose_key("one-time code"), clock.now()
    rates = {f"sms-number:{index.hex()[:32]}": NUMBER, f"sms-network:{network(caller.address)}": NETWORK}
    edge.take(rates | ({f"sms-device:{body.device}": DEVICE} if body.device else {}))
    with transaction(edge.house.engine) as tx:
        code = auth.new_code(tx, index, key=key, now=now)
    try:  # Outside the transaction: a gateway that hangs must not hold a connection.
        edge.sender.send(number, code, message_id=ids.uuid7(now).hex)
    except Problem:
        with transaction(edge.house.engine) as tx:
            auth.withdraw_code(tx, index)
        raise


def _sign_in(edge: Edge, body: SignIn, caller: Caller, browser: str) -> str:
    number, now = members.e164(body.phone), clock.now()
    index = edge.member_keys.index("phone", number)
    edge.take({f"code-network:{network(caller.address)}": TRIES})
    with transaction(edge.house.engine) as tx:
        good = auth.use_code(tx, index, body.code, key=edge.house.purpose_key("one-time code"), now=now)
    # A wrong code costs a try, so that transaction commits before the refusal is raised.
    if not good:
        raise WrongCode("This code is not right or no longer valid; ask for a new one.")
    return _enter(edge, [Identifier("phone", number)], caller, "phone", browser)


def _begin_wechat(edge: Edge, caller: Caller, back_to: str, base: str) -> tuple[str, str]:
    edge.wechat.authorize_url(base, "")  # Raises first where WeChat is not set up.
    edge.take({f"wechat-network:{network(caller.address)}": TRIES})
    with transaction(edge.house.engine) as tx:
        state, browser = wechat.begin(tx, back_to=back_to, now=clock.now())
    return edge.wechat.authorize_url(base + CALLBACK, state), browser


def _back_to(edge: Edge, state: str) -> str:
    with transaction(edge.house.engine) as tx:
        return wechat.back_to(tx, state)


def _sign_in_wechat(edge: Edge, body: WeChatSignIn, caller: Caller, cookie: str, browser: str) -> str:
    with transaction(edge.house.engine) as tx:
        ours = wechat.finish(tx, body.state, cookie, now=clock.now())
    if not ours:
        raise WrongState("This sign-in was begun in another browser, finished before, or took too long; begin again.")
    return _enter(edge, edge.wechat.exchange(body.code), caller, "wechat", browser)


def _enter(edge: Edge, proven: list[Identifier], caller: Caller, via: Via, browser: str) -> str:
    """A session for whoever was proven; one person with the member this browser is signed in as, if any."""
    now, ended = clock.now(), list[UUID]()
    with transaction(edge.house.engine) as tx:
        here = _same_person(tx, caller, via)
        if here is not None:
            here, ended = _join(tx, edge, here, proven, via)
        member = here or members.identify(tx, proven, keys=edge.member_keys, now=now)
        token = auth.open_session(tx, member, key=edge.session_key, now=now, via=via, browser=browser)
    for session_id in ended:
        edge.standing.end(session_id)
    return token


def _same_person(tx: Tx, caller: Caller, via: Via) -> UUID | None:
    """The member this browser is signed in as, if what was just proven can be theirs."""
    if caller.member_id is None:
        return None
    here = merging.resolve(tx, caller.member_id)
    return None if via == "phone" and members.has(tx, here, "phone") else here


def _join(tx: Tx, edge: Edge, here: UUID, proven: list[Identifier], via: Via) -> tuple[UUID, list[UUID]]:
    """Both are one: (who stays, sessions that ended). Whoever has the phone number stays."""
    now, keys = clock.now(), edge.member_keys
    before = (members.find(tx, one.kind, keys.index(one.kind, one.value)) for one in proven)
    there = next((one for one in before if one is not None), None)
    ended: list[UUID] = []
    if there is not None and there != here:
        stays, goes = (there, here) if via == "phone" else (here, there)
        merging.merge(tx, stays=stays, goes=goes, keys=keys, now=now)
        here, ended = stays, auth.revoke_others(tx, goes, keep=None, now=now)
    for one in proven:
        members.link(tx, here, one, keys=keys, now=now)
    return here, ended


def _sign_out(edge: Edge, member: auth.Session) -> None:
    with transaction(edge.house.engine) as tx:
        auth.revoke(tx, member.session_id, now=clock.now())


BROWSERS = {"MicroMessenger": "WeChat", "Edg": "Edge", "Firefox": "Firefox", "Chrome": "Chrome", "Safari": "Safari"}
DEVICES = ("iPhone", "iPad", "Android", "Windows", "Macintosh", "Linux")


def browser_of(user_agent: str) -> str:
    """What a member knows a session by: the browser and the device, no versions."""
    browser = next((name for mark, name in BROWSERS.items() if mark in user_agent), "")
    device = next((name for name in DEVICES if name in user_agent), "")
    return ", ".join(part for part in (browser, device) if part)
