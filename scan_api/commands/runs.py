"""`onecode runs`: issue codes, write them out again, close."""

import json
from typing import Annotated

import typer
from sqlalchemy import text

from codegen import brands, runs, spans
from codegen import keys as keyring
from codegen.wire import Profile
from foundation import audit, clock, ids
from foundation.database import reading, transaction
from foundation.errors import BadRequest
from foundation.settings import Settings
from scan_api.commands.options import Json, Out, whole_file
from scan_api.house import open_house

app = typer.Typer(no_args_is_help=True, help="Production runs: issue codes, write them out again, close.")


@app.command("issue")
def issue(
    product: Annotated[str, typer.Option(help="GTIN of the product")],
    count: Annotated[int, typer.Option(help="How many codes")],
    out: Out,
    profile: Annotated[str, typer.Option(help="standard (GS1 Digital Link) or compact (caps)")] = "standard",
    order: Annotated[str | None, typer.Option(help="Your order id: the same id never issues twice")] = None,
    commission: Annotated[bool, typer.Option("--commission", help="Activate all of them at once")] = False,
    as_json: Json = False,
) -> None:
    """Issue a run and write its codes. The run exists only if the file does."""
    if profile.upper() not in Profile.__members__:
        raise BadRequest(f"There is no profile {profile!r}; use standard or compact.")
    with open_house(Settings.from_environment()) as house, transaction(house.engine) as tx:
        now = clock.now()
        tx.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))  # A long file is one transaction.
        run = runs.issue(
            tx,
            brand_id=brands.of_product(tx, product).id,
            gtin=product,
            count=count,
            order_id=order or f"cli-{ids.uuid7(now)}",
            profile=Profile[profile.upper()],
            inner=False,
            produced_on=None,
            expires_at=None,
            now=now,
        )
        keyring.witness(tx, house.keys)
        if commission:
            spans.commission(tx, [(run.first, run.end)], reason="issued for immediate use", by="cli", now=now)
        with whole_file(out) as file:
            for block in runs.export_lines(run, keyring.load_ring(tx, house.keys)):
                file.write(block)
        audit.record(tx, actor="cli", action="runs.issue", subject=f"run:{run.id}", after={"count": count}, now=now)
    said = {"run": run.id, "first": run.first, "count": run.count, "file": str(out)}
    print(json.dumps(said) if as_json else f"run {run.id}: {run.count} codes in {out}")


@app.command("export")
def export(run_id: int, out: Out) -> None:
    """Write a run's codes again: the same run gives the same file."""
    with open_house(Settings.from_environment()) as house, reading(house.engine) as tx:
        run = runs.load_index(tx).get(run_id)
        if run is None:
            raise runs.UnknownRun(f"There is no run {run_id}.")
        with whole_file(out) as file:
            for block in runs.export_lines(run, keyring.load_ring(tx, house.keys)):
                file.write(block)
    print(f"run {run_id}: {run.count} codes in {out}")


@app.command("close")
def close(run_id: int) -> None:
    """Issue no more codes into this run."""
    with open_house(Settings.from_environment()) as house, transaction(house.engine) as tx:
        now = clock.now()
        runs.close(tx, run_id, now)
        audit.record(tx, actor="cli", action="runs.close", subject=f"run:{run_id}", now=now)
    print(f"run {run_id} is closed")
