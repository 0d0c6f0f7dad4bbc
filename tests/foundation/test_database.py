"""A lost database, a lost race and a refused statement are three things, and each is told apart by its SQLSTATE."""

import psycopg.errors as pg
import pytest
from sqlalchemy.exc import IntegrityError, OperationalError

from foundation.database import is_lost, is_raced


@pytest.mark.parametrize(
    ("kind", "cause", "lost", "raced"),
    [
        (OperationalError, Exception("server closed the connection"), True, False),
        (OperationalError, pg.AdminShutdown("bye"), True, False),
        (OperationalError, pg.TooManyConnections("full"), True, False),
        (OperationalError, pg.DeadlockDetected("ring"), False, True),
        (OperationalError, pg.SerializationFailure("raced"), False, True),
        (OperationalError, pg.QueryCanceled("too slow"), False, False),
        (IntegrityError, pg.UniqueViolation("twice"), False, False),
    ],
)
def test_what_went_wrong(kind, cause, lost, raced):
    error = kind("SELECT 1", {}, cause)
    assert (is_lost(error), is_raced(error)) == (lost, raced)
