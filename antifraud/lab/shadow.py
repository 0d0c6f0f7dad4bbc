"""Rules beside live traffic: what a shadow would say and what a live rule did say, by day, with a few scans to look at.

Near-line, off the log: the snapshot of every scan is stored with it, so a candidate is asked by what was known at the
scan and no request waits for it. The place in the log moves in the same transaction as the counts: each scan counts
once, whatever is killed. A live rule is counted by what it did say, as recorded.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from antifraud.lab import backtest, reading, versions
from antifraud.lab.fused import Rule, alone
from antifraud.lab.tables import lab_days, lab_feed, lab_samples
from antifraud.lab.vocabulary import of_row
from antifraud.scan_feed import DELAY
from foundation.database import ReadTx, Tx, settled_before
from foundation.rules.python import BRAND_ZONE

STRETCH = 2_000
SAMPLE = 10  # hits kept a day
FEED = "rules"


@dataclass(slots=True)
class Tally:
    """Of one version and day. fresh: nothing else had spoken against the scan; actions: hits that alert or hold.

    added, dropped: scans on which it and what was live of its rule differed, by which of the two hit.
    """

    scans: int = 0
    hits: int = 0
    fresh: int = 0
    actions: int = 0
    failed: int = 0
    points: int = 0
    added: int = 0
    dropped: int = 0
    drawn: list[tuple[int, UUID, bool]] = field(default_factory=list)

    def hit(self, row: Any, rule: Rule) -> None:
        fresh = backtest.is_fresh(row, rule.code)
        self.hits += 1
        self.fresh += fresh
        self.actions += rule.effect.hold or rule.effect.severity is not None
        self.points += row.reward_points if rule.effect.hold else 0
        self.drawn = sorted([*self.drawn, (backtest.lot(row.scan_id), row.scan_id, fresh)])[:SAMPLE]


@dataclass(frozen=True, slots=True)
class Day:
    day: date
    state: str
    scans: int
    hits: int
    fresh: int
    actions: int
    failed: int
    points: int
    added: int | None
    dropped: int | None

    @property
    def agreement(self) -> float | None:
        """Share of the scans on which it says what the live version of its rule said; None where nobody compared."""
        if not self.scans or self.added is None or self.dropped is None:
            return None
        return 1 - (self.added + self.dropped) / self.scans


COUNTS = ("scans", "hits", "fresh", "actions", "failed", "points", "added", "dropped")


def go_on(tx: Tx, *, now: datetime, limit: int = STRETCH) -> int:
    """Count the next scans for every rule in shadow and live; how many. Raced, one of two reads and the other waits."""
    new = insert(lab_feed).values(name=FEED, at=now, scan_id=reading.NOBODY).on_conflict_do_nothing()
    tx.execute(new)
    place = tx.execute(select(lab_feed).where(lab_feed.c.name == FEED).with_for_update(skip_locked=True)).first()
    horizon = settled_before(tx, now, delay=DELAY)
    if place is None or place.at >= horizon:
        return 0
    found = reading.stretch(tx, place.at, place.scan_id, until=horizon, limit=limit)
    for state in ("shadow", "live"):
        for one in versions.standing(tx, state):
            since = one.shadow_from if state == "shadow" else one.live_from
            rows = [row for row in found.rows if since is not None and row.received_at >= since]
            for rule in versions.readable([one]):
                _keep(tx, state, rule, _tallied(state, rule, rows))
    moved = {"at": found.at, "scan_id": found.scan_id}
    tx.execute(lab_feed.update().where(lab_feed.c.name == FEED).values(moved))
    return len(found.rows)


def _tallied(state: str, rule: Rule, rows: Sequence[Any]) -> dict[date, Tally]:
    """By day. A live rule did not see a scan that was judged by an older set; its version then is not named."""
    days, asks = defaultdict[date, Tally](Tally), alone(rule.condition)
    for row in rows:
        tally = days[row.received_at.astimezone(BRAND_ZONE).date()]
        tally.scans += 1
        said = rule.code in row.reasons
        if state == "live":
            hit, failed = said, rule.slug in row.features.get("rules_failed", ())
        else:
            hit, failed = _asked(asks, row)
        tally.added += hit and not said
        tally.dropped += said and not hit
        tally.failed += failed
        if hit:
            tally.hit(row, rule)
    return days


def _asked(asks: Any, row: Any) -> tuple[bool, bool]:
    try:
        return asks(of_row(row)), False
    except Exception:  # A rule that fails in shadow is counted there, which keeps it from being published.
        return False, True


def _keep(tx: Tx, state: str, rule: Rule, days: dict[date, Tally]) -> None:
    for day, tally in sorted(days.items()):
        counts = {name: getattr(tally, name) for name in COUNTS}
        new = insert(lab_days).values(slug=rule.slug, version=rule.version, day=day, state=state, **counts)
        sums = {name: lab_days.c[name] + new.excluded[name] for name in counts}
        tx.execute(new.on_conflict_do_update(index_elements=["slug", "version", "day", "state"], set_=sums))
        if tally.drawn:
            _draw(tx, rule, day, tally.drawn)


def _draw(tx: Tx, rule: Rule, day: date, drawn: list[tuple[int, UUID, bool]]) -> None:
    """Keep the lowest lots of the day."""
    this = {"slug": rule.slug, "version": rule.version, "day": day}
    rows = [this | {"turn": turn, "scan_id": scan_id, "fresh": fresh} for turn, scan_id, fresh in drawn]
    tx.execute(insert(lab_samples).values(rows).on_conflict_do_nothing())
    mine = [lab_samples.c[name] == value for name, value in this.items()]
    lowest = select(lab_samples.c.scan_id).where(*mine).order_by(lab_samples.c.turn).limit(SAMPLE)
    tx.execute(delete(lab_samples).where(*mine, lab_samples.c.scan_id.not_in(lowest)))


def days(tx: ReadTx, slug: str, version: int, *, state: str | None = None) -> list[Day]:
    """Oldest first."""
    wanted = select(lab_days).where(lab_days.c.slug == slug, lab_days.c.version == version)
    if state is not None:
        wanted = wanted.where(lab_days.c.state == state)
    rows = tx.execute(wanted.order_by(lab_days.c.day, lab_days.c.state))
    return [Day(*(getattr(row, name) for name in Day.__dataclass_fields__)) for row in rows]


def samples(tx: ReadTx, slug: str, version: int, *, limit: int = 50) -> list[tuple[date, UUID, bool]]:
    """(day, scan, whether nothing else had spoken), the latest day first."""
    wanted = select(lab_samples).where(lab_samples.c.slug == slug, lab_samples.c.version == version)
    rows = tx.execute(wanted.order_by(lab_samples.c.day.desc(), lab_samples.c.turn).limit(limit))
    return [(row.day, row.scan_id, row.fresh) for row in rows]
