"""Actions on a case that end by themselves and can be undone; what each does is `action_effects`.

                   approve (another person)       until
    proposed ------------------------> active ----------> expired
        |  refuse (another person)       |  undo
        +-------------> refused          +------> undone

What is mild takes effect at once; what is hard is proposed and waits for a second person. A proposal nobody approved
in time expires too, and whoever made it may undo it. The end of an action takes back exactly what it did: what was so
before, or by somebody else since, stays. A subject is acted on once at a time. Every step is audited under the case.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.dialects.postgresql import insert

from antifraud import cases, dealer_notices, door_flags, freezing, inspection
from antifraud.action_effects import ActedOn, Action, effect_of
from antifraud.case_tables import case_actions
from codegen import rangeset, spans
from foundation import audit, facts
from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest, Conflict, NotAllowed, NotFound
from foundation.facts import Fact

LONGEST = timedelta(days=90)
STANDING = ("proposed", "active")
AT_THE_DOOR = tuple(door_flags.FLAGS)
FOR_DEALERS = (dealer_notices.KIND, "rebate_hold")
VISIT = inspection.KIND


class NoSuchAction(NotFound):
    type = "no-such-action"


class ActionMoved(Conflict):
    """The action is not in the state this needs."""

    type = "action-moved"


class SecondPersonNeeded(NotAllowed):
    type = "second-person-needed"


def freeze(
    tx: Tx, case_id: int, subject: str, items: spans.Items, *, until: datetime, by: str, reason: str, now: datetime
) -> Action:
    """Freeze the codes of a subject until then, or propose it when they are many.

    Raises NoSuchCase, ActedOn, BadRequest.
    """
    asked = rangeset.of(items)
    if not asked:
        raise BadRequest("Name at least one code to freeze.")
    details = {"items": [list(pair) for pair in asked]}
    return act(tx, case_id, freezing.KIND, subject, until=until, by=by, reason=reason, details=details, now=now)


def act(
    tx: Tx,
    case_id: int,
    kind: str,
    subject: str,
    *,
    until: datetime,
    by: str,
    reason: str,
    details: Mapping[str, Any] | None = None,
    now: datetime,
) -> Action:
    """Act on a subject until then, or propose it when it takes two. Raises NoSuchCase, ActedOn, BadRequest."""
    effect = effect_of(kind)
    _check(until, reason, now)
    cases.case(tx, case_id)
    subject = subject.strip()
    row = {
        "case_id": case_id, "kind": kind, "subject": subject, "state": "proposed", "reason": reason, "by": by,
        "at": now, "until": until, "details": dict(details or {}),
    }  # fmt: skip
    added = tx.execute(insert(case_actions).values(row).on_conflict_do_nothing().returning(case_actions)).first()
    if added is None:
        raise ActedOn(f"{subject} is under {kind} already or about to be; undo that first, or wait until it ends.")
    proposed = _action(added)
    effect.check(tx, proposed)
    _record(tx, proposed, "action.propose", by, now, until=until.isoformat(), reason=reason)
    return proposed if effect.takes_two(proposed) else _take(tx, proposed, None, by, now)


def _check(until: datetime, reason: str, now: datetime) -> None:
    if not reason.strip():
        raise BadRequest("Write a sentence that says why; whoever looks at this case next needs it.")
    if not now < until <= now + LONGEST:
        raise BadRequest(f"An action ends in the future and within {LONGEST.days} days; choose another end.")


def approve(tx: Tx, action_id: int, *, by: str, now: datetime) -> Action:
    """The second person agrees, and it takes effect. Raises NoSuchAction, ActionMoved, SecondPersonNeeded, ActedOn."""
    proposed = _locked(tx, action_id, ("proposed",), now)
    _second(proposed, by)
    return _take(tx, proposed, by, by, now)


def refuse(tx: Tx, action_id: int, *, by: str, reason: str, now: datetime) -> Action:
    """The second person disagrees; nothing happens. Raises NoSuchAction, ActionMoved, SecondPersonNeeded."""
    proposed = _locked(tx, action_id, ("proposed",), now)
    _second(proposed, by)
    return _moved(tx, proposed, "action.refuse", by, now, state="refused", why=reason)


def undo(tx: Tx, action_id: int, *, by: str, reason: str, now: datetime) -> Action:
    """Take back what it did, or withdraw a proposal. Raises NoSuchAction, ActionMoved."""
    standing = _locked(tx, action_id, STANDING, now)
    effect_of(standing.kind).end(tx, standing, by, now)
    undone = _moved(
        tx, standing, "action.undo", by, now, state="undone", why=reason, values={"undone_by": by, "undone_at": now}
    )
    _tell(tx, "action.undone", undone, now)
    return undone


def expire(tx: Tx, *, now: datetime, limit: int = 100) -> int:
    """End what has run out, the longest overdue first; how many. Two at once end different ones."""
    over = select(case_actions).where(case_actions.c.state.in_(STANDING), case_actions.c.until <= now)
    rows = tx.execute(
        over.order_by(case_actions.c.until, case_actions.c.id).limit(limit).with_for_update(skip_locked=True)
    )
    ended = [_action(row) for row in rows]
    by_kind: dict[str, list[Action]] = defaultdict(list)
    for one in ended:
        by_kind[one.kind].append(one)
    for kind in sorted(by_kind):  # One order of locks, whatever the actions touch.
        effect_of(kind).lock(tx, by_kind[kind])
    for one in ended:
        effect_of(one.kind).end(tx, one, "clock", now)
        _tell(tx, "action.undone", _moved(tx, one, "action.expire", "clock", now, state="expired"), now)
    return len(ended)


def action(tx: ReadTx, action_id: int) -> Action:
    """Raises NoSuchAction."""
    row = tx.execute(select(case_actions).where(case_actions.c.id == action_id)).first()
    if row is None:
        raise NoSuchAction(f"There is no action {action_id}.")
    return _action(row)


def of_case(tx: ReadTx, case_id: int) -> list[Action]:
    """Oldest first, those that ended included."""
    found = select(case_actions).where(case_actions.c.case_id == case_id).order_by(case_actions.c.id)
    return [_action(row) for row in tx.execute(found)]


def waiting(tx: ReadTx, *, now: datetime, limit: int = 200) -> list[Action]:
    """Proposals that wait for a second person, the one that ends first on top."""
    found = select(case_actions).where(case_actions.c.state == "proposed", case_actions.c.until > now)
    return [_action(row) for row in tx.execute(found.order_by(case_actions.c.until, case_actions.c.id).limit(limit))]


def _take(tx: Tx, proposed: Action, approved_by: str | None, by: str, now: datetime) -> Action:
    done = effect_of(proposed.kind).begin(tx, proposed, by, now)
    taken = _moved(
        tx, proposed, "action.take", by, now, state="active",
        values={"approved_by": approved_by, "details": {**proposed.details, **done}},
    )  # fmt: skip
    _tell(tx, "action.taken", taken, now)
    return taken


def _locked(tx: Tx, action_id: int, states: Sequence[str], now: datetime) -> Action:
    row = tx.execute(select(case_actions).where(case_actions.c.id == action_id).with_for_update()).first()
    if row is None:
        raise NoSuchAction(f"There is no action {action_id}.")
    found = _action(row)
    if found.state not in states:
        raise ActionMoved(f"Action {action_id} is {found.state}; load it again before you go on.", state=found.state)
    if found.until <= now:
        raise ActionMoved(f"Action {action_id} has run out; take a new one with a later end.", state="expired")
    return found


def _second(proposed: Action, by: str) -> None:
    if proposed.by == by:
        raise SecondPersonNeeded("You proposed this yourself; a second person decides on it.")


def _moved(
    tx: Tx, one: Action, step: str, by: str, now: datetime, *, state: str, values: dict[str, Any] | None = None,
    **after: object,
) -> Action:  # fmt: skip
    """The row is locked: whoever calls read it for update."""
    change = update(case_actions).where(case_actions.c.id == one.id).values({"state": state} | (values or {}))
    moved = _action(tx.execute(change.returning(case_actions)).one())
    _record(tx, moved, step, by, now, **after)
    return moved


def _record(tx: Tx, one: Action, step: str, by: str, now: datetime, **after: object) -> None:
    said = {"action_id": one.id, "kind": one.kind, "subject": one.subject, "state": one.state} | after
    audit.record(tx, actor=by, action=step, subject=f"case:{one.case_id}", after=said, now=now)


def _tell(tx: Tx, kind: str, one: Action, now: datetime) -> None:
    body = {"action_id": one.id, "case_id": one.case_id, "kind": one.kind, "subject": one.subject, "state": one.state}
    facts.announce(tx, [Fact(kind, f"case:{one.case_id}", body | {"until": one.until.isoformat()})], now=now)


def _action(row: Row[Any]) -> Action:
    return Action(**{field.name: getattr(row, field.name) for field in fields(Action)})
