"""The breaker of live rules: one that hits more than its baseline allows goes back to shadow, and a person is called.

The baseline is the hit share of the back-test and the shadow run, taken at the upper end of its 99.5 % Wilson interval;
a day trips when its hits are more than Binomial(scans, baseline) has with probability 0.995, and at least LEAST. A rule
with no baseline of enough scans is watched by the share that published it: none trips on nothing.

Every rule has a budget of alerts and holds a day; once it is spent the rule is muted until midnight.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from antifraud import alerts
from antifraud.findings import Alert, Reason, Severity
from antifraud.lab import backtest, limits, shadow, versions
from antifraud.lab.intervals import wilson
from antifraud.lab.versions import Version
from foundation.database import ReadTx, Tx
from foundation.rules.python import BRAND_ZONE

CONFIDENCE = 0.995
LEAST = 10  # hits of a day; fewer trip nothing.


@dataclass(frozen=True, slots=True)
class Baseline:
    scans: int
    hits: int

    @property
    def most_share(self) -> float:
        """The upper end of the Wilson interval of the hit share."""
        return wilson(self.hits, self.scans, confidence=CONFIDENCE)[1]

    def most(self, scans: int) -> int:
        """Hits a day of so many scans may have."""
        from scipy.stats import binom  # Half a second to import, for one number a rule a day.

        return max(LEAST - 1, int(binom.ppf(CONFIDENCE, scans, self.most_share)))


def baseline(tx: ReadTx, one: Version) -> Baseline | None:
    """From its shadow days and its last back-test; None while both together are too few scans."""
    quiet = shadow.days(tx, one.slug, one.version, state="shadow")
    scans, hits = sum(day.scans for day in quiet), sum(day.hits for day in quiet)
    run = backtest.latest(tx, one.slug, one.version, state="done")
    if run is not None and run.report is not None:
        scans, hits = scans + run.report["scans"], hits + run.report["hits"]
    return Baseline(scans, hits) if scans >= limits.value(tx, "baseline_scans") else None


def watch(tx: Tx, *, now: datetime) -> list[str]:
    """Trip and mute what must be; the slugs that tripped."""
    tripped = []
    today = now.astimezone(BRAND_ZONE).date()
    for one in versions.standing(tx, "live"):
        day = next((day for day in shadow.days(tx, one.slug, one.version, state="live") if day.day == today), None)
        if one.kind != "rule" or day is None:
            continue
        base = baseline(tx, one)
        if base is not None and day.hits > base.most(day.scans):
            _trip(tx, one, day, base.most(day.scans), now)
            tripped.append(one.slug)
        elif _spent(one, day.actions, now):
            versions.mute(tx, one.slug, one.version, until=_midnight(now), now=now)
    return tripped


def _spent(one: Version, actions: int, now: datetime) -> bool:
    budget = one.body["budget"]
    muted = one.muted_until is not None and one.muted_until > now
    return bool(budget and actions >= budget and not muted)


def _midnight(now: datetime) -> datetime:
    local = now.astimezone(BRAND_ZONE)
    return local.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)


def _trip(tx: Tx, one: Version, day: shadow.Day, most: int, now: datetime) -> None:
    """Back to shadow, told to whoever listens, and a case for whoever is on call."""
    values: dict[str, Any] = {
        "rule": one.slug, "version": one.version, "hits": day.hits, "scans": day.scans, "most": most,
    }  # fmt: skip
    why = f"{day.hits} hits of {day.scans} scans on {day.day}; the baseline allows {most}"
    if versions.trip(tx, one.slug, one.version, why=why, now=now) is None:
        return
    scan = next((scan_id for at, scan_id, _ in shadow.samples(tx, one.slug, one.version) if at == day.day), None)
    if scan is not None:
        reason = Reason("RULE_BREAKER", values, 0.0)
        call = Alert(reason, Severity.HIGH, f"rule:{one.slug}", scan, None, None, None, f"{one.slug}-{one.version}")
        alerts.raise_alerts(tx, [call], now=now)
