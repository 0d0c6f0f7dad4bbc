r"""Hand-over by files: a folder that a press, a coder's own computer or a person empties.

| file                             | written by | meaning                                                                       |
| -------------------------------- | ---------- | ----------------------------------------------------------------------------- |
| labels-<first>-<count>.csv       | us         | UTF-8, CR LF, `index,code,name,note` under a header; complete before its manifest |
| labels-<first>-<count>.json      | us, last   | the manifest: file, first, count, sha256 of the CSV; now it may be printed    |
| labels-<first>-<count>.done      | the plant  | all of it is printed; the content does not matter                             |
| labels-<first>-<count>.refused   | the plant  | none of it will be; the content says why                                      |

Both of ours appear whole or not at all (written aside, synced, renamed). A file name carries our index, so after a
crash the folder tells what was handed over, and what is not in it was not. Ours, so `documented`.
"""  # noqa: E501

import csv
import hashlib
import io
import json
import os
import re
from pathlib import Path

from foundation.ids import random_bytes
from printer_jobs.drivers.printer import (
    Capabilities,
    Fault,
    ItemLabel,
    Label,
    LabelRefused,
    LinkLost,
    PrinterStatus,
)

NAME = re.compile(r"labels-(\d+)-(\d+)\.json")
COLUMNS = ("index", "code", "name", "note")

CAPABILITIES = Capabilities(
    queue=1000,
    queue_readable=True,
    print_event=True,  # the .done file
    event_identified=True,
    resumable=True,
    longest_field=None,
    static_prefix=False,
    verified=False,
    documented=True,
)


class FilePrinter:
    """folder: exists already, on a disk that both sides reach."""

    capabilities = CAPABILITIES

    def __init__(self, folder: str, *, batch: int = 500) -> None:
        """batch: labels a file at most."""
        self.folder, self.batch = Path(folder), batch
        self._open: list[ItemLabel] = []

    def connect(self) -> None:
        self._open = []
        if not self.folder.is_dir():
            raise LinkLost(f"The folder {self.folder} for labels is not there: connect its disk.")

    def begin(self) -> None:
        """Files of an older job stay: they have other indexes."""

    def print(self, label: Label) -> None:
        if not isinstance(label, ItemLabel):
            raise LabelRefused("Case labels are not handed over as files: give the line a label printer for its cases.")
        self._open.append(label)
        if len(self._open) >= self.batch:
            self._hand_over()

    def status(self) -> PrinterStatus:
        """Asked between two blocks of labels, so what was collected is a block: it is handed over now."""
        self._hand_over()
        try:
            batches = sorted((int(f[1]), int(f[2]), f[0]) for f in map(NAME.fullmatch, os.listdir(self.folder)) if f)
        except OSError as error:
            raise LinkLost(f"The folder {self.folder} cannot be read: {error.strerror}.") from error
        waiting, upto, dropped, stopped = 0, None, set[int](), False
        for first, count, name in batches:
            refused = (self.folder / name).with_suffix(".refused").exists()
            if refused:
                dropped |= set(range(first, first + count))
            if not refused and not (self.folder / name).with_suffix(".done").exists():
                waiting, stopped = waiting + count, True
            upto = first - 1 if stopped and upto is None else upto if stopped else first + count - 1
        return PrinterStatus(faults=frozenset[Fault](), waiting=waiting, upto=upto, dropped=frozenset(dropped))

    def close(self) -> None:
        if self.folder.is_dir():
            self._hand_over()

    def _hand_over(self) -> None:
        if not self._open:
            return
        labels, self._open = self._open, []
        first, count = labels[0].index, len(labels)
        data = _csv(labels)
        name = f"labels-{first}-{count}"
        manifest = {"file": f"{name}.csv", "first": first, "count": count, "sha256": hashlib.sha256(data).hexdigest()}
        try:
            _write_whole(self.folder / f"{name}.csv", data)
            _write_whole(self.folder / f"{name}.json", json.dumps(manifest).encode())
        except OSError as error:
            raise LinkLost(f"The labels could not be written to {self.folder}: {error.strerror}.") from error


def _csv(labels: list[ItemLabel]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    writer.writerows((label.index, label.code, label.name, label.note) for label in labels)
    return out.getvalue().encode()


def _write_whole(path: Path, data: bytes) -> None:
    if path.exists():
        raise FileExistsError(17, f"{path.name} is there already")
    half = path.with_name(f".{path.name}.{random_bytes(4).hex()}.part")
    with half.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    half.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
