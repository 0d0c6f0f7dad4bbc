"""Caps printed elsewhere, joined with the bottles of a line by the camera that sees both."""

import json

import pytest

from codegen import keys as keyring
from codegen import pairs, runs
from codegen.hierarchy import parents
from foundation.database import transaction
from printer_jobs import jobs, joining
from printer_jobs.equipment import Sight
from printer_jobs.jobs import BadJob
from printer_jobs.joining import BadPairs
from printer_jobs.platform import FolderPlatform, PlatformAway
from printer_jobs.serials import IllegalRecord, Serials
from printer_jobs.virtual.belt import BeltEye
from tests.printer_jobs.office import GTIN, PROVIDER, Plant


class CapEye(BeltEye):
    """Sees on every bottle that comes by the cap that sits on it."""

    def __init__(self, printer, caps) -> None:
        super().__init__(printer)
        self.caps, self.on = list(caps), {}

    def _sight(self, printed):
        seen = super()._sight(printed)
        if not any("/01/" in text for text in seen.texts):
            return seen
        cap = self.on.setdefault(printed.tag, self.caps.pop(0) if self.caps else None)
        return Sight(seen.tag, (*seen.texts, cap) if cap else seen.texts)


class Joining(Plant):
    """A plant with a run of caps, and jobs that join them."""

    def __init__(self, engine, folder, now) -> None:
        super().__init__(engine, folder, now)
        with transaction(engine) as tx:
            self.caps = runs.issue(tx, brand_id=self.office.brand_id, gtin=GTIN, count=100, order_id="PO-CAPS", now=now)
            self.ring = keyring.load_ring(tx, PROVIDER)
        self.texts = list(runs.export(self.caps, self.ring))

    def job(self, count=12, pack_size=4, station="line 1"):
        with transaction(self.engine) as tx:
            return jobs.create(tx, self.office.run, station, count, pack_size, caps=self.caps, now=self.now)

    def work(self, job, caps, **parts):
        wanted = parts.pop("wanted", None)
        return self.station(eye=CapEye(self.printer, caps), **parts).run(job.id, wanted=wanted)

    def on(self, *caps):
        """The bottle each cap sits on, by its place; None for none."""
        found = []
        for cap in caps:
            body = self.ask(pairs.body_of, self.caps.first + cap)
            found.append(None if body == self.caps.first + cap else body - self.office.run.first)
        return found


@pytest.fixture
def plant(database, tmp_path, now):
    with Joining(database, tmp_path, now) as made:
        yield made


def test_every_bottle_that_passes_has_the_cap_the_camera_saw_on_it(plant):
    job = plant.job()
    order = [3, 0, 1, 2, *range(4, 12)]
    summary = plant.work(job, [plant.texts[one] for one in order])
    assert (summary.passed, summary.stopped, len(summary.cases)) == (12, None, 3)
    assert plant.on(3, 0, 1, 2, 4, 11, 12) == [0, 1, 2, 3, 4, 11, None]
    assert plant.ask(parents, [plant.office.run.first + 1])[plant.office.run.first + 1] == (summary.cases[0],)
    assert plant.do(jobs.close, job.id).closed


def test_a_bottle_whose_cap_could_not_be_read_is_scrapped_and_the_line_runs_on(plant):
    job = plant.job()
    caps = [*plant.texts[:2], None, *plant.texts[2:11]]
    summary = plant.work(job, caps, wanted=8)
    assert (summary.passed, summary.scrapped, summary.stopped) == (8, 1, None)
    assert plant.on(0, 1, 2) == [0, 1, 3]


@pytest.mark.parametrize(
    ("third", "why"), [("first again", "is copied"), ("HTTPS://ID.BRAND.CN/X/1", "not of the caps' run")]
)
def test_a_copied_or_foreign_cap_stops_the_line(plant, third, why):
    texts = list(plant.texts)
    job = plant.job()
    summary = plant.work(job, [*texts[:2], texts[0] if third == "first again" else third, *texts[3:]])
    assert why in summary.stopped
    assert summary.passed == 2
    assert plant.on(0, 1) == [0, 1]


def test_pairs_that_could_not_be_told_are_told_when_the_platform_is_back(plant):
    job, real = plant.job(), plant.platform.pair

    def away(*_):
        raise PlatformAway("The platform does not answer.")

    plant.platform.pair = away
    plant.work(job, plant.texts)
    assert plant.on(0) == [None]
    assert "12 bottles passed whose caps were not told" in plant.do(jobs.close, job.id).discrepancy
    plant.platform.pair = real
    plant.work(job, [])
    assert plant.on(0, 11) == [0, 11]
    assert plant.do(jobs.close, job.id).closed


def test_a_cap_no_key_of_ours_made_is_named_and_the_others_hold(plant):
    job = plant.job()
    prefix = plant.platform.lease(job.id).caps
    serials = [text.removeprefix(prefix) for text in plant.texts[:3]]
    seen = [(job.first, serials[0]), (job.first + 1, "A" * 20), (job.first + 2, serials[2])]
    done = plant.do(joining.pair, job.id, seen, keys=plant.ring)
    assert (done.paired, len(done.refused)) == (2, 1)
    assert f"no code of run {plant.caps.id}" in plant.ask(jobs.job_status, job.id).discrepancy
    again = plant.do(joining.pair, job.id, [(job.first + 3, serials[0])], keys=plant.ring)
    assert (again.paired, again.refused) == (0, [f"cap {plant.caps.first} on item {job.first + 3}: on-another-body"])
    for wrong, says in ((plant.office.run.first + 500, "not of job"), (7, "not of job")):
        with pytest.raises(BadPairs, match=says):
            plant.do(joining.pair, job.id, [(wrong, serials[1])], keys=plant.ring)
    with transaction(plant.engine) as tx:
        plain = jobs.create(tx, plant.office.run, "line 2", 5, 5, now=plant.now)
        with pytest.raises(BadJob, match="another run"):
            jobs.create(tx, plant.office.run, "line 3", 5, 5, caps=plant.office.run, now=plant.now)
    with pytest.raises(BadPairs, match="joins no caps"):
        plant.do(joining.pair, plain.id, [(plain.first, serials[0])], keys=plant.ring)


def test_a_cap_is_on_one_bottle_in_the_journal_too():
    serials = Serials()
    for record in (["RESERVED", 0, 5], ["SENT", 0, 5], ["SEEN", 1, 0, None, "PASS", "A"]):
        serials.apply(record)
    with pytest.raises(IllegalRecord, match="on 0 already"):
        serials.apply(["SEEN", 2, 1, None, "PASS", "A"])
    serials.apply(["SEEN", 2, 1, None, "PASS", "B"])
    again = Serials()
    again.apply(["STATE", serials.state()])
    assert (again.caps, again.capped) == ({0: "A", 1: "B"}, {"A": 0, "B": 1})
    assert again.state() == serials.state()


def test_a_memory_stick_carries_the_pairs_home(tmp_path):
    stick = FolderPlatform(tmp_path)
    stick.pair(7, [(1, "A"), (2, "B")])
    stick.pair(7, [(2, "B"), (3, "C")])
    assert json.loads((tmp_path / "pairs.json").read_text()) == [[1, "A"], [2, "B"], [3, "C"]]
