"""What is true of ranges of items: commissioned, scrapped, voided, recalled, held. One statement however many items.

| to           | refused where it already is         | lifted by |
| ------------ | ----------------------------------- | --------- |
| commissioned | commissioned, scrapped, voided      | nothing   |
| scrapped     | scrapped, commissioned              | nothing   |
| voided       | voided                              | release   |
| recalled     | recalled                            | release   |
| held         | held                                | release   |

A refusal is a value: the rest is done, and the caller learns which ranges were not and why. Two that race for an item
are ordered by the lock on its run. Ranges that touch and say the same become one, so a line that commissions bottle by
bottle leaves one row; a commissioned item that must go is voided, not scrapped.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from codegen import rangeset
from codegen.rangeset import Range
from foundation import audit, facts
from foundation.database import ReadTx, Tx
from foundation.facts import Fact

Items = Sequence[int] | Sequence[Range]
LIFTABLE = ("voided", "recalled", "held")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Items `first` .. `end - 1`. `reason`: not-issued, run-closed, or the state they are in."""

    first: int
    end: int
    reason: str


@dataclass(frozen=True, slots=True)
class Outcome:
    done: tuple[Range, ...]
    refused: tuple[Refusal, ...]

    @property
    def count(self) -> int:
        return rangeset.count(self.done)


@dataclass(frozen=True, slots=True)
class Span:
    """As screens list it; `lifted_at` is None while it holds."""

    state: str
    first: int
    end: int
    reason: str
    by: str
    began_at: datetime
    last_at: datetime
    lifted_at: datetime | None
    lifted_by: str | None


def commission(tx: Tx, items: Items, *, reason: str = "", by: str, now: datetime) -> Outcome:
    """The items are products now: their codes may be scanned."""
    refused_in = ("commissioned", "scrapped", "voided")
    return _mark(tx, items, "commissioned", refused_in=refused_in, open_runs=True, reason=reason, by=by, now=now)


def scrap(tx: Tx, items: Items, *, reason: str, by: str, now: datetime) -> Outcome:
    """The labels never became products: misprinted, torn, rejected by the camera."""
    return _mark(tx, items, "scrapped", refused_in=("scrapped", "commissioned"), reason=reason, by=by, now=now)


def void(tx: Tx, items: Items, *, reason: str, by: str, now: datetime) -> Outcome:
    """The codes must not be believed any more: stolen, copied, lost."""
    return _audited(tx, items, "voided", reason=reason, by=by, now=now)


def recall(tx: Tx, items: Items, *, reason: str, by: str, now: datetime) -> Outcome:
    """The products must come back."""
    return _audited(tx, items, "recalled", reason=reason, by=by, now=now)


def hold(tx: Tx, items: Items, *, reason: str, by: str, now: datetime) -> Outcome:
    """Freeze the codes until a person has looked."""
    return _audited(tx, items, "held", reason=reason, by=by, now=now)


def release(
    tx: Tx, items: Items, *, reason: str, by: str, now: datetime, states: Sequence[str] = LIFTABLE
) -> tuple[Range, ...]:
    """Lift voided, recalled and held, or the `states` named, from the items; what was stays on record.

    Returns the ranges something was lifted from.
    """
    asked = rangeset.of(items)
    lock_runs(tx, asked)
    lifted = tx.execute(
        text(_RELEASE),
        {"asked": rangeset.literal(asked), "states": list(states), "reason": reason, "by": by, "now": now},
    ).all()
    done = tuple(rangeset.of((row.low, row.high) for row in lifted if row.lifted_at is not None))
    if done:
        _record(tx, "released", done, reason=reason, by=by, now=now)
    return done


def summary(tx: ReadTx, run_id: int) -> dict[str, int]:
    """Items of a run per state, with `issued` and `open` (neither commissioned nor scrapped)."""
    rows = tx.execute(
        text(
            "SELECT 'issued' AS state, upper(items) - lower(items) AS n FROM runs WHERE id = :run UNION ALL"
            " SELECT state, CAST(sum(upper(items) - lower(items)) AS bigint) FROM spans"
            " WHERE run_id = :run AND lifted_at IS NULL GROUP BY state"
        ),
        {"run": run_id},
    )
    counts = dict.fromkeys(("issued", "commissioned", "scrapped", *LIFTABLE), 0) | {row.state: row.n for row in rows}
    return counts | {"open": counts["issued"] - counts["commissioned"] - counts["scrapped"]}


def ranges(tx: ReadTx, run_id: int) -> list[Span]:
    """Every span of a run in item order, lifted ones too."""
    rows = tx.execute(
        text(
            "SELECT state, lower(items), upper(items), reason, by, began_at, last_at, lifted_at, lifted_by"
            " FROM spans WHERE run_id = :run ORDER BY lower(items), began_at, id"
        ),
        {"run": run_id},
    )
    return [Span(*row) for row in rows]


def states(tx: ReadTx, items: Items, *, at: datetime | None = None) -> dict[str, list[Range]]:
    """Which of the items are in each state now, or of those that may be lifted, were at that time."""
    asked = rangeset.of(items)
    rows = tx.execute(
        text(
            "SELECT state, lower(items) AS low, upper(items) AS high FROM spans"
            " WHERE items && CAST(:asked AS int8multirange) AND (lifted_at IS NULL OR lifted_at > :at)"
            " AND (CAST(:at AS timestamptz) IS NULL OR began_at <= :at OR state IN ('commissioned', 'scrapped'))"
        ),
        {"asked": rangeset.literal(asked), "at": at},
    ).all()
    found = {row.state for row in rows}
    return {
        state: rangeset.common(asked, rangeset.of((row.low, row.high) for row in rows if row.state == state))
        for state in found
    }


def _audited(tx: Tx, items: Items, state: str, *, reason: str, by: str, now: datetime) -> Outcome:
    outcome = _mark(tx, items, state, refused_in=(state,), reason=reason, by=by, now=now)
    if outcome.done:
        _record(tx, state, outcome.done, reason=reason, by=by, now=now)
    return outcome


def _record(tx: Tx, action: str, done: Sequence[Range], *, reason: str, by: str, now: datetime) -> None:
    """An audit line gives the extent; the spans give every range."""
    after = {"reason": reason, "count": rangeset.count(done), "ranges": [list(pair) for pair in done[:20]]}
    subject = f"item:{done[0][0]}"
    audit.record(tx, actor=by, action=f"items-{action}", subject=subject, after=after, now=now)
    facts.announce(tx, [Fact(f"codes.{action}", subject, after)], now=now)


def _mark(
    tx: Tx,
    items: Items,
    state: str,
    *,
    refused_in: Sequence[str],
    open_runs: bool = False,
    reason: str,
    by: str,
    now: datetime,
) -> Outcome:
    left, refused = rangeset.of(items), list[Refusal]()

    def refuse(these: Iterable[Range], why: str) -> None:
        refused.extend(Refusal(low, high, why) for low, high in rangeset.common(left, list(these)))

    # (1) Whose items are they? The lock orders everyone who changes them.
    owners = lock_runs(tx, left)
    issued = rangeset.of((owner.low, owner.high) for owner in owners)
    refuse(rangeset.without(left, issued), "not-issued")
    left = rangeset.common(left, issued)
    if open_runs:
        closed = rangeset.of((owner.low, owner.high) for owner in owners if owner.closed_at is not None)
        refuse(closed, "run-closed")
        left = rangeset.without(left, closed)
    # (2) What forbids it? Read after the lock, so nothing can come between.
    standing = states(tx, left) if left else {}
    for blocking in refused_in:
        refuse(standing.get(blocking, []), blocking)
        left = rangeset.without(left, standing.get(blocking, []))
    # (3) Write what is left, joined to the neighbours that say the same.
    fresh = [(owner.id, *part) for owner in owners for part in rangeset.common(left, [(owner.low, owner.high)])]
    if fresh:
        run_ids, lows, highs = (list(column) for column in zip(*fresh, strict=True))
        place = {"run_ids": run_ids, "lows": lows, "highs": highs, "asked": rangeset.literal(left)}
        tx.execute(text(_JOIN), place | {"state": state, "reason": reason, "by": by, "now": now})
    return Outcome(tuple(left), tuple(sorted(refused, key=lambda refusal: refusal.first)))


def lock_runs(tx: Tx, items: Sequence[Range]) -> list[Any]:
    """The runs of the items, locked in id order: whoever changes what is true of an item holds its run."""
    return list(
        tx.execute(
            text(
                "SELECT id, lower(items) AS low, upper(items) AS high, closed_at, brand_id FROM runs"
                " WHERE items && CAST(:asked AS int8multirange) ORDER BY id FOR NO KEY UPDATE"
            ),
            {"asked": rangeset.literal(items)},
        )
    )


# Neighbours go and come back as part of the joined range; deleted rows of this statement do not count as overlaps.
_JOIN = """
WITH fresh AS (
    SELECT run_id, int8range(low, high) AS items
    FROM unnest(CAST(:run_ids AS bigint[]), CAST(:lows AS bigint[]), CAST(:highs AS bigint[])) AS f (run_id, low, high)
), neighbours AS (
    DELETE FROM spans
    WHERE lifted_at IS NULL AND state = :state AND reason = :reason AND by = :by
      AND items -|- CAST(:asked AS int8multirange) AND run_id = ANY (CAST(:run_ids AS bigint[]))
    RETURNING run_id, items, began_at
), joined AS (
    SELECT run_id, unnest(range_agg(items)) AS items
    FROM (SELECT run_id, items FROM fresh UNION ALL SELECT run_id, items FROM neighbours) AS parts
    GROUP BY run_id
)
INSERT INTO spans (run_id, state, items, reason, by, began_at, last_at)
SELECT j.run_id, :state, j.items, :reason, :by,
       coalesce((SELECT min(n.began_at) FROM neighbours n WHERE n.items <@ j.items), :now), :now
FROM joined j
"""

_RELEASE = """
WITH hit AS (
    DELETE FROM spans
    WHERE lifted_at IS NULL AND state = ANY (CAST(:states AS text[])) AND items && CAST(:asked AS int8multirange)
    RETURNING *
), parts AS (
    SELECT hit.*, unnest(int8multirange(items) * CAST(:asked AS int8multirange)) AS part, true AS goes FROM hit
    UNION ALL
    SELECT hit.*, unnest(int8multirange(items) - CAST(:asked AS int8multirange)), false FROM hit
)
INSERT INTO spans (run_id, state, items, reason, by, began_at, last_at, lifted_at, lifted_by, lifted_reason)
SELECT run_id, state, part, reason, by, began_at, last_at,
       CASE WHEN goes THEN CAST(:now AS timestamptz) END, CASE WHEN goes THEN :by END, CASE WHEN goes THEN :reason END
FROM parts
RETURNING lower(items) AS low, upper(items) AS high, lifted_at
"""
