"""A station that is lost for good: its disk is dead or its computer is gone, and nobody will report for it any more.

What it never told is settled by people: items found printed and in order are commissioned, all others are void, and
the job closes with a proven balance. Until then nothing of it can be leased or believed. A station that comes back
after all is told that its job is closed, and stops its line.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from codegen import rangeset, spans
from codegen.rangeset import Range
from foundation import audit
from foundation.database import Tx
from foundation.errors import BadRequest, Conflict
from printer_jobs import jobs
from printer_jobs.reports import Story


class NothingOpen(Conflict):
    """Every item of the job is accounted for, or it is closed."""

    type = "nothing-open"


@dataclass(frozen=True, slots=True)
class WrittenOff:
    """commissioned and void: what was settled now, as ranges."""

    job: int
    commissioned: tuple[Range, ...]
    void: tuple[Range, ...]


def write_off(tx: Tx, job_id: int, *, found: Sequence[Range], reason: str, by: str, now: datetime) -> WrittenOff:
    """Settle what the station left open, and close the job. found: items people saw printed and in order.

    Raises UnknownJob, NothingOpen, BadRequest for a missing reason or for found items that are not open.
    """
    # (1) What is open, while nobody can report.
    job = jobs.lock(tx, job_id)
    opened = _open(tx, job_id) if job.state != "closed" else {}
    everything = rangeset.of(part for parts in opened.values() for part in parts)
    if not everything:
        raise NothingOpen(f"Job {job_id} has no open items; close it with `onecode line close {job_id}`.")
    if not reason.strip():
        raise BadRequest("Say why the station will not report any more; it stands in the record for good.")
    if wrong := rangeset.without(rangeset.of(found), everything):
        raise BadRequest(f"Items {wrong[0][0]} to {wrong[0][1] - 1} are not open in job {job_id}; leave them out.")
    # (2) People's word for what was found, void for the rest.
    kept, void = rangeset.of(found), rangeset.without(everything, rangeset.of(found))
    why = f"job {job_id} written off: {reason.strip()}"
    refused = spans.commission(tx, kept, reason=why, by=by, now=now).refused if kept else ()
    refused = (*refused, *(spans.void(tx, void, reason=why, by=by, now=now).refused if void else ()))
    if refused:
        raise BadRequest(f"Items {refused[0].first} to {refused[0].end - 1} are {refused[0].reason}; leave them out.")
    # (3) The books of every block, and the end.
    for block, parts in opened.items():
        place = {"job": job_id, "block": block, "found": rangeset.count(rangeset.common(parts, kept)),
                 "void": rangeset.count(rangeset.common(parts, void))}  # fmt: skip
        tx.execute(text(_SETTLE), place)
    tx.execute(text(_CLOSE), {"job": job_id, "now": now})
    after = {"reason": reason.strip(), "commissioned": kept, "void": void}
    audit.record(tx, actor=by, action="job-written-off", subject=f"job:{job_id}", after=after, now=now)
    return WrittenOff(job_id, tuple(kept), tuple(void))


def _open(tx: Tx, job_id: int) -> dict[int, list[Range]]:
    """By block, what its story does not account for."""
    rows = tx.execute(text(_BLOCKS), {"job": job_id})
    left = {
        row.block: rangeset.without([(row.low, row.high)], rangeset.of(p for part in Story.of(row.told).settled()
                                                                     for p in part))
        for row in rows
    }  # fmt: skip
    return {block: parts for block, parts in left.items() if parts}


_BLOCKS = """
SELECT block, lower(leased) AS low, upper(leased) AS high, told FROM job_blocks WHERE job_id = :job ORDER BY block
FOR NO KEY UPDATE
"""

_SETTLE = """
UPDATE job_blocks SET commissioned = commissioned + :found, void = void + :void, open = 0
WHERE job_id = :job AND block = :block
"""

_CLOSE = "UPDATE jobs SET state = 'closed', closed_at = :now WHERE id = :job"
