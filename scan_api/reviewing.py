"""A person decides a case: the outcome, and what follows from it for points and codes, in one transaction.

Every step is audited under the name of the person. Held points are never confiscated by silence: an outcome releases
or voids them. Voiding codes is for supervisors, and whether the consumer is told more is not this file's business.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from antifraud import alerts, case_actions, cases, labels
from antifraud.action_effects import ActedOn
from antifraud.cases import Case, Outcome
from codegen import spans
from foundation import outbox
from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest, NotAllowed
from loyalty import holding, wins
from loyalty import tasks as loyalty_tasks
from loyalty.awards import Seeds
from scan_api import appeals
from scan_api.appeals import Appeal

Action = Literal["release-points", "void-points", "freeze-codes", "void-codes", "accept-appeal"]
FOR_SUPERVISORS: frozenset[Action] = frozenset({"void-codes"})
CONTRADICTIONS: tuple[frozenset[Action], ...] = (
    frozenset({"release-points", "void-points"}),
    frozenset({"freeze-codes", "void-codes"}),
    frozenset({"accept-appeal", "void-points"}),
)


class SupervisorNeeded(NotAllowed):
    type = "supervisor-needed"


@dataclass(frozen=True, slots=True)
class Involved:
    """What a decision on a case can reach."""

    items: Sequence[int]
    holds: Sequence[UUID]
    appeals: Sequence[Appeal] = ()
    prizes: Sequence[UUID] = ()  # The scans whose prize waits.


def involved(tx: ReadTx, case_id: int) -> Involved:
    """The items and the open holds behind a case's alerts."""
    raised = alerts.of_case(tx, case_id, limit=1000)
    found = holding.holds_of(tx, [alert.scan_id for alert in raised])
    of_scans = appeals.of_scans(tx, [alert.scan_id for alert in raised if alert.code in appeals.CODES])
    return Involved(
        items=sorted({alert.item for alert in raised if alert.item is not None}),
        holds=sorted({hold for of_scan in found.values() for hold in of_scan}),
        appeals=[one for one in of_scans.values() if one.state == "open"],
        prizes=wins.held_of(tx, [alert.scan_id for alert in raised]),
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
    seeds: Seeds | None = None,
    product: str | None = None,
    now: datetime,
) -> Case:
    """Close a case `by` holds, and do what was decided. seeds: of random awards, which an appeal may be owed.

    product: the GTIN the photos of an appeal show, where its code names no item.
    Raises CaseMoved, SupervisorNeeded, CannotPay, UnknownProduct, BadRequest.
    """
    _check(actions, roles, reason)
    reached = involved(tx, case_id)
    done: list[dict[str, object]] = [
        {"action": action, "reached": _do(tx, case_id, action, reached, by, reason, seeds, product, now)}
        for action in actions
    ]
    overturned = [one.scan_id for one in reached.appeals if "accept-appeal" in actions]
    # An appeal nobody accepted is answered too: whoever sent it is not left waiting for a case that is closed.
    declined = [one for one in reached.appeals if appeals.decline(tx, one.scan_id, by=by, reason=reason, now=now)]
    done += [{"action": "decline-appeal", "reached": len(declined)}] if declined else []
    if (reached.holds and {"release-points", "void-points"} & set(actions)) or "accept-appeal" in actions:
        outbox.enqueue(tx, loyalty_tasks.PROVE, {"because": f"case {case_id}"}, now=now)
    closed = cases.decide(tx, case_id, outcome, by=by, reason=reason, actions=done, now=now)
    for scan_id in overturned:  # What was alerted on a scan that was right after all, was wrong.
        labels.of_appeal(tx, case_id, scan_id, by=by, now=now)
    return closed


def _check(actions: Sequence[Action], roles: frozenset[str], reason: str) -> None:
    if not reason.strip():
        raise BadRequest("Write a sentence that says why; whoever looks at this case next needs it.")
    if any(pair <= set(actions) for pair in CONTRADICTIONS):
        raise BadRequest("These actions contradict each other; choose one of them.")
    if FOR_SUPERVISORS & set(actions) and "supervisor" not in roles:
        raise SupervisorNeeded("Voiding codes needs a supervisor; freeze them and hand the case over.")


def _do(
    tx: Tx, case_id: int, action: Action, reached: Involved, by: str, reason: str, seeds: Seeds | None,
    product: str | None, now: datetime,
) -> int:  # fmt: skip
    """How many holds, items or appeals the action reached."""
    match action:
        case "release-points":
            holding.settle(tx, reached.holds, reason=reason, now=now)
            wins.release(tx, reached.prizes)  # Those of scans that earned no points beside them.
            return len(reached.holds)
        case "void-points":
            holding.void_hold(tx, reached.holds, reason=reason, now=now)
            wins.void(tx, reached.prizes, reason=reason, now=now)
            return len(reached.holds)
        case "freeze-codes":
            return _freeze(tx, case_id, reached.items, by, reason, now)
        case "void-codes":
            spans.void(tx, reached.items, reason=reason, by=by, now=now)
            return len(reached.items)
        case "accept-appeal":
            done = [
                appeals.accept(tx, one.scan_id, by=by, reason=reason, seeds=seeds, product=product, now=now)
                for one in reached.appeals
            ]
            return sum(points > 0 for points in done)


def _freeze(tx: Tx, case_id: int, items: Sequence[int], by: str, reason: str, now: datetime) -> int:
    """As long as an action may last; many codes wait for a second person. 0: they are frozen already."""
    until = now + case_actions.LONGEST
    try:
        with tx.begin_nested():
            case_actions.freeze(tx, case_id, f"case:{case_id}", items, until=until, by=by, reason=reason, now=now)
    except ActedOn:
        return 0
    return len(items)
