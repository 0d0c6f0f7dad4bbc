"""Tables that leave the screen as CSV: UTF-8 with a mark that office programs know, and no cell acts as a formula."""

import csv
import io
from collections.abc import Iterable, Sequence

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def table_of(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """A text that would be read as a formula is set behind an apostrophe; numbers stay numbers."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def _cell(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
