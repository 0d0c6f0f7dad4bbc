"""The judgement of stretches on a real database: a season's diverters and cloners become cases, once, whatever dies."""

import os
import pickle
import random
import signal
import subprocess
import sys
import threading
import time
import zlib
from datetime import timedelta
from hashlib import sha256

import numpy as np
import pytest
from sqlalchemy import text

from antifraud import nights
from antifraud.batch import keeping
from antifraud.batch.proof import canonical
from antifraud.batch.watch import Watch
from antifraud.event_reader import read
from antifraud.judging import Judge
from antifraud.params import Params
from antifraud.reasons import describe
from antifraud.scan_feed import Place
from antifraud.simulator.truth import CLONED
from benchmarks.detect.nights import watch
from foundation.database import reading, transaction
from tests.antifraud.simulator.worlds import small
from tests.support import season
from tests.support.world import MASTER

TOLD = """
SELECT code, severity, pivot, scan_id, item, sscc, dealer_id, details, contribution, params_version
FROM alerts ORDER BY code, pivot, sscc, contribution, severity
"""
VERDICTS = "SELECT sscc, dealer_id, posterior, target, scans, located, mix FROM carton_verdicts ORDER BY sscc"
METERS = "SELECT * FROM dealer_meters ORDER BY day, dealer_id, region"


@pytest.fixture(scope="module")
def world():
    return small("A1,A6", scale=0.02)


@pytest.fixture(scope="module")
def month():
    """A little one, for what is judged many times."""
    return season.last_days(small("A1,A6", scale=0.006, seed=5), 30)


def rows(engine, sql, **how):
    with reading(engine) as tx:
        return tx.execute(text(sql), how).all()


def everything(engine):
    return [rows(engine, sql) for sql in (TOLD, VERDICTS, METERS)]


def test_planted_diverters_and_copies_become_cases(database, world):
    season.write(database, world)
    now = season.end_of(world)
    done = Judge(database, outside=season.outside(world)).nightly(now=now)
    assert done.scans == len(world.events.scans)
    about = {row.pivot: row for row in rows(database, "SELECT pivot, severity, codes, alerts FROM cases")}
    # (1) Dealers on the list are guilty, and have cases with their cartons.
    truth = world.truth.dealers
    guilty = set(truth.dealer[truth.diverts > 0].tolist())
    with reading(database) as tx:
        board = nights.scoreboard(tx)
    listed = {one.dealer_id for one in board if one.listed}
    assert listed & guilty
    worst = board[0]
    assert worst.dealer_id in guilty
    case = about[f"dealer:{worst.dealer_id}:{worst.region}"]
    assert {"DIV_CARTON_TASK", "DIV_DEALER_EVIDENCE"} <= set(case.codes)
    # (2) A code on many packs is a case of its item.
    items = world.truth.items
    copied = items.item[(items.kind == CLONED) & (items.packs >= 20)].tolist()
    assert any(f"item:{item}" in about for item in copied)
    # (3) Every alert reads as a sentence with its values in both languages, and names a scan that exists.
    for row in rows(database, "SELECT DISTINCT ON (code) code, details FROM alerts"):
        assert "…" not in describe(row.code, row.details, "en")
        assert "…" not in describe(row.code, row.details, "zh")
    lost = "SELECT a.id FROM alerts a LEFT JOIN scans s USING (scan_id) WHERE s.scan_id IS NULL"
    assert rows(database, lost) == []
    # (4) What screens read.
    with reading(database) as tx:
        assert nights.last_runs(tx)["nightly"].state == "done"
        assert nights.lag(tx, now=now) < timedelta(minutes=1)
        assert nights.meters_of(tx, worst.dealer_id)
        first = rows(database, "SELECT min(day) AS a, max(day) AS b FROM flows")[0]
        assert nights.flows_between(tx, first.a, first.b)[0].llr > 0
        verdict = nights.verdicts_of(tx, worst.dealer_id)[0]
        assert nights.verdict_of(tx, verdict.sscc) == verdict
        assert verdict.posterior > 0.9
        assert verdict.located <= verdict.scans == sum(verdict.mix.values())
        (fused,) = nights.scores_of(tx, case.pivot)
        assert fused.kind == "diversion"
        assert fused.value > 0.9
        assert nights.top_scores(tx, "diversion")[0].value >= fused.value


def test_the_database_gives_what_the_world_gave(database, world):
    """The same opinions of every carton, whether events come as arrays or out of tables."""
    season.write(database, world)
    Judge(database, outside=season.outside(world)).nightly(now=season.end_of(world))
    found = {row.sscc: row.posterior for row in rows(database, VERDICTS) if row.dealer_id is not None}
    expected = watch(world, Params(), seed=1).verdicts
    told = zip(expected.carton.tolist(), expected.posterior.tolist(), strict=True)
    assert found == {season.sscc(carton): posterior for carton, posterior in told}


def test_the_same_events_give_the_same_findings(database, month):
    season.write(database, month)
    said = []
    for _ in range(2):
        remembers, place, findings = Watch(Params()), Place(), []
        while True:
            with reading(database) as tx:
                page = read(tx, place, remembers, params=Params(), limit=1_000, now=season.end_of(month),
                            outside=season.outside(month))  # fmt: skip
            findings += remembers.fold(page.stretch)
            place = page.place
            if page.complete:
                break
            if remembers.scans % 10 == 0:
                remembers = keeping.load(keeping.dump(remembers), Params())  # As another process would have it.
        said.append(canonical(findings + remembers.survey(None, None, page.stretch.route, np.random.default_rng(1))))
    assert said[0] == said[1]
    assert len(said[0]) > 1_000


def test_history_judged_again_says_the_same_and_tells_nobody_twice(database, month):
    season.write(database, month)
    now, work = season.end_of(month), Judge(database, outside=season.outside(month))
    first = work.nightly(now=now)
    before = everything(database)
    assert work.rebuild(now=now)
    again = work.nightly(now=now)
    assert (again.scans, again.findings, again.alerts) == (first.scans, first.findings, 0)
    assert everything(database) == before
    with transaction(database) as tx:  # And with nothing told, the days raise the alerts they raised.
        tx.execute(text("DELETE FROM alerts"))
        tx.execute(text("DELETE FROM cases"))
        tx.execute(text("DELETE FROM scores"))
    assert work.rebuild(now=now)
    assert work.nightly(now=now).alerts == first.alerts
    assert everything(database) == before


def test_near_line_stretches_add_up_to_the_night(database, month):
    """Alerts come as the scans come, the memory is written now and then, and a new process goes on from it."""
    season.write(database, month)
    now = season.end_of(month)
    scans = len(month.events.scans)
    work, done = Judge(database, outside=season.outside(month)), []
    while not done or not done[-1].complete:
        if len(done) % 40 == 39:
            work = Judge(database, outside=season.outside(month))
        done.append(work.near(now=now, limit=97))
    assert sum(one.scans for one in done) == scans
    assert work.near(now=now).scans == 0
    (kept,) = rows(database, "SELECT count(*) AS runs, sum(scans) AS scans, sum(alerts) AS alerts FROM night_runs")
    assert (kept.scans, kept.alerts) == (scans, sum(one.alerts for one in done))
    assert kept.alerts > 10
    ids = rows(database, "SELECT name, octet_length(state) / 16 AS n FROM night_memory WHERE name LIKE 'rows:%'")
    assert sum(row.n for row in ids) == scans
    work.nightly(now=now)
    (page,) = rows(database, "SELECT name, state FROM night_memory WHERE name LIKE 'rows:%'")
    order = [row.scan_id.bytes for row in rows(database, "SELECT scan_id FROM scans ORDER BY received_at, scan_id")]
    assert bytes(page.state) == b"".join(order)


def test_a_damaged_memory_and_one_of_another_version_are_made_anew(database, month):
    season.write(database, month)
    now, half = season.end_of(month), season.end_of(month) - timedelta(days=40)
    Judge(database, outside=season.outside(month)).nightly(now=now, until=half)
    whole = keeping.load(
        bytes(rows(database, "SELECT state FROM night_memory WHERE name = 'watch'")[0].state), Params()
    )
    before = len(rows(database, TOLD))
    for change in ("state = '\\x00'::bytea || substring(state FROM 2)", "version = 'older'", "state = 'nothing'"):
        with transaction(database) as tx:
            tx.execute(text(f"UPDATE night_memory SET {change} WHERE name = 'watch'"))
        work = Judge(database, outside=season.outside(month))
        assert work.nightly(now=now, until=half).scans == 0
        assert work._kept.watch.scans == whole.scans
        assert canonical(work._kept.watch.fold(_nothing_new(database, work))) == canonical([])
        assert len(rows(database, TOLD)) == before
    done = Judge(database, outside=season.outside(month)).nightly(now=now)
    assert done.scans == len(month.events.scans) - whole.scans


def _nothing_new(engine, work):
    with reading(engine) as tx:
        return read(tx, work._kept.place, work._kept.watch, params=Params(), limit=1, now=work._kept.place.at,
                    outside=work._outside).stretch  # fmt: skip


def test_a_memory_is_data_and_runs_nothing():
    class Evil:
        def __reduce__(self):
            return os.system, ("true",)

    for thing in (Evil(), {"a": 1}, Place()):
        rest = zlib.compress(pickle.dumps(thing))
        with pytest.raises(keeping.DamagedMemory):
            keeping.load(sha256(rest).digest() + rest, Params())


def test_workers_that_race_judge_each_stretch_once(database, month):
    season.write(database, month)
    now = season.instant(int(month.events.scans.at[0])) + timedelta(days=40)
    before = int(np.searchsorted(month.events.scans.at, int((now - season.EPOCH).total_seconds() * 1e6)))
    judged, idle, go = [], [], threading.Barrier(4)

    def work():
        mine = Judge(database, outside=season.outside(month))
        go.wait()
        while True:
            done = mine.near(now=now + timedelta(seconds=10), limit=200, until=now)
            if done is None:
                idle.append(1)
                time.sleep(0.001)
                continue
            judged.append(done.scans)
            if done.complete:
                return

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(judged) == before
    assert idle, "nobody met anybody"
    (ids,) = rows(database, "SELECT sum(octet_length(state)) / 16 AS n FROM night_memory WHERE name LIKE 'rows:%'")
    assert ids.n == before
    same = "code, pivot, coalesce(sscc, ''), severity, contribution"
    assert rows(database, f"SELECT 1 FROM alerts GROUP BY {same} HAVING count(*) > 1") == []


def test_kill_minus_nine_between_stretches_loses_and_doubles_nothing(database, database_url, server, template, month):
    """Real processes that die anywhere, then one that ends: everything is as if nobody had died."""
    season.write(database, month)
    now, dice, deaths = season.end_of(month), random.Random(11), 0
    environment = {
        "ONECODE_DATABASE_URL": database.url.render_as_string(hide_password=False), "ONECODE_MASTER_KEY": MASTER,
    }  # fmt: skip
    total = len(month.events.scans)
    while deaths < 4:
        program = subprocess.Popen([sys.executable, "-m", "scan_api", "judge"], env=os.environ | environment,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        before = _judged(database)
        while program.poll() is None and _judged(database) < before + dice.randint(1, total // 20):
            time.sleep(0.002)
        if program.poll() is None:
            program.send_signal(signal.SIGKILL)
            deaths += 1
        program.wait()
        if _judged(database) == total:
            break
    assert deaths >= 3
    assert _judged(database) > 0
    # The server may still be at work for the last one that died.
    assert Judge(database).nightly(now=now, patience_s=30) is not None
    assert _judged(database) == total
    states = [row.state for row in rows(database, "SELECT state FROM night_runs ORDER BY id")]
    assert states == ["failed"] * deaths + ["done"]
    survived = everything(database)
    with transaction(database) as tx:
        tables = "alerts, cases, scores, carton_verdicts, dealer_meters, flows, night_memory, night_runs"
        tx.execute(text(f"TRUNCATE {tables} CASCADE"))
    Judge(database).nightly(now=now)
    assert everything(database) == survived


def _judged(engine):
    found = rows(engine, "SELECT sum(octet_length(state)) / 16 AS n FROM night_memory WHERE name LIKE 'rows:%'")
    return int(found[0].n or 0)
