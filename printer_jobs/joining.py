"""Caps and bottles that a line's camera saw together, joined as `codegen.pairs` joins them.

A station holds no keys, so it tells the caps as they were read; here they are made out. Pairs that cannot be are named
in the job's discrepancy, and the others hold: one bad cap must not cost an hour of good ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text

from codegen import pairs, wire
from codegen.keys import KeyRing
from codegen.runs import load_index
from codegen.wire import Genuine
from foundation.database import Tx
from foundation.errors import BadRequest
from printer_jobs import jobs
from printer_jobs.platform import Seen

SHOWN = 5  # Refusals a discrepancy names.


class BadPairs(BadRequest):
    """The job joins no caps, or a bottle is not of its lease."""

    type = "bad-pairs"


@dataclass(frozen=True, slots=True)
class Paired:
    """paired: how many of these are pairs now, known ones too."""

    paired: int
    refused: list[str]


def pair(tx: Tx, job_id: int, seen: Sequence[Seen], *, keys: KeyRing, now: datetime) -> Paired:
    """Join what was seen together. Raises UnknownJob, BadPairs."""
    # (1) Is it this job's?
    job = jobs.lock(tx, job_id)
    runs = load_index(tx)
    caps = runs.get(job.cap_run_id) if job.cap_run_id else None
    if caps is None:
        raise BadPairs(f"Job {job_id} joins no caps; make a job with a run of caps.")
    wrong = _outside(tx, job_id, [item for item, _ in seen])
    if wrong is not None:
        raise BadPairs(f"Item {wrong} is not of job {job_id}.")
    # (2) Which caps are they?
    prefix = wire.prefix(gtin=caps.gtin, host=caps.host, profile=wire.Profile(caps.profile))
    tokens = wire.decode_many([prefix + cap for _, cap in seen], keys=keys, runs=runs)
    asked, refused = list[pairs.Pair](), list[str]()
    for (item, cap), token in zip(seen, tokens, strict=True):
        if isinstance(token, Genuine) and token.run.id == caps.id:
            asked.append((token.item, item))
        else:
            refused.append(f"cap {cap} on item {item}: it is no code of run {caps.id}")
    # (3) What can be joined is joined; what is known counts once.
    before = _paired(tx, [body for _, body in asked])
    refused += _join(tx, asked, by=str(job.station), now=now)
    after = _paired(tx, [body for _, body in asked])
    _count(tx, job, after - before, refused)
    return Paired(after, refused)


def _join(tx: Tx, asked: Sequence[pairs.Pair], *, by: str, now: datetime) -> list[str]:
    """All that can be; the sentences of the others."""
    left, refused = list(asked), list[str]()
    while left:
        done = pairs.join(tx, left, by=by, now=now)
        if not done.refused:
            break
        bad = {one.item: one for one in done.refused}
        hit = [one for one in left if one[0] in bad or one[1] in bad]
        if not hit:
            refused.append(f"{len(left)} pairs: {done.refused[0].reason}")
            break
        refused += [f"cap {cap} on item {body}: {(bad.get(cap) or bad[body]).reason}" for cap, body in hit]
        left = [one for one in left if one not in hit]
    return refused


def _paired(tx: Tx, bodies: Sequence[int]) -> int:
    row = tx.execute(text(_PAIRED), {"items": sorted(bodies)}).scalar_one()
    return int(row)


def _outside(tx: Tx, job_id: int, items: Sequence[int]) -> int | None:
    """An item that no block of the job holds."""
    found: int | None = tx.execute(text(_OUTSIDE), {"job": job_id, "items": sorted(items)}).scalar()
    return found


def _count(tx: Tx, job: Row[Any], fresh: int, refused: Sequence[str]) -> None:
    earlier = job.discrepancy.split("; ") if job.discrepancy else []
    said = list(dict.fromkeys([*earlier, *refused[:SHOWN]]))
    place = {"job": job.id, "fresh": fresh, "discrepancy": "; ".join(said) or None}
    tx.execute(text("UPDATE jobs SET paired = paired + :fresh, discrepancy = :discrepancy WHERE id = :job"), place)


_PAIRED = """
SELECT count(*) FROM unnest(CAST(:items AS bigint[])) AS i (item)
WHERE EXISTS (SELECT FROM code_pairs p WHERE p.undone_at IS NULL AND p.bodies @> i.item)
"""

_OUTSIDE = """
SELECT i.item FROM unnest(CAST(:items AS bigint[])) AS i (item)
WHERE NOT EXISTS (SELECT FROM job_blocks b WHERE b.job_id = :job AND b.leased @> i.item) ORDER BY 1 LIMIT 1
"""
