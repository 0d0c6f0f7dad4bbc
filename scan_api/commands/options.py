"""What several subcommands share: the options they spell alike, and a file that is whole or not there."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document for a program to read.")]
Out = Annotated[Path, typer.Option("--out", help="File to write, one code a line; it appears whole or not at all.")]


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
