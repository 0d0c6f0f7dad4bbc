"""A draft on history: what it would have said of every scan of a time, by what was known at that scan.

Whoever asks chooses the run's id: asked twice, it runs once. The worker goes through the log in stretches; each is one
transaction that moves the cursor and adds to the sums, so a run that was killed goes on where it was.

spoke: scans each other reason spoke on; overlap: those of them the draft hits too.

A rule reads the snapshot that was stored with the scan. Labels are younger and judge the rule; they are no fact of it.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select, update
from sqlalchemy.dialects.postgresql import insert

from antifraud.lab import labels, limits, quality, reading, versions
from antifraud.lab.fused import Rule, alone
from antifraud.lab.tables import lab_people, lab_runs
from antifraud.lab.versions import BadRule, Version
from antifraud.lab.vocabulary import of_row
from antifraud.signals import short
from foundation import audit, outbox
from foundation.database import ReadTx, Tx
from foundation.errors import Conflict, NotFound
from foundation.rules.python import BRAND_ZONE

TASK = "antifraud.lab.backtest"
STRETCH = 4_000
MOST = timedelta(days=400)
EXAMPLES = 20
LOTS = 1 << 31


class BadSpan(BadRule):
    """A back-test covers some time of the past, and not too much of it."""

    type = "bad-span"


class RunReused(Conflict):
    """The id was used for another run."""

    type = "run-reused"


@dataclass(frozen=True, slots=True)
class Run:
    """progress: sums so far; report: what came of it, once done. failure: why it ended without."""

    id: UUID
    kind: str
    slug: str
    version: int
    since: datetime
    until: datetime
    state: str
    cursor_at: datetime
    cursor_id: UUID
    progress: Mapping[str, Any]
    report: Mapping[str, Any] | None
    asked_by: str
    asked_at: datetime
    ended_at: datetime | None
    failure: str | None

    @property
    def part(self) -> float:
        """How much of its time it has gone through, 0 to 1."""
        return 1.0 if self.state == "done" else (self.cursor_at - self.since) / (self.until - self.since)

    @property
    def days(self) -> float:
        return (self.until - self.since) / timedelta(days=1)


def ask(
    tx: Tx, run_id: UUID, slug: str, version: int, *, since: datetime, until: datetime, by: str, now: datetime
) -> Run:
    """A run over [since, until), begun by the worker. Raises BadRule, NotFound, RunReused."""
    versions.get(tx, slug, version)
    if not since < until <= now:
        raise BadSpan("Choose a time that lies in the past and ends after it begins.")
    if until - since > MOST:
        raise BadSpan(f"Choose at most {MOST.days} days.")
    row = {"id": run_id, "kind": "backtest", "slug": slug, "version": version, "since": since, "until": until}
    place = {"state": "waiting", "cursor_at": since, "cursor_id": reading.NOBODY, "progress": {}}
    new = insert(lab_runs).values(row | place | {"asked_by": by, "asked_at": now}).on_conflict_do_nothing()
    if tx.execute(new).rowcount:
        outbox.enqueue(tx, TASK, {"run_id": str(run_id)}, now=now)
        said = {"run": str(run_id), "version": version, "since": since.isoformat(), "until": until.isoformat()}
        audit.record(tx, actor=by, action="lab.backtest", subject=f"lab:{slug}", after=said, now=now)
    found = get(tx, run_id)
    if any(getattr(found, name) != value for name, value in row.items()):
        raise RunReused("This run id was used for another run; choose a new one.")
    return found


def go_on(tx: Tx, run_id: UUID, *, now: datetime, limit: int = STRETCH) -> bool:
    """One stretch of a run; whether there is more. A run that is over, or at work elsewhere, is left alone."""
    held = select(lab_runs).where(lab_runs.c.id == run_id, lab_runs.c.state.in_(["waiting", "running"]))
    row = tx.execute(held.with_for_update(skip_locked=True)).first()
    if row is None:
        return False
    run = _run(row)
    one = versions.get(tx, run.slug, run.version)
    if one.kind != "rule":
        _end(tx, run, failure="Thresholds have no back-test of this kind.", now=now)
        return False
    if not (mine := versions.readable([one])):
        _end(tx, run, failure="This program cannot read this version; draft a new one.", now=now)
        return False
    progress = _nothing(tx, one) | dict(run.progress)  # A run begun by an older program lacks what is new.
    found = reading.stretch(tx, run.cursor_at, run.cursor_id, until=run.until, limit=limit)
    _add(tx, run.id, progress, mine[0], _live(tx, run.slug, progress), found.rows)
    moved = {"state": "running", "cursor_at": found.at, "cursor_id": found.scan_id, "progress": progress}
    tx.execute(update(lab_runs).where(lab_runs.c.id == run.id).values(moved))
    if found.last:
        _end(tx, run, report=_report(tx, run, mine[0], progress), now=now)
        return False
    outbox.enqueue(tx, TASK, {"run_id": str(run_id)}, now=now)
    return True


def _nothing(tx: ReadTx, one: Version) -> dict[str, Any]:
    """Sums of a run that begins; it is compared with what is live now, whatever is published meanwhile."""
    live = next((other for other in versions.of_rule(tx, one.slug) if other.state == "live"), None)
    counts = dict.fromkeys(
        ("scans", "hits", "fresh", "failed", "good", "bad", "valuable", "points", "fen", "held", "added", "dropped"), 0
    )
    empty: dict[str, Any] = {"days": {}, "verdicts": {}, "spoke": {}, "overlap": {}, "examples": [], "alerts": 0}
    return counts | empty | {"live": live.version if live else None}


def _live(tx: ReadTx, slug: str, progress: Mapping[str, Any]) -> Rule | None:
    """None too where this program cannot read what is live: then nothing of it counts."""
    found = versions.readable([versions.get(tx, slug, progress["live"])]) if progress["live"] else []
    return found[0] if found else None


def _add(tx: Tx, run_id: UUID, sums: dict[str, Any], rule: Rule, live: Rule | None, rows: Any) -> None:
    ask_rule, ask_live = alone(rule.condition), alone(live.condition) if live else None
    hits, days, verdicts = [], Counter(sums["days"]), Counter(sums["verdicts"])
    spoke, overlap = Counter(sums["spoke"]), Counter(sums["overlap"])
    for row in rows:
        seen, others = of_row(row), {code for code in row.reasons if code != rule.code}
        spoke.update(others)
        try:
            hit, before = ask_rule(seen), bool(ask_live and ask_live(seen))
        except Exception:  # A snapshot of another program: counted, and nothing is concluded.
            sums["failed"] += 1
            continue
        sums["added"] += hit and not before
        sums["dropped"] += before and not hit
        if hit:
            hits.append(row)
            days[row.received_at.astimezone(BRAND_ZONE).date().isoformat()] += 1
            verdicts[row.verdict] += 1
            overlap.update(others)
    sums["scans"] += len(rows)
    sums["hits"] += len(hits)
    sums["days"], sums["verdicts"] = dict(days), dict(verdicts)
    sums["spoke"], sums["overlap"] = dict(spoke), dict(overlap)
    if hits:
        _weigh(tx, run_id, sums, rule, hits)


def _weigh(tx: Tx, run_id: UUID, sums: dict[str, Any], rule: Rule, hits: list[Any]) -> None:
    """Good and bad hits, whom they touch and what they would hold, and the examples drawn by lot."""
    said = labels.outcomes(tx, hits)
    for row in hits:
        outcome = said.get(row.scan_id)
        sums["good"] += outcome == labels.GOOD
        sums["bad"] += outcome == labels.BAD
        sums["valuable"] += outcome == labels.VALUABLE
        sums["fresh"] += is_fresh(row, rule.code)
        if rule.effect.hold and row.reward_state == "credited":
            sums["held"] += 1
            sums["points"] += row.reward_points
            sums["fen"] += reading.prize_fen(row.answer)
    drawn = [[lot(row.scan_id), str(row.scan_id), said.get(row.scan_id)] for row in hits]
    sums["examples"] = sorted([*sums["examples"], *drawn])[:EXAMPLES]
    if rule.effect.hold or rule.effect.severity is not None:
        people = Counter[str]()
        for row in hits:
            people[person_of(row)] += said.get(row.scan_id) == labels.BAD
        _touch(tx, run_id, people)


def is_fresh(row: Any, code: str) -> bool:
    """Whether nothing else spoke against the scan."""
    return not any(value > 0 for name, value in row.contributions.items() if name != code)


def lot(scan_id: UUID) -> int:
    """The scan's number in the draw of examples; the lowest are shown."""
    return int.from_bytes(blake2b(scan_id.bytes, digest_size=8, person=b"lab").digest()) % LOTS


def person_of(row: Any) -> str:
    """Who scanned, as evidence knows them: the member, else the phone."""
    return short("member", str(row.member_id)) if row.member_id else short("device", row.device)


def _touch(tx: Tx, run_id: UUID, people: Mapping[str, int]) -> None:
    rows = [{"run_id": run_id, "person": person, "bad": bad > 0} for person, bad in sorted(people.items())]
    new = insert(lab_people).values(rows)
    known = [lab_people.c.run_id, lab_people.c.person]
    tx.execute(new.on_conflict_do_update(index_elements=known, set_={"bad": lab_people.c.bad | new.excluded.bad}))


def _report(tx: ReadTx, run: Run, rule: Rule, sums: Mapping[str, Any]) -> dict[str, Any]:
    """The sums, the recall, and the blast radius: people, those not known to be bad, points, and all of it in fen."""
    counted = select(func.count(), func.count().filter(~lab_people.c.bad)).where(lab_people.c.run_id == run.id)
    people, honest = tx.execute(counted).one()
    fen = sums["fen"] + round(sums["points"] * limits.value(tx, "fen_per_point"))
    found = quality.recall_of(tx, rule, since=run.since, until=run.until)
    share = [found.value, found.low, found.high, found.of] if found else None
    return dict(sums) | {"people": people, "honest": honest, "worth_fen": fen, "recall": share}


def _end(
    tx: Tx, run: Run, *, report: Mapping[str, Any] | None = None, failure: str | None = None, now: datetime
) -> None:
    state = "done" if report is not None else "failed"
    ended = {"state": state, "report": report, "failure": failure, "ended_at": now}
    tx.execute(update(lab_runs).where(lab_runs.c.id == run.id).values(ended))


def get(tx: ReadTx, run_id: UUID) -> Run:
    """Raises NotFound."""
    found = find(tx, run_id)
    if found is None:
        raise NotFound(f"There is no run {run_id}.")
    return found


def find(tx: ReadTx, run_id: UUID) -> Run | None:
    row = tx.execute(select(lab_runs).where(lab_runs.c.id == run_id)).first()
    return _run(row) if row else None


def latest(tx: ReadTx, slug: str, version: int, kind: str = "backtest", *, state: str | None = None) -> Run | None:
    """The run of this version asked for last."""
    wanted = select(lab_runs).where(lab_runs.c.slug == slug, lab_runs.c.version == version, lab_runs.c.kind == kind)
    if state is not None:
        wanted = wanted.where(lab_runs.c.state == state)
    row = tx.execute(wanted.order_by(lab_runs.c.asked_at.desc()).limit(1)).first()
    return _run(row) if row else None


def _run(row: Row[Any]) -> Run:
    return Run(*(getattr(row, one.name) for one in fields(Run)))
