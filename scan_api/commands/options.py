"""What several subcommands share: the options they spell alike, and a file that is whole or not there."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated

import typer
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document for a program to read.")]
Out = Annotated[Path, typer.Option("--out", help="File to write, one code a line; it appears whole or not at all.")]


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
