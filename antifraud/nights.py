"""The judgement of whole stretches, as it is kept: runs, dealers' meters, flows, verdicts of cartons, fused scores.

A meter is what is thought of a dealer towards a target region on a day that it changed: log_e, evidence in nats that
more of its cartons are flagged for there than honest dealers' are; cartons, of the dealer that were judged so far;
diverted, how many of them are thought to have gone there; listed, whether it is on the list at a false discovery rate
of `dealer_fdr`. A flow is a day's cartons of dealers at home in one region that were met in another, beside how many
honest strays explain.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Row, func, select, text

from antifraud.tables import carton_verdicts, dealer_meters, night_memory, night_runs, scores
from foundation.database import ReadTx, Tx

__all__ = [
    "Flow", "Kind", "Meter", "NightRun", "Score", "Verdict", "flows_between", "forget", "lag", "last_runs", "meters_of",
    "runs", "scoreboard", "scores_of", "top_scores", "verdict_of", "verdicts_of",
]  # fmt: skip

Kind = Literal["near", "nightly"]
NEAR_KEPT = timedelta(days=3)  # A run every few seconds; the nightly ones are kept.


@dataclass(frozen=True, slots=True)
class NightRun:
    """until: everything received before was judged. took: seconds of processor time by family of detectors."""

    id: int
    begun_at: datetime
    ended_at: datetime | None
    kind: Kind
    until: datetime
    scans: int
    findings: int
    alerts: int
    took: Mapping[str, float]
    params_version: str
    state: Literal["running", "done", "failed"]
    error: str | None


@dataclass(frozen=True, slots=True)
class Meter:
    day: date
    dealer_id: int
    region: int
    log_e: float
    cartons: int
    diverted: float
    listed: bool


@dataclass(frozen=True, slots=True)
class Flow:
    """llr: how much better more than honest strays explain it, in nats; 0 where it is no more than expected."""

    from_region: int
    to_region: int
    cartons: float
    expected: float
    llr: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """dealer_id None: nobody knows where the carton should be, so nothing is thought of it. mix: scans by method."""

    sscc: str
    dealer_id: int | None
    posterior: float
    target: int
    scans: int
    located: int
    mix: Mapping[str, int]
    judged_at: datetime


@dataclass(frozen=True, slots=True)
class Score:
    """reasons: {code, part}, the largest part of the sum first."""

    pivot: str
    kind: str
    value: float
    reasons: Sequence[Mapping[str, Any]]
    params_version: str
    judged_at: datetime


def runs(tx: ReadTx, *, kind: Kind | None = None, limit: int = 50) -> list[NightRun]:
    """Newest first."""
    found = select(night_runs).order_by(night_runs.c.id.desc()).limit(limit)
    return [_run(row) for row in tx.execute(found if kind is None else found.where(night_runs.c.kind == kind))]


def last_runs(tx: ReadTx) -> dict[str, NightRun]:
    """kind -> its newest run, whatever became of it."""
    newest = select(func.max(night_runs.c.id)).group_by(night_runs.c.kind)
    return {row.kind: _run(row) for row in tx.execute(select(night_runs).where(night_runs.c.id.in_(newest)))}


def _run(row: Row[Any]) -> NightRun:
    return NightRun(**row._mapping)


def lag(tx: ReadTx, *, now: datetime) -> timedelta | None:
    """How far the judgement is behind; None before it first ran."""
    until = tx.execute(select(night_memory.c.until).where(night_memory.c.name == "place")).scalar()
    return max(timedelta(), now - until) if until is not None else None


def meters_of(tx: ReadTx, dealer_id: int, *, since: date | None = None) -> list[Meter]:
    """A dealer over time, by day and region."""
    found = select(dealer_meters).where(dealer_meters.c.dealer_id == dealer_id)
    if since is not None:
        found = found.where(dealer_meters.c.day >= since)
    return [Meter(**row._mapping) for row in tx.execute(found.order_by(dealer_meters.c.day, dealer_meters.c.region))]


def scoreboard(tx: ReadTx, *, limit: int = 100) -> list[Meter]:
    """The latest meter of each dealer and region, listed ones first, then by evidence."""
    rows = tx.execute(text(_SCOREBOARD), {"limit": limit})
    return [Meter(**row._mapping) for row in rows]


_SCOREBOARD = """
SELECT * FROM (
    SELECT DISTINCT ON (dealer_id, region) day, dealer_id, region, log_e, cartons, diverted, listed
    FROM dealer_meters ORDER BY dealer_id, region, day DESC
) AS latest ORDER BY listed DESC, log_e DESC, diverted DESC, dealer_id, region LIMIT :limit
"""


def flows_between(tx: ReadTx, first: date, last: date, *, limit: int = 500) -> list[Flow]:
    """The days `first` to `last` added up, most unexpected first."""
    rows = tx.execute(text(_FLOWS), {"first": first, "last": last, "limit": limit})
    return [Flow(**row._mapping) for row in rows]


_FLOWS = """
SELECT from_region, to_region, sum(cartons) AS cartons, sum(expected) AS expected,
    CASE WHEN sum(cartons) > sum(expected) AND sum(expected) > 0
        THEN sum(cartons) * ln(sum(cartons) / sum(expected)) - (sum(cartons) - sum(expected)) ELSE 0 END AS llr
FROM flows WHERE day BETWEEN :first AND :last GROUP BY from_region, to_region
ORDER BY llr DESC, cartons DESC, from_region, to_region LIMIT :limit
"""


def verdict_of(tx: ReadTx, sscc: str) -> Verdict | None:
    row = tx.execute(select(carton_verdicts).where(carton_verdicts.c.sscc == sscc)).first()
    return Verdict(**row._mapping) if row is not None else None


def verdicts_of(tx: ReadTx, dealer_id: int, *, limit: int = 100) -> list[Verdict]:
    """Cartons of a dealer, the most suspicious first."""
    found = select(carton_verdicts).where(carton_verdicts.c.dealer_id == dealer_id)
    rows = tx.execute(found.order_by(carton_verdicts.c.posterior.desc(), carton_verdicts.c.sscc).limit(limit))
    return [Verdict(**row._mapping) for row in rows]


def scores_of(tx: ReadTx, pivot: str) -> list[Score]:
    """Of one subject, by kind."""
    rows = tx.execute(select(scores).where(scores.c.pivot == pivot).order_by(scores.c.kind))
    return [Score(**row._mapping) for row in rows]


def top_scores(tx: ReadTx, kind: str, *, limit: int = 50) -> list[Score]:
    """The highest of a kind."""
    found = select(scores).where(scores.c.kind == kind).order_by(scores.c.value.desc(), scores.c.pivot).limit(limit)
    return [Score(**row._mapping) for row in tx.execute(found)]


def forget(tx: Tx, *, now: datetime) -> int:
    """Drop old near-line runs that went well. Returns how many."""
    gone = "DELETE FROM night_runs WHERE kind = 'near' AND state = 'done' AND begun_at < :before"
    return tx.execute(text(gone), {"before": now - NEAR_KEPT}).rowcount
