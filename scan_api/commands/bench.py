"""`onecode bench`: one promise a name, both sides of each ratio in one run."""

import subprocess
from typing import Annotated

import typer
from rich.console import Console

from foundation.errors import BadRequest
from scan_api import supervisor
from scan_api.commands.options import Json

NAMES = ("scan", "issue", "symbols", "verify", "eye", "campaign", "ledger", "line", "judge", "detect")


def bench(
    name: Annotated[str, typer.Argument(help="|".join(NAMES) + "|all")],
    as_json: Json = False,
) -> None:
    """Run a benchmark and print its figures: one line of JSON each."""
    if name not in (*NAMES, "all"):
        raise BadRequest(f"There is no benchmark {name!r}; the benchmarks are: {', '.join(NAMES)}.")
    for one in NAMES if name == "all" else (name,):
        command = supervisor.python(f"benchmarks.{one}")
        figures = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        if as_json:
            print(figures)
        else:
            Console().print_json(figures)
