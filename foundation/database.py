"""One PostgreSQL, reached through SQLAlchemy Core; the edge opens the transaction and passes it on.

Nobody below the edge commits. READ COMMITTED: a statement that waited for a lock sees the winner's row.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import NewType

from sqlalchemy import Connection, Engine, MetaData, create_engine, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from foundation.errors import DatabaseDown

metadata = MetaData(
    naming_convention={
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(constraint_name)s",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "pk": "%(table_name)s_pkey",
    }
)

ReadTx = NewType("ReadTx", Connection)
"""A transaction that only reads."""
Tx = NewType("Tx", ReadTx)
"""A transaction that may write; it may be passed wherever reading is wanted."""


def engine(url: str, *, pool: int = 5, overflow: int = 5, statement_timeout_ms: int = 15_000) -> Engine:
    """Connections to `url`, checked before use so that a restarted server costs no failed request."""
    settings = {
        "statement_timeout": statement_timeout_ms,
        "idle_in_transaction_session_timeout": 60_000,
        "timezone": "UTC",
        # Statements are prepared and run thousands of times: planning anew was a third of a small batch of scans.
        "plan_cache_mode": "force_generic_plan",
        "jit": "off",
    }
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    return create_engine(
        url,
        pool_size=pool,
        max_overflow=overflow,
        pool_pre_ping=True,
        connect_args={"options": options, "connect_timeout": 5, "application_name": "onecode"},
    )


@contextmanager
def transaction(engine: Engine) -> Iterator[Tx]:
    """Commit at the end, roll back on any exception."""
    with engine.begin() as connection:
        yield Tx(ReadTx(connection))


class Lane:
    """One thread's own connection, kept from one transaction to the next.

    Taking one from the pool costs a look whether it still lives, a third of a small batch of scans. Here nobody looks:
    a connection that died fails one transaction, and the next opens another.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None

    @contextmanager
    def transaction(self) -> Iterator[Tx]:
        """Commit at the end, roll back on any exception."""
        if self._connection is None or self._connection.invalidated:
            self.close()
            self._connection = self._engine.connect()
        with self._connection.begin():
            yield Tx(ReadTx(self._connection))

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@contextmanager
def reading(engine: Engine) -> Iterator[ReadTx]:
    """A read-only transaction: PostgreSQL itself refuses a write."""
    with engine.begin() as connection:
        connection.execute(text("SET TRANSACTION READ ONLY"))
        yield ReadTx(connection)


def be_patient(tx: ReadTx) -> None:
    """Let the statements of this transaction take as long as they need: a proof reads every row there is."""
    tx.execute(text("SET LOCAL statement_timeout = 0"))


def settled_before(tx: ReadTx, now: datetime, *, delay: timedelta) -> datetime:
    """No transaction that is still running began before this instant, nor within `delay`: later commits are later."""
    oldest = tx.execute(_OLDEST).scalar()
    return min(now - delay, oldest - delay) if oldest else now - delay


_OLDEST = text(
    "SELECT min(xact_start) FROM pg_stat_activity"
    " WHERE pid <> pg_backend_pid() AND datname = current_database() AND backend_type = 'client backend'"
)


def is_lost(error: BaseException) -> bool:
    """Whether the database went away, as opposed to refusing a statement. SQLSTATE classes: 08 connection, 53, 57."""
    if not isinstance(error, (OperationalError, InterfaceError)):
        return isinstance(error, DBAPIError) and error.connection_invalidated
    state = _state(error)
    return state is None or (state[:2] in ("08", "53", "57") and state != "57014")  # 57014 is a statement's timeout.


def is_raced(error: BaseException) -> bool:
    """Whether the transaction lost to another and may simply be tried again: deadlock, serialisation failure."""
    return isinstance(error, DBAPIError) and _state(error) in ("40P01", "40001")


def _state(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)


def check(engine: Engine) -> None:
    """Raise DatabaseDown with one sentence when PostgreSQL does not answer."""
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except DBAPIError as error:
        where = engine.url.render_as_string(hide_password=True)
        raise DatabaseDown(
            f"PostgreSQL at {where} does not answer; start it or correct ONECODE_DATABASE_URL."
        ) from error
