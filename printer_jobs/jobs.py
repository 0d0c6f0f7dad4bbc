"""A job: a contiguous range of a run leased to one station, until its balance is proven.

    leased --report--> running --report, nothing open--> finished --close, no discrepancy--> closed

No two leases overlap, and what was sent is never leased again: only the unprinted end comes back. The database
holds the range and the last folded journal; no row per code. What a report does is in `reports.py`.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import Row, text

from codegen import hierarchy, rangeset, spans, wire
from codegen.keys import KeyRing
from codegen.rangeset import Range
from codegen.run_index import Run
from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest, Conflict, NotFound
from printer_jobs.platform import Lease
from printer_jobs.serials import Balance

LARGEST_LEASE = 1_000_000  # Held in a station's memory; a line prints that many in a day.


class UnknownJob(NotFound):
    type = "unknown-job"


class BadJob(BadRequest):
    """A count, a pack size or a station name that cannot be."""

    type = "bad-job"


class RunExhausted(Conflict):
    """The run has no free range of that many items; `largest` says how many there are in one piece."""

    type = "run-exhausted"


class JobClosed(Conflict):
    type = "job-closed"


@dataclass(frozen=True, slots=True)
class JobStatus:
    """As screens show it. discrepancy: what does not add up, in one sentence; None when nothing is wrong."""

    id: int
    station: str
    run_id: int
    gtin: str
    product_zh: str
    product_en: str
    first: int
    count: int
    pack_size: int
    state: str
    balance: Balance
    cases: int
    sequence: int
    discrepancy: str | None
    created_at: datetime
    reported_at: datetime | None


@dataclass(frozen=True, slots=True)
class StationStatus:
    """job: the newest of the station, None before its first."""

    name: str
    heard_at: datetime | None
    job: JobStatus | None


@dataclass(frozen=True, slots=True)
class Closing:
    """closed: whether the balance was proven. Otherwise `discrepancy` names what is wrong and the job stays open."""

    closed: bool
    balance: Balance
    discrepancy: str | None


def create(tx: Tx, run: Run, station: str, count: int, pack_size: int, *, now: datetime) -> JobStatus:
    """Lease the first free `count` items of the run to a station. Raises BadJob, RunExhausted."""
    # (1) Are the words right?
    name = station.strip()
    if not 0 < len(name) <= 100 or not 0 < count <= LARGEST_LEASE or pack_size <= 0:
        raise BadJob(f"A job needs a station's name, 1 to {LARGEST_LEASE} items and at least one item a case.")
    # (2) One lease of a run at a time, and nothing changes in it meanwhile.
    whole = [(int(run.first), run.end)]
    spans.lock_runs(tx, whole)
    # (3) What is neither leased nor used by other means.
    used = rangeset.of([*_kept(tx, run), *(part for parts in spans.states(tx, whole).values() for part in parts)])
    gaps = rangeset.without(whole, used)
    gap = next((low for low, high in gaps if high - low >= count), None)
    if gap is None:
        largest = max((high - low for low, high in gaps), default=0)
        raise RunExhausted(
            f"Run {run.id} has no {count} free items in one piece, at most {largest}; lease fewer or issue a run.",
            run_id=run.id,
            largest=largest,
        )
    # (4) The lease.
    job_id = tx.execute(
        text(_CREATE),
        {
            "station": name, "run": run.id, "brand": run.brand_id, "low": gap, "high": gap + count,
            "pack_size": pack_size, "now": now,
        },
    ).scalar_one()  # fmt: skip
    return job_status(tx, job_id)


def lease(tx: ReadTx, job_id: int, *, keys: KeyRing, note: str = "") -> Lease:
    """What the station gets: its codes, never a key. Raises UnknownJob, JobClosed, UnknownEpoch."""
    row = _row(tx, job_id)
    if row.state == "closed":
        raise JobClosed(f"Job {job_id} is closed; create another.", job_id=job_id)
    items = np.arange(row.low, row.high, dtype=np.uint64)
    codes = wire.encode_many(items, keys=keys, gtin=row.gtin, host=row.host, profile=wire.Profile(row.profile))
    prefix = wire.prefix(gtin=row.gtin, host=row.host, profile=wire.Profile(row.profile))
    return Lease(
        job=job_id,
        station=row.station,
        first=row.low,
        prefix=prefix,
        serials=tuple(code.removeprefix(prefix) for code in codes),
        pack_size=row.pack_size,
        host=row.host,
        gtin=row.gtin,
        name=row.name_zh,
        note=note,
    )


def new_sscc(tx: Tx, job_id: int, ordinal: int, *, now: datetime) -> str:
    """The job's case number `ordinal`; the same however often asked. Raises UnknownJob, JobClosed, NoCompanyPrefix."""
    job = lock(tx, job_id)
    given = tx.execute(
        text("SELECT sscc FROM job_cases WHERE job_id = :job AND ordinal = :ordinal"),
        {"job": job_id, "ordinal": ordinal},
    ).scalar()
    if given is not None:
        return str(given)
    if job.state == "closed":
        raise JobClosed(f"Job {job_id} is closed; it packs no more cases.", job_id=job_id)
    sscc = hierarchy.new_sscc(tx, job.brand_id)
    tx.execute(
        text("INSERT INTO job_cases (job_id, ordinal, sscc, created_at) VALUES (:job, :ordinal, :sscc, :now)"),
        {"job": job_id, "ordinal": ordinal, "sscc": sscc, "now": now},
    )
    return sscc


def close(tx: Tx, job_id: int, *, now: datetime) -> Closing:
    """End a job whose every item is accounted for. Closing again changes nothing. Raises UnknownJob."""
    row = lock(tx, job_id)
    balance = _balance(row)
    wrong = row.discrepancy or imbalance(balance)
    if wrong is None and row.state != "closed":
        tx.execute(
            text("UPDATE jobs SET state = 'closed', closed_at = :now WHERE id = :job"), {"job": job_id, "now": now}
        )
    return Closing(wrong is None, balance, wrong)


def imbalance(balance: Balance) -> str | None:
    """Why the balance is not proven, None when it is."""
    if balance.proven:
        return None
    if balance.open:
        return f"{balance.open} of {balance.leased} items are still open at the station; let it finish and report."
    accounted = balance.commissioned + balance.scrapped + balance.sampled + balance.void + balance.returned
    return f"{accounted} items are accounted for and {balance.leased} were leased; call the office."


def job_status(tx: ReadTx, job_id: int) -> JobStatus:
    """Raises UnknownJob."""
    return _status(_row(tx, job_id))


def list_stations(tx: ReadTx) -> list[StationStatus]:
    """Every station with its newest job, by name."""
    rows = tx.execute(
        text(
            "SELECT s.name, s.heard_at, j.id AS job_id FROM stations s LEFT JOIN LATERAL"
            " (SELECT id FROM jobs WHERE station_id = s.id ORDER BY id DESC LIMIT 1) j ON true ORDER BY s.name"
        )
    ).all()
    jobs = {row.id: row for row in tx.execute(text(_SELECT), {"jobs": [row.job_id for row in rows if row.job_id]})}
    return [StationStatus(row.name, row.heard_at, _status(jobs[row.job_id]) if row.job_id else None) for row in rows]


def lock(tx: Tx, job_id: int) -> Row[Any]:
    """The job's row, nobody else's until the transaction ends. Raises UnknownJob."""
    tx.execute(text("SELECT id FROM jobs WHERE id = :job FOR NO KEY UPDATE"), {"job": job_id})
    return _row(tx, job_id)


def _row(tx: ReadTx, job_id: int) -> Row[Any]:
    row = tx.execute(text(_SELECT), {"jobs": [job_id]}).first()
    if row is None:
        raise UnknownJob(f"There is no job {job_id}.", job_id=job_id)
    return row


def _kept(tx: ReadTx, run: Run) -> list[Range]:
    rows = tx.execute(
        text("SELECT lower(kept) AS low, upper(kept) AS high FROM jobs WHERE run_id = :run AND NOT isempty(kept)"),
        {"run": run.id},
    )
    return [(row.low, row.high) for row in rows]


def _balance(row: Row[Any]) -> Balance:
    """From the last report; before the first one everything is open."""
    told, leased = row.told, row.high - row.low
    if not told:
        return Balance(leased, 0, 0, 0, 0, 0, open=leased)
    sampled = sum(rangeset.count(part["items"]) for part in told["sampled"])
    return Balance(
        leased=leased,
        commissioned=rangeset.count(told["commissioned"]) - sampled,
        scrapped=sum(rangeset.count(part["items"]) for part in told["scrapped"]),
        sampled=sampled,
        void=sum(rangeset.count(part["items"]) for part in told["void"]),
        returned=rangeset.count(told["returned"]),
        open=told["open"],
    )


def _status(row: Row[Any]) -> JobStatus:
    return JobStatus(
        id=row.id,
        station=row.station,
        run_id=row.run_id,
        gtin=row.gtin,
        product_zh=row.name_zh,
        product_en=row.name_en,
        first=row.low,
        count=row.high - row.low,
        pack_size=row.pack_size,
        state=row.state,
        balance=_balance(row),
        cases=len(row.told.get("packed", ())),
        sequence=row.sequence,
        discrepancy=row.discrepancy,
        created_at=row.created_at,
        reported_at=row.reported_at,
    )


_CREATE = """
WITH station AS (
    INSERT INTO stations (name, created_at) VALUES (:station, :now)
    ON CONFLICT (name) DO UPDATE SET name = excluded.name
    RETURNING id
)
INSERT INTO jobs (brand_id, run_id, station_id, leased, kept, pack_size, state, sequence, told, created_at)
SELECT :brand, :run, station.id, int8range(:low, :high), int8range(:low, :high), :pack_size, 'leased', -1, '{}', :now
FROM station
RETURNING id
"""

_SELECT = """
SELECT j.*, lower(j.leased) AS low, upper(j.leased) AS high, s.name AS station,
       r.gtin, r.host, r.profile, p.name_zh, p.name_en
FROM jobs j JOIN stations s ON s.id = j.station_id JOIN runs r ON r.id = j.run_id JOIN products p ON p.gtin = r.gtin
WHERE j.id = ANY (CAST(:jobs AS bigint[]))
"""
