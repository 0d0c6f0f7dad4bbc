"""A person decides a case: the outcome, and what follows from it for points and codes, in one transaction.

Every step is audited under the name of the person. Held points are never confiscated by silence: an outcome releases
or voids them. Voiding codes is for supervisors, and whether the consumer is told more is not this file's business.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from antifraud import alerts, cases
from antifraud.cases import Case, Outcome
from codegen import spans
from foundation import outbox
from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest, NotAllowed
from loyalty import holding
from loyalty import tasks as loyalty_tasks

Action = Literal["release-points", "void-points", "freeze-codes", "void-codes"]
FOR_SUPERVISORS: frozenset[Action] = frozenset({"void-codes"})
CONTRADICTIONS: tuple[frozenset[Action], ...] = (
    frozenset({"release-points", "void-points"}),
    frozenset({"freeze-codes", "void-codes"}),
)


class SupervisorNeeded(NotAllowed):
    type = "supervisor-needed"


@dataclass(frozen=True, slots=True)
class Involved:
    """What a decision on a case can reach."""

    items: Sequence[int]
    holds: Sequence[UUID]


def involved(tx: ReadTx, case_id: int) -> Involved:
    """The items and the open holds behind a case's alerts."""
    raised = alerts.of_case(tx, case_id, limit=1000)
    found = holding.holds_of(tx, [alert.scan_id for alert in raised])
    return Involved(
        items=sorted({alert.item for alert in raised if alert.item is not None}),
        holds=sorted({hold for of_scan in found.values() for hold in of_scan}),
    )


def settle_case(
    tx: Tx,
    case_id: int,
    outcome: Outcome,
    *,
    actions: Sequence[Action],
    by: str,
    roles: frozenset[str],
    reason: str,
    now: datetime,
) -> Case:
    """Close a case `by` holds, and do what was decided. Raises CaseMoved, SupervisorNeeded, BadRequest."""
    _check(actions, roles, reason)
    reached = involved(tx, case_id)
    done = [{"action": action, "reached": _do(tx, action, reached, by, reason, now)} for action in actions]
    if reached.holds and {"release-points", "void-points"} & set(actions):
        outbox.enqueue(tx, loyalty_tasks.PROVE, {"because": f"case {case_id}"}, now=now)
    return cases.decide(tx, case_id, outcome, by=by, reason=reason, actions=done, now=now)


def _check(actions: Sequence[Action], roles: frozenset[str], reason: str) -> None:
    if not reason.strip():
        raise BadRequest("Write a sentence that says why; whoever looks at this case next needs it.")
    if any(pair <= set(actions) for pair in CONTRADICTIONS):
        raise BadRequest("These actions contradict each other; choose one of them.")
    if FOR_SUPERVISORS & set(actions) and "supervisor" not in roles:
        raise SupervisorNeeded("Voiding codes needs a supervisor; freeze them and hand the case over.")


def _do(tx: Tx, action: Action, reached: Involved, by: str, reason: str, now: datetime) -> int:
    """How many holds or items the action reached."""
    match action:
        case "release-points":
            holding.settle(tx, reached.holds, reason=reason, now=now)
            return len(reached.holds)
        case "void-points":
            holding.void_hold(tx, reached.holds, reason=reason, now=now)
            return len(reached.holds)
        case "freeze-codes":
            spans.hold(tx, reached.items, reason=reason, by=by, now=now)
            return len(reached.items)
        case "void-codes":
            spans.void(tx, reached.items, reason=reason, by=by, now=now)
            return len(reached.items)
