"""Rows of a CSV file that came from outside: UTF-8, counted as an office program counts them."""

import csv
import io
from collections.abc import Iterator

from foundation.errors import BadRequest


def rows_of(content: bytes, wrong: type[BadRequest]) -> Iterator[tuple[int, list[str]]]:
    """(row, cells), the header being row 1. Raises `wrong` naming the row that is no UTF-8 or no CSV."""
    try:
        lines = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = content.count(b"\n", 0, error.start) + 1
        raise wrong(f"Row {row}: save the file as UTF-8; byte {error.start} is something else.") from None
    rows = csv.reader(io.StringIO(lines, newline=""), strict=True)
    try:
        yield from enumerate(rows, 1)
    except csv.Error as error:
        raise wrong(f"Row {rows.line_num}: this is no CSV ({error}).") from None
