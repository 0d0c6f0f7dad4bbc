"""What the judgement does by itself: months for the scan log before they come, evidence nobody needs away."""

from datetime import datetime

from antifraud import evidence, scan_log
from foundation.background import every
from foundation.database import Tx

HOUR_S = 3600


@every(12 * HOUR_S, "antifraud.months")
def make_months(tx: Tx, *, now: datetime) -> None:
    """Safe to run at any time and twice; two months ahead leave room for a worker that was off for weeks."""
    scan_log.ensure_partitions(tx, now)


@every(HOUR_S, "antifraud.sweep")
def sweep_actors(tx: Tx, *, now: datetime) -> None:
    """Rows of guessers who went away would only slow down their neighbours."""
    evidence.sweep(tx, now=now)
