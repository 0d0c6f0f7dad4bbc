"""Minutes of a line: told until they are heard, once however often, and what the plant reads from them."""

from datetime import UTC, datetime, timedelta

import pytest

from printer_jobs import jobs, minutes, plant
from printer_jobs.examiner import Optics
from printer_jobs.minutes import LineMinute, RunMinutes, oee, sinking
from printer_jobs.virtual.belt import BeltEye
from tests.printer_jobs.office import Plant

SIX = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)


def later(count):
    return SIX + timedelta(minutes=count)


def counted(*labels):
    """labels: (minute, passed, grade)."""
    run = RunMinutes(SIX)
    for at, passed, grade in labels:
        run.count(later(at) + timedelta(seconds=30), passed=passed, grade=grade)
    return run


def test_a_minute_is_told_until_it_is_heard_and_the_running_one_for_ever():
    run = counted((0, True, 4.0), (0, False, 0.0), (1, True, None))
    told = run.waiting()
    assert [(one["passed"], one["rejected"], one["graded"], one["grade_sum"]) for one in told["minutes"]] == [
        (1, 1, 2, 4.0),
        (1, 0, 0, 0.0),
    ]
    run.heard(told)
    assert [one["at"] for one in run.waiting()["minutes"]] == [later(1).isoformat()]
    run.count(later(1), passed=True, grade=None)
    run.count(later(2), passed=True, grade=None)
    run.heard(told)
    assert run.waiting()["minutes"][0]["passed"] == 2, "what came after it was told is told again"


def test_a_day_without_network_is_kept_and_told_in_pieces():
    run = RunMinutes(SIX)
    for minute in range(minutes.KEPT + 10):
        run.count(later(minute), passed=True, grade=None)
    told = run.waiting()
    assert (len(told["minutes"]), told["minutes"][0]["at"]) == (minutes.TOLD_AT_ONCE, later(10).isoformat())


def test_the_plant_sees_what_the_camera_saw_once_however_often_it_is_told(database, tmp_path, now):
    with Plant(database, tmp_path, now) as office:
        job = office.job(count=30)
        eye = BeltEye(office.printer, optics=Optics(module_px=4))
        summary = office.station(eye=eye).run(job.id)
        seen = office.ask(plant.of_station, "line 1", since=now - timedelta(hours=1))
        labels = summary.passed + len(summary.cases)
        assert (sum(one.passed for one in seen), sum(one.rejected for one in seen)) == (labels, 0)
        assert seen[0].grade > 2
        run = counted((0, True, 4.0))
        run.began = now
        for _ in range(2):
            office.do(jobs.heartbeat, job.id, {"passed": 1, "minutes": run.waiting()})
        again = office.ask(plant.of_station, "line 1", since=SIX - timedelta(days=999))
        assert sum(one.passed for one in again) == labels + 1
        assert "minutes" not in next(one for one in office.ask(jobs.list_stations) if one.name == "line 1").said
        assert office.do(lambda tx, now: plant.forget(tx, before=now + timedelta(days=9999))) >= 2


def test_shares_and_a_head_that_wears_out():
    line = [LineMinute(later(at), 90, 10, 4.0 - at / 30) for at in range(0, 60)]
    found = oee(line, now=later(119))
    assert found.availability == pytest.approx(0.5)
    assert (found.performance, found.quality) == (1.0, 0.9)
    assert sinking(line)
    assert not sinking([LineMinute(later(at), 1, 0, 3.5) for at in range(60)])
    assert not sinking(line[:6]), "five minutes prove nothing"
    assert oee([], now=SIX).quality is None


def test_no_more_than_one_job_speaks(tx, now):
    with pytest.raises(jobs.UnknownJob):
        jobs.heartbeat(tx, 77, {"minutes": counted((0, True, 4.0)).waiting()}, now=now)
