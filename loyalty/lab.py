"""The rule lab: what a draft would have cost, on what really happened, before anybody publishes it.

Receipts keep the facts every rule saw; those of the period that meet the draft's rule are found by its SQL condition.
A fixed award without caps is summed there; anything else goes, in the order of events, through the very function that
pays (choosing.py). Nothing is written, locked or counted.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ARRAY, BigInteger, ColumnElement, Text, cast, func, select
from sqlalchemy.types import Boolean, Date, DateTime

from foundation.database import ReadTx
from foundation.errors import BadRequest
from foundation.rules import sql
from foundation.rules.ast import Declared, Kind
from loyalty import awards, expiry
from loyalty.campaigns import Campaign
from loyalty.caps import Cap, Counter
from loyalty.choosing import Event, choose
from loyalty.tables import receipts
from loyalty.vocabulary import EARN

MOST_DAYS = 400
TYPES: dict[Kind, Any] = {
    Kind.INT: BigInteger(),
    Kind.STRING: Text(),
    Kind.BOOL: Boolean(),
    Kind.DATE: Date(),
    Kind.INSTANT: DateTime(timezone=True),
}


@dataclass(frozen=True, slots=True)
class Replay:
    """Points of the draft over the period, had its budget been without end.

    paid_then: points that the same events were really paid, by whatever was in force. is_on_top: a bonus or multiplier
    comes on top of them, else it would have come instead. gaining, losing: members who would have had more, or less,
    from these events. ends_on: the day the draft's budget would end at this pace from its start on, None if it lasts
    beyond its end. days: (day, points), every day of the period.
    """

    events: int
    awards: int
    members: int
    points: int
    paid_then: int
    gaining: int
    losing: int
    days: tuple[tuple[date, int], ...]
    ends_on: date | None
    is_on_top: bool

    @property
    def difference(self) -> int:
        return self.points if self.is_on_top else self.points - self.paid_then


@dataclass(slots=True)
class Free:
    """Budgets without end and counters of plain numbers."""

    counters: dict[Counter, int] = field(default_factory=lambda: defaultdict(int))

    def used(self, counter: Counter, _cap: Cap, /) -> int:
        return self.counters[counter]

    def use(self, counter: Counter, cap: Cap, amount: int, /) -> bool:
        if self.counters[counter] + amount > cap.most:
            return False
        self.counters[counter] += amount
        return True

    def unuse(self, counter: Counter, _cap: Cap, amount: int, /) -> None:
        self.counters[counter] -= amount

    def spend(self, _budget_id: int, _points: int, /) -> bool:
        return True


def replay(
    tx: ReadTx, draft: Campaign, *, since: date, until: date, budget_points: int, seeds: awards.Seeds | None = None
) -> Replay:
    """The draft on the events of its trigger from the morning of `since` to the night of `until`. Raises BadRequest.

    A multiplier is tried on what the events were really paid. Random awards need their seeds.
    """
    if not 0 <= (until - since).days < MOST_DAYS:
        raise BadRequest(f"Replay from a day to the same or a later one, at most {MOST_DAYS} days.")
    per_event = _summed(tx, draft, since, until) if _is_plain(draft) else _played(tx, draft, since, until, seeds)
    days, would, then = defaultdict[date, int](int), defaultdict[str, int](int), defaultdict[str, int](int)
    events = paid = 0
    for day, member, count, awarded, points, paid_then in per_event:
        days[day] += points
        would[member] += points
        then[member] += paid_then
        events, paid = events + count, paid + awarded
    span = [since + timedelta(days=at) for at in range((until - since).days + 1)]
    total, is_on_top = sum(would.values()), draft.stacking != "base"
    before = dict.fromkeys(would, 0) if is_on_top else then
    return Replay(
        events=events,
        awards=paid,
        members=sum(points > 0 for points in would.values()),
        points=total,
        paid_then=sum(then.values()),
        gaining=sum(would[one] > before[one] for one in would),
        losing=sum(would[one] < before[one] for one in would),
        days=tuple((day, days[day]) for day in span),
        ends_on=_budget_end(draft, total, len(span), budget_points),
        is_on_top=is_on_top,
    )


Line = tuple[date, str, int, int, int, int]  # day, member, events, awards, points, points paid then


def _is_plain(draft: Campaign) -> bool:
    return draft.award.kind == "fixed" and not draft.caps


def _summed(tx: ReadTx, draft: Campaign, since: date, until: date) -> Iterator[Line]:
    day = cast(func.timezone(expiry.BRAND_ZONE.key, receipts.c.at), Date)
    query = select(day, receipts.c.member_id, func.count(), func.sum(receipts.c.points))
    for row in tx.execute(query.where(*_met(draft, since, until)).group_by(day, receipts.c.member_id)):
        yield row[0], str(row[1]), row[2], row[2], row[2] * int(draft.award.factor), int(row[3])


def _played(tx: ReadTx, draft: Campaign, since: date, until: date, seeds: awards.Seeds | None) -> Iterator[Line]:
    if draft.award.kind == "random" and seeds is None:
        raise BadRequest("A random award is replayed with the seeds of its draws.")
    means = Free()
    query = select(receipts.c.member_id, receipts.c.item, receipts.c.at, receipts.c.points, receipts.c.facts)
    query = query.where(*_met(draft, since, until)).order_by(receipts.c.at, receipts.c.id)
    for member, item, at, paid_then, facts in tx.execute(query.execution_options(yield_per=2_000)):
        day = at.astimezone(expiry.BRAND_ZONE).date()
        known = facts | {"at": at}
        if draft.stacking == "multiplier":
            points = draft.award.points(known, base=paid_then)
        else:
            device = str(facts.get("device", ""))
            event = Event(draft.trigger, at, day, item or 0, str(member), device, str(facts.get("gtin", "")), known)
            points = choose([draft], event, means, seeds=seeds).points
        yield day, str(member), 1, int(points > 0), points, paid_then


def _met(draft: Campaign, since: date, until: date) -> list[ColumnElement[bool]]:
    """In the period, of the trigger, and meeting the rule, as SQL."""
    start, end = (
        func.timezone(expiry.BRAND_ZONE.key, cast(day, DateTime)) for day in (since, until + timedelta(days=1))
    )
    return [
        receipts.c.trigger == draft.trigger,
        receipts.c.at >= start,
        receipts.c.at < end,
        sql.condition(draft.rule, {name: _fact(name, declared) for name, declared in EARN.facts.items()}, EARN),
    ]


def _fact(name: str, declared: Declared) -> ColumnElement[Any]:
    """A fact of the receipt as a typed value; missing is NULL."""
    if name == "at":
        return receipts.c.at
    kind, many = declared.type
    if not many:
        return cast(receipts.c.facts[name].astext, TYPES[kind])
    listed = func.jsonb_array_elements_text(func.coalesce(receipts.c.facts[name], cast("[]", receipts.c.facts.type)))
    whole = select(func.array_agg(listed.column_valued("one"))).scalar_subquery()
    return cast(func.coalesce(whole, cast([], ARRAY(Text()))), ARRAY(TYPES[kind]))


def _budget_end(draft: Campaign, points: int, days: int, budget_points: int) -> date | None:
    if not points:
        return None
    lasts = budget_points * days // points
    first = draft.starts_at.astimezone(expiry.BRAND_ZONE).date()
    ends_on = first + timedelta(days=min(lasts, 100 * 366))
    beyond = draft.ends_at is not None and ends_on >= draft.ends_at.astimezone(expiry.BRAND_ZONE).date()
    return None if beyond else ends_on


def period_before(now: datetime, *, days: int = 90, zone: ZoneInfo = expiry.BRAND_ZONE) -> tuple[date, date]:
    """The whole days before today, the newest that are complete."""
    yesterday = now.astimezone(zone).date() - timedelta(days=1)
    return yesterday - timedelta(days=days - 1), yesterday
