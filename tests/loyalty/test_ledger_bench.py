"""The measurement of the ledger, small: all sides run, every book is true afterwards, and an untrue one is named."""

import psycopg

from benchmarks import ledger, plain_ledger


def test_all_sides_are_measured_and_their_books_are_true(database, database_url):
    told = ledger.play(database, database_url, seconds=0.3, members=200, scale=1)
    assert told["wrong"] == []
    assert min(value for name, value in told.items() if name.endswith("_per_s")) > 0
    assert 100 < told["bytes_per_transfer"] < 100_000
    libpq = database_url.replace("postgresql+psycopg://", "postgresql://", 1)
    with psycopg.connect(libpq) as connection:
        connection.execute("UPDATE plain_accounts SET balance = balance + 1 WHERE id = 1")
    assert "not the sum of its lines" in plain_ledger.broken(libpq)
