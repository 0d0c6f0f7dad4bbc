"""`onecode keys`: key epochs; never the keys."""

import json

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import select

from codegen import keys as keyring
from codegen import manifests
from codegen.tables import epochs
from foundation import audit, clock
from foundation.database import reading, transaction
from foundation.settings import Settings
from scan_api.commands.options import Json
from scan_api.house import open_house

app = typer.Typer(no_args_is_help=True, help="Key epochs: list, begin a new one, retire one.")


@app.command("list")
def list_keys(as_json: Json = False) -> None:
    """Every key epoch, its brand and whether it is live; never the keys."""
    with open_house(Settings.from_environment()) as house, reading(house.engine) as tx:
        rows = tx.execute(select(epochs).order_by(epochs.c.number)).all()
    said = [
        {
            "epoch": row.number,
            "brand_id": row.brand_id,
            "issued": row.next_index,
            "state": "retired" if row.retired_at else "live",
        }
        for row in rows
    ]
    if as_json:
        print(json.dumps(said))
        return
    table = Table("epoch", "brand", "items issued", "state")
    for one in said:
        table.add_row(*(str(value) for value in one.values()))
    Console().print(table)


@app.command()
def rotate(brand_id: int) -> None:
    """Begin a new key epoch for a brand: new runs use it, old codes still verify."""
    with open_house(Settings.from_environment()) as house, transaction(house.engine) as tx:
        now = clock.now()
        epoch = keyring.new_epoch(tx, brand_id=brand_id, provider=house.keys, now=now)
        audit.record(
            tx, actor="cli", action="keys.rotate", subject=f"brand:{brand_id}", after={"epoch": epoch}, now=now
        )
    print(f"epoch {epoch} is live for brand {brand_id}")


@app.command()
def retire(epoch: int) -> None:
    """Stop accepting an epoch's codes, for good."""
    with open_house(Settings.from_environment()) as house, transaction(house.engine) as tx:
        now = clock.now()
        keyring.retire(tx, epoch, now=now)
        audit.record(tx, actor="cli", action="keys.retire", subject=f"epoch:{epoch}", now=now)
    print(f"epoch {epoch} is retired; its codes no longer verify")


@app.command()
def public() -> None:
    """The public key that receivers check package manifests with; it may be told to anybody."""
    with open_house(Settings.from_environment()) as house:
        print(manifests.public_key(house.keys))
