"""`onecode migrate`, `onecode check`: the tables, and whether what stands in them is true."""

import json
from datetime import datetime, timedelta

import typer
from sqlalchemy import text

from antifraud.addresses import AddressBook
from codegen import keys as keyring
from foundation import audit, clock, schema
from foundation.database import ReadTx, reading
from foundation.settings import Settings
from loyalty import invariants
from scan_api.commands.options import Json
from scan_api.house import House, bring_up_to_date, open_house

SKEW = timedelta(seconds=1)  # Who reads the log waits twice that long for scans of another host (`scan_feed.DELAY`).


def migrate() -> None:
    """Create the tables or bring them up to date."""
    with open_house(Settings.from_environment(), migrated=False) as house:
        before = schema.current(house.engine)
        after = bring_up_to_date(house)
    print(f"schema {before or 'empty'} -> {after}" if before != after else f"schema {after}: nothing to do")


def check(as_json: Json = False) -> None:
    """Check configuration and invariants; exit 1 when one is broken."""
    with open_house(Settings.from_environment()) as house:
        found = list(broken(house))
    print(json.dumps({"broken": found}, ensure_ascii=False) if as_json else "\n".join(found) or "all is well")
    if found:
        raise typer.Exit(1)


def broken(house: House) -> list[str]:
    """A sentence for everything that is not as it must be; empty when all is well."""
    with reading(house.engine) as tx:
        skew = _skew(tx)
        keyring.load_ring(tx, house.keys)  # Raises when the master key is not the one the codes were made with.
        seal = audit.first_broken_seal(tx)
        books = invariants.check_invariants(tx)
    trail = [] if seal is None else [f"the audit trail was altered at or before line {seal}"]
    watch = [] if abs(skew) <= SKEW else [_apart(skew)]
    return watch + trail + books + AddressBook(house.settings.address_files).broken


def _skew(tx: ReadTx) -> timedelta:
    """How far this host's clock is before the database's, to within half of what the question takes."""
    asked = clock.now()
    told: datetime = tx.execute(text("SELECT clock_timestamp()")).scalar_one()
    return asked + (clock.now() - asked) / 2 - told


def _apart(skew: timedelta) -> str:
    seconds = abs(skew).total_seconds()
    side = "ahead of" if skew > timedelta() else "behind"
    return f"this host's clock is {seconds:.1f} s {side} the database's; set both by NTP to within a second"
