"""Several packages' writes in one statement: together or not at all, in order, and counted."""

from uuid import UUID

import pytest
from sqlalchemy import text

from foundation.bulk import Write, record_set, write_all

ADD = f"INSERT INTO bulk_a SELECT * FROM {record_set('added', 'id integer, who uuid, at timestamptz')} RETURNING id"
JOIN = "INSERT INTO bulk_b SELECT id, :now FROM added RETURNING 1"


@pytest.fixture
def tables(tx):
    tx.execute(text("CREATE TEMP TABLE bulk_a (id integer PRIMARY KEY, who uuid, at timestamptz)"))
    tx.execute(text("CREATE TEMP TABLE bulk_b (id integer, at timestamptz)"))
    return tx


def rows(*ids, now):
    return [{"id": n, "who": UUID(int=n), "at": now} for n in ids]


def test_writes_happen_in_one_statement_and_may_read_each_other(tables, now):
    writes = [
        Write("added", ADD, rows(1, 2, now=now), 2),
        Write("absent", "DELETE FROM bulk_a RETURNING 1", []),
        Write("joined", JOIN, [{}]),
    ]
    assert write_all(tables, writes, now=now) == {"added": 2, "joined": 2}
    assert tables.execute(text("SELECT who, at FROM bulk_a ORDER BY id")).all() == [(UUID(int=n), now) for n in (1, 2)]
    assert tables.execute(text("SELECT count(*) FROM bulk_b WHERE at = :now"), {"now": now}).scalar() == 2


def test_nothing_to_write_is_no_statement(tx):
    assert write_all(tx, [Write("absent", "DELETE FROM no_such_table RETURNING 1", [])]) == {}


def test_a_write_that_met_a_faster_one_says_so(tables, now):
    tables.execute(text("INSERT INTO bulk_a (id) VALUES (1)"))
    late = Write(
        "added", ADD.replace("RETURNING", "ON CONFLICT DO NOTHING RETURNING"), rows(1, 2, now=now), 2, KeyError()
    )
    with pytest.raises(KeyError):
        write_all(tables, [late], now=now)


def test_a_write_that_met_a_faster_one_stops_those_after_it(database, now):
    """The rows after it may be locked by whoever waits for us: not touching them is what prevents a deadlock."""
    with database.begin() as tx:
        tx.execute(text("CREATE TABLE bulk_a (id integer PRIMARY KEY, who uuid, at timestamptz)"))
        tx.execute(text("CREATE TABLE bulk_c (id integer PRIMARY KEY, at timestamptz)"))
        tx.execute(text("INSERT INTO bulk_a (id) VALUES (1)"))
        tx.execute(text("INSERT INTO bulk_c (id) VALUES (7)"))
    first = ADD.replace("RETURNING", "ON CONFLICT DO NOTHING RETURNING")
    then = (
        f"INSERT INTO bulk_c SELECT id, :now FROM {record_set('kept', 'id integer')}"
        " ON CONFLICT (id) DO UPDATE SET at = excluded.at RETURNING 1"
    )
    writes = [Write("added", first, rows(1, now=now), 1, KeyError()), Write("kept", then, [{"id": 7}], 1)]
    with database.begin() as holder, database.connect() as ours:
        holder.execute(text("SELECT * FROM bulk_c FOR UPDATE"))
        ours.execute(text("SET LOCAL lock_timeout = '5s'"))
        with pytest.raises(KeyError):
            write_all(ours, writes, now=now)
        ours.rollback()
