"""What a station's folded journal makes true: commissioned, scrapped, void, packed; once, however often it is sent.

A report tells the whole story of one block under the journal's sequence and head. What the last one told is kept; the
difference is applied in the same transaction. So a shift of a million items comes in pieces of a block each, in any
number of tries, and a piece sent again changes nothing. A story that contradicts the one before is refused: somebody
put an old journal back, or two stations write for one lease. A block that expired meanwhile is heard all the same.

| part of the story | becomes                                                                       |
| ----------------- | ----------------------------------------------------------------------------- |
| commissioned      | a commissioned span                                                           |
| scrapped          | a scrapped span; voided, where it was commissioned before                     |
| void              | voided, with why: its label may exist and must not be believed                |
| sampled           | voided, with "sampled" before why                                             |
| packed            | a case, full or short                                                         |
| returned          | the end of the lease is free again                                            |
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import Row, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql import bindparam

from codegen import rangeset, spans
from codegen.hierarchy import Packed
from codegen.rangeset import Range
from foundation.database import Tx
from foundation.errors import BadRequest, Conflict
from printer_jobs import aggregation, jobs
from printer_jobs.platform import JSON

MOST_STORY = 8 << 20  # Bytes of a block with every second item scrapped and every other in a case of its own.


class BadReport(BadRequest):
    """The report does not describe its lease."""

    type = "bad-report"


class JournalForked(Conflict):
    """Two journals for one lease, or an old copy put back. Nothing was taken over; stop the line."""

    type = "journal-forked"


class _Told(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Because(_Told):
    why: str = Field(max_length=500, pattern=r"^[^\x00]*$")
    items: list[list[int]]


class CaseTold(_Told):
    sscc: str = Field(pattern=r"^[0-9]{18}$")
    items: list[list[int]]


class Report(_Told):
    """`serials.fold` with the journal's sequence and head. Ranges are [first, end) pairs."""

    job: int
    station: str
    block: int = Field(ge=0, le=2**31 - 1)
    sequence: int = Field(ge=0, le=2**63 - 1)
    head: str = Field(pattern=r"^[0-9a-f]{64}$")
    commissioned: list[list[int]]
    scrapped: list[Because]
    sampled: list[Because]
    void: list[Because]
    returned: list[list[int]]
    open: int = Field(ge=0, le=2**63 - 1)
    packed: list[CaseTold]
    void_cases: list[Annotated[str, Field(pattern=r"^[0-9]{18}$")]]


@dataclass(frozen=True, slots=True)
class Story:
    """A report as sets of items; reasons map to sets."""

    commissioned: list[Range]
    scrapped: Mapping[str, list[Range]]
    sampled: Mapping[str, list[Range]]
    void: Mapping[str, list[Range]]
    returned: list[Range]
    packed: Mapping[str, list[Range]]

    @classmethod
    def of(cls, told: JSON) -> "Story":
        """From the JSON of a report; of nothing told yet, an empty one."""
        return cls(
            rangeset.of(_pairs(told.get("commissioned", []))),
            _by_reason(told.get("scrapped", [])),
            _by_reason(told.get("sampled", [])),
            _by_reason(told.get("void", [])),
            rangeset.of(_pairs(told.get("returned", []))),
            {case["sscc"]: rangeset.of(_pairs(case["items"])) for case in told.get("packed", [])},
        )

    def settled(self) -> list[list[Range]]:
        """The sets that must not overlap."""
        parts = [self.commissioned, self.returned]
        return parts + [items for reasons in (self.scrapped, self.void) for items in reasons.values()]


def report(tx: Tx, job_id: int, told: JSON, *, now: datetime) -> JSON:
    """Take over what is new in a station's report of a block; the same again changes nothing.

    Returns {"sequence", "state", "discrepancy"}: the last line heard of, over all blocks.
    Raises UnknownJob, JobClosed, BadReport, JournalForked.
    """
    # (1) Are the words right, and is it this job's?
    parsed = _parse(told)
    job = jobs.lock(tx, job_id)
    if (parsed.job, parsed.station) != (job_id, job.station):
        raise BadReport(f"The report is of job {parsed.job} at {parsed.station}, not of {job_id} at {job.station}.")
    if parsed.block >= job.blocks:
        raise BadReport(f"The report is of block {parsed.block}, and job {job_id} has {job.blocks} blocks.")
    block = jobs.block_row(tx, job_id, parsed.block)
    # (2) Heard before?
    if parsed.sequence < block.sequence or (parsed.sequence, parsed.head) == (block.sequence, block.head):
        return _answer(job)
    if parsed.sequence == block.sequence or (parsed.sequence == job.sequence and parsed.head != job.head):
        raise JournalForked(f"Job {job_id} has another journal under sequence {parsed.sequence}; stop the line.")
    if job.state == "closed":
        raise jobs.JobClosed(f"Job {job_id} is closed and its station still works; stop the line.", job_id=job_id)
    # (3) Does it fit the lease and the story so far?
    story, before = Story.of(told), Story.of(block.told)
    _check_lease(block, story, parsed.open)
    _check_packed(tx, block, story)
    _check_continues(job_id, before, story)
    # (4) What is new becomes true.
    wrong = _apply(tx, job, before, story, now=now)
    # (5) Keep the story.
    _keep(tx, job, block, told, parsed, before, story, wrong, now=now)
    return _answer(jobs.lock(tx, job_id))


def _parse(told: JSON) -> Report:
    try:
        return Report.model_validate(told)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadReport(f"The report is malformed at {where}: {first['msg']}.") from error


def _check_lease(block: Row[Any], story: Story, still_open: int) -> None:
    parts = story.settled()
    everything = rangeset.of(item for part in parts for item in part)
    count = sum(rangeset.count(part) for part in parts)
    if rangeset.without(everything, [(block.low, block.high)]):
        raise BadReport(f"The report speaks of items outside the lease {block.low}..{block.high}.")
    if rangeset.count(everything) != count:
        raise BadReport("The report gives one item two fates.")
    if count + still_open != block.high - block.low:
        raise BadReport(f"The report accounts for {count + still_open} of {block.high - block.low} leased items.")
    if story.returned and (len(story.returned) > 1 or story.returned[0][1] != block.high):
        raise BadReport("Only the unprinted end of a lease goes back.")


def _check_packed(tx: Tx, block: Row[Any], story: Story) -> None:
    """A case may begin in blocks that were told before this one."""
    packed = rangeset.of(item for part in story.packed.values() for item in part)
    missing = rangeset.without(packed, story.commissioned)
    if not missing:
        return
    others = tx.execute(
        text("SELECT told -> 'commissioned' FROM job_blocks WHERE job_id = :job AND block <> :block AND sequence >= 0"),
        {"job": block.job_id, "block": block.block},
    ).scalars()
    known = rangeset.of(pair for told in others for pair in _pairs(told))
    if rangeset.without(missing, known):
        raise BadReport("The report packs items that are not commissioned.")


def _check_continues(job_id: int, before: Story, story: Story) -> None:
    """Commissioned may become scrapped; nothing else ever changes, and a packed case stays packed."""
    later = [
        (before.commissioned, [*story.commissioned, *_all(story.scrapped)]),
        (_all(before.scrapped), _all(story.scrapped)),
        (_all(before.void), _all(story.void)),
        (_all(before.sampled), _all(story.sampled)),
        (before.returned, story.returned),
    ]
    lost = [part for was, now in later for part in rangeset.without(rangeset.of(was), rangeset.of(now))]
    changed = [sscc for sscc, items in before.packed.items() if story.packed.get(sscc) != items]
    if lost or changed:
        what = f"items {lost[0][0]}..{lost[0][1]}" if lost else f"case {changed[0]}"
        raise JournalForked(f"Job {job_id} told another story of {what} before; stop the line and call the office.")


def _apply(tx: Tx, job: Row[Any], before: Story, story: Story, *, now: datetime) -> list[str]:
    """Make the difference true; what codegen refuses comes back as sentences."""
    by, refused = str(job.station), list[spans.Refusal]()
    sampled = _all(story.sampled)
    commissioned = rangeset.without(story.commissioned, before.commissioned)
    if commissioned:
        refused += spans.commission(tx, commissioned, reason=f"job {job.id}", by=by, now=now).refused
    for why, items in _news(story.scrapped, before.scrapped):
        was = rangeset.common(items, before.commissioned)
        fresh = rangeset.without(items, was)
        if fresh:
            refused += spans.scrap(tx, fresh, reason=why, by=by, now=now).refused
        if was:
            refused += spans.void(tx, was, reason=why, by=by, now=now).refused
    for why, items in _news(story.void, before.void):
        refused += spans.void(tx, items, reason=why, by=by, now=now).refused
    for why, items in _news(story.sampled, before.sampled):
        refused += spans.void(tx, items, reason=f"sampled: {why}", by=by, now=now).refused
    wrong = [f"items {refusal.first}..{refusal.end} were refused: {refusal.reason}" for refusal in refused]
    for sscc in [sscc for sscc in story.packed if sscc not in before.packed]:
        items = rangeset.without(story.packed[sscc], rangeset.of(sampled))
        wrong += _pack(tx, job, sscc, items, now=now)
    return wrong


def _pack(tx: Tx, job: Row[Any], sscc: str, items: list[Range], *, now: datetime) -> list[str]:
    given = tx.execute(
        text("UPDATE job_cases SET packed_at = :now WHERE job_id = :job AND sscc = :sscc RETURNING sscc"),
        {"job": job.id, "sscc": sscc, "now": now},
    ).first()
    if given is None:
        return [f"case number {sscc} was never given to this job"]
    full = rangeset.count(items) == job.pack_size
    pack = aggregation.pack_full_case if full else aggregation.pack_short_case
    packed: Packed = pack(tx, sscc=sscc, items=items, pack_size=job.pack_size, by=job.station, now=now)
    return [f"case {sscc} was not packed: {refusal.what} is {refusal.reason}" for refusal in packed.refused]


def _keep(
    tx: Tx,
    job: Row[Any],
    block: Row[Any],
    told: JSON,
    parsed: Report,
    before: Story,
    story: Story,
    wrong: list[str],
    *,
    now: datetime,
) -> None:
    earlier = [job.discrepancy] if job.discrepancy else []
    tx.execute(
        text(_KEEP).bindparams(bindparam("told", type_=JSONB), bindparam("news", type_=JSONB)),
        {
            "job": job.id,
            "block": block.block,
            "station": job.station_id,
            "sequence": parsed.sequence,
            "head": parsed.head,
            "told": told,
            "news": _difference(before, story) | {"refused": wrong},
            "state": "running" if parsed.open or job.open > block.open else "finished",
            "kept_end": story.returned[0][0] if story.returned else block.high,
            **_counts(story, parsed.open),
            "discrepancy": "; ".join(dict.fromkeys([*earlier, *wrong])) or None,
            "now": now,
        },
    )


def _counts(story: Story, still_open: int) -> dict[str, int]:
    sampled = rangeset.count(_all(story.sampled))
    return {
        "commissioned": rangeset.count(story.commissioned) - sampled,
        "scrapped": rangeset.count(_all(story.scrapped)),
        "sampled": sampled,
        "void": rangeset.count(_all(story.void)),
        "returned": rangeset.count(story.returned),
        "open": still_open,
        "cases": len(story.packed),
    }


def _difference(before: Story, story: Story) -> JSON:
    return {
        "commissioned": rangeset.without(story.commissioned, before.commissioned),
        "scrapped": _news(story.scrapped, before.scrapped),
        "void": _news(story.void, before.void),
        "sampled": _news(story.sampled, before.sampled),
        "returned": rangeset.without(story.returned, before.returned),
        "packed": [sscc for sscc in story.packed if sscc not in before.packed],
    }


def _answer(job: Row[Any]) -> JSON:
    return {"sequence": job.sequence, "state": job.state, "discrepancy": job.discrepancy}


def _news(now: Mapping[str, list[Range]], before: Mapping[str, list[Range]]) -> list[tuple[str, list[Range]]]:
    fresh = [(why, rangeset.without(items, before.get(why, []))) for why, items in now.items()]
    return [(why, items) for why, items in fresh if items]


def _all(reasons: Mapping[str, list[Range]]) -> list[Range]:
    return rangeset.of(part for items in reasons.values() for part in items)


def _by_reason(told: list[JSON]) -> dict[str, list[Range]]:
    return {entry["why"]: rangeset.of(_pairs(entry["items"])) for entry in told}


def _pairs(items: list[list[int]]) -> list[Range]:
    if any(len(pair) != 2 for pair in items):
        raise BadReport("A range is a pair of numbers.")
    return [(pair[0], pair[1]) for pair in items]


_KEEP = """
WITH heard AS (
    UPDATE stations SET heard_at = :now WHERE id = :station
), kept AS (
    INSERT INTO job_reports (job_id, block, sequence, head, news, received_at)
    VALUES (:job, :block, :sequence, :head, :news, :now)
), told AS (
    UPDATE job_blocks
    SET sequence = :sequence, head = :head, told = :told, commissioned = :commissioned, scrapped = :scrapped,
        sampled = :sampled, void = :void, returned = :returned, open = :open, cases = :cases,
        kept = int8range(lower(leased), :kept_end)
    WHERE job_id = :job AND block = :block
)
UPDATE jobs
SET state = :state, discrepancy = :discrepancy, reported_at = :now,
    head = CASE WHEN CAST(:sequence AS bigint) > sequence THEN :head ELSE head END,
    sequence = greatest(sequence, CAST(:sequence AS bigint))
WHERE id = :job
"""
