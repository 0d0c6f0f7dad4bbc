"""The audit trail: nobody rewrites it, and a seal shows when somebody did."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from foundation import audit


def test_a_line_cannot_be_rewritten(tx, now):
    audit.record(tx, actor="li", action="void", subject="run:1", now=now)
    with pytest.raises(DBAPIError, match="append-only"):
        tx.execute(text("UPDATE audit_log SET actor = 'wang'"))


def test_a_broken_seal_names_its_place(database, now):
    with database.begin() as tx:
        for n in range(5):
            audit.record(tx, actor="li", action="void", subject=f"run:{n}", after={"n": n}, now=now)
    with database.begin() as tx:
        assert audit.seal(tx, now=now) == 0, "rows younger than the delay stay open"
        assert audit.seal(tx, now=now + timedelta(minutes=1), limit=3) == 3
        assert audit.seal(tx, now=now + timedelta(minutes=1)) == 2
        assert audit.first_broken_seal(tx) is None
    with database.begin() as tx:
        tx.execute(text("ALTER TABLE audit_log DISABLE TRIGGER audit_log_is_append_only"))
        tx.execute(text("UPDATE audit_log SET actor = 'wang' WHERE id = 5"))
        assert audit.first_broken_seal(tx) == 5


def test_history_reads_in_order(tx, now):
    audit.record(tx, actor="li", action="assign", subject="case:1", now=now)
    audit.record(tx, actor="wang", action="close", subject="case:1", before="open", after="closed", now=now)
    audit.record(tx, actor="li", action="assign", subject="case:2", now=now)
    assert [(line.actor, line.action) for line in audit.history(tx, "case:1")] == [("li", "assign"), ("wang", "close")]
