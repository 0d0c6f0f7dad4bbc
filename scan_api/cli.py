"""The `onecode` command. Bad input gets one sentence on standard error and a non-zero exit; nothing is half done."""

import errno
import sys
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

from foundation.errors import Problem

# What there is, what the list of commands says of it, and where it is: `:app` has commands of its own. A command's file
# is imported when the command is called. To import all of them takes four seconds, nearly all of it for libraries that
# one command in twenty needs, and every program of the platform begins as a command.
COMMANDS = {
    "up": ("Database, API, worker and console under one supervisor, until Ctrl-C.", "running:up"),
    "demo": ("The whole life of a case of bottles with real parts, then a small traffic until Ctrl-C.", "running:demo"),
    "serve": ("Run one API process with the consumer page, until stopped.", "running:serve"),
    "worker": ("Run background tasks, the outbox relay and the sweeps, until stopped.", "running:worker"),
    "migrate": ("Create the tables or bring them up to date.", "upkeep:migrate"),
    "check": ("Check configuration and invariants; exit 1 when one is broken.", "upkeep:check"),
    "keys": ("Key epochs: list, begin a new one, retire one.", "keys:app"),
    "apikeys": ("API keys of other systems: issue, list, revoke.", "apikeys:app"),
    "runs": ("Production runs: issue codes, write them out again, close.", "runs:app"),
    "package": ("Code packages for printing plants: encrypted, signed, logged.", "packages:app"),
    "render": (
        "Render labels. A PDF comes with a roll map; several pictures have their index in the name.",
        "render:render",
    ),
    "line": ("Production lines: enrol, run, audit, status, jobs.", "line:app"),
    "verify": ("Say whether a code is ours, without recording a scan. Exit 1 when it is not.", "verify:verify"),
    "recall": ("Call products back: from the next scan on their codes say so.", "recall:recall"),
    "void": ("Stop believing codes: stolen, copied, lost.", "recall:void"),
    "release": ("Undo a recall or a void; what was stays on record.", "recall:release"),
    "digsig": ("Signatures on labels (AI 8030): sign, and show the public key.", "digsig:app"),
    "links": ("Links of a brand for the resolver: list, add, withdraw, show.", "links:app"),
    "epcis": ("The life of items as EPCIS 2.0 events.", "epcis:app"),
    "dealers": ("Dealers and the regions they may sell in.", "deliveries:dealers"),
    "deliveries": ("What was sent to dealers and what came in at theirs.", "deliveries:deliveries"),
    "trade": ("Stores and dealers: enrol, let in, set terms, hold and release rebates.", "trade:app"),
    "prizes": ("Prizes: list pools, resume a held one, reveal an ended one, verify draws.", "prizes:app"),
    "payouts": ("Payouts: list them, or ask the channel again about one that is stuck.", "payouts:app"),
    "webhooks": ("Webhooks: add an endpoint, list them, rotate a secret, send again.", "webhooks:app"),
    "judge": (
        "Judge what is new and survey everything, as every night does. What was told is not told twice.",
        "judge:judge",
    ),
    "lab": ("Rules of the judgement from draft to live and back: history, shadow, attacks, gate.", "lab:app"),
    "evidence": ("Evidence packs of cases: signed data and a sealed PDF.", "evidence:app"),
    "simulate": ("Make a world: events as detectors see them, and apart from them what was true.", "simulate:simulate"),
    "bench": ("Run a benchmark and print its figures: one line of JSON each.", "bench:bench"),
}


class Commands(TyperGroup):
    """Lists `COMMANDS` by name and sentence; imports the one that is called."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = {name: TyperCommand(name, help=sentence) for name, (sentence, _) in COMMANDS.items()}

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[Any, Any, list[str]]:
        """The command `args` begins with, and what follows it. Raises UsageError with the nearest names."""
        name, _, rest = super().resolve_command(ctx, args)
        return name, load(str(name)), rest


def load(name: str) -> Any:
    """The command of that name, its file imported. Raises KeyError."""
    module, attribute = COMMANDS[name][1].split(":")
    found = getattr(import_module(f"scan_api.commands.{module}"), attribute)
    command = get_group(found) if isinstance(found, typer.Typer) else _alone(name, found)
    command.name = name
    return command


def _alone(name: str, function: Any) -> Any:
    one = typer.Typer(add_completion=False)
    one.command(name)(function)
    return get_command(one)


app = typer.Typer(
    cls=Commands, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__
)


@app.callback()
def onecode() -> None:
    pass


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
        from foundation.database import is_lost  # Whoever never asked the database need not wait for its library.

        if not is_lost(error):
            raise
        _fail("The database went away; start it and run the same command again.")


def _fail(sentence: str) -> None:
    sys.stderr.write(f"onecode: {sentence}\n")
    sys.exit(1)
