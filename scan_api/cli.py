"""The `onecode` command. Bad input gets one sentence on standard error and a non-zero exit; nothing is half done."""

import errno
import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Annotated

import typer

from codegen import keys as keyring
from foundation import audit, schema, telemetry
from foundation.database import is_lost, reading
from foundation.errors import Problem
from foundation.observability import configure_logging
from foundation.settings import Settings
from loyalty import invariants
from scan_api import demo, supervisor
from scan_api.app import make_app
from scan_api.app import serve as serve_app
from scan_api.commands import apikeys, bench, digsig, keys, packages, recall, render, runs, webhooks
from scan_api.commands.options import Json
from scan_api.commands.verify import verify
from scan_api.house import House, bring_up_to_date, open_house

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
# One line a noun; what it can do is in its file.
app.add_typer(keys.app, name="keys")
app.add_typer(packages.app, name="package")
app.add_typer(runs.app, name="runs")
app.add_typer(apikeys.app, name="apikeys")
app.add_typer(webhooks.app, name="webhooks")
app.command("recall")(recall.recall)
app.command("void")(recall.void)
app.command("release")(recall.release)
app.add_typer(digsig.app, name="digsig")
app.command()(bench.bench)
app.command()(render.render)
app.command()(verify)


def main() -> None:
    """Run the command line; every refusal is one sentence."""
    try:
        app()
    except Problem as problem:
        _fail(problem.detail)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
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
def worker() -> None:
    """Run background tasks, the outbox relay and the sweeps, until stopped."""
    from scan_api import worker as background_worker

    with open_house(Settings.from_environment()) as house:
        background_worker.run(house)


@app.command()
def serve() -> None:
    """Run one API process with the consumer page, until stopped."""
    settings = Settings.from_environment()
    supervisor.require_free(settings.host, settings.port, "ONECODE_PORT")
    configure_logging(settings.log_level)
    telemetry.start(settings.otlp_endpoint, service="onecode-api")
    with open_house(settings, pool=8) as house:
        serve_app(make_app(house), host=settings.host, port=settings.port)


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
