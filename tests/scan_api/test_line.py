"""A line station over HTTP: enrolled once, sees its own jobs, leases ahead, works on without network, reports once."""

import json
import subprocess
import sys
from datetime import timedelta

import pytest

from codegen import digsig, pairs, spans
from codegen.digsig import SigningKey
from foundation import clock
from foundation.database import reading, transaction
from printer_jobs import jobs, record, seal, stations
from printer_jobs.drivers.zpl import ZplPrinter
from printer_jobs.http_platform import HttpPlatform
from printer_jobs.office import Ahead
from printer_jobs.platform import PlatformAway, PlatformRefuses
from printer_jobs.station import Station
from printer_jobs.virtual.belt import BeltEye, VirtualGate
from printer_jobs.virtual.zpl import VirtualZplPrinter
from scan_api import api_keys
from scan_api.app import make_app
from tests.printer_jobs.factory import QUICK
from tests.scan_api.test_refusals import refused
from tests.support.server import served

QUIET = Ahead(report_s=0.1, retry_s=0.1)


def enrol(world, name):
    with transaction(world.house.engine) as tx:
        made, text = api_keys.issue(tx, name=name, scopes=["line:work"], days=30, by="Zhao", now=clock.now())
        stations.enrol(tx, name, key_id=made.id, by="Zhao", now=clock.now())
    return text


def lease(world, name, run, count, pack_size=10):
    with transaction(world.house.engine) as tx:
        return jobs.create(tx, run, name, count, pack_size, now=clock.now())


def ask(world, question, *arguments):
    with reading(world.house.engine) as tx:
        return question(tx, *arguments)


@pytest.fixture
def printer():
    with VirtualZplPrinter() as printer:
        yield printer


def station(printer, platform, folder, **parts):
    kit = {
        "platform": platform,
        "printer": ZplPrinter("127.0.0.1", printer.port, timeout_s=0.3),
        "eye": BeltEye(printer),
        "gate": VirtualGate(),
        "folder": folder,
        "pace": QUICK,
        "ahead": QUIET,
        "seal": seal.open_seal(folder),
    }
    return Station("line 1", **(kit | parts))


def test_a_station_leases_ahead_prints_over_blocks_and_accounts_for_all(world, printer, tmp_path):
    run, _ = world.factory.issue(200)
    job = lease(world, "line 1", run, 25)
    with served(make_app(world.house)) as url:
        platform = HttpPlatform(url, enrol(world, "line 1"))
        assert [one["id"] for one in platform.jobs()] == [job.id]
        assert platform.register(seal.open_seal(tmp_path).public) == "line 1"
        summary = station(printer, platform, tmp_path).run(job.id, wanted=60)
    assert (summary.passed, summary.stopped, summary.balance.proven) == (60, None, True)
    assert summary.balance.leased > 60
    status = ask(world, jobs.job_status, job.id)
    assert (status.state, status.cases, status.discrepancy) == ("finished", 6, None)
    assert status.balance == summary.balance
    assert ask(world, spans.summary, run.id)["commissioned"] == 60
    assert len(set(printer.texts)) == len(printer.texts) == 60 + 2 * 6  # A case label says its number twice.
    signed = [digsig.read(text) for text in printer.texts if "?8030=" in text]
    brand = SigningKey.derive(world.house.keys, brand_id=run.brand_id).public
    assert [digsig.verify(label, [brand]) for label in signed] == [brand] * 6
    public = ask(world, stations.public_keys, "line 1")
    account = record.audit(tmp_path / f"job-{job.id}.journal", [one.key for one in public])
    assert (account.discrepancy, account.balance, account.cases) == (None, summary.balance, 6)
    assert ask(world, jobs.list_stations)[0].said["passed"] == 60


def test_caps_are_joined_over_http_and_only_by_the_jobs_own_station(world):
    run, _ = world.factory.issue(20)
    caps, labels = world.factory.issue(20)
    with transaction(world.house.engine) as tx:
        job = jobs.create(tx, run, "line 1", 10, 10, caps=caps, now=clock.now())
    with served(make_app(world.house)) as url:
        platform = HttpPlatform(url, enrol(world, "line 1"))
        prefix = platform.lease(job.id).caps
        seen = [(job.first + at, labels[at].text.removeprefix(prefix)) for at in (0, 1)]
        platform.pair(job.id, seen)
        platform.pair(job.id, seen)
        with pytest.raises(PlatformRefuses, match="not of job"):
            platform.pair(job.id, [(run.end - 1, "A" * 20)])
        with pytest.raises(PlatformRefuses, match="no job"):
            HttpPlatform(url, enrol(world, "line 2")).pair(job.id, seen)
    assert ask(world, pairs.body_of, labels[1].number) == job.first + 1


def test_a_station_sees_its_own_jobs_only(world):
    run, _ = world.factory.issue(20)
    job = lease(world, "line 2", run, 10)
    headers = {"Authorization": f"Bearer {enrol(world, 'line 1')}"}
    for method, path, body in (
        ("GET", "blocks/0", None),
        ("PUT", "blocks/1", {"count": 1}),
        ("PUT", "cases", {"first": 0, "count": 1}),
        ("PUT", "report", {}),
        ("PUT", "heartbeat", {"passed": 0, "rejected": 0, "reserved": 0, "faults": [], "stopped": None}),
    ):
        answer = world.http.request(method, f"/v1/line/jobs/{job.id}/{path}", json=body, headers=headers)
        refused(answer, 404, "unknown-job")
    assert world.http.get("/v1/line/jobs", headers=headers).json() == []
    with transaction(world.house.engine) as tx:
        _, other = api_keys.issue(tx, name="ERP", scopes=["line:work"], days=1, by="Zhao", now=clock.now())
    refused(world.http.get("/v1/line/jobs", headers={"Authorization": f"Bearer {other}"}), 403, "station-not-enrolled")


def test_only_the_first_public_key_counts_until_the_station_is_enrolled_anew(world, tmp_path):
    first, second = (seal.open_seal(tmp_path / name).public.hex() for name in ("a", "b"))

    def register(key, public):
        headers = {"Authorization": f"Bearer {key}"}
        return world.http.put("/v1/line/key", json={"public_key": public}, headers=headers)

    key = enrol(world, "line 1")
    assert register(key, first).json() == register(key, first).json() == {"station": "line 1"}
    refused(register(key, second), 409, "station-key-taken")
    key = enrol(world, "line 1")
    refused(register(key, first), 409, "station-key-taken")
    assert register(key, second).status_code == 200
    assert [one.key.hex() for one in ask(world, stations.public_keys, "line 1")] == [second, first]


def test_a_network_that_is_cut_costs_nothing_and_comes_back(world, printer, tmp_path):
    run, _ = world.factory.issue(100)
    job = lease(world, "line 1", run, 40)
    key = enrol(world, "line 1")
    with served(make_app(world.house)) as url:
        first = station(printer, HttpPlatform(url, key), tmp_path).run(job.id, wanted=5, finish=False)
    assert first.passed == 5
    cut = HttpPlatform(url, key, timeout_s=0.2)
    steps = []
    offline = station(printer, cut, tmp_path, on_step=steps.append).run(job.id, wanted=30, finish=False)
    assert (offline.passed, len(offline.cases), offline.stopped) == (30, 3, None)
    assert "platform-away" in [step.kind for step in steps]
    assert ask(world, jobs.job_status, job.id).balance.commissioned == 5
    with served(make_app(world.house)) as url:
        last = station(printer, HttpPlatform(url, key), tmp_path).run(job.id, wanted=30)
    status = ask(world, jobs.job_status, job.id)
    assert (status.balance, status.cases, status.discrepancy) == (last.balance, 3, None)
    assert last.balance.proven


def test_a_lease_that_expired_offline_is_accounted_for_late_and_the_rest_goes_back(world, printer, tmp_path):
    run, _ = world.factory.issue(100)
    job = lease(world, "line 1", run, 30)
    key, later = enrol(world, "line 1"), clock.now() + jobs.LEASE_LIFE + timedelta(days=1)
    with served(make_app(world.house)) as url:
        station(printer, HttpPlatform(url, key), tmp_path).run(job.id, wanted=0, finish=False)
    cut = HttpPlatform(url, key, timeout_s=0.2)
    assert station(printer, cut, tmp_path).run(job.id, wanted=20, finish=False).passed == 20
    other = lease(world, "line 2", run, 70)
    assert other.first == job.first + 30  # What the offline station may have printed is not given to another.
    steps = []
    with served(make_app(world.house)) as url:
        late = station(
            printer, HttpPlatform(url, key), tmp_path, now=lambda: later, on_step=steps.append
        ).run(job.id)  # fmt: skip
    assert [step.facts["count"] for step in steps if step.kind == "expired"] == [10]
    assert (late.passed, late.returned, late.stopped) == (20, 10, None)
    assert ask(world, jobs.job_status, job.id).balance == late.balance
    assert lease(world, "line 3", run, 10).first == job.first + 20


def test_a_run_that_is_used_up_says_so_and_what_is_there_is_finished(world, printer, tmp_path):
    run, _ = world.factory.issue(30)
    job = lease(world, "line 1", run, 20)
    with served(make_app(world.house)) as url:
        steps = []
        platform = HttpPlatform(url, enrol(world, "line 1"))
        summary = station(printer, platform, tmp_path, on_step=steps.append).run(job.id, wanted=50)
    assert (summary.passed, summary.balance.leased, summary.stopped) == (30, 30, None)
    (said,) = {step.facts["sentence"] for step in steps if step.kind == "no-block"}
    assert said == f"The platform gives no block: Run {run.id} has no free items; issue a run."


def test_a_page_that_is_not_the_platform_is_not_believed(world, printer):
    with served(make_app(world.house)) as url:
        with pytest.raises(PlatformRefuses, match="Enrol the station anew"):
            HttpPlatform(url, "ock_wrong").lease(1)
        with pytest.raises(PlatformRefuses, match="There is no job 9"):
            HttpPlatform(url, enrol(world, "line 1")).lease(9)
    with pytest.raises(PlatformAway, match="cannot be reached"):
        HttpPlatform("http://127.0.0.1:1", "x", timeout_s=0.2).lease(1)
    portal = "from http.server import *\nclass H(BaseHTTPRequestHandler):\n def do_GET(s):\n  s.send_response(200);"
    portal += "s.end_headers();s.wfile.write(b'<html>sign in</html>')\n def log_message(s,*a): pass\n"
    portal += "h=HTTPServer(('127.0.0.1',0),H);print(h.server_port,flush=True);h.serve_forever()"
    server = subprocess.Popen([sys.executable, "-c", portal], stdout=subprocess.PIPE, text=True)
    try:
        with pytest.raises(PlatformAway, match="not as the platform does"):
            HttpPlatform(f"http://127.0.0.1:{server.stdout.readline().strip()}", "x").lease(1)
    finally:
        server.kill()


def test_the_command_runs_a_line_from_its_file_and_the_auditor_reads_it(world, printer, tmp_path):
    printer.paper.out = tmp_path / "pictures"
    printer.paper.out.mkdir()
    run, _ = world.factory.issue(100)
    job = lease(world, "line 1", run, 30)
    (tmp_path / "key").write_text(enrol(world, "line 1"))
    with served(make_app(world.house)) as url:
        (tmp_path / "line.toml").write_text(
            f'platform = "{url}"\nkey_file = "key"\nfolder = "books"\npack_size = 10\n'
            f'[printer]\naddress = "127.0.0.1:{printer.port}"\n[camera]\nfolder = "pictures"\n[pace]\nsettle_s = 0.2\n'
        )
        command = [sys.executable, "-m", "scan_api", "line"]
        arguments = ["run", "line 1", "--config", str(tmp_path / "line.toml"), "--wanted", "20", "--json"]
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stderr) == (0, "")
    steps = [json.loads(line) for line in done.stdout.splitlines()]
    assert (steps[0]["step"], steps[-1]["step"], steps[-1]["passed"], steps[-1]["cases"]) == (
        "leased",
        "finished",
        20,
        2,
    )
    audit = ["audit", str(tmp_path / "books" / f"job-{job.id}.journal"), "--public-key"]
    read = subprocess.run(
        [*command, *audit, str(tmp_path / "books" / "station.pub")], capture_output=True, text=True, timeout=60
    )
    assert read.returncode == 0, read.stdout + read.stderr
    assert (
        "30 issued = 20 printed and passed + 0 scrapped + 0 sampled + 0 unknown and void + 10 returned" in read.stdout
    )
    wrong = (tmp_path / "line.toml").read_text().replace("settle_s", "setle_s")
    (tmp_path / "line.toml").write_text(wrong)
    refusal = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=60)
    assert refusal.returncode == 1
    assert "pace.setle_s: Extra inputs are not permitted" in refusal.stderr
    assert "Traceback" not in refusal.stderr
