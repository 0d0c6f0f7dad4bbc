"""Every scan is kept, once, with the answer it got."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from antifraud import scan_log
from antifraud.scan_log import Earlier, Scan
from codegen.items import Stale
from foundation import ids
from foundation.database import reading, transaction

MEMBER = UUID(int=7)


def scan(now, **how):
    return Scan(
        **{
            "scan_id": ids.uuid7(now), "input_hash": b"\x00\xff" * 16, "received_at": now, "text": "HTTPS://X/1",
            "verdict": "genuine", "reasons": ["HRV_NOT_SHIPPED"], "item": (1 << 60) - 1, "face": 1,
            "gtin": "06901234567892", "sscc": "106901234500000012", "dealer_id": 3, "device": "phone", "address": "a",
            "member_id": MEMBER, "lat": 30.657, "lon": 104.0657, "sigma_km": 0.0085, "method": "gps",
            "region": 510100, "claim": True, "reward_points": 100, "reward_state": "credited",
            "answer": {"verdict": "genuine", "message": "正品"}, "params_version": "1",
            "features": {"users": 1}, "contributions": {"HRV_NOT_SHIPPED": 1.5},
        }
        | how
    )  # fmt: skip


@pytest.fixture
def log(tx, now):
    scan_log.ensure_partitions(tx, now)
    return tx


def test_a_scan_comes_back_as_it_was_kept(log, now):
    kept = [scan(now), scan(now, member_id=None, lat=None, lon=None, region=None, item=None, reasons=[], claim=False)]
    scan_log.record(log, kept)
    assert scan_log.by_ids(log, [one.scan_id for one in kept]) == sorted(kept, key=lambda one: one.scan_id)


def test_the_same_id_finds_the_answer_it_got(log, now):
    kept = scan(now)
    scan_log.record(log, [kept])
    asked = [(kept.scan_id, b"other content"), (ids.uuid7(now), b"new")]
    assert scan_log.find(log, asked) == {kept.scan_id: Earlier(kept.scan_id, kept.input_hash, kept.answer)}
    assert scan_log.find(log, []) == {}


def test_a_hostile_text_is_kept_as_far_as_it_can_be(log, now):
    kept = scan(now, text="'; DROP TABLE scans; --\0\ud800 一物一码 \\", device='"quoted"\n')
    scan_log.record(log, [kept])
    (found,) = scan_log.by_ids(log, [kept.scan_id])
    assert found.text == "'; DROP TABLE scans; --\ufffd? 一物一码 \\"
    assert found.device == kept.device


def test_the_lives_of_items_cartons_members_and_addresses(log, now):
    minutes = [scan(now + timedelta(minutes=n), item=n % 2, sscc=str(n % 3), address=str(n % 2)) for n in range(6)]
    scan_log.record(log, minutes)
    newest = minutes[::-1]
    assert scan_log.of_item(log, 1) == [one for one in newest if one.item == 1]
    assert scan_log.of_sscc(log, "2", limit=1) == [minutes[5]]
    assert scan_log.of_address(log, "0") == [one for one in newest if one.address == "0"]
    assert scan_log.recent(log, limit=2) == newest[:2]
    page = scan_log.of_member(log, MEMBER, limit=4)
    assert page + scan_log.of_member(log, MEMBER, limit=4, before=page[-1].scan_id) == newest


def test_totals_per_hour_and_verdict(log, now):
    rows = [scan(now, verdict=v) for v in ("genuine", "genuine", "unknown")] + [scan(now + timedelta(hours=1))]
    scan_log.record(log, rows)
    hour = now.astimezone(UTC)
    assert scan_log.hourly(log, since=now) == [
        (hour, "genuine", 2), (hour, "unknown", 1), (hour + timedelta(hours=1), "genuine", 1),
    ]  # fmt: skip


def test_months_are_made_once_and_hold_what_their_ids_say(log, now):
    assert scan_log.ensure_partitions(log, now) == []
    made = scan_log.ensure_partitions(log, now + timedelta(days=31))
    assert made == ["scans_2026_09"]
    last, first = datetime(2026, 6, 30, 23, 59, 59, 999000, UTC), datetime(2026, 7, 1, tzinfo=UTC)
    scan_log.record(log, [scan(last), scan(first)])
    homes = log.execute(text("SELECT tableoid::regclass::text FROM scans ORDER BY scan_id")).scalars().all()
    assert homes == ["scans_2026_06", "scans_2026_07"]


def test_a_scan_from_no_month_is_an_error_and_not_lost_silently(log, now):
    with pytest.raises(DBAPIError, match="no partition"):
        scan_log.record(log, [scan(now + timedelta(days=400))])


def test_a_scan_recorded_by_another_transaction_first_is_stale(database, now):
    kept = scan(now)
    with transaction(database) as tx:
        scan_log.ensure_partitions(tx, now)
    with transaction(database) as tx:
        scan_log.record(tx, [kept])
    with pytest.raises(Stale), transaction(database) as tx:
        scan_log.record(tx, [scan(now), kept])
    with reading(database) as tx:
        assert [one.scan_id for one in scan_log.recent(tx)] == [kept.scan_id]


def test_the_lookups_use_their_index(log, now):
    scan_log.record(log, [scan(now, item=n) for n in range(300)])
    log.execute(text("SET LOCAL enable_seqscan = off"))
    by_id = f"EXPLAIN SELECT answer FROM scans WHERE scan_id = ANY(ARRAY[CAST('{ids.uuid7(now)}' AS uuid)])"
    plan = "\n".join(log.execute(text(by_id)).scalars())
    assert "_pkey" in plan
    by_item = "EXPLAIN SELECT * FROM scans WHERE item = 5 ORDER BY received_at DESC"
    assert "item_received_at_idx" in "\n".join(log.execute(text(by_item)).scalars())
