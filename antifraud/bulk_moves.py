"""One move for all cases a filter finds, however many pages: decided, put to sleep or given to somebody; and undone.

    preview -> begin -> step, step, ... -> (within a day) undo

`begin` fixes which cases, by id, in one statement; `step` moves a chunk in a transaction of its own, so a move of
thousands holds no lock for long, and a crash goes on where it stopped. A case somebody else moved meanwhile is skipped
and named. Undo restores what this move changed; a case that moved on since is left alone and named.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Row, func, insert, literal, select, update
from sqlalchemy.exc import IntegrityError

from antifraud import cases, labels
from antifraud.case_tables import bulk_cases, bulk_moves
from antifraud.cases import Wanted
from antifraud.findings import Severity
from antifraud.tables import cases as cases_table
from foundation import audit
from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest, Conflict, NotFound, Problem

Kind = Literal["decide", "snooze", "assign"]
CHUNK = 200  # Cases.
UNDOABLE = timedelta(days=1)
# What a bulk move may change of a case; the rest of a row belongs to whoever adds alerts.
MOVED = (
    "state", "assignee", "leased_until", "snoozed_until", "outcome", "reason", "actions", "closed_by", "closed_at",
)  # fmt: skip


class NoSuchBulkMove(NotFound):
    type = "no-such-bulk-move"


class TooLateToUndo(Conflict):
    """A day has passed, or it was undone already."""

    type = "too-late-to-undo"


@dataclass(frozen=True, slots=True)
class Preview:
    """by_severity and by_code: how many of the cases are so grave, or have that code."""

    cases: int
    by_severity: Mapping[Severity, int]
    by_code: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Order:
    """What to do with each: outcome of decide, until of snooze, to of assign; the others None."""

    kind: Kind
    outcome: cases.Outcome | None = None
    until: datetime | None = None
    to: str | None = None


@dataclass(frozen=True, slots=True)
class BulkMove:
    """counts: cases by waiting, moved, skipped, undone, left. left_alone: (case, why) of those skipped or left."""

    id: int
    kind: Kind
    details: Mapping[str, Any]
    reason: str
    by: str
    at: datetime
    undone_by: str | None
    undone_at: datetime | None
    counts: Mapping[str, int]
    left_alone: Sequence[tuple[int, str]]


def preview(tx: ReadTx, wanted: Wanted, *, now: datetime) -> Preview:
    """What the filter finds now."""
    found = select(cases_table.c.severity, cases_table.c.codes).where(*cases.conditions(wanted, now)).subquery()
    by_severity = tx.execute(select(found.c.severity, func.count()).group_by(found.c.severity)).all()
    codes = select(func.unnest(found.c.codes).label("code")).subquery()
    by_code = tx.execute(select(codes.c.code, func.count()).group_by(codes.c.code).order_by(codes.c.code)).all()
    total = sum(row[1] for row in by_severity)
    return Preview(total, {Severity(row[0]): row[1] for row in by_severity}, {row[0]: row[1] for row in by_code})


def begin(tx: Tx, wanted: Wanted, order: Order, *, by: str, reason: str, now: datetime) -> BulkMove:
    """Fix the cases to move; nothing is moved yet. Raises BadRequest."""
    if not reason.strip():
        raise BadRequest("Write a sentence that says why; it is kept with every case.")
    _check(order, now)
    details = {"wanted": asdict(wanted) | {"severity": int(wanted.severity)}, "order": _plain(order)}
    row = {"kind": order.kind, "details": details, "reason": reason, "by": by, "at": now}
    bulk_id: int = tx.execute(insert(bulk_moves).values(row).returning(bulk_moves.c.id)).scalar_one()
    found = select(literal(bulk_id), cases_table.c.id, literal("waiting"), literal("")).where(
        *cases.conditions(wanted, now), cases_table.c.state != "closed"
    )
    tx.execute(insert(bulk_cases).from_select(["bulk_id", "case_id", "state", "why"], found))
    made = of(tx, bulk_id)
    audit.record(
        tx, actor=by, action=f"bulk.{order.kind}", subject=f"bulk:{bulk_id}", after={**details, **made.counts}, now=now
    )
    return made


def _check(order: Order, now: datetime) -> None:
    match order.kind:
        case "decide" if order.outcome in cases.OUTCOMES:
            return
        case "snooze" if order.until is not None:
            cases.require_end(order.until, now)
        case "assign" if order.to and order.to.strip():
            return
        case _:
            raise BadRequest("Say the outcome to decide, until when to snooze, or to whom to assign.")


def step(tx: Tx, bulk_id: int, *, now: datetime, limit: int = CHUNK) -> int:
    """Move the next chunk, in a transaction of its own; how many are left. Two at once move different ones."""
    one = of(tx, bulk_id)
    if one.undone_at is not None:
        return 0
    waiting = select(bulk_cases.c.case_id).where(bulk_cases.c.bulk_id == bulk_id, bulk_cases.c.state == "waiting")
    chunk = waiting.order_by(bulk_cases.c.case_id).limit(limit).with_for_update(skip_locked=True)
    for case_id in tx.execute(chunk).scalars().all():
        _keep(tx, bulk_id, case_id, *_moved(tx, one, case_id, now))
    return tx.execute(select(func.count()).select_from(waiting.subquery())).scalar_one()


def _moved(tx: Tx, one: BulkMove, case_id: int, now: datetime) -> tuple[str, str, Any, Any]:
    """(state, why, what it was, what it is)."""
    try:
        with tx.begin_nested():
            before = _snapshot(tx, case_id)
            _DO[one.kind](tx, one, case_id, now)
            return "moved", "", before, _snapshot(tx, case_id)
    except Problem as refused:
        return "skipped", refused.detail, None, None


def _decide(tx: Tx, one: BulkMove, case_id: int, now: datetime) -> None:
    cases.take(tx, case_id, by=one.by, now=now)
    cases.decide(tx, case_id, one.details["order"]["outcome"], by=one.by, reason=_said(one), now=now)


def _snooze(tx: Tx, one: BulkMove, case_id: int, now: datetime) -> None:
    until = datetime.fromisoformat(one.details["order"]["until"])
    cases.snooze(tx, case_id, until=until, by=one.by, reason=_said(one), now=now)


def _assign(tx: Tx, one: BulkMove, case_id: int, now: datetime) -> None:
    cases.assign(tx, case_id, to=one.details["order"]["to"], by=one.by, now=now)


_DO: Mapping[str, Callable[[Tx, BulkMove, int, datetime], None]] = {
    "decide": _decide, "snooze": _snooze, "assign": _assign,
}  # fmt: skip


def _said(one: BulkMove) -> str:
    return f"{one.reason} (bulk {one.id})"


def undo(tx: Tx, bulk_id: int, *, by: str, reason: str, now: datetime) -> BulkMove:
    """Restore every case that is as the move left it; the others are left alone and named.

    What was still waiting is never moved. Raises NoSuchBulkMove, TooLateToUndo, BadRequest.
    """
    if not reason.strip():
        raise BadRequest("Write a sentence that says why; it is kept with every case.")
    row = tx.execute(select(bulk_moves).where(bulk_moves.c.id == bulk_id).with_for_update()).first()
    if row is None:
        raise NoSuchBulkMove(f"There is no bulk move {bulk_id}.")
    if row.undone_at is not None or row.at + UNDOABLE < now:
        ended = f"was undone by {row.undone_by}" if row.undone_at else "is more than a day old"
        raise TooLateToUndo(f"Bulk move {bulk_id} {ended}; change its cases one by one.")
    tx.execute(update(bulk_moves).where(bulk_moves.c.id == bulk_id).values(undone_by=by, undone_at=now))
    these = select(bulk_cases).where(bulk_cases.c.bulk_id == bulk_id, bulk_cases.c.state.in_(("waiting", "moved")))
    for kept in tx.execute(these.order_by(bulk_cases.c.case_id).with_for_update()).all():
        state, why = ("skipped", "Undone before it was its turn.") if kept.state == "waiting" else _restored(tx, kept)
        _keep(tx, bulk_id, kept.case_id, state, why, kept.before, kept.after)
        if state == "undone":
            audit.record(
                tx, actor=by, action="bulk.undo", subject=f"case:{kept.case_id}",
                after={"bulk": bulk_id, "reason": reason}, now=now,
            )  # fmt: skip
    undone = of(tx, bulk_id)
    audit.record(tx, actor=by, action="bulk.undo", subject=f"bulk:{bulk_id}", after=dict(undone.counts), now=now)
    return undone


def _restored(tx: Tx, kept: Row[Any]) -> tuple[str, str]:
    if _snapshot(tx, kept.case_id) != kept.after:
        return "left", "It moved on since."
    values = {name: _typed(name, value) for name, value in kept.before.items()}
    try:
        with tx.begin_nested():
            tx.execute(update(cases_table).where(cases_table.c.id == kept.case_id).values(values))
    except IntegrityError:
        return "left", "A newer case about the same is open."
    if kept.after["state"] == "closed":
        labels.take_back(tx, kept.case_id)
    return "undone", ""


def of(tx: ReadTx, bulk_id: int) -> BulkMove:
    """Raises NoSuchBulkMove."""
    row = tx.execute(select(bulk_moves).where(bulk_moves.c.id == bulk_id)).first()
    if row is None:
        raise NoSuchBulkMove(f"There is no bulk move {bulk_id}.")
    counted = select(bulk_cases.c.state, func.count()).where(bulk_cases.c.bulk_id == bulk_id)
    counts = {found[0]: found[1] for found in tx.execute(counted.group_by(bulk_cases.c.state))}
    named = select(bulk_cases.c.case_id, bulk_cases.c.why).where(
        bulk_cases.c.bulk_id == bulk_id, bulk_cases.c.state.in_(("skipped", "left"))
    )
    left = [(found.case_id, found.why) for found in tx.execute(named.order_by(bulk_cases.c.case_id).limit(1000))]
    known = {field.name: getattr(row, field.name) for field in fields(BulkMove) if hasattr(row, field.name)}
    return BulkMove(**known | {"counts": counts, "left_alone": left})


def latest(tx: ReadTx, *, limit: int = 50) -> list[BulkMove]:
    """Newest first."""
    found = tx.execute(select(bulk_moves.c.id).order_by(bulk_moves.c.id.desc()).limit(limit)).scalars().all()
    return [of(tx, bulk_id) for bulk_id in found]


def unfinished(tx: ReadTx, *, since: datetime) -> list[int]:
    """Moves begun since then that have cases waiting: a worker goes on with what a closed page left."""
    waiting = select(bulk_cases.c.bulk_id).where(bulk_cases.c.state == "waiting")
    found = select(bulk_moves.c.id).where(
        bulk_moves.c.undone_at.is_(None), bulk_moves.c.at >= since, bulk_moves.c.id.in_(waiting)
    )
    return list(tx.execute(found.order_by(bulk_moves.c.id)).scalars())


def _keep(tx: Tx, bulk_id: int, case_id: int, state: str, why: str, before: Any, after: Any) -> None:
    tx.execute(
        update(bulk_cases)
        .where(bulk_cases.c.bulk_id == bulk_id, bulk_cases.c.case_id == case_id)
        .values(state=state, why=why, before=before, after=after)
    )


def _snapshot(tx: Tx, case_id: int) -> dict[str, Any]:
    """The columns a move may change, as JSON; the row stays locked."""
    chosen = select(*(cases_table.c[name] for name in MOVED)).where(cases_table.c.id == case_id)
    row = tx.execute(chosen.with_for_update()).mappings().one()
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}


def _typed(name: str, value: Any) -> Any:
    return datetime.fromisoformat(value) if value is not None and name.endswith(("_at", "_until")) else value


def _plain(order: Order) -> dict[str, Any]:
    return asdict(order) | {"until": order.until.isoformat() if order.until else None}
