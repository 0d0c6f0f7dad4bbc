"""Segments: named rules over what is known of a member, kept up by a sweep; earn rules and rewards ask by name.

    draft ── publish, by another person ──> published ── the next version, or retire ──> retired
Nobody computes a segment where it is asked: the names stand with the member (`member_standings.segments`), written by
whoever sweeps, so the scan path, the catalogue and a report read the same list. Entry and exit are told.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, insert, select, text, update

from foundation import audit, facts
from foundation.bulk import Write, record_set, write_all
from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest, Conflict, NotFound
from foundation.facts import Fact
from foundation.rules.ast import Condition, facts_of
from foundation.rules.jsonform import from_json, to_json
from foundation.rules.parse import parse
from foundation.rules.python import Predicate, predicate
from foundation.rules.sentence import sentence
from foundation.rules.text import text_of
from loyalty.expiry import BRAND_ZONE
from loyalty.standing_tables import segments
from loyalty.tables import member_standings
from loyalty.vocabulary import MEMBER

_EVERY = segments.alias("every")
PAGE = 20_000  # Each page costs a pass over the month's receipts, where a rule asks for it.
RECENT = timedelta(days=30)


class SegmentMoved(Conflict):
    """The segment is not in the state this needs, or needs another person."""

    type = "segment-moved"


@dataclass(frozen=True, slots=True)
class Segment:
    name: str
    version: int
    name_zh: str
    name_en: str
    rule: Condition
    state: str
    drafted_by: str
    approved_by: str | None

    @property
    def rule_text(self) -> str:
        return text_of(self.rule)

    def rule_sentence(self, language: str) -> str:
        return sentence(self.rule, MEMBER, "zh" if language == "zh" else "en")


def draft(tx: Tx, *, name: str, name_zh: str, name_en: str, rule: str, by: str, now: datetime) -> Segment:
    """The next version of a segment. rule: text over MEMBER. Raises BadRequest, RuleNotUnderstood with its place."""
    if not (name.isascii() and name.replace("-", "_").isidentifier() and len(name) <= 40):
        raise BadRequest("Name a segment with at most 40 letters, digits and dashes, such as loyal-drinkers.")
    if not (1 <= len(name_zh) <= 80 and 1 <= len(name_en) <= 80):
        raise BadRequest("Say in both languages what the segment is, in at most 80 characters.")
    row = {"name": name, "name_zh": name_zh, "name_en": name_en, "rule": to_json(parse(rule, MEMBER))}
    version = tx.execute(_NEXT, {"name": name}).scalar_one()
    tx.execute(insert(segments).values(**row, version=version, state="draft", drafted_by=by, created_at=now))
    audit.record(tx, actor=by, action="segments.draft", subject=f"segment:{name}", after={"rule": rule}, now=now)
    return get(tx, name, version)


_NEXT = text("SELECT coalesce(max(version), 0) + 1 FROM segments WHERE name = :name")


def publish(tx: Tx, name: str, version: int, *, by: str, now: datetime) -> Segment:
    """Another person puts it in force; members come and go with the next sweep. Raises SegmentMoved, NotFound."""
    if get(tx, name, version).drafted_by == by:
        raise SegmentMoved("Another person has to approve this segment: rewards and rules follow it.")
    retire(tx, name, by=by, now=now)
    this = update(segments).where(segments.c.name == name, segments.c.version == version, segments.c.state == "draft")
    if not tx.execute(this.values(state="published", approved_by=by)).rowcount:
        raise SegmentMoved(f"Segment {name} version {version} is no draft any more.")
    audit.record(tx, actor=by, action="segments.publish", subject=f"segment:{name}", after=version, now=now)
    return get(tx, name, version)


def retire(tx: Tx, name: str, *, by: str, now: datetime) -> bool:
    """Nobody is in it from the next sweep on. False: it was not in force."""
    live = update(segments).where(segments.c.name == name, segments.c.state == "published")
    done = bool(tx.execute(live.values(state="retired")).rowcount)
    if done:
        audit.record(tx, actor=by, action="segments.retire", subject=f"segment:{name}", now=now)
    return done


def get(tx: ReadTx, name: str, version: int) -> Segment:
    """Raises NotFound."""
    row = tx.execute(select(segments).where(segments.c.name == name, segments.c.version == version)).first()
    if row is None:
        raise NotFound(f"There is no segment {name!r} version {version}.")
    return _segment(row)


def in_force(tx: ReadTx) -> list[Segment]:
    """By name."""
    found = select(segments).where(segments.c.state == "published").order_by(segments.c.name)
    return [_segment(row) for row in tx.execute(found)]


def latest(tx: ReadTx) -> list[Segment]:
    """Of each name the version in force and the draft after it, if there is one; by name, newest first."""
    live = select(func.max(segments.c.version)).where(segments.c.name == _EVERY.c.name, segments.c.state == "published")
    newest = select(func.max(segments.c.version)).where(segments.c.name == _EVERY.c.name)
    found = select(_EVERY).where(
        (_EVERY.c.version == live.scalar_subquery()) | (_EVERY.c.version == newest.scalar_subquery())
    )
    return [_segment(row) for row in tx.execute(found.order_by(_EVERY.c.name, _EVERY.c.version.desc()))]


def counts(tx: ReadTx) -> dict[str, int]:
    """name -> members in it, as of the last sweep; an empty one is missing."""
    return {name: int(many) for name, many in tx.execute(_COUNTS)}


_COUNTS = text("SELECT name, count(*) FROM member_standings, unnest(segments) AS name GROUP BY name")


def foresee(tx: ReadTx, rule: Condition, *, now: datetime, pages: int = 5) -> tuple[int, int]:
    """How many of the members looked at would be in it, and how many were: the first `pages` pages, the oldest."""
    test, inside, seen, after = predicate(rule), 0, 0, UUID(int=0)
    asks = "scans_30d" in facts_of(rule)
    for _ in range(pages):
        rows = _members(tx, _page(after, now) | {"asks": asks})
        seen += len(rows)
        inside += sum(test({name: row[name] for name in MEMBER.facts if row[name] is not None}) for row in rows)
        if len(rows) < PAGE:
            break
        after = rows[-1]["member_id"]
    return inside, seen


def of_member(tx: ReadTx, member_id: UUID) -> Sequence[str]:
    """The segments a member is in, as of the last sweep."""
    found = select(member_standings.c.segments).where(member_standings.c.member_id == member_id)
    return list(tx.execute(found).scalar() or ())


def sweep(tx: Tx, *, now: datetime) -> int:
    """Bring every member's list up to date; how many changed. Rows are locked in the members' order, changed ones only.

    Members are read a page at a time; two sweepers write the same lists.
    """
    live = in_force(tx)
    tests = {one.name: _compiled(json.dumps(to_json(one.rule), sort_keys=True)) for one in live}
    asks = any("scans_30d" in facts_of(one.rule) for one in live)
    changed, after = 0, UUID(int=0)
    while rows := _members(tx, _page(after, now) | {"asks": asks}):
        after = rows[-1]["member_id"]
        moved = [(row, wanted) for row in rows if (wanted := _segments_of(row, tests)) != list(row["segments"] or ())]
        changed += len(moved)
        _keep(tx, moved, now=now)
    return changed


def _members(tx: ReadTx, page: Mapping[str, object]) -> list[dict[str, Any]]:
    return [dict(row) for row in tx.execute(_FACTS, page).mappings()]


def _page(after: UUID, now: datetime) -> dict[str, object]:
    today = now.astimezone(BRAND_ZONE).date()
    return {"after": after, "limit": PAGE, "now": now, "since": now - RECENT, "today": today, "zone": BRAND_ZONE.key}


def _segments_of(row: Mapping[str, Any], tests: Mapping[str, Predicate]) -> list[str]:
    known = {name: row[name] for name in MEMBER.facts if row[name] is not None}
    return [name for name, test in tests.items() if test(known)]


def _keep(tx: Tx, moved: Sequence[tuple[Mapping[str, Any], list[str]]], *, now: datetime) -> None:
    rows = [{"member_id": row["member_id"], "segments": wanted} for row, wanted in moved]
    write_all(tx, [Write("segmented", _KEPT, rows)])
    told = [
        Fact("segments.changed", f"member:{row['member_id']}",
             {"member_id": str(row["member_id"]), "from": list(row["segments"] or ()), "to": wanted})
        for row, wanted in moved
    ]  # fmt: skip
    facts.announce(tx, told, now=now)


_KEPT = f"""
INSERT INTO member_standings (member_id, scans, streak_days, segments)
SELECT member_id, 0, 0, ARRAY(SELECT json_array_elements_text(segments))
FROM {record_set("segmented", "member_id uuid, segments json")} ORDER BY member_id
ON CONFLICT (member_id) DO UPDATE SET segments = excluded.segments RETURNING 1
"""  # noqa: S608

# A fact that is not known is NULL, and a comparison with it is false; counts of nothing are 0.
_FACTS = text("""
WITH page AS MATERIALIZED (
    SELECT * FROM members WHERE id > :after AND erased_at IS NULL AND merged_into IS NULL ORDER BY id LIMIT :limit
), recent AS MATERIALIZED (
    SELECT member_id, count(*) AS many FROM receipts
    WHERE CAST(:asks AS boolean) AND trigger = 'scan' AND at > :since AND member_id IN (SELECT id FROM page)
    GROUP BY member_id
)
SELECT m.id AS member_id, s.segments, coalesce(s.scans, 0) AS scans, coalesce(r.many, 0) AS scans_30d,
    CAST(:today AS date) - s.last_on AS days_since_scan, coalesce(o.many, 0) AS orders,
    coalesce(o.lately, 0) AS orders_30d, coalesce(CAST(o.paid AS bigint), 0) AS spend_fen,
    coalesce(p.available, 0) AS points, coalesce(g.available, 0) AS growth, t.tier,
    CAST(extract(year FROM CAST(:today AS date)) AS integer) - m.born_in AS age,
    CAST(:today AS date) - CAST(m.created_at AT TIME ZONE :zone AS date) AS joined_days
FROM page m
LEFT JOIN member_standings s ON s.member_id = m.id
LEFT JOIN member_tiers t ON t.member_id = m.id
LEFT JOIN recent r ON r.member_id = m.id
LEFT JOIN LATERAL (
    SELECT count(*) AS many, count(*) FILTER (WHERE placed_at > :since) AS lately, sum(paid_fen - refunded_fen) AS paid
    FROM orders WHERE member_id = m.id
) o ON true
LEFT JOIN accounts pa ON pa.owner_ref = CAST(m.id AS text) AND pa.kind = 'member' AND pa.asset = 'points'
LEFT JOIN balances p ON p.account_id = pa.id
LEFT JOIN accounts ga ON ga.owner_ref = CAST(m.id AS text) AND ga.kind = 'member' AND ga.asset = 'growth'
LEFT JOIN balances g ON g.account_id = ga.id
ORDER BY m.id
""")


@lru_cache(maxsize=256)
def _compiled(stored: str) -> Predicate:
    return predicate(from_json(json.loads(stored), MEMBER))


def _segment(row: Row[Any]) -> Segment:
    rule = from_json(row.rule, MEMBER)
    return Segment(
        row.name, row.version, row.name_zh, row.name_en, rule, row.state, row.drafted_by, row.approved_by
    )  # fmt: skip
