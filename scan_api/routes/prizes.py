"""Prizes: what anyone may read of a pool, before and after its end, and what a member won."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel

from foundation import clock
from foundation.database import reading, transaction
from foundation.errors import BadRequest, NotFound, NotSignedIn
from loyalty import coupons, handing, payouts, prizes, wins
from loyalty.handing import CannotCollect
from loyalty.wechat_pay import NotFromWeChat
from loyalty.wins import Won
from scan_api.edge import Edge, TheEdge, TheMember
from scan_api.problems import problems

router = APIRouter(prefix="/v1", tags=["prizes"])
PoolId = Annotated[int, Path(ge=1, lt=2**63)]


class WonOut(BaseModel):
    """package: what the page hands to WeChat so that the member can confirm a payout; null when there is none.

    coupon_code: of a coupon that was won.
    """

    win_id: UUID
    pool: int
    nth: int
    kind: Literal["red_packet", "coupon", "goods", "points"]
    name: dict[str, str]
    amount: int
    state: Literal["won", "held", "waiting", "paying", "paid", "voided", "failed"]
    drawn_at: datetime
    package: str | None
    coupon_code: str | None

    @staticmethod
    def of(won: Won, coupon_key: bytes) -> "WonOut":
        return WonOut.model_validate(
            {
                "win_id": won.win_id, "pool": won.pool_id, "nth": won.nth, "kind": won.kind, "amount": won.amount,
                "name": {"zh": won.name_zh, "en": won.name_en}, "state": won.state, "drawn_at": won.drawn_at,
                "package": won.package,
                "coupon_code": coupons.code_of(won.coupon_id, coupon_key) if won.coupon_id else None,
            }
        )  # fmt: skip


@router.get("/prizes/{pool_id}", responses=problems(NotFound))
async def get_pool(pool_id: PoolId, edge: TheEdge) -> dict[str, Any]:
    """The announcement of a pool with its commitment; after its end the seed and every draw, for `prizes verify`."""
    return await asyncio.to_thread(_published, edge, pool_id)


@router.get("/me/prizes", responses=problems(NotSignedIn))
async def my_prizes(member: TheMember, edge: TheEdge) -> list[WonOut]:
    """What you won, newest first."""
    return await asyncio.to_thread(_mine, edge, member.member_id)


@router.post("/me/prizes/{win_id}/collect", status_code=204, responses=problems(NotSignedIn, NotFound, CannotCollect))
async def collect(win_id: UUID, member: TheMember, edge: TheEdge) -> None:
    """Ask for a red packet that waits; one on its way is left alone, so asking again changes nothing."""
    await asyncio.to_thread(_collect, edge, member.member_id, win_id)


@router.post("/wechat-pay/notifications", status_code=204, responses=problems(BadRequest, NotFromWeChat))
async def hear(request: Request, edge: TheEdge) -> None:
    """WeChat Pay says that a payout has ended: it is asked about at once, and its answer is what counts."""
    await asyncio.to_thread(_hear, edge, request.headers, await request.body())


def _hear(edge: Edge, headers: Mapping[str, str], body: bytes) -> None:
    if edge.pay is None:
        raise NotFromWeChat("No payouts are made here.")
    order_no = edge.pay.notified(headers, body)
    with transaction(edge.house.engine) as tx:
        payouts.hurry(tx, [order_no], now=clock.now())


def _published(edge: Edge, pool_id: int) -> dict[str, Any]:
    with reading(edge.house.engine) as tx:
        return prizes.published(tx, pool_id)


def _mine(edge: Edge, member: UUID) -> list[WonOut]:
    with reading(edge.house.engine) as tx:
        return [WonOut.of(one, edge.house.purpose_key("coupons")) for one in wins.of_member(tx, member)]


def _collect(edge: Edge, member: UUID, win_id: UUID) -> None:
    with transaction(edge.house.engine) as tx:
        handing.collect(tx, win_id, member_id=member, now=clock.now())
