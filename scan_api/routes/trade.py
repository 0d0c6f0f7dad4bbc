"""The trade over HTTP: stores and dealers register, take on people, open cases, and see what they earned."""

import asyncio
import base64
import binascii
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Literal, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field

from antifraud import dealer_notices, regions
from antifraud.dealer_notices import NoSuchNotice, Notice, NoticeAnswered
from codegen.gs1 import NotAnSscc, WrongCheckDigit
from codegen.shipments import UnknownDealer
from foundation import clock, ids
from foundation.database import ReadTx, Tx, reading, transaction
from foundation.errors import BadRequest, NotAllowed, NotSignedIn, TooMany
from foundation.limits import Rate
from loyalty import accounts, members, rebates, trade, wallet
from loyalty.openings import Opening, OpeningReused
from loyalty.trade import NoSuchPartner, NotAPartner, Partner, PartnerExists, PartnerMoved, Person
from scan_api import photos, trading
from scan_api.edge import Edge, TheEdge, TheMember
from scan_api.photos import BadPhoto
from scan_api.problems import TooLarge, problems
from scan_api.staff import Caller, staff_or_key
from scan_api.trading import NotACaseLabel

router = APIRouter(prefix="/v1/trade", tags=["trade"])
TheDeliverer = Annotated[Caller, Depends(staff_or_key("marketer", scope="trade:deliver"))]
Number = Annotated[int, Path(ge=1, lt=2**63)]
OPENING_RATE = Rate(burst=60, every_s=2)  # Case numbers count up: nobody may try them one by one.
ASKING_RATE = Rate(burst=20, every_s=30)
SHOWN = 50
MOST_DOCUMENTS = 3
MOST_BYTES = MOST_DOCUMENTS * photos.MOST_BASE64 + 32_768  # The papers of a reply and its words.
R = TypeVar("R")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PartnerIn(_Strict):
    """dealer_id: the dealer's number; region: one of the dealer's."""

    kind: Literal["store", "dealer"] = "store"
    dealer_id: int = Field(ge=1, lt=2**63)
    code: str = Field(min_length=3, max_length=20, pattern=r"^[A-Za-z0-9-]+$")
    name: str = Field(min_length=1, max_length=80, pattern=r"^[^\x00]*$")
    region: int = Field(ge=110000, le=829999)


class CodeIn(_Strict):
    code: str = Field(min_length=1, max_length=20, pattern=r"^[^\x00]*$")


class OpeningIn(_Strict):
    """id: a UUID of the caller's; the same again answers the same. text: the label as it was scanned, or its digits."""

    id: UUID
    text: str = Field(min_length=1, max_length=512, pattern=r"^[^\x00]*$")
    device: str = Field(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")


class StoreCasesIn(_Strict):
    code: str = Field(min_length=1, max_length=20, pattern=r"^[^\x00]*$")
    units: list[Annotated[str, Field(min_length=1, max_length=512, pattern=r"^[^\x00]*$")]] = Field(
        min_length=1, max_length=500
    )


class Place(BaseModel):
    code: int
    zh: str
    en: str


class TradeDealerOut(BaseModel):
    id: int
    name: str
    regions: list[Place]


class PartnerOut(BaseModel):
    """reason: why it was refused or closed."""

    id: int
    kind: Literal["store", "dealer"]
    dealer_id: int
    code: str
    name: str
    region: Place
    state: Literal["pending", "approved", "refused", "closed"]
    reason: str | None


class PersonOut(BaseModel):
    """phone: masked; None after it was erased."""

    id: int
    role: Literal["owner", "assistant"]
    state: Literal["asked", "bound"]
    phone: str | None
    since: datetime | None
    is_me: bool


class MeOut(BaseModel):
    """partner None: the caller works for nobody. people: for the owner, otherwise the caller alone."""

    partner: PartnerOut | None
    role: Literal["owner", "assistant"] | None
    is_bound: bool
    people: list[PersonOut]


class OpeningOut(BaseModel):
    """reason: why it was refused; unpaid: why an opened case brought no points. One stable word each, or empty."""

    id: UUID
    sscc: str
    state: Literal["opened", "refused"]
    reason: str
    points: int
    assistant_points: int
    unpaid: str
    at: datetime


class RewardLine(BaseModel):
    at: datetime
    amount: int
    zh: str
    en: str


class RewardsOut(BaseModel):
    """points: the store's; mine: the caller's own share as an assistant."""

    points: int
    mine: int
    lines: list[RewardLine]
    my_lines: list[RewardLine]


class MonthOut(BaseModel):
    """Fen. due_at: when what waits is paid; None while a person has to decide."""

    month: str
    accrued: int
    matured: int
    waiting: int
    withheld: int
    withdrawn: int
    due_at: datetime | None


class WithheldOut(BaseModel):
    region: Place
    reason: str
    since: datetime
    until: datetime


class RebatesOut(BaseModel):
    matured_fen: int
    months: list[MonthOut]
    withheld: list[WithheldOut]


class ReplyIn(_Strict):
    """documents: pictures of papers, JPEG, PNG or WebP of at most 2 MB each, in base64."""

    text: str = Field(min_length=1, max_length=dealer_notices.MOST_TEXT, pattern=r"^[^\x00]*$")
    documents: list[
        Annotated[str, Field(min_length=1, max_length=photos.MOST_BASE64, pattern=r"^[A-Za-z0-9+/]+={0,2}$")]
    ] = Field(default_factory=list, max_length=MOST_DOCUMENTS)


class NoticeOut(BaseModel):
    """cartons, sure (of them), scans: what the file holds; confidence: 0 to 1, of its cartons on average."""

    id: int
    region: Place
    cartons: int
    sure: int
    scans: int
    confidence: float
    text: str
    sent_at: datetime
    deadline: datetime
    reply: str | None
    replied_at: datetime | None
    documents: int


class StoreCaseOut(BaseModel):
    """why_not: None, or one stable word."""

    sscc: str
    why_not: str | None


@router.get("/dealers/{dealer_id}", responses=problems(NotSignedIn, UnknownDealer, TooMany))
async def dealer(dealer_id: Number, member: TheMember, edge: TheEdge) -> TradeDealerOut:
    """A dealer by number, with the regions a store of theirs may stand in."""
    edge.take({f"trade-asking:{member.member_id}": ASKING_RATE})
    found = await _read(edge, lambda tx: trading.dealer_of(tx, dealer_id))
    return TradeDealerOut(id=found.id, name=found.name, regions=[_place(one) for one in sorted(found.regions)])


@router.post(
    "/partners",
    status_code=HTTPStatus.CREATED,
    responses=problems(BadRequest, NotSignedIn, UnknownDealer, PartnerExists, TooMany),
)
async def register(body: PartnerIn, member: TheMember, edge: TheEdge) -> PartnerOut:
    """Ask the brand to let a store or dealer in; the caller is its owner. The same again answers the same."""
    edge.take({f"trade-asking:{member.member_id}": ASKING_RATE})
    said = body.model_dump()
    made = await _write(edge, lambda tx: trading.register(tx, **said, member_id=member.member_id, now=clock.now()))
    return _partner(made.partner)


@router.get("/me", responses=problems(NotSignedIn))
async def me(member: TheMember, edge: TheEdge) -> MeOut:
    """For whom the caller works, in which role, and beside whom."""
    return await _read(edge, lambda tx: _me(tx, member.member_id))


@router.post("/people", responses=problems(BadRequest, NotSignedIn, NoSuchPartner, PartnerExists, TooMany))
async def join(body: CodeIn, member: TheMember, edge: TheEdge) -> MeOut:
    """Ask to work for a store or dealer, by its code; its owner decides."""
    edge.take({f"trade-asking:{member.member_id}": ASKING_RATE})

    def work(tx: Tx) -> MeOut:
        trade.join(tx, body.code, member_id=member.member_id, now=clock.now())
        return _me(tx, member.member_id)

    return await _write(edge, work)


@router.put(
    "/people/{person_id}", status_code=HTTPStatus.NO_CONTENT, responses=problems(NotSignedIn, NotAPartner, PartnerMoved)
)
async def take_on(person_id: Number, member: TheMember, edge: TheEdge) -> None:
    """The owner takes somebody on who asked."""

    def work(tx: Tx) -> None:
        owner = trade.working(tx, member.member_id, role="owner")
        trade.accept(tx, person_id, partner_id=owner.partner.id, by=f"member:{member.member_id}", now=clock.now())

    await _write(edge, work)


@router.delete(
    "/people/{person_id}", status_code=HTTPStatus.NO_CONTENT, responses=problems(NotSignedIn, NotAPartner, PartnerMoved)
)
async def let_go(person_id: Number, member: TheMember, edge: TheEdge) -> None:
    """The owner lets somebody go, or the caller leaves."""

    def work(tx: Tx) -> None:
        mine = trade.of_member(tx, member.member_id)
        if mine is None or mine.id != person_id:
            mine = trade.working(tx, member.member_id, role="owner")
        trade.end(tx, person_id, partner_id=mine.partner.id, by=f"member:{member.member_id}", now=clock.now())

    await _write(edge, work)


@router.post(
    "/openings",
    responses=problems(
        BadRequest, NotACaseLabel, NotAnSscc, WrongCheckDigit, NotSignedIn, NotAPartner, OpeningReused, TooMany
    ),
)
async def open_case(body: OpeningIn, member: TheMember, edge: TheEdge) -> OpeningOut:
    """Open a case for the caller's store, once a case. A refusal is an answer, and stays one under this id."""
    edge.take({f"trade-opening:{member.member_id}": OPENING_RATE})

    def work(tx: Tx) -> Opening:
        person = trade.working(tx, member.member_id, kind="store")
        return trading.open_case(
            tx, body.id, body.text, person, device=body.device, keys=edge.house.keys, now=clock.now()
        )

    made = await _write(edge, work)
    return OpeningOut.model_validate({name: getattr(made, name) for name in OpeningOut.model_fields})


@router.get("/rewards", responses=problems(NotSignedIn, NotAPartner))
async def rewards(member: TheMember, edge: TheEdge) -> RewardsOut:
    """The store's points and the caller's own share, with every movement, newest first."""
    return await _read(edge, lambda tx: _rewards(tx, trade.working(tx, member.member_id)))


@router.get("/rebates", responses=problems(NotSignedIn, NotAPartner))
async def my_rebates(member: TheMember, edge: TheEdge) -> RebatesOut:
    """A dealer's rebates by month, and what is withheld, why and until when."""
    return await _read(edge, lambda tx: _rebates(tx, trade.working(tx, member.member_id, kind="dealer").partner))


@router.get("/notices", responses=problems(NotSignedIn, NotAPartner))
async def my_notices(member: TheMember, edge: TheEdge) -> list[NoticeOut]:
    """What the brand asks a dealer to explain: in numbers, with its confidence, and until when."""

    def work(tx: ReadTx) -> list[NoticeOut]:
        dealer = trade.working(tx, member.member_id, kind="dealer").partner
        return [_notice(one) for one in dealer_notices.of_dealer(tx, dealer.dealer_id)]

    return await _read(edge, work)


@router.post(
    "/notices/{notice_id}/reply",
    responses=problems(BadRequest, BadPhoto, NotSignedIn, NotAPartner, NoSuchNotice, NoticeAnswered, TooLarge, TooMany),
)
async def reply_to_notice(notice_id: Number, body: ReplyIn, member: TheMember, edge: TheEdge) -> NoticeOut:
    """The dealer's answer, once, with pictures of papers; kept with the case as evidence."""
    edge.take({f"trade-asking:{member.member_id}": ASKING_RATE})
    dealer = await _read(edge, lambda tx: trade.working(tx, member.member_id, kind="dealer").partner)
    await _read(edge, lambda tx: dealer_notices.of_dealer_by_id(tx, notice_id, dealer_id=dealer.dealer_id))
    drawn = {
        f"document-{turn}": await asyncio.to_thread(_redrawn, one, turn) for turn, one in enumerate(body.documents, 1)
    }
    now = clock.now()
    folder = ids.uuid7(now).hex if drawn else None

    def work(tx: Tx) -> NoticeOut:
        said = dealer_notices.reply(
            tx, notice_id, dealer_id=dealer.dealer_id, text=body.text, folder=folder, documents=sorted(drawn),
            by=f"member:{member.member_id}", now=now,
        )  # fmt: skip
        return _notice(said)

    if folder is not None:
        await asyncio.to_thread(edge.album.keep, folder, drawn)  # Before the row: a reply on record has its papers.
    try:
        return await _write(edge, work)
    except Exception:
        if folder is not None:
            await asyncio.to_thread(edge.album.drop, folder)
        raise


@router.post(
    "/store-cases",
    tags=["deliveries"],
    responses=problems(BadRequest, NotACaseLabel, NotAnSscc, WrongCheckDigit, NotSignedIn, NotAllowed, NoSuchPartner),
)
async def deliver(body: StoreCasesIn, edge: TheEdge, caller: TheDeliverer) -> list[StoreCaseOut]:
    """Cases a dealer brought to a store: what is sold from them is that store's. Each is answered for itself."""

    def work(tx: Tx) -> list[tuple[str, str]]:
        store = trade.of_code(tx, body.code, kind="store")
        return trading.deliver(tx, body.units, store, keys=edge.house.keys, by=caller.name, now=clock.now())

    return [StoreCaseOut(sscc=sscc, why_not=why or None) for sscc, why in await _write(edge, work)]


async def _write(edge: Edge, work: Callable[[Tx], R]) -> R:
    def inside() -> R:
        with transaction(edge.house.engine) as tx:
            return work(tx)

    return await asyncio.to_thread(inside)


async def _read(edge: Edge, work: Callable[[ReadTx], R]) -> R:
    def inside() -> R:
        with reading(edge.house.engine) as tx:
            return work(tx)

    return await asyncio.to_thread(inside)


def _me(tx: ReadTx, member_id: UUID) -> MeOut:
    mine = trade.of_member(tx, member_id)
    if mine is None:
        return MeOut(partner=None, role=None, is_bound=False, people=[])
    seen = trade.people(tx, mine.partner.id) if mine.role == "owner" else [mine]
    names = members.masks(tx, [one.member_id for one in seen])
    return MeOut.model_validate(
        {
            "partner": _partner(mine.partner), "role": mine.role, "is_bound": mine.state == "bound",
            "people": [_person(one, names.get(one.member_id), member_id) for one in seen],
        }
    )  # fmt: skip


def _partner(one: Partner) -> PartnerOut:
    said = {name: getattr(one, name) for name in PartnerOut.model_fields if name != "region"}
    return PartnerOut.model_validate(said | {"region": _place(one.region)})


def _person(one: Person, phone: str | None, me: UUID) -> dict[str, object]:
    return {
        "id": one.id, "role": one.role, "state": one.state, "phone": phone, "since": one.since,
        "is_me": one.member_id == me,
    }  # fmt: skip


def _place(region: int) -> Place:
    return Place(code=region, zh=regions.name(region, "zh"), en=regions.name(region, "en"))


def _rewards(tx: ReadTx, person: Person) -> RewardsOut:
    """An assistant sees what the store has, too: the page says whose is whose."""
    store, own = person.partner.owner, trade.assistant(person.member_id)
    return RewardsOut(
        points=_points(tx, store), mine=_points(tx, own), lines=_lines(tx, store), my_lines=_lines(tx, own)
    )


def _points(tx: ReadTx, owner: str) -> int:
    return accounts.read(tx, owner).get("trade", (0, 0))[1]


def _lines(tx: ReadTx, owner: str) -> list[RewardLine]:
    found = wallet.movements(tx, owner, limit=SHOWN)
    return [RewardLine(at=one.at, amount=one.points, zh=one.reason_zh, en=one.reason_en) for one in found]


def _rebates(tx: ReadTx, dealer: Partner) -> RebatesOut:
    withheld = [one for one in rebates.of_dealer(tx, dealer.dealer_id) if one.state in ("held", "releasing")]
    return RebatesOut(
        matured_fen=rebates.balance_fen(tx, dealer.dealer_id),
        months=[
            MonthOut(**{name: getattr(one, name) for name in MonthOut.model_fields})
            for one in rebates.months(tx, dealer.dealer_id)
        ],
        withheld=[
            WithheldOut(
                region=_place(one.region), reason=one.reason, since=one.approved_at or one.proposed_at,
                until=one.lapses_at,
            )
            for one in withheld
        ],
    )  # fmt: skip


def _redrawn(text: str, turn: int) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadPhoto(f"Document {turn} is not whole base64; send it again.") from None
    return photos.redrawn(raw, f"document {turn}")


def _notice(one: Notice) -> NoticeOut:
    return NoticeOut(
        id=one.id, region=_place(one.region), **one.counts, confidence=one.confidence, text=one.text,
        sent_at=one.sent_at, deadline=one.deadline, reply=one.reply, replied_at=one.replied_at,
        documents=len(one.documents),
    )  # fmt: skip
