"""From a scan that took its item to points: which campaign, from which budget, credited or held, and why.

One reward per item, for ever: the key is ("claim", item), whoever scans and however often. A batch costs three
statements (lease, keys with balances, write) whatever its size, and a fourth once a second for the campaigns.
What earns nothing (no campaign, empty budget) is an outcome too and is stored with its reason.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text

from foundation.database import Tx
from foundation.ids import uuid7
from loyalty import accounts, budgets, expiry
from loyalty.accounts import Account, Balance
from loyalty.books import About, Books
from loyalty.campaigns import Campaign, in_force
from loyalty.holding import Hold, place
from loyalty.idempotency import Key, earlier, input_hash

State = Literal["credited", "held", "none"]


@dataclass(frozen=True, slots=True)
class EarnRequest:
    """A scan that took its item for `member_id`. facts: by the names of campaigns.SCAN; what is unknown is left out."""

    scan_id: UUID
    item: int
    gtin: str
    run_id: int
    member_id: UUID
    hold: bool
    hold_reason: str
    at: datetime
    facts: Mapping[str, object]

    @property
    def key(self) -> Key:
        return Key("claim", str(self.item))

    def hash(self) -> bytes:
        """Who got it. The scan's id is left out: it only tells taps apart."""
        return input_hash(item=self.item, member=self.member_id)


@dataclass(frozen=True, slots=True)
class Award:
    """explain: the campaigns tried, with their rules' traces, as JSON. transfer_id of a held award is its hold's id."""

    points: int
    state: State
    reason: str
    campaign_id: int | None
    rule_version: int | None
    transfer_id: UUID | None
    explain: Mapping[str, object]

    def to_json(self) -> dict[str, object]:
        return {
            "points": self.points,
            "state": self.state,
            "reason": self.reason,
            "campaign_id": self.campaign_id,
            "rule_version": self.rule_version,
            "transfer_id": self.transfer_id and str(self.transfer_id),
            "explain": self.explain,
        }

    @staticmethod
    def from_json(kept: Mapping[str, object]) -> "Award":
        transfer_id = kept["transfer_id"]
        return Award(**{**kept, "transfer_id": UUID(str(transfer_id)) if transfer_id else None})  # type: ignore[arg-type]


def reward(tx: Tx, requests: Sequence[EarnRequest], *, now: datetime) -> list[Award]:
    """Credit or hold the points of each scan, exactly once per item; awards in the order of the requests."""
    first = {one.key: one for one in reversed(requests)}  # An item twice in a batch is the earlier scan's.
    fresh = [one for one in requests if first[one.key] is one]
    # (1) Which campaign applies at the time of the scan? Pure.
    campaigns = in_force(tx)
    chosen = [choose(campaigns, one) for one in fresh]
    # (2) Does its budget still cover it? One guarded decrement of this process's lease.
    covered = fund(tx, [choice.campaign for choice in chosen], now=now)
    awards = {
        one.key: award(one, choice, is_covered, now=now)
        for one, choice, is_covered in zip(fresh, chosen, covered, strict=True)
    }
    # (3) Take the keys, with what will have come of them, and lock the members' balances.
    taken, books = claim(tx, fresh, awards, now=now)
    # (4) Move the points, in memory and then in one statement.
    for one, choice in zip(fresh, chosen, strict=True):
        if one.key in taken:
            enter(books, one, awards[one.key], choice.campaign)
    books.write(tx)
    # (5) Items rewarded before: the lease gets back what was not spent, and the first award is the answer.
    lost = [one for one in fresh if one.key not in taken]
    if not lost and len(fresh) == len(requests):
        return list(awards.values())
    refund(tx, lost, {one.key: choice.campaign for one, choice in zip(fresh, chosen, strict=True)}, awards)
    return answers(tx, requests, first, awards, lost)


class Choice(NamedTuple):
    campaign: Campaign | None
    explain: Mapping[str, object]


def choose(campaigns: Sequence[Campaign], one: EarnRequest) -> Choice:
    """The first campaign, by priority, whose rule says yes; and what each rule that was asked saw."""
    facts = facts_of(one)
    tried: list[dict[str, object]] = []
    for campaign in campaigns:
        if not campaign.is_on(one.at):
            continue
        found = campaign.explain(facts)
        tried.append({"campaign": campaign.id, "version": campaign.version, **found.to_json()})
        if found.matched:
            return Choice(campaign, {"tried": tried})
    return Choice(None, {"tried": tried})


def facts_of(one: EarnRequest, zone: ZoneInfo = expiry.BRAND_ZONE) -> dict[str, object]:
    local = one.at.astimezone(zone)
    derived = {"at": one.at, "hour": local.hour, "weekday": local.isoweekday(), "gtin": one.gtin, "run_id": one.run_id}
    return derived | dict(one.facts)


def fund(tx: Tx, chosen: Sequence[Campaign | None], *, now: datetime) -> list[bool]:
    """Which of the awards their budgets cover, first come first served; the last points are not passed over."""
    wanted: dict[int, list[int]] = {}
    for at, campaign in enumerate(chosen):
        if campaign:
            wanted.setdefault(campaign.budget_id, []).append(at)
    covered = [False] * len(chosen)
    for budget_id, places in sorted(wanted.items()):
        amounts = [campaign.points for at in places if (campaign := chosen[at])]
        for at in places[: budgets.spend(tx, budget_id, amounts, now=now)]:
            covered[at] = True
    return covered


def award(one: EarnRequest, choice: Choice, is_covered: bool, *, now: datetime) -> Award:
    """What a scan earns if the item is still to be had."""
    campaign, explain = choice
    if campaign is None:
        return Award(0, "none", "no-rule-matched" if explain["tried"] else "no-campaign", None, None, None, explain)
    if not is_covered:
        return Award(0, "none", "budget-exhausted", campaign.id, campaign.version, None, explain)
    state: State = "held" if one.hold else "credited"
    reason = (one.hold_reason or "under-review") if one.hold else "first-scan"
    return Award(campaign.points, state, reason, campaign.id, campaign.version, uuid7(now), explain)


# Keys first, in key order, then balances, in account order, as everywhere: the count makes the lock wait for the keys.
CLAIM = text("""
WITH taken AS (
    INSERT INTO idempotency (scope, key, input_hash, outcome, transfer_id, created_at)
    SELECT 'claim', key, decode(hash, 'hex'), outcome, transfer_id, :now
    FROM jsonb_to_recordset(CAST(:claims AS jsonb)) AS k (key text, hash text, outcome jsonb, transfer_id uuid)
    ORDER BY key ON CONFLICT DO NOTHING RETURNING key
), locked AS (
    SELECT a.kind, a.owner_ref, b.account_id, b.available, b.floor, b.version
    FROM unnest(CAST(:kinds AS text[]), CAST(:owners AS text[])) AS w (kind, owner_ref)
    JOIN accounts a ON a.owner_ref = w.owner_ref AND a.kind = w.kind AND a.asset = 'points'
    JOIN balances b ON b.account_id = a.id
    WHERE (SELECT count(*) FROM taken) >= 0
    ORDER BY b.account_id FOR UPDATE OF b
)
SELECT (SELECT coalesce(array_agg(key), '{}') FROM taken) AS keys, locked.*
FROM (SELECT 1) AS one LEFT JOIN locked ON true
""")


def claim(
    tx: Tx, fresh: Sequence[EarnRequest], awards: Mapping[Key, Award], *, now: datetime
) -> tuple[set[Key], Books]:
    """The keys this transaction took, and books open on the accounts the awards go to."""
    wanted = {account for one in fresh if (account := receiver(one, awards[one.key]))}
    names = sorted(wanted)
    claims = [claimed(one, awards[one.key]) for one in fresh]
    values = {
        "now": now,
        "claims": json.dumps(claims, ensure_ascii=False),  # One text: arrays of JSON would be escaped twice.
        "kinds": [name.kind for name in names],
        "owners": [name.owner for name in names],
    }
    rows = tx.execute(CLAIM, values).all() if fresh else []
    taken = {Key("claim", key) for row in rows[:1] for key in row.keys}
    balances = {
        Account(row.kind, row.owner_ref): Balance(row.account_id, row.available, row.floor, row.version, row.version)
        for row in rows
        if row.account_id is not None
    }
    if len(balances) < len(wanted):
        # Members who have no accounts yet. Locking all again keeps the account order; ours are locked already.
        balances = accounts.lock(tx, wanted, now=now)
    return taken, Books(now, balances)


def claimed(one: EarnRequest, made: Award) -> dict[str, object]:
    outcome = made.to_json()
    return {
        "key": one.key.key,
        "hash": one.hash().hex(),
        "outcome": outcome,
        "transfer_id": outcome["transfer_id"],
    }


def receiver(one: EarnRequest, made: Award) -> Account | None:
    if made.state == "none":
        return None
    return Account("member_pending" if made.state == "held" else "member", str(one.member_id))


def enter(books: Books, one: EarnRequest, made: Award, campaign: Campaign | None) -> None:
    """One award into the open books."""
    account = receiver(one, made)
    if account is None or campaign is None:
        return
    about = About(made.reason, one.scan_id, campaign.id, campaign.version, event_at=one.at)
    source = campaign.budget_account
    if made.state == "held":
        hold = Hold(one.key, "earn", account.owner, made.points, made.reason, source, expiry=campaign.expiry)
        place(books, hold, about, made.transfer_id)
    else:
        lapses = expiry.expires_at(campaign.expiry, books.now)
        books.credit("award", source, account, made.points, about, expires_at=lapses, transfer_id=made.transfer_id)


def refund(
    tx: Tx, lost: Sequence[EarnRequest], campaigns: Mapping[Key, Campaign | None], awards: Mapping[Key, Award]
) -> None:
    unspent: Counter[int] = Counter()
    for one in lost:
        if campaign := campaigns[one.key]:
            unspent[campaign.budget_id] += awards[one.key].points
    for budget_id, points in sorted(unspent.items()):
        if points:
            budgets.give_back(tx, budget_id, points)


def answers(
    tx: Tx,
    requests: Sequence[EarnRequest],
    first: Mapping[Key, EarnRequest],
    awards: Mapping[Key, Award],
    lost: Sequence[EarnRequest],
) -> list[Award]:
    """To each request its award: made now, made before, or none because the item is another member's."""
    known = {one.key: (one.hash(), awards[one.key]) for one in first.values()}
    for key, found in earlier(tx, [one.key for one in lost]).items():
        known[key] = found.input_hash, Award.from_json(found.outcome)
    given = []
    for one in requests:
        input_hash_then, then = known[one.key]
        given.append(then if input_hash_then == one.hash() else ALREADY)
    return given


ALREADY = Award(0, "none", "already-rewarded", None, None, None, {})
