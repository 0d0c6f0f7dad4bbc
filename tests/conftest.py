"""One embedded PostgreSQL per test process, one migrated template in it, cheap copies for tests that commit."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from foundation import database, embedded, schema
from foundation.database import ReadTx, Tx
from tests.support.warm import Warm

_copies = count(1)

# The suite kills processes, never the machine: what they wrote is there without a disk. Profiled: with hundreds of
# copies of the template, a thousand files each, ext4 spent 40 % of both processors on inodes not deleted lately.
MEMORY, ENOUGH = Path("/dev/shm"), 4 << 30
UNAFRAID = ("fsync = off", "full_page_writes = off", "max_wal_size = '512MB'")


@pytest.fixture(scope="session")
def server() -> Iterator[embedded.Embedded]:
    in_memory = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= ENOUGH
    folder = Path(tempfile.mkdtemp(prefix="oc-", dir=MEMORY if in_memory else None))
    folder.chmod(0o755)
    started = embedded.start(folder / "pg")
    for setting in UNAFRAID:
        _run(started, f"ALTER SYSTEM SET {setting}")
    _run(started, "SELECT pg_reload_conf()")
    yield started
    started.close()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def template(server: embedded.Embedded) -> str:
    """A migrated, empty database that others are copied from; nobody stays connected to it."""
    _create(server, "template_onecode")
    engine = database.engine(server.url("template_onecode"))
    schema.migrate(engine)
    engine.dispose()
    return "template_onecode"


@pytest.fixture(scope="session")
def engine(server: embedded.Embedded, template: str) -> Iterator[Engine]:
    """A migrated database for tests that roll back."""
    _create(server, "shared", template)
    engine = database.engine(server.url("shared"))
    yield engine
    engine.dispose()


@pytest.fixture
def tx(engine: Engine) -> Iterator[Tx]:
    with engine.connect() as connection:
        begun = connection.begin()
        brands = connection.scalar(text("SELECT count(*) FROM brands"))
        assert brands == 0, "an earlier test committed here: use `database`"
        yield Tx(ReadTx(connection))
        begun.rollback()


@pytest.fixture
def database_url(server: embedded.Embedded, template: str) -> Iterator[str]:
    """An empty migrated database of this test's own."""
    name = f"copy_{next(_copies)}"
    _create(server, name, template)
    yield server.url(name)
    _run(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(name="database")
def _database(database_url: str) -> Iterator[Engine]:
    """Connections to an empty migrated database: for tests that commit, race or crash."""
    engine = database.engine(database_url, pool=20, overflow=60)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warm]:
    """Starts programs of ours without waiting for their imports."""
    started = Warm(tmp_path_factory.mktemp("warm"))
    yield started
    started.close()


@pytest.fixture
def now() -> datetime:
    return datetime(2026, 6, 1, 12, 0, tzinfo=timezone(timedelta(hours=8)))


def _create(server: embedded.Embedded, name: str, template: str = "template1") -> None:
    _run(server, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")


def _run(server: embedded.Embedded, statement: str) -> None:
    admin = database.engine(server.url())
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(statement))
    admin.dispose()
