"""`onecode payouts`: what was paid by the channel, what waits for a person, and asking the channel anew."""

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
from loyalty import payouts
from scan_api.commands.options import Json
from scan_api.house import open_house

app = typer.Typer(no_args_is_help=True, help="Payouts: list them, or ask the channel again about one that is stuck.")


@app.command("list")
def list_payouts(
    state: Annotated[str, typer.Option(help="Only these, such as `person`: those that wait for one.")] = "",
    as_json: Json = False,
) -> None:
    """The newest payouts, with what the channel said last."""
    with open_house(Settings.from_environment()) as house, reading(house.engine) as tx:
        found = payouts.list_payouts(tx, state=state or None)
    rows = [
        {"id": str(one.id), "order_no": one.order_no, "amount_fen": one.amount_fen, "state": one.state,
         "said": one.said, "bill_no": one.bill_no, "reconciled": one.reconciled_at is not None}
        for one in found
    ]  # fmt: skip
    if as_json:
        print(json.dumps(rows, ensure_ascii=False))
        return
    table = Table("id", "number", "fen", "state", "said", "channel's number", "in the bill")
    for row in rows:
        table.add_row(*(str(value or "") for value in row.values()))
    Console().print(table)


@app.command("ask-again")
def ask_again(payout_id: UUID, reason: Annotated[str, typer.Option(help="What you found at the channel.")]) -> None:
    """Ask the channel anew about a payout that waits for a person; its number stays."""
    with open_house(Settings.from_environment()) as house, transaction(house.engine) as tx:
        payouts.ask_again(tx, payout_id, by=getpass.getuser(), reason=reason, now=clock.now())
    print(f"payout {payout_id} is asked about")
