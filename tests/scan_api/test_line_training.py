"""The line to practise on: every trouble shows as it would on a real one, and nothing of it is real."""

import threading
from zoneinfo import ZoneInfo

import httpx
import pytest

from foundation import clock
from printer_jobs.advice import STOPS
from printer_jobs.shift_log import ShiftLog
from scan_api.line_desk import LineDesk
from scan_api.line_page import make_page
from scan_api.line_training import PREFIX, STATION, TROUBLES, TrainingFloor, UnknownTrouble
from tests.support.server import served


class Trainee:
    def __init__(self, folder, protocol, codes=16):
        self.floor = TrainingFloor(folder / "line", protocol, codes=codes, pitch_s=0.02)
        log = ShiftLog(folder / "log", now=clock.now())
        self.desk = LineDesk(STATION, self.floor, log, zone=ZoneInfo("Asia/Shanghai"), practice=self.floor)

    def start(self):
        (job,) = self.desk.jobs()
        self.desk.start(job)
        return job

    def sees(self, kind, why=None):
        self.soon(lambda: any(one["kind"] == kind and why in (None, one["why"]) for one in self.alarms()))

    def sees_nothing(self):
        self.soon(lambda: not self.alarms())

    def is_(self, state):
        self.soon(lambda: self.desk.state == state)

    def alarms(self):
        return self.desk.shown()["alarms"]

    def soon(self, true):
        until = clock.monotonic_s() + 15
        while not true():
            assert clock.monotonic_s() < until, (self.desk.state, self.alarms())
            threading.Event().wait(0.02)


@pytest.fixture
def trainee(tmp_path, request):
    made = Trainee(tmp_path, getattr(request, "param", "zpl"))
    yield made
    made.desk.close()
    made.floor.close()


@pytest.mark.parametrize("trainee", ["zpl", "codenet"], indirect=True)
def test_a_job_is_printed_and_the_next_one_waits(trainee):
    assert trainee.start().id == 1
    trainee.is_("finished")
    assert trainee.desk.log.passed == 16
    assert trainee.floor.account(1, "en").balance.proven
    assert b"%PDF-" in trainee.desk.report("zh")[:8]
    assert [one.id for one in trainee.desk.jobs()] == [2]


@pytest.mark.parametrize(
    ("trouble", "kind", "why"),
    [
        ("printer-silent", "fault", "not-responding"),
        ("camera-away", "equipment-away", None),
    ],
)
def test_what_lasts_is_seen_until_somebody_says_it_is_fixed(trainee, trouble, kind, why):
    trainee.start()
    trainee.desk.happen(trouble)
    trainee.sees(kind, why)
    assert trainee.desk.shown()["practice"] == [trouble]
    trainee.desk.mend()
    trainee.sees_nothing()
    trainee.is_("finished")
    assert trainee.desk.shown()["practice"] == []


@pytest.mark.parametrize(("trouble", "why"), [("smudged", "REJECTS"), ("copied", "DUPLICATE")])
def test_what_stops_the_line_is_over_when_it_is_started_again(trainee, trouble, why):
    job = trainee.start()
    trainee.soon(lambda: trainee.desk.log.passed > 1)
    trainee.desk.happen(trouble)
    trainee.is_("stopped")
    assert trainee.alarms()[0]["zh"]["what"] == STOPS[why][0].what
    trainee.desk.start(job)
    trainee.is_("finished")


def test_a_station_that_falls_is_seen_as_a_line_that_stands(trainee, monkeypatch):
    def fall(*_):
        raise RuntimeError("nobody thought of that")

    with monkeypatch.context() as broken:
        broken.setattr(trainee.floor, "run", fall)
        job = trainee.start()
        trainee.is_("stopped")
    assert (trainee.alarms()[0]["why"], trainee.alarms()[0]["grave"]) == ("PROGRAM", True)
    trainee.desk.start(job)
    trainee.is_("finished")


def test_the_page_makes_trouble_and_a_real_line_refuses_to(trainee, tmp_path):
    real = LineDesk("line 1", trainee.floor, ShiftLog(tmp_path / "real", now=clock.now()), zone=ZoneInfo("UTC"))
    with served(make_page(trainee.desk)) as url, served(make_page(real)) as real_url:
        assert httpx.post(f"{url}/practice/happen/platform-away").status_code == 204
        assert httpx.get(f"{url}/state").json()["practice"] == ["platform-away"]
        assert httpx.get(f"{url}/jobs").json() == []
        assert httpx.post(f"{url}/practice/mend").status_code == 204
        assert httpx.get(f"{url}/jobs").json()[0]["left"] == 16
        refused = httpx.post(f"{url}/practice/happen/flood")
        assert (refused.status_code, refused.json()["detail"][-7:]) == (404, "copied.")
        refused = httpx.post(f"{real_url}/practice/happen/smudged")
        assert (refused.status_code, refused.json()["detail"]) == (
            404, "This line is real; practise with `onecode line train`.",
        )  # fmt: skip
        assert httpx.get(f"{real_url}/state").json()["practice"] is None


def test_nothing_practised_can_be_taken_for_a_product(trainee):
    assert PREFIX.startswith("HTTPS://TRAIN.TEST/01/02")
    with pytest.raises(UnknownTrouble):
        trainee.floor.happen("fire")
    for trouble in TROUBLES:
        trainee.floor.happen(trouble)
    assert len(trainee.floor.lasting) == 6
    trainee.floor.mend()
    assert trainee.floor.lasting == ()
