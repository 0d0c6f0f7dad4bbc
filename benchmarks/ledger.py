"""Transfers a second through the ledger, in batches against one campaign budget (the hot case) and against many.

Beside it in the same run, on the same server with the same number of connections: a plain two-row-update ledger (one
transaction a transfer, and in batches of the same size), and pgbench's built-in TPC-B, from the same PostgreSQL. Each
award of ours takes a key, spends a lease of the budget, moves a balance, makes a lot and writes one transfer; the books
are proved afterwards. Bytes a transfer are what all tables and indexes grew by. One JSON line.
"""

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, text

from benchmarks import plain_ledger
from benchmarks.plain_ledger import Pair
from foundation import clock, embedded
from foundation.database import Lane, be_patient, reading, transaction
from foundation.ids import seeded, uuid7
from foundation.observability import configure_logging
from foundation.settings import Settings
from loyalty import accounts, budgets, invariants, ledger
from loyalty.accounts import Account
from loyalty.budgets import Budget
from loyalty.idempotency import Key
from loyalty.ledger import Post
from scan_api.house import bring_up_to_date, open_house

LANES = 4
BATCH = 100
SECONDS = 6.0
MEMBERS = 20_000
MANY = 64
POINTS = 10
SCALE = 10  # Of pgbench: a million accounts, ten tellers a branch.


@dataclass(frozen=True, slots=True)
class Town:
    """Members with open accounts, and the budgets that pay them."""

    members: tuple[Account, ...]
    budgets: tuple[Budget, ...]


def run() -> dict[str, Any]:
    configure_logging("error")  # To standard error: the figures stand alone on standard output.
    folder = Path(tempfile.mkdtemp(prefix="oc-bench-"))
    folder.chmod(0o755)
    try:
        with open_house(Settings.from_environment({"ONECODE_DATA_DIR": str(folder)}), migrated=False) as house:
            bring_up_to_date(house)
            return play(house.engine, house.url, seconds=float(os.environ.get("LEDGER_SECONDS", SECONDS)))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def play(engine: Engine, url: str, *, seconds: float, members: int = MEMBERS, scale: int = SCALE) -> dict[str, Any]:
    """All sides on an empty database. wrong: sentences; empty: every book is true, ours and the plain one."""
    libpq = url.replace("postgresql+psycopg://", "postgresql://", 1)
    town = _build(engine, members)
    before = _size(engine), _transfers(engine)
    hot = _ours(engine, town, town.budgets[:1], seconds)
    bytes_each = (_size(engine) - before[0]) / (_transfers(engine) - before[1])
    many = _ours(engine, town, town.budgets[1:], seconds)
    plain_ledger.make(libpq, members + MANY)
    plain = {
        name: plain_ledger.run(libpq, _pairs(members, sources), seconds=seconds, amount=POINTS, batch=batch)
        for name, sources, batch in (
            ("plain_hot", 1, 1), ("plain_many", MANY, 1), ("plain_hot_batched", 1, BATCH),
        )
    }  # fmt: skip
    tpcb = _pgbench(libpq, scale, seconds)
    figures = {"hot": hot, "many": many, **plain, "pgbench_tpcb": tpcb}
    return {
        **{f"{name}_per_s": round(value) for name, value in figures.items()},
        "ratio_hot_to_plain": round(hot / plain["plain_hot"], 2),
        "ratio_many_to_plain": round(many / plain["plain_many"], 2),
        "ratio_hot_to_plain_batched": round(hot / plain["plain_hot_batched"], 2),
        "ratio_hot_to_tpcb": round(hot / tpcb, 2),
        "bytes_per_transfer": round(bytes_each),
        "connections": LANES,
        "batch": BATCH,
        "wrong": _wrong(engine, libpq),
    }


def _build(engine: Engine, many: int) -> Town:
    now = clock.now()
    found = tuple(Account("member", str(uuid7(now))) for _ in range(many))
    with transaction(engine) as tx:
        be_patient(tx)
        accounts.open_accounts(tx, found, now=now)
        funds = tuple(budgets.add_budget(tx, name=f"budget {at}", total=10**12, now=now) for at in range(MANY + 1))
    return Town(found, funds)


def _ours(engine: Engine, town: Town, funds: tuple[Budget, ...], seconds: float) -> float:
    """Transfers a second of LANES connections, each committing batch after batch."""

    def lane(number: int) -> int:
        dice, mine, done = seeded(number), Lane(engine), 0
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            now = clock.now()
            paid = [dice.choice(funds) for _ in range(BATCH)]
            posts = [_award(uuid7(now), one, dice.choice(town.members)) for one in paid]
            with mine.transaction() as tx:
                for budget_id, times in sorted(Counter(one.id for one in paid).items()):
                    assert budgets.spend(tx, budget_id, [POINTS] * times, now=now) == times, "the budget is endless"
                outcomes = ledger.post(tx, posts, now=now)
            done += sum(one.state == "posted" for one in outcomes)
        mine.close()
        return done

    started = time.perf_counter()
    with ThreadPoolExecutor(LANES) as pool:
        total = sum(pool.map(lane, range(LANES)))
    return total / (time.perf_counter() - started)


def _award(scan_id: UUID, source: Budget, member: Account) -> Post:
    return Post(
        Key("scan", str(scan_id)), "award", source.account_id, member, POINTS, "first-scan", expiry="days:365",
        correlation_id=scan_id,
    )  # fmt: skip


def _pairs(members: int, sources: int) -> list[Callable[[], Pair]]:
    """For each lane: from one of the first `sources` accounts to any member's."""

    def pairs(number: int) -> Callable[[], Pair]:
        dice = seeded(number)
        return lambda: (dice.randint(1, sources), dice.randint(MANY + 1, MANY + members))

    return [pairs(number) for number in range(LANES)]


def _pgbench(url: str, scale: int, seconds: float) -> float:
    """Transactions a second of the built-in TPC-B, prepared, with as many clients."""
    pgbench = embedded.program("pgbench")
    subprocess.run([pgbench, "-i", "-q", "-s", str(scale), url], check=True, capture_output=True)
    timed = ["-c", str(LANES), "-j", "2", "-M", "prepared", "-T", str(max(1, round(seconds)))]
    told = subprocess.run([pgbench, *timed, url], check=True, capture_output=True, text=True).stdout
    return float(next(line for line in told.splitlines() if line.startswith("tps = ")).split()[2])


def _size(engine: Engine) -> int:
    with reading(engine) as tx:
        return int(tx.execute(_GROWN).scalar_one())


_GROWN = text("""
SELECT sum(pg_total_relation_size(oid)) FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
""")


def _transfers(engine: Engine) -> int:
    with reading(engine) as tx:
        return int(tx.execute(text("SELECT count(*) FROM transfers")).scalar_one())


def _wrong(engine: Engine, url: str) -> list[str]:
    with reading(engine) as tx:
        be_patient(tx)
        return [one for one in [*invariants.check_invariants(tx), plain_ledger.broken(url)] if one]


if __name__ == "__main__":
    print(json.dumps(run()))
