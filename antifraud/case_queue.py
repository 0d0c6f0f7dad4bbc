"""What a queue of cases shows: the open ones by due time, narrowed and searched.

A page begins after the last case of the page before (keyset), so the two-hundredth costs what the first does. A search
is either the number of a case or goes through the scans: their indices know every item, carton and dealer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from sqlalchemy import ColumnElement, Select, and_, func, literal, or_, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Text

from antifraud.cases import AUDIT, Case, Cursor, read, take
from antifraud.findings import Severity
from antifraud.reasons import SENTENCES
from antifraud.tables import alerts, cases, scans
from foundation.database import ReadTx, Tx

PAGE = 50
MOST_FOUND = 500  # Cases a search goes through.
Family = Literal["CLN", "HRV", "DIV", "ABU", "PKG", "FACE", "APL"]
FAMILIES: tuple[Family, ...] = get_args(Family)
WIDER: Mapping[str, tuple[str, ...]] = {"PKG": ("PKG_", "KEY_")}  # Leaks of a file and of a key are one subject.
NOBODY = "-"


@dataclass(frozen=True, slots=True)
class Sought:
    """None asks for nothing in particular. kind: how the pivot begins; assignee: NOBODY for those nobody holds."""

    severity: Severity | None = None
    family: Family | None = None
    kind: str | None = None
    assignee: str | None = None
    overdue: bool = False
    snoozed: bool = False
    found: "Found | None" = None


@dataclass(frozen=True, slots=True)
class Found:
    """What a search text turned out to be; a case that matches any of it is shown."""

    case_id: int | None = None
    items: Sequence[int] = ()
    sscc: str | None = None
    dealers: Sequence[int] = ()
    pivot: str | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """Differs whenever the open cases do: what a screen compares before it reads anything else."""

    open: int
    alerts: int
    last_seen_at: datetime | None
    held: int
    leased_until: datetime | None
    snoozed_until: datetime | None


def page(
    tx: ReadTx, sought: Sought = Sought(), *, now: datetime, limit: int = PAGE, after: Cursor | None = None
) -> list[Case]:
    """Earliest due first. `after`: (due_at, id) of the last case of the page before."""
    return [read(row) for row in tx.execute(selection(tx, sought, now, after).limit(limit))]


def selection(tx: ReadTx, sought: Sought, now: datetime, after: Cursor | None = None) -> Select[Any]:
    """The cases sought, in the order of the queue."""
    found = select(cases).where(*conditions(tx, sought, now))
    if after is not None:
        found = found.where(tuple_(cases.c.due_at, cases.c.id) > tuple_(literal(after[0]), literal(after[1])))
    return found.order_by(cases.c.due_at, cases.c.id)


def take_next(tx: Tx, sought: Sought = Sought(), *, by: str, now: datetime) -> Case | None:
    """The earliest due of those sought that nobody holds, now yours; None when there is none. Two get two."""
    free = or_(cases.c.assignee.is_(None), cases.c.leased_until <= now)
    first = selection(tx, sought, now).where(free).with_only_columns(cases.c.id).limit(1)
    row = tx.execute(first.with_for_update(skip_locked=True)).first()
    return None if row is None else take(tx, row.id, by=by, now=now)


def counts(tx: ReadTx, sought: Sought = Sought(), *, now: datetime) -> dict[Severity, tuple[int, int]]:
    """severity -> (open, overdue) of what is sought, whatever severity is asked for."""
    wide = Sought(None, sought.family, sought.kind, sought.assignee, sought.overdue, sought.snoozed, sought.found)
    overdue = func.count().filter(cases.c.due_at < now)
    totals = select(cases.c.severity, func.count(), overdue).where(*conditions(tx, wide, now))
    return {Severity(row[0]): (row[1], row[2]) for row in tx.execute(totals.group_by(cases.c.severity))}


def numbers(tx: ReadTx, sought: Sought, *, now: datetime, limit: int) -> list[int]:
    """Of all cases sought, the earliest due first; for a move of all of them."""
    return list(tx.execute(selection(tx, sought, now).with_only_columns(cases.c.id).limit(limit)).scalars())


def mark(tx: ReadTx) -> Mark:
    open_ones = select(
        func.count(), func.coalesce(func.sum(cases.c.alerts), 0), func.max(cases.c.last_seen_at),
        func.count(cases.c.assignee), func.max(cases.c.leased_until), func.max(cases.c.snoozed_until),
    ).where(cases.c.state != "closed")  # fmt: skip
    return Mark(*tx.execute(open_ones).one())


def people(tx: ReadTx) -> list[str]:
    """Who holds open cases, by name."""
    held = select(cases.c.assignee).where(cases.c.state != "closed", cases.c.assignee.is_not(None)).distinct()
    return [row[0] for row in tx.execute(held.order_by(cases.c.assignee))]


def conditions(tx: ReadTx, sought: Sought, now: datetime) -> list[ColumnElement[bool]]:
    """Of the open cases, those that are sought."""
    asleep = and_(cases.c.snoozed_until.is_not(None), cases.c.snoozed_until > now)
    found: list[ColumnElement[bool]] = [
        cases.c.state != "closed",
        asleep if sought.snoozed else func.coalesce(cases.c.snoozed_until <= now, True),
    ]
    if sought.severity is not None:
        found.append(cases.c.severity == int(sought.severity))
    if sought.family is not None:
        found.append(cases.c.codes.op("&&")(literal(codes_of(sought.family), ARRAY(Text))))
    if sought.kind:
        found.append(cases.c.pivot.startswith(f"{sought.kind}:", autoescape=True))
    elif sought.found is None:
        found.append(~cases.c.pivot.startswith(AUDIT))  # A queue of its own.
    if sought.assignee == NOBODY:
        found.append(cases.c.assignee.is_(None))
    elif sought.assignee:
        found.append(cases.c.assignee == sought.assignee)
    if sought.overdue:
        found.append(cases.c.due_at < now)
    if sought.found is not None:
        found.append(_matches(tx, sought.found))
    return found


def codes_of(family: Family) -> list[str]:
    begins = WIDER.get(family, (f"{family}_",))
    return [code for code in [*SENTENCES, *_UNSAID] if code.startswith(begins)]


_UNSAID = ("HRV_CANARY",)


def _matches(tx: ReadTx, found: Found) -> ColumnElement[bool]:
    """Cases by their number or pivot, and those with an alert on a scan of the item or carton."""
    ways: list[ColumnElement[bool]] = []
    if found.case_id is not None:
        ways.append(cases.c.id == found.case_id)
    if found.pivot is not None:
        ways.append(cases.c.pivot == found.pivot)
    ways += [cases.c.pivot == f"item:{item}" for item in found.items]
    if found.sscc:
        ways.append(cases.c.pivot == f"sscc:{found.sscc}")
    ways += [cases.c.pivot.startswith(f"dealer:{dealer}:", autoescape=True) for dealer in found.dealers]
    if seen := _seen(tx, found):
        ways.append(cases.c.id.in_(seen))
    return or_(*ways) if ways else literal(False)


def _seen(tx: ReadTx, found: Found) -> list[int]:
    """Numbers of the cases with an alert on a scan of these items or of this carton."""
    asked: list[ColumnElement[bool]] = []
    if found.items:
        asked.append(scans.c.item.in_(found.items))
    if found.sscc:
        asked.append(scans.c.sscc == found.sscc)
    numbers: set[int] = set()
    for one in asked:
        joined = select(alerts.c.case_id).join(scans, scans.c.scan_id == alerts.c.scan_id)
        rows = tx.execute(joined.where(one, alerts.c.case_id.is_not(None)).distinct().limit(MOST_FOUND))
        numbers |= {row[0] for row in rows}
    return sorted(numbers)
