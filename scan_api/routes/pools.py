"""Prize pools over HTTP: drafted by staff or a system, moved on by people; a refusal is remembered under its key.

Marketers, supervisors, keys with `prizes:draft`. Whoever drafted a pool cannot announce it: money moves.
"""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from codegen import brands
from codegen.keys import UnknownBrand
from foundation import clock
from foundation.database import ReadTx, Tx, reading
from foundation.errors import BadRequest, NotAllowed, NotFound, NotSignedIn, TooMany
from loyalty import prizes
from loyalty.draws import Prize
from loyalty.idempotency import Key, input_hash
from loyalty.prizes import Content, LimitBroken, Pool, PoolFixed, PoolMoved
from scan_api import keyed
from scan_api.edge import Edge, TheEdge
from scan_api.keyed import KeyReused
from scan_api.problems import problems
from scan_api.staff import Caller, PersonNeeded, staff_or_key

router = APIRouter(prefix="/v1/pools", tags=["prizes"])
TheDrafter = Annotated[Caller, Depends(staff_or_key("marketer", scope="prizes:draft"))]
PoolId = Annotated[int, Path(ge=1, lt=2**63)]
RequestKey = Annotated[UUID, Path(description="A UUID of the caller's; sent again it gets the same answer")]
WHO = (NotSignedIn, NotAllowed, TooMany)
DRAFT = (*WHO, BadRequest, LimitBroken, UnknownBrand, KeyReused)
MOVE = (*WHO, PersonNeeded, BadRequest, NotFound, PoolMoved, KeyReused)
SCOPE = "pools"
Amount = Annotated[int, Field(gt=-(2**53), lt=2**53, strict=True)]  # What a JSON number carries exactly.
Text = Annotated[str, Field(max_length=2000, pattern=r"^[^\x00]*$")]
Name = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[^\x00]*$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CouponTermsIn(_Strict):
    """off_fen or percent: what it takes off; from_fen: from which amount on; days: how long it lives."""

    kind: Name
    days: Amount
    off_fen: Amount | None = None
    percent: Amount | None = None
    from_fen: Amount | None = None


class PoolPrizeIn(_Strict):
    """amount: fen of a red packet, or points. quantity null: it never runs out. weight: of out_of, its chance."""

    kind: Literal["red_packet", "coupon", "goods", "points", "nothing"]
    name_zh: Name
    name_en: Name
    weight: Amount
    amount: Amount = 0
    value_fen: Amount = 0
    quantity: Amount | None = None
    coupon: CouponTermsIn | None = None

    def prize(self, place: int) -> Prize:
        return Prize(
            place, self.kind, self.name_zh, self.name_en, self.amount, self.value_fen, self.weight, self.quantity,
            self.coupon.model_dump(exclude_none=True) if self.coupon else None,
        )  # fmt: skip


class PoolIn(_Strict):
    """prizes: the first of the list is prize 1. minute_fen, hour_fen: what may be paid before the breaker trips."""

    brand_id: int = Field(ge=1, lt=2**63)
    name_zh: Name
    name_en: Name
    gtins: list[Annotated[str, Field(pattern=r"^\d{14}$")]] = Field(default_factory=list, max_length=500)
    prizes: list[PoolPrizeIn] = Field(min_length=1, max_length=100)
    disclosure: dict[Name, Text] = Field(max_length=20)
    out_of: Amount
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    minute_fen: Amount
    hour_fen: Amount

    def content(self) -> Content:
        return Content(
            brand_id=self.brand_id, name_zh=self.name_zh, name_en=self.name_en, gtins=self.gtins,
            prizes=[one.prize(place) for place, one in enumerate(self.prizes, 1)], disclosure=self.disclosure,
            out_of=self.out_of, starts_at=self.starts_at, ends_at=self.ends_at, minute_fen=self.minute_fen,
            hour_fen=self.hour_fen,
        )  # fmt: skip


class MoveIn(_Strict):
    """reason: for pause and resume, a sentence that is kept."""

    move: Literal["publish", "pause", "resume", "reveal"]
    reason: Text = ""


class PoolPrizeOut(BaseModel):
    place: int
    kind: str
    name: dict[str, str]
    amount: int
    weight: int
    quantity: int | None
    remaining: int | None


class PoolOut(BaseModel):
    """commitment: hexadecimal, from the announcement on. held_reason: why payouts wait."""

    id: int
    brand_id: int
    name: dict[str, str]
    state: Literal["draft", "published", "revealed"]
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    out_of: int
    draws: int
    commitment: str | None
    held_reason: str | None
    drafted_by: str
    approved_by: str | None
    prizes: list[PoolPrizeOut]


@router.get("", responses=problems(*WHO))
async def list_pools(edge: TheEdge, _: TheDrafter) -> list[PoolOut]:
    """Every pool, newest first, with what is left in it."""

    def work() -> list[PoolOut]:
        with reading(edge.house.engine) as tx:
            return [_out(one) for one in prizes.list_pools(tx)]

    return await asyncio.to_thread(work)


@router.put("/drafts/{key}", responses=problems(*DRAFT))
async def draft(key: RequestKey, body: PoolIn, edge: TheEdge, caller: TheDrafter) -> PoolOut:
    """A pool nobody can draw from yet; the same key again is the same pool, or the same refusal."""

    def work(tx: Tx) -> Pool:
        _require_brand(tx, body.brand_id)
        return prizes.draft(tx, body.content(), by=caller.name, now=clock.now())

    return await _once(edge, caller, key, {"draft": body.model_dump()}, work)


@router.put("/{pool_id}/changes/{key}", responses=problems(*DRAFT, NotFound, PoolFixed))
async def change(pool_id: PoolId, key: RequestKey, body: PoolIn, edge: TheEdge, caller: TheDrafter) -> PoolOut:
    """Write a draft anew. What was announced does not change any more, for or against anybody."""

    def work(tx: Tx) -> Pool:
        _require_brand(tx, body.brand_id)
        return prizes.redraft(tx, pool_id, body.content(), by=caller.name, now=clock.now())

    return await _once(edge, caller, key, {"change": pool_id, "to": body.model_dump()}, work)


@router.put("/{pool_id}/moves/{key}", responses=problems(*MOVE))
async def move(pool_id: PoolId, key: RequestKey, body: MoveIn, edge: TheEdge, caller: TheDrafter) -> PoolOut:
    """Announce a pool with its commitment, stop and resume its payouts, or reveal its seed after the end. By people."""
    caller.person("A person decides this; a system may only draft pools.")

    def work(tx: Tx) -> Pool:
        by, now, seeds = caller.name, clock.now(), edge.codebook.pool_seed
        prizes.get(tx, pool_id)
        match body.move:
            case "publish":
                prizes.publish(tx, pool_id, seeds=seeds, by=by, now=now)
            case "pause":
                prizes.pause(tx, pool_id, by=by, reason=body.reason, now=now)
            case "resume":
                prizes.resume(tx, pool_id, by=by, reason=body.reason, now=now)
            case "reveal":
                prizes.reveal(tx, pool_id, seeds=seeds, by=by, now=now)
        return prizes.get(tx, pool_id)

    return await _once(edge, caller, key, {"move": pool_id, "to": body.model_dump()}, work)


async def _once(
    edge: Edge, caller: Caller, key: UUID, said: dict[str, Any], work: Callable[[Tx], Pool]
) -> PoolOut:  # fmt: skip
    def answered(tx: Tx) -> dict[str, Any]:
        return _out(work(tx)).model_dump(mode="json")

    meaning = input_hash(by=caller.name, **said)
    kept = await asyncio.to_thread(
        keyed.once, edge.house.engine, Key(SCOPE, str(key)), meaning, answered, now=clock.now()
    )
    return PoolOut.model_validate(kept)


def _require_brand(tx: ReadTx, brand_id: int) -> None:
    if brand_id not in {one.id for one in brands.list_brands(tx)}:
        raise UnknownBrand(f"There is no brand {brand_id}.", brand_id=brand_id)


def _out(one: Pool) -> PoolOut:
    rows = [
        PoolPrizeOut(
            place=each.place, kind=each.kind, name={"zh": each.name_zh, "en": each.name_en}, amount=each.amount,
            weight=each.weight, quantity=each.quantity, remaining=one.remaining.get(each.place),
        )
        for each in one.prizes
    ]  # fmt: skip
    return PoolOut.model_validate(
        {
            **{name: getattr(one, name) for name in ("id", "brand_id", "state", "starts_at", "ends_at", "out_of",
                                                     "draws", "held_reason", "drafted_by", "approved_by")},
            "name": {"zh": one.name_zh, "en": one.name_en}, "prizes": rows,
            "commitment": one.commitment and one.commitment.hex(),
        }
    )  # fmt: skip
