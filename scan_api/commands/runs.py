"""`onecode runs`: issue codes, write them out again, close."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from codegen import brands, gs1, issuing, run_symbol, runs, spans
from codegen import keys as keyring
from codegen.part_file import PartOfAnotherFile
from codegen.wire import Face, Profile
from foundation import audit, clock, ids
from foundation.database import reading, transaction
from foundation.errors import BadRequest
from foundation.settings import Settings
from scan_api.commands.options import Json, Out, codes_bar, cores_for
from scan_api.house import House, open_house

app = typer.Typer(no_args_is_help=True, help="Production runs: issue codes, write them out again, close.")


Form = Annotated[str | None, typer.Option("--format", help="text or csv; by default what the file's name says")]
Workers = Annotated[int, typer.Option(help="Processes that make codes; 0: one for each core")]


@app.command("issue")
def issue(
    product: Annotated[str, typer.Option(help="GTIN of the product")],
    count: Annotated[int, typer.Option(help="How many codes")],
    out: Out,
    profile: Annotated[str, typer.Option(help="standard (GS1 Digital Link) or compact (caps)")] = "standard",
    order: Annotated[str | None, typer.Option(help="Your order id: the same id never issues twice")] = None,
    inner: Annotated[bool, typer.Option("--inner", help="A second code under cap or scratch layer claims")] = False,
    lot: Annotated[str | None, typer.Option(help="Lot or batch number of the production, as in GS1's AI 10")] = None,
    level: Annotated[str, typer.Option(help="Error correction of the symbol: L, M, Q or H")] = "M",
    mask: Annotated[str, typer.Option(help="0 to 7, auto (each symbol its own), or empty: best for the run")] = "",
    qr_version: Annotated[int | None, typer.Option(help="QR version your label has room for")] = None,
    commission: Annotated[bool, typer.Option("--commission", help="Activate all of them at once")] = False,
    form: Form = None,
    workers: Workers = 0,
    as_json: Json = False,
) -> None:
    """Issue a run and write its codes. After an interruption the same command goes on where it stopped."""
    if profile.upper() not in Profile.__members__:
        raise BadRequest(f"There is no profile {profile!r}; use standard or compact.")
    wish = run_symbol.wish(version=qr_version, level=level, mask=mask)
    issuing.form_of(out, form)
    cores = cores_for(workers)
    half = issuing.check_target(out) or {}
    with open_house(Settings.from_environment()) as house:
        now = clock.now()
        order_id = order or half.get("order") or f"cli-{ids.uuid7(now)}"
        _same_order(out, half, order=order_id, gtin=gs1.gtin14(product), count=count)
        # The run is committed before the file is begun: hours of writing hold no transaction open.
        with transaction(house.engine) as tx:
            run = runs.issue(
                tx,
                brand_id=brands.of_product(tx, product).id,
                gtin=product,
                count=count,
                order_id=order_id,
                profile=Profile[profile.upper()],
                inner=inner,
                lot=lot,
                symbol=wish,
                now=now,
            )
            keyring.witness(tx, house.keys)
            if commission:
                spans.commission(tx, [(run.first, run.end)], reason="issued for immediate use", by="cli", now=now)
            audit.record(tx, actor="cli", action="runs.issue", subject=f"run:{run.id}", after={"count": count}, now=now)
        _write(house, issuing.listing(run, out, form=form), out, order_id, cores)
    said = {"run": run.id, "order": order_id, "first": run.first, "count": run.count, "file": str(out)}
    print(json.dumps(said) if as_json else f"run {run.id}: {run.count} codes in {out}")


@app.command("export")
def export(
    run_id: int,
    out: Out,
    face: Annotated[str, typer.Option(help="outer, or inner: under cap or scratch layer")] = "outer",
    form: Form = None,
    workers: Workers = 0,
) -> None:
    """Write a run's codes again: the same run gives the same file. After an interruption it goes on."""
    if face.upper() not in Face.__members__:
        raise BadRequest(f"There is no face {face!r}; use outer or inner.")
    cores = cores_for(workers)
    issuing.check_target(out)
    with open_house(Settings.from_environment()) as house:
        with reading(house.engine) as tx:
            found = runs.find_run(tx, run_id)
        what = issuing.listing(found.run, out, face=Face[face.upper()], form=form)
        _write(house, what, out, found.order_id, cores)
    print(f"run {run_id}: {found.run.count} codes in {out}")


def _write(house: House, what: issuing.Listing, out: Path, order_id: str, cores: int) -> None:
    with reading(house.engine) as tx:
        keys = keyring.load_ring(tx, house.keys)
    house.engine.dispose()  # No connection stands idle for hours, and none is shared with the workers.
    with codes_bar(what.run.count) as progress:
        issuing.write(what, out, keys, order_id=order_id, workers=cores, progress=progress, say=_say)


def _say(sentence: str) -> None:
    print(f"onecode: {sentence}", file=sys.stderr)


def _same_order(out: Path, half: Mapping[str, Any], **order: object) -> None:
    """A file half written for another order is not ours to go on with; say so before anything is issued."""
    for name, value in order.items():
        if half and half.get(name) != value:
            raise PartOfAnotherFile(
                f"{out}.part was begun for {name} {half.get(name)}, not {value};"
                " finish that order first, remove the part and its .log, or use another --out."
            )


@app.command("close")
def close(run_id: int) -> None:
    """Issue no more codes into this run."""
    with open_house(Settings.from_environment()) as house, transaction(house.engine) as tx:
        now = clock.now()
        runs.close(tx, run_id, now)
        audit.record(tx, actor="cli", action="runs.close", subject=f"run:{run_id}", now=now)
    print(f"run {run_id} is closed")
