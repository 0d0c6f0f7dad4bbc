"""The codes of a run as a file for a plant: any number of them, in bounded memory, on all cores, resumable.

| form | a line                                                                      | ends with |
| ---- | --------------------------------------------------------------------------- | --------- |
| text | the code                                                                    | LF        |
| csv  | index, serial, url after a header line; index counts the run's items from 1 | CR LF     |

Every line of a file is as long as the next (the index has leading zeros), so the n-th is found by multiplication. A
name that ends in .gz or .zst is compressed: one gzip member or Zstandard frame a block, which any tool reads as one.
The same run gives the same bytes, however often the writing was interrupted.
"""

import hashlib
import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import zstandard
from numpy.typing import NDArray

from codegen import cores, part_file, wire
from codegen.identity import Face
from codegen.keys import KeyRing
from codegen.run_index import Run
from codegen.runs import require_face
from foundation.errors import BadRequest

BLOCK_ROWS = 32_768
LARGEST_LINE = 160  # Bytes: a CSV line of the longest host has 148.
Form = Literal["text", "csv"]
_SQUEEZE = {".gz": "gzip", ".zst": "zstd"}
_GZIP_LEVEL, _ZSTD_LEVEL = 1, 3  # Serials do not compress; what can be saved, the fastest level saves.


class UnknownForm(BadRequest):
    """Codes are written as text or csv."""

    type = "unknown-form"


class UnusableTarget(BadRequest):
    """The file cannot be written there."""

    type = "unusable-target"


@dataclass(frozen=True, slots=True)
class Listing:
    """What is to be written of a run, and how. It makes any block on its own."""

    run: Run
    face: Face
    form: Form
    squeeze: str

    def label(self, keys: KeyRing, order_id: str) -> dict[str, Any]:
        """What a part file says it will be; `first` depends on keys, host and product, and gives no code away."""
        code = _codes(self, keys, np.array([self.run.first], dtype=np.uint64)).tobytes()
        return {
            "order": order_id, "gtin": self.run.gtin, "count": self.run.count, "run": self.run.id,
            "face": self.face.name.lower(), "form": self.form, "squeeze": self.squeeze, "block_rows": BLOCK_ROWS,
            "first": hashlib.sha256(code).hexdigest()[:16],
        }  # fmt: skip

    @property
    def blocks(self) -> int:
        """A CSV's header is a block of its own, number 0."""
        return -(-self.run.count // BLOCK_ROWS) + (self.form == "csv")

    def rows_of(self, block: int) -> range:
        """The run's items in this block, counted from 0."""
        number = block - (self.form == "csv")
        return range(max(0, number * BLOCK_ROWS), min(self.run.count, max(0, (number + 1) * BLOCK_ROWS)))

    def make(self, keys: KeyRing, block: int) -> bytes | memoryview:
        rows = self.rows_of(block)
        if not rows:
            return _squeezed(b"index,serial,url\r\n", self.squeeze)
        codes = _codes(self, keys, np.arange(rows.start, rows.stop, dtype=np.uint64) + np.uint64(self.run.first))
        lines = codes if self.form == "text" else _csv(codes, rows, self.run)
        return _squeezed(lines.data.cast("B"), self.squeeze)


def listing(run: Run, path: Path, *, face: Face = Face.OUTER, form: str | None = None) -> Listing:
    """How `path` is to be written: by its name, unless `form` says it. Raises UnknownForm, NoInnerFace."""
    require_face(run, face)
    return Listing(run, face, form_of(path, form), _SQUEEZE.get(path.suffix, ""))


def form_of(path: Path, form: str | None) -> Form:
    """Raises UnknownForm."""
    bare = path.with_suffix("") if path.suffix in _SQUEEZE else path
    named = form or ("csv" if bare.suffix == ".csv" else "text")
    if named == "text":
        return "text"
    if named == "csv":
        return "csv"
    raise UnknownForm(f"There is no format {named!r}; use text or csv.")


def check_target(path: Path) -> part_file.Label | None:
    """Refuse what could never be written, before anything is done. Returns what is half written there already.

    Raises UnusableTarget, PartOfAnotherFile.
    """
    check_folder(path)
    return part_file.read_label(path)


def check_folder(path: Path) -> None:
    """Whether a file of this name can be made. Raises UnusableTarget."""
    if path.is_dir():
        raise UnusableTarget(f"{path} is a folder; name a file in it.")
    if not path.parent.is_dir():
        raise UnusableTarget(f"{path.parent} is not a folder that exists; create it first.")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise UnusableTarget(f"{path.parent} may not be written to; use another folder.")


def write(
    what: Listing,
    path: Path,
    keys: KeyRing,
    *,
    order_id: str,
    workers: int = 1,
    progress: Callable[[int], None] = lambda _: None,
    say: Callable[[str], None] = lambda _: None,
) -> None:
    """Write the file, or go on with it: it appears under its name when it is whole and on disk.

    progress: told how many codes are written. Raises PartOfAnotherFile, BeingWritten, WorkerDied, OSError (disk full:
    what is written stays, and the same call goes on).
    """
    part = part_file.PartFile(path, what.label(keys, order_id), say=say)
    try:
        left = range(part.at.blocks, what.blocks)
        progress(what.rows_of(left.start).start if left else what.run.count)
        largest = BLOCK_ROWS * LARGEST_LINE
        with cores.blocks(lambda block: what.make(keys, block), left, cores=workers, largest=largest) as made:
            for block, content in zip(left, made, strict=True):
                part.append(content)
                progress(what.rows_of(block).stop)
        part.finish()
    finally:
        part.close()


def _codes(what: Listing, keys: KeyRing, items: NDArray[np.uint64]) -> NDArray[np.uint8]:
    run, ending = what.run, b"\n" if what.form == "text" else b"\r\n"
    return wire.encode_rows(
        items, keys=keys, gtin=run.gtin, host=run.host, face=what.face, profile=run.profile, ending=ending
    )


def _csv(codes: NDArray[np.uint8], rows: range, run: Run) -> NDArray[np.uint8]:
    """(n, width) lines: the index, the serial alone, the whole code."""
    digits, letters = len(str(run.count)), wire.LETTERS[run.profile]
    lines = np.empty((len(codes), digits + letters + 2 + codes.shape[1]), dtype=np.uint8)
    lines[:, :digits] = decimal(np.arange(rows.start + 1, rows.stop + 1, dtype=np.int64), digits)
    lines[:, [digits, digits + 1 + letters]] = ord(",")
    lines[:, digits + 1 : digits + 1 + letters] = codes[:, -letters - 2 : -2]
    lines[:, digits + letters + 2 :] = codes
    return lines


def decimal(numbers: NDArray[np.int64], digits: int) -> NDArray[np.uint8]:
    """(n, digits) ASCII of (n,) numbers with leading zeros."""
    ascii_ = np.empty((len(numbers), digits), dtype=np.uint8)
    left = numbers.copy()
    for column in reversed(range(digits)):
        left, ascii_[:, column] = np.divmod(left, 10)
    ascii_ += ord("0")
    return ascii_


def _squeezed(lines: bytes | memoryview, squeeze: str) -> bytes | memoryview:
    if squeeze == "gzip":
        member = zlib.compressobj(_GZIP_LEVEL, wbits=31)  # No name and no time inside: the same bytes every time.
        return member.compress(lines) + member.flush()
    if squeeze == "zstd":
        return zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compress(lines)
    return lines
