"""What a shop's system tells: orders, refunds, files of orders, finished surveys. Marketers, keys with `orders:write`.

An order's id and a refund's id are their keys: sent again they change nothing. An order that was refused may be sent
again once what was wrong is put right, for its id is the shop's. A file has a key of its own, and one outcome for ever.
"""

import asyncio
import hashlib
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from foundation import audit, clock
from foundation.database import ReadTx, Tx, transaction
from foundation.errors import BadRequest, Conflict, NotAllowed, NotFound, NotSignedIn, TooMany
from loyalty import members, occasions, orders
from loyalty.idempotency import Key
from loyalty.members import BadPhoneNumber
from loyalty.orders import BadOrderFile, Order, OrderReused
from scan_api import keyed
from scan_api.edge import Edge, TheEdge
from scan_api.keyed import KeyReused
from scan_api.problems import TooLarge, problems
from scan_api.staff import Caller, staff_or_key

router = APIRouter(prefix="/v1", tags=["orders"])
TheShop = Annotated[Caller, Depends(staff_or_key("marketer", scope="orders:write"))]
Id = Annotated[str, Path(min_length=1, max_length=100, pattern=r"^[^\x00/]+$")]
FileKey = Annotated[UUID, Path(description="A UUID of the caller's; sent again it gets the same answer")]
WHO = (NotSignedIn, NotAllowed, TooMany)
FILES = "/v1/order-files/"
MOST_FILE_BYTES = 256 << 20
CSV = {"required": True, "content": {"text/csv": {"schema": {"type": "string"}}}}


class NoSuchBuyer(NotFound):
    """Nobody is a member under this id or phone number."""

    type = "no-such-buyer"


class BuyerIn(BaseModel):
    """member, the member's id, or phone, the number they sign in with."""

    model_config = ConfigDict(extra="forbid")

    member: UUID | None = None
    phone: str | None = Field(default=None, min_length=1, max_length=40, pattern=r"^[^\x00]*$")

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.member is None) == (self.phone is None):
            raise ValueError("Send either member, the member's id, or phone, the number they sign in with")
        return self


class PurchaseIn(BuyerIn):
    """paid_fen: after discounts and what was paid in points. gtins: the basket."""

    placed_at: AwareDatetime
    paid_fen: int = Field(gt=-(2**53), lt=2**53, strict=True)
    channel: str = Field(default="", max_length=40, pattern=r"^[^\x00]*$")
    gtins: list[Annotated[str, Field(pattern=r"^[0-9]{1,14}$")]] = Field(default_factory=list, max_length=500)


class PurchaseOut(BaseModel):
    """state: credited, held or none; reason: one stable word, such as no-campaign."""

    order_id: str
    points: int
    state: str
    reason: str


class RefundIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    amount_fen: int = Field(gt=-(2**53), lt=2**53, strict=True)


class RefundOut(BaseModel):
    """points: what was taken back for this part."""

    order_id: str
    refund_id: str
    points: int


class OrderFileOut(BaseModel):
    orders: int


@router.put("/orders/{order_id}", responses=problems(*WHO, BadRequest, BadPhoneNumber, NoSuchBuyer, OrderReused))
async def put_order(order_id: Id, body: PurchaseIn, edge: TheEdge, _: TheShop) -> PurchaseOut:
    """A purchase earns by the campaigns in force when it was made. The same again: what it earned then."""

    def work() -> PurchaseOut:
        with transaction(edge.house.engine) as tx:
            placed = Order(
                order_id, _buyer(tx, edge, body), body.placed_at, body.paid_fen, body.channel, tuple(body.gtins)
            )  # fmt: skip
            [award] = orders.place(tx, [placed], now=clock.now())
        return PurchaseOut(order_id=order_id, points=award.points, state=award.state, reason=award.reason)

    return await asyncio.to_thread(work)


@router.put("/orders/{order_id}/refunds/{refund_id}", responses=problems(*WHO, NotFound, Conflict))
async def put_refund(order_id: Id, refund_id: Id, body: RefundIn, edge: TheEdge, caller: TheShop) -> RefundOut:
    """A part of an order was given back, and its points with it; the parts together are the whole."""

    def work() -> RefundOut:
        with transaction(edge.house.engine) as tx:
            now = clock.now()
            points = orders.refund(tx, order_id, refund_id, body.amount_fen, now=now)
            after = {"refund": refund_id, "amount_fen": body.amount_fen, "points": points}
            audit.record(
                tx, actor=caller.name, action="orders.refund", subject=f"order:{order_id}", after=after, now=now
            )
        return RefundOut(order_id=order_id, refund_id=refund_id, points=points)

    return await asyncio.to_thread(work)


@router.put(
    "/order-files/{key}",
    responses=problems(*WHO, BadOrderFile, OrderReused, KeyReused, TooLarge),
    openapi_extra={"requestBody": CSV},
)
async def put_file(key: FileKey, request: Request, edge: TheEdge, caller: TheShop) -> OrderFileOut:
    """A CSV of orders, all of it or nothing; a refusal names the row and the column and is remembered under the key."""
    content = await request.body()
    return await asyncio.to_thread(_import, edge, caller.name, key, content, clock.now())


@router.put("/surveys/{survey}/answers", status_code=HTTPStatus.ACCEPTED,
            responses=problems(*WHO, BadRequest, BadPhoneNumber, NoSuchBuyer))  # fmt: skip
async def put_answer(survey: Id, body: BuyerIn, edge: TheEdge, _: TheShop) -> None:
    """A member finished a survey: its campaigns pay them soon, once a survey however often it is told."""

    def work() -> None:
        with transaction(edge.house.engine) as tx:
            occasions.survey_completed(tx, _buyer(tx, edge, body), survey, now=clock.now())

    await asyncio.to_thread(work)


def _import(edge: Edge, by: str, key: UUID, content: bytes, now: datetime) -> OrderFileOut:
    def work(tx: Tx) -> keyed.Answer:
        count = orders.import_csv(tx, content, now=now)
        after = {"file": str(key), "orders": count}
        audit.record(tx, actor=by, action="orders.import", subject="orders", after=after, now=now)
        return {"orders": count}

    meaning = hashlib.sha256(by.encode() + b"\0" + content).digest()
    return OrderFileOut(**keyed.once(edge.house.engine, Key("order-file", str(key)), meaning, work, now=now))


def _buyer(tx: ReadTx, edge: Edge, body: BuyerIn) -> UUID:
    """Raises BadPhoneNumber, NoSuchBuyer."""
    found = body.member
    if body.phone is not None:
        found = members.find(tx, "phone", edge.member_keys.index("phone", members.e164(body.phone)))
    today = members.today(tx, [found] if found else [])
    if found not in today:
        raise NoSuchBuyer("Nobody is a member under this id or number; let them sign in once, then send it again.")
    return today[found]
