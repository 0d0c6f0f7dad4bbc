"""From a scan that took its item to points: which campaign, from which budget, credited or held, and why.

One reward per item, for ever: the key is ("claim", item), whoever scans and however often. A batch costs two
statements whatever its size: one takes budget, keys and balances, the other writes, and may be shared with what else
the scan writes. A third reads the campaigns once a second; more only when a lease runs out or a key was taken before.
What earns nothing (no campaign, empty budget) is an outcome too and is stored with its reason.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Literal, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text

from foundation.bulk import Write, record_set, rows_json, write_all
from foundation.database import Tx
from foundation.ids import uuid7
from loyalty import accounts, budgets, expiry
from loyalty.accounts import Account, Balance
from loyalty.books import About, Books
from loyalty.campaigns import Campaign, in_force
from loyalty.holding import Hold, place
from loyalty.idempotency import Key, earlier, input_hash

State = Literal["credited", "held", "none"]


@dataclass(frozen=True)
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

    @cached_property  # Asked for many times in a batch.
    def key(self) -> Key:
        return Key("claim", str(self.item))

    @cached_property
    def owner(self) -> str:
        return str(self.member_id)

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
    awards, writes = rewarding(tx, requests, now=now)
    write_all(tx, writes, now=now)
    return awards


def rewarding(tx: Tx, requests: Sequence[EarnRequest], *, now: datetime) -> tuple[list[Award], list[Write]]:
    """The awards, and what `reward` would write for them: the caller must write it in this transaction."""
    first = {one.key: one for one in reversed(requests)}  # An item twice in a batch is the earlier scan's.
    fresh = [one for one in requests if first[one.key] is one]
    # (1) Which campaign applies at the time of the scan? Pure.
    campaigns = in_force(tx)
    chosen = [choose(campaigns, one) for one in fresh]
    # (2) Take budget and keys, with what will have come of them, and lock the members' balances.
    awards, taken, books = take(tx, fresh, chosen, now=now)
    # (3) Move the points in memory; they are written in one statement.
    for one, choice in zip(fresh, chosen, strict=True):
        if one.key in taken:
            enter(books, one, awards[one.key], choice.campaign)
    # (4) Items rewarded before: the lease gets back what was not spent, and the first award is the answer.
    lost = [one for one in fresh if one.key not in taken]
    if not lost and len(fresh) == len(requests):
        return list(awards.values()), books.writing()
    refund(tx, lost, {one.key: choice.campaign for one, choice in zip(fresh, chosen, strict=True)}, awards)
    return answers(tx, requests, first, awards, lost), books.writing()


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


def take(
    tx: Tx, fresh: Sequence[EarnRequest], chosen: Sequence[Choice], *, now: datetime
) -> tuple[dict[Key, Award], set[Key], Books]:
    """What each scan earns, the keys this transaction took, and books open on the accounts the awards go to.

    In one statement when every budget's lease covers the batch; otherwise that statement did nothing, and leases are
    renewed and spent one by one first.
    """
    everything = award_all(fresh, chosen, [True] * len(fresh), now=now)
    found = claim(tx, fresh, everything, spends(chosen), now=now)
    if found is not None:
        return everything, *found
    covered = fund(tx, [choice.campaign for choice in chosen], now=now)
    awards = award_all(fresh, chosen, covered, now=now)
    found = claim(tx, fresh, awards, {}, now=now)
    assert found is not None, "no lease was asked for"
    return awards, *found


def award_all(
    fresh: Sequence[EarnRequest], chosen: Sequence[Choice], covered: Sequence[bool], *, now: datetime
) -> dict[Key, Award]:
    return {
        one.key: award(one, choice, is_covered, now=now)
        for one, choice, is_covered in zip(fresh, chosen, covered, strict=True)
    }


def spends(chosen: Sequence[Choice]) -> dict[int, int]:
    """budget id -> points these awards want of it."""
    wanted: Counter[int] = Counter()
    for choice in chosen:
        if choice.campaign:
            wanted[choice.campaign.budget_id] += choice.campaign.points
    return wanted


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


# Leases first, then keys in key order, then balances in account order, as everywhere: each count makes the next part
# wait for the one before. When a lease is short, nothing is spent and no key is taken.
CLAIM = text(f"""
WITH {budgets.SPENT}, taken AS (
    INSERT INTO idempotency (scope, key, input_hash, outcome, transfer_id, created_at)
    SELECT 'claim', key, CAST(hash AS bytea), outcome, transfer_id, :now
    FROM {record_set("claims", "key text, hash text, outcome jsonb, transfer_id uuid")}
    WHERE (SELECT count(*) FROM spent) = :budgets
    ORDER BY key ON CONFLICT DO NOTHING RETURNING key
), locked AS (
    SELECT a.kind, a.owner_ref, b.account_id, b.available, b.floor, b.version
    FROM {record_set("accounts", "kind text, owner text")}
    JOIN accounts a ON a.owner_ref = accounts_rows.owner AND a.kind = accounts_rows.kind AND a.asset = 'points'
    JOIN balances b ON b.account_id = a.id
    WHERE (SELECT count(*) FROM taken) >= 0
    ORDER BY b.account_id FOR UPDATE OF b
)
SELECT (SELECT count(*) FROM spent) AS spent, (SELECT coalesce(array_agg(key), '{{}}') FROM taken) AS keys, locked.*
FROM (SELECT 1) AS one LEFT JOIN locked ON true
""")  # noqa: S608


def claim(
    tx: Tx, fresh: Sequence[EarnRequest], awards: Mapping[Key, Award], spending: Mapping[int, int], *, now: datetime
) -> tuple[set[Key], Books] | None:
    """The keys this transaction took, and books open on the accounts the awards go to. None: a lease was short."""
    if not fresh:
        return set(), Books(now, {})
    wanted = {account for one in fresh if (account := receiver(one, awards[one.key]))}
    values = {
        "now": now,
        "owner": budgets.session(tx),
        "budgets": len(spending),
        "spends": rows_json([{"budget": budget, "amount": amount} for budget, amount in sorted(spending.items())]),
        "claims": rows_json([claimed(one, awards[one.key]) for one in fresh]),
        "accounts": rows_json([{"kind": name.kind, "owner": name.owner} for name in sorted(wanted)]),
    }
    rows = tx.execute(CLAIM, values).all()
    if rows[0].spent != len(spending):
        return None
    balances = {
        Account(row.kind, row.owner_ref): Balance(row.account_id, row.available, row.floor, row.version, row.version)
        for row in rows
        if row.account_id is not None
    }
    if len(balances) < len(wanted):
        # Members who have no accounts yet. Locking all again keeps the account order; ours are locked already.
        balances = accounts.lock(tx, wanted, now=now)
    return {Key("claim", key) for key in rows[0].keys}, Books(now, balances)


def claimed(one: EarnRequest, made: Award) -> dict[str, object]:
    return {
        "key": one.key.key,
        "hash": "\\x" + one.hash().hex(),
        "outcome": made.to_json(),
        "transfer_id": made.transfer_id,
    }


def receiver(one: EarnRequest, made: Award) -> Account | None:
    if made.state == "none":
        return None
    return Account("member_pending" if made.state == "held" else "member", one.owner)


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
