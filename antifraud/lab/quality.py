"""How good each reason and rule is, from what people decided and from scans drawn at random.

precision  confirmed_risk / (confirmed_risk + false_positive) of the decided labels of a code; Wilson's 95 % interval.
           valuable_alert and inconclusive are counted apart, for neither side.
recall     of all bad scans, the share the code spoke on. Cases alone know only what some code spoke on, so the audit
           sample stands for the rest: Horvitz-Thompson totals, each label with its stored weight (one over the chance
           of being drawn), and their ratio R (Hajek). Closed-form interval: the linearised variance of R,
           sum w^2 (h - R)^2 / (sum w)^2, says on how many labels of equal weight R would be as sure, and Wilson's
           interval is taken on so many; where R is 0 or 1, on Kish's (sum w)^2 / sum w^2. Without an audit sample
           nothing is said.
overlap    scans on which two codes spoke together, as a share of the rarer one's: near 1, one of them is redundant.
repeat     share of a code's alerts about something it had alerted before.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text

from antifraud.lab import labels, reading
from antifraud.lab.fused import Rule, alone
from antifraud.lab.intervals import wilson
from antifraud.lab.labels import BAD, GOOD, VALUABLE, Judged
from antifraud.lab.vocabulary import of_row
from foundation.database import ReadTx


@dataclass(frozen=True, slots=True)
class Share:
    """of: how many it was measured on, effective ones for recall."""

    value: float
    low: float
    high: float
    of: float


@dataclass(frozen=True, slots=True)
class Quality:
    """One code over a time. share: of all scans. days: (day, hits) of the days with any."""

    code: str
    hits: int
    share: float
    good: int
    bad: int
    valuable: int
    precision: Share | None
    recall: Share | None
    alerts: int
    pivots: int
    repeat: float
    days: Sequence[tuple[date, int]]


@dataclass(frozen=True, slots=True)
class Report:
    """overlap: (code, code) -> (scans with both, share of the rarer one's)."""

    scans: int
    audited: int
    codes: Sequence[Quality]
    overlap: Mapping[tuple[str, str], tuple[int, float]]


def measure(tx: ReadTx, *, since: datetime, until: datetime) -> Report:
    """Of the scans received, the alerts raised and the labels decided in [since, until)."""
    when = {"since": since, "until": until}
    scans = tx.execute(_SCANS, when).scalar_one()
    days = defaultdict[str, list[tuple[date, int]]](list)
    for row in tx.execute(_DAYS, when):
        days[row.code].append((row.day, row.hits))
    alerted = {row.code: (row.alerts, row.pivots) for row in tx.execute(_ALERTS, when)}
    judged = labels.decided(tx, since=since, until=until)
    spoke = _spoke(tx, {one.scan_id for one in judged})
    hits = {code: sum(count for _, count in some) for code, some in days.items()}
    return Report(
        scans=scans,
        audited=sum(one.source == "audit" for one in judged),
        codes=[
            _of(code, scans, days.get(code, []), judged, spoke, alerted.get(code, (0, 0)))
            for code in sorted({*days, *alerted})
        ],
        overlap={(row.one, row.other): (row.shared, row.shared / min(hits[row.one], hits[row.other]))
                 for row in tx.execute(_PAIRS, when)},
    )  # fmt: skip


def _of(
    code: str, scans: int, days: Sequence[tuple[date, int]], judged: Sequence[Judged],
    spoke: Mapping[UUID, frozenset[str]], alerted: tuple[int, int],
) -> Quality:  # fmt: skip
    hits, mine = sum(count for _, count in days), [one for one in judged if one.code == code and one.source != "audit"]
    said = {outcome: sum(one.outcome == outcome for one in mine) for outcome in (GOOD, BAD, VALUABLE)}
    alerts, pivots = alerted
    return Quality(
        code, hits, hits / scans if scans else 0.0, said[GOOD], said[BAD], said[VALUABLE],
        precision=precision(said[BAD], said[GOOD]),
        recall=recall(code, judged, spoke),
        alerts=alerts, pivots=pivots, repeat=1 - pivots / alerts if alerts else 0.0, days=days,
    )  # fmt: skip


def precision(bad: int, good: int) -> Share | None:
    of = bad + good
    return Share(bad / of, *wilson(bad, of), of) if of else None


def recall(code: str, judged: Iterable[Judged], spoke: Mapping[UUID, frozenset[str]]) -> Share | None:
    """Of the bad scans, drawn or decided, the weighted share this code spoke on; None without an audit sample."""
    weight, audited = dict[UUID, float](), False
    for one in judged:
        audited |= one.source == "audit"
        if one.outcome == BAD:  # A scan that is both in a case and in the sample speaks for itself alone.
            mine = one.weight if one.source == "audit" else 1.0
            weight[one.scan_id] = min(mine, weight.get(one.scan_id, mine))
    if not audited or not weight:
        return None
    total = sum(weight.values())
    hits = {scan: float(code in spoke.get(scan, ())) for scan in weight}
    share = sum(w * hits[scan] for scan, w in weight.items()) / total
    if 0 < share < 1:
        spread = sum((w * (hits[scan] - share)) ** 2 for scan, w in weight.items()) / total**2
        effective = share * (1 - share) / spread
    else:
        effective = total**2 / sum(w * w for w in weight.values())
    return Share(share, *wilson(share * effective, effective), effective)


def recall_of(tx: ReadTx, rule: Rule, *, since: datetime, until: datetime) -> Share | None:
    """What `recall` would be if this rule had been asked of the scans received in [since, until)."""
    judged, ask = labels.about(tx, since=since, until=until), alone(rule.condition)
    bad = {one.scan_id for one in judged if one.outcome == BAD}
    spoke = dict[UUID, frozenset[str]]()
    for row in reading.these(tx, bad):
        with suppress(Exception):  # A snapshot it fails on is one it does not find; the back-test counts it.
            spoke[row.scan_id] = frozenset([rule.code] if ask(of_row(row)) else [])
    return recall(rule.code, judged, spoke)


def _spoke(tx: ReadTx, scans: Iterable[UUID]) -> dict[UUID, frozenset[str]]:
    return {row.scan_id: frozenset(row.reasons) for row in tx.execute(_REASONS, {"scans": list(scans)})}


_WINDOW = "received_at >= :since AND received_at < :until"
_SCANS = text(f"SELECT count(*) FROM scans WHERE {_WINDOW}")  # noqa: S608
_DAYS = text(f"""
SELECT code, CAST(timezone('Asia/Shanghai', received_at) AS date) AS day, count(DISTINCT scan_id) AS hits
FROM scans, unnest(reasons) AS code WHERE {_WINDOW} GROUP BY code, day ORDER BY code, day
""")  # noqa: S608 our own words
_PAIRS = text(f"""
SELECT one, other, count(DISTINCT scan_id) AS shared
FROM scans, unnest(reasons) AS one, unnest(reasons) AS other WHERE {_WINDOW} AND one < other
GROUP BY one, other ORDER BY shared DESC, one, other
""")  # noqa: S608
_ALERTS = text("""
SELECT code, count(*) AS alerts, count(DISTINCT pivot) AS pivots
FROM alerts WHERE raised_at >= :since AND raised_at < :until GROUP BY code
""")
_REASONS = text("SELECT scan_id, reasons FROM scans WHERE scan_id = ANY(:scans)")
