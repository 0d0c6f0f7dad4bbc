"""Birthdays and surveys: points for an occasion, once a year or once a survey, by the campaigns of that trigger.

The key is the occasion and the member, so a task that runs twice, or a sweep beside another, rewards once.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from foundation import outbox
from foundation.database import Tx
from foundation.errors import BadRequest
from foundation.ids import uuid7
from loyalty import calendar, earning, expiry, ledger, tiers
from loyalty.accounts import Account, System
from loyalty.earning import Award, EarnRequest
from loyalty.idempotency import Key
from loyalty.ledger import Post

SURVEY = "loyalty.reward_survey"


def reward_birthdays(tx: Tx, *, now: datetime, limit: int = 500) -> int:
    """Reward members whose birthday is today by the brand's clock; how many, 0 when all are done."""
    day = now.astimezone(expiry.BRAND_ZONE).date()
    members = calendar.born_on(tx, day, now=now, limit=limit)
    # The key names the year: whose birthday moves from the solar to the lunar calendar gets nothing twice.
    rewarded = _reward(tx, "birthday", [(member, f"{day.year} {member}") for member in members], {}, now)
    _gifts(tx, members, day.year, now=now)
    return len(rewarded)


def _gifts(tx: Tx, members: Sequence[UUID], year: int, *, now: datetime) -> None:
    """What a member's tier promises for the birthday, beside the campaigns."""
    gifts = [(member, tiers.standing(tx, member).level.gives.birthday) for member in members]
    posts = [
        Post(Key("tier-birthday", f"{year} {member}"), "award", System.ISSUER, Account("member", str(member)), points,
             "birthday")
        for member, points in gifts if points
    ]  # fmt: skip
    if posts:
        ledger.post(tx, posts, now=now)


def survey_completed(tx: Tx, member_id: UUID, survey: str, *, now: datetime) -> None:
    """Ask the worker to reward a finished survey; asking twice rewards once. Raises BadRequest."""
    if not (survey.isascii() and survey.isprintable() and 0 < len(survey) <= 60):
        raise BadRequest("Name the survey in at most 60 ASCII characters.")
    outbox.enqueue(tx, SURVEY, {"member_id": str(member_id), "survey": survey}, now=now)


def reward_survey(tx: Tx, member_id: UUID, survey: str, *, now: datetime) -> Award:
    [award] = _reward(tx, "survey", [(member_id, f"{survey} {member_id}")], {"survey": survey}, now)
    return award


def _reward(
    tx: Tx, scope: str, whom: Sequence[tuple[UUID, str]], facts: dict[str, object], now: datetime
) -> list[Award]:
    requests = [
        EarnRequest(uuid7(now), 0, "", 0, member, False, "", now, facts, scope=scope, ref=ref) for member, ref in whom
    ]
    return earning.reward(tx, requests, now=now)
