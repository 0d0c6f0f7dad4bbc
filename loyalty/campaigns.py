"""Campaigns: who earns how much for what, as a rule over facts; from which budget, under which caps, and when.

    draft ── submit ──> submitted ── approve, by another person ──> published ── the next version, or retire ──> retired
      ^                    │
      └────── return ──────┘     published before its start is what people call scheduled

A published version never changes (a trigger refuses); a change is a new version, and each award stores the version
that made it. The version in force at the time of the event applies, even if it is handled later. Once started, a
campaign changes in the consumer's favour only: no less to earn, for no fewer people, no shorter, under no tighter cap.
"""

import json
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, RowMapping, insert, select, text, update

from foundation import audit
from foundation.clock import monotonic_s
from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest, Conflict, NotFound
from foundation.rules.ast import Any as AnyOf
from foundation.rules.ast import Condition
from foundation.rules.explain import Explainer, explainer
from foundation.rules.jsonform import from_json, to_json
from foundation.rules.parse import parse
from foundation.rules.python import Predicate, predicate
from foundation.rules.sentence import sentence
from foundation.rules.text import text_of
from loyalty import awards, budgets, caps, expiry
from loyalty.awards import Award
from loyalty.caps import Cap
from loyalty.tables import budgets as budgets_table
from loyalty.tables import campaign_ids, campaigns
from loyalty.vocabulary import EARN, asks_of_member

TRIGGERS = ("scan", "order", "birthday", "survey")
STACKING = ("base", "multiplier", "bonus")  # In the order in which they are tried.
CACHED_S = 1.0  # How long a published or retired campaign may go unnoticed by another process.


class AgainstTheConsumer(Conflict):
    """The change would take something from people who were promised it."""

    type = "against-the-consumer"


class NeedsAnother(Conflict):
    """Who drafted or submitted a campaign cannot approve it."""

    type = "needs-another-person"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a draft says. rule: text over EARN; award and caps: JSON as in awards.py and caps.py."""

    name_zh: str
    name_en: str
    rule: str
    award: Mapping[str, Any]
    starts_at: datetime
    ends_at: datetime | None = None
    trigger: str = "scan"
    stacking: str = "base"
    caps: Sequence[Mapping[str, Any]] = ()
    priority: int = 0
    exclusion_group: str | None = None
    stops: bool = False
    expiry: str = "never"


@dataclass(frozen=True, slots=True)
class Campaign:
    id: int
    version: int
    state: str
    name_zh: str
    name_en: str
    trigger: str
    rule: Condition
    test: Predicate
    explain: Explainer
    asks_of_member: bool
    award: Award
    caps: tuple[Cap, ...]
    points: int
    budget_id: int
    budget_account: int
    stacking: str
    exclusion_group: str | None
    stops: bool
    priority: int
    expiry: str
    starts_at: datetime
    ends_at: datetime | None
    in_force_from: datetime | None
    in_force_until: datetime | None
    drafted_by: str | None
    submitted_by: str | None
    approved_by: str | None
    commitment: bytes | None

    @property
    def rule_text(self) -> str:
        return text_of(self.rule)

    def rule_sentence(self, language: str) -> str:
        return sentence(self.rule, EARN, "zh" if language == "zh" else "en")

    def is_on(self, at: datetime) -> bool:
        """In its window, and this version in force."""
        begin = max(self.starts_at, self.in_force_from) if self.version > 1 and self.in_force_from else self.starts_at
        ends = [end for end in (self.ends_at, self.in_force_until) if end is not None]
        return begin <= at and all(at < end for end in ends)


def draft(
    tx: Tx,
    *,
    name_zh: str,
    name_en: str,
    rule: str,
    points: int,
    budget_points: int,
    starts_at: datetime,
    ends_at: datetime | None = None,
    expiry_policy: str = "never",
    priority: int = 0,
    now: datetime,
) -> Campaign:
    """A campaign of a fixed award for each first scan, with a budget of its own. rule: text, e.g. `true`."""
    award = {"kind": "fixed", "points": points}
    terms = Terms(name_zh, name_en, rule, award, starts_at, ends_at, priority=priority, expiry=expiry_policy)
    return draft_terms(tx, terms, budget_points=budget_points, by=None, now=now)


def draft_terms(tx: Tx, terms: Terms, *, budget_points: int, by: str | None, now: datetime) -> Campaign:
    """A new campaign with a budget of its own. Raises BadRequest, RuleNotUnderstood."""
    row = checked(terms, now)
    budget = budgets.add_budget(tx, name=terms.name_en, total=budget_points, now=now)
    campaign_id = tx.execute(select(campaign_ids.next_value())).scalar_one()
    return _add(tx, campaign_id, 1, row | {"budget_id": budget.id, "drafted_by": by}, now)


def amend(
    tx: Tx, campaign_id: int, version: int, terms: Terms, *, budget_points: int | None = None, by: str, now: datetime
) -> Campaign:
    """Write a draft anew; nothing of it was promised yet. Of a later version the start and the budget stay.

    Raises Conflict for what is no draft, BadRequest, RuleNotUnderstood, AgainstTheConsumer.
    """
    every = versions(tx, campaign_id)
    old = next((one for one in every if (one.version, one.state) == (version, "draft")), None)
    if old is None:
        raise Conflict(f"Campaign {campaign_id} version {version} is no draft; it cannot be written anew.")
    row = checked(terms, now) | {"drafted_by": by}
    if version > 1:
        row["starts_at"] = old.starts_at
    elif budget_points is not None:
        budgets.resize(tx, old.budget_id, budget_points)
    if not _step(tx, campaign_id, version, "draft", **row):
        raise Conflict(f"Campaign {campaign_id} version {version} was changed meanwhile; look again.")
    made = next(one for one in versions(tx, campaign_id) if one.version == version)
    for before in every:
        if before.version < version:
            _favour(before, made, now)
    return made


def revise(
    tx: Tx,
    campaign_id: int,
    *,
    rule: str | None = None,
    points: int | None = None,
    award: Mapping[str, Any] | None = None,
    ends_at: datetime | None = None,
    caps: Sequence[Mapping[str, Any]] | None = None,
    by: str | None = None,
    now: datetime,
) -> Campaign:
    """A draft of the next version, same budget and start; what is None stays. Raises Conflict, AgainstTheConsumer."""
    latest = versions(tx, campaign_id)[-1]
    if latest.in_force_from is None:
        raise Conflict(f"Publish or change the draft of campaign {campaign_id} first.")
    if points is not None:
        award = {"kind": "fixed", "points": points}
    terms = Terms(
        name_zh=latest.name_zh,
        name_en=latest.name_en,
        rule=rule or latest.rule_text,
        award=award or awards.to_json(latest.award),
        starts_at=latest.starts_at,
        ends_at=ends_at or latest.ends_at,
        trigger=latest.trigger,
        stacking=latest.stacking,
        caps=[cap.to_json() for cap in latest.caps] if caps is None else caps,
        priority=latest.priority,
        exclusion_group=latest.exclusion_group,
        stops=latest.stops,
        expiry=latest.expiry,
    )
    row = checked(terms, now) | {"budget_id": latest.budget_id, "drafted_by": by}
    made = _add(tx, campaign_id, latest.version + 1, row, now)
    _favour(latest, made, now)
    return made


def checked(terms: Terms, now: datetime) -> dict[str, object]:
    """The row of these terms. Raises BadRequest naming what does not fit, RuleNotUnderstood with its place."""
    award, limits = awards.read(terms.award, EARN), caps.read(terms.caps)
    for word, known in ((terms.trigger, TRIGGERS), (terms.stacking, STACKING)):
        if word not in known:
            raise BadRequest(f"A campaign is not {word!r}; known: {', '.join(known)}.")
    if not (1 <= len(terms.name_zh) <= 80 and 1 <= len(terms.name_en) <= 80):
        raise BadRequest("Name the campaign in both languages, in at most 80 characters.")
    if terms.ends_at is not None and terms.ends_at <= terms.starts_at:
        raise BadRequest("Let the campaign end after it starts.")
    if (award.kind == "times") != (terms.stacking == "multiplier"):
        raise BadRequest("Let an award by a factor be a multiplier, and every other a base or a bonus.")
    if award.kind == "random" and terms.trigger != "scan":
        raise BadRequest("Draw random awards for scans: a draw belongs to one item.")
    expiry.expires_at(terms.expiry, now)
    return {
        "name_zh": terms.name_zh,
        "name_en": terms.name_en,
        "rule": to_json(parse(terms.rule, EARN)),
        "award": awards.to_json(award),
        "points": award.nominal,
        "starts_at": terms.starts_at,
        "ends_at": terms.ends_at,
        "trigger": terms.trigger,
        "stacking": terms.stacking,
        "caps": [cap.to_json() for cap in limits],
        "priority": terms.priority,
        "exclusion_group": terms.exclusion_group,
        "stops": terms.stops,
        "expiry": terms.expiry,
    }


def _add(tx: Tx, campaign_id: int, version: int, row: Mapping[str, object], now: datetime) -> Campaign:
    tx.execute(insert(campaigns).values(id=campaign_id, version=version, state="draft", created_at=now, **row))
    return versions(tx, campaign_id)[-1]


def _favour(old: Campaign, new: Campaign, now: datetime) -> None:
    """Raise AgainstTheConsumer if `new` takes something that `old`, once started, promised."""
    if old.state != "published" or old.starts_at > now or (old.ends_at is not None and old.ends_at <= now):
        return
    is_wider = new.rule == old.rule or (isinstance(new.rule, AnyOf) and old.rule in new.rule.of)
    is_longer = new.ends_at is None or (old.ends_at is not None and new.ends_at >= old.ends_at)
    for kept, what in (
        (awards.is_no_worse(new.award, old.award), "Give no less than before"),
        (is_wider, "Let the rule include everyone it included (write `old rule or …`)"),
        (is_longer, "Let the campaign end no earlier"),
        (caps.are_no_tighter(new.caps, old.caps), "Cap no tighter than before"),
    ):
        if not kept:
            raise AgainstTheConsumer(f"{what}: campaign {old.id} has started and may change for the better only.")


def submit(tx: Tx, campaign_id: int, version: int, *, by: str, now: datetime) -> None:
    """Ask for the approval of a draft. Raises Conflict."""
    if not _step(tx, campaign_id, version, "draft", state="submitted", submitted_by=by):
        raise Conflict(f"Campaign {campaign_id} has no draft version {version} to submit.")
    audit.record(tx, actor=by, action="campaign.submit", subject=_subject(campaign_id), after=version, now=now)


def send_back(tx: Tx, campaign_id: int, version: int, *, by: str, reason: str, now: datetime) -> None:
    """Make a submitted version a draft again. Raises Conflict, BadRequest without a reason."""
    if not reason.strip():
        raise BadRequest("Say why the campaign goes back.")
    if not _step(tx, campaign_id, version, "submitted", state="draft", submitted_by=None):
        raise Conflict(f"Campaign {campaign_id} version {version} waits for no approval.")
    audit.record(tx, actor=by, action="campaign.return", subject=_subject(campaign_id), after=reason, now=now)


def approve(
    tx: Tx, campaign_id: int, version: int, *, by: str, seeds: awards.Seeds | None = None, now: datetime
) -> Campaign:
    """Publish what another person submitted; it is scheduled if it starts later. Raises Conflict, NeedsAnother.

    seeds: of random awards, whose commitment is stored now, before the start.
    """
    every = versions(tx, campaign_id)
    one = next((one for one in every if one.version == version), None)
    if one is None or one.state != "submitted":
        raise Conflict(f"Campaign {campaign_id} version {version} waits for no approval.")
    if by in (one.drafted_by, one.submitted_by):
        raise NeedsAnother("Ask a colleague: who drafted or submitted a campaign cannot approve it.")
    for before in every:
        if before.version < version:
            _favour(before, one, now)
    published = _publish(tx, one, "submitted", seeds, now, approved_by=by)
    audit.record(tx, actor=by, action="campaign.approve", subject=_subject(campaign_id), after=version, now=now)
    return published


def publish(tx: Tx, campaign_id: int, version: int, *, seeds: awards.Seeds | None = None, now: datetime) -> Campaign:
    """Put a draft in force without people, as the program itself does in demos and measurements. Raises Conflict.

    People submit and approve; a draft that a person wrote is not published here.
    """
    one = next((one for one in versions(tx, campaign_id) if one.version == version), None)
    if one is None or one.state != "draft" or one.drafted_by is not None:
        raise Conflict(f"Campaign {campaign_id} has no draft version {version} to publish.")
    return _publish(tx, one, "draft", seeds, now)


def _publish(tx: Tx, one: Campaign, state: str, seeds: awards.Seeds | None, now: datetime, **people: str) -> Campaign:
    if one.award.kind == "random":
        if seeds is None:
            raise Conflict("A random award needs the seeds of its draws to be published.")
        people |= {"commitment": awards.commitment(seeds(one.id))}  # type: ignore[dict-item]
    before = update(campaigns).where(
        campaigns.c.id == one.id, campaigns.c.version < one.version, campaigns.c.state == "published"
    )
    tx.execute(before.values(state="retired", in_force_until=now))
    if not _step(tx, one.id, one.version, state, state="published", in_force_from=now, **people):
        raise Conflict(f"Campaign {one.id} version {one.version} was changed meanwhile; look again.")
    _cached.pop(tx.engine, None)
    return next(found for found in versions(tx, one.id) if found.version == one.version)


def _step(tx: Tx, campaign_id: int, version: int, expected: str, **values: object) -> bool:
    this = update(campaigns).where(
        campaigns.c.id == campaign_id, campaigns.c.version == version, campaigns.c.state == expected
    )
    return bool(tx.execute(this.values(**values)).rowcount)


def _subject(campaign_id: int) -> str:
    return f"campaign:{campaign_id}"


def end(tx: Tx, campaign_id: int, *, by: str, reason: str, now: datetime) -> None:
    """A person stops a campaign; it goes on only as a next version, by two people. Raises Conflict, BadRequest."""
    if not reason.strip():
        raise BadRequest("Say why the campaign ends.")
    retire(tx, campaign_id, now=now)
    audit.record(tx, actor=by, action="campaign.end", subject=_subject(campaign_id), after=reason, now=now)


def retire(tx: Tx, campaign_id: int, *, now: datetime) -> None:
    """End a campaign. Raises Conflict if none of its versions is in force."""
    live = update(campaigns).where(campaigns.c.id == campaign_id, campaigns.c.state == "published")
    if not tx.execute(live.values(state="retired", in_force_until=now)).rowcount:
        raise Conflict(f"Campaign {campaign_id} is not published.")
    _cached.pop(tx.engine, None)


def versions(tx: ReadTx, campaign_id: int) -> list[Campaign]:
    """All versions of a campaign, oldest first."""
    rows = tx.execute(COLUMNS.where(campaigns.c.id == campaign_id).order_by(campaigns.c.version)).mappings()
    found = [_campaign(row) for row in rows]
    if not found:
        raise NotFound(f"There is no campaign {campaign_id}.")
    return found


def list_campaigns(tx: ReadTx) -> list[Campaign]:
    """Every version of every campaign, newest first, for screens."""
    rows = tx.execute(COLUMNS.order_by(campaigns.c.id.desc(), campaigns.c.version.desc())).mappings()
    return [_campaign(row) for row in rows]


COLUMNS = select(campaigns, budgets_table.c.account_id).join(budgets_table, budgets_table.c.id == campaigns.c.budget_id)
# Versions that were ever in force: a scan may be handled later than it was made. What this very transaction wrote may
# still roll back, so it is used but not remembered.
IN_FORCE = COLUMNS.add_columns(
    text("campaigns.xmin::text = pg_current_xact_id_if_assigned()::xid::text AS is_ours")
).where(campaigns.c.in_force_from.is_not(None))

_cached: MutableMapping[Engine, tuple[float, Sequence[Campaign]]] = WeakKeyDictionary()


def in_force(tx: ReadTx) -> Sequence[Campaign]:
    """Published and retired versions in the order they are tried, at most CACHED_S old."""
    read_at, found = _cached.get(tx.engine, (float("-inf"), ()))
    if monotonic_s() - read_at < CACHED_S:
        return found
    rows = tx.execute(IN_FORCE.order_by(campaigns.c.priority.desc(), campaigns.c.id)).mappings().all()
    found = tuple(sorted((_campaign(row) for row in rows), key=lambda one: STACKING.index(one.stacking)))
    if not any(row["is_ours"] for row in rows):
        _cached[tx.engine] = monotonic_s(), found
    return found


def _campaign(row: RowMapping) -> Campaign:
    rule, explain, test = _compiled(json.dumps(row["rule"], sort_keys=True))
    award = awards.read(row["award"], EARN) if row["award"] else awards.fixed(row["points"])
    made: dict[str, Any] = {
        "rule": rule,
        "explain": explain,
        "test": test,
        "asks_of_member": asks_of_member(rule) or award.by != "",
    }
    kept = set(Campaign.__dataclass_fields__) - set(made) - {"award", "caps", "budget_account"}
    terms = {name: row[name] for name in kept}
    return Campaign(award=award, caps=caps.read(row["caps"]), budget_account=row["account_id"], **made, **terms)


@lru_cache(maxsize=1024)
def _compiled(stored: str) -> tuple[Condition, Explainer, Predicate]:
    rule = from_json(json.loads(stored), EARN)
    return rule, explainer(rule), predicate(rule)
