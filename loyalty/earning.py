"""From a scan, an order or an occasion to points: which campaigns pay, from which budgets, credited or held, and why.

One reward per item, for ever: the key is ("claim", item), whoever scans and however often; an order and an occasion
have keys of their own. A batch costs two statements whatever its size: one takes the keys and locks all that the rules
may ask (leases, standings of members, counters of caps, balances), the other writes, and may be shared with what else
the scan writes. A third reads the campaigns once a second; more only when a lease runs out or a key was taken before.
What earns nothing (no campaign, capped, empty budget) is an outcome too and is kept with its reason in its receipt.
"""

from collections import Counter as Tally
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import text

from foundation import facts as announced
from foundation.bulk import Write, record_set, rows_json, write_all
from foundation.database import Tx
from foundation.facts import Fact
from foundation.ids import uuid7
from loyalty import accounts, budgets, caps, expiry, receipts, standings, vocabulary
from loyalty.accounts import Account, Balance
from loyalty.awards import Seeds
from loyalty.books import About, Books
from loyalty.budgets import Purse
from loyalty.campaigns import Campaign, in_force
from loyalty.caps import Cap, Counter
from loyalty.choosing import Choice, Event, choose, counters_of
from loyalty.holding import Hold, place
from loyalty.idempotency import Key, input_hash
from loyalty.standings import Standing

State = Literal["credited", "held", "none"]
TRIGGERS = {
    "claim": "scan",
    "appeal": "scan",
    "order": "order",
    "birthday": "birthday",
    "survey": "survey",
}  # By the scope of the key.
REASONS = {"claim": "first-scan", "appeal": "appeal"}  # The others are called as their trigger.


@dataclass(frozen=True)
class EarnRequest:
    """A scan that took its item for `member_id`. facts: by the names of vocabulary.EARN; what is unknown is left out.

    An order or an occasion has scope `order`, `birthday` or `survey`, its own `ref`, and item 0; scan_id names its
    receipt.
    """

    scan_id: UUID
    item: int
    gtin: str
    run_id: int
    member_id: UUID
    hold: bool
    hold_reason: str
    at: datetime
    facts: Mapping[str, object]
    device: str = ""
    scope: str = "claim"
    ref: str = ""
    # Asked for many times in a batch, so made once; a cached property takes a lock each time (profiled).
    key: Key = field(init=False)
    owner: str = field(init=False)
    day: date = field(init=False)
    known: Mapping[str, object] = field(init=False)

    def __post_init__(self) -> None:
        """known: what the rules may ask, but for what is known of the member only under the lock."""
        scanned = {"gtin": self.gtin, "run_id": self.run_id} if self.item else {}
        made = {
            "key": Key(self.scope, self.ref or str(self.item)),
            "owner": str(self.member_id),
            "day": self.at.astimezone(expiry.BRAND_ZONE).date(),
            "known": vocabulary.of_moment(self.at) | scanned | dict(self.facts),
        }
        for name, value in made.items():
            object.__setattr__(self, name, value)

    @property
    def trigger(self) -> str:
        return TRIGGERS[self.scope]

    @property
    def counts(self) -> bool:
        """Whether it is one of the member's scans."""
        return self.scope == "claim"

    def event(self, more: Mapping[str, object]) -> Event:
        known = {**self.known, **more}
        # An appeal of a code that names no item has a draw of its own, by the refused scan.
        item = self.item or (-UUID(self.ref).int if self.scope == "appeal" else 0)
        return Event(self.trigger, self.at, self.day, item, self.owner, self.device, self.gtin, known)

    def hash(self) -> bytes:
        """Who got it. The scan's id is left out: it only tells taps apart."""
        return input_hash(item=self.ref or self.item, member=self.member_id)


@dataclass(frozen=True, slots=True)
class Award:
    """explain: the campaigns tried, with their rules' traces, as JSON. transfer_id of a held award is its hold's id.

    parts: one {campaign_id, version, points, transfer_id} for each campaign that paid; the fields beside it are those
    of the first.
    """

    points: int
    state: State
    reason: str
    campaign_id: int | None
    rule_version: int | None
    transfer_id: UUID | None
    explain: Mapping[str, object]
    parts: Sequence[Mapping[str, Any]] = ()

    def to_json(self) -> dict[str, object]:
        return {
            "points": self.points,
            "state": self.state,
            "reason": self.reason,
            "campaign_id": self.campaign_id,
            "rule_version": self.rule_version,
            "transfer_id": self.transfer_id and str(self.transfer_id),
            "explain": self.explain,
            "parts": self.parts,
        }

    @staticmethod
    def from_json(kept: Mapping[str, object]) -> "Award":
        transfer_id = kept["transfer_id"]
        return Award(**{**kept, "transfer_id": UUID(str(transfer_id)) if transfer_id else None})  # type: ignore[arg-type]


def compensate(tx: Tx, one: EarnRequest, *, seeds: Seeds | None = None, now: datetime) -> Award:
    """Pay what the campaigns in force at the scan would have paid, once a scan, for ever: an appeal was accepted.

    The key is ("appeal", scan), so the key of the item stays with whoever took it; budgets, caps and draws are those of
    any scan. The receipt is one of its own: a scan whose points were held and then given up has one already.
    """
    appealed = replace(one, scope="appeal", ref=str(one.scan_id), scan_id=uuid7(now), hold=False)
    (made,) = reward(tx, [appealed], seeds=seeds, now=now)
    return made


def reward(tx: Tx, requests: Sequence[EarnRequest], *, seeds: Seeds | None = None, now: datetime) -> list[Award]:
    """Credit or hold the points of each scan, exactly once per item; awards in the order of the requests."""
    awards, writes = rewarding(tx, requests, seeds=seeds, now=now)
    write_all(tx, writes, now=now)
    return awards


def rewarding(
    tx: Tx, requests: Sequence[EarnRequest], *, seeds: Seeds | None = None, now: datetime
) -> tuple[list[Award], list[Write]]:
    """The awards, and what `reward` would write for them: the caller must write it in this transaction.

    seeds: of campaigns with random awards.
    """
    first = {one.key: one for one in reversed(requests)}  # An item twice in a batch is the earlier scan's.
    fresh = [one for one in requests if first[one.key] is one]
    # (1) Which campaigns were on at the time of the scan? Pure.
    campaigns = in_force(tx)
    on = {one.key: [each for each in campaigns if each.trigger == one.trigger and each.is_on(one.at)] for one in fresh}
    # (2) Take the keys; lock what the rules, caps and budgets of these campaigns may ask.
    desk = look(tx, fresh, on, now=now)
    # (3) Decide in arrival order; each decision sees the ones before it. The points move in memory.
    made: dict[Key, Award] = {}
    kept: list[dict[str, object]] = []
    for one in fresh:
        if one.key in desk.taken:
            made[one.key] = settle(desk, one, on[one.key], kept, seeds=seeds)
        desk.purse.coming = max(1, desk.purse.coming - 1)
    # (4) Items rewarded before: the first award is the answer.
    writes = [*desk.writing(), receipts.writing(kept), credited(first, made)]
    if len(made) == len(requests):
        return list(made.values()), writes
    return answers(tx, requests, first, made), writes


@dataclass(slots=True)
class Desk:
    """What one transaction has locked to decide with, and how it stands after each decision."""

    taken: set[Key]
    standings: dict[str, Standing]
    purse: Purse
    counters: dict[Counter, int]
    allowances: Mapping[str, int]
    books: Books
    counted: dict[Counter, int] = field(default_factory=dict)

    def used(self, counter: Counter, cap: Cap) -> int:
        """Of a cap everyone shares it shows only in `use` whether there is room."""
        return 0 if cap.is_shared else self.counters[counter]

    def use(self, counter: Counter, cap: Cap, amount: int) -> bool:
        if cap.is_shared:
            return self.purse.spend(self.allowances[counter.purpose], amount)
        self.counters[counter] += amount
        self.counted[counter] = self.counters[counter]
        return True

    def unuse(self, counter: Counter, cap: Cap, amount: int) -> None:
        if cap.is_shared:
            self.purse.give_back(self.allowances[counter.purpose], amount)
        else:
            self.counters[counter] -= amount
            self.counted[counter] = self.counters[counter]

    def spend(self, budget_id: int, points: int) -> bool:
        return self.purse.spend(budget_id, points)

    def writing(self) -> list[Write]:
        return [self.purse.writing(), caps.counting(self.counted), *self.books.writing()]


# Leases first, then keys in key order, members' standings, counters, balances in account order, as everywhere: each
# count makes the next part wait for the one before.
LOOK = text(
    " ".join(
        f"""
WITH {budgets.LEASED}, taken AS (
    INSERT INTO idempotency (scope, key, input_hash, outcome, created_at)
    SELECT scope, key, CAST(hash AS bytea), json_build_object('receipt', receipt), :now
    FROM {record_set("claims", "scope text, key text, hash text, receipt uuid")}
    WHERE (SELECT count(*) FROM leased) >= 0
    ORDER BY scope, key ON CONFLICT DO NOTHING RETURNING scope, key
), {standings.STANDINGS}, {caps.COUNTED}, locked AS (
    SELECT a.kind, a.owner_ref, b.account_id, b.available, b.floor, b.version
    FROM {record_set("accounts", "kind text, owner text")}
    JOIN accounts a ON a.owner_ref = accounts_rows.owner AND a.kind = accounts_rows.kind AND a.asset = 'points'
    JOIN balances b ON b.account_id = a.id
    WHERE (SELECT count(*) FROM begun) >= 0
    ORDER BY b.account_id FOR UPDATE OF b
)
SELECT (SELECT json_agg(json_build_array(budget_id, remaining)) FROM leased) AS leases,
    (SELECT json_agg(json_build_array(scope, key)) FROM taken) AS keys,
    {standings.AS_JSON} AS standings,
    (SELECT json_agg(json_build_array(campaign_id, cap, subject, period, used))
     FROM (SELECT * FROM counted UNION ALL SELECT * FROM begun) AS c) AS counters,
    (SELECT json_agg(json_build_array(kind, owner_ref, account_id, available, floor, version)) FROM locked) AS balances
""".split()  # noqa: S608
    )
)


def look(tx: Tx, fresh: Sequence[EarnRequest], on: Mapping[Key, Sequence[Campaign]], *, now: datetime) -> Desk:
    """Take the keys and lock the rest, in one statement; rows somebody else is just making cost another."""
    owner = budgets.session(tx)
    if not fresh:
        return Desk(set(), {}, Purse(tx, owner, now, {}), {}, {}, Books(now, {}))
    wanted, shared = counters_wanted(fresh, on)
    allowed = budgets.allowances(tx, shared, now=now) if shared else {}
    funds = {each.budget_id for every in on.values() for each in every} | set(allowed.values())
    names = {receiver(one) for one in fresh if on[one.key]}
    values = {
        "now": now,
        "owner": owner,
        "funds": rows_json([{"budget": budget_id} for budget_id in sorted(funds)]),
        "claims": rows_json([claimed(one) for one in fresh]),
        "counters": rows_json(caps.rows(wanted)),
        "accounts": rows_json([{"kind": name.kind, "owner": name.owner} for name in sorted(names)]),
    }
    row = tx.execute(LOOK, values).one()
    taken = {Key(*key) for key in row.keys or ()}
    counters = {Counter(*found[:4]): found[4] for found in row.counters or ()}
    if len(counters) < len(wanted):
        counters = caps.relock(tx, wanted)
    balances = {
        Account(kind, name): Balance(account_id, available, floor, version, version)
        for kind, name, account_id, available, floor, version in row.balances or ()
    }
    if len(balances) < len(names):
        # Members who have no accounts yet. Locking all again keeps the account order; ours are locked already.
        balances = accounts.lock(tx, names, now=now)
    counted = Tally(one.owner for one in fresh if one.key in taken and one.counts)
    purse = Purse(tx, owner, now, dict(row.leases or ()), coming=len(taken), funds=frozenset(funds))
    return Desk(taken, standings.read(row.standings, counted), purse, counters, allowed, Books(now, balances))


def counters_wanted(
    fresh: Sequence[EarnRequest], on: Mapping[Key, Sequence[Campaign]]
) -> tuple[set[Counter], dict[str, int]]:
    """The counters these events may touch: those with a row, and of shared caps purpose -> total."""
    rows, shared = set[Counter](), dict[str, int]()
    for one in fresh:
        capped = [each for each in on[one.key] if each.caps and (each.asks_of_member or each.test(one.known))]
        for campaign in capped:
            for cap, counter in counters_of(campaign, one.event({})):
                if cap.is_shared:
                    shared[counter.purpose] = max(cap.most, shared.get(counter.purpose, 0))
                else:
                    rows.add(counter)
    return rows, shared


def claimed(one: EarnRequest) -> dict[str, object]:
    return {
        "scope": one.key.scope,
        "key": one.key.key,
        "hash": "\\x" + one.hash().hex(),
        "receipt": one.scan_id,
        "member": one.member_id,
        "counts": int(one.counts),
        "day": one.day if one.counts else None,
    }


def receiver(one: EarnRequest) -> Account:
    return Account("member_pending" if one.hold else "member", one.owner)


def settle(
    desk: Desk, one: EarnRequest, on: Sequence[Campaign], kept: list[dict[str, object]], *, seeds: Seeds | None
) -> Award:
    """Decide one event and enter its points into the books; its receipt is added to `kept`."""
    now = desk.books.now
    standing = desk.standings[one.owner]
    event = one.event(standing.facts(one.day, counts=one.counts, now=now))
    choice = choose(on, event, desk, seeds=seeds)
    made = award(one, choice, now=now)
    for paid, part in zip(choice.paid, made.parts, strict=True):
        enter(desk.books, one, paid.campaign, paid.points, UUID(part["transfer_id"]), made.reason)
    kept.append(
        {
            "id": one.scan_id,
            "trigger": one.trigger,
            "member_id": one.member_id,
            "item": one.item or None,
            "at": one.at,
            "points": made.points,
            "state": made.state,
            "outcome": made.to_json(),
            "facts": {**event.facts, "device": one.device},
        }
    )
    return made


def award(one: EarnRequest, choice: Choice, *, now: datetime) -> Award:
    explain: dict[str, object] = {"tried": choice.tried}
    if not choice.paid:
        reason = choice.refused or ("no-rule-matched" if choice.tried else "no-campaign")
        return Award(0, "none", reason, None, None, None, explain)
    state: State = "held" if one.hold else "credited"
    reason = (one.hold_reason or "under-review") if one.hold else REASONS.get(one.scope, one.trigger)
    ids = [uuid7(now) for _ in choice.paid]
    parts = [
        {
            "campaign_id": each.campaign.id,
            "version": each.campaign.version,
            "points": each.points,
            "transfer_id": str(at),
        }
        for each, at in zip(choice.paid, ids, strict=True)
    ]
    first = choice.paid[0].campaign
    return Award(choice.points, state, reason, first.id, first.version, ids[0], explain, parts)


def enter(books: Books, one: EarnRequest, campaign: Campaign, points: int, transfer_id: UUID, reason: str) -> None:
    """One campaign's part of an award into the open books."""
    account, source = receiver(one), campaign.budget_account
    about = About(reason, one.scan_id, campaign.id, campaign.version, event_at=one.at)
    if one.hold:
        hold = Hold(one.key, "earn", account.owner, points, reason, source, expiry=campaign.expiry)
        place(books, hold, about, transfer_id)
    else:
        lapses = expiry.expires_at(campaign.expiry, books.now)
        books.credit("award", source, account, points, about, expires_at=lapses, transfer_id=transfer_id)


def credited(requests: Mapping[Key, EarnRequest], made: Mapping[Key, Award]) -> Write:
    """Points credited at once are told to whoever listens; those of a hold when it settles."""
    told = [
        Fact(
            "reward.credited",
            f"member:{requests[key].owner}",
            {"member_id": requests[key].owner, "receipt_id": str(requests[key].scan_id), "points": one.points},
        )
        for key, one in made.items()
        if one.state == "credited"
    ]
    return announced.announcing("credited", told)


def answers(
    tx: Tx, requests: Sequence[EarnRequest], first: Mapping[Key, EarnRequest], made: Mapping[Key, Award]
) -> list[Award]:
    """To each request its award: made now, made before, or none because the item is another member's."""
    known = {key: (first[key].hash(), one) for key, one in made.items()}
    lost = sorted(key for key in first if key not in made)
    for key, (hash_then, outcome) in receipts.earlier(tx, lost).items() if lost else ():
        known[key] = hash_then, Award.from_json(outcome)
    given = []
    for one in requests:
        hash_then, then = known[one.key]
        given.append(then if hash_then == one.hash() else ALREADY)
    return given


ALREADY = Award(0, "none", "already-rewarded", None, None, None, {})
