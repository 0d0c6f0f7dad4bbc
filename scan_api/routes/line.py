"""What a line station asks over HTTP: its jobs, blocks, case numbers; its reports, signs of life and its public key.

The API key says which station calls, and a station sees only its own jobs: another's is unknown to it. Every call may
be sent again.
"""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Path
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from codegen import keys as keyring
from codegen.hierarchy import NoCompanyPrefix
from foundation import clock
from foundation.database import Tx, transaction
from foundation.errors import NotSignedIn, TooMany
from printer_jobs import jobs, joining, minutes, office, reports, stations
from printer_jobs.jobs import BadJob, JobClosed, JobStatus, RunExhausted, UnknownJob
from printer_jobs.joining import BadPairs
from printer_jobs.platform import CaseNumber, Lease
from printer_jobs.reports import BadReport, JournalForked
from printer_jobs.stations import KeyTaken, NotEnrolled
from scan_api.api_keys import ApiKey, ScopeMissing
from scan_api.callers import key_with
from scan_api.edge import Edge, TheEdge
from scan_api.problems import problems

router = APIRouter(prefix="/v1/line", tags=["line"])

TheStation = Annotated[ApiKey, Depends(key_with("line:work"))]
JobId = Annotated[int, Path(ge=1, le=2**63 - 1)]
Block = Annotated[int, Path(ge=0, le=jobs.MOST_BLOCKS - 1)]
WHO = (NotSignedIn, ScopeMissing, NotEnrolled, TooMany)
T = TypeVar("T")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class LineJobOut(BaseModel):
    id: int
    gtin: str
    product_zh: str
    product_en: str
    count: int
    open: int
    pack_size: int
    state: str

    @staticmethod
    def of(job: JobStatus) -> "LineJobOut":
        return LineJobOut(
            id=job.id, gtin=job.gtin, product_zh=job.product_zh, product_en=job.product_en, count=job.count,
            open=job.balance.open, pack_size=job.pack_size, state=job.state,
        )  # fmt: skip


class LeaseOut(BaseModel):
    """The codes are `prefix` and each of `serials`, for the items from `first` on."""

    job: int
    station: str
    first: int
    prefix: str
    serials: list[str]
    pack_size: int
    host: str
    gtin: str
    name: str
    note: str
    block: int
    blocks: int
    expires_at: str | None
    caps: str


class BlockIn(_Strict):
    """count: items wanted; fewer come where the run has no more in one piece."""

    count: int = Field(ge=1, le=jobs.BLOCK)


class CasesIn(_Strict):
    """The case numbers wanted, counted from 0."""

    first: int = Field(ge=0, le=10_000_000)
    count: int = Field(ge=1, le=10_000_000)


class CaseNumberOut(BaseModel):
    """digsig: AI 8030 over the number, for the label's QR code; `onecode verify` checks it without a network."""

    sscc: str
    digsig: str


class CasesOut(BaseModel):
    numbers: list[CaseNumberOut]


class PairIn(_Strict):
    """cap: its code, without what all caps of the job begin with."""

    item: int = Field(ge=0, lt=1 << 60)
    cap: str = Field(max_length=100, pattern=r"^[0-9A-Za-z]+$")


class PairsIn(_Strict):
    seen: list[PairIn] = Field(min_length=1, max_length=office.PAIRS_AT_ONCE)


class PairedOut(BaseModel):
    """paired: bottles of these that have their caps now. refused: pairs that cannot be, each in a sentence."""

    paired: int
    refused: list[str]


class HeardOut(BaseModel):
    """sequence: the last journal line heard of. discrepancy: what does not add up."""

    sequence: int
    state: str
    discrepancy: str | None


class MinuteIn(_Strict):
    """Labels of one minute. grade_sum: over the `graded` ones, 4 for A to 0 for F."""

    at: AwareDatetime
    passed: int = Field(ge=0, le=10**6)
    rejected: int = Field(ge=0, le=10**6)
    graded: int = Field(ge=0, le=10**6)
    grade_sum: float = Field(ge=0, le=4 * 10**6)

    @model_validator(mode="after")
    def _means_are_grades(self) -> "MinuteIn":
        if self.grade_sum > 4 * self.graded:
            raise ValueError("no grade is above 4")
        return self


class MinutesIn(_Strict):
    """began: of the station's run. minutes: the oldest first."""

    began: AwareDatetime
    minutes: list[MinuteIn] = Field(max_length=minutes.TOLD_AT_ONCE)


class HeartbeatIn(_Strict):
    passed: int = Field(ge=0, le=2**53)
    rejected: int = Field(ge=0, le=2**53)
    reserved: int = Field(ge=0, le=2**53)
    faults: list[Annotated[str, Field(max_length=50, pattern=r"^[a-z-]*$")]] = Field(max_length=20)
    stopped: str | None = Field(max_length=1000, pattern=r"^[^\x00]*$")
    minutes: MinutesIn | None = None


class StationKeyIn(_Strict):
    """public_key: Ed25519, 32 bytes in hexadecimal."""

    public_key: str = Field(pattern=r"^[0-9a-f]{64}$")


class StationOut(BaseModel):
    station: str


@router.get("/jobs", responses=problems(*WHO))
async def station_jobs(key: TheStation, edge: TheEdge) -> list[LineJobOut]:
    """The calling station's jobs that are not closed, oldest first."""
    found = await _ask(edge, key, lambda tx, name: jobs.open_jobs(tx, name))
    return [LineJobOut.of(job) for job in found]


@router.get("/jobs/{job_id}/blocks/{block}", responses=problems(*WHO, UnknownJob, JobClosed, BadJob))
async def block(job_id: JobId, block: Block, key: TheStation, edge: TheEdge) -> LeaseOut:
    """A block the job has."""
    return await _lease(edge, key, job_id, block, 0)


@router.put("/jobs/{job_id}/blocks/{block}", responses=problems(*WHO, UnknownJob, JobClosed, BadJob, RunExhausted))
async def next_block(job_id: JobId, block: Block, body: BlockIn, key: TheStation, edge: TheEdge) -> LeaseOut:
    """The block after the job's last, leased now; one it has already comes as it is."""
    return await _lease(edge, key, job_id, block, body.count)


@router.put("/jobs/{job_id}/cases", responses=problems(*WHO, UnknownJob, JobClosed, NoCompanyPrefix))
async def case_numbers(job_id: JobId, body: CasesIn, key: TheStation, edge: TheEdge) -> CasesOut:
    """Numbers for case labels, signed; the same however often asked, at most 200 at once."""

    def numbers(tx: Tx, name: str) -> list[CaseNumber]:
        _own(tx, job_id, name)
        return jobs.case_numbers(tx, job_id, body.first, body.count, provider=edge.house.keys, now=clock.now())

    given = await _ask(edge, key, numbers)
    return CasesOut(numbers=[CaseNumberOut(sscc=one.sscc, digsig=one.digsig) for one in given])


@router.put("/jobs/{job_id}/report", responses=problems(*WHO, UnknownJob, JobClosed, BadReport, JournalForked))
async def report(job_id: JobId, body: dict[str, Any], key: TheStation, edge: TheEdge) -> HeardOut:
    """Take over what is new in the folded journal of one block."""

    def hear(tx: Tx, name: str) -> HeardOut:
        _own(tx, job_id, name)
        return HeardOut(**reports.report(tx, job_id, body, now=clock.now()))

    return await _ask(edge, key, hear)


@router.put("/jobs/{job_id}/pairs", responses=problems(*WHO, UnknownJob, BadPairs))
async def pair(job_id: JobId, body: PairsIn, key: TheStation, edge: TheEdge) -> PairedOut:
    """Which caps the camera saw on which bottles; the same again changes nothing."""

    def join(tx: Tx, name: str) -> PairedOut:
        _own(tx, job_id, name)
        ring = keyring.load_ring(tx, edge.house.keys)
        done = joining.pair(tx, job_id, [(one.item, one.cap) for one in body.seen], keys=ring, now=clock.now())
        return PairedOut(paired=done.paired, refused=done.refused)

    return await _ask(edge, key, join)


@router.put("/jobs/{job_id}/heartbeat", responses=problems(*WHO, UnknownJob))
async def heartbeat(job_id: JobId, body: HeartbeatIn, key: TheStation, edge: TheEdge) -> StationOut:
    """How the line is, for screens; nothing is decided by it."""

    def hear(tx: Tx, name: str) -> StationOut:
        _own(tx, job_id, name)
        jobs.heartbeat(tx, job_id, body.model_dump(mode="json"), now=clock.now())
        return StationOut(station=name)

    return await _ask(edge, key, hear)


@router.put("/key", responses=problems(*WHO, KeyTaken))
async def register_key(body: StationKeyIn, key: TheStation, edge: TheEdge) -> StationOut:
    """The key this station signs its record with; only the first after it was enrolled counts."""

    def register(tx: Tx, name: str) -> StationOut:
        stations.register(tx, name, bytes.fromhex(body.public_key), now=clock.now())
        return StationOut(station=name)

    return await _ask(edge, key, register)


async def _lease(edge: Edge, key: ApiKey, job_id: int, block: int, count: int) -> LeaseOut:
    def lease(tx: Tx, name: str) -> Lease:
        _own(tx, job_id, name)
        ring = keyring.load_ring(tx, edge.house.keys)
        return jobs.leased(tx, job_id, block, count, keys=ring, now=clock.now())

    return LeaseOut(**(await _ask(edge, key, lease)).to_json())


async def _ask(edge: Edge, key: ApiKey, question: Callable[[Tx, str], T]) -> T:
    def ask() -> T:
        with transaction(edge.house.engine) as tx:
            return question(tx, stations.of_key(tx, key.id))

    return await asyncio.to_thread(ask)


def _own(tx: Tx, job_id: int, name: str) -> None:
    """Another station's job is unknown here. Raises UnknownJob."""
    if jobs.job_status(tx, job_id).station != name:
        raise UnknownJob(f"There is no job {job_id}.", job_id=job_id)
