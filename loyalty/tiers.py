"""Tiers: on growth (成长值) that is never spent, or on what a period brought; up at once, down at its end.

    events (scan, order, check-in) ── follow ──> growth credited, counters raised, tier raised at once
    period ends ──> one level down if the present one is no longer reached; a notice before; never below a floor
A floor is a person's doing: with an end, a reason and a name. Each move is kept with the metrics it was made on.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, insert, select, text, update

from foundation import audit, facts
from foundation.bulk import Write, record_set, write_all
from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest, Conflict
from foundation.facts import Fact
from loyalty import accounts, benefits, ledger
from loyalty.accounts import Account, System
from loyalty.benefits import Benefits
from loyalty.idempotency import Key
from loyalty.ledger import Post
from loyalty.standing_tables import member_tiers, tier_moves, tier_schemes

MOST_LEVELS = 12
_NAME = re.compile(r"[a-z][a-z0-9-]{0,29}")
METRICS = ("growth", "spend_fen", "scans", "activity")
# The four levels of the seeds (普通/银牌/金牌/钻石); the thresholds are ours.
TEMPLATE: tuple[dict[str, Any], ...] = (
    {"tier": "regular", "zh": "普通会员", "en": "Regular", "needs": {}, "benefits": []},
    {"tier": "silver", "zh": "银牌会员", "en": "Silver", "needs": {"growth": 500}, "benefits": ["discount:2"]},
    {
        "tier": "gold", "zh": "金牌会员", "en": "Gold", "needs": {"growth": 2000},
        "benefits": ["discount:5", "birthday:50", "hotline"],
    },
    {
        "tier": "diamond", "zh": "钻石会员", "en": "Diamond", "needs": {"growth": 5000},
        "benefits": ["discount:8", "multiplier:110", "birthday:100", "free-delivery", "hotline", "monthly-gift"],
    },
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Level:
    """needs: metric -> threshold; reaching any one of them is enough, and nothing needed is everybody's."""

    tier: str
    zh: str
    en: str
    needs: Mapping[str, int]
    benefits: Sequence[str]

    @property
    def gives(self) -> Benefits:
        return benefits.read(self.benefits)

    def is_reached(self, metrics: Mapping[str, int]) -> bool:
        return not self.needs or any(metrics.get(name, 0) >= least for name, least in self.needs.items())


@dataclass(frozen=True, slots=True)
class Scheme:
    version: int
    levels: tuple[Level, ...]
    period: timedelta
    notice: timedelta

    def rank(self, tier: str) -> int:
        return next((at for at, one in enumerate(self.levels) if one.tier == tier), 0)

    def reached(self, metrics: Mapping[str, int]) -> int:
        return max(at for at, one in enumerate(self.levels) if one.is_reached(metrics))


@dataclass(frozen=True, slots=True)
class Standing:
    """next: the level above and the growth at which it begins; None at the top."""

    level: Level
    qualifying: int
    until: datetime | None
    next: tuple[Level, int] | None


def publish(
    tx: Tx, levels: Sequence[Mapping[str, Any]], *, period_days: int = 365, notice_days: int = 30, by: str,
    approved_by: str, now: datetime,
) -> Scheme:  # fmt: skip
    """A new version of the ladder; nobody falls before their period ends. Raises BadRequest, Conflict."""
    check(levels, period_days=period_days, notice_days=notice_days)
    if by == approved_by:
        raise Conflict("Another person has to approve the tiers.")
    _keeps_its_people(tx, levels)
    version = tx.execute(text("SELECT coalesce(max(version), 0) + 1 FROM tier_schemes")).scalar_one()
    tx.execute(
        insert(tier_schemes).values(
            version=version, levels=[dict(one) for one in levels], period_days=period_days, notice_days=notice_days,
            published_by=by, approved_by=approved_by, in_force_from=now,
        )
    )  # fmt: skip
    audit.record(
        tx, actor=approved_by, action="tiers.publish", subject="tiers", after={"version": version, "by": by}, now=now
    )
    return in_force(tx)


def check(levels: Sequence[Mapping[str, Any]], *, period_days: int, notice_days: int) -> None:
    """Raises BadRequest naming the level, and what to write instead."""
    if not levels or levels[0]["needs"]:
        raise BadRequest("The first level is everybody's: it needs nothing.")
    if len(levels) > MOST_LEVELS:
        raise BadRequest(f"Nobody remembers more than {MOST_LEVELS} levels; make fewer.")
    if not 1 <= period_days <= 3660 or not 0 <= notice_days <= period_days:
        raise BadRequest("A period has 1 to 3,660 days, and the notice comes within it.")
    names = [str(one["tier"]) for one in levels]
    if len(set(names)) < len(names):
        raise BadRequest("Two levels have one name.")
    for one in levels:
        if not _NAME.fullmatch(one["tier"]) or not one["zh"].strip() or not one["en"].strip():
            raise BadRequest(
                f"Level {one['tier']!r}: give a short name of small letters, and its name in both languages."
            )
        benefits.check(one["benefits"])
    for lower, upper in pairwise(levels):
        for name, least in upper["needs"].items():
            if name not in METRICS or not isinstance(least, int) or least <= lower["needs"].get(name, 0):
                raise BadRequest(f"Level {upper['tier']} must need more {name} than {lower['tier']}.")
        if not upper["needs"]:
            raise BadRequest(f"Level {upper['tier']} needs nothing; say what it takes.")


def _keeps_its_people(tx: ReadTx, levels: Sequence[Mapping[str, Any]]) -> None:
    """A level that vanished would take its members down at once."""
    names = {one["tier"] for one in levels} | {in_force(tx).levels[0].tier}
    for tier, many in counts(tx).items():
        if tier not in names:
            raise Conflict(f"{many:,} members stand on {tier}; keep that level, and change what it takes instead.")


def in_force(tx: ReadTx) -> Scheme:
    """The newest version; the template as long as nobody published one."""
    row = tx.execute(select(tier_schemes).order_by(tier_schemes.c.version.desc()).limit(1)).first()
    levels = tuple(Level(**one) for one in (row.levels if row else TEMPLATE))
    if row is None:
        return Scheme(0, levels, timedelta(days=365), timedelta(days=30))
    return Scheme(row.version, levels, timedelta(days=row.period_days), timedelta(days=row.notice_days))


@dataclass(frozen=True, slots=True)
class Earned:
    """What one event adds for a member; key: of the event, once and for ever."""

    member_id: UUID
    key: str
    growth: int = 0
    spend_fen: int = 0
    scans: int = 0
    activity: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """The level a member had when an event came, and the one after it."""

    before: Level
    after: Level


@dataclass(slots=True)
class _Climb:
    """A member's row and metrics while events are added one after the other."""

    row: Row[Any]
    rank: int
    metrics: dict[str, int]
    is_raised: bool = False


def credit(
    tx: Tx, member_id: UUID, *, key: str, growth: int, spend_fen: int = 0, scans: int = 0, activity: int = 0,
    now: datetime,
) -> str:  # fmt: skip
    """What an event adds, once a key, and the tier after it."""
    [step] = credit_all(tx, [Earned(member_id, key, growth, spend_fen, scans, activity)], now=now)
    return step.after.tier


def credit_all(tx: Tx, earned: Sequence[Earned], *, now: datetime) -> list[Step]:
    """What events add, in their order, each once; steps in the same order. Growth lapses after the scheme's period.

    The statements are the same for one event and for hundreds: one at a time they were ten an event, and a launch day
    left members hours behind (profiled: three quarters of a worker for 100 events a second).
    """
    scheme = in_force(tx)
    rows = lock(tx, {one.member_id for one in earned}, scheme, now=now)
    growth = _growth_of(tx, list(rows))
    replayed = _award_growth(tx, earned, scheme, now=now)
    climbs = {
        member_id: _Climb(row, scheme.rank(row.tier), _metrics(row, growth.get(member_id, 0)))
        for member_id, row in rows.items()
    }
    steps = [_climb(tx, climbs[one.member_id], one, one.key in replayed, scheme, now=now) for one in earned]
    _keep(tx, climbs.values(), scheme, now=now)
    return steps


def _award_growth(tx: Tx, earned: Sequence[Earned], scheme: Scheme, *, now: datetime) -> set[str]:
    """One transfer an event; the keys that were credited before."""
    awards = [
        Post(Key("growth", one.key), "award", System.ISSUER, Account("member", str(one.member_id), "growth"),
             one.growth, "growth", expiry=f"days:{scheme.period.days}", asset="growth")
        for one in earned if one.growth > 0
    ]  # fmt: skip
    if not awards:
        return set()
    outcomes = zip(awards, ledger.post(tx, awards, now=now), strict=True)
    return {award.key.key for award, outcome in outcomes if outcome.replay}


def _climb(tx: Tx, climb: _Climb, one: Earned, is_replay: bool, scheme: Scheme, *, now: datetime) -> Step:
    before = climb.rank
    if not is_replay:
        climb.metrics = {name: many + getattr(one, name) for name, many in climb.metrics.items()}
        climb.rank = max(before, scheme.reached(climb.metrics))
    if climb.rank > before:
        was = scheme.levels[before].tier if climb.is_raised else climb.row.tier
        climb.is_raised = True
        _move(tx, climb.row.member_id, was, scheme.levels[climb.rank].tier, "reached", climb.metrics, scheme, now=now)
    return Step(scheme.levels[before], scheme.levels[climb.rank])


def _keep(tx: Tx, climbs: Iterable[_Climb], scheme: Scheme, *, now: datetime) -> None:
    rows = []
    for climb in climbs:
        times = (now, now + scheme.period, None) if climb.is_raised else _times(climb.row)
        rows.append(
            {"member_id": climb.row.member_id, "tier": scheme.levels[climb.rank].tier}
            | {name: climb.metrics[name] for name in METRICS[1:]}
            | dict(zip(("since", "until", "noticed_at"), times, strict=True))
        )
    write_all(tx, [Write("climbed", _CLIMBED, rows, len(rows))])


def _times(row: Row[Any]) -> tuple[datetime, datetime, datetime | None]:
    return row.since, row.until, row.noticed_at


_CLIMBED_COLUMNS = (
    "member_id uuid, tier text, spend_fen bigint, scans integer, activity integer, since timestamptz, "
    "until timestamptz, noticed_at timestamptz"
)
_CLIMBED = f"""
UPDATE member_tiers t SET tier = c.tier, spend_fen = c.spend_fen, scans = c.scans, activity = c.activity,
    since = c.since, until = c.until, noticed_at = c.noticed_at
FROM {record_set("climbed", _CLIMBED_COLUMNS).replace("climbed_rows", "c")}
WHERE t.member_id = c.member_id RETURNING 1
"""  # noqa: S608


def _metrics(row: Row[Any], growth: int) -> dict[str, int]:
    return {"growth": growth} | {name: int(getattr(row, name)) for name in METRICS[1:]}


def take_back(
    tx: Tx, member_id: UUID, *, key: str, growth: int, spend_fen: int, placed_at: datetime, now: datetime
) -> str:
    """What a refund takes away again, once a key, and the tier after it.

    The tier falls at once only where it would not have risen without that order; otherwise when its period ends.
    """
    scheme = in_force(tx)
    row = _locked(tx, member_id, scheme, now=now)
    taken = min(growth, _growth(tx, member_id))
    if taken:
        account = Account("member", str(member_id), "growth")
        back = Post(Key("growth", key), "adjust", account, System.RECOVERED, taken, "refund", asset="growth")
        if ledger.post(tx, [back], now=now)[0].replay:
            return str(row.tier)
    spent = max(0, row.spend_fen - spend_fen)
    metrics = {"growth": _growth(tx, member_id), "spend_fen": spent, "scans": row.scans, "activity": row.activity}
    lost = {"growth": growth, "spend_fen": spend_fen}
    tier = str(row.tier)
    least = _without(tx, row, scheme, lost, placed_at)
    if least is not None and (after := max(least, scheme.reached(metrics))) < scheme.rank(tier):
        tier = scheme.levels[after].tier
        _move(tx, row.member_id, row.tier, tier, "refunded", metrics, scheme, now=now)
    tx.execute(update(member_tiers).where(member_tiers.c.member_id == member_id).values(tier=tier, spend_fen=spent))
    return tier


def _without(tx: ReadTx, row: Row[Any], scheme: Scheme, lost: Mapping[str, int], placed_at: datetime) -> int | None:
    """How low the tier may fall: where it came from, had the rise not happened without the order. None: it had."""
    last = select(tier_moves).where(tier_moves.c.member_id == row.member_id).order_by(tier_moves.c.id.desc()).limit(1)
    rise = tx.execute(last).first()
    if rise is None or rise.reason != "reached" or rise.to_tier != row.tier or rise.at < placed_at:
        return None
    then = {name: rise.metrics[name] - lost.get(name, 0) for name in METRICS}
    if scheme.levels[scheme.rank(row.tier)].is_reached(then):
        return None
    floor = scheme.rank(row.floor_tier) if row.floor_tier and row.floor_until > placed_at else 0
    return max(floor, scheme.rank(rise.from_tier))


def merge(tx: Tx, *, stays: UUID, goes: UUID, now: datetime) -> None:
    """What counted for one counts for the other from now on; who had the higher tier keeps it. Growth moved before."""
    scheme = in_force(tx)
    these = select(member_tiers).where(member_tiers.c.member_id.in_([stays, goes]))
    rows = {row.member_id: row for row in tx.execute(these.order_by(member_tiers.c.member_id).with_for_update())}
    gone = rows.get(goes)
    if gone is None:
        return
    empty = update(member_tiers).where(member_tiers.c.member_id == goes)
    tx.execute(empty.values(spend_fen=0, scans=0, activity=0, tier=scheme.levels[0].tier))
    tier = credit(
        tx, stays, key=f"merged {goes}", growth=0, spend_fen=gone.spend_fen, scans=gone.scans, activity=gone.activity,
        now=now,
    )  # fmt: skip
    if scheme.rank(gone.tier) > scheme.rank(tier):
        _move(tx, stays, tier, gone.tier, "merged", {}, scheme, now=now)
        kept = {"tier": gone.tier, "since": gone.since, "until": gone.until, "noticed_at": gone.noticed_at}
        tx.execute(update(member_tiers).where(member_tiers.c.member_id == stays).values(**kept))


def give_floor(tx: Tx, member_id: UUID, tier: str, *, until: datetime, by: str, reason: str, now: datetime) -> None:
    """A person promises a tier until an instant. Raises BadRequest."""
    scheme = in_force(tx)
    if tier not in {one.tier for one in scheme.levels} or until <= now or not reason.strip():
        raise BadRequest("A floor names a level there is, an end in the future and a reason.")
    row = _locked(tx, member_id, scheme, now=now)
    values = {"floor_tier": tier, "floor_until": until, "floor_by": by, "floor_reason": reason}
    if scheme.rank(tier) > scheme.rank(row.tier):
        _move(tx, member_id, row.tier, tier, "floor", {}, scheme, now=now)
        values["tier"] = tier
    tx.execute(update(member_tiers).where(member_tiers.c.member_id == member_id).values(values))
    audit.record(
        tx, actor=by, action="tiers.floor", subject=f"member:{member_id}", after={"tier": tier, "reason": reason},
        now=now,
    )  # fmt: skip


def standing(tx: ReadTx, member_id: UUID) -> Standing:
    scheme = in_force(tx)
    row = tx.execute(select(member_tiers).where(member_tiers.c.member_id == member_id)).first()
    rank = scheme.rank(row.tier) if row else 0
    above = scheme.levels[rank + 1] if rank + 1 < len(scheme.levels) else None
    ahead = (above, above.needs.get("growth", 0)) if above else None
    return Standing(scheme.levels[rank], _growth(tx, member_id), row.until if row else None, ahead)


def counts(tx: ReadTx) -> dict[str, int]:
    """tier -> members on it; whoever never earned is in none."""
    rows = tx.execute(select(member_tiers.c.tier, func.count()).group_by(member_tiers.c.tier))
    return {tier: int(many) for tier, many in rows}


def sweep(tx: Tx, *, now: datetime, limit: int = 200) -> int:
    """Periods that end, and notices before: at most one level down, never below a floor; how many members."""
    scheme = in_force(tx)
    query = (
        select(member_tiers)
        .where(member_tiers.c.tier != scheme.levels[0].tier)
        .where((member_tiers.c.until <= now) | (member_tiers.c.noticed_at.is_(None)) & (
            member_tiers.c.until <= now + scheme.notice))
        .order_by(member_tiers.c.until).limit(limit).with_for_update(skip_locked=True)
    )  # fmt: skip
    due = tx.execute(query).all()
    for row in due:
        _end_of_period(tx, row, scheme, now=now) if row.until <= now else _notice(tx, row, scheme, now=now)
    return len(due)


def _end_of_period(tx: Tx, row: Row[Any], scheme: Scheme, *, now: datetime) -> None:
    metrics = {"growth": _growth(tx, row.member_id), **{name: getattr(row, name) for name in METRICS[1:]}}
    rank = scheme.rank(row.tier)
    floor = scheme.rank(row.floor_tier) if row.floor_tier and row.floor_until > now else 0
    after = max(floor, rank if scheme.reached(metrics) >= rank else rank - 1)
    if after < rank:
        _move(tx, row.member_id, row.tier, scheme.levels[after].tier, "period-ended", metrics, scheme, now=now)
    values: dict[str, Any] = {"tier": scheme.levels[after].tier, "since": now, "until": now + scheme.period}
    values |= {"spend_fen": 0, "scans": 0, "activity": 0, "noticed_at": None}
    tx.execute(update(member_tiers).where(member_tiers.c.member_id == row.member_id).values(values))


def _notice(tx: Tx, row: Row[Any], scheme: Scheme, *, now: datetime) -> None:
    """Tell a member whose tier would not be kept what is missing."""
    growth = _growth(tx, row.member_id)
    level = scheme.levels[scheme.rank(row.tier)]
    metrics = {"growth": growth, **{name: getattr(row, name) for name in METRICS[1:]}}
    tx.execute(update(member_tiers).where(member_tiers.c.member_id == row.member_id).values(noticed_at=now))
    if level.is_reached(metrics):
        return
    gap = {name: least - metrics[name] for name, least in level.needs.items()}
    body = {"member_id": str(row.member_id), "tier": row.tier, "until": row.until.isoformat(), "gap": gap}
    facts.announce(tx, [Fact("tier.will_fall", f"member:{row.member_id}", body)], now=now)


def _move(
    tx: Tx, member_id: UUID, was: str, tier: str, reason: str, metrics: Mapping[str, int], scheme: Scheme, *,
    now: datetime,
) -> None:  # fmt: skip
    tx.execute(
        insert(tier_moves).values(
            member_id=member_id, from_tier=was, to_tier=tier, reason=reason, metrics=dict(metrics),
            scheme=scheme.version, at=now,
        )
    )  # fmt: skip
    body = {"member_id": str(member_id), "from": was, "to": tier, "reason": reason}
    facts.announce(tx, [Fact("tier.changed", f"member:{member_id}", body)], now=now)


def lock(tx: Tx, member_ids: Collection[UUID], scheme: Scheme, *, now: datetime) -> dict[UUID, Row[Any]]:
    """The members' rows, locked in their order, made if need be; whoever locks several does it in one call."""
    asked = sorted(member_ids)
    first = {"members": asked, "tier": scheme.levels[0].tier, "now": now, "until": now + scheme.period}
    tx.execute(_ENTER, first)
    these = select(member_tiers).where(member_tiers.c.member_id.in_(asked))
    return {row.member_id: row for row in tx.execute(these.order_by(member_tiers.c.member_id).with_for_update())}


def _locked(tx: Tx, member_id: UUID, scheme: Scheme, *, now: datetime) -> Row[Any]:
    return lock(tx, [member_id], scheme, now=now)[member_id]


_ENTER = text("""
INSERT INTO member_tiers (member_id, tier, spend_fen, scans, activity, since, until)
SELECT member, :tier, 0, 0, 0, :now, :until FROM unnest(CAST(:members AS uuid[])) AS member ORDER BY member
ON CONFLICT DO NOTHING
""")


def _growth(tx: ReadTx, member_id: UUID) -> int:
    return _growth_of(tx, [member_id]).get(member_id, 0)


def _growth_of(tx: ReadTx, member_ids: Sequence[UUID]) -> dict[UUID, int]:
    found = accounts.available(tx, [str(one) for one in member_ids], kind="member", asset="growth")
    return {UUID(owner): points for owner, points in found.items()}
