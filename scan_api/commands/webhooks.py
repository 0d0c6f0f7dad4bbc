"""`onecode webhooks`: where other systems are told what happened, and sending again what they missed."""

import getpass
import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from foundation import clock
from foundation.database import reading, transaction
from foundation.settings import Settings
from scan_api import webhooks
from scan_api.commands.options import Json
from scan_api.house import House, open_house
from scan_api.webhooks import Secrets

app = typer.Typer(no_args_is_help=True, help="Webhooks: add an endpoint, list them, rotate a secret, send again.")


@app.command()
def add(
    url: str,
    name: Annotated[str, typer.Option(help="Whose system it is.")],
    event: Annotated[list[str], typer.Option(help=f"May be repeated: {', '.join(webhooks.KINDS)}.")],
    as_json: Json = False,
) -> None:
    """Tell a system of events from now on; its signing secret is shown this once."""
    with open_house(Settings.from_environment()) as house, transaction(house.engine) as tx:
        made, secret = webhooks.add(
            tx, name=name, url=url, kinds=event, private=house.settings.webhooks_private, secrets=_secrets(house),
            by=getpass.getuser(), now=clock.now(),
        )  # fmt: skip
    said = {"id": made.id, "secret": secret}
    print(json.dumps(said) if as_json else f"endpoint {made.id}\n{secret}\nKeep the secret now: it is not shown again.")


@app.command("list")
def list_endpoints(as_json: Json = False) -> None:
    """Every endpoint and what it listens to."""
    with open_house(Settings.from_environment()) as house, reading(house.engine) as tx:
        found = webhooks.endpoints(tx)
    if as_json:
        rows = [{"id": one.id, "name": one.name, "url": one.url, "events": list(one.kinds)} for one in found]
        print(json.dumps(rows, ensure_ascii=False))
        return
    table = Table("id", "name", "address", "events", "state")
    for one in found:
        table.add_row(str(one.id), one.name, one.url, " ".join(one.kinds), "off" if one.disabled_at else "on")
    Console().print(table)


@app.command()
def rotate(endpoint_id: int) -> None:
    """Make a new secret and print it; the old one signs beside it for a day."""
    with open_house(Settings.from_environment()) as house, transaction(house.engine) as tx:
        secret = webhooks.rotate(tx, endpoint_id, secrets=_secrets(house), by=getpass.getuser(), now=clock.now())
    print(secret)


@app.command()
def replay(endpoint_id: int) -> None:
    """Send every dead message of an endpoint again."""
    with open_house(Settings.from_environment()) as house, transaction(house.engine) as tx:
        again = webhooks.replay(tx, endpoint_id, by=getpass.getuser(), now=clock.now())
    print(f"{again} messages wait to be sent again")


def _secrets(house: House) -> Secrets:
    return Secrets(house.purpose_key("webhook secrets"))
