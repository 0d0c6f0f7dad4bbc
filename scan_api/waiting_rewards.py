"""No reward waits in limbo: one that waits for a person while no case is open about it calls a person again.

A case closed without settling its holds leaves them waiting; after OVERDUE its file is opened anew, under the same
pivot, and again as long as nobody settles them.
"""

from datetime import datetime, timedelta

from antifraud import cases
from antifraud.alerts import raise_alerts
from antifraud.cases import Unattended
from antifraud.findings import Alert, Reason, Severity
from antifraud.params import Params
from foundation.database import Tx
from loyalty import pausing

CODE = "HOLD_OVERDUE"
OVERDUE = timedelta(days=3)


def requeue(tx: Tx, *, now: datetime) -> int:
    """Open a case for what waits too long; how many rewards."""
    before = now - OVERDUE
    waiting = pausing.waiting(tx, since=before, limit=5000)
    raised = [_alert(one) for one in cases.unattended(tx, waiting, since=before)]
    raise_alerts(tx, raised, now=now)
    return len(raised)


def _alert(one: Unattended) -> Alert:
    reason = Reason(CODE, {"days": OVERDUE.days}, 0.0)
    return Alert(
        reason, Severity.MEDIUM, one.pivot or f"hold:{one.scan_id}", one.scan_id, one.item, None, None, Params().version
    )
