"""A shift as people want it told: counts by the minute, what went wrong and for how long, grades that sink."""

from datetime import UTC, datetime, timedelta

import pytest

from printer_jobs.shift import Step
from printer_jobs.shift_log import ShiftLog

SIX = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)


class Day:
    def __init__(self, folder):
        self.now, self.folder = SIX, folder
        self.log = ShiftLog(folder, now=SIX)

    def later(self, minutes):
        self.now += timedelta(minutes=minutes)
        return self

    def hears(self, kind, **facts):
        self.log.hear(Step(kind, facts), now=self.now)
        return self

    def labels(self, passed, rejected=0, *, grade=4.0, verdict="NOREAD"):
        for tag in range(passed + rejected):
            good = tag < passed
            facts = {"tag": tag, "verdict": "PASS" if good else verdict, "grade": grade if good else 0.0, "frame": None}
            self.hears("passed" if good else "rejected", **facts)
        return self

    def again(self):
        self.log = ShiftLog(self.folder, now=self.now)
        return self.log


@pytest.fixture
def day(tmp_path):
    return Day(tmp_path)


def test_counts_and_shares(day):
    day.labels(90, 10).later(1).labels(50).later(3).labels(100, verdict="FOREIGN").later(0.5)
    log = day.log
    assert (log.passed, log.rejected) == (240, {"NOREAD": 10})
    assert log.last == {"tag": 99, "verdict": "PASS", "grade": 4.0, "frame": None}
    found = log.oee(now=day.now)
    assert found.availability == pytest.approx(3 / 5), "two minutes of five saw nothing"
    assert found.performance == pytest.approx(250 / 300)
    assert found.quality == pytest.approx(240 / 250)


def test_before_the_first_label_nothing_is_claimed(day):
    found = day.log.oee(now=day.now)
    assert (found.availability, found.performance, found.quality) == (None, None, None)
    assert (day.log.per_minute(now=day.now), day.log.hours(), day.log.trend()) == (0, [], [])


def test_a_head_that_wears_out_shows_in_the_trend(day):
    for grade in (4.0, 4.0, 3.0, 2.0):
        day.labels(10, grade=grade).later(1)
    assert [grade for _, grade in day.log.trend()] == [4.0, 4.0, 3.0, 2.0]
    ((at, passed, rejected, mean),) = day.log.hours()
    assert (at, passed, rejected, mean) == (SIX, 40, 0, 3.25)


def test_troubles_last_until_they_are_over(day):
    day.hears("fault", faults=["paper-out"]).later(3)
    (open_one,) = day.log.open_troubles()
    assert (open_one.kind, open_one.what, open_one.since) == ("fault", "paper-out", SIX)
    day.hears("fault", faults=["paper-out"])
    assert len(day.log.troubles) == 2, "a fault that is told anew is another spell"
    day.later(1).hears("mended").hears("link-lost", sentence="gone").hears("stopped", sentence="look", why="REJECTS")
    day.later(1).hears("linked").hears("started")
    assert [(one.kind, one.what, one.sentence) for one in day.log.troubles[-2:]] == [
        ("link-lost", "", "gone"),
        ("stopped", "REJECTS", "look"),
    ]
    assert day.log.open_troubles() == []


def test_the_platform_that_is_away_is_one_trouble_however_often_it_is_told(day):
    for _ in range(5):
        day.hears("platform-away", sentence="no answer").later(1)
    assert len(day.log.troubles) == 1
    day.hears("reported")
    assert day.log.open_troubles() == []


def test_the_bin_is_counted_against_the_rejects_since_the_last_count(day):
    day.labels(5, 7)
    check = day.log.check_bin(6, now=day.now)
    assert (check.counted, check.expected) == (6, 7)
    day.labels(5, 2)
    assert day.log.check_bin(2, now=day.now).expected == 2


def test_a_restart_goes_on_with_the_same_shift(day):
    day.hears("leased", job=7).labels(3, 1).hears("packed").log.check_bin(1, now=day.now)
    day.later(1).labels(4, 2).hears("stopped", sentence="look", why="REJECTS").log.flush()
    before, log = day.log, day.again()
    assert log.minutes == before.minutes
    assert (log.passed, log.cases, log.jobs, log.unchecked, log.began) == (7, 1, [7], 2, SIX)
    assert [one.what for one in log.open_troubles()] == ["REJECTS"]
    day.labels(1)
    assert day.log.minutes[day.now].passed == 5, "the minute that was running is one"


def test_a_torn_or_foreign_line_costs_that_line(day):
    day.labels(3).log.flush()
    path = next(day.folder.glob("shift-*.jsonl"))
    path.write_bytes(
        path.read_bytes()
        + b'{"at": "2026-03-02T06:01:00+00:00", "minute": {"pas\n\xff\xfe\nnull\n[]\n{"at": 5}\n'
        + b'{"at": "2026-03-02T06:01:00"}\n{"at": "2026-03-02T06:01:00+00:00", "minute": {"passed": null}}\n'
        + b'{"at": "2026-03-02T06:01:00+00:00", "minute": 7}\n{"at": "2026-03-02T06:01:00+00:00", "counted": "x"}\n'
    )
    assert day.again().passed == 3


def test_a_new_shift_begins_at_nothing_and_leaves_the_old_one(day):
    day.labels(3)
    day.later(480)
    day.log = day.log.start_anew(now=day.now)
    assert (day.log.passed, day.log.began) == (0, day.now)
    assert len(list(day.folder.glob("shift-*.jsonl"))) == 2
    assert day.again().began == day.now


def test_pace_is_that_of_the_last_minutes(day):
    day.labels(60).later(1).labels(60).later(1).labels(60).later(0.5)
    assert day.log.per_minute(now=day.now) == pytest.approx(72, abs=20)
    assert day.later(10).log.per_minute(now=day.now) == 0


def test_a_clock_that_jumps_moves_times_and_never_counts(day):
    day.labels(3).hears("link-lost", sentence="lost")
    day.later(60 * 24 * 365).labels(4).later(-60 * 24 * 365 - 30).labels(5).hears("linked")
    assert day.log.passed == 12
    assert day.log.troubles[0].until == day.log.troubles[0].since
    assert 0 < day.log.per_minute(now=day.now) <= 30
    assert 0 < day.log.oee(now=day.now).availability <= 1
    day.log.flush()
    assert day.again().passed == 12


def test_the_next_shift_begins_also_where_the_clock_was_set_back(day):
    day.labels(3).later(-600)
    for _ in range(3):
        day.log = day.log.start_anew(now=day.now)
        assert day.log.passed == 0
        day.labels(2).log.flush()
        assert day.again().passed == 2
    assert len(list(day.folder.glob("shift-*.jsonl"))) == 4
