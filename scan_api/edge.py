"""The edge of one API process: opens transactions, keeps the intake, and knows who is calling."""

import asyncio
import ipaddress
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from antifraud.decision import Params
from antifraud.signals import Attempt
from codegen.items import Stale
from foundation import clock
from foundation.database import Lane, is_lost, is_raced, reading
from foundation.errors import NotSignedIn
from foundation.observability import log
from scan_api import auth
from scan_api.codebook import Codebook
from scan_api.house import House
from scan_api.intake import Intake, TryAgain
from scan_api.scanning import ScanResult, handle_scans
from scan_api.sender import Folder, NoSender, Sender

REVOKED_EVERY_S = 5.0


class Edge:
    """Everything the routes share. Made once a process; closed after the last request."""

    def __init__(self, house: House, *, lanes: int = 2, largest: int = 128) -> None:
        self.house = house
        self.codebook = Codebook(house.keys)
        self.session_key = house.purpose_key("member session")
        self.sender: Sender = Folder(house.settings.data_dir / "sms") if house.settings.sms == "folder" else NoSender()
        self.intake: Intake[Attempt, ScanResult] = Intake(self._handle, lanes=lanes, largest=largest)
        self._params = Params()
        self._mine = threading.local()
        self._lanes: list[Lane] = []
        self._revoked: frozenset[UUID] = frozenset()

    def _handle(self, attempts: Sequence[Attempt]) -> list[ScanResult]:
        """One batch in one transaction. A connection that died is replaced once: a scan sent twice is one scan."""
        for last in (False, True):
            try:
                with self._lane().transaction() as tx:
                    return handle_scans(tx, attempts, codebook=self.codebook, params=self._params, now=clock.now())
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

    async def keep_revoked_fresh(self) -> None:
        """Runs as long as the process: a revoked session stops working within a few seconds."""
        while True:
            with suppress(SQLAlchemyError):
                self._revoked = await asyncio.to_thread(self._read_revoked)
            await asyncio.sleep(REVOKED_EVERY_S)

    def _read_revoked(self) -> frozenset[UUID]:
        with reading(self.house.engine) as tx:
            return auth.revoked(tx, now=clock.now())

    def session(self, authorization: str | None) -> auth.Session | None:
        """Who the bearer token says is calling. Raises NotSignedIn for a token that is not good."""
        if authorization is None:
            return None
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise NotSignedIn("Send the sign-in as a bearer token.")
        session = auth.unseal(token.strip(), self.session_key, now=clock.now())
        if session.session_id in self._revoked:
            raise NotSignedIn("This sign-in was ended; sign in again.")
        return session

    def forget(self, session_id: UUID) -> None:
        """This process need not wait for the next reading to refuse a session that was just ended here."""
        self._revoked = self._revoked | {session_id}

    def close(self) -> None:
        self.intake.close()
        for lane in self._lanes:
            lane.close()
        log(__name__).info("edge closed")


@dataclass(frozen=True, slots=True)
class Caller:
    address: str
    session: auth.Session | None

    @property
    def member_id(self) -> UUID | None:
        return self.session.member_id if self.session else None


def edge_of(request: Request) -> Edge:
    edge: Edge = request.app.state.edge
    return edge


async def caller_of(request: Request) -> Caller:
    edge = edge_of(request)
    return Caller(
        address_of(request, edge.house.settings.trusted_proxies), edge.session(request.headers.get("authorization"))
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
