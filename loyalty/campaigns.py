"""Campaigns: who earns how much for a first scan, as a rule over the facts of the scan; from which budget, and when.

    draft ── publish ──> published ── publish of the next version, or retire ──> retired
A published version never changes (a trigger refuses); a change is a new version, and each award stores the version
that made it. The version in force at the time of the scan applies, even if the scan is handled later.
"""

import json
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, RowMapping, insert, select, text, update

from foundation.clock import monotonic_s
from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest, Conflict, NotFound
from foundation.rules.ast import Condition, Declared, Kind, Type, Vocabulary
from foundation.rules.explain import Explainer, explainer
from foundation.rules.jsonform import from_json, to_json
from foundation.rules.parse import parse
from foundation.rules.sentence import sentence
from foundation.rules.text import text_of
from loyalty import budgets, expiry
from loyalty.tables import budgets as budgets_table
from loyalty.tables import campaign_ids, campaigns

SCAN = Vocabulary(
    {
        "brand_id": Declared(Type(Kind.INT), "品牌", "the brand"),
        "gtin": Declared(Type(Kind.STRING), "商品条码", "the product"),
        "run_id": Declared(Type(Kind.INT), "生码批次", "the run"),
        "region": Declared(Type(Kind.INT), "扫码城市", "the city of the scan"),
        "province": Declared(Type(Kind.INT), "扫码省份", "the province of the scan"),
        "dealer_id": Declared(Type(Kind.INT), "经销商", "the dealer"),
        "channel": Declared(Type(Kind.STRING), "渠道", "the channel"),
        "at": Declared(Type(Kind.INSTANT), "扫码时间", "the time of the scan"),
        "hour": Declared(Type(Kind.INT), "扫码钟点", "the hour of the scan"),
        "weekday": Declared(Type(Kind.INT), "扫码星期", "the weekday (1 to 7) of the scan"),
        "produced_on": Declared(Type(Kind.DATE), "生产日期", "the production date"),
        "member_is_new": Declared(Type(Kind.BOOL), "首次参加的会员", "the member is new"),
    }
)
CACHED_S = 1.0  # How long a published or retired campaign may go unnoticed by another process.


@dataclass(frozen=True, slots=True)
class Campaign:
    id: int
    version: int
    state: str
    name_zh: str
    name_en: str
    rule: Condition
    explain: Explainer
    points: int
    budget_id: int
    budget_account: int
    priority: int
    expiry: str
    starts_at: datetime
    ends_at: datetime | None
    in_force_from: datetime | None
    in_force_until: datetime | None

    @property
    def rule_text(self) -> str:
        return text_of(self.rule)

    def rule_sentence(self, language: str) -> str:
        return sentence(self.rule, SCAN, "zh" if language == "zh" else "en")

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
    """A new campaign with a budget of its own. rule: text over SCAN, e.g. `true` or `province == 510000`."""
    budget = budgets.add_budget(tx, name=name_en, total=budget_points, now=now)
    campaign_id = tx.execute(select(campaign_ids.next_value())).scalar_one()
    terms = {"name_zh": name_zh, "name_en": name_en, "points": points, "priority": priority, "starts_at": starts_at}
    terms |= {"ends_at": ends_at, "expiry": expiry_policy, "budget_id": budget.id}
    return _add(tx, campaign_id, 1, rule, terms, now)


def revise(tx: Tx, campaign_id: int, *, rule: str | None = None, points: int | None = None, now: datetime) -> Campaign:
    """A draft of the next version, same budget and window. Raises Conflict if one is being drafted already."""
    latest = versions(tx, campaign_id)[-1]
    if latest.state == "draft":
        raise Conflict(f"Publish or change the draft of campaign {campaign_id} first.")
    copied = ("name_zh", "name_en", "priority", "starts_at", "ends_at", "expiry", "budget_id")
    terms = {name: getattr(latest, name) for name in copied} | {"points": points or latest.points}
    return _add(tx, campaign_id, latest.version + 1, rule or latest.rule_text, terms, now)


def _add(tx: Tx, campaign_id: int, version: int, rule: str, terms: Mapping[str, object], now: datetime) -> Campaign:
    check(terms, now)
    stored = to_json(parse(rule, SCAN))
    row = {"id": campaign_id, "version": version, "state": "draft", "rule": stored, "created_at": now, **terms}
    tx.execute(insert(campaigns).values(**row))
    return versions(tx, campaign_id)[-1]


def check(terms: Mapping[str, object], now: datetime) -> None:
    points, starts_at, ends_at = terms["points"], terms["starts_at"], terms["ends_at"]
    if not isinstance(points, int) or points <= 0:
        raise BadRequest("Give at least one point for a scan.")
    if isinstance(ends_at, datetime) and isinstance(starts_at, datetime) and ends_at <= starts_at:
        raise BadRequest("Let the campaign end after it starts.")
    expiry.expires_at(str(terms["expiry"]), now)


def publish(tx: Tx, campaign_id: int, version: int, *, now: datetime) -> Campaign:
    """Put a draft in force from now on; the version before it ends at the same instant. Raises Conflict."""
    this = (campaigns.c.id == campaign_id, campaigns.c.version == version)
    before = update(campaigns).where(
        campaigns.c.id == campaign_id, campaigns.c.version < version, campaigns.c.state == "published"
    )
    tx.execute(before.values(state="retired", in_force_until=now))
    put = update(campaigns).where(*this, campaigns.c.state == "draft").values(state="published", in_force_from=now)
    if not tx.execute(put).rowcount:
        raise Conflict(f"Campaign {campaign_id} has no draft version {version} to publish.")
    _cached.pop(tx.engine, None)
    return next(one for one in versions(tx, campaign_id) if one.version == version)


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
).where(campaigns.c.state != "draft")

_cached: MutableMapping[Engine, tuple[float, Sequence[Campaign]]] = WeakKeyDictionary()


def in_force(tx: ReadTx) -> Sequence[Campaign]:
    """Published and retired versions in the order they are tried, at most CACHED_S old."""
    read_at, found = _cached.get(tx.engine, (float("-inf"), ()))
    if monotonic_s() - read_at < CACHED_S:
        return found
    rows = tx.execute(IN_FORCE.order_by(campaigns.c.priority.desc(), campaigns.c.id)).mappings().all()
    found = tuple(_campaign(row) for row in rows)
    if not any(row["is_ours"] for row in rows):
        _cached[tx.engine] = monotonic_s(), found
    return found


def _campaign(row: RowMapping) -> Campaign:
    rule, explain = _compiled(json.dumps(row["rule"], sort_keys=True))
    kept = ("id", "version", "state", "name_zh", "name_en", "points", "budget_id", "priority", "expiry", "starts_at")
    more = ("ends_at", "in_force_from", "in_force_until")
    terms = {name: row[name] for name in (*kept, *more)}
    return Campaign(rule=rule, explain=explain, budget_account=row["account_id"], **terms)


@lru_cache(maxsize=1024)
def _compiled(stored: str) -> tuple[Condition, Explainer]:
    rule = from_json(json.loads(stored), SCAN)
    return rule, explainer(rule)
