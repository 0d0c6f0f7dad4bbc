"""The ledger most people would write: two balance rows are updated and one line is added, a transaction a transfer.

What ours is compared with. It has no idempotency, no lots, no holds, no budgets that end: only that the sum is right.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg

TABLES = """
DROP TABLE IF EXISTS plain_transfers, plain_accounts;
CREATE TABLE plain_accounts (id bigint PRIMARY KEY, balance bigint NOT NULL);
CREATE TABLE plain_transfers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, source bigint NOT NULL,
    target bigint NOT NULL, amount bigint NOT NULL, created_at timestamptz NOT NULL DEFAULT now());
INSERT INTO plain_accounts SELECT id, 0 FROM generate_series(1, %(accounts)s) AS id;
ANALYZE plain_accounts;
"""
TAKE = "UPDATE plain_accounts SET balance = balance - %s WHERE id = %s"
GIVE = "UPDATE plain_accounts SET balance = balance + %s WHERE id = %s"
NOTE = "INSERT INTO plain_transfers (source, target, amount) VALUES (%s, %s, %s)"

Pair = tuple[int, int]  # source, target


def make(url: str, accounts: int) -> None:
    """Accounts 1 to `accounts`, all at zero."""
    with psycopg.connect(url) as connection:
        connection.execute(TABLES.replace("%(accounts)s", str(int(accounts))))


def run(url: str, lanes: Sequence[Callable[[], Pair]], *, seconds: float, amount: int, batch: int = 1) -> float:
    """Transfers a second of one connection a lane; `batch`: so many transfers a transaction, in target order."""

    def lane(next_pair: Callable[[], Pair]) -> int:
        done, until = 0, time.perf_counter() + seconds
        with closing(psycopg.connect(url)) as connection:
            while time.perf_counter() < until:
                with connection.transaction(), connection.cursor() as cursor:
                    for source, target in sorted((next_pair() for _ in range(batch)), key=lambda pair: pair[1]):
                        cursor.execute(TAKE, (amount, source))
                        cursor.execute(GIVE, (amount, target))
                        cursor.execute(NOTE, (source, target, amount))
                done += batch
        return done

    started = time.perf_counter()
    with ThreadPoolExecutor(len(lanes)) as pool:
        total = sum(pool.map(lane, lanes))
    return total / (time.perf_counter() - started)


def broken(url: str) -> str:
    """Empty: every balance is the sum of its lines; else a sentence."""
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM plain_accounts a WHERE balance <> (SELECT coalesce(sum(amount), 0) FROM"
            " plain_transfers WHERE target = a.id) - (SELECT coalesce(sum(amount), 0) FROM plain_transfers"
            " WHERE source = a.id) AND a.id <= 100"
        ).fetchone()
    return "" if row == (0,) else "a plain balance is not the sum of its lines"
