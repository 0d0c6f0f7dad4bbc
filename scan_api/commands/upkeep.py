"""`onecode migrate`, `onecode check`: the tables, and whether what stands in them is true."""

import json

import typer

from codegen import keys as keyring
from foundation import audit, schema
from foundation.database import reading
from foundation.settings import Settings
from loyalty import invariants
from scan_api.commands.options import Json
from scan_api.house import House, bring_up_to_date, open_house


def migrate() -> None:
    """Create the tables or bring them up to date."""
    with open_house(Settings.from_environment(), migrated=False) as house:
        before = schema.current(house.engine)
        after = bring_up_to_date(house)
    print(f"schema {before or 'empty'} -> {after}" if before != after else f"schema {after}: nothing to do")


def check(as_json: Json = False) -> None:
    """Check configuration and invariants; exit 1 when one is broken."""
    with open_house(Settings.from_environment()) as house:
        broken = list(_broken(house))
    print(json.dumps({"broken": broken}, ensure_ascii=False) if as_json else "\n".join(broken) or "all is well")
    if broken:
        raise typer.Exit(1)


def _broken(house: House) -> list[str]:
    with reading(house.engine) as tx:
        keyring.load_ring(tx, house.keys)  # Raises when the master key is not the one the codes were made with.
        seal = audit.first_broken_seal(tx)
        books = invariants.check_invariants(tx)
    trail = [] if seal is None else [f"the audit trail was altered at or before line {seal}"]
    return trail + books
