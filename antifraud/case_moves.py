"""Cases merged, split, and alerts moved between them by hand.

A merged case is closed as `merged` and its alerts are the other's; both know it, and undoing gives back exactly the
alerts that came. Only open cases are touched: what a closed one was decided on stays as it was. Cases are locked in
pivot order, as everywhere, so an alert that arrives meanwhile is in one of them and counted once.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from antifraud.case_tables import case_merges
from antifraud.cases import Case, CaseMoved, NoSuchCase, case
from antifraud.tables import alerts, cases
from foundation import audit
from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest, NotFound

MOST = 10_000  # Alerts moved at once.


class NoSuchMerge(NotFound):
    type = "no-such-merge"


class NothingLeft(BadRequest):
    """The case would be left without an alert."""

    type = "nothing-left"


@dataclass(frozen=True, slots=True)
class Merge:
    id: int
    from_case: int
    into_case: int
    alert_ids: Sequence[int]
    reason: str
    by: str
    at: datetime
    undone_by: str | None
    undone_at: datetime | None


def merge(tx: Tx, from_cases: Collection[int], into: int, *, by: str, reason: str, now: datetime) -> list[Merge]:
    """Move everything of these cases into another, and close them. Raises NoSuchCase, CaseMoved, BadRequest."""
    _require(reason)
    froms = sorted(set(from_cases))
    if not froms or into in froms:
        raise BadRequest("Choose at least one case, and another one to merge it into.")
    locked = _lock(tx, [*froms, into])
    made = [_merge(tx, one, into, by, reason, now) for one in froms]
    soonest = min(row.due_at for row in locked.values())
    tx.execute(update(cases).where(cases.c.id == into).values(due_at=soonest))
    _recount(tx, into)
    return made


def _merge(tx: Tx, one: int, into: int, by: str, reason: str, now: datetime) -> Merge:
    moved = _move(tx, alerts.c.case_id == one, into)
    closing = {
        "state": "closed", "outcome": "merged", "reason": reason, "closed_by": by, "closed_at": now,
        "leased_until": None, "snoozed_until": None,
    }  # fmt: skip
    tx.execute(update(cases).where(cases.c.id == one).values(closing | {"assignee": by}))
    row = {"from_case": one, "into_case": into, "alert_ids": moved, "reason": reason, "by": by, "at": now}
    made = _row_of_merge(tx.execute(insert(case_merges).values(row).returning(case_merges)).one())
    _record(tx, one, "case.merge", by, now, into=into, alerts=len(moved), reason=reason)
    _record(tx, into, "case.merge-in", by, now, merged=one, alerts=len(moved), reason=reason)
    return made


def undo_merge(tx: Tx, merge_id: int, *, by: str, reason: str, now: datetime) -> Case:
    """Give the merged case its alerts back; it waits in the queue again. Raises NoSuchMerge, CaseMoved, NothingLeft."""
    _require(reason)
    found = tx.execute(select(case_merges).where(case_merges.c.id == merge_id).with_for_update()).first()
    if found is None:
        raise NoSuchMerge(f"There is no merge {merge_id}.")
    one = _row_of_merge(found)
    if one.undone_at is not None:
        raise CaseMoved(f"Merge {merge_id} was undone by {one.undone_by} already.", state="undone")
    _lock(tx, [one.into_case])
    back = _move(tx, alerts.c.id.in_(one.alert_ids) & (alerts.c.case_id == one.into_case), one.from_case)
    if not back:
        raise NothingLeft(f"No alert that came from case {one.from_case} is in case {one.into_case} any more.")
    _require_rest(tx, [one.into_case])
    cleared = dict.fromkeys(("outcome", "reason", "closed_by", "closed_at", "assignee"))
    try:
        with tx.begin_nested():
            tx.execute(update(cases).where(cases.c.id == one.from_case).values(cleared | {"state": "pending"}))
    except IntegrityError as twin:
        raise CaseMoved(
            f"A newer case about the same is open; merge that into case {one.into_case}, or close it first.",
            state="closed",
        ) from twin
    _recount(tx, one.into_case)
    _recount(tx, one.from_case)
    tx.execute(update(case_merges).where(case_merges.c.id == merge_id).values(undone_by=by, undone_at=now))
    _record(tx, one.from_case, "case.unmerge", by, now, out_of=one.into_case, alerts=len(back), reason=reason)
    _record(tx, one.into_case, "case.unmerge-out", by, now, gave_back=one.from_case, alerts=len(back), reason=reason)
    return case(tx, one.from_case)


def split(tx: Tx, case_id: int, alert_ids: Collection[int], *, by: str, reason: str, now: datetime) -> Case:
    """A case of their own for some alerts of a case. Raises NoSuchCase, CaseMoved, NothingLeft, BadRequest."""
    _require(reason)
    wanted = _wanted(alert_ids)
    row = _lock(tx, [case_id])[case_id]
    of_case = select(alerts.c.id).where(alerts.c.id.in_(wanted), alerts.c.case_id == case_id)
    if len(tx.execute(of_case).all()) != len(wanted):
        raise BadRequest(f"Not all of these alerts are in case {case_id}; load it again before you split it.")
    fresh = {
        "pivot": f"split:{case_id}:{wanted[0]}", "state": "pending", "severity": row.severity, "codes": row.codes,
        "alerts": len(wanted), "opened_at": now, "first_seen_at": now, "last_seen_at": now, "due_at": row.due_at,
    }  # fmt: skip
    made: int = tx.execute(insert(cases).values(fresh).returning(cases.c.id)).scalar_one()
    _move(tx, alerts.c.id.in_(wanted), made)
    _require_rest(tx, [case_id])
    _recount(tx, case_id)
    _recount(tx, made)
    _record(tx, case_id, "case.split", by, now, into=made, alerts=len(wanted), reason=reason)
    _record(tx, made, "case.split-off", by, now, out_of=case_id, alerts=len(wanted), reason=reason)
    return case(tx, made)


def attach(tx: Tx, alert_ids: Collection[int], into: int, *, by: str, reason: str, now: datetime) -> Case:
    """Alerts from anywhere, those in no case included, into this one. Raises as `split`."""
    _require(reason)
    wanted = _wanted(alert_ids)
    found = tx.execute(select(alerts.c.id, alerts.c.case_id).where(alerts.c.id.in_(wanted))).all()
    if len(found) != len(wanted):
        raise BadRequest("Some of these alerts do not exist; load the list again.")
    sources = sorted({row.case_id for row in found if row.case_id not in (None, into)})
    _lock(tx, [*sources, into])
    still = alerts.c.id.in_(wanted) & (alerts.c.case_id.is_(None) | alerts.c.case_id.in_([*sources, into]))
    moved = _move(tx, still, into)
    if len(moved) != len(wanted):
        raise CaseMoved("Somebody moved one of these alerts meanwhile; load them again.", state="moved")
    _require_rest(tx, sources)
    for one in [*sources, into]:
        _recount(tx, one)
    for one in sources:
        _record(tx, one, "case.detach", by, now, into=into, reason=reason)
    _record(tx, into, "case.attach", by, now, alerts=len(moved), out_of=sources, reason=reason)
    return case(tx, into)


def merges_of(tx: ReadTx, case_id: int) -> list[Merge]:
    """Both ways: where it went and what came, oldest first, undone ones included."""
    either = (case_merges.c.from_case == case_id) | (case_merges.c.into_case == case_id)
    return [_row_of_merge(row) for row in tx.execute(select(case_merges).where(either).order_by(case_merges.c.id))]


def _wanted(alert_ids: Collection[int]) -> list[int]:
    wanted = sorted(set(alert_ids))
    if not 1 <= len(wanted) <= MOST:
        raise BadRequest(f"Choose 1 to {MOST:,} alerts.")
    return wanted


def _require(reason: str) -> None:
    if not reason.strip():
        raise BadRequest("Write a sentence that says why; whoever looks at this case next needs it.")


def _lock(tx: Tx, case_ids: Collection[int]) -> Mapping[int, Row[Any]]:
    """The cases, which must be open, by id. Raises NoSuchCase, CaseMoved."""
    rows = tx.execute(select(cases).where(cases.c.id.in_(case_ids)).order_by(cases.c.pivot).with_for_update())
    found = {row.id: row for row in rows}
    for case_id in case_ids:
        if case_id not in found:
            raise NoSuchCase(f"There is no case {case_id}.")
        if found[case_id].state == "closed":
            raise CaseMoved(f"Case {case_id} is closed; reopen it before you move its alerts.", state="closed")
    return found


def _move(tx: Tx, which: Any, into: int) -> list[int]:
    moved = tx.execute(update(alerts).where(which).values(case_id=into).returning(alerts.c.id))
    return sorted(moved.scalars())


def _require_rest(tx: ReadTx, case_ids: Collection[int]) -> None:
    rest = set(tx.execute(select(alerts.c.case_id).where(alerts.c.case_id.in_(case_ids)).distinct()).scalars())
    for case_id in case_ids:
        if case_id not in rest:
            raise NothingLeft(f"Case {case_id} would be left without an alert; merge it instead.")


def _recount(tx: Tx, case_id: int) -> None:
    tx.execute(_RECOUNT, {"case_id": case_id})


_RECOUNT = text("""
UPDATE cases SET alerts = a.alerts, codes = a.codes, severity = a.severity, first_seen_at = a.first_at,
    last_seen_at = a.last_at
FROM (
    SELECT count(*) AS alerts, array_agg(DISTINCT code ORDER BY code) AS codes, max(severity) AS severity,
        min(raised_at) AS first_at, max(raised_at) AS last_at FROM alerts WHERE case_id = :case_id
) AS a WHERE cases.id = :case_id
""")


def _record(tx: Tx, case_id: int, action: str, by: str, now: datetime, **after: object) -> None:
    audit.record(tx, actor=by, action=action, subject=f"case:{case_id}", after=after, now=now)


def _row_of_merge(row: Row[Any]) -> Merge:
    return Merge(**{field.name: getattr(row, field.name) for field in fields(Merge)})
