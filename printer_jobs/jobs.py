"""A job: blocks of a run leased to one station, until their balance is proven.

    leased --report--> running --report, nothing open--> finished --close, no discrepancy--> closed

A block is a contiguous range and the unit of a report. A station asks for the next one before it runs dry. No two
blocks overlap, and what was sent is never leased again: only the unprinted end comes back, by the station's word, also
after the lease expired. The database holds ranges and the last folded journal; no row per code. What a report does is
in `reports.py`.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Row, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from codegen import hierarchy, rangeset, spans, wire
from codegen.digsig import DIGSIG, SigningKey
from codegen.keys import KeyProvider, KeyRing
from codegen.rangeset import Range
from codegen.run_index import Run
from codegen.runs import load_index
from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest, Conflict, NotFound
from printer_jobs import plant
from printer_jobs.platform import JSON, CaseNumber, Lease
from printer_jobs.serials import Balance

LARGEST_LEASE = 1_000_000  # Held in a station's memory; a line prints that many in a day.
BLOCK = 50_000  # The story of so many items, with a hundred scrapped and every case, is 150 kB of JSON.
MOST_BLOCKS = 10_000
CASE_NUMBERS = 200  # Given out at once.
LEASE_LIFE = timedelta(days=30)  # Longer than any plant was ever without network.


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
    """As screens show it. first: of the first block. count: of all blocks.

    discrepancy: what does not add up, in one sentence; None when nothing is wrong.
    """

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
    """job: the newest of the station, None before its first. said: its last sign of life (`stations.heartbeat`)."""

    name: str
    heard_at: datetime | None
    job: JobStatus | None
    said: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Closing:
    """closed: whether the balance was proven. Otherwise `discrepancy` names what is wrong and the job stays open."""

    closed: bool
    balance: Balance
    discrepancy: str | None


def create(
    tx: Tx, run: Run, station: str, count: int, pack_size: int, *, caps: Run | None = None, now: datetime
) -> JobStatus:
    """Lease the first free `count` items of the run to a station. Raises BadJob, RunExhausted.

    caps: a run another plant prints on caps; the camera joins them with the bottles. Of one brand.
    """
    # (1) Are the words right?
    name = station.strip()
    if not 0 < len(name) <= 100 or not 0 < count <= LARGEST_LEASE or pack_size <= 0:
        raise BadJob(f"A job needs a station's name, 1 to {LARGEST_LEASE} items and at least one item a case.")
    if caps is not None and (caps.id == run.id or caps.brand_id != run.brand_id):
        raise BadJob("Caps come from another run of the same brand; name that run, or none.")
    # (2) The first free piece of the run, while nobody else can take it.
    gaps = _gaps(tx, run)
    gap = next((low for low, high in gaps if high - low >= count), None)
    if gap is None:
        largest = max((high - low for low, high in gaps), default=0)
        raise RunExhausted(
            f"Run {run.id} has no {count} free items in one piece, at most {largest}; lease fewer or issue a run.",
            run_id=run.id,
            largest=largest,
        )
    # (3) The job and its blocks.
    job_id = tx.execute(
        text(_CREATE),
        {
            "station": name,
            "run": run.id,
            "brand": run.brand_id,
            "pack_size": pack_size,
            "now": now,
            "caps": caps.id if caps else None,
        },
    ).scalar_one()
    for block, low in enumerate(range(gap, gap + count, BLOCK)):
        _add_block(tx, job_id, block, low, min(low + BLOCK, gap + count), now=now)
    return job_status(tx, job_id)


def next_block(tx: Tx, job_id: int, block: int, count: int, *, now: datetime) -> None:
    """Lease one more block, the `block`-th, to a job: `count` items, or as many as the run has in one piece.

    A block the job has already stays what it is. Raises UnknownJob, JobClosed, BadJob, RunExhausted.
    """
    job = lock(tx, job_id)
    if block < job.blocks:
        return
    if job.state == "closed":
        raise JobClosed(f"Job {job_id} is closed; create another.", job_id=job_id)
    if block > job.blocks or not 0 < count <= BLOCK:
        raise BadJob(f"Job {job_id} has {job.blocks} blocks; the next is block {job.blocks}, of 1 to {BLOCK} items.")
    run = load_index(tx).get(job.run_id)
    # What the job itself gave back stays with others: in its journal every number lives once.
    own = tx.execute(text("SELECT lower(leased), upper(leased) FROM job_blocks WHERE job_id = :job"), {"job": job_id})
    gaps = rangeset.without(_gaps(tx, run), rangeset.of((low, high) for low, high in own)) if run else []
    if not gaps:
        raise RunExhausted(f"Run {job.run_id} has no free items; issue a run.", run_id=job.run_id, largest=0)
    low, high = next((gap for gap in gaps if gap[1] - gap[0] >= count), max(gaps, key=lambda gap: gap[1] - gap[0]))
    _add_block(tx, job_id, block, low, min(high, low + count), now=now)
    tx.execute(text("UPDATE jobs SET state = 'running' WHERE id = :job AND state = 'finished'"), {"job": job_id})


def leased(tx: Tx, job_id: int, block: int, count: int, *, keys: KeyRing, now: datetime) -> Lease:
    """A block of a job, leased now where it is the next one and `count` items are asked for.

    Raises UnknownJob, JobClosed, BadJob, RunExhausted, UnknownEpoch.
    """
    if count:
        next_block(tx, job_id, block, count, now=now)
    return lease(tx, job_id, block, keys=keys)


def lease(tx: ReadTx, job_id: int, block: int = 0, *, keys: KeyRing, note: str = "") -> Lease:
    """A block as the station gets it: its codes, never a key. Raises UnknownJob, JobClosed, BadJob, UnknownEpoch."""
    job = _row(tx, job_id)
    if job.state == "closed":
        raise JobClosed(f"Job {job_id} is closed; create another.", job_id=job_id)
    row = block_row(tx, job_id, block)
    items = np.arange(row.low, row.high, dtype=np.uint64)
    profile = wire.Profile(job.profile)
    codes = wire.encode_many(items, keys=keys, gtin=job.gtin, host=job.host, profile=profile)
    prefix = wire.prefix(gtin=job.gtin, host=job.host, profile=profile)
    return Lease(
        job=job_id,
        station=job.station,
        first=row.low,
        prefix=prefix,
        serials=tuple(code.removeprefix(prefix) for code in codes),
        pack_size=job.pack_size,
        host=job.host,
        gtin=job.gtin,
        name=job.name_zh,
        note=note,
        block=block,
        blocks=job.blocks,
        expires_at=row.expires_at.isoformat(),
        caps=_cap_prefix(tx, job),
    )


def _cap_prefix(tx: ReadTx, job: Row[Any]) -> str:
    run = load_index(tx).get(job.cap_run_id) if job.cap_run_id else None
    return wire.prefix(gtin=run.gtin, host=run.host, profile=wire.Profile(run.profile)) if run else ""


def case_numbers(
    tx: Tx, job_id: int, first: int, count: int, *, provider: KeyProvider, now: datetime
) -> list[CaseNumber]:
    """The job's case numbers from `first` on, signed, at most CASE_NUMBERS at once. Raises as new_sscc does."""
    key = SigningKey.derive(provider, brand_id=lock(tx, job_id).brand_id)
    count = min(count, CASE_NUMBERS)
    numbers = [new_sscc(tx, job_id, ordinal, now=now) for ordinal in range(first, first + count)]
    return [CaseNumber(sscc, dict(key.sign((("00", sscc),)))[DIGSIG]) for sscc in numbers]


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


def heartbeat(tx: Tx, job_id: int, said: JSON, *, now: datetime) -> None:
    """Keep a station's sign of life, for screens; nothing is decided by it. Raises UnknownJob."""
    row = _row(tx, job_id)
    state = dict(said)
    if (told := state.pop("minutes", None)) is not None:
        plant.keep(tx, row.station_id, told)
    tx.execute(
        text("UPDATE stations SET heard_at = :now, said = :said WHERE id = :station").bindparams(
            bindparam("said", type_=JSONB)
        ),
        {"station": row.station_id, "said": state | {"job": job_id}, "now": now},
    )


def close(tx: Tx, job_id: int, *, now: datetime) -> Closing:
    """End a job whose every item is accounted for. Closing again changes nothing. Raises UnknownJob."""
    row = lock(tx, job_id)
    balance = _balance(row)
    wrong = row.discrepancy or imbalance(balance) or _unpaired(row, balance)
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


def _unpaired(row: Row[Any], balance: Balance) -> str | None:
    """Whether a bottle passed whose cap was not told."""
    missing = balance.commissioned + balance.sampled - row.paired if row.cap_run_id else 0
    return f"{missing} bottles passed whose caps were not told; let the station report." if missing > 0 else None


def job_status(tx: ReadTx, job_id: int) -> JobStatus:
    """Raises UnknownJob."""
    return _status(_row(tx, job_id))


def list_stations(tx: ReadTx) -> list[StationStatus]:
    """Every station with its newest job, by name."""
    rows = tx.execute(
        text(
            "SELECT s.name, s.heard_at, s.said, j.id AS job_id FROM stations s LEFT JOIN LATERAL"
            " (SELECT id FROM jobs WHERE station_id = s.id ORDER BY id DESC LIMIT 1) j ON true ORDER BY s.name"
        )
    ).all()
    jobs = {row.id: row for row in tx.execute(text(_SELECT), {"jobs": [row.job_id for row in rows if row.job_id]})}
    return [
        StationStatus(row.name, row.heard_at, _status(jobs[row.job_id]) if row.job_id else None, row.said)
        for row in rows
    ]


def open_jobs(tx: ReadTx, station: str) -> list[JobStatus]:
    """The station's jobs that are not closed, oldest first: its work."""
    rows = tx.execute(
        text(
            "SELECT j.id FROM jobs j JOIN stations s ON s.id = j.station_id"
            " WHERE s.name = :station AND j.state <> 'closed' ORDER BY j.id"
        ),
        {"station": station},
    )
    return [job_status(tx, job_id) for job_id in rows.scalars()]


def lock(tx: Tx, job_id: int) -> Row[Any]:
    """The job's row, nobody else's until the transaction ends. Raises UnknownJob."""
    tx.execute(text("SELECT id FROM jobs WHERE id = :job FOR NO KEY UPDATE"), {"job": job_id})
    return _row(tx, job_id)


def block_row(tx: ReadTx, job_id: int, block: int) -> Row[Any]:
    """Raises BadJob."""
    row = tx.execute(
        text(
            "SELECT *, lower(leased) AS low, upper(leased) AS high FROM job_blocks"
            " WHERE job_id = :job AND block = :block"
        ),
        {"job": job_id, "block": block},
    ).first()
    if row is None:
        raise BadJob(f"Job {job_id} has no block {block}.")
    return row


def _row(tx: ReadTx, job_id: int) -> Row[Any]:
    row = tx.execute(text(_SELECT), {"jobs": [job_id]}).first()
    if row is None:
        raise UnknownJob(f"There is no job {job_id}.", job_id=job_id)
    return row


def _gaps(tx: Tx, run: Run) -> list[Range]:
    """What of the run is neither leased nor used by other means; it stays so until the transaction ends."""
    whole = [(int(run.first), run.end)]
    spans.lock_runs(tx, whole)
    kept = tx.execute(
        text(
            "SELECT lower(b.kept), upper(b.kept) FROM job_blocks b JOIN jobs j ON j.id = b.job_id"
            " WHERE j.run_id = :run AND NOT isempty(b.kept)"
        ),
        {"run": run.id},
    )
    used = [(low, high) for low, high in kept]
    used += [part for parts in spans.states(tx, whole).values() for part in parts]
    return rangeset.without(whole, rangeset.of(used))


def _add_block(tx: Tx, job_id: int, block: int, low: int, high: int, *, now: datetime) -> None:
    tx.execute(
        text(_ADD_BLOCK),
        {"job": job_id, "block": block, "low": low, "high": high, "now": now, "expires": now + LEASE_LIFE},
    )


def _balance(row: Row[Any]) -> Balance:
    """From the last reports; before the first one everything is open."""
    return Balance(
        leased=row.leased, commissioned=row.commissioned, scrapped=row.scrapped, sampled=row.sampled, void=row.void,
        returned=row.returned, open=row.open,
    )  # fmt: skip


def _status(row: Row[Any]) -> JobStatus:
    return JobStatus(
        id=row.id,
        station=row.station,
        run_id=row.run_id,
        gtin=row.gtin,
        product_zh=row.name_zh,
        product_en=row.name_en,
        first=row.first,
        count=row.leased,
        pack_size=row.pack_size,
        state=row.state,
        balance=_balance(row),
        cases=row.cases,
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
INSERT INTO jobs (brand_id, run_id, cap_run_id, station_id, pack_size, state, sequence, created_at)
SELECT :brand, :run, :caps, station.id, :pack_size, 'leased', -1, :now
FROM station
RETURNING id
"""

_ADD_BLOCK = """
INSERT INTO job_blocks (job_id, block, leased, kept, sequence, told, open, leased_at, expires_at)
VALUES (:job, :block, int8range(:low, :high), int8range(:low, :high), -1, '{}', CAST(:high AS bigint) - :low, :now,
        :expires)
"""

_SELECT = """
SELECT j.*, s.name AS station, r.gtin, r.host, r.profile, p.name_zh, p.name_en, b.*
FROM jobs j JOIN stations s ON s.id = j.station_id JOIN runs r ON r.id = j.run_id JOIN products p ON p.gtin = r.gtin
CROSS JOIN LATERAL (
    SELECT count(*) AS blocks, CAST(sum(upper(leased) - lower(leased)) AS bigint) AS leased,
           min(lower(leased)) FILTER (WHERE block = 0) AS first,
           CAST(sum(commissioned) AS bigint) AS commissioned, CAST(sum(scrapped) AS bigint) AS scrapped,
           CAST(sum(sampled) AS bigint) AS sampled, CAST(sum(void) AS bigint) AS void,
           CAST(sum(returned) AS bigint) AS returned, CAST(sum(open) AS bigint) AS open,
           CAST(sum(cases) AS bigint) AS cases
    FROM job_blocks WHERE job_id = j.id
) b
WHERE j.id = ANY (CAST(:jobs AS bigint[]))
"""
