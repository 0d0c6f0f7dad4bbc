"""PUT /v1/scans/{scan_id}: judge a scan. The phone chooses the id; sending it again returns the same answer."""

from dataclasses import replace
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import FastAPI, Header, Path
from pydantic import BaseModel, ConfigDict, Field, model_validator

from antifraud import location
from antifraud.columns import Environment
from antifraud.location import Location
from antifraud.signals import NOWHENCE, Attempt, Whence
from foundation import clock
from foundation.errors import BadRequest, Conflict, DatabaseDown, NotSignedIn
from foundation.observability import scan_seconds, scans_total
from scan_api import texts, tickets
from scan_api.edge import Caller, Edge, TheCaller, TheEdge
from scan_api.intake import QueueFull
from scan_api.lean import LeanRoute
from scan_api.problems import TooLarge, problems
from scan_api.scanning import ScanResult
from scan_api.throttle import Guessing
from scan_api.tickets import TicketElsewhere, TicketNotGood

CLOCK_SKEW_MS = 86_400_000  # A day. Phones drift, and a scan made without network is sent hours later.
HINTS = {"emulator": Environment.EMULATOR, "hooked": Environment.HOOKED}
Verdict = Literal[
    "genuine", "genuine_again", "claimed", "not_active", "void", "recalled", "expired", "suspicious", "unknown"
]


class ScanIdNotAccepted(BadRequest):
    type = "scan-id-not-accepted"


class ScanIdReused(Conflict):
    """The id was used for a scan with other content; nothing was changed."""

    status, type = HTTPStatus.CONFLICT, "scan-id-reused"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class LocationIn(_Strict):
    lat: float = Field(ge=-90, le=90, allow_inf_nan=False)
    lon: float = Field(ge=-180, le=180, allow_inf_nan=False)
    accuracy_m: float = Field(ge=0, le=5_000_000, allow_inf_nan=False)
    method: Literal["gps", "fuzzy", "wifi", "ip_fixed", "ip_mobile"]
    crs: Literal["wgs84", "gcj02"] = Field(default="wgs84", description="gcj02: what Chinese map kits return")

    def location(self) -> Location | None:
        return location.from_report(self.lat, self.lon, self.accuracy_m, self.method, self.crs)


class ScanIn(_Strict):
    """text: the code, by whoever reads symbols; ticket: what our own page holds instead of it. One of the two."""

    text: str | None = Field(default=None, max_length=tickets.MOST_TEXT)
    ticket: str | None = Field(default=None, max_length=tickets.MOST, pattern=r"^[A-Za-z0-9_-]+$")
    device: str = Field(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")
    location: LocationIn | None = None
    claim: bool = False
    hints: list[Literal["emulator", "hooked"]] = Field(default=[], max_length=2, description="What the page noticed")

    @model_validator(mode="after")
    def _one_of_both(self) -> "ScanIn":
        if (self.text is None) == (self.ticket is None):
            raise ValueError("Send either text, the code on the pack, or ticket, what the page was given for it")
        return self

    def attempt(
        self, scan_id: UUID, caller: Caller, whence: Whence = NOWHENCE, *, key: bytes, now: datetime
    ) -> Attempt:
        """Raises TicketNotGood, TicketElsewhere. key: of tickets."""
        text = self.text if self.ticket is None else tickets.opened(self.ticket, scan_id, self.device, key=key, now=now)
        assert text is not None, "one of both was sent"
        return Attempt(
            scan_id=scan_id,
            text=text.replace("\0", "\N{REPLACEMENT CHARACTER}"),  # PostgreSQL text cannot hold it; keep the rest.
            device=self.device,
            address=caller.address,
            member_id=caller.member_id,
            location=self.location.location() if self.location else None,
            claim=self.claim,
            at=now,
            whence=whence,
        )

    @property
    def entry(self) -> str:
        """The door: our page, which holds a ticket, or whoever has the code itself."""
        return "code" if self.ticket is None else "page"

    def noticed(self) -> int:
        """Bits of Environment. No phone knows its place to within nothing."""
        exact = self.location is not None and self.location.method == "gps" and self.location.accuracy_m == 0
        return sum(HINTS[name] for name in set(self.hints)) | (Environment.ACCURACY_ZERO if exact else 0)


class PrizeOut(BaseModel):
    """amount_fen: of a red packet; points: of points. held: a person must look first.

    pool and nth: which draw it was, to find again in what the pool publishes after its end.
    """

    win_id: UUID
    pool: int
    nth: int
    kind: Literal["red_packet", "coupon", "goods", "points", "nothing"]
    name: dict[str, str]
    state: Literal["won", "held", "lost"]
    amount_fen: int | None = None
    points: int | None = None


class RewardOut(BaseModel):
    """prize: only where a pool was drawn from."""

    points: int
    state: Literal["credited", "held", "none", "sign_in"]
    reason: str
    prize: PrizeOut | None = None


class ProductOut(BaseModel):
    gtin: str
    zh: str
    en: str


class FirstScanOut(BaseModel):
    at: str
    place: dict[str, str] | None


class MessageOut(BaseModel):
    title: str
    text: str


class NextOut(BaseModel):
    """For one more scan of the same code by the same phone: to claim after signing in, or to say where."""

    scan_id: UUID
    ticket: str


class ScanOut(BaseModel):
    """next: only for a scan that came by ticket."""

    scan_id: UUID
    verdict: Verdict
    reward: RewardOut
    product: ProductOut | None
    first_scan: FirstScanOut | None
    message: MessageOut
    next: NextOut | None = None

    @staticmethod
    def of(result: ScanResult, words: texts.Words) -> dict[str, Any]:
        return {**result.answer, "message": {"title": words.title, "text": words.text}}


async def put_scan(
    scan_id: Annotated[UUID, Path(description="A UUIDv7 chosen by the caller")],
    body: ScanIn,
    caller: TheCaller,
    edge: TheEdge,
    accept_language: Annotated[str | None, Header()] = None,
) -> dict[str, Any]:
    """Judge a scan. Sending the same scan again returns the same verdict."""
    began = clock.monotonic_s()
    _check_id(scan_id)
    whence = edge.whence(caller, body.entry, body.noticed())
    attempt = body.attempt(scan_id, caller, whence, key=edge.ticket_key, now=clock.now())
    if edge.standing.is_young(caller.member_id):
        attempt = replace(attempt, claim=False)  # No points for a child before a guardian agrees.
    edge.door.check(attempt)
    result = await edge.judge(attempt)
    if result.conflict:
        raise ScanIdReused("This scan id was used for another scan; make a new id.")
    edge.door.saw(attempt, known=result.answer["verdict"] != "unknown")
    scans_total.labels(result.answer["verdict"]).inc()
    scan_seconds.observe(clock.monotonic_s() - began)
    answer = ScanOut.of(result, _words(edge, result, texts.language_of(accept_language)))
    return answer if body.ticket is None else answer | {"next": _next(edge, attempt)}


def _words(edge: Edge, result: ScanResult, language: texts.Language) -> texts.Words:
    """In the words of the brand whose product it is; a code of nobody is answered alike on every host."""
    product = result.answer["product"]
    brand_id = edge.codebook.brand_of(product["gtin"]) if product else None
    return edge.wording.words(result.answer["verdict"], language, brand_id)


def _next(edge: Edge, attempt: Attempt) -> dict[str, str]:
    ticket = tickets.issue(attempt.text, key=edge.ticket_key, now=attempt.at, device=attempt.device)
    return {"scan_id": str(ticket.scan_id), "ticket": ticket.sealed}


def mount(app: FastAPI) -> None:
    """Straight into the application, before its routers: each of them would be asked first (a third of the way)."""
    app.router.add_api_route(
        "/v1/scans/{scan_id}",
        put_scan,
        methods=["PUT"],
        tags=["scans"],
        response_model=ScanOut,
        responses=problems(
            ScanIdNotAccepted,
            TicketNotGood,
            NotSignedIn,
            ScanIdReused,
            TicketElsewhere,
            TooLarge,
            Guessing,
            QueueFull,
            DatabaseDown,
        ),
        route_class_override=LeanRoute,
    )


def _check_id(scan_id: UUID) -> None:
    if scan_id.version != 7:
        raise ScanIdNotAccepted("A scan id must be a UUID of version 7, which carries its own time.")
    # Compared as milliseconds: the 48 bits reach to the year 10889, which no datetime holds.
    if abs((scan_id.int >> 80) - int(clock.now().timestamp() * 1000)) > CLOCK_SKEW_MS:
        raise ScanIdNotAccepted("The time inside this scan id is more than a day away; correct the device's clock.")
