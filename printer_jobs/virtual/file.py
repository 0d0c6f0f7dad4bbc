"""A press that empties a folder: checks each manifest, prints the labels in order, says done."""

import csv
import hashlib
import io
import json
import re
import tempfile
import threading
from pathlib import Path
from typing import Any, ClassVar

from printer_jobs.virtual.label import code_alone
from printer_jobs.virtual.machine import Job, Machine

MANIFEST = re.compile(r"labels-(\d+)-\d+\.json")
POLL_S = 0.01


class VirtualFilePrinter(Machine):
    protocol: ClassVar[str] = "file"
    buffer: ClassVar[int] = 10_000

    @property
    def address(self) -> str:
        return self._folder.name

    @property
    def options(self) -> dict[str, Any]:
        return {}

    def close(self) -> None:
        super().close()
        self._folder.cleanup()

    def _prepare(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="labels-", ignore_cleanup_errors=True)
        self._seen: set[str] = set()
        self._last_of: dict[int, Path] = {}  # the index of a file's last label

    def _told(self, job: Job) -> None:
        done = self._last_of.pop(job.index or 0, None)
        if done is not None:
            done.touch()

    def _serve(self) -> None:
        pause = threading.Event()
        while not self._closing:
            for name in sorted({path.name for path in Path(self.address).glob("labels-*.json")} - self._seen):
                self._seen.add(name)
                self._open(Path(self.address) / name)
            pause.wait(POLL_S)

    def _open(self, path: Path) -> None:
        manifest = json.loads(path.read_text())
        data = (path.parent / manifest["file"]).read_bytes()
        rows = list(csv.DictReader(io.StringIO(data.decode())))
        if hashlib.sha256(data).hexdigest() != manifest["sha256"] or len(rows) != manifest["count"]:
            path.with_suffix(".refused").write_text("The manifest does not fit its file.")
            return
        self._last_of[int(rows[-1]["index"])] = path.with_suffix(".done")
        for row in rows:
            self.taken += 1
            self._enqueue(code_alone(row["code"]), int(row["index"]))
