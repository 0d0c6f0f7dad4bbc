"""The edge of one API process: opens transactions, keeps the intake, and knows who is calling."""

import asyncio
import ipaddress
import threading
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

import structlog
from fastapi import Depends, Request
from opentelemetry.trace import SpanContext
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from antifraud.addresses import AddressBook, browser_of, pool_of
from antifraud.lab.in_force import InForce
from antifraud.signals import Attempt, Whence
from codegen.items import Stale
from foundation import audit, clock, limits, telemetry
from foundation.database import Lane, is_lost, is_raced, transaction
from foundation.errors import NotSignedIn, TooMany
from foundation.limits import Rate
from foundation.observability import log
from loyalty.members import MemberKeys
from scan_api import auth, photos, standing
from scan_api.captcha import Captcha, Hashcash
from scan_api.codebook import Codebook
from scan_api.gateways import open_sender
from scan_api.house import House
from scan_api.intake import Intake, TryAgain
from scan_api.paymaster import open_channel
from scan_api.photos import Album
from scan_api.scanning import ScanResult, handle_scans
from scan_api.sender import Sender
from scan_api.standing import Standing
from scan_api.throttle import Door
from scan_api.verdict_texts import Wording
from scan_api.wechat import WeChat, open_wechat

MOST_AGENT = 512  # Characters of a User-Agent that are read; honest ones have 100 to 300.


class Edge:
    """Everything the routes share. Made once a process; closed after the last request."""

    def __init__(self, house: House, *, lanes: int = 2, largest: int = 128) -> None:
        self.house = house
        self.codebook = Codebook(house.keys)
        self.session_key = house.purpose_key("member session")
        self.ticket_key = house.purpose_key("scan ticket")
        self.member_keys = MemberKeys.derive(house.purpose_key)
        self.sender: Sender = open_sender(house.settings)
        self.wechat: WeChat = open_wechat(house.settings)
        self.pay = open_channel(house.settings)
        self.limits = limits.open_limits(house.settings.limits_url, house.engine)
        self.captcha: Captcha = Hashcash(house.purpose_key("challenge"), self.limits)
        self.door = Door(self.limits, self.codebook.read, self._tell)
        self.standing = Standing(house.engine)
        self.wording = Wording(house.engine)
        self.album = Album(house.settings.data_dir, house.purpose_key(photos.PURPOSE))
        self.intake: Intake[Attempt, ScanResult] = Intake(self._handle, lanes=lanes, largest=largest)
        self.judgement = InForce(house.engine)
        self.addresses = AddressBook(house.settings.address_files)
        self._mine = threading.local()
        self._lanes: list[Lane] = []
        self._spans: dict[UUID, SpanContext] = {}  # Of the requests that wait for a batch, while traces are on.

    def _handle(self, attempts: Sequence[Attempt]) -> list[ScanResult]:
        """One batch; every line logged meanwhile names its scans."""
        bound = structlog.contextvars.bound_contextvars(scan_ids=[attempt.scan_id for attempt in attempts])
        with bound, self._traced(attempts):
            return self._judged(attempts)

    def _judged(self, attempts: Sequence[Attempt]) -> list[ScanResult]:
        """One batch in one transaction. A connection that died is replaced once: a scan sent twice is one scan."""
        for last in (False, True):
            try:
                params = self.judgement.params(clock.now())
                with self._lane().transaction() as tx:
                    return handle_scans(tx, attempts, codebook=self.codebook, params=params, now=clock.now())
            except Stale as raced:
                raise TryAgain from raced
            except DBAPIError as error:
                if is_raced(error):
                    raise TryAgain from error
                if last or not is_lost(error):
                    raise
        raise AssertionError("the last try returns or raises")

    def _lane(self) -> Lane:
        """This thread's connection."""
        lane: Lane | None = getattr(self._mine, "lane", None)
        if lane is None:
            lane = self._mine.lane = Lane(self.house.engine)
            self._lanes.append(lane)
        return lane

    def _traced(self, attempts: Sequence[Attempt]) -> AbstractContextManager[None]:
        links = [self._spans.pop(attempt.scan_id, None) for attempt in attempts] if self._spans else []
        return telemetry.batch("scans", [link for link in links if link is not None], scans=len(attempts))

    async def judge(self, attempt: Attempt) -> ScanResult:
        """Join the next batch. Every line logged for this scan carries its id."""
        structlog.contextvars.bind_contextvars(scan_id=attempt.scan_id)
        span = telemetry.here()
        if span is not None:
            self._spans[attempt.scan_id] = span
        return await self.intake.submit(attempt)

    async def keep_standing(self) -> None:
        """Runs as long as the process: a session ended anywhere stops working here within half a second."""
        while True:
            with suppress(SQLAlchemyError):
                await asyncio.to_thread(self.standing.work, now=clock.now())
                self.door.challenged = self.standing.challenged
                await asyncio.to_thread(self.wording.work)
                await asyncio.to_thread(self.judgement.work, clock.now())
            await asyncio.sleep(standing.EVERY_S)

    def whence(self, caller: "Caller", entry: str, hints: int) -> Whence:
        """How a scan came. entry: by which door; hints: what the page noticed, and what the phone's fix gave away."""
        told, (browser, program) = self.addresses.about(caller.address), browser_of(caller.agent)
        return Whence(told.location, pool_of(told.operator, browser, entry), told.hints | program | hints)

    def take(self, rates: Mapping[str, Rate]) -> None:
        """Spend one from each bucket. Raises TooMany with the seconds to wait."""
        wait_s = limits.take(self.limits, rates, now=clock.now())
        if wait_s > 0:
            raise TooMany("Asked too often; wait a moment.", retry_after_s=max(1, round(wait_s)))

    def _tell(self, action: str, actor: str, facts: Mapping[str, Any]) -> None:
        with transaction(self.house.engine) as tx:
            audit.record(tx, actor="door", action=action, subject=actor, after=dict(facts), now=clock.now())

    def session(self, authorization: str | None) -> auth.Session | None:
        """Who the bearer token says is calling. Raises NotSignedIn for a token that is not good."""
        if authorization is None:
            return None
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise NotSignedIn("Send the sign-in as a bearer token.")
        session = auth.unseal(token.strip(), self.session_key, now=clock.now())
        if self.standing.is_ended(session.session_id):
            raise NotSignedIn("This sign-in was ended; sign in again.")
        return session

    def close(self) -> None:
        """Finish what was accepted; keep what the door has seen and not told yet."""
        self.intake.close()
        for lane in self._lanes:
            lane.close()
        with suppress(SQLAlchemyError, limits.LimitsAway):
            self.door.work(now=clock.now())
            self.door.tell_refused()
        log(__name__).info("edge closed")


@dataclass(frozen=True, slots=True)
class Caller:
    """agent: what the program says it is."""

    address: str
    session: auth.Session | None
    agent: str = ""

    @property
    def member_id(self) -> UUID | None:
        return self.session.member_id if self.session else None


def edge_of(request: Request) -> Edge:
    edge: Edge = request.app.state.edge
    return edge


async def caller_of(request: Request) -> Caller:
    edge = edge_of(request)
    return Caller(
        address_of(request, edge.house.settings.trusted_proxies),
        edge.session(request.headers.get("authorization")),
        request.headers.get("user-agent", "")[:MOST_AGENT],
    )


async def member_of(request: Request) -> auth.Session:
    session = edge_of(request).session(request.headers.get("authorization"))
    if session is None:
        raise NotSignedIn("Sign in first.")
    return session


def address_of(request: Request, trusted_proxies: int) -> str:
    """The socket's other end; behind N trusted proxies, the N-th name from the right of X-Forwarded-For."""
    named = [part.strip() for part in request.headers.get("x-forwarded-for", "").split(",") if part.strip()]
    if trusted_proxies and len(named) >= trusted_proxies:
        with suppress(ValueError):
            return str(ipaddress.ip_address(named[-trusted_proxies]))
    return request.client.host if request.client else "unknown"


TheEdge = Annotated[Edge, Depends(edge_of)]
TheCaller = Annotated[Caller, Depends(caller_of)]
TheMember = Annotated[auth.Session, Depends(member_of)]
