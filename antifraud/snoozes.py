"""What sleeps, in one list: single cases, and whatever a rule raises about pivots that begin alike.

A rule ends: at its time by itself, or when somebody ends it. While it holds, a case that opens with none but sleeping
codes opens asleep (`case_asleep`, where cases open); something graver wakes it as it wakes any other. Nothing is lost:
alerts are kept and counted, and the case comes into the queue when its rule is over.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, text, update

from antifraud import cases
from antifraud.case_tables import snooze_rules
from antifraud.reasons import SENTENCES
from foundation import audit
from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest, Conflict, NotFound

LEAST_PREFIX = 3  # Characters: "" would put a rule to sleep everywhere, which is what publishing rules is for.


class NoSuchSnooze(NotFound):
    type = "no-such-snooze"


class SnoozeEnded(Conflict):
    type = "snooze-ended"


@dataclass(frozen=True, slots=True)
class Rule:
    """Alerts of the code about pivots that begin so call nobody until then."""

    id: int
    code: str
    pivot_prefix: str
    until: datetime
    reason: str
    by: str
    at: datetime
    ended_by: str | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Asleep:
    """A case that sleeps; by and reason: of whoever put it to sleep, empty when a rule did."""

    case_id: int
    pivot: str
    codes: Sequence[str]
    until: datetime
    by: str
    reason: str


def add(tx: Tx, code: str, pivot_prefix: str, *, until: datetime, by: str, reason: str, now: datetime) -> Rule:
    """Put a rule to sleep, and the open cases nobody took that have no other reason. Raises BadRequest."""
    if not reason.strip():
        raise BadRequest("Write a sentence that says why; whoever reads the list of snoozes needs it.")
    if code not in SENTENCES:
        raise BadRequest(f"There is no reason code {code!r}; copy it from an alert.")
    if len(pivot_prefix) < LEAST_PREFIX:
        raise BadRequest('Say how the pivot begins, such as "dealer:7:" or "sscc:".')
    cases.require_end(until, now)
    row = {"code": code, "pivot_prefix": pivot_prefix, "until": until, "reason": reason, "by": by, "at": now}
    made = _rule(tx.execute(insert(snooze_rules).values(row).returning(snooze_rules)).one())
    tx.execute(_PUT_TO_SLEEP, {"prefix": pivot_prefix, "now": now, "codes": [code]})
    audit.record(
        tx, actor=by, action="snooze.add", subject=f"snooze:{made.id}",
        after={"code": code, "pivot": pivot_prefix, "until": until.isoformat(), "reason": reason}, now=now,
    )  # fmt: skip
    return made


_PUT_TO_SLEEP = text("""
UPDATE cases SET snoozed_until = case_asleep(codes, pivot, :now)
WHERE state = 'pending' AND codes && CAST(:codes AS text[]) AND starts_with(pivot, :prefix)
  AND coalesce(snoozed_until <= :now, true) AND case_asleep(codes, pivot, :now) IS NOT NULL
""")


def end(tx: Tx, rule_id: int, *, by: str, reason: str, now: datetime) -> Rule:
    """Wake what it put to sleep. Raises NoSuchSnooze, SnoozeEnded, BadRequest."""
    if not reason.strip():
        raise BadRequest("Write a sentence that says why; whoever reads the list of snoozes needs it.")
    row = tx.execute(
        update(snooze_rules)
        .where(snooze_rules.c.id == rule_id, snooze_rules.c.ended_at.is_(None), snooze_rules.c.until > now)
        .values(ended_by=by, ended_at=now)
        .returning(snooze_rules)
    ).first()
    if row is None:
        if tx.execute(select(snooze_rules.c.id).where(snooze_rules.c.id == rule_id)).first() is None:
            raise NoSuchSnooze(f"There is no snooze {rule_id}.")
        raise SnoozeEnded(f"Snooze {rule_id} has ended already.")
    tx.execute(_WAKE, {"prefix": row.pivot_prefix, "code": row.code, "until": row.until, "now": now})
    audit.record(tx, actor=by, action="snooze.end", subject=f"snooze:{rule_id}", after={"reason": reason}, now=now)
    return _rule(row)


# Another rule may keep it asleep; a person's own snooze has another end and stays.
_WAKE = text("""
UPDATE cases SET snoozed_until = case_asleep(codes, pivot, :now)
WHERE state <> 'closed' AND snoozed_until = :until AND :code = ANY (codes) AND starts_with(pivot, :prefix)
""")


def rules(tx: ReadTx, *, now: datetime) -> list[Rule]:
    """Those that hold, the next to end first."""
    holds = select(snooze_rules).where(snooze_rules.c.ended_at.is_(None), snooze_rules.c.until > now)
    return [_rule(row) for row in tx.execute(holds.order_by(snooze_rules.c.until, snooze_rules.c.id))]


def asleep(tx: ReadTx, *, now: datetime, limit: int = 500) -> list[Asleep]:
    """Cases that sleep, the next to wake first."""
    rows = tx.execute(_ASLEEP, {"now": now, "limit": limit})
    return [Asleep(row.id, row.pivot, row.codes, row.snoozed_until, row.actor, row.reason) for row in rows]


_ASLEEP = text("""
SELECT c.id, c.pivot, c.codes, c.snoozed_until, coalesce(s.actor, '') AS actor, coalesce(s.reason, '') AS reason
FROM cases c LEFT JOIN LATERAL (
    SELECT l.actor, l.after ->> 'reason' AS reason FROM audit_log l
    WHERE l.subject = 'case:' || c.id AND l.action = 'case.snooze'
      AND CAST(l.after ->> 'until' AS timestamptz) = c.snoozed_until ORDER BY l.id DESC LIMIT 1
) AS s ON true
WHERE c.state <> 'closed' AND c.snoozed_until > :now ORDER BY c.snoozed_until, c.id LIMIT :limit
""")


def _rule(row: Row[Any]) -> Rule:
    return Rule(**{field.name: getattr(row, field.name) for field in fields(Rule)})
