"""The judgement in the running house: the worker does it by itself, an engineer by hand, and neither does it twice."""

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from antifraud import case_scans, nights
from antifraud.alerts import of_pivot, raise_alerts
from antifraud.batch.proof import found
from antifraud.event_reader import number
from antifraud.findings import Alert, Reason, Severity
from antifraud.judging import Judge
from antifraud.telling import named, tell
from foundation import background, outbox
from foundation.database import reading, transaction
from loyalty import connections
from scan_api import judging
from tests.antifraud.simulator.worlds import small
from tests.support import season
from tests.support.world import MASTER


@pytest.fixture(scope="module")
def month():
    return season.last_days(small("A1,A6", scale=0.004, seed=5), 12)


@pytest.fixture
def onecode(warm, database_url, tmp_path):
    """The command, at a shell."""
    ours = {"ONECODE_DATABASE_URL": database_url, "ONECODE_MASTER_KEY": MASTER, "ONECODE_DATA_DIR": str(tmp_path)}

    def run(*words):
        command = warm.command("scan_api", *words)
        return subprocess.run(command, env=os.environ | ours, capture_output=True, text=True, check=False, timeout=90)

    return run


def test_an_engineer_judges_by_hand(database, month, onecode):
    season.write(database, month)
    assert onecode("judge", "--status").stdout == "never judged\n"
    half = season.end_of(month) - timedelta(days=6)
    done = onecode("judge", "--until", half.isoformat(), "--json")
    assert done.returncode == 0, done.stderr
    first = json.loads(done.stdout)["runs"]["nightly"]
    assert first["state"] == "done"
    assert 0 < first["scans"] < len(month.events.scans)
    again = onecode("judge", "--rebuild", "--json")
    whole = json.loads(again.stdout)["runs"]["nightly"]
    assert whole["scans"] == len(month.events.scans)
    assert whole["alerts"] < whole["findings"]
    assert "nightly: done, up to" in onecode("judge", "--status").stdout


@pytest.mark.parametrize("until", ["yesterday", "2026-06-01T02:00"])
def test_an_instant_that_is_none_is_refused_in_a_sentence(onecode, until):
    refused = onecode("judge", "--until", until)
    assert refused.returncode == 1
    assert refused.stderr.startswith("onecode: ")
    assert refused.stderr.count("\n") == 1
    assert "+08:00" in refused.stderr


def test_a_busy_judge_is_said_to_be_busy(database, onecode):
    with Judge(database)._alone() as alone:
        assert alone
        busy = onecode("judge")
    assert busy.returncode == 1
    assert "being judged just now" in busy.stderr


@pytest.mark.parametrize("broker", ["postgresql", "redis"])
def test_the_worker_judges_near_line_and_at_night(request, broker, database, database_url, month, tmp_path):
    season.write(database, month)
    environment = {
        "ONECODE_DATABASE_URL": database_url,
        "ONECODE_DATA_DIR": str(tmp_path),
        "ONECODE_MASTER_KEY": MASTER,
    }
    if broker == "redis":
        environment["ONECODE_BROKER_URL"] = request.getfixturevalue("redis_url")
    worker = subprocess.Popen([sys.executable, "-m", "scan_api", "worker"], env=os.environ | environment,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    try:
        until, last = time.monotonic() + 90, {}
        while time.monotonic() < until and (last.get("nightly") is None or last["nightly"].state != "done"):
            time.sleep(0.3)
            with reading(database) as tx:
                last = nights.last_runs(tx)
    finally:
        worker.terminate()
        worker.wait(30)
    assert last["nightly"].state == "done"
    with reading(database) as tx:
        assert sum(run.scans for run in nights.runs(tx, limit=10_000)) == len(month.events.scans)
        assert nights.lag(tx, now=datetime.now(UTC)) < timedelta(minutes=2)


def test_a_night_is_ordered_once_and_done_once(database, month):
    season.write(database, month)
    judging.judge_of.cache_clear()
    now = datetime(2026, 6, 1, 18, 30, tzinfo=UTC)  # half past two in China
    with transaction(database) as tx:
        judging.begin_night(tx, now=now)
        assert outbox.waiting(tx) == 1
    background.perform(judging.NIGHTLY, {}, database, now=now)
    background.perform(judging.NIGHTLY, {}, database, now=now + timedelta(hours=1))  # It was delivered twice.
    with transaction(database) as tx:
        assert [run.kind for run in nights.runs(tx)] == ["nightly"]
        judging.begin_night(tx, now=now + timedelta(hours=20))
        assert outbox.waiting(tx) == 1
        judging.begin_night(tx, now=now + timedelta(hours=24))
        assert outbox.waiting(tx) == 2


def test_a_stretch_that_fails_is_told_once_and_done_later(database, month, monkeypatch):
    season.write(database, month)
    judging.judge_of.cache_clear()
    now = season.end_of(month)

    def broken(*_args, **_how):
        raise ValueError("no such thing")

    with monkeypatch.context() as patch:
        patch.setattr("antifraud.judging.read", broken)
        assert judging.judge_near(database, now=now) is False
        assert judging.judge_near(database, now=now) is False
    with transaction(database) as tx:
        assert [(run.state, run.error) for run in nights.runs(tx)] == [("failed", "ValueError: no such thing")]
    while judging.judge_near(database, now=now):
        pass
    with reading(database) as tx:
        assert sum(run.scans for run in nights.runs(tx, limit=1_000)) == len(month.events.scans)


def test_what_was_told_is_told_again_only_when_it_weighs_more(database, month, now):
    season.write(database, month)
    carton = season.FIRST_SSCC + 1

    def carton_at(posterior, nats, code="DIV_CARTON_TASK", severity=Severity.MEDIUM):
        values = {"sscc": str(carton), "region": 310000, "posterior": posterior, "least": posterior}
        return found(code, severity, "dealer:1:310000", values, nats, at=0, scans=[0], cartons=[carton])

    def told(finding):
        with transaction(database) as tx:
            scan = tx.execute(text("SELECT scan_id FROM scans ORDER BY received_at LIMIT 1")).scalar_one()
            return tell(tx, named(tx, [finding], {0: scan}, {}, scan), params_version="test", now=now)

    assert told(carton_at(0.91, 2.3)) == 1
    assert told(carton_at(0.91, 2.3)) == 0
    assert [told(carton_at(0.91 + k / 1000, 2.3 + k / 90)) for k in range(30)] == [0] * 30
    assert told(carton_at(0.999, 6.9)) == 1
    assert told(carton_at(0.95, 2.9)) == 0
    with reading(database) as tx:
        raised = of_pivot(tx, "dealer:1:310000")
        assert [one.sscc for one in raised] == [f"{carton}"] * 2
        proof = UUID(raised[0].details["proof"][0])
        assert proof in {scan.scan_id for scan in case_scans.scans_of(tx, "dealer:1:310000", raised)}


def test_what_was_told_in_line_is_not_told_by_the_night(database, month, now):
    season.write(database, month)
    item = int(month.events.scans.item[5])
    reason = Reason("CLN_USERS_MANY", {"people": 5, "limit_people": 5}, 1.2)
    with transaction(database) as tx:
        scan = tx.execute(text("SELECT scan_id FROM scans WHERE item = :item LIMIT 1"), {"item": item}).scalar_one()
        raise_alerts(tx, [Alert(reason, Severity.HIGH, f"item:{item}", scan, item, None, None, "test")], now=now)
        again = found("CLN_USERS_MANY", Severity.HIGH, f"item:{item}", {"people": 5}, 1.3, at=0, scans=[0])
        assert tell(tx, named(tx, [again], {0: scan}, {}, scan), params_version="test", now=now) == 0


def test_people_phones_and_networks_get_their_names_back(database, month):
    season.write(database, month)
    with reading(database) as tx:
        row = tx.execute(text(
            "SELECT * FROM scans WHERE member_id IS NOT NULL AND pool IS NOT NULL ORDER BY scan_id LIMIT 1"
        )).one()  # fmt: skip
        member, net = str(row.member_id), ".".join(row.address.split(".")[:3]) + ".0/24"
        pivots = {
            f"person:{number('member', member)}": f"member:{member}",
            f"device:{number('device', row.device)}": f"device:{row.device}",
            f"network:{number('network', net)}": f"address:{net}",
            f"address:{number('network', net)}": f"address:{net}",
            f"carton:{season.FIRST_SSCC + 1}": f"sscc:{season.FIRST_SSCC + 1}",
            f"pool:{number('pool', row.pool)}": f"pool:{row.pool}", "pool:12": "pool:12",
            "dealer:7": "dealer:7:310000", "dealer:7:110000": "dealer:7:110000", "account:12": "member:known",
        }  # fmt: skip
        said = [
            found("ABU_VELOCITY", Severity.MEDIUM, pivot, {"region": 310000}, 1.0, at=0, scans=[4]) for pivot in pivots
        ]
        names = named(tx, said, {4: row.scan_id}, {12: "member:known"}, row.scan_id)
    assert [one.pivot for one in names] == list(pivots.values())


def test_what_other_packages_know_is_read_by_time(tx, now):
    one, two, three = (UUID(int=k) for k in (1, 2, 3))
    place = {"one": one, "two": two, "three": three, "now": now}
    tx.execute(text(
        "INSERT INTO referrals (invited, inviter, state, created_at, paid_at) VALUES"
        " (:two, :one, 'paid', :now, CAST(:now AS timestamptz) + interval '2 hours'),"
        " (:three, :two, 'pending', CAST(:now AS timestamptz) + interval '1 hour', NULL)"
    ), place)  # fmt: skip
    tx.execute(text(
        "INSERT INTO trade_partners (kind, dealer_id, code, name, region, state, decided_by, decided_at, created_at)"
        " VALUES ('store', 7, 'S1', 'shop', 510100, 'approved', 'ann', :now, :now)"
    ), place)  # fmt: skip
    tx.execute(text(
        "INSERT INTO trade_people (partner_id, member_id, role, state, asked_at, since)"
        " SELECT id, :one, 'owner', 'bound', :now, :now FROM trade_partners"
    ), place)  # fmt: skip
    tx.execute(text(
        "INSERT INTO case_openings (id, partner_id, member_id, sscc, device, state, reason, points, assistant_points,"
        " rebate_fen, unpaid, at) SELECT :one, id, :one, '369012300000000011', 'd', 'opened', '', 0, 0, 0, '', :now"
        " FROM trade_partners"
    ), place)  # fmt: skip
    hour = timedelta(hours=1)
    first = judging.look_outside(tx, now, now + hour)
    assert first.referrals.inviter.tolist() == [number("member", str(one))]
    assert first.referrals.unlocked_at.tolist() == [0]
    assert first.stores.carton.tolist() == [369012300000000011]
    assert 30 < first.stores.lat[0] < 31.5
    assert first.registered.tolist() == [number("member", str(one))]
    assert first.names[number("member", str(two))] == f"member:{two}"
    assert len(judging.look_outside(tx, now + hour, now + 2 * hour).referrals) == 1
    paid = judging.look_outside(tx, now + 2 * hour, now + 3 * hour).referrals
    assert paid.unlocked_at.tolist() == [int((now + 2 * hour).timestamp() * 1e6)]
    assert [one.store for one in connections.taken_in(tx, now + hour, now + 2 * hour)] == []
