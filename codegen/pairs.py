"""Cap and body of one bottle, printed by different plants and joined on the line by a camera that sees both.

    in order      caps 100..199 on bodies 5100..5199    one range, body = cap + 5000
    out of order  cap 205 on body 5203                  one number

Each code is in at most one pair: a cap sits on one body, a body has one cap, and nothing is both. Joining is all or
nothing; the same again changes nothing; a pair is undone with a reason and stays on record. A cap then stands for its
body: it lies where the body lies and was shipped where the body was shipped. Two that race for a code are ordered by
the locks on the runs of both.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text

from codegen import rangeset, spans
from codegen.rangeset import Range
from foundation import audit, facts
from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest
from foundation.facts import Fact

Pair = tuple[int, int]
"""A cap and the body it sits on."""


class ReasonNeeded(BadRequest):
    """A pair is undone for a reason somebody can read later."""

    type = "reason-missing"


@dataclass(frozen=True, slots=True)
class Refusal:
    """`reason`: not-issued, other-brand, scrapped, voided, on-another-body, has-another-cap, both-cap-and-body, packed.

    `other`: the code it is joined with already.
    """

    item: int
    reason: str
    other: int | None = None


@dataclass(frozen=True, slots=True)
class Joined:
    """`refused` empty: all are pairs now. Otherwise nothing was changed. `fresh`: how many were none before."""

    fresh: int
    refused: tuple[Refusal, ...]


def runs_of(seen: Iterable[Pair]) -> list[tuple[Range, int]]:
    """Pairs as (caps, body - cap): one range where both run in order, single numbers where not. Pure."""
    found: list[tuple[Range, int]] = []
    for cap, body in sorted(seen):
        if found and found[-1][0][1] == cap and found[-1][1] == body - cap:
            found[-1] = ((found[-1][0][0], cap + 1), body - cap)
        else:
            found.append(((cap, cap + 1), body - cap))
    return found


def join(tx: Tx, seen: Sequence[Pair], *, by: str, now: datetime) -> Joined:
    """What the camera saw together belongs together, all or none."""
    asked = sorted(set(seen))
    caps, bodies_ = rangeset.of(cap for cap, _ in asked), rangeset.of(body for _, body in asked)
    both = rangeset.of([*caps, *bodies_])
    # (1) Hold the runs of both sides: whoever joins, packs or voids these codes holds them too.
    owners = spans.lock_runs(tx, both)
    # (2) What speaks against it? Read after the lock.
    known = {(low + at, low + at + shift) for low, high, shift in _standing(tx, both) for at in range(high - low)}
    fresh = [pair for pair in asked if pair not in known]
    refused = _judge(tx, fresh, known, both, owners)
    if refused:
        return Joined(0, tuple(refused))
    # (3) Write them, joined to the neighbours that go on in step.
    for (low, high), shift in runs_of(fresh):
        tx.execute(text(_JOIN), {"low": low, "high": high, "shift": shift, "by": by, "now": now})
    if fresh:
        body = {"pairs": len(fresh), "first_cap": fresh[0][0], "first_body": fresh[0][1]}
        facts.announce(tx, [Fact("codes.paired", f"item:{fresh[0][1]}", body)], now=now)
    return Joined(len(fresh), ())


def undo(tx: Tx, codes: spans.Items, *, reason: str, by: str, now: datetime) -> int:
    """Part the pairs these caps or bodies are in; returns how many. Audited. Raises ReasonNeeded."""
    if not reason.strip():
        raise ReasonNeeded("Write a sentence that says why; it is kept with the pair.")
    asked = rangeset.of(codes)
    spans.lock_runs(tx, asked)
    caps_ = rangeset.of([*asked, *caps(tx, asked)])
    rows = tx.execute(
        text(_UNDO), {"asked": rangeset.literal(caps_), "by": by, "now": now, "reason": reason.strip()}
    ).all()
    parted = int(sum(row.n for row in rows if row.goes))
    if parted:
        after = {"count": parted, "reason": reason.strip(), "codes": [list(part) for part in asked[:20]]}
        audit.record(tx, actor=by, action="codes-parted", subject=f"item:{asked[0][0]}", after=after, now=now)
        facts.announce(tx, [Fact("codes.parted", f"item:{asked[0][0]}", after)], now=now)
    return parted


def bodies(tx: ReadTx, items: Sequence[Range]) -> list[Range]:
    """The set with every paired cap replaced by its body."""
    if not items:
        return []
    rows = [(low, high, shift) for low, high, shift in _standing(tx, items)]
    replaced = rangeset.common(items, rangeset.of((low, high) for low, high, _ in rows))
    moved = [
        (low + shift, high + shift)
        for start, end, shift in rows
        for low, high in rangeset.common(items, [(start, end)])
    ]
    return rangeset.of([*rangeset.without(items, replaced), *moved])


def caps(tx: ReadTx, items: Sequence[Range]) -> list[Range]:
    """The caps that sit on these bodies."""
    return rangeset.of(
        (low - shift, high - shift)
        for start, end, shift in _standing(tx, items)
        for low, high in rangeset.common(items, [(start + shift, end + shift)])
    )


def body_of(tx: ReadTx, item: int) -> int:
    """The body a cap sits on; any other item itself."""
    return bodies(tx, [(item, item + 1)])[0][0]


def _standing(tx: ReadTx, items: Sequence[Range]) -> list[tuple[int, int, int]]:
    """(first cap, end, body - cap) of the pairs that either side of touches the items."""
    rows = tx.execute(text(_STANDING), {"asked": rangeset.literal(items)})
    return [(row.low, row.high, row.shift) for row in rows]


def _judge(
    tx: ReadTx, fresh: Sequence[Pair], known: set[Pair], both: Sequence[Range], owners: Sequence[Row[Any]]
) -> list[Refusal]:
    issued = rangeset.of((row.low, row.high) for row in owners)
    refused = [Refusal(low, "not-issued") for low, _ in rangeset.without(both, issued)]
    if len({row.brand_id for row in owners}) > 1:
        refused.append(Refusal(both[0][0], "other-brand"))
    standing = spans.states(tx, both) if fresh else {}
    for state in ("scrapped", "voided"):
        refused += [Refusal(low, state) for low, _ in standing.get(state, [])]
    body_of_cap, cap_of_body = dict(known), {body: cap for cap, body in known}
    for cap, body in fresh:
        if body_of_cap.setdefault(cap, body) != body:
            refused.append(Refusal(cap, "on-another-body", body_of_cap[cap]))
        if cap_of_body.setdefault(body, cap) != cap:
            refused.append(Refusal(body, "has-another-cap", cap_of_body[body]))
    refused += [Refusal(cap, "both-cap-and-body", body_of_cap[cap]) for cap in sorted(body_of_cap.keys() & cap_of_body)]
    packed = tx.execute(text(_PACKED), {"asked": rangeset.literal(rangeset.of(cap for cap, _ in fresh))})
    return refused + [Refusal(row.low, "packed") for row in packed]


_STANDING = """
SELECT lower(caps) AS low, upper(caps) AS high, lower(bodies) - lower(caps) AS shift FROM code_pairs
WHERE undone_at IS NULL AND caps && CAST(:asked AS int8multirange)
UNION
SELECT lower(caps), upper(caps), lower(bodies) - lower(caps) FROM code_pairs
WHERE undone_at IS NULL AND bodies && CAST(:asked AS int8multirange)
"""

_PACKED = """
SELECT lower(items) AS low FROM unit_contents
WHERE unpacked_at IS NULL AND items && CAST(:asked AS int8multirange) ORDER BY 1
"""

# Neighbours go and come back as part of the joined range.
_JOIN = """
WITH neighbours AS (
    DELETE FROM code_pairs
    WHERE undone_at IS NULL AND paired_by = :by AND caps -|- int8range(:low, :high)
      AND lower(bodies) - lower(caps) = :shift
    RETURNING caps, paired_at
), joined AS (
    SELECT least(:low, min(lower(caps))) AS low, greatest(:high, max(upper(caps))) AS high, min(paired_at) AS since
    FROM neighbours
)
INSERT INTO code_pairs (caps, bodies, paired_by, paired_at)
SELECT int8range(low, high), int8range(low + :shift, high + :shift), :by, coalesce(since, :now) FROM joined
"""

# A range that is parted in part is cut: the part goes on record, the rest stays.
_UNDO = """
WITH hit AS (
    DELETE FROM code_pairs WHERE undone_at IS NULL AND caps && CAST(:asked AS int8multirange) RETURNING *
), parts AS (
    SELECT hit.*, unnest(int8multirange(caps) * CAST(:asked AS int8multirange)) AS part, true AS goes FROM hit
    UNION ALL
    SELECT hit.*, unnest(int8multirange(caps) - CAST(:asked AS int8multirange)), false FROM hit
), kept AS (
    INSERT INTO code_pairs (caps, bodies, paired_by, paired_at, undone_at, undone_by, undone_reason)
    SELECT part, int8range(lower(part) + lower(bodies) - lower(caps), upper(part) + lower(bodies) - lower(caps)),
           paired_by, paired_at, CASE WHEN goes THEN CAST(:now AS timestamptz) END, CASE WHEN goes THEN :by END,
           CASE WHEN goes THEN :reason END
    FROM parts
)
SELECT upper(part) - lower(part) AS n, goes FROM parts
"""
