"""Cases: the files people work. pending -> investigating -> closed; reopened only to investigating.

                 take                decide(outcome)
    pending --------------> investigating ----------> closed
       ^      release         |     ^      reopen       |
       +----------------------+     +-------------------+

Every move is one statement that names the state it expects, and every move is audited under `case:<id>`, which is the
case's history. A case somebody took is theirs until the lease runs out; an assigned one has no lease.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Literal, get_args
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Row,
    Update,
    and_,
    any_,
    exists,
    func,
    literal,
    or_,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import IntegrityError

from antifraud import labels
from antifraud.alerts import DUE
from antifraud.findings import Severity
from antifraud.tables import cases
from foundation import audit, facts
from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest, Conflict, NotFound
from foundation.facts import Fact

Outcome = Literal["confirmed_risk", "valuable_alert", "false_positive", "inconclusive"]
"""valuable_alert: right to alert and yet no fraud, such as an authorised sale across regions."""
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
MERGED = "merged"  # How a case ends that is another's now; nobody decides so.
Cursor = tuple[datetime, int]
LEASE = timedelta(minutes=30)
AUDIT = "audit:"
LONGEST_SNOOZE = timedelta(days=90)


class CaseMoved(Conflict):
    """The case is not in the state this needs: somebody else moved it, holds it, or it was never there."""

    type = "case-moved"


class NoSuchCase(NotFound):
    type = "no-such-case"


@dataclass(frozen=True, slots=True)
class Case:
    """pivot says what it is about: item:…, sscc:…, dealer:<id>:<region>, device:…, address:…, run:…, epoch:…"""

    id: int
    pivot: str
    state: str
    severity: Severity
    codes: Sequence[str]
    alerts: int
    opened_at: datetime
    first_seen_at: datetime
    last_seen_at: datetime
    due_at: datetime
    assignee: str | None
    leased_until: datetime | None
    snoozed_until: datetime | None
    outcome: Outcome | Literal["merged"] | None
    reason: str | None
    actions: Sequence[Mapping[str, Any]] | None
    closed_by: str | None
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a queue shows; None asks for nothing in particular. state None: everything not closed.

    The audit sample is a queue of its own: only asked for by its pivot.
    """

    state: str | None = None
    severity: Severity = Severity.INFO  # at least
    code: str | None = None
    pivot: str | None = None  # how the pivot begins: "item:", "dealer:7:"
    assignee: str | None = None
    snoozed: bool = False  # show the sleeping ones instead
    among: Sequence[int] | None = None  # of these cases alone


@dataclass(frozen=True, slots=True)
class Backlog:
    """oldest_due_at: of those shown; oldest_opened_at: of all that are open, the sleeping ones too."""

    severity: Severity
    open: int
    overdue: int
    oldest_due_at: datetime
    oldest_opened_at: datetime


def queue(
    tx: ReadTx, wanted: Wanted = Wanted(), *, now: datetime, limit: int = 50, after: Cursor | None = None
) -> list[Case]:
    """Earliest due first. `after` is (due_at, id) of the last case of the page before."""
    found = select(cases).where(*conditions(wanted, now))
    if after is not None:
        found = found.where(tuple_(cases.c.due_at, cases.c.id) > tuple_(literal(after[0]), literal(after[1])))
    return [read(row) for row in tx.execute(found.order_by(cases.c.due_at, cases.c.id).limit(limit))]


def conditions(wanted: Wanted, now: datetime) -> list[ColumnElement[bool]]:
    """Of the rows of `cases` a queue shows."""
    asleep = and_(cases.c.snoozed_until.is_not(None), cases.c.snoozed_until > now)
    conditions = [
        cases.c.state == wanted.state if wanted.state else cases.c.state != "closed",
        cases.c.severity >= int(wanted.severity),
        asleep if wanted.snoozed else func.coalesce(cases.c.snoozed_until <= now, True),
    ]
    if wanted.code:
        conditions.append(cases.c.codes.contains([wanted.code]))
    if wanted.pivot:
        conditions.append(cases.c.pivot.startswith(wanted.pivot, autoescape=True))
    else:
        conditions.append(~cases.c.pivot.startswith(AUDIT))
    if wanted.assignee:
        conditions.append(cases.c.assignee == wanted.assignee)
    if wanted.among is not None:
        conditions.append(cases.c.id == any_(literal(list(wanted.among), ARRAY(BigInteger))))
    return conditions


def case(tx: ReadTx, case_id: int) -> Case:
    """Raises NoSuchCase."""
    row = tx.execute(select(cases).where(cases.c.id == case_id)).first()
    if row is None:
        raise NoSuchCase(f"There is no case {case_id}.")
    return read(row)


def history(tx: ReadTx, case_id: int) -> list[audit.Entry]:
    """Everything people did to the case, oldest first."""
    return audit.history(tx, f"case:{case_id}")


def backlog(tx: ReadTx, *, now: datetime) -> list[Backlog]:
    """What is open, what is overdue and since when, per severity; the gravest first. Snoozed ones are not counted."""
    overdue = func.count().filter(cases.c.due_at < now)
    older = cases.alias("older")
    oldest = (
        select(func.min(older.c.opened_at))
        .where(older.c.state != "closed", older.c.severity == cases.c.severity, ~older.c.pivot.startswith(AUDIT))
        .correlate(cases)
        .scalar_subquery()
    )
    totals = (
        select(cases.c.severity, func.count(), overdue, func.min(cases.c.due_at), oldest)
        .where(*conditions(Wanted(), now))
        .group_by(cases.c.severity)
        .order_by(cases.c.severity.desc())
    )
    return [Backlog(Severity(row[0]), *row[1:]) for row in tx.execute(totals)]


@dataclass(frozen=True, slots=True)
class Unattended:
    """A scan whose cases are all closed; pivot: of the latest of them, None when there never was one."""

    scan_id: UUID
    item: int | None
    pivot: str | None


def unattended(tx: ReadTx, scan_ids: Sequence[UUID], *, since: datetime) -> list[Unattended]:
    """Those of the scans with no open case, whose latest was closed before then; in their order."""
    rows = tx.execute(_UNATTENDED, {"scan_ids": list(scan_ids), "since": since})
    return [Unattended(row.scan_id, row.item, row.pivot) for row in rows]


_UNATTENDED = text("""
SELECT w.scan_id, last.item, last.pivot FROM unnest(CAST(:scan_ids AS uuid[])) WITH ORDINALITY AS w (scan_id, turn)
LEFT JOIN LATERAL (
    SELECT a.item, c.pivot, c.closed_at FROM alerts a JOIN cases c ON c.id = a.case_id
    WHERE a.scan_id = w.scan_id ORDER BY c.closed_at DESC NULLS FIRST, c.id DESC LIMIT 1
) AS last ON true
WHERE last.pivot IS NULL OR last.closed_at < :since ORDER BY w.turn
""")


def take_next(tx: Tx, wanted: Wanted = Wanted(), *, by: str, now: datetime) -> Case | None:
    """The earliest due case nobody holds, now yours until the lease runs out; None when there is none.

    Two people asking at once get two cases: a row another transaction is taking is stepped over.
    """
    first = (
        select(cases.c.id)
        .where(*conditions(wanted, now), cases.c.state != "closed", _free(by, now))
        .order_by(cases.c.due_at, cases.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    row = tx.execute(update(cases).where(cases.c.id == first).values(_held(by, now)).returning(cases)).first()
    return None if row is None else _audited(tx, row, "case.take", by, now, leased_until=(now + LEASE).isoformat())


def take(tx: Tx, case_id: int, *, by: str, now: datetime) -> Case:
    """This very case; ends its snooze. Raises CaseMoved when somebody else holds it or it is closed."""
    move = _open(case_id).where(_free(by, now)).values(_held(by, now) | {"snoozed_until": None})
    return _move(tx, move, case_id, "case.take", by, now, leased_until=(now + LEASE).isoformat())


def renew(tx: Tx, case_id: int, *, by: str, now: datetime) -> Case:
    """Keep it for another lease, as long as nobody took it over. Not audited: a page does this by itself."""
    row = tx.execute(_investigated(case_id, by).values(leased_until=now + LEASE).returning(cases)).first()
    return read(row) if row else _refused(tx, case_id)


def release(tx: Tx, case_id: int, *, by: str, now: datetime) -> Case:
    """Back into the queue."""
    move = _investigated(case_id, by).values(state="pending", assignee=None, leased_until=None)
    return _move(tx, move, case_id, "case.release", by, now)


def assign(tx: Tx, case_id: int, *, to: str, by: str, now: datetime) -> Case:
    """Give the case to a named person, whoever holds it; no lease, so it stays theirs."""
    move = _open(case_id).values(assignee=to, leased_until=None)
    return _move(tx, move, case_id, "case.assign", by, now, to=to)


def hand_out(tx: Tx, case_id: int, *, to: str, now: datetime) -> bool:
    """Give a case nobody has to somebody, by the clock. False: somebody took it meanwhile."""
    free = _open(case_id).where(cases.c.state == "pending", cases.c.assignee.is_(None))
    row = tx.execute(free.values(assignee=to, leased_until=None).returning(cases)).first()
    if row is not None:
        _audited(tx, row, "case.assign", "clock", now, to=to)
    return row is not None


def snooze(tx: Tx, case_id: int, *, until: datetime, by: str, reason: str, now: datetime) -> Case:
    """Out of the queue until then; it comes back by itself, or when something graver is seen. Raises BadRequest."""
    if not reason.strip():
        raise BadRequest("Write a sentence that says why; whoever looks at this case next needs it.")
    require_end(until, now)
    move = _open(case_id).values(snoozed_until=until)
    return _move(tx, move, case_id, "case.snooze", by, now, until=until.isoformat(), reason=reason)


def require_end(until: datetime, now: datetime) -> None:
    """Raises BadRequest unless a snooze ends, and ends soon enough to be remembered."""
    if not now < until <= now + LONGEST_SNOOZE:
        raise BadRequest(f"A snooze ends in the future and within {LONGEST_SNOOZE.days} days; choose another time.")


def note(tx: Tx, case_id: int, *, text: str, by: str, now: datetime) -> None:
    """Add a remark to the history, in any state. Raises NoSuchCase."""
    case(tx, case_id)
    audit.record(tx, actor=by, action="case.note", subject=f"case:{case_id}", after={"text": text}, now=now)


def decide(
    tx: Tx,
    case_id: int,
    outcome: Outcome,
    *,
    by: str,
    reason: str,
    actions: Sequence[Mapping[str, Any]] = (),
    now: datetime,
) -> Case:
    """Close the case you investigate, and label its alerts. `actions` records what was done about it, as JSON.

    Raises CaseMoved unless `by` holds it; of two who decide at once exactly one does.
    """
    if outcome not in OUTCOMES:
        raise BadRequest(f"An outcome is one of {', '.join(OUTCOMES)}.")
    closing = {
        "state": "closed", "outcome": outcome, "reason": reason, "actions": [dict(action) for action in actions],
        "closed_by": by, "closed_at": now, "leased_until": None, "snoozed_until": None,
    }  # fmt: skip
    move = _investigated(case_id, by).values(closing)
    closed = _move(
        tx, move, case_id, "case.decide", by, now, outcome=outcome, reason=reason, actions=closing["actions"]
    )
    labels.of_decision(tx, case_id, closed.pivot, outcome, by=by, now=now)
    facts.announce(tx, [Fact("case.decided", f"case:{case_id}", {"case_id": case_id, "outcome": outcome})], now=now)
    return closed


def reopen(tx: Tx, case_id: int, *, by: str, reason: str, now: datetime) -> Case:
    """Take a closed case up again, and its labels back. Raises CaseMoved when its pivot has an open case: work that."""
    twin = cases.alias("twin")
    other = exists().where(twin.c.pivot == cases.c.pivot, twin.c.state != "closed")
    cleared = dict.fromkeys(("outcome", "reason", "actions", "closed_by", "closed_at", "overdue_told_at"))
    usual = literal(now + DUE[case(tx, case_id).severity])
    due = func.case_due(cases.c.severity, literal(now), usual)
    move = (
        update(cases)
        .where(cases.c.id == case_id, cases.c.state == "closed", cases.c.outcome != MERGED, ~other)
        .values(_held(by, now) | cleared | {"due_at": due})
    )
    try:
        with tx.begin_nested():  # An alert may open the pivot's next case at this very moment.
            again = _move(tx, move, case_id, "case.reopen", by, now, reason=reason)
    except IntegrityError:
        return _refused(tx, case_id)
    labels.take_back(tx, case_id)
    return again


def _open(case_id: int) -> Update:
    return update(cases).where(cases.c.id == case_id, cases.c.state != "closed")


def _investigated(case_id: int, by: str) -> Update:
    return update(cases).where(cases.c.id == case_id, cases.c.state == "investigating", cases.c.assignee == by)


def _free(by: str, now: datetime) -> ColumnElement[bool]:
    return or_(cases.c.assignee.is_(None), cases.c.assignee == by, cases.c.leased_until <= now)


def _held(by: str, now: datetime) -> dict[str, Any]:
    return {"state": "investigating", "assignee": by, "leased_until": now + LEASE}


def _move(tx: Tx, move: Update, case_id: int, action: str, by: str, now: datetime, **after: object) -> Case:
    row = tx.execute(move.returning(cases)).first()
    return _audited(tx, row, action, by, now, **after) if row else _refused(tx, case_id)


def _audited(tx: Tx, row: Row[Any], action: str, by: str, now: datetime, **after: object) -> Case:
    subject = f"case:{row.id}"
    audit.record(tx, actor=by, action=action, subject=subject, after={"state": row.state} | after, now=now)
    return read(row)


def _refused(tx: ReadTx, case_id: int) -> Case:
    found = case(tx, case_id)
    if found.outcome == MERGED:
        raise CaseMoved(f"Case {case_id} was merged into another; undo that to take it up again.", state=MERGED)
    held = f" and held by {found.assignee}" if found.assignee and found.state != "closed" else ""
    raise CaseMoved(f"Case {case_id} is {found.state}{held}; load it again before you go on.", state=found.state)


def read(row: Row[Any]) -> Case:
    """A row of `cases` as a case."""
    values = {field.name: getattr(row, field.name) for field in fields(Case)}
    return Case(**values | {"severity": Severity(row.severity)})
