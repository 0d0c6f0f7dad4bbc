"""`onecode serve`, `worker`, `up`, `demo`: the programs of the platform, until stopped.

Each imports what it runs when it is called: a worker needs no web server, and a program is up a second earlier.
"""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Annotated

import typer

from foundation import telemetry
from foundation.observability import configure_logging
from foundation.settings import Settings
from scan_api import supervisor
from scan_api.house import House, bring_up_to_date, open_house


def worker() -> None:
    """Run background tasks, the outbox relay and the sweeps, until stopped."""
    from scan_api import worker as background_worker

    with open_house(Settings.from_environment()) as house:
        background_worker.run(house)


def serve() -> None:
    """Run one API process with the consumer page, until stopped."""
    from scan_api.app import make_app
    from scan_api.app import serve as serve_app

    settings = Settings.from_environment()
    supervisor.require_free(settings.host, settings.port, "ONECODE_PORT")
    configure_logging(settings.log_level)
    telemetry.start(settings.otlp_endpoint, service="onecode-api")
    with open_house(settings, pool=8) as house:
        serve_app(make_app(house), host=settings.host, port=settings.port)


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


def demo(
    once: Annotated[bool, typer.Option("--once", help="Play the life of a case and exit.")] = False,
) -> None:
    """The whole life of a case of bottles with real parts, then a small traffic until Ctrl-C."""
    from scan_api import demo as play

    settings = replace(Settings.from_environment(), sms="folder")
    with open_house(settings, migrated=False) as house:
        print(f"schema {bring_up_to_date(house)}")
        with running(house) as watched:
            stage = play.prepare(house)
            play.play(stage, print)
            print(stage.addresses())
            if not once:
                with play.traffic(stage):
                    watched.watch()
