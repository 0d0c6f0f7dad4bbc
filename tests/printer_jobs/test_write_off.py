"""A station that is lost for good: what was found counts, the rest is void, and nobody can continue it."""

import pytest

from codegen import spans
from foundation import audit
from foundation.errors import BadRequest
from printer_jobs import jobs, reports, write_off
from printer_jobs.jobs import JobClosed, UnknownJob
from printer_jobs.write_off import NothingOpen
from tests.printer_jobs.office import open_office
from tests.printer_jobs.test_jobs import offsets, passes, told


@pytest.fixture
def office(tx, now):
    return open_office(tx, now)


def test_what_the_station_told_stays_what_was_found_counts_and_the_rest_is_void(tx, office, now):
    job = jobs.create(tx, office.run, "line 1", 10, 3, now=now)
    reports.report(tx, job.id, told(job, ("SENT", 0, 6), *passes(0, 1, 2), ("SCRAPPED", 3, 4, "torn")), now=now)
    done = write_off.write_off(tx, job.id, found=office.items((4, 6)), reason="the disk is dead", by="Zhao", now=now)
    assert (offsets(job, done.commissioned), offsets(job, done.void)) == ([(4, 6)], [(6, 10)])
    states = {state: offsets(job, found) for state, found in spans.states(tx, office.items((0, 10))).items()}
    assert states == {"commissioned": [(0, 3), (4, 6)], "scrapped": [(3, 4)], "voided": [(6, 10)]}
    status = jobs.job_status(tx, job.id)
    assert (status.state, status.discrepancy, status.balance.proven, status.balance.open) == ("closed", None, True, 0)
    assert [entry.action for entry in audit.history(tx, f"job:{job.id}")] == ["job-written-off"]


def test_a_station_that_comes_back_is_told_that_its_job_is_closed(tx, office, now):
    job = jobs.create(tx, office.run, "line 1", 10, 3, now=now)
    write_off.write_off(tx, job.id, found=[], reason="stolen", by="Zhao", now=now)
    with pytest.raises(JobClosed, match="stop the line"):
        reports.report(tx, job.id, told(job, ("SENT", 0, 6), *passes(0, 1)), now=now)
    with pytest.raises(JobClosed):
        jobs.next_block(tx, job.id, 1, 10, now=now)
    assert jobs.create(tx, office.run, "line 1", 10, 3, now=now).first == job.first + 10


def test_every_block_is_settled(tx, office, now):
    job = jobs.create(tx, office.run, "line 1", 10, 3, now=now)
    jobs.next_block(tx, job.id, 1, 10, now=now)
    done = write_off.write_off(tx, job.id, found=office.items((8, 12)), reason="fire", by="Zhao", now=now)
    assert offsets(job, done.void) == [(0, 8), (12, 20)]
    balance = jobs.job_status(tx, job.id).balance
    assert (balance.leased, balance.commissioned, balance.void, balance.proven) == (20, 4, 16, True)


def test_what_cannot_be_written_off_is_named_and_nothing_changes(tx, office, now):
    job = jobs.create(tx, office.run, "line 1", 10, 3, now=now)
    reports.report(tx, job.id, told(job, ("SENT", 0, 6), *passes(0, 1, 2)), now=now)
    for found, reason, says in (
        ([], " ", "Say why"),
        (office.items((2, 5)), "fire", "are not open"),
        (office.items((9, 12)), "fire", "are not open"),
    ):
        with pytest.raises(BadRequest, match=says):
            write_off.write_off(tx, job.id, found=found, reason=reason, by="Zhao", now=now)
    with pytest.raises(UnknownJob):
        write_off.write_off(tx, job.id + 1, found=[], reason="fire", by="Zhao", now=now)
    assert jobs.job_status(tx, job.id).balance.open == 7
    write_off.write_off(tx, job.id, found=[], reason="fire", by="Zhao", now=now)
    with pytest.raises(NothingOpen, match="line close"):
        write_off.write_off(tx, job.id, found=[], reason="fire", by="Zhao", now=now)
