"""Payouts against a stand-in of the documented protocol: nothing paid twice, nothing lost, each one transfer."""

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from foundation import clock
from foundation.database import reading, transaction
from foundation.errors import BadRequest
from foundation.ids import uuid7
from foundation.settings import Settings
from loyalty import handing, invariants, members, payouts, prizes, reconciling, wins
from loyalty.draws import Prize
from loyalty.members import Identifier, MemberKeys
from loyalty.payouts import Order, PayoutMoved, Told
from loyalty.prizes import Content
from loyalty.reconciling import BillLine
from loyalty.wechat_pay import BillAway, read_bill
from scan_api.cli import app as cli
from scan_api.paymaster import Paymaster, open_channel
from tests.loyalty.test_prizes import SAYS, draw, scanned, seeds
from tests.support.wechat_pay import APP_ID, WeChatPayServer, wechat_pay_server

KEYS = MemberKeys(sealing=bytes(32), finding=bytes(range(32)))
NOTHING = Prize(2, "nothing", "谢谢", "Nothing", 0, 0, 1, None)
FEN = 100
NUMBERS = count(1)


@pytest.fixture(scope="module")
def standing(tmp_path_factory):
    with wechat_pay_server(tmp_path_factory.mktemp("wechat-pay")) as made:
        yield made


@pytest.fixture
def wechat(standing):
    """The stand-in, as if it had just been opened."""
    for name in ("faults", "asking_faults", "bills", "sent", "asked"):
        getattr(standing, name).clear()
    standing.confirm, standing.keeps, standing.day_limit = False, 10**9, 10**6
    standing.accepted.clear()
    return standing


@pytest.fixture
def paymaster(database, wechat):
    channel = channel_to(wechat)
    yield Paymaster(database, channel, KEYS, app_id=APP_ID)
    channel.close()


def channel_to(wechat: WeChatPayServer, *, timeout_s: float = 5.0):
    channel = open_channel(Settings.from_environment(wechat.environment))
    channel._http.timeout = timeout_s
    return channel


def owe(engine, many=1, *, each=1, minute_fen=10**6, at=None):
    """`many` red packets won, `each` a member, and queued."""
    now = at or clock.now()
    with transaction(engine) as tx:
        table = (Prize(1, "red_packet", "红包", "Packet", FEN, FEN, 10**12, 10**6), NOTHING)
        pool = prizes.draft(
            tx,
            Content(
                brand_id=1,
                name_zh="红包",
                name_en="Packets",
                prizes=table,
                disclosure=SAYS,
                out_of=10**12 + 1,
                starts_at=now - timedelta(days=1),
                ends_at=now + timedelta(days=1),
                minute_fen=minute_fen,
                hour_fen=minute_fen,
            ),
            by="Zhao",
            now=now - timedelta(days=2),
        )
        prizes.publish(tx, pool.id, seeds=seeds, by="Qian", now=now - timedelta(days=2))
        taken = []
        for at_, number in zip(range(many), NUMBERS, strict=False):
            if at_ % each == 0:
                proven = [Identifier("wechat_openid", f"{APP_ID}:o-{number}")]
                member = members.identify(tx, proven, keys=KEYS, now=now)
            taken.append(scanned(number, now, member_id=member, at=now))
        draw(tx, taken, now)
        handing.hand_over(tx, now=now, limit=many)
    return pool, member


def rows(engine, query):
    with reading(engine) as tx:
        return [tuple(row) for row in tx.execute(text(query))]


def until_settled(paymaster, engine, *, rounds=12, since=None):
    """Round after round, minutes apart, until nothing is open."""
    now = since or clock.now()
    for at in range(rounds):
        paymaster.round(now=now + timedelta(minutes=11 * at))
        if not rows(engine, "SELECT 1 FROM payouts WHERE state NOT IN ('paid', 'failed', 'cancelled', 'person')"):
            return
    raise AssertionError(rows(engine, "SELECT state, said FROM payouts"))


def everything_adds_up(engine, wechat):
    """What the channel paid is what the books say, number by number."""
    ours = dict(rows(engine, "SELECT order_no, amount_fen FROM payouts WHERE state = 'paid'"))
    assert ours == wechat.paid()
    moved = rows(engine, "SELECT coalesce(sum(amount), 0), count(*) FROM transfers WHERE asset = 'cash_fen'")
    assert moved == [(sum(ours.values()), len(ours))]
    with reading(engine) as tx:
        assert invariants.check_invariants(tx) == []


def test_a_red_packet_is_paid_once_and_stands_in_the_books(database, paymaster, wechat):
    _, li = owe(database)
    until_settled(paymaster, database)
    everything_adds_up(database, wechat)
    assert len(wechat.sent) == 1
    with reading(database) as tx:
        assert [one.state for one in wins.of_member(tx, li)] == ["paid"]


@pytest.mark.parametrize(
    "faults",
    [
        ["SYSTEM_ERROR"] * 3, ["FREQUENCY_LIMITED"], ["NOT_ENOUGH"], ["lost"], ["forged"], ["unsigned"],
        ["SYSTEM_ERROR", "lost"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_whatever_goes_wrong_the_number_stays_and_it_is_paid_once(database, paymaster, wechat, faults):
    wechat.faults += faults
    owe(database)
    until_settled(paymaster, database)
    everything_adds_up(database, wechat)
    assert len(wechat.paid()) == 1
    assert set(wechat.sent) == set(wechat.paid())


def test_an_answer_that_comes_too_late_is_asked_for(database, wechat):
    wechat.faults, wechat.slow_s = ["slow"], 0.6
    owe(database)
    until_settled(Paymaster(database, channel_to(wechat, timeout_s=0.2), KEYS, app_id=APP_ID), database)
    everything_adds_up(database, wechat)
    assert len(wechat.sent) == 1


def test_a_forged_not_found_does_not_pay_again(database, paymaster, wechat):
    owe(database)
    now = clock.now()
    wechat.asking_faults.append("forged")
    for at in range(3):
        paymaster.round(now=now + timedelta(minutes=at * 11))
    assert len(wechat.sent) == 1
    everything_adds_up(database, wechat)


def test_many_paymasters_share_the_work(database, wechat):
    owe(database, 60)
    wechat.faults += ["lost", "SYSTEM_ERROR", "unsigned"] * 4
    now = clock.now()
    channel = channel_to(wechat)

    def work(at):
        # Minutes apart, so that leases run out under the feet of those who are slow.
        return Paymaster(database, channel, KEYS, app_id=APP_ID).round(now=now + timedelta(minutes=2 * at))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(32)))
    until_settled(Paymaster(database, channel, KEYS, app_id=APP_ID), database, rounds=30)
    everything_adds_up(database, wechat)
    assert len(wechat.paid()) == 60


DIES = """
import sys
from foundation import clock, database
from foundation.settings import Settings
from loyalty.members import MemberKeys
from scan_api.cli import app as cli
from scan_api.paymaster import Paymaster, open_channel
settings = Settings.from_environment()
keys = MemberKeys(sealing=bytes(32), finding=bytes(range(32)))
engine = database.engine(settings.database_url.reveal())
Paymaster(engine, open_channel(settings), keys, app_id=settings.wechat_app_id).round(now=clock.now())
"""


def test_kill_9_between_sending_and_recording(database, database_url, paymaster, wechat):
    owe(database)
    wechat.faults.append("hangs")
    environment = os.environ | wechat.environment | {"ONECODE_DATABASE_URL": database_url}
    worker = subprocess.Popen([sys.executable, "-c", DIES], env=environment)
    assert wechat.accepted.wait(30)
    worker.send_signal(signal.SIGKILL)
    worker.wait(10)
    assert rows(database, "SELECT state FROM payouts") == [("sending",)]
    assert rows(database, "SELECT 1 FROM transfers") == []
    assert paymaster.round(now=clock.now()) == 0  # Its lease is not over yet.
    until_settled(paymaster, database)
    everything_adds_up(database, wechat)
    assert len(wechat.sent) == 1


def test_a_payout_that_was_never_sent_is_sent_after_its_sender_died(database, paymaster, wechat):
    owe(database)
    with transaction(database) as tx:
        assert len(payouts.take(tx, now=clock.now())) == 1  # And dies.
    until_settled(paymaster, database)
    everything_adds_up(database, wechat)


def test_what_exceeds_the_limits_of_a_day_waits_for_the_next(database, paymaster, wechat):
    owe(database, 12, each=12)
    noon = clock.now().replace(hour=4, minute=0)  # 12:00 of the brand.
    with transaction(database) as tx:
        tx.execute(text("UPDATE payouts SET due_at = :noon"), {"noon": noon})
    paymaster.round(now=noon)
    assert len(wechat.sent) == 10
    assert rows(database, "SELECT DISTINCT said FROM payouts WHERE state = 'queued'") == [("member-day-count",)]
    paymaster.round(now=noon + timedelta(hours=11))
    assert len(wechat.sent) == 10
    paymaster.round(now=noon + timedelta(hours=12))
    assert len(wechat.sent) == 12


def test_the_breaker_holds_the_pool_until_a_person_resumes(database, paymaster, wechat):
    pool, _ = owe(database, 9, minute_fen=5 * FEN)
    now = clock.now()
    for at in range(4):
        paymaster.round(now=now + timedelta(hours=2 * at))
    assert len(wechat.sent) == 5
    [(reason,)] = rows(database, "SELECT held_reason FROM prize_pools")
    assert reason == "500 fen were paid within the last minute; 100 more pass 500"
    assert rows(database, "SELECT count(*) FROM facts WHERE kind = 'prizes.held'") == [(1,)]
    with transaction(database) as tx:
        with pytest.raises(BadRequest, match="says why"):
            prizes.resume(tx, pool.id, by="Sun", reason=" ", now=now)
        prizes.resume(tx, pool.id, by="Sun", reason="a festival", now=now + timedelta(hours=8))
    until_settled(paymaster, database, since=now + timedelta(hours=8))
    assert len(wechat.sent) == 9
    everything_adds_up(database, wechat)


def test_keys_of_the_platform_rotate(database, paymaster, wechat):
    owe(database)
    wechat.rotate(publish=False)
    now = clock.now()
    paymaster.round(now=now)
    assert rows(database, "SELECT state, said FROM payouts") == [("unknown", "no-answer")]
    wechat.publish()
    until_settled(paymaster, database)
    everything_adds_up(database, wechat)


def test_a_member_confirms_and_is_shown_how(database, paymaster, wechat):
    wechat.confirm = True
    _, li = owe(database)
    now = clock.now()
    paymaster.round(now=now)
    with reading(database) as tx:
        [won] = wins.of_member(tx, li)
    assert won.package.startswith("package-of-")
    wechat.agree()
    [number] = wechat.bills
    with transaction(database) as tx:
        assert [payouts.hurry(tx, [number], now=now) for _ in range(2)] == [1, 1]
        assert payouts.hurry(tx, ["another"], now=now) == 0
    paymaster.round(now=now)
    everything_adds_up(database, wechat)


def test_a_packet_that_came_back_is_collected_under_a_new_number(database, paymaster, wechat):
    _, li = owe(database)
    now = clock.now()
    paymaster.round(now=now)
    [first] = wechat.bills.values()
    first.state = "FAIL"
    paymaster.round(now=now + timedelta(minutes=1))
    with transaction(database) as tx:
        [won] = wins.of_member(tx, li)
        assert won.state == "failed"
        for _ in range(2):
            handing.collect(tx, won.win_id, member_id=li, now=now)
    until_settled(paymaster, database)
    everything_adds_up(database, wechat)
    assert len(set(wechat.sent)) == 2
    assert len(wechat.paid()) == 1


def test_what_the_channel_would_refuse_again_waits_for_a_person(database, paymaster, wechat):
    wechat.faults.append("PARAM_ERROR")
    owe(database)
    paymaster.round(now=clock.now())
    [(payout_id, state, said)] = rows(database, "SELECT id, state, said FROM payouts")
    assert (state, said) == ("person", "PARAM_ERROR")
    with transaction(database) as tx:
        with pytest.raises(BadRequest):
            payouts.ask_again(tx, payout_id, by="Sun", reason="", now=clock.now())
        payouts.ask_again(tx, payout_id, by="Sun", reason="the scene is approved now", now=clock.now())
        with pytest.raises(PayoutMoved):
            payouts.ask_again(tx, payout_id, by="Sun", reason="again", now=clock.now())
    until_settled(paymaster, database)
    everything_adds_up(database, wechat)


def test_the_desk_lists_what_is_stuck_at_the_shell(database, database_url, paymaster, wechat, monkeypatch, tmp_path):
    monkeypatch.setenv("ONECODE_DATABASE_URL", database_url)
    monkeypatch.setenv("ONECODE_MASTER_KEY", "00" * 32)
    monkeypatch.setenv("ONECODE_DATA_DIR", str(tmp_path))
    wechat.faults.append("PARAM_ERROR")
    owe(database)
    paymaster.round(now=clock.now())
    run = CliRunner().invoke
    [stuck] = json.loads(run(cli, ["payouts", "list", "--state", "person", "--json"]).stdout)
    assert (stuck["said"], stuck["amount_fen"], stuck["reconciled"]) == ("PARAM_ERROR", FEN, False)
    assert stuck["order_no"] in run(cli, ["payouts", "list"], env={"COLUMNS": "300"}).stdout
    assert run(cli, ["payouts", "ask-again", stuck["id"], "--reason", "approved"]).exit_code == 0
    assert "waits for nobody" in str(run(cli, ["payouts", "ask-again", stuck["id"], "--reason", "x"]).exception)


def test_what_stays_unknown_for_a_day_waits_for_a_person(database, paymaster, wechat):
    owe(database)
    now = clock.now()
    wechat.faults.append("lost")
    wechat.asking_faults += ["SYSTEM_ERROR"] * 2
    for hours in (0, 12, 25):
        paymaster.round(now=now + timedelta(hours=hours))
    assert rows(database, "SELECT state, said FROM payouts") == [("person", "SYSTEM_ERROR")]
    assert rows(database, "SELECT count(*) FROM facts WHERE kind = 'payout.stuck'") == [(1,)]


def test_another_amount_is_never_booked(database):
    owe(database)
    with transaction(database) as tx:
        [due] = payouts.take(tx, now=clock.now())
        assert payouts.record(tx, due, Told("paid", "SUCCESS", amount_fen=FEN + 1), now=clock.now()) == "person"
    assert rows(database, "SELECT 1 FROM transfers") == []


def test_an_answer_recorded_twice_moves_money_once(database):
    owe(database)
    with transaction(database) as tx:
        [due] = payouts.take(tx, now=clock.now())

    def record(_):
        with transaction(database) as tx:
            return payouts.record(tx, due, Told("paid", "SUCCESS", amount_fen=FEN), now=clock.now())

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(record, range(16))) == {"paid"}
    assert rows(database, "SELECT count(*) FROM transfers") == [(1,)]


def test_the_bill_of_the_day_proves_every_payout(database, paymaster, wechat):
    owe(database, 5)
    until_settled(paymaster, database)
    today = clock.now().astimezone(payouts_zone()).date()
    paymaster.reconcile(today, now=clock.now())
    assert rows(database, "SELECT count(*) FROM payouts WHERE reconciled_at IS NULL") == [(0,)]
    assert rows(database, "SELECT lines, amount_fen, findings FROM payout_bills") == [(5, 500, 0)]
    everything_adds_up(database, wechat)


def payouts_zone():
    return reconciling.BRAND_ZONE


def test_every_difference_is_found_once(database, paymaster, wechat):
    owe(database, 4)
    until_settled(paymaster, database)
    missing, other, twice, _ = sorted(wechat.paid())
    at, now = clock.now(), clock.now()
    day = at.astimezone(payouts_zone()).date()
    with transaction(database) as tx:
        tx.execute(text("UPDATE payouts SET paid_at = :noon"), {"noon": now.replace(hour=4)})
    day = now.replace(hour=4).astimezone(payouts_zone()).date()
    lines = [BillLine(number, FEN, at) for number in sorted(wechat.paid()) if number not in (missing, other)]
    lines += [BillLine(other, FEN + 1, at), BillLine(twice, FEN, at), BillLine("stranger", 7, at)]
    for _ in range(2):
        with transaction(database) as tx:
            found = reconciling.reconcile(tx, day, lines, now=now)
    assert {(one.order_no, one.says) for one in found} == {
        (twice, "the channel paid it 2 times"),
        (other, "the channel paid 101 fen, not 100"),
        (other, "100 fen paid here are not in the channel's bill"),
        (missing, "100 fen paid here are not in the channel's bill"),
        ("stranger", "the channel paid 7 fen under a number that is not ours"),
    }
    assert rows(database, "SELECT count(*) FROM payout_findings") == [(5,)]


def test_a_bill_that_is_not_whole_is_refused(wechat):
    raw = wechat.statement()
    assert read_bill(raw) == []
    for wrong in (raw[:60], raw.replace(b"`0", b"`1", 1), b""):
        with pytest.raises(BillAway):
            read_bill(wrong)


def test_a_name_is_read_by_the_platform_alone(wechat):
    told = channel_to(wechat).send(Order(uuid7(clock.now()).hex, FEN, "o-li", "红包", name="李雷"))
    assert told.state == "accepted"
    assert [one.name for one in wechat.bills.values()] == ["李雷"]
