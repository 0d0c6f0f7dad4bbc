"""The `onecode` command. Bad input gets one sentence on standard error and a non-zero exit; nothing is half done."""

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import IO, Annotated

import typer
import uvicorn
from rich.console import Console
from rich.table import Table
from sqlalchemy import select, text

from codegen import brands, runs, spans
from codegen import keys as keyring
from codegen.run_index import RunIndex
from codegen.tables import epochs
from codegen.wire import Genuine, Profile, decode
from foundation import audit, clock, ids, schema
from foundation.database import is_lost, reading, transaction
from foundation.errors import BadRequest, Problem
from foundation.observability import configure_logging
from foundation.settings import Settings
from loyalty import invariants
from scan_api import demo, supervisor
from scan_api.app import make_app
from scan_api.house import House, bring_up_to_date, open_house

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
keys_app = typer.Typer(no_args_is_help=True, help="Key epochs: list, begin a new one, retire one.")
app.add_typer(keys_app, name="keys")

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document for a program to read.")]


def main() -> None:
    """Run the command line; every refusal is one sentence."""
    try:
        app()
    except Problem as problem:
        _fail(problem.detail)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            _fail("The disk is full; free some space and run the same command again: it continues where it stopped.")
        if error.filename is None:
            raise
        _fail(f"{error.filename}: {error.strerror}.")  # A folder that is not there, a file that may not be written.
    except Exception as error:
        if not is_lost(error):
            raise
        _fail("The database went away; start it and run the same command again.")


def _fail(sentence: str) -> None:
    sys.stderr.write(f"onecode: {sentence}\n")
    sys.exit(1)


@app.command()
def migrate() -> None:
    """Create the tables or bring them up to date."""
    with open_house(Settings.from_environment(), migrated=False) as house:
        before = schema.current(house.engine)
        after = bring_up_to_date(house)
    print(f"schema {before or 'empty'} -> {after}" if before != after else f"schema {after}: nothing to do")


@app.command()
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


@app.command()
def verify(code: str, as_json: Json = False) -> None:
    """Say whether a code is ours, without recording a scan. Exit 1 when it is not."""
    with open_house(Settings.from_environment()) as house, reading(house.engine) as tx:
        token = decode(code, keys=keyring.load_ring(tx, house.keys), runs=_runs(house))
    genuine = isinstance(token, Genuine)
    if as_json:
        said = {"item": token.item, "gtin": token.gtin, "run": token.run.id} if isinstance(token, Genuine) else {}
        print(json.dumps({"genuine": genuine, **said}))
    elif isinstance(token, Genuine):
        print(f"genuine: {token.run.product_zh} (GTIN {token.gtin}), item {token.item} of run {token.run.id}")
    else:
        print("unknown: this is not a code of ours")
    if not genuine:
        raise typer.Exit(1)


def _runs(house: House) -> RunIndex:
    with reading(house.engine) as tx:
        return runs.load_index(tx)


@keys_app.command("list")
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


@keys_app.command()
def rotate(brand_id: int) -> None:
    """Begin a new key epoch for a brand: new runs use it, old codes still verify."""
    with open_house(Settings.from_environment()) as house, transaction(house.engine) as tx:
        now = clock.now()
        epoch = keyring.new_epoch(tx, brand_id=brand_id, now=now)
        keyring.witness(tx, house.keys)
        audit.record(
            tx, actor="cli", action="keys.rotate", subject=f"brand:{brand_id}", after={"epoch": epoch}, now=now
        )
    print(f"epoch {epoch} is live for brand {brand_id}")


@keys_app.command()
def retire(epoch: int) -> None:
    """Stop accepting an epoch's codes, for good."""
    with open_house(Settings.from_environment()) as house, transaction(house.engine) as tx:
        now = clock.now()
        keyring.retire(tx, epoch, now=now)
        audit.record(tx, actor="cli", action="keys.retire", subject=f"epoch:{epoch}", now=now)
    print(f"epoch {epoch} is retired; its codes no longer verify")


@app.command()
def worker() -> None:
    """Run background tasks, the outbox relay and the sweeps, until stopped."""
    from scan_api import worker as background_worker

    with open_house(Settings.from_environment()) as house:
        background_worker.run(house)


runs_app = typer.Typer(no_args_is_help=True, help="Production runs: issue codes, write them out again, close.")
app.add_typer(runs_app, name="runs")

Out = Annotated[Path, typer.Option("--out", help="File to write, one code a line; it appears whole or not at all.")]


@runs_app.command("issue")
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


@runs_app.command("export")
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


@runs_app.command("close")
def close(run_id: int) -> None:
    """Issue no more codes into this run."""
    with open_house(Settings.from_environment()) as house, transaction(house.engine) as tx:
        now = clock.now()
        runs.close(tx, run_id, now)
        audit.record(tx, actor="cli", action="runs.close", subject=f"run:{run_id}", now=now)
    print(f"run {run_id} is closed")


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """A file that appears under its name only when it is complete and on disk; otherwise nothing is left."""
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


@app.command()
def serve() -> None:
    """Run one API process with the consumer page, until stopped."""
    settings = Settings.from_environment()
    supervisor.require_free(settings.host, settings.port, "ONECODE_PORT")
    configure_logging(settings.log_level)
    with open_house(settings, pool=8) as house:
        uvicorn.run(
            make_app(house),
            host=settings.host,
            port=settings.port,
            loop="uvloop",
            http="httptools",
            access_log=False,
            log_config=None,
            proxy_headers=False,
        )


@app.command()
def up() -> None:
    """Database, API, worker and console under one supervisor, until Ctrl-C."""
    settings = Settings.from_environment()
    with open_house(settings, migrated=False) as house:
        print(f"schema {bring_up_to_date(house)}")
        with running(house) as watched:
            print(f"consumer page  http://{settings.host}:{settings.port}/")
            print(f"console        http://{settings.host}:{settings.console_port}/")
            watched.watch()


@contextmanager
def running(house: House, *, screens: bool = True) -> Iterator[supervisor.Supervisor]:
    """API, worker and console of this house, started in order and stopped at the end; SIGTERM counts as Ctrl-C."""
    settings = house.settings
    supervisor.require_free(settings.host, settings.port, "ONECODE_PORT")
    if screens:
        supervisor.require_free(settings.host, settings.console_port, "ONECODE_CONSOLE_PORT")
    watched = supervisor.Supervisor(
        {"ONECODE_DATABASE_URL": house.url, "ONECODE_DATA_DIR": str(settings.data_dir), "ONECODE_SMS": settings.sms},
        lambda name, line: print(f"{name:>10} | {line}", flush=True),
    )
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        at = partial(supervisor.listening, settings.host)
        watched.start(supervisor.Program("api", supervisor.python("scan_api", "serve"), partial(at, settings.port)))
        watched.start(supervisor.Program("worker", supervisor.python("scan_api", "worker")))
        if screens:
            ready = partial(at, settings.console_port)
            watched.start(supervisor.Program("console", supervisor.python("console"), ready))
        yield watched
    except KeyboardInterrupt:
        print("stopping", flush=True)
    finally:
        watched.stop()


@app.command("demo")
def play_demo(
    once: Annotated[bool, typer.Option("--once", help="Play the life of a case and exit.")] = False,
) -> None:
    """The whole life of a case of bottles with real parts, then a small traffic until Ctrl-C."""
    settings = replace(Settings.from_environment(), sms="folder")
    with open_house(settings, migrated=False) as house:
        print(f"schema {bring_up_to_date(house)}")
        with running(house) as watched:
            stage = demo.prepare(house)
            demo.play(stage, print)
            print(stage.addresses())
            if not once:
                with demo.traffic(stage):
                    watched.watch()


@app.command()
def bench(
    name: Annotated[str, typer.Argument(help="scan, or all")],
    as_json: Json = False,
) -> None:
    """Run a benchmark; both sides of each ratio in one run."""
    if name not in ("scan", "all"):
        raise BadRequest(f"There is no benchmark {name!r}; the benchmarks are: scan.")
    command = [*supervisor.python("benchmarks.scan")]
    figures = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    if as_json:
        print(figures)
    else:
        Console().print_json(figures)
