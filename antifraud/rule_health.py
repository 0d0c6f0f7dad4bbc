"""How every reason code does, from what people decided and from how often it fires. Read-only.

precision = right alerts / decided ones, right: confirmed or valuable. inconclusive counts as neither. Its interval is
Wilson's (1927), which stays honest for few decisions. A rate is hits in 10,000 scans; the usual one is the mean of the
days before the last.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import text

from antifraud.lab.intervals import wilson
from antifraud.reasons import SENTENCES
from foundation.database import ReadTx

DAYS = 30
PER = 10_000
RIGHT = ("confirmed_risk", "valuable_alert")
WRONG = "false_positive"
ANY_RULE = "RULE"  # The sentence of rules that people wrote; each has a code of its own.
JUDGED_DAYS = 365  # Older decisions were about other rules.


@dataclass(frozen=True, slots=True)
class Decided:
    """Closed cases with a code, by outcome; a merged one is decided as part of the other."""

    by_outcome: Mapping[str, int]

    @property
    def right(self) -> int:
        return sum(self.by_outcome.get(one, 0) for one in RIGHT)

    @property
    def told(self) -> int:
        """Those that say right or wrong."""
        return self.right + self.by_outcome.get(WRONG, 0)

    @property
    def all(self) -> int:
        return sum(self.by_outcome.values())

    @property
    def precision(self) -> float | None:
        return self.right / self.told if self.told else None

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.right, self.told)


@dataclass(frozen=True, slots=True)
class Health:
    """hits: alerts a day, the last is today; rates: in 10,000 scans, None where nobody scanned."""

    code: str
    hits: Sequence[int]
    rates: Sequence[float | None]
    last_fired_at: datetime | None
    decided: Decided

    @property
    def rate(self) -> float | None:
        return self.rates[-1]

    @property
    def usual(self) -> float | None:
        known = [rate for rate in self.rates[:-1] if rate is not None]
        return sum(known) / len(known) if known else None


def decided(tx: ReadTx, codes: Sequence[str] | None = None, *, now: datetime | None = None) -> dict[str, Decided]:
    """code -> what was decided on cases with it, within JUDGED_DAYS of `now`; every code without `codes`."""
    since = now - timedelta(days=JUDGED_DAYS) if now else None
    counts: dict[str, dict[str, int]] = {}
    for row in tx.execute(_DECIDED, {"codes": list(codes) if codes is not None else None, "since": since}):
        counts.setdefault(row.code, {})[row.outcome] = row.cases
    return {code: Decided(by_outcome) for code, by_outcome in counts.items()}


_DECIDED = text("""
SELECT code, outcome, count(*) AS cases FROM cases, unnest(codes) AS code
WHERE state = 'closed' AND outcome <> 'merged' AND (CAST(:since AS timestamptz) IS NULL OR closed_at >= :since)
  AND (CAST(:codes AS text[]) IS NULL OR code = ANY (CAST(:codes AS text[])))
GROUP BY code, outcome
""")


def health(
    tx: ReadTx, *, today: date, now: datetime, days: int = DAYS, more: Collection[str] = ()
) -> list[Health]:  # fmt: skip
    """Every code that can fire, and `more`; those that fired most today first. Days are the brand's (UTC+8)."""
    span = [today - timedelta(days=ago) for ago in reversed(range(days))]
    asked = {"first": span[0], "zone": "Asia/Shanghai"}
    hits = {(row.code, row.day): (row.hits, row.last_at) for row in tx.execute(_HITS, asked)}
    scans = {row.day: row.scans for row in tx.execute(_SCANS, asked)}
    last = {row.code: row.last_at for row in tx.execute(_LAST)}
    judged = decided(tx, now=now)
    codes = sorted(({*SENTENCES} - {ANY_RULE}) | {*last, *more})
    found = [
        _health(code, [hits.get((code, day), (0, None))[0] for day in span], [scans.get(day, 0) for day in span],
                last.get(code), judged.get(code, Decided({})))
        for code in codes
    ]  # fmt: skip
    return sorted(found, key=lambda one: (-one.hits[-1], -sum(one.hits), one.code))


def _health(
    code: str, hits: Sequence[int], scans: Sequence[int], last: datetime | None, judged: Decided
) -> Health:  # fmt: skip
    rates = [PER * hit / many if many else None for hit, many in zip(hits, scans, strict=True)]
    return Health(code, hits, rates, last, judged)


_HITS = text("""
SELECT code, CAST(raised_at AT TIME ZONE :zone AS date) AS day, count(*) AS hits, max(raised_at) AS last_at FROM alerts
WHERE raised_at >= CAST(:first AS timestamp) AT TIME ZONE :zone GROUP BY 1, 2
""")
_SCANS = text("""
SELECT CAST(received_at AT TIME ZONE :zone AS date) AS day, count(*) AS scans FROM scans
WHERE received_at >= CAST(:first AS timestamp) AT TIME ZONE :zone GROUP BY 1
""")
_LAST = text("SELECT code, max(raised_at) AS last_at FROM alerts GROUP BY code")
