"""The schema: migrated all or nothing, in agreement with the tables the code declares, refused when it is not."""

import importlib
import pkgutil
import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from foundation import database as db
from foundation import schema
from foundation.errors import SchemaBehind


def test_the_migrated_database_is_what_the_code_declares(engine):
    for package in ("foundation", "codegen", "printer_jobs", "loyalty", "antifraud", "scan_api"):
        inside = importlib.import_module(package)
        for module in pkgutil.walk_packages(inside.__path__, f"{package}."):
            if module.name.endswith("tables"):
                importlib.import_module(module.name)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "include_object": _ours, "compare_server_default": False}
        )
        assert compare_metadata(context, db.metadata) == []


def _ours(thing, name, kind, reflected, compare_to):
    """Alembic's own table, partitions and expression indexes are not declared in Python."""
    partition = kind == "table" and name.startswith(("scans_", "transfers_", "receipts_"))
    return not (name == "alembic_version" or partition or (kind == "index" and reflected and compare_to is None))


def test_an_older_schema_is_refused_in_one_sentence(database):
    with database.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    with pytest.raises(SchemaBehind, match=r"stands at migration 0001 .* run `onecode migrate`"):
        schema.require(database)


def test_two_migrators_take_turns(server):
    with db.engine(server.url()).connect().execution_options(isolation_level="AUTOCOMMIT") as admin:
        admin.execute(text("CREATE DATABASE raced"))
    engine = db.engine(server.url("raced"))
    said: list[str] = []
    migrators = [threading.Thread(target=lambda: said.append(schema.migrate(engine))) for _ in range(3)]
    for migrator in migrators:
        migrator.start()
    for migrator in migrators:
        migrator.join()
    assert said == [schema.head()] * 3
    schema.require(engine)
    engine.dispose()
