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

from sqlalchemy import ColumnElement, Row, Update, and_, exists, func, literal, or_, select, tuple_, update
from sqlalchemy.exc import IntegrityError

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
Cursor = tuple[datetime, int]
LEASE = timedelta(minutes=30)


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
    outcome: Outcome | None
    reason: str | None
    actions: Sequence[Mapping[str, Any]] | None
    closed_by: str | None
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a queue shows; None asks for nothing in particular. state None: everything not closed."""

    state: str | None = None
    severity: Severity = Severity.INFO  # at least
    code: str | None = None
    pivot: str | None = None  # how the pivot begins: "item:", "dealer:7:"
    assignee: str | None = None
    snoozed: bool = False  # show the sleeping ones instead


@dataclass(frozen=True, slots=True)
class Backlog:
    severity: Severity
    open: int
    overdue: int
    oldest_due_at: datetime


def queue(
    tx: ReadTx, wanted: Wanted = Wanted(), *, now: datetime, limit: int = 50, after: Cursor | None = None
) -> list[Case]:
    """Earliest due first. `after` is (due_at, id) of the last case of the page before."""
    found = select(cases).where(*_conditions(wanted, now))
    if after is not None:
        found = found.where(tuple_(cases.c.due_at, cases.c.id) > tuple_(literal(after[0]), literal(after[1])))
    return [_case(row) for row in tx.execute(found.order_by(cases.c.due_at, cases.c.id).limit(limit))]


def _conditions(wanted: Wanted, now: datetime) -> list[ColumnElement[bool]]:
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
    if wanted.assignee:
        conditions.append(cases.c.assignee == wanted.assignee)
    return conditions


def case(tx: ReadTx, case_id: int) -> Case:
    """Raises NoSuchCase."""
    row = tx.execute(select(cases).where(cases.c.id == case_id)).first()
    if row is None:
        raise NoSuchCase(f"There is no case {case_id}.")
    return _case(row)


def history(tx: ReadTx, case_id: int) -> list[audit.Entry]:
    """Everything people did to the case, oldest first."""
    return audit.history(tx, f"case:{case_id}")


def backlog(tx: ReadTx, *, now: datetime) -> list[Backlog]:
    """What is open, what is overdue and since when, per severity; the gravest first. Snoozed ones are left out."""
    overdue = func.count().filter(cases.c.due_at < now)
    totals = (
        select(cases.c.severity, func.count(), overdue, func.min(cases.c.due_at))
        .where(*_conditions(Wanted(), now))
        .group_by(cases.c.severity)
        .order_by(cases.c.severity.desc())
    )
    return [Backlog(Severity(row[0]), row[1], row[2], row[3]) for row in tx.execute(totals)]


def take_next(tx: Tx, wanted: Wanted = Wanted(), *, by: str, now: datetime) -> Case | None:
    """The earliest due case nobody holds, now yours until the lease runs out; None when there is none.

    Two people asking at once get two cases: a row another transaction is taking is stepped over.
    """
    first = (
        select(cases.c.id)
        .where(*_conditions(wanted, now), cases.c.state != "closed", _free(by, now))
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
    return _case(row) if row else _refused(tx, case_id)


def release(tx: Tx, case_id: int, *, by: str, now: datetime) -> Case:
    """Back into the queue."""
    move = _investigated(case_id, by).values(state="pending", assignee=None, leased_until=None)
    return _move(tx, move, case_id, "case.release", by, now)


def assign(tx: Tx, case_id: int, *, to: str, by: str, now: datetime) -> Case:
    """Give the case to a named person, whoever holds it; no lease, so it stays theirs."""
    move = _open(case_id).values(assignee=to, leased_until=None)
    return _move(tx, move, case_id, "case.assign", by, now, to=to)


def snooze(tx: Tx, case_id: int, *, until: datetime, by: str, reason: str, now: datetime) -> Case:
    """Out of the queue until then; it comes back by itself, or when something graver is seen."""
    if until <= now:
        raise BadRequest("A snooze ends in the future; choose a later time.")
    move = _open(case_id).values(snoozed_until=until)
    return _move(tx, move, case_id, "case.snooze", by, now, until=until.isoformat(), reason=reason)


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
    """Close the case you investigate. `actions` records what was done about it, as JSON.

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
    facts.announce(tx, [Fact("case.decided", f"case:{case_id}", {"case_id": case_id, "outcome": outcome})], now=now)
    return closed


def reopen(tx: Tx, case_id: int, *, by: str, reason: str, now: datetime) -> Case:
    """Take a closed case up again. Raises CaseMoved when its pivot has an open case already: work that one."""
    twin = cases.alias("twin")
    other = exists().where(twin.c.pivot == cases.c.pivot, twin.c.state != "closed")
    cleared = dict.fromkeys(("outcome", "reason", "actions", "closed_by", "closed_at"))
    due = now + DUE[case(tx, case_id).severity]
    move = (
        update(cases)
        .where(cases.c.id == case_id, cases.c.state == "closed", ~other)
        .values(_held(by, now) | cleared | {"due_at": due})
    )
    try:
        with tx.begin_nested():  # An alert may open the pivot's next case at this very moment.
            return _move(tx, move, case_id, "case.reopen", by, now, reason=reason)
    except IntegrityError:
        return _refused(tx, case_id)


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
    return _case(row)


def _refused(tx: ReadTx, case_id: int) -> Case:
    found = case(tx, case_id)
    held = f" and held by {found.assignee}" if found.assignee and found.state != "closed" else ""
    raise CaseMoved(f"Case {case_id} is {found.state}{held}; load it again before you go on.", state=found.state)


def _case(row: Row[Any]) -> Case:
    values = {field.name: getattr(row, field.name) for field in fields(Case)}
    return Case(**values | {"severity": Severity(row.severity)})
