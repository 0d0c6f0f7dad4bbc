"""A world on disk: one folder a table and one `.npy` file a column, so that a reader may map or stream what it needs.

    events/   what a detector may see: scans, cartons, stores, referrals, dealers.json, registered.npy (persons the
              brand holds to be restaurants or shops)
    truth/    what was true: scans, items, cartons, actors, dealers, referrals
    world.json, README.md

The same world is the same bytes. A folder appears whole or not at all.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from antifraud.columns import METHODS, Cartons, Columns, Dealers, Events, Outcome, Referrals, Scans, StoreScans
from antifraud.simulator.adversaries.diverter import Style
from antifraud.simulator.plan import Attack
from antifraud.simulator.truth import (
    TrueActors,
    TrueCartons,
    TrueDealers,
    TrueItems,
    TrueReferrals,
    TrueScans,
    Truth,
)
from antifraud.simulator.visits import Cause
from antifraud.simulator.world import World
from foundation.errors import BadRequest

EVENTS: Mapping[str, type[Columns]] = {
    "scans": Scans, "cartons": Cartons, "stores": StoreScans, "referrals": Referrals,
}  # fmt: skip
TRUTH: Mapping[str, type[Columns]] = {
    "scans": TrueScans, "items": TrueItems, "cartons": TrueCartons, "actors": TrueActors, "dealers": TrueDealers,
    "referrals": TrueReferrals,
}  # fmt: skip
Table = TypeVar("Table", bound=Columns)


def check_target(folder: Path) -> None:
    """Raises BadRequest unless a world can be written there: a new name, or an empty folder."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadRequest(f"{folder} is not an empty folder; name a new one, so that no other world is overwritten.")
    if not folder.parent.is_dir():
        raise BadRequest(f"{folder.parent} is no folder; make it first.")


def write(world: World, folder: Path, about: Mapping[str, Any]) -> None:
    """Write a world. about: seed, plan and parameters, for world.json."""
    check_target(folder)
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    for area, of, tables in (("events", world.events, EVENTS), ("truth", world.truth, TRUTH)):
        for name in tables:
            _write_table(part / area / name, getattr(of, name))
    np.save(part / "events" / "registered.npy", world.registered, allow_pickle=False)
    (part / "events" / "dealers.json").write_text(_dealers_text(world.events.dealers), "utf-8")
    (part / "world.json").write_text(json.dumps(about, ensure_ascii=False, indent=1, sort_keys=True) + "\n", "utf-8")
    (part / "README.md").write_text(_readme(world), "utf-8")
    if folder.exists():
        folder.rmdir()
    part.replace(folder)


def read_events(folder: Path) -> Events:
    """What detectors may see, mapped into memory: a column costs memory only where it is read."""
    tables = {name: _read_table(folder / "events" / name, kind) for name, kind in EVENTS.items()}
    dealers = _dealers(folder / "events" / "dealers.json")
    return Events(dealers=dealers, **tables)  # type: ignore[arg-type]


def read_truth(folder: Path) -> Truth:
    return Truth(**{name: _read_table(folder / "truth" / name, kind) for name, kind in TRUTH.items()})  # type: ignore[arg-type]


def _write_table(folder: Path, table: Columns) -> None:
    folder.mkdir(parents=True)
    for one in fields(table):  # type: ignore[arg-type]  # Every table is a dataclass, its base is not.
        np.save(folder / f"{one.name}.npy", getattr(table, one.name), allow_pickle=False)


def _read_table(folder: Path, kind: type[Table]) -> Table:
    columns = {one.name: np.load(folder / f"{one.name}.npy", mmap_mode="r") for one in fields(kind)}  # type: ignore[arg-type]
    return kind(**columns)


def _dealers_text(dealers: Dealers) -> str:
    held = {str(dealer): [[start, until, sorted(regions)] for start, until, regions in rows]
            for dealer, rows in sorted(dealers.territory.items())}  # fmt: skip
    return json.dumps(held, indent=0) + "\n"


def _dealers(path: Path) -> Dealers:
    held = json.loads(path.read_text("utf-8"))
    return Dealers({
        int(dealer): tuple((start, until, frozenset(regions)) for start, until, regions in rows)
        for dealer, rows in held.items()
    })  # fmt: skip


def _readme(world: World) -> str:
    """Every table with its meaning and columns, as the program itself describes them."""
    parts = ["# A simulated world", __doc__ or ""]
    for area, of, tables in (("events", world.events, EVENTS), ("truth", world.truth, TRUTH)):
        for name, kind in tables.items():
            table = getattr(of, name)
            meaning = " ".join((kind.__doc__ or "").split())
            columns = [f"| {one.name} | {getattr(table, one.name).dtype} |" for one in fields(table)]
            parts += [
                f"## {area}/{name}: {len(table):,} rows",
                meaning,
                "\n".join(["| column | type |", "| --- | --- |", *columns]),
            ]
    parts += [f"## events/registered.npy: {len(world.registered):,} persons", "One row a person, rising."]
    parts += ["## events/dealers.json", "dealer: [[from_us, until_us, [regions]], …]; until 0 is open-ended"]
    parts += ["## Numbers", "method: " + ", ".join(f"{at} {name}" for at, name in enumerate(METHODS))]
    for name, numbers in (("outcome", Outcome), ("cause", Cause), ("attack", Attack), ("style", Style)):
        parts.append(f"{name}: " + ", ".join(f"{int(one)} {one.name.lower()}" for one in numbers))
    return "\n\n".join(parts) + "\n"
