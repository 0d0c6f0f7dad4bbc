"""Who and where is known to be good: for a while, for a reason, and because two people said so.

    propose ──> proposed ── approve, by another ──> active ──> ended (by hand), expired (its time)
                    └── refuse, by another ──> refused

| kind    | is                                        | known as               |
| ------- | ----------------------------------------- | ---------------------- |
| person  | a member                                  | member:                |
| device  | a phone                                   | device:                |
| network | an office, a school                       | address:               |
| store   | a shop that scans for its customers       | device: address: cell: |
| buyer   | a restaurant or banquet (B 端)            | member: device:        |
| place   | a cell of about a square kilometre (H3-8) | cell:                  |

It takes the weight from signs of behaviour (`decision.WEAK`, `WEAK_ALERTS`) and from nothing else: a forged code, a
guesser, a code that surfaced before its sale or at two places at once is what it is, whoever scans it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.dialects.postgresql import insert

from antifraud import door_flags
from antifraud.case_tables import known_good
from antifraud.findings import Alert, Severity
from foundation import audit
from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest, Conflict, NotAllowed, NotFound

KINDS: Mapping[str, tuple[str, ...]] = {
    "person": ("member:",), "device": ("device:",), "network": ("address:",), "store": ("device:", "address:", "cell:"),
    "buyer": ("member:", "device:"), "place": ("cell:",),
}  # fmt: skip
FLAG = "known"
LONGEST = timedelta(days=365)
WEAK_ALERTS = "ABU_"  # What a night says of an actor.
STANDING = ("proposed", "active")


class NoSuchEntry(NotFound):
    type = "no-such-entry"


class EntryMoved(Conflict):
    """The entry is not in the state this needs, or there is one for this already."""

    type = "entry-moved"


class AnotherPersonNeeded(NotAllowed):
    type = "another-person-needed"


@dataclass(frozen=True, slots=True)
class Entry:
    """by owns it: whoever asks why it is there asks them."""

    id: int
    kind: str
    subject: str
    state: str
    reason: str
    by: str
    approved_by: str | None
    at: datetime
    until: datetime
    ended_by: str | None
    ended_at: datetime | None


def propose(tx: Tx, kind: str, subject: str, *, until: datetime, by: str, reason: str, now: datetime) -> Entry:
    """Nothing changes before another person agrees. Raises BadRequest, EntryMoved."""
    if kind not in KINDS:
        raise BadRequest(f"There is no kind {kind!r}; the kinds are {', '.join(KINDS)}.")
    if not subject.startswith(KINDS[kind]) or subject.endswith(":"):
        raise BadRequest(f"A {kind} is known as {' or '.join(f'{prefix}…' for prefix in KINDS[kind])}.")
    if not reason.strip():
        raise BadRequest("Write a sentence that says why; whoever reads the list needs it.")
    if not now < until <= now + LONGEST:
        raise BadRequest(f"An entry ends in the future and within {LONGEST.days} days; choose another end.")
    row = {
        "kind": kind, "subject": subject, "state": "proposed", "reason": reason, "by": by, "at": now, "until": until,
    }  # fmt: skip
    made = tx.execute(insert(known_good).values(row).on_conflict_do_nothing().returning(known_good)).first()
    if made is None:
        raise EntryMoved(f"There is an entry for {subject} already; end that first.")
    return _told(tx, made, "propose", by, now, reason=reason)


def approve(tx: Tx, entry_id: int, *, by: str, now: datetime) -> Entry:
    """Another person agrees, and it holds. Raises NoSuchEntry, EntryMoved, AnotherPersonNeeded."""
    one = _by_another(tx, entry_id, by, now)
    moved = _move(tx, entry_id, ("proposed",), state="active", approved_by=by)
    door_flags.put_up(tx, one.subject, FLAG, until=one.until, now=now)
    return _told(tx, moved, "approve", by, now)


def refuse(tx: Tx, entry_id: int, *, by: str, reason: str, now: datetime) -> Entry:
    """Raises NoSuchEntry, EntryMoved, AnotherPersonNeeded."""
    _by_another(tx, entry_id, by, now)
    moved = _move(tx, entry_id, ("proposed",), state="refused", ended_by=by, ended_at=now)
    return _told(tx, moved, "refuse", by, now, reason=reason)


def end(tx: Tx, entry_id: int, *, by: str, reason: str, now: datetime) -> Entry:
    """Trust is withdrawn at once, by one person. Raises NoSuchEntry, EntryMoved."""
    was = get(tx, entry_id)
    moved = _move(tx, entry_id, STANDING, state="ended", ended_by=by, ended_at=now)
    if moved.approved_by is not None:
        door_flags.take_down(tx, was.subject, FLAG, now=now)
    return _told(tx, moved, "end", by, now, reason=reason)


def expire(tx: Tx, *, now: datetime, limit: int = 100) -> int:
    """End what has run out; how many."""
    over = select(known_good).where(known_good.c.state.in_(STANDING), known_good.c.until <= now)
    rows = tx.execute(
        over.order_by(known_good.c.subject).limit(limit).with_for_update(skip_locked=True)
    ).all()  # fmt: skip
    for row in rows:
        moved = _move(tx, row.id, STANDING, state="expired", ended_by="clock", ended_at=now)
        if row.state == "active":
            door_flags.take_down(tx, row.subject, FLAG, now=now)
        _told(tx, moved, "expire", "clock", now)
    return len(rows)


def get(tx: ReadTx, entry_id: int) -> Entry:
    """Raises NoSuchEntry."""
    row = tx.execute(select(known_good).where(known_good.c.id == entry_id)).first()
    if row is None:
        raise NoSuchEntry(f"There is no entry {entry_id}.")
    return _entry(row)


def listed(tx: ReadTx, *, standing: bool = True, limit: int = 500) -> list[Entry]:
    """What holds or waits for a second person, the next to end first; or everything that ever was, newest first."""
    every = select(known_good).limit(limit)
    chosen = every.where(known_good.c.state.in_(STANDING)).order_by(known_good.c.until, known_good.c.id)
    return [_entry(row) for row in tx.execute(chosen if standing else every.order_by(known_good.c.id.desc()))]


def softened(tx: ReadTx, alerts: Sequence[Alert], *, now: datetime) -> list[Alert]:
    """The alerts with those about behaviour of somebody known turned into notes for the file."""
    asked = {one.pivot for one in alerts if one.reason.code.startswith(WEAK_ALERTS)}
    if not asked:
        return list(alerts)
    holds = (known_good.c.state == "active", known_good.c.until > now)
    known = set(tx.execute(select(known_good.c.subject).where(known_good.c.subject.in_(asked), *holds)).scalars())
    return [replace(one, severity=Severity.INFO) if one.pivot in known else one for one in alerts]


def _by_another(tx: Tx, entry_id: int, by: str, now: datetime) -> Entry:
    one = get(tx, entry_id)
    if one.by == by:
        raise AnotherPersonNeeded("You proposed this yourself; another person decides on it.")
    if one.until <= now:
        raise EntryMoved(f"Entry {entry_id} has run out; propose a new one with a later end.")
    return one


def _move(tx: Tx, entry_id: int, expected: Sequence[str], **values: object) -> Row[Any]:
    this = update(known_good).where(known_good.c.id == entry_id, known_good.c.state.in_(expected))
    row = tx.execute(this.values(**values).returning(known_good)).first()
    if row is None:
        raise EntryMoved(f"Entry {entry_id} is {get(tx, entry_id).state}; load it again.")
    return row


def _told(tx: Tx, row: Row[Any], step: str, by: str, now: datetime, **after: object) -> Entry:
    one = _entry(row)
    said = {"kind": one.kind, "subject": one.subject, "state": one.state, "until": one.until.isoformat()} | after
    audit.record(tx, actor=by, action=f"known-good.{step}", subject=f"known-good:{one.id}", after=said, now=now)
    return one


def _entry(row: Row[Any]) -> Entry:
    return Entry(**{field.name: getattr(row, field.name) for field in fields(Entry)})
