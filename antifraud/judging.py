"""Judges the log in stretches: near-line every few seconds, and once a night everything remembered.

A stretch is read in one transaction, judged in memory, and written in another: alerts, scores, verdicts, the place up
to which the log is judged. A process that is killed in between judged nothing. What the detectors remember is written
with the place after a night and every SNAPSHOT scans; a process that begins, or that lost its memory, takes the last
one written and folds what came since without telling anybody. A memory of another version or a damaged one is made
anew from the whole log, in the same way.

One judge at a time: a session's advisory lock keeps others out, and whoever writes says which place it started from.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import numpy as np
import orjson
from sqlalchemy import Connection, Engine, text

from antifraud import night_book, telling
from antifraud.batch import keeping
from antifraud.batch.cartons import Judged, Route
from antifraud.batch.items import _nothing as no_scans
from antifraud.batch.items import row_of
from antifraud.batch.memory import stack
from antifraud.batch.mixture import Opinions
from antifraud.batch.proof import BatchFinding
from antifraud.batch.watch import Watch, Window
from antifraud.event_reader import LookOutside, Page, micros, next_midnight, nothing_outside, read, read_scans, route_of
from antifraud.nights import Kind, forget
from antifraud.params import Params
from antifraud.scan_feed import Place
from foundation import clock
from foundation.database import ReadTx, Tx, be_patient, transaction
from foundation.observability import judged_lag_s, judged_runs_total, log

__all__ = ["STRETCH", "Done", "Judge", "JudgedElsewhere"]

STRETCH = 50_000  # Scans: some seconds of work, some tens of megabytes.
SNAPSHOT = 50_000  # Scans that a process may have to fold again when it begins.
NIGHT = timedelta(days=1)
FORTNIGHT = 14  # Nights from one look for dense blocks to the next, and the days it looks back.
_LOCK = 0x6E69676874  # "night"
_KNOCK_S = 0.1


class JudgedElsewhere(Exception):
    """Somebody else wrote since this stretch was read; nothing of it was written."""


@dataclass(frozen=True, slots=True)
class Done:
    """What one run did. complete: nothing more was ready."""

    scans: int = 0
    findings: int = 0
    alerts: int = 0
    complete: bool = True


@dataclass(slots=True)
class _Kept:
    """What this process remembers, up to where, and how many scans came since that was last written."""

    watch: Watch
    place: Place
    since: int = 0


class Judge:
    """One database's judge in this process; safe to call from any thread. now: read by the caller at each call."""

    def __init__(self, engine: Engine, *, params: Params | None = None, outside: LookOutside = nothing_outside) -> None:
        self._engine, self._params, self._outside = engine, params or Params(), outside
        self._version = keeping.version(self._params)
        self._kept: _Kept | None = None
        self._mine = threading.Lock()

    def near(self, *, now: datetime, limit: int = STRETCH, until: datetime | None = None) -> Done | None:
        """Judge what is new, one stretch at most. None: another judge is at it."""
        with self._alone() as alone:
            if not alone:
                return None
            try:
                return self._forgetting(lambda: self._stretch("near", now, limit, until))
            except Exception as error:
                judged_runs_total.labels("near", "failed").inc()
                with transaction(self._engine) as tx:
                    failed = {"now": now, "params": self._params.version, "error": _told(error)}
                    tx.execute(_NEAR_FAILED, failed)
                raise

    def nightly(
        self, *, now: datetime, limit: int = STRETCH, until: datetime | None = None, patience_s: float = 0.0
    ) -> Done | None:
        """Judge everything that is new, then survey what is remembered. None: another judge is at it.

        patience_s: how long to wait for the end of a stretch, which is there every few seconds.
        """
        with self._alone(patience_s) as alone:
            if not alone:
                return None
            run = self._begin(now)
            try:
                return self._forgetting(lambda: self._night(run, now, limit, until))
            except Exception as error:
                self._fail(run, now, error)
                raise

    def rebuild(self, *, now: datetime, patience_s: float = 0.0) -> bool:
        """Forget everything remembered: the next run judges the log from its first scan. False: somebody is at it.

        What was told stays told: alerts are not raised twice.
        """
        with self._alone(patience_s) as alone:
            if alone:
                with transaction(self._engine) as tx:
                    tx.execute(text("DELETE FROM night_memory"))
                self._kept = None
                log(__name__).info("the memory of the judgement was dropped", now=now.isoformat())
            return alone

    @contextmanager
    def _alone(self, patience_s: float = 0.0) -> Iterator[bool]:
        """Hold the lock of this database's judges; it goes with the connection, whatever becomes of the process."""
        until = clock.monotonic_s() + patience_s
        if not self._mine.acquire(timeout=patience_s):
            yield False
            return
        try:
            with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                alone = _locked(connection)
                while not alone and clock.monotonic_s() < until:
                    time.sleep(_KNOCK_S)
                    alone = _locked(connection)
                try:
                    yield alone
                finally:
                    if alone and not connection.invalidated:
                        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK})
        finally:
            self._mine.release()

    def _forgetting(self, work: Callable[[], Done]) -> Done:
        """What was folded and not written must not be remembered."""
        try:
            return work()
        except BaseException:
            self._kept = None
            raise

    # --- one stretch --------------------------------------------------------------------------------------------------

    def _stretch(self, kind: Kind, now: datetime, limit: int, until: datetime | None) -> Done:
        kept = self._recall(now)
        begun = dict(kept.watch.took)
        page = self._read(kept.watch, kept.place, now, limit, until=until)
        findings = kept.watch.fold(page.stretch) if _has_news(page) else []
        kept.since += len(page.ids)
        alerts = 0
        if page.place != kept.place:
            with transaction(self._engine) as tx:
                be_patient(tx)
                self._take_place(tx, kept, page, now)
                if _has_news(page):
                    alerts = self._write(tx, kept.watch, page, findings, now)
                if _is_over(kept.place, page.place):
                    self._close_day(tx, kept)
                if kept.since >= SNAPSHOT:
                    self._snapshot(tx, kept, page.place, now)
                if kind == "near" and _has_news(page):
                    took = {name: round(spent - begun.get(name, 0.0), 4) for name, spent in kept.watch.took.items()}
                    tx.execute(_NEAR, {
                        "now": now, "until": page.place.at, "scans": len(page.ids), "findings": len(findings),
                        "alerts": alerts, "took": orjson.dumps(took).decode(), "params": self._params.version,
                    })  # fmt: skip
        kept.place = page.place
        judged_lag_s.set(max(0.0, (now - page.place.at).total_seconds()))
        judged_runs_total.labels(kind, "done").inc()
        return Done(len(page.ids), len(findings), alerts, page.complete)

    def _read(
        self, watch: Watch, place: Place, now: datetime, limit: int, *,
        until: datetime | None = None, stop: Place | None = None,
    ) -> Page:  # fmt: skip
        with transaction(self._engine) as tx:
            be_patient(tx)
            return read(
                tx, place, watch, params=self._params, limit=limit, now=now, outside=self._outside, until=until,
                stop=stop,
            )  # fmt: skip

    def _take_place(self, tx: Tx, kept: _Kept, page: Page, now: datetime) -> None:
        self._set_place(tx, kept, page.place, now)
        if page.ids:
            first = kept.watch.scans - len(page.ids)
            state = b"".join(one.bytes for one in page.ids)
            self._remember(tx, f"rows:{first:015d}", page.place, state, now)

    def _set_place(self, tx: Tx, kept: _Kept, place: Place, now: datetime) -> None:
        """Move from the place this stretch began at. Raises JudgedElsewhere when it is not there any more."""
        here = {"at": kept.place.at, "scan": kept.place.scan_id, "version": self._version, "now": now}
        there = {"to": place.at, "last": place.scan_id, "state": b""}
        if tx.execute(_MOVE, here | there).rowcount != 1:
            raise JudgedElsewhere("Another judge wrote since this stretch was read; run it again.")

    def _remember(self, tx: Tx, name: str, place: Place, state: bytes, now: datetime) -> None:
        tx.execute(_REMEMBER, {
            "name": name, "version": self._version, "at": place.at, "scan": place.scan_id, "state": state, "now": now,
        })  # fmt: skip

    def _snapshot(self, tx: Tx, kept: _Kept, place: Place, now: datetime) -> None:
        self._remember(tx, "watch", place, keeping.dump(kept.watch), now)
        kept.since = 0

    def _close_day(self, tx: Tx, kept: _Kept) -> None:
        """The flows of the day the place was in; the next one begins without cartons."""
        self._store_flows(tx, kept.watch, kept.place.at)
        kept.watch.today.clear()

    def _store_flows(self, tx: Tx, watch: Watch, day: datetime) -> None:
        route = route_of(tx, np.array(sorted(watch.today), dtype=np.int64), self._params)
        begin_us = micros(next_midnight(day) - NIGHT)
        night_book.store_flows(tx, watch, _judged(watch, route), route, begin_us=begin_us, day=day)

    def _write(self, tx: Tx, watch: Watch, page: Page, findings: Sequence[BatchFinding], now: datetime) -> int:
        """Alerts, scores, verdicts and meters of a stretch. Returns how many alerts."""
        route, judged = page.stretch.route, watch.judged
        alerts = self._tell(tx, watch, findings, page.place, now)
        if judged is not None:
            scanned = np.unique(page.stretch.scans.carton)
            night_book.store_verdicts(tx, judged, scanned[scanned != 0], route, now=now)
            night_book.store_meters(tx, judged, route, watch.dealers, self._params, end=page.place.at)
        return alerts

    def _tell(self, tx: Tx, watch: Watch, findings: Sequence[BatchFinding], place: Place, now: datetime) -> int:
        if not findings:
            return 0
        ids = _ids_of(tx, {row for one in findings for row in one.scans})
        latest = watch.scans - 1
        last = _ids_of(tx, {latest} if watch.scans else set()).get(latest, place.scan_id)
        named = telling.named(tx, findings, ids, watch.names, last)
        alerts = telling.tell(tx, named, params_version=self._params.version, now=now)
        telling.store_scores(tx, named, params_version=self._params.version, now=now)
        return alerts

    # --- one night ----------------------------------------------------------------------------------------------------

    def _begin(self, now: datetime) -> int:
        """Say that a night has begun. One that says so and is not ours was killed: the lock was free."""
        with transaction(self._engine) as tx:
            tx.execute(_ORPHANED, {"now": now})
            begun = {"now": now, "params": self._params.version}
            return int(tx.execute(_BEGIN, begun).scalar_one())

    def _fail(self, run: int, now: datetime, error: Exception) -> None:
        judged_runs_total.labels("nightly", "failed").inc()
        with transaction(self._engine) as tx:
            tx.execute(_FAILED, {"run": run, "now": now, "error": _told(error)})

    def _night(self, run: int, now: datetime, limit: int, until: datetime | None) -> Done:
        scans = findings = alerts = 0
        before = dict(self._recall(now).watch.took)
        while True:
            done = self._stretch("nightly", now, limit, until)
            scans, findings, alerts = scans + done.scans, findings + done.findings, alerts + done.alerts
            if done.complete:
                break
        kept = self._recall(now)
        said = self._survey(kept, now)
        with transaction(self._engine) as tx:
            be_patient(tx)
            self._set_place(tx, kept, kept.place, now)
            alerts += self._tell(tx, kept.watch, said, kept.place, now)
            self._store_flows(tx, kept.watch, kept.place.at)
            self._merge_pages(tx, kept.place, now)
            self._snapshot(tx, kept, kept.place, now)
            forget(tx, now=now)
            took = {name: round(spent - before.get(name, 0.0), 4) for name, spent in kept.watch.took.items()}
            findings += len(said)
            tx.execute(_DONE, {
                "run": run, "now": now, "until": kept.place.at, "scans": scans, "findings": findings, "alerts": alerts,
                "took": orjson.dumps(took).decode(),
            })  # fmt: skip
        return Done(scans, findings, alerts)

    def _survey(self, kept: _Kept, now: datetime) -> list[BatchFinding]:
        """What everything remembered says; of flows, those of dealers whose cartons were judged in the last day."""
        watch, end = kept.watch, kept.place.at
        with transaction(self._engine) as tx:
            be_patient(tx)
            cartons = night_book.judged_since(tx, now - NIGHT)
            route = route_of(tx, cartons, self._params)
            window = self._window(tx, watch, kept.place) if _night_number(end) % FORTNIGHT == 0 else None
        judged = _judged(watch, route)
        rng = np.random.default_rng(_night_number(end))
        return watch.survey(window, judged, route, rng)

    def _merge_pages(self, tx: Tx, place: Place, now: datetime) -> None:
        """Ids of many small stretches into pages of STRETCH, so that a row is found among few."""
        pages = [(row.name, bytes(row.state)) for row in tx.execute(_SMALL, {"size": 16 * STRETCH})]
        while pages:
            name, state = pages.pop(0)
            swallowed = []
            while pages and len(state) < 16 * STRETCH and _row(pages[0][0]) == _row(name) + len(state) // 16:
                other, more = pages.pop(0)
                swallowed.append(other)
                state += more
            if swallowed:
                tx.execute(text("DELETE FROM night_memory WHERE name = ANY (:names)"), {"names": swallowed})
                self._remember(tx, name, place, state, now)

    def _window(self, tx: ReadTx, watch: Watch, place: Place) -> Window:
        """The last fortnight's scans."""
        parts, at = [], Place(place.at - FORTNIGHT * NIGHT)
        while True:
            rows = read_scans(tx, at, place.at + timedelta(microseconds=1), STRETCH, place)
            if not rows.ids:
                break
            parts.append(rows.scans)
            at = Place(_instant_of(rows.scans.at[-1]), rows.ids[-1])
        scans = stack(parts) if parts else no_scans()
        return Window(scans, watch.scans - len(scans))

    # --- memory -------------------------------------------------------------------------------------------------------

    def _recall(self, now: datetime) -> _Kept:
        """What is remembered up to the place the database says; folds again, silently, what is not."""
        with transaction(self._engine) as tx:
            tx.execute(_FIRST, {"version": self._version, "at": Place().at, "scan": Place().scan_id, "now": now})
            row = tx.execute(text("SELECT until, last_scan FROM night_memory WHERE name = 'place'")).one()
        place, kept = Place(row.until, row.last_scan), self._kept
        if kept is None or _after(kept.place, place):
            kept = self._load()
        self._catch_up(kept, place, now)
        self._kept = kept
        return kept

    def _load(self) -> _Kept:
        """The memory as it was last written, or an empty one."""
        with transaction(self._engine) as tx:
            be_patient(tx)
            row = tx.execute(_WATCH).first()
        if row is not None and row.version == self._version:
            try:
                return _Kept(keeping.load(bytes(row.state), self._params), Place(row.until, row.last_scan))
            except keeping.DamagedMemory as error:
                log(__name__).warning("the memory of the judgement is damaged and is made anew", why=str(error))
        elif row is not None:
            log(__name__).info("the memory of the judgement is of another version and is made anew",
                               was=row.version, now=self._version)  # fmt: skip
        return _Kept(Watch(self._params), Place())

    def _catch_up(self, kept: _Kept, place: Place, now: datetime) -> None:
        """Fold again what was judged and is not remembered. Nobody is told: they were."""
        if not _after(place, kept.place):
            return
        anew, scans = kept.watch.scans == 0, 0
        while _after(place, kept.place):
            page = self._read(kept.watch, kept.place, now, STRETCH, stop=place)
            kept.watch.fold(page.stretch)
            if _is_over(kept.place, page.place):
                kept.watch.today.clear()
            if anew and page.ids:  # Old months may be gone since: rows are numbered as they are found now.
                with transaction(self._engine) as tx:
                    if not scans:
                        tx.execute(text("DELETE FROM night_memory WHERE name LIKE 'rows:%'"))
                    first = kept.watch.scans - len(page.ids)
                    self._remember(tx, f"rows:{first:015d}", page.place, b"".join(x.bytes for x in page.ids), now)
            scans += len(page.ids)
            kept.place, kept.since = page.place, kept.since + len(page.ids)
        if scans > SNAPSHOT:
            with transaction(self._engine) as tx:
                be_patient(tx)
                self._snapshot(tx, kept, kept.place, now)
        log(__name__).info("the judgement remembered what it had judged", scans=scans)


def _has_news(page: Page) -> bool:
    return bool(page.ids or len(page.stretch.stores) or len(page.stretch.referrals))


def _is_over(before: Place, after: Place) -> bool:
    """Whether a day ended between two places."""
    return next_midnight(before.at) <= after.at


def _row(name: str) -> int:
    return int(name.removeprefix("rows:"))


def _locked(connection: Connection) -> bool:
    return bool(connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": _LOCK}).scalar())


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:500]


def _after(one: Place, other: Place) -> bool:
    return (one.at, one.scan_id) > (other.at, other.scan_id)


def _night_number(at: datetime) -> int:
    """Days since 1970, UTC."""
    return micros(at) // 86_400_000_000


def _instant_of(at_us: np.int64) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(at_us))


def _judged(watch: Watch, route: Route) -> Judged:
    """These cartons as they are remembered, without an opinion of today."""
    carton = route.cartons.carton[route.territories.of >= 0] if len(route.cartons) else route.cartons.carton
    whole, real = np.zeros(len(carton), dtype=np.int64), np.zeros(len(carton))
    nothing = Opinions(people=whole, agree=whole, target=whole, posterior=real, least=real, misrecorded=real)
    return Judged(carton, row_of(carton, route.cartons), watch.cartons.buyers.look(carton), nothing, [])


def _ids_of(tx: ReadTx, rows: set[int]) -> dict[int, UUID]:
    """The scans of these row numbers, from the pages they were folded in."""
    found: dict[int, UUID] = {}
    if not rows:
        return found
    for page in tx.execute(_PAGES, {"rows": sorted(rows)}):
        state, at = bytes(page.id), page.row
        if len(state) == 16:
            found[at] = UUID(bytes=state)
    return found


_FIRST = text("""
INSERT INTO night_memory (name, version, until, last_scan, state, updated_at)
VALUES ('place', :version, :at, :scan, '', :now) ON CONFLICT DO NOTHING
""")
_WATCH = text("SELECT version, until, last_scan, state FROM night_memory WHERE name = 'watch'")
_MOVE = text("""
UPDATE night_memory SET until = :to, last_scan = :last, state = :state, version = :version, updated_at = :now
WHERE name = 'place' AND until = :at AND last_scan = :scan
""")
_REMEMBER = text("""
INSERT INTO night_memory (name, version, until, last_scan, state, updated_at)
VALUES (:name, :version, :at, :scan, :state, :now)
ON CONFLICT (name) DO UPDATE SET version = excluded.version, until = excluded.until, last_scan = excluded.last_scan,
    state = excluded.state, updated_at = excluded.updated_at
""")
# The page of a row is the last that begins at or before it.
_PAGES = text("""
SELECT r.row, substring(page.state FROM CAST((r.row - page.first) * 16 + 1 AS integer) FOR 16) AS id
FROM unnest(CAST(:rows AS bigint[])) AS r (row)
JOIN LATERAL (
    SELECT CAST(substr(name, 6) AS bigint) AS first, state FROM night_memory
    WHERE name BETWEEN 'rows:000000000000000' AND 'rows:' || lpad(CAST(r.row AS text), 15, '0')
    ORDER BY name DESC LIMIT 1
) page ON true
""")
_SMALL = text("""
SELECT name, state FROM night_memory WHERE name LIKE 'rows:%' AND octet_length(state) < :size ORDER BY name
""")
_NEAR = text("""
INSERT INTO night_runs (begun_at, ended_at, kind, until, scans, findings, alerts, took, params_version, state)
VALUES (:now, clock_timestamp(), 'near', :until, :scans, :findings, :alerts, CAST(:took AS jsonb), :params, 'done')
""")
# Once while it fails the same way: it is tried again every few seconds.
_NEAR_FAILED = text("""
INSERT INTO night_runs
    (begun_at, ended_at, kind, until, scans, findings, alerts, took, params_version, state, error)
SELECT :now, :now, 'near', :now, 0, 0, 0, '{}', :params, 'failed', :error
WHERE NOT EXISTS (
    SELECT FROM (SELECT state, error FROM night_runs WHERE kind = 'near' ORDER BY id DESC LIMIT 1) AS last
    WHERE last.state = 'failed' AND last.error = :error
)
""")
_ORPHANED = text("""
UPDATE night_runs SET state = 'failed', ended_at = :now, error = 'The process ended before the run did.'
WHERE state = 'running'
""")
_BEGIN = text("""
INSERT INTO night_runs (begun_at, kind, until, scans, findings, alerts, took, params_version, state)
VALUES (:now, 'nightly', :now, 0, 0, 0, '{}', :params, 'running') RETURNING id
""")
_FAILED = text("UPDATE night_runs SET state = 'failed', ended_at = :now, error = :error WHERE id = :run")
_DONE = text("""
UPDATE night_runs SET state = 'done', ended_at = clock_timestamp(), until = :until, scans = :scans,
    findings = :findings, alerts = :alerts, took = CAST(:took AS jsonb)
WHERE id = :run
""")
