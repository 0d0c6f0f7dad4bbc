"""PUT /v1/scans/{scan_id}: judge a scan. The phone chooses the id; sending it again returns the same answer."""

from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import FastAPI, Header, Path
from pydantic import BaseModel, ConfigDict, Field

from antifraud import location
from antifraud.location import Location
from antifraud.signals import Attempt
from foundation import clock
from foundation.errors import BadRequest, Conflict, DatabaseDown, NotSignedIn
from foundation.observability import scan_seconds, scans_total
from scan_api import texts
from scan_api.edge import Caller, TheCaller, TheEdge
from scan_api.intake import QueueFull
from scan_api.lean import LeanRoute
from scan_api.problems import TooLarge, problems
from scan_api.scanning import ScanResult
from scan_api.throttle import Guessing

CLOCK_SKEW_MS = 86_400_000  # A day. Phones drift, and a scan made without network is sent hours later.
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

    def location(self) -> Location | None:
        return location.from_report(self.lat, self.lon, self.accuracy_m, self.method)


class ScanIn(_Strict):
    text: str = Field(max_length=512)
    device: str = Field(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")
    location: LocationIn | None = None
    claim: bool = False

    def attempt(self, scan_id: UUID, caller: Caller) -> Attempt:
        return Attempt(
            scan_id=scan_id,
            text=self.text.replace("\0", "\N{REPLACEMENT CHARACTER}"),  # PostgreSQL text cannot hold it; keep the rest.
            device=self.device,
            address=caller.address,
            member_id=caller.member_id,
            location=self.location.location() if self.location else None,
            claim=self.claim,
            at=clock.now(),
        )


class RewardOut(BaseModel):
    points: int
    state: Literal["credited", "held", "none", "sign_in"]
    reason: str


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


class ScanOut(BaseModel):
    scan_id: UUID
    verdict: Verdict
    reward: RewardOut
    product: ProductOut | None
    first_scan: FirstScanOut | None
    message: MessageOut

    @staticmethod
    def of(result: ScanResult, language: texts.Language) -> dict[str, Any]:
        words = texts.words(result.answer["verdict"], language)
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
    attempt = body.attempt(scan_id, caller)
    if edge.standing.is_young(caller.member_id):
        attempt = replace(attempt, claim=False)  # No points for a child before a guardian agrees.
    edge.door.check(attempt)
    result = await edge.judge(attempt)
    if result.conflict:
        raise ScanIdReused("This scan id was used for another scan; make a new id.")
    edge.door.saw(attempt, known=result.answer["verdict"] != "unknown")
    scans_total.labels(result.answer["verdict"]).inc()
    scan_seconds.observe(clock.monotonic_s() - began)
    return ScanOut.of(result, texts.language_of(accept_language))


def mount(app: FastAPI) -> None:
    """Straight into the application, before its routers: each of them would be asked first (a third of the way)."""
    app.router.add_api_route(
        "/v1/scans/{scan_id}",
        put_scan,
        methods=["PUT"],
        tags=["scans"],
        response_model=ScanOut,
        responses=problems(ScanIdNotAccepted, NotSignedIn, ScanIdReused, TooLarge, Guessing, QueueFull, DatabaseDown),
        route_class_override=LeanRoute,
    )


def _check_id(scan_id: UUID) -> None:
    if scan_id.version != 7:
        raise ScanIdNotAccepted("A scan id must be a UUID of version 7, which carries its own time.")
    # Compared as milliseconds: the 48 bits reach to the year 10889, which no datetime holds.
    if abs((scan_id.int >> 80) - int(clock.now().timestamp() * 1000)) > CLOCK_SKEW_MS:
        raise ScanIdNotAccepted("The time inside this scan id is more than a day away; correct the device's clock.")
