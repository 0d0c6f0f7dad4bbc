"""`onecode apikeys`: keys for other systems. The secret is printed once, when the key is issued."""

import getpass
import json
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table

from foundation import clock
from foundation.database import reading, transaction
from foundation.settings import Settings
from scan_api import api_keys
from scan_api.commands.options import Json
from scan_api.house import open_house

app = typer.Typer(no_args_is_help=True, help="API keys of other systems: issue, list, revoke.")


@app.command()
def issue(
    name: Annotated[str, typer.Option(help="Who will use it, such as ERP.")],
    scope: Annotated[list[str], typer.Option(help=f"{', '.join(api_keys.SCOPES)}; may be repeated.")],
    days: Annotated[int, typer.Option(help="How long it lives.")] = 365,
    as_json: Json = False,
) -> None:
    """Issue a key and print it; it is shown this once."""
    with open_house(Settings.from_environment()) as house, transaction(house.engine) as tx:
        made, text = api_keys.issue(tx, name=name, scopes=scope, days=days, by=getpass.getuser(), now=clock.now())
    said = {"id": str(made.id), "key": text, "scopes": sorted(made.scopes), "expires_at": made.expires_at.isoformat()}
    print(
        json.dumps(said) if as_json else f"{text}\nKeep it now: it is not shown again. It ends on {said['expires_at']}."
    )


@app.command("list")
def list_keys(as_json: Json = False) -> None:
    """Every key by its hint; never the keys."""
    with open_house(Settings.from_environment()) as house, reading(house.engine) as tx:
        found = api_keys.keys(tx)
    said = [
        {
            "id": str(one.id),
            "hint": one.hint,
            "name": one.name,
            "scopes": " ".join(sorted(one.scopes)),
            "ends": (one.revoked_at or one.expires_at).isoformat(),
            "last_used": one.last_used_at.isoformat() if one.last_used_at else None,
        }
        for one in found
    ]
    if as_json:
        print(json.dumps(said, ensure_ascii=False))
        return
    table = Table("id", "hint", "name", "scopes", "ends", "last used")
    for one in said:
        table.add_row(*(value or "—" for value in one.values()))
    Console().print(table)


@app.command()
def revoke(key_id: UUID) -> None:
    """End a key at once, everywhere."""
    with open_house(Settings.from_environment()) as house, transaction(house.engine) as tx:
        ended = api_keys.revoke(tx, key_id, by=getpass.getuser(), now=clock.now())
    print(f"{ended.hint} of {ended.name} has ended")
