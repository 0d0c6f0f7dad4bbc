"""A memory stick instead of a network: codes out, the story home, each as often as one likes."""

import json

import pytest
from typer.testing import CliRunner

from codegen import hierarchy, spans
from printer_jobs import carrying, jobs
from printer_jobs.carrying import Carried
from printer_jobs.platform import FolderPlatform, PlatformRefuses
from scan_api.cli import app
from tests.printer_jobs.office import Plant


@pytest.fixture
def plant(database, tmp_path, now):
    with Plant(database, tmp_path / "station", now) as plant:
        yield plant


def test_a_job_goes_out_and_its_story_comes_home_once(plant, tmp_path):
    job, stick = plant.job(count=14, pack_size=6), tmp_path / "stick"
    out = carrying.put(plant.platform, job.id, stick)
    assert out == Carried(job.id, 1, 14, 7)
    before = (stick / "lease.json").read_bytes(), (stick / "ssccs.json").read_bytes()
    assert carrying.put(plant.platform, job.id, stick) == out
    assert ((stick / "lease.json").read_bytes(), (stick / "ssccs.json").read_bytes()) == before
    summary = plant.station(platform=FolderPlatform(stick)).run(job.id, wanted=12)
    assert (summary.passed, summary.stopped, len(summary.cases)) == (12, None, 2)
    assert plant.ask(spans.summary, plant.office.run.id)["commissioned"] == 0, "nobody has told the office yet"
    for _ in range(2):
        assert carrying.bring(plant.platform, stick) == Carried(job.id, 1)
        status = plant.ask(jobs.job_status, job.id)
        assert (status.balance.commissioned, status.balance.returned, status.discrepancy) == (12, 2, None)
    assert len(plant.ask(hierarchy.contents, summary.cases[0]).items) == 1
    assert plant.do(jobs.close, job.id).closed


def test_what_is_no_stick_of_this_job_is_named(plant, tmp_path):
    one, other, stick = plant.job(count=6, pack_size=6), plant.job(count=6, pack_size=6), tmp_path / "stick"
    with pytest.raises(PlatformRefuses, match="holds no report"):
        carrying.bring(plant.platform, stick)
    carrying.put(plant.platform, one.id, stick)
    with pytest.raises(PlatformRefuses, match=f"holds job {one.id}; bring that home"):
        carrying.put(plant.platform, other.id, stick)
    for text, words in (("{", "is damaged"), ("{}", "is no report of a line")):
        (stick / "report.json").write_text(text)
        with pytest.raises(PlatformRefuses, match=words):
            carrying.bring(plant.platform, stick)


def test_the_office_does_it_at_the_shell(plant, tmp_path, database_url, monkeypatch):
    monkeypatch.setenv("ONECODE_DATABASE_URL", database_url)
    monkeypatch.setenv("ONECODE_MASTER_KEY", "11" * 32)
    monkeypatch.setenv("ONECODE_DATA_DIR", str(tmp_path))
    job, stick, run = plant.job(count=6, pack_size=6), str(tmp_path / "stick"), CliRunner().invoke
    said = json.loads(run(app, ["line", "carry", str(job.id), stick, "--json"]).stdout)
    assert said == {"job": job.id, "blocks": 1, "items": 6, "cases": 5}
    assert "holds no report" in str(run(app, ["line", "bring", stick]).exception)
    plant.station(platform=FolderPlatform(tmp_path / "stick")).run(job.id)
    assert run(app, ["line", "bring", stick]).stdout == f"job {job.id}: the reports of 1 blocks are in\n"
    assert plant.ask(jobs.job_status, job.id).balance.commissioned == 6
