"""Opens the house: settings, then PostgreSQL (embedded or external), then keys. The one place that puts them together.

Every program comes in through here, so each refuses in the same sentence a database that is down or at another schema.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Engine

from antifraud import scan_log
from codegen.key_providers import open_provider
from codegen.keys import KeyProvider
from foundation import clock, database, embedded, observability, schema, telemetry
from foundation.settings import Settings
from loyalty import months
from scan_api import acting  # noqa: F401 Every program that ends an action on a case knows what the action did.


@dataclass(frozen=True, slots=True)
class House:
    settings: Settings
    url: str
    engine: Engine
    keys: KeyProvider

    def purpose_key(self, purpose: str) -> bytes:
        """32 bytes for one purpose outside the token (sessions, phone numbers), derived from the master key."""
        return self.keys.derive(f"onecode {purpose} v1".encode("ascii"), 32)


@contextmanager
def open_house(settings: Settings, *, migrated: bool = True, pool: int = 5) -> Iterator[House]:
    """A running database and usable keys. Raises DatabaseDown, SchemaBehind, MasterKeyUnusable."""
    with _database(settings) as url:
        engine = database.engine(url, pool=pool)
        observability.watch_statements(engine)
        telemetry.watch(engine)
        try:
            database.check(engine)
            if migrated:
                schema.require(engine)
            yield House(settings, url, engine, open_provider(settings))
        finally:
            engine.dispose()


@contextmanager
def _database(settings: Settings) -> Iterator[str]:
    if settings.database_url:
        yield settings.database_url.reveal()
        return
    server = embedded.start(settings.data_dir / "postgres")
    try:
        yield server.url()
    finally:
        server.close()


def bring_up_to_date(house: House) -> str:
    """Tables as this program wants them, and room for the scans of the coming months. Returns the schema's version."""
    version = schema.migrate(house.engine)
    with database.transaction(house.engine) as tx:
        scan_log.ensure_partitions(tx, clock.now())
        months.ensure_months(tx, clock.now())
    return version
