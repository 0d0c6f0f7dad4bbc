"""Office and line: leases that never overlap, reports that count once, balances that are proven or named."""

import copy
import threading

import pytest

from codegen import hierarchy, runs, spans, wire
from codegen.gs1 import make_sscc
from foundation.database import engine, transaction
from printer_jobs import aggregation, jobs, reports
from printer_jobs.inprocess import InProcessPlatform
from printer_jobs.jobs import BadJob, JobClosed, RunExhausted, UnknownJob
from printer_jobs.platform import PlatformAway, PlatformRefuses
from printer_jobs.reports import BadReport, JournalForked
from printer_jobs.serials import Serials, fold
from tests.printer_jobs.office import PROVIDER, Plant, open_office


@pytest.fixture
def plant(database, tmp_path, now):
    with Plant(database, tmp_path, now) as plant:
        yield plant


@pytest.fixture
def office(tx, now):
    return open_office(tx, now)


def told(job, *records, sequence=1, head="ab" * 32):
    """The report of a journal with these records; items are named by their offset in the lease."""
    serials = Serials()
    serials.apply(["RESERVED", job.first, job.first + job.count])
    for kind, *rest in records:
        shift = [job.first + value if type(value) is int else value for value in rest]
        if kind == "SEEN":
            shift = [serials.last_tag + 1, job.first + rest[0], None, "PASS"]
        if kind == "CASE":
            shift = [rest[0], [[job.first + low, job.first + high] for low, high in rest[1]]]
        serials.apply([kind, *shift])
    return {"job": job.id, "station": job.station, "sequence": sequence, "head": head, **fold(serials)}


def passes(*offsets):
    return [("SEEN", offset) for offset in offsets]


def offsets(job, found):
    return [(low - job.first, high - job.first) for low, high in found]


def test_the_whole_line_from_lease_to_packed_case(plant):
    plant.printer.mishaps.smudged = {10}
    job = plant.job(count=30)
    summary = plant.station().run(job.id, wanted=24)
    assert (summary.passed, summary.scrapped, summary.returned, summary.stopped) == (24, 1, 5, None)
    status = plant.ask(jobs.job_status, job.id)
    assert (status.state, status.cases, status.discrepancy, status.balance.proven) == ("finished", 1, None, True)
    counts = plant.ask(spans.summary, plant.office.run.id)
    assert (counts["commissioned"], counts["scrapped"], counts["voided"]) == (24, 1, 0)
    lying = plant.ask(hierarchy.contents, summary.cases[0])
    assert offsets(job, lying.items) == [(0, 9), (10, 25)]
    assert plant.do(jobs.close, job.id).closed
    index = plant.ask(runs.load_index)
    tokens = wire.decode_many([text for text in plant.printer.texts if "/01/" in text], keys=plant.keys, runs=index)
    assert [token.item for token in tokens] == list(range(job.first, job.first + 25))


def test_a_second_job_takes_up_what_the_first_gave_back(plant):
    first = plant.job(count=30)
    plant.station().run(first.id, wanted=24)
    plant.do(jobs.close, first.id)
    second = plant.job(count=30)
    assert second.first == first.first + 24
    assert plant.station().run(second.id, wanted=24).stopped is None
    assert len(set(plant.printer.texts)) == len(plant.printer.texts)


def test_leases_follow_each_other_and_the_run_ends(tx, office, now):
    made = [jobs.create(tx, office.run, name, 400, 24, now=now) for name in ("line 1", "line 2")]
    assert [job.first - office.run.first for job in made] == [0, 400]
    with pytest.raises(RunExhausted, match="at most 200") as refused:
        jobs.create(tx, office.run, "line 3", 201, 24, now=now)
    assert refused.value.members["largest"] == 200
    assert jobs.create(tx, office.run, "line 3", 200, 24, now=now).first == office.run.first + 800


def test_a_lease_leaves_alone_what_was_commissioned_by_other_means(tx, office, now):
    spans.commission(tx, office.items((100, 120)), by="plant", now=now)
    assert jobs.create(tx, office.run, "line 1", 150, 24, now=now).first == office.run.first + 120
    assert jobs.create(tx, office.run, "line 1", 100, 24, now=now).first == office.run.first


@pytest.mark.parametrize(("station", "count", "pack_size"), [("", 1, 1), ("a", 0, 1), ("a", -1, 1), ("a", 1, 0)])
def test_a_job_that_cannot_be_is_refused(tx, office, now, station, count, pack_size):
    with pytest.raises(BadJob):
        jobs.create(tx, office.run, station, count, pack_size, now=now)


def test_stations_that_race_for_a_run_get_ranges_apart(plant):
    barrier, made = threading.Barrier(8), []

    def lease(name):
        barrier.wait()
        made.append(plant.job(count=100, station=name))

    threads = [threading.Thread(target=lease, args=(f"line {n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(job.first - plant.office.run.first for job in made) == list(range(0, 800, 100))


def test_a_lease_carries_codes_that_verify_and_no_key(plant):
    job = plant.job(count=3)
    lease = plant.platform.lease(job.id)
    codes = [lease.code(item) for item in range(lease.first, lease.end)]
    tokens = wire.decode_many(codes, keys=plant.keys, runs=plant.ask(runs.load_index))
    assert [token.item for token in tokens] == [job.first, job.first + 1, job.first + 2]
    assert {len(serial) for serial in lease.serials} == {20}
    assert lease.from_json(lease.to_json()) == lease


def test_a_case_number_asked_for_again_is_the_same(tx, office, now):
    job = jobs.create(tx, office.run, "line 1", 10, 5, now=now)
    numbers = [jobs.new_sscc(tx, job.id, ordinal, now=now) for ordinal in (0, 1, 0, 1, 2)]
    assert numbers[:2] == numbers[2:4]
    assert len(set(numbers)) == 3
    with pytest.raises(UnknownJob):
        jobs.new_sscc(tx, job.id + 1, 0, now=now)


def test_a_report_counts_once_however_often_it_is_sent(tx, office, now):
    job = jobs.create(tx, office.run, "line 1", 10, 3, now=now)
    sscc = jobs.new_sscc(tx, job.id, 0, now=now)
    case = [("CASE", sscc, [(0, 3)]), ("PACKED", sscc)]
    story = told(job, ("SENT", 0, 6), *passes(0, 1, 2), *case, ("SCRAPPED", 3, 4, "smudged"), ("VOID", 4, 5, "lost"))
    first = reports.report(tx, job.id, story, now=now)
    before = (spans.ranges(tx, office.run.id), jobs.job_status(tx, job.id))
    assert reports.report(tx, job.id, copy.deepcopy(story), now=now) == first
    assert (spans.ranges(tx, office.run.id), jobs.job_status(tx, job.id)) == before
    assert first == {"sequence": 1, "state": "running", "discrepancy": None}
    states = {state: offsets(job, found) for state, found in spans.states(tx, office.items((0, 10))).items()}
    assert states == {"commissioned": [(0, 3)], "scrapped": [(3, 4)], "voided": [(4, 5)]}


def test_a_report_that_is_raced_counts_once(plant):
    job = plant.job(count=10)
    story = told(job, ("SENT", 0, 6), *passes(0, 1, 2, 3))
    barrier, answers = threading.Barrier(6), []

    def send():
        barrier.wait()
        answers.append(plant.platform.report(job.id, story))

    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [answers[0]] * 6
    assert plant.ask(spans.summary, plant.office.run.id)["commissioned"] == 4


def test_a_growing_story_adds_what_is_new(tx, office, now):
    job = jobs.create(tx, office.run, "line 1", 10, 3, now=now)
    records = [("SENT", 0, 10)]
    for sequence, offset in enumerate((0, 1, 3, 2), start=1):
        records += passes(offset) if offset != 2 else [("VOID", 2, 3, "lost")]
        reports.report(tx, job.id, told(job, *records, sequence=sequence, head=f"{sequence:064x}"), now=now)
    assert offsets(job, spans.states(tx, office.items((0, 10)))["commissioned"]) == [(0, 2), (3, 4)]
    assert jobs.job_status(tx, job.id).balance.commissioned == 3


def test_an_older_report_that_comes_late_changes_nothing(tx, office, now):
    job = jobs.create(tx, office.run, "line 1", 10, 3, now=now)
    early = told(job, ("SENT", 0, 5), *passes(0), sequence=1)
    late = told(job, ("SENT", 0, 5), *passes(0, 1), sequence=2)
    reports.report(tx, job.id, late, now=now)
    assert reports.report(tx, job.id, early, now=now)["sequence"] == 2
    assert jobs.job_status(tx, job.id).balance.commissioned == 2


def test_what_was_commissioned_and_then_torn_is_voided(tx, office, now):
    job = jobs.create(tx, office.run, "line 1", 4, 2, now=now)
    records = [("SENT", 0, 4), *passes(0, 1)]
    reports.report(tx, job.id, told(job, *records, sequence=1), now=now)
    answer = reports.report(tx, job.id, told(job, *records, ("SCRAPPED", 1, 2, "torn"), sequence=2), now=now)
    assert answer["discrepancy"] is None
    states = spans.states(tx, office.items((0, 4)))
    assert offsets(job, states["voided"]) == [(1, 2)]
    balance = jobs.job_status(tx, job.id).balance
    assert (balance.commissioned, balance.scrapped, balance.open) == (1, 1, 2)


def test_a_sample_leaves_the_line_and_the_market(tx, office, now):
    job = jobs.create(tx, office.run, "line 1", 2, 2, now=now)
    story = told(job, ("SENT", 0, 2), *passes(0, 1), ("SAMPLED", 1, 2, "laboratory"))
    assert reports.report(tx, job.id, story, now=now) == {"sequence": 1, "state": "finished", "discrepancy": None}
    balance = jobs.job_status(tx, job.id).balance
    assert (balance.commissioned, balance.sampled, balance.proven) == (1, 1, True)
    assert offsets(job, spans.states(tx, office.items((0, 2)))["voided"]) == [(1, 2)]


BEND = [
    # how the report is bent, what is said of it
    (lambda r: r.update(head="zz" * 32), "malformed at head"),
    (lambda r: r.update(extra=1), "malformed at extra"),
    (lambda r: r.update(sequence="1"), "malformed at sequence"),
    (lambda r: r.update(station="line 9"), "not of"),
    (lambda r: r.update(open=r["open"] + 1), "accounts for 11 of 10"),
    (lambda r: r["commissioned"].append([1, 2]), "outside the lease"),
    (lambda r: r["commissioned"].append([1]), "pair of numbers"),
    (lambda r: r["returned"].append(r["commissioned"][0]), "two fates"),
    (lambda r: r["packed"].append({"sscc": "0" * 18, "items": [[1, 2]]}), "packs items that are not commissioned"),
]


@pytest.mark.parametrize(("bend", "words"), BEND)
def test_a_report_that_does_not_describe_its_lease_is_refused(tx, office, now, bend, words):
    job = jobs.create(tx, office.run, "line 1", 10, 3, now=now)
    story = told(job, ("SENT", 0, 5), *passes(0, 1))
    bend(story)
    with pytest.raises(BadReport, match=words):
        reports.report(tx, job.id, story, now=now)
    assert jobs.job_status(tx, job.id).sequence == -1


FORKS = [
    # what the second journal says after SENT 0..5, SEEN 0, VOID 1
    ([("SENT", 0, 5), *passes(0, 1)], 2),
    ([("SENT", 0, 5), ("VOID", 0, 2, "lost")], 2),
    ([("SENT", 0, 5), *passes(0)], 2),
    ([("SENT", 0, 5), *passes(0), ("VOID", 1, 2, "lost")], 1),
]


@pytest.mark.parametrize(("records", "sequence"), FORKS)
def test_a_journal_that_tells_another_story_is_refused(tx, office, now, records, sequence):
    job = jobs.create(tx, office.run, "line 1", 10, 3, now=now)
    first = told(job, ("SENT", 0, 5), *passes(0), ("VOID", 1, 2, "lost"), sequence=1)
    reports.report(tx, job.id, first, now=now)
    with pytest.raises(JournalForked, match="stop the line"):
        reports.report(tx, job.id, told(job, *records, sequence=sequence, head="cd" * 32), now=now)


def test_an_old_journal_put_back_stops_the_line(plant):
    job = plant.job(count=30)
    book = plant.folder / f"job-{job.id}.journal"
    plant.station().run(job.id, wanted=5, finish=False)
    old = book.read_bytes()
    plant.station().run(job.id, wanted=10, finish=False)
    book.write_bytes(old)
    assert "an old copy was put back" in plant.station().run(job.id, wanted=5, finish=False).stopped


def test_a_job_closes_only_when_its_balance_is_proven(tx, office, now):
    job = jobs.create(tx, office.run, "line 1", 4, 2, now=now)
    assert "4 of 4 items are still open" in jobs.close(tx, job.id, now=now).discrepancy
    reports.report(tx, job.id, told(job, ("SENT", 0, 2), *passes(0, 1), sequence=1), now=now)
    assert "2 of 4 items are still open" in jobs.close(tx, job.id, now=now).discrepancy
    done = told(job, ("SENT", 0, 2), *passes(0, 1), ("RETURNED", 2, 4), sequence=2)
    reports.report(tx, job.id, done, now=now)
    closing = jobs.close(tx, job.id, now=now)
    assert (closing.closed, closing.balance.proven) == (True, True)
    assert jobs.close(tx, job.id, now=now) == closing
    assert reports.report(tx, job.id, done, now=now)["state"] == "closed"
    with pytest.raises(JobClosed):
        reports.report(tx, job.id, done | {"sequence": 3}, now=now)


def test_what_codegen_refuses_is_named_and_keeps_the_job_open(tx, office, now):
    job = jobs.create(tx, office.run, "line 1", 3, 3, now=now)
    spans.void(tx, [(job.first + 1, job.first + 2)], reason="stolen", by="office", now=now)
    sscc = jobs.new_sscc(tx, job.id, 0, now=now)
    case = [("CASE", sscc, [(0, 3)]), ("PACKED", sscc)]
    answer = reports.report(tx, job.id, told(job, ("SENT", 0, 3), *passes(0, 1, 2), *case), now=now)
    assert "refused: voided" in answer["discrepancy"]
    assert f"case {sscc} was not packed" in answer["discrepancy"]
    closing = jobs.close(tx, job.id, now=now)
    assert not closing.closed
    assert closing.discrepancy == answer["discrepancy"]


def test_a_case_number_nobody_gave_out_is_named(tx, office, now):
    job = jobs.create(tx, office.run, "line 1", 3, 3, now=now)
    sscc = make_sscc(3, "6901234", 99)
    case = [("CASE", sscc, [(0, 3)]), ("PACKED", sscc)]
    answer = reports.report(tx, job.id, told(job, ("SENT", 0, 3), *passes(0, 1, 2), *case), now=now)
    assert answer["discrepancy"] == f"case number {sscc} was never given to this job"


def test_screens_see_every_station_with_its_newest_job(tx, office, now):
    jobs.create(tx, office.run, "line 2", 5, 3, now=now)
    jobs.create(tx, office.run, "line 1", 5, 3, now=now)
    newest = jobs.create(tx, office.run, "line 1", 5, 3, now=now)
    reports.report(tx, newest.id, told(newest, ("SENT", 0, 2), *passes(0)), now=now)
    seen = jobs.list_stations(tx)
    assert [(station.name, station.job.state, station.heard_at) for station in seen] == [
        ("line 1", "running", now),
        ("line 2", "leased", None),
    ]
    assert seen[0].job == jobs.job_status(tx, newest.id)
    assert (seen[0].job.product_zh, seen[0].job.balance.open) == ("贵州茶 250克", 4)


def packed_case(tx, office, now, *ranges):
    spans.commission(tx, office.items(*ranges), by="line 1", now=now)
    sscc = hierarchy.new_sscc(tx, office.brand_id)
    items = office.items(*ranges)
    count = sum(high - low for low, high in items)
    packed = aggregation.pack_full_case(tx, sscc=sscc, items=items, pack_size=count, by="line 1", now=now)
    assert packed.refused == ()
    return sscc


def test_full_and_short_cases_hold_what_their_name_says(tx, office, now):
    spans.commission(tx, office.items((0, 6)), by="line 1", now=now)
    sscc = hierarchy.new_sscc(tx, office.brand_id)
    with pytest.raises(aggregation.WrongCaseCount):
        aggregation.pack_full_case(tx, sscc=sscc, items=office.items((0, 6)), pack_size=24, by="line 1", now=now)
    with pytest.raises(aggregation.WrongCaseCount):
        aggregation.pack_short_case(tx, sscc=sscc, items=office.items((0, 6)), pack_size=6, by="line 1", now=now)
    packed = aggregation.pack_short_case(tx, sscc=sscc, items=office.items((0, 6)), pack_size=24, by="l", now=now)
    assert packed.refused == ()
    assert aggregation.take_out(tx, sscc=sscc, items=[office.run.first], by="packer", now=now).changed == 1


def test_a_bad_item_is_replaced_and_its_code_void(tx, office, now):
    sscc, first = packed_case(tx, office, now, (0, 6)), office.run.first
    spans.commission(tx, office.items((10, 11)), by="line 1", now=now)
    replaced = aggregation.replace_item(
        tx, sscc=sscc, bad=first + 2, good=first + 10, reason="leaking", by="packer", now=now
    )
    assert replaced.refused == ()
    assert hierarchy.contents(tx, sscc).items == tuple(office.items((0, 2), (3, 6), (10, 11)))
    assert spans.states(tx, [first + 2])["voided"] == office.items((2, 3))


@pytest.mark.parametrize(("bad", "good", "reason"), [(2, 20, "not-commissioned"), (10, 11, "not-in-this-unit")])
def test_a_replacement_that_cannot_be_changes_nothing(tx, office, now, bad, good, reason):
    sscc, first = packed_case(tx, office, now, (0, 6)), office.run.first
    spans.commission(tx, office.items((10, 12)), by="line 1", now=now)
    refused = aggregation.replace_item(tx, sscc=sscc, bad=first + bad, good=first + good, reason="r", by="b", now=now)
    assert [refusal.reason for refusal in refused.refused] == [reason]
    assert hierarchy.contents(tx, sscc).items == tuple(office.items((0, 6)))
    assert "voided" not in spans.states(tx, office.items((0, 20)))


def test_a_database_that_is_gone_is_away_and_a_disagreement_is_a_refusal(plant):
    nowhere = engine("postgresql+psycopg://nobody@127.0.0.1:1/nothing")
    with pytest.raises(PlatformAway):
        InProcessPlatform(nowhere, PROVIDER).lease(1)
    with pytest.raises(PlatformRefuses, match="There is no job 99"):
        plant.platform.lease(99)


def test_a_lost_database_connection_costs_nothing(plant):
    """Connections are checked before use, so the report after the cut simply goes through."""
    job, cuts = plant.job(count=6, pack_size=3), []

    def cut_once(step):
        if step.kind == "passed" and not cuts:
            cuts.append(step)
            with transaction(plant.engine) as tx:
                tx.exec_driver_sql(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )

    summary = plant.station(on_step=cut_once).run(job.id)
    assert (summary.passed, len(summary.cases), summary.stopped, len(cuts)) == (6, 2, None, 1)
    assert plant.ask(jobs.job_status, job.id).state == "finished"
