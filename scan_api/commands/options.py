"""What several subcommands share: the options they spell alike, and a file that is whole or not there."""

import getpass
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated, Any

import typer
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress
from rich.table import Table

from foundation.errors import BadRequest

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document for a program to read.")]
Out = Annotated[Path, typer.Option("--out", help="File to write, one code a line; it appears whole or not at all.")]
By = Annotated[str, typer.Option("--by", help="Who does it; by default who is logged in here.")]

MOST_WORKERS = 64


def cores_for(workers: int) -> int:
    """How many processes an option asks for; 0 is one for each core. Raises BadRequest."""
    if not 0 <= workers <= MOST_WORKERS:
        raise BadRequest(f"{workers} workers cannot be; use 1 to {MOST_WORKERS}, or 0 for one for each core.")
    return workers or os.cpu_count() or 1


@contextmanager
def codes_bar(count: int) -> Iterator[Callable[[int], None]]:
    """A bar on standard error, where a person looks; it is told how many of `count` codes are done."""
    columns = (*Progress.get_default_columns(), MofNCompleteColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("codes", total=count)
        yield lambda done: bar.update(task, completed=done)


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


def me(by: str) -> str:
    return by or getpass.getuser()


def print_rows(rows: Any, as_json: bool, hide: tuple[str, ...] = ()) -> None:
    """What was found: one JSON document, or a table without the columns of `hide`; rows have the same keys."""
    if as_json:
        print(json.dumps(rows, ensure_ascii=False))
        return
    shown: Sequence[Mapping[str, Any]] = [
        {name: value for name, value in row.items() if name not in hide} for row in rows
    ]
    if not shown:
        print("nothing yet")
        return
    table = Table(*shown[0])
    for row in shown:
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    Console().print(table)
