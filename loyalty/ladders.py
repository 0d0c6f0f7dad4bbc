"""The next ladder of tiers: drafted by one person, foreseen on the members of today, put in force by another.

draft ── publish, by another ──> published     there is one draft at a time; whoever changes it is its drafter
   └── drop, by anybody ──> dropped
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, text, update

from foundation import audit
from foundation.database import ReadTx, Tx
from foundation.errors import Conflict
from loyalty import tiers
from loyalty.standing_tables import tier_drafts
from loyalty.tiers import METRICS, Scheme


class LadderMoved(Conflict):
    """There is no draft any more, or whoever drafted it wants to publish it."""

    type = "ladder-moved"


@dataclass(frozen=True, slots=True)
class Draft:
    """levels: as in `tiers.publish`."""

    id: int
    levels: Sequence[Mapping[str, Any]]
    period_days: int
    notice_days: int
    drafted_by: str
    drafted_at: datetime


def current(tx: ReadTx) -> Draft | None:
    row = tx.execute(select(tier_drafts).where(tier_drafts.c.state == "draft")).first()
    return _draft(row) if row else None


def save(
    tx: Tx, levels: Sequence[Mapping[str, Any]], *, period_days: int, notice_days: int, by: str, now: datetime
) -> Draft:
    """Make the draft, or change it. Raises BadRequest naming the level."""
    tiers.check(levels, period_days=period_days, notice_days=notice_days)
    terms = {"levels": [dict(one) for one in levels], "period_days": period_days, "notice_days": notice_days}
    terms |= {"drafted_by": by, "drafted_at": now}
    if not tx.execute(update(tier_drafts).where(tier_drafts.c.state == "draft").values(terms)).rowcount:
        tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ONE})
        if tx.execute(update(tier_drafts).where(tier_drafts.c.state == "draft").values(terms)).rowcount == 0:
            tx.execute(insert(tier_drafts).values(terms | {"state": "draft"}))
    audit.record(tx, actor=by, action="tiers.draft", subject="tiers", after={"levels": terms["levels"]}, now=now)
    made = current(tx)
    assert made is not None
    return made


_ONE = 0x6C616464  # "ladd": two who begin the draft at once write one.


def publish(tx: Tx, draft_id: int, *, by: str, now: datetime) -> Scheme:
    """Put it in force; nobody falls before their period ends. Raises LadderMoved, and what `tiers.publish` raises."""
    draft = current(tx)
    if draft is not None and draft.drafted_by == by:
        raise LadderMoved("Another person has to publish it: whoever drafted it cannot.")
    _end(tx, draft_id, "published", by=by, now=now)
    assert draft is not None
    return tiers.publish(
        tx, draft.levels, period_days=draft.period_days, notice_days=draft.notice_days, by=draft.drafted_by,
        approved_by=by, now=now,
    )  # fmt: skip


def drop(tx: Tx, draft_id: int, *, by: str, now: datetime) -> None:
    """Raises LadderMoved."""
    _end(tx, draft_id, "dropped", by=by, now=now)
    audit.record(tx, actor=by, action="tiers.drop", subject="tiers", after={"draft": draft_id}, now=now)


def _end(tx: Tx, draft_id: int, state: str, *, by: str, now: datetime) -> None:
    this = update(tier_drafts).where(tier_drafts.c.id == draft_id, tier_drafts.c.state == "draft")
    if not tx.execute(this.values(state=state, ended_by=by, ended_at=now)).rowcount:
        raise LadderMoved("This draft was published or dropped meanwhile; load the page again.")


def foresee(tx: ReadTx, levels: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """tier -> members whose metrics of today reach it and nothing above; one pass over all who ever earned."""
    tests, values = [], dict[str, int]()
    for rank, level in enumerate(levels[1:], 1):
        asked = [(name, f"{name}_{rank}", least) for name, least in level["needs"].items() if name in METRICS]
        values |= {bound: least for _, bound, least in asked}
        tests.append(
            f"CASE WHEN {' OR '.join(f'{name} >= :{bound}' for name, bound, _ in asked)} THEN {rank} ELSE 0 END"
        )
    counted = tx.execute(text(_FORESEE.replace("RANKS", ", ".join(["0", *tests]))), values)
    return {str(levels[rank]["tier"]): int(many) for rank, many in counted}


_FORESEE = """
SELECT greatest(RANKS) AS rank, count(*) FROM (
    SELECT t.spend_fen, t.scans, t.activity, coalesce(b.available, 0) AS growth FROM member_tiers t
    LEFT JOIN accounts a ON a.owner_ref = t.member_id::text AND a.kind = 'member' AND a.asset = 'growth'
    LEFT JOIN balances b ON b.account_id = a.id
) AS everybody GROUP BY 1 ORDER BY 1
"""


def _draft(row: Row[Any]) -> Draft:
    return Draft(row.id, row.levels, row.period_days, row.notice_days, row.drafted_by, row.drafted_at)
