"""kill -9 of API, database and worker under load: what was answered is there, what was not can be sent again (P4)."""

import asyncio
import sys

import httpx
import pytest
from sqlalchemy.exc import OperationalError

from foundation import clock
from foundation.database import transaction
from loyalty.invariants import check_invariants
from tests.support.siege import Siege, besieged, enqueue, rows, stock
from tests.support.world import POINTS

# A credited scan left its trace in each of these; a trace without the scan would be half a scan.
TRACES = """
SELECT count(*) AS credited,
       count(*) FILTER (WHERE EXISTS (SELECT FROM claims c WHERE c.scan_id = s.scan_id AND c.item = s.item)) AS claims,
       count(*) FILTER (WHERE EXISTS (SELECT FROM items i WHERE i.item = s.item)) AS items,
       count(*) FILTER (WHERE (SELECT count(*) FROM transfers t WHERE t.correlation_id = s.scan_id) = 1) AS transfers,
       count(*) FILTER (WHERE EXISTS (SELECT FROM idempotency k WHERE k.key = CAST(s.item AS text))) AS keys,
       (SELECT count(*) FROM claims) AS all_claims,
       (SELECT count(*) FROM transfers WHERE asset = 'points') AS all_transfers
FROM scans s WHERE s.reward_state IN ('credited', 'held')
"""


def everything_adds_up(siege: Siege) -> None:
    engine = siege.house.engine
    answered = {str(one.scan_id): one.answer for one in siege.sent if one.answer is not None}
    kept = {str(row.scan_id): row.answer for row in rows(engine, "SELECT scan_id, answer FROM scans")}
    assert answered, "the phones were answered now and then"
    for scan_id, answer in answered.items():
        assert {name: answer[name] for name in kept[scan_id]} == kept[scan_id]
    (traces,) = rows(engine, TRACES)
    assert set(traces) == {traces.credited}, traces
    paid = rows(engine, "SELECT item, count(*) FROM claims GROUP BY item HAVING count(*) > 1")
    assert paid == []
    # Growth follows the points by itself, once a scan at most; the worker may have died before it did.
    (followed,) = rows(engine, "SELECT count(*) AS scans FROM transfers WHERE asset = 'growth'")
    assert followed.scans <= traces.credited
    total = sum(row.amount for row in rows(engine, "SELECT amount FROM transfers WHERE asset = 'points'"))
    assert total == POINTS * traces.credited
    with transaction(engine) as tx:
        assert check_invariants(tx) == []


async def send_what_is_left(siege: Siege) -> None:
    """Whoever gave up sends the same scan again, days later for all we know."""
    async with httpx.AsyncClient(timeout=20) as http:
        for one in siege.sent:
            while one.answer is None:
                await siege.send(http, one)


async def until_relayed(siege: Siege) -> None:
    for _ in range(300):
        try:
            if rows(siege.house.engine, "SELECT id FROM outbox") == []:
                return
        except OperationalError:
            pass
        await asyncio.sleep(0.1)
    raise AssertionError("the relay left work in the outbox")


def endure(seed, *, deaths, bottles):
    with besieged(seed) as siege:
        items, tokens = stock(siege.house, bottles)
        enqueue(siege.house.engine, 20)
        began = clock.now()
        asyncio.run(siege.run(items, tokens, deaths=deaths))
        siege.house.engine.dispose()  # Its connections died with the database.
        everything_adds_up(siege)
        asyncio.run(send_what_is_left(siege))
        everything_adds_up(siege)
        asyncio.run(until_relayed(siege))
        again = sum(one.tries > 1 for one in siege.sent)
        took = clock.now() - began
        sys.stdout.write(f"seed {seed}: {siege.deaths} died in {took}; {again} of {len(siege.sent)} sent again\n")
        return siege


@pytest.mark.timeout(240)
def test_deaths_under_load_lose_and_double_nothing():
    siege = endure(1, deaths=6, bottles=3_000)
    assert sum(siege.deaths.values()) == 6


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_hundred_deaths_under_load():
    siege = endure(2026, deaths=100, bottles=60_000)
    assert sum(siege.deaths.values()) == 100
    assert all(siege.deaths.values())
