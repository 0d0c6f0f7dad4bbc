"""A campaign of a million scans: it ends with its budgets spent exactly as the rules say, shown from the ledger alone.

Three things run side by side over several connections: ten points a scan until the budget is gone, fifty more for a
member's fifth scan, and a pool of counted prizes. What must come out is computed here from the rules and the scans,
without the engine; what did come out is read from transfers, never from a counter. One JSON line.
"""

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, text

from foundation import clock
from foundation.bulk import write_all
from foundation.database import Lane, be_patient, reading, transaction
from foundation.ids import seeded, uuid7
from foundation.observability import configure_logging
from foundation.settings import Settings
from loyalty import campaigns, drawing, draws, earning, handing, invariants, members, prizes
from loyalty.campaigns import Terms
from loyalty.drawing import Taken
from loyalty.draws import Prize
from loyalty.earning import EarnRequest
from loyalty.members import MemberKeys
from loyalty.prizes import Content
from scan_api.house import bring_up_to_date, open_house

SCANS = 1_000_000
BATCH = 500
LANES = 3
GTIN = "06901234567892"
POINTS, BONUS, NTH = 10, 50, 5
FUNDED = 0.6  # Of the scans, so that the budget ends long before they do.


@dataclass(frozen=True, slots=True)
class Campaign:
    """accounts: of the budgets that pay POINTS and BONUS."""

    first: int
    fifth: int
    total: int
    pool: int


def run() -> dict[str, Any]:
    configure_logging("error")  # To standard error: the figures stand alone on standard output.
    folder = Path(tempfile.mkdtemp(prefix="oc-bench-"))
    folder.chmod(0o755)
    try:
        with open_house(Settings.from_environment({"ONECODE_DATA_DIR": str(folder)}), migrated=False) as house:
            bring_up_to_date(house)
            return play(house.engine, scans=int(os.environ.get("CAMPAIGN_SCANS", SCANS)))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def play(engine: Engine, *, scans: int) -> dict[str, Any]:
    """Run the campaign on an empty database. wrong: what differs from the rules, in sentences; empty: nothing."""
    now = clock.now()
    begun = now - timedelta(hours=2)
    people = _people(engine, max(10, scans // 20), now)
    made = _announce(engine, scans, begun)
    dice = seeded(scans)
    who = [dice.choice(people) for _ in range(scans)]
    started = time.perf_counter()
    with ThreadPoolExecutor(LANES) as pool:
        list(pool.map(lambda lane: _scan(engine, lane, now), _shares(who)))
    took_s = time.perf_counter() - started
    with transaction(engine) as tx:
        be_patient(tx)
        prizes.reveal(tx, made.pool, seeds=seed_of, by="Qian", now=now + timedelta(days=1))
    while _hand_over(engine, now):
        pass
    wrong = _wrong(engine, made, who)
    return {"scans": scans, "scans_per_s": round(scans / took_s), "budget_points": made.total, "wrong": wrong}


def _people(engine: Engine, how_many: int, now: datetime) -> list[UUID]:
    keys = MemberKeys(sealing=bytes(32), finding=bytes(range(32)))
    found = []
    for some in batched(range(how_many), 500):
        with transaction(engine) as tx:
            found += [members.find_or_create(tx, phone=f"+86139{n:08}", keys=keys, now=now) for n in some]
    return found


def seed_of(pool_id: int) -> bytes:
    return hashlib.sha256(b"campaign %d" % pool_id).digest()


def _announce(engine: Engine, scans: int, at: datetime) -> Campaign:
    total = int(scans * FUNDED) * POINTS
    with transaction(engine) as tx:
        first = campaigns.draft(
            tx, name_zh="首扫", name_en="First scan", rule="true", points=POINTS, budget_points=total, starts_at=at,
            now=at,
        )  # fmt: skip
        more = Terms(
            "第五次", "Fifth scan", f"nth_scan == {NTH}", {"kind": "fixed", "points": BONUS}, at, stacking="bonus"
        )
        fifth = campaigns.draft_terms(tx, more, budget_points=scans * BONUS, by=None, now=at)
        published = [campaigns.publish(tx, one.id, one.version, now=at) for one in (first, fifth)]
        table = (
            Prize(1, "red_packet", "红包", "Packet", 888, 888, 2, max(1, scans // 1000)),
            Prize(2, "points", "积分", "Points", 5, 0, 8, None),
            Prize(3, "nothing", "谢谢", "Nothing", 0, 0, 90, None),
        )
        pool = prizes.draft(
            tx,
            Content(
                brand_id=1,
                name_zh="开盖有奖",
                name_en="Open and win",
                prizes=table,
                out_of=100,
                disclosure=dict.fromkeys(prizes.DISCLOSED, "如公告"),
                starts_at=at + timedelta(hours=1),
                ends_at=at + timedelta(hours=12),
                minute_fen=10**6,
                hour_fen=10**7,
            ),
            by="Zhao",
            now=at,
        )
        prizes.publish(tx, pool.id, seeds=seed_of, by="Qian", now=at)
    return Campaign(published[0].budget_account, published[1].budget_account, total, pool.id)


def _shares(who: Sequence[UUID]) -> list[list[tuple[int, UUID]]]:
    numbered = list(enumerate(who, 1))
    return [numbered[lane::LANES] for lane in range(LANES)]


def batched(rows: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (rows[at : at + size] for at in range(0, len(rows), size))


def _scan(engine: Engine, share: Sequence[tuple[int, UUID]], now: datetime) -> None:
    """One connection's scans, batch by batch, as the use case does them: points and prizes in one transaction."""
    lane = Lane(engine)
    for batch in batched(share, BATCH):
        ids = [uuid7(now) for _ in batch]
        requests = [
            EarnRequest(scan_id, item, GTIN, 1, member, False, "", now, {"brand_id": 1})
            for scan_id, (item, member) in zip(ids, batch, strict=True)
        ]
        taken = [
            Taken(scan_id, item, 1, GTIN, member, False, now)
            for scan_id, (item, member) in zip(ids, batch, strict=True)
        ]
        with lane.transaction() as tx:
            _, points = earning.rewarding(tx, requests, now=now)
            _, drawn = drawing.drawing(tx, taken, seeds=seed_of, now=now)
            write_all(tx, [*points, *drawn], now=now)
    lane.close()


def _hand_over(engine: Engine, now: datetime) -> int:
    with transaction(engine) as tx:
        return handing.hand_over(tx, now=now, limit=5_000)


FROM_BUDGET = text("""
SELECT coalesce(sum(amount), 0), count(*), count(DISTINCT correlation_id), coalesce(min(amount), 0),
    coalesce(max(amount), 0)
FROM transfers WHERE source_id = :account
""")
OF_PRIZES = text("SELECT coalesce(sum(amount), 0), count(*) FROM transfers WHERE reason = 'prize' AND asset = 'points'")


def _wrong(engine: Engine, made: Campaign, who: Sequence[UUID]) -> list[str]:
    fifths = sum(times >= NTH for times in Counter(who).values())
    with reading(engine) as tx:
        be_patient(tx)
        published = prizes.published(tx, made.pool)
        pays = sum(place == 2 for _, _, place in _drawn(published))
        found = {
            "first scans": tuple(tx.execute(FROM_BUDGET, {"account": made.first}).one()),
            "fifth scans": tuple(tx.execute(FROM_BUDGET, {"account": made.fifth}).one()),
            "prizes": tuple(tx.execute(OF_PRIZES).one()),
            "draws": len(_drawn(published)),
        }
        rest = [*draws.check(published), *invariants.check_invariants(tx)]
    times = made.total // POINTS
    expected = {
        "first scans": (made.total, times, times, POINTS, POINTS),
        "fifth scans": (fifths * BONUS, fifths, fifths, BONUS, BONUS),
        "prizes": (pays * 5, pays),
        "draws": len(who),
    }
    return [f"{name}: {found[name]}, not {expected[name]}" for name in expected if found[name] != expected[name]] + rest


def _drawn(published: dict[str, Any]) -> list[Any]:
    return list(published["draws"])


if __name__ == "__main__":
    print(json.dumps(run()))
