"""Opened cases and what was found in them; the corrections they prove, for a person to accept or refuse.

A check is kept whatever it says. It counts while nothing was packed into its case or taken out since. After each one
the job of its case is explained anew, together with those that checks mix with it, before it on the line or on another
one: a conclusion that stands is proposed once, one that fell is superseded, and what a person refused does not come
back until there is new evidence.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row, text
from sqlalchemy.dialects.postgresql import insert

from codegen import gs1, hierarchy, rangeset, units
from codegen.rangeset import Range
from foundation import audit
from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest, Conflict, NotFound
from printer_jobs import corrections as proofs
from printer_jobs.corrections import Case, Check, Correction, Kind
from printer_jobs.tables import corrections

State = Literal["proposed", "superseded", "accepted", "refused"]


class UnknownCorrection(NotFound):
    type = "unknown-correction"


class CorrectionMoved(Conflict):
    """It is decided or superseded, or its cases changed since."""

    type = "correction-moved"


@dataclass(frozen=True, slots=True)
class Found:
    """differs: bottles found that are on record elsewhere or nowhere. proposed: corrections now open for the job."""

    check: int
    differs: tuple[Range, ...]
    proposed: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Proposal:
    """contents: what would lie in each case, by SSCC. loose: what would lie in none."""

    id: int
    job: int
    kind: Kind
    offset: int
    contents: Mapping[str, list[Range]]
    loose: list[Range]
    evidence: tuple[int, ...]
    state: State
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Seen:
    """One check as evidence; on_record: where its bottles are on record, by SSCC, counts."""

    id: int
    sscc: str
    items: int
    on_record: Mapping[str, int]
    by: str
    at: datetime


def check(tx: Tx, sscc: str, items: Sequence[int], *, by: str, at: datetime, now: datetime) -> Found:
    """Keep what was found in a case. Raises NotAnSscc, WrongCheckDigit, UnknownUnit, BadRequest without a bottle."""
    number = units.find(tx, gs1.sscc(sscc)).sscc
    found = rangeset.of(items)
    if not found:
        raise BadRequest("Scan the bottles that lie in it; a check without a bottle says nothing.")
    on_record = hierarchy.contents(tx, number).items
    place = {"sscc": number, "items": rangeset.literal(found), "by": by, "at": at, "now": now}
    check_id = tx.execute(text(_KEEP), place).scalar_one()
    job_id = tx.execute(text("SELECT job_id FROM job_cases WHERE sscc = :sscc"), place).scalar()
    proposed = _propose(tx, job_id, now=now) if job_id is not None else ()
    return Found(check_id, tuple(rangeset.without(found, list(on_record))), proposed)


def proposals(tx: ReadTx, *, state: State = "proposed", limit: int = 200) -> list[Proposal]:
    """The newest first."""
    rows = tx.execute(
        text("SELECT * FROM corrections WHERE state = :state ORDER BY id DESC LIMIT :limit"),
        {"state": state, "limit": limit},
    )
    return [_proposal(row) for row in rows]


def proposal(tx: ReadTx, correction_id: int) -> Proposal:
    """Raises UnknownCorrection."""
    row = tx.execute(text("SELECT * FROM corrections WHERE id = :id"), {"id": correction_id}).first()
    if row is None:
        raise UnknownCorrection(f"There is no correction {correction_id}.")
    return _proposal(row)


def evidence(tx: ReadTx, one: Proposal) -> list[Seen]:
    """Its checks, in the order of their cases."""
    seen = []
    for row in tx.execute(text(_EVIDENCE), {"ids": list(one.evidence)}):
        items = [item for low, high in row.found for item in range(low, high)]
        inside = hierarchy.parents(tx, items)
        homes = [inside[item][0] if item in inside else "" for item in items]
        counts = {home: homes.count(home) for home in sorted(set(homes))}
        seen.append(Seen(row.id, row.sscc, len(items), counts, row.by, row.at))
    return sorted(seen, key=lambda check: check.sscc)


def refuse(tx: Tx, correction_id: int, *, by: str, reason: str, now: datetime) -> None:
    """The record is right. Raises UnknownCorrection, CorrectionMoved, BadRequest without a reason."""
    _decide(tx, correction_id, "refused", by=by, reason=reason, now=now)


def accept(tx: Tx, correction_id: int, *, by: str, reason: str, now: datetime) -> None:
    """Make the record say what the checks prove. Raises UnknownCorrection, CorrectionMoved, BadRequest."""
    one = _decide(tx, correction_id, "accepted", by=by, reason=reason, now=now)
    shut = [sscc for sscc in sorted(one.contents) if units.find(tx, sscc).state == "closed"]
    for sscc in shut:
        units.reopen(tx, sscc, by=by, now=now)
    # (1) Everything out that does not belong, then everything in: no bottle is ever in two cases.
    now_in = {sscc: list(hierarchy.contents(tx, sscc).items) for sscc in sorted(one.contents)}
    for sscc, items in now_in.items():
        if out := rangeset.without(items, one.contents[sscc]):
            hierarchy.unpack(tx, sscc=sscc, items=out, by=by, now=now)
    for sscc, items in now_in.items():
        fresh = rangeset.without(one.contents[sscc], items)
        if not fresh:
            continue
        packed = hierarchy.pack(tx, sscc=sscc, level=units.find(tx, sscc).level, items=fresh, by=by, now=now)
        if packed.refused:
            raise CorrectionMoved(
                f"Case {sscc} cannot hold that any more ({packed.refused[0].reason}); check it again."
            )
    # (2) As shut as they were.
    for sscc in shut:
        units.close(tx, sscc, by=by, now=now)


def _propose(tx: Tx, job_id: int, *, now: datetime) -> tuple[int, ...]:
    """Explain the job anew. One at a time a job, so that two checks at once are both counted."""
    scope = _mixed_with(tx, job_id)
    cases = _cases(tx, scope)
    concluded = proofs.explain(cases, _checks(tx, scope))
    home = {case.sscc: case.job for case in cases}
    tx.execute(text(_SUPERSEDE), {"jobs": scope, "prints": [one.fingerprint for one in concluded]})
    for one in concluded:
        row = {
            "fingerprint": one.fingerprint, "job_id": min(home[sscc] for sscc in one.contents), "kind": one.kind,
            "offset": one.offset, "contents": {sscc: list(items) for sscc, items in one.contents.items()},
            "loose": list(one.loose), "evidence": list(one.evidence), "state": "proposed", "proposed_at": now,
        }  # fmt: skip
        again = insert(corrections).values(row)
        tx.execute(
            again.on_conflict_do_update(
                index_elements=["fingerprint"], set_={"state": "proposed"}, where=corrections.c.state == "superseded"
            )
        )
    open_ = tx.execute(
        text("SELECT id FROM corrections WHERE job_id = ANY (:jobs) AND state = 'proposed' ORDER BY id"),
        {"jobs": scope},
    )
    return tuple(open_.scalars())


def _mixed_with(tx: Tx, job_id: int) -> list[int]:
    """The jobs whose checks must be explained together with this one's, locked."""
    scope: list[int] = []
    grown = [job_id]
    while grown != scope:  # What another check has just linked is seen once its job is ours.
        scope = grown
        tx.execute(text("SELECT id FROM jobs WHERE id = ANY (:jobs) ORDER BY id FOR NO KEY UPDATE"), {"jobs": scope})
        grown = sorted(tx.execute(text(_MIXED), {"jobs": scope}).scalars())
    return scope


def _cases(tx: ReadTx, scope: list[int]) -> list[Case]:
    rows = tx.execute(text(_CASES), {"jobs": scope})
    return [
        Case(row.sscc, tuple(rangeset.of((low, high) for low, high in row.items)), row.job_id, row.station_id)
        for row in rows
    ]


def _checks(tx: ReadTx, scope: list[int]) -> list[Check]:
    rows = tx.execute(text(_CHECKS), {"jobs": scope})
    return [Check(row.id, row.sscc, tuple((low, high) for low, high in row.found)) for row in rows]


def _decide(tx: Tx, correction_id: int, state: State, *, by: str, reason: str, now: datetime) -> Proposal:
    if not reason.strip():
        raise BadRequest("Say why; it stands in the record for good.")
    row = tx.execute(text("SELECT * FROM corrections WHERE id = :id FOR UPDATE"), {"id": correction_id}).first()
    if row is None:
        raise UnknownCorrection(f"There is no correction {correction_id}.")
    one = _proposal(row)
    if one.state != "proposed":
        raise CorrectionMoved(f"Correction {correction_id} is {one.state} already.")
    if one.kind not in _standing(tx, one):
        raise CorrectionMoved("The cases were packed anew since they were checked; check them again.")
    place = {"id": correction_id, "state": state, "by": by, "reason": reason.strip(), "now": now}
    tx.execute(text(_DECIDED), place)
    after = {"kind": one.kind, "offset": one.offset, "cases": sorted(one.contents), "reason": reason.strip()}
    audit.record(
        tx, actor=by, action=f"correction-{state}", subject=f"correction:{correction_id}", after=after, now=now
    )
    return one


def _standing(tx: Tx, one: Proposal) -> set[str]:
    """The kinds of what the checks still prove, by the same fingerprint."""
    scope = _mixed_with(tx, one.job)
    again = proofs.explain(_cases(tx, scope), _checks(tx, scope))
    wanted = Correction(
        one.kind, one.offset, {sscc: tuple(items) for sscc, items in one.contents.items()}, tuple(one.loose),
        one.evidence,
    ).fingerprint  # fmt: skip
    return {found.kind for found in again if found.fingerprint == wanted}


def _proposal(row: Row[Any]) -> Proposal:
    contents = {sscc: [(low, high) for low, high in items] for sscc, items in row.contents.items()}
    return Proposal(
        row.id, row.job_id, row.kind, row.offset, contents, [(low, high) for low, high in row.loose],
        tuple(row.evidence), row.state, row.proposed_at, row.decided_by, row.decided_at, row.reason,
    )  # fmt: skip


_KEEP = """
INSERT INTO content_checks (sscc, items, by, at, recorded_at)
VALUES (:sscc, CAST(:items AS int8multirange), :by, :at, :now) RETURNING id
"""

_CASES = """
SELECT c.sscc, c.job_id, j.station_id, array_agg(ARRAY[lower(u.items), upper(u.items)]) AS items
FROM jobs j JOIN job_cases c ON c.job_id = j.id JOIN unit_contents u ON u.sscc = c.sscc AND u.unpacked_at IS NULL
WHERE j.id = ANY (:jobs) GROUP BY j.station_id, c.job_id, c.ordinal, c.sscc ORDER BY j.station_id, c.job_id, c.ordinal
"""

# The latest check of each case, unless its contents changed after it.
_CHECKS = """
SELECT k.id, k.sscc, (SELECT array_agg(ARRAY[lower(r), upper(r)]) FROM unnest(k.items) AS r) AS found
FROM (SELECT DISTINCT ON (k.sscc) k.* FROM content_checks k JOIN job_cases c ON c.sscc = k.sscc
      WHERE c.job_id = ANY (:jobs) ORDER BY k.sscc, k.at DESC, k.id DESC) AS k
WHERE NOT EXISTS (SELECT FROM unit_contents u WHERE u.sscc = k.sscc AND greatest(u.packed_at, u.unpacked_at) > k.at)
ORDER BY k.id
"""

# Jobs go together when bottles of one were found in a case of the other, when an open correction rests on checks of
# both, and when they ran between two of one line that do.
_MIXED = """
WITH own AS (
    SELECT range_agg(u.items) AS items
    FROM job_cases c JOIN unit_contents u ON u.sscc = c.sscc AND u.unpacked_at IS NULL WHERE c.job_id = ANY (:jobs)
), linked AS (
    SELECT unnest(CAST(:jobs AS bigint[])) AS job_id
    UNION
    SELECT home.job_id
    FROM job_cases c JOIN content_checks k ON k.sscc = c.sscc
    CROSS JOIN unnest(k.items) AS found
    JOIN unit_contents u ON u.items && found AND u.unpacked_at IS NULL
    JOIN job_cases home ON home.sscc = u.sscc
    WHERE c.job_id = ANY (:jobs)
    UNION
    SELECT c.job_id FROM own JOIN content_checks k ON k.items && own.items JOIN job_cases c ON c.sscc = k.sscc
    UNION
    SELECT r.job_id
    FROM corrections r JOIN content_checks k ON k.id = ANY (r.evidence) JOIN job_cases c ON c.sscc = k.sscc
    WHERE r.state = 'proposed' AND c.job_id = ANY (:jobs)
)
SELECT j.id FROM jobs j
JOIN (SELECT station_id, min(id) AS first, max(id) AS last FROM jobs JOIN linked ON linked.job_id = jobs.id
      GROUP BY station_id) AS span ON span.station_id = j.station_id AND j.id BETWEEN span.first AND span.last
"""

_EVIDENCE = """
SELECT id, sscc, by, at, (SELECT array_agg(ARRAY[lower(r), upper(r)]) FROM unnest(items) AS r) AS found
FROM content_checks WHERE id = ANY (:ids)
"""

_SUPERSEDE = """
UPDATE corrections SET state = 'superseded'
WHERE job_id = ANY (:jobs) AND state = 'proposed' AND fingerprint <> ALL (CAST(:prints AS text[]))
"""

_DECIDED = """
UPDATE corrections SET state = :state, decided_by = :by, decided_at = :now, reason = :reason WHERE id = :id
"""
