"""Who looks, and by when: people with limits and skills, times per severity, and what is overdue.

All of it is data that a supervisor sets. A case nobody took goes to the least loaded of those who can do it and are not
at their limit; somebody who is away gets none. A case can always be given to a named person by hand (`cases.assign`),
whatever their load. What is overdue is told once, to whoever listens.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects.postgresql import insert

from antifraud import cases
from antifraud.alerts import DUE
from antifraud.case_tables import case_people, case_slas
from antifraud.cases import Case, Wanted
from antifraud.findings import Severity
from antifraud.tables import cases as cases_table
from codegen import brands
from codegen.brands import UnknownProduct
from foundation import audit, facts
from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest
from foundation.facts import Fact

_LOCK = 0x61737367  # "assg": two at once would count the same load.


@dataclass(frozen=True, slots=True)
class Skills:
    """What somebody can do; an empty list stands for everything.

    brands: ids; gtins; regions: how a region's six digits begin ("51" is a province); codes: how a reason begins.
    """

    brands: Sequence[int] = ()
    gtins: Sequence[str] = ()
    regions: Sequence[str] = ()
    codes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Colleague:
    """most: open cases at once; load: open cases now."""

    name: str
    most: int
    skills: Skills = Skills()
    is_away: bool = False
    load: int = 0


@dataclass(frozen=True, slots=True)
class Subject:
    """What a case is about, as far as its scans say; what they do not say hinders nobody."""

    codes: frozenset[str]
    brands: frozenset[int] = frozenset()
    gtins: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Breach:
    case_id: int
    pivot: str
    severity: Severity
    assignee: str | None
    due_at: datetime
    overdue: timedelta


def set_colleague(tx: Tx, one: Colleague, *, by: str, now: datetime) -> None:
    """Raises BadRequest."""
    if not one.name.strip() or one.most < 1:
        raise BadRequest("Name the person and how many cases they hold at most, 1 or more; who takes none is away.")
    values = {"most": one.most, "skills": asdict(one.skills), "is_away": one.is_away, "set_by": by, "set_at": now}
    tx.execute(
        insert(case_people)
        .values(values | {"name": one.name})
        .on_conflict_do_update(index_elements=["name"], set_=values)
    )
    said = {"most": one.most, "skills": asdict(one.skills), "is_away": one.is_away}
    audit.record(tx, actor=by, action="colleague.set", subject=f"staff:{one.name}", after=said, now=now)


def remove_colleague(tx: Tx, name: str, *, by: str, now: datetime) -> None:
    """They get no more cases; those they have stay theirs. Raises BadRequest."""
    if not tx.execute(delete(case_people).where(case_people.c.name == name)).rowcount:
        raise BadRequest(f"Nobody called {name} gets cases.")
    audit.record(tx, actor=by, action="colleague.remove", subject=f"staff:{name}", now=now)


def colleagues(tx: ReadTx) -> list[Colleague]:
    """By name, with what they hold now."""
    counted = select(cases_table.c.assignee, func.count()).where(
        cases_table.c.state != "closed", cases_table.c.assignee.is_not(None)
    )
    loads = {row[0]: row[1] for row in tx.execute(counted.group_by(cases_table.c.assignee))}
    rows = tx.execute(select(case_people).order_by(case_people.c.name))
    return [
        Colleague(row.name, row.most, Skills(**row.skills), row.is_away, loads.get(row.name, 0)) for row in rows
    ]  # fmt: skip


def can(one: Colleague, subject: Subject) -> bool:
    """Whether somebody's skills cover a case: all its reasons, and one of its products and regions each. Pure."""
    return (
        _begins(one.skills.codes, subject.codes, all_of_them=True)
        and _is_one(set(one.skills.brands), subject.brands)
        and _is_one(set(one.skills.gtins), subject.gtins)
        and _begins(one.skills.regions, subject.regions)
    )


def _is_one(able: set[Any], wanted: frozenset[Any]) -> bool:
    return not able or not wanted or bool(able & wanted)


def _begins(able: Sequence[str], wanted: frozenset[str], *, all_of_them: bool = False) -> bool:
    if not able or not wanted:
        return True
    fits = [one.startswith(tuple(able)) for one in wanted]
    return all(fits) if all_of_them else any(fits)


def choose(people: Sequence[Colleague], subject: Subject) -> Colleague | None:
    """The least loaded who can; None when nobody is free. Pure."""
    able = [one for one in people if not one.is_away and one.load < one.most and can(one, subject)]
    return min(able, key=lambda one: (one.load, one.name), default=None)


def assign_waiting(tx: Tx, *, now: datetime, limit: int = 200) -> int:
    """Give out what nobody took, the earliest due first; how many."""
    people = {one.name: one for one in colleagues(tx)}
    if not people:
        return 0
    tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    people = {one.name: one for one in colleagues(tx)}
    waiting = [one for one in cases.queue(tx, Wanted("pending"), now=now, limit=limit) if one.assignee is None]
    about, given = _subjects(tx, waiting), 0
    for case in waiting:
        chosen = choose(list(people.values()), about[case.id])
        if chosen is not None and cases.hand_out(tx, case.id, to=chosen.name, now=now):
            people[chosen.name] = replace(chosen, load=chosen.load + 1)
            given += 1
    return given


def _subjects(tx: ReadTx, waiting: Sequence[Case]) -> dict[int, Subject]:
    rows = tx.execute(_SCANNED, {"case_ids": [one.id for one in waiting]})
    said = {row.case_id: (frozenset(row.gtins or ()), frozenset(map(str, row.regions or ()))) for row in rows}
    of_gtin = _brands(tx, {gtin for gtins, _ in said.values() for gtin in gtins})
    found = {}
    for one in waiting:
        gtins, regions = said.get(one.id, (frozenset(), frozenset()))
        brand_ids = frozenset(of_gtin[gtin] for gtin in gtins if gtin in of_gtin)
        found[one.id] = Subject(frozenset(one.codes), brand_ids, gtins, regions | _target(one.pivot))
    return found


_SCANNED = text("""
SELECT a.case_id, array_agg(DISTINCT s.gtin) FILTER (WHERE s.gtin IS NOT NULL) AS gtins,
    array_agg(DISTINCT s.region) FILTER (WHERE s.region IS NOT NULL) AS regions
FROM alerts a JOIN scans s ON s.scan_id = a.scan_id WHERE a.case_id = ANY(:case_ids) GROUP BY a.case_id
""")


def _brands(tx: ReadTx, gtins: set[str]) -> Mapping[str, int]:
    found = {}
    for gtin in sorted(gtins):
        try:
            found[gtin] = brands.of_product(tx, gtin).id
        except UnknownProduct:
            continue
    return found


def _target(pivot: str) -> frozenset[str]:
    """The region a dealer's case is about."""
    kind, _, rest = pivot.partition(":")
    return frozenset([rest.rpartition(":")[2]]) if kind == "dealer" else frozenset()


def set_sla(tx: Tx, severity: Severity, within: timedelta, *, by: str, now: datetime) -> None:
    """How soon a person looks at cases that open from now on. Raises BadRequest."""
    if not timedelta(minutes=1) <= within <= timedelta(days=365):
        raise BadRequest("A case is due within a minute to a year.")
    values = {"within_s": int(within.total_seconds()), "set_by": by, "set_at": now}
    tx.execute(
        insert(case_slas)
        .values(values | {"severity": int(severity)})
        .on_conflict_do_update(index_elements=["severity"], set_=values)
    )
    audit.record(
        tx, actor=by, action="sla.set", subject=f"severity:{severity.name.lower()}",
        after={"within_s": values["within_s"]}, now=now,
    )  # fmt: skip


def slas(tx: ReadTx) -> dict[Severity, timedelta]:
    """Within what time, per severity: as set, else as usual."""
    rows = tx.execute(select(case_slas.c.severity, case_slas.c.within_s))
    return DUE | {Severity(row.severity): timedelta(seconds=row.within_s) for row in rows}


def breaches(tx: ReadTx, *, now: datetime, limit: int = 500) -> list[Breach]:
    """What is overdue and awake, the longest overdue first."""
    found = cases.queue(tx, now=now, limit=limit)  # Earliest due first.
    return [
        Breach(one.id, one.pivot, one.severity, one.assignee, one.due_at, now - one.due_at)
        for one in found
        if one.due_at < now
    ]


def escalate(tx: Tx, *, now: datetime, limit: int = 500) -> int:
    """Tell what became overdue, once a case; how many."""
    rows = tx.execute(_ESCALATE, {"now": now, "limit": limit}).all()
    late = [
        Fact(
            "case.overdue",
            f"case:{row.id}",
            {"case_id": row.id, "pivot": row.pivot, "severity": row.severity, "assignee": row.assignee,
             "due_at": row.due_at.isoformat()},
        )
        for row in sorted(rows, key=lambda row: (row.due_at, row.id))
    ]  # fmt: skip
    facts.announce(tx, late, now=now)
    return len(late)


_ESCALATE = text("""
WITH late AS (
    SELECT id FROM cases WHERE state <> 'closed' AND due_at < :now AND overdue_told_at IS NULL
      AND coalesce(snoozed_until <= :now, true) ORDER BY due_at, id LIMIT :limit FOR UPDATE SKIP LOCKED
)
UPDATE cases c SET overdue_told_at = :now FROM late WHERE c.id = late.id
RETURNING c.id, c.pivot, c.severity, c.assignee, c.due_at
""")
