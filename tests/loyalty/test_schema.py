"""The tables declared and the tables migrated are the same, name by name and type by type."""

from sqlalchemy import CheckConstraint, inspect

from foundation.database import metadata
from loyalty import tables


def test_the_migration_makes_what_is_declared(engine):
    there = inspect(engine)
    declared = [table for table in metadata.sorted_tables if getattr(tables, table.name, None) is table]
    assert len(declared) == 21
    for table in declared:
        columns = {found["name"]: found for found in there.get_columns(table.name)}
        assert list(columns) == [column.name for column in table.columns]
        for column in table.columns:
            migrated = columns[column.name]
            assert migrated["type"].compile(engine.dialect) == column.type.compile(engine.dialect), column
            assert migrated["nullable"] == (column.nullable and not column.primary_key), column
        found = [one for one in there.get_indexes(table.name) if not one.get("duplicates_constraint")]
        indexes = {(one["name"], tuple(one["column_names"]), one["unique"]) for one in found}
        assert indexes == {(index.name, tuple(index.columns.keys()), index.unique) for index in table.indexes}
        checks = {found["name"] for found in there.get_check_constraints(table.name)}
        assert checks == {one.name for one in table.constraints if isinstance(one, CheckConstraint)}
        assert {found["name"] for found in there.get_foreign_keys(table.name)} == {
            key.constraint.name or f"{table.name}_{key.parent.name}_fkey" for key in table.foreign_keys
        }
