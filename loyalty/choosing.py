"""Which campaigns pay for one event, how much each, and what was asked on the way: the receipt. No I/O of its own.

Campaigns are tried in one order: bases, multipliers, bonuses; within each by priority, then id.
- base: the first that matches and can pay. One that is capped or whose budget is spent lets the next have its turn.
- multiplier: of those that match, the one with the largest factor, on what the base paid; the extra is its own award.
- bonus: every one that matches; of an exclusion group (which may span all kinds) at most one campaign pays.
- a campaign that `stops` and pays ends the trying.
Caps are asked before the budget. The lab goes through the same function, so a preview and a credit cannot disagree.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple, Protocol

from loyalty import awards, caps
from loyalty.campaigns import Campaign
from loyalty.caps import Cap, Counter

Tried = dict[str, object]


class Event(NamedTuple):
    """What happened, as far as campaigns care. day: on the brand's calendar. item 0: no item."""

    trigger: str
    at: datetime
    day: date
    item: int
    member: str
    device: str
    product: str
    facts: Mapping[str, object]


class Means(Protocol):
    """Where the budgets and counters are: locked rows of a transaction, or the lab's plain numbers."""

    def used(self, counter: Counter, cap: Cap, /) -> int: ...
    def use(self, counter: Counter, cap: Cap, amount: int, /) -> bool: ...
    def unuse(self, counter: Counter, cap: Cap, amount: int, /) -> None: ...
    def spend(self, budget_id: int, points: int, /) -> bool: ...


class Paid(NamedTuple):
    campaign: Campaign
    points: int


@dataclass(slots=True)
class Choice:
    """refused: why the first campaign that matched did not pay, if it did not."""

    paid: list[Paid] = field(default_factory=list)
    tried: list[Tried] = field(default_factory=list)
    refused: str = ""

    @property
    def points(self) -> int:
        return sum(one.points for one in self.paid)


def counters_of(campaign: Campaign, event: Event) -> list[tuple[Cap, Counter]]:
    subjects = {"member": event.member, "device": event.device, "product": event.product, "everyone": ""}
    return [
        (cap, Counter(campaign.id, cap.name, subjects[cap.per], caps.period(cap.window, event.day)))
        for cap in campaign.caps
    ]


def choose(campaigns: Sequence[Campaign], event: Event, means: Means, *, seeds: awards.Seeds | None = None) -> Choice:
    """campaigns: those in force at the event, in the order of `in_force`."""
    turn = _Turn(event, means, seeds)
    multipliers: list[tuple[Campaign, Tried]] = []
    for campaign in campaigns:
        if turn.is_over or (campaign.stacking == "base" and turn.choice.paid):
            continue  # A base that lost to one before it is not asked.
        if campaign.stacking == "bonus" and multipliers:
            turn.best_of(multipliers)
            multipliers = []
            if turn.is_over:
                continue
        found = campaign.explain(event.facts)
        tried: Tried = {
            "campaign": campaign.id,
            "version": campaign.version,
            **found.to_json(),
            "result": "not-matched",
        }
        turn.choice.tried.append(tried)
        if found.matched and campaign.stacking == "multiplier":
            tried["result"] = "smaller-factor"
            multipliers.append((campaign, tried))
        elif found.matched:
            turn.pay(campaign, tried)
    turn.best_of(multipliers)
    return turn.choice


class _Turn:
    def __init__(self, event: Event, means: Means, seeds: awards.Seeds | None) -> None:
        self.event, self.means, self.seeds = event, means, seeds
        self.choice, self.is_over, self.groups = Choice(), False, set[str]()

    def best_of(self, multipliers: list[tuple[Campaign, Tried]]) -> None:
        for campaign, tried in sorted(multipliers, key=lambda one: -one[0].award.factor):
            if self.is_over or self.pay(campaign, tried):
                return

    def pay(self, campaign: Campaign, tried: Tried) -> bool:
        if campaign.exclusion_group is not None and campaign.exclusion_group in self.groups:
            return self.refuse(tried, "excluded")
        wanted = self.points(campaign)
        if wanted <= 0:
            return self.refuse(tried, "gives-nothing")
        tried["points"] = wanted
        points, cap = self.within_caps(campaign, wanted)
        if cap is not None:
            tried["cap"] = cap.to_json()
        if points <= 0:
            return self.refuse(tried, "capped")
        if why_not := self.take(campaign, points):
            return self.refuse(tried, why_not)
        tried |= {"result": "paid", "paid": points}
        self.choice.paid.append(Paid(campaign, points))
        self.is_over = campaign.stops
        if campaign.exclusion_group is not None:
            self.groups.add(campaign.exclusion_group)
        return True

    def refuse(self, tried: Tried, why: str) -> bool:
        tried["result"] = why
        self.choice.refused = self.choice.refused or why
        return False

    def points(self, campaign: Campaign) -> int:
        if campaign.award.kind == "random":
            assert self.seeds is not None, "whoever rewards scans brings the seeds of draws"
            draw = awards.ticket(self.seeds(campaign.id), campaign.id, self.event.item)
            return campaign.award.points(self.event.facts, ticket=draw)
        base = sum(one.points for one in self.choice.paid if one.campaign.stacking == "base")
        return campaign.award.points(self.event.facts, base=base)

    def within_caps(self, campaign: Campaign, wanted: int) -> tuple[int, Cap | None]:
        """What the caps leave of it, and the cap that took some."""
        points, met = wanted, None
        for cap, counter in counters_of(campaign, self.event):
            room = cap.most - self.means.used(counter, cap)
            if room >= cap.uses(points):
                continue
            met = cap
            points = room if cap.part and room > 0 else 0
            if not points:
                break
        return points, met

    def take(self, campaign: Campaign, points: int) -> str:
        """Counters and budget, all or none; why not. A cap that everyone shares shows only here that it is full."""
        taken: list[tuple[Counter, Cap, int]] = []
        why_not = ""
        for cap, counter in counters_of(campaign, self.event):
            if not self.means.use(counter, cap, cap.uses(points)):
                why_not = "capped"
                break
            taken.append((counter, cap, cap.uses(points)))
        if not why_not and self.means.spend(campaign.budget_id, points):
            return ""
        for counter, cap, amount in taken:
            self.means.unuse(counter, cap, amount)
        return why_not or "budget-exhausted"
