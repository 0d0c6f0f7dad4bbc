"""What the judgement does by itself: months for the scan log made before they come, what ran out cleared away."""

from datetime import datetime, timedelta

from antifraud import assignment, bulk_moves, case_actions, evidence, inspection, known_good, scan_log
from antifraud.lab import tasks as lab_tasks
from foundation.background import every
from foundation.database import Tx

LAB = lab_tasks  # Importing it registers its tasks and sweeps.
MINUTE_S = 60
FEW = 100
HOUR_S = 3600


@every(12 * HOUR_S, "antifraud.months")
def make_months(tx: Tx, *, now: datetime) -> None:
    """Safe to run at any time and twice; two months ahead leave room for a worker that was off for weeks."""
    scan_log.ensure_partitions(tx, now)


@every(HOUR_S, "antifraud.sweep")
def sweep_actors(tx: Tx, *, now: datetime) -> None:
    """Rows of guessers who went away would only slow down their neighbours."""
    evidence.sweep(tx, now=now)


@every(MINUTE_S, "antifraud.expire_actions")
def expire_actions(tx: Tx, *, now: datetime) -> bool:
    """What was frozen or trusted for a while is as before when the while is over, whoever is at work."""
    ended = case_actions.expire(tx, now=now, limit=FEW), known_good.expire(tx, now=now, limit=FEW)
    return FEW in ended


@every(MINUTE_S, "antifraud.bulk_moves")
def go_on_with_bulk_moves(tx: Tx, *, now: datetime) -> None:
    """A chunk of each that a closed page or a crash left half done."""
    for bulk_id in bulk_moves.unfinished(tx, since=now - timedelta(days=1)):
        bulk_moves.step(tx, bulk_id, now=now)


@every(HOUR_S, "antifraud.plan_inspections")
def plan_inspections(tx: Tx, *, now: datetime) -> None:
    """Tomorrow's tours, in the evening."""
    inspection.plan_tomorrow(tx, now=now)


@every(MINUTE_S, "antifraud.assign")
def assign_cases(tx: Tx, *, now: datetime) -> None:
    """What came in goes to whoever is least loaded, where a team was set up; what is overdue is told."""
    assignment.assign_waiting(tx, now=now)
    assignment.escalate(tx, now=now)
