"""The schema's version: bring it up to date, or say in one sentence that it is not.

Nothing but `migrate` changes a schema. Two migrators at once take turns by an advisory lock.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from foundation.errors import SchemaBehind, Unavailable

_MIGRATION_LOCK = 0x6F6E65636F6465  # "onecode": one migrator at a time.


def head() -> str:
    """The newest revision this program knows."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    assert revision is not None
    return revision


def current(engine: Engine) -> str | None:
    """The revision the database stands at; None before the first migration."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def migrate(engine: Engine) -> str:
    """Bring the schema to `head()`, all or nothing. Raises Unavailable when a lock could not be had in time."""
    config = _config()
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) in ("55P03", "57014"):
            raise Unavailable(
                "A migration waited too long for a busy table; nothing was changed, try again."
            ) from error
        raise
    return head()


def require(engine: Engine) -> None:
    """Raise SchemaBehind unless the database stands exactly where this program expects it."""
    found, wanted = current(engine), head()
    if found == wanted:
        return
    stands = f"stands at migration {found}" if found else "has no tables yet"
    raise SchemaBehind(f"The database {stands} and this program needs {wanted}; run `onecode migrate`.")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config
