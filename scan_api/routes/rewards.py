"""What a member does with points: check in, invite, look at the catalogue, redeem, and see the tier."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Literal, TypeVar
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from foundation import clock
from foundation.database import Tx, reading, transaction
from foundation.errors import BadRequest, NotAllowed, NotFound, NotSignedIn, TooMany
from foundation.limits import Rate
from loyalty import checkin, coupons, following, referrals, rewards, tiers
from loyalty.referrals import NoSuchReferral, NotReferrable
from loyalty.rewards import Redemption, RedemptionReused
from scan_api import auth
from scan_api.edge import Edge, TheEdge, TheMember
from scan_api.problems import problems

router = APIRouter(prefix="/v1", tags=["rewards"])
CODE_RATE = Rate(burst=10, every_s=30)
R = TypeVar("R")


class GuardianNeeded(NotAllowed):
    """A child gets no points before a guardian agrees."""

    type = "guardian-needed"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Invitation(_Strict):
    code: str = Field(min_length=1, max_length=20)


class RedemptionIn(_Strict):
    """id: a UUID of the caller's; the same again answers the same."""

    reward_id: int = Field(ge=1, lt=2**63)
    id: UUID


class CheckInOut(BaseModel):
    points: int
    streak: int
    already: bool


class ReferralOut(BaseModel):
    code: str
    invited: int
    points: int


class Name(BaseModel):
    zh: str
    en: str


class RewardOfferOut(BaseModel):
    """points, delivery_fen: at the prices of the member's tier. left None: no stock to run out of.

    why_not: None, or one stable word.
    """

    id: int
    kind: str
    name: Name
    points: int
    cash_fen: int
    delivery_fen: int
    left: int | None
    why_not: str | None


class RedemptionOut(BaseModel):
    id: UUID
    reward_id: int
    name: Name
    points: int
    cash_fen: int
    delivery_fen: int
    state: Literal["requested", "confirmed", "shipped", "delivered", "refused", "cancelled", "returned"]
    reason: str
    coupon_code: str | None
    carrier: str | None
    tracking: str | None
    at: datetime


class NextTierOut(BaseModel):
    name: Name
    at: int


class TierOut(BaseModel):
    tier: Name
    qualifying: int
    benefits: list[str]
    until: datetime | None
    next: NextTierOut | None


@router.post("/me/check-in", responses=problems(NotSignedIn, GuardianNeeded))
async def check_in(member: TheMember, edge: TheEdge) -> CheckInOut:
    """The daily check-in; a second one on the same day answers what the first got."""
    _grown_up(edge, member)
    done = await _write(edge, lambda tx: checkin.check_in(tx, member.member_id, now=clock.now()))
    return CheckInOut(points=done.points, streak=done.streak, already=done.already)


@router.get("/me/referral", responses=problems(NotSignedIn))
async def my_referral(member: TheMember, edge: TheEdge) -> ReferralOut:
    """The member's own invitation code, and what it brought."""
    found = await _write(edge, lambda tx: referrals.mine(tx, member.member_id, now=clock.now()))
    return ReferralOut(code=found.code, invited=found.invited, points=found.points)


@router.post(
    "/me/referral",
    status_code=204,
    responses=problems(BadRequest, NotSignedIn, GuardianNeeded, NoSuchReferral, NotReferrable, TooMany),
)
async def accept_referral(body: Invitation, member: TheMember, edge: TheEdge) -> None:
    """The member was invited by whoever has this code; both get points after the first paid scan."""
    _grown_up(edge, member)
    edge.take({f"referral:{member.member_id}": CODE_RATE})
    await _write(edge, lambda tx: referrals.accept(tx, member.member_id, body.code, now=clock.now()))


@router.get("/rewards", responses=problems(NotSignedIn))
async def catalogue(member: TheMember, edge: TheEdge) -> list[RewardOfferOut]:
    """The catalogue as this member sees it."""
    return await asyncio.to_thread(_offers, edge, member)


@router.post("/me/redemptions", responses=problems(NotSignedIn, GuardianNeeded, NotFound, RedemptionReused))
async def redeem(body: RedemptionIn, member: TheMember, edge: TheEdge) -> RedemptionOut:
    """Redeem a reward. A refusal is an answer, with its reason, and stays one under this id."""
    _grown_up(edge, member)
    key = edge.house.purpose_key("coupons")
    made = await _write(
        edge,
        lambda tx: rewards.redeem(
            tx, body.id, reward_id=body.reward_id, member_id=member.member_id, coupon_key=key, now=clock.now()
        ),
    )
    return await asyncio.to_thread(_redemption, edge, made)


@router.get("/me/redemptions", responses=problems(NotSignedIn))
async def my_redemptions(member: TheMember, edge: TheEdge) -> list[RedemptionOut]:
    """What this member redeemed, newest first."""
    return await asyncio.to_thread(_redemptions, edge, member)


@router.get("/me/tier", responses=problems(NotSignedIn))
async def my_tier(member: TheMember, edge: TheEdge) -> TierOut:
    """The tier, what counts for it, and the next one."""
    return _tier(await _write(edge, lambda tx: _followed(tx, member.member_id)))


def _grown_up(edge: Edge, member: auth.Session) -> None:
    if edge.standing.is_young(member.member_id):
        raise GuardianNeeded("A guardian has to agree first.")


async def _write(edge: Edge, work: Callable[[Tx], R]) -> R:
    def inside() -> R:
        with transaction(edge.house.engine) as tx:
            return work(tx)

    return await asyncio.to_thread(inside)


def _offers(edge: Edge, member: auth.Session) -> list[RewardOfferOut]:
    with reading(edge.house.engine) as tx:
        found = rewards.offers(tx, member.member_id, now=clock.now())
    return [
        RewardOfferOut(
            id=one.reward.id, kind=one.reward.kind, name=Name(zh=one.reward.name_zh, en=one.reward.name_en),
            points=one.points, cash_fen=one.reward.cash_fen, delivery_fen=one.delivery_fen, left=one.reward.remaining,
            why_not=one.why_not or None,
        )
        for one in found
    ]  # fmt: skip


def _redemptions(edge: Edge, member: auth.Session) -> list[RedemptionOut]:
    with reading(edge.house.engine) as tx:
        found = rewards.of_member(tx, member.member_id)
        return [_said(edge, one, rewards.get(tx, one.reward_id)) for one in found]


def _redemption(edge: Edge, one: Redemption) -> RedemptionOut:
    with reading(edge.house.engine) as tx:
        return _said(edge, one, rewards.get(tx, one.reward_id))


def _said(edge: Edge, one: Redemption, of: rewards.Reward) -> RedemptionOut:
    code = coupons.code_of(one.coupon_id, edge.house.purpose_key("coupons")) if one.coupon_id else None
    return RedemptionOut.model_validate(
        {
            "id": one.id, "reward_id": one.reward_id, "name": {"zh": of.name_zh, "en": of.name_en},
            "points": one.points, "cash_fen": one.cash_fen,
            "delivery_fen": one.delivery_fen, "state": one.state, "reason": one.reason,
            "coupon_code": code, "carrier": one.carrier, "tracking": one.tracking, "at": one.created_at,
        }
    )  # fmt: skip


def _followed(tx: Tx, member_id: UUID) -> tiers.Standing:
    following.follow(tx, now=clock.now(), member_id=member_id)
    return tiers.standing(tx, member_id)


def _tier(found: tiers.Standing) -> TierOut:
    ahead = found.next and NextTierOut(name=Name(zh=found.next[0].zh, en=found.next[0].en), at=found.next[1])
    return TierOut(
        tier=Name(zh=found.level.zh, en=found.level.en), qualifying=found.qualifying,
        benefits=list(found.level.benefits), until=found.until, next=ahead,
    )  # fmt: skip
