"""The belt under a virtual printer: a camera over its labels and the gate behind the camera."""

import threading

from printer_jobs.equipment import Read, Sight, read_texts
from printer_jobs.virtual.zpl import VirtualZplPrinter


class BeltEye:
    """Reads each label as it leaves the head, from memory."""

    def __init__(self, printer: VirtualZplPrinter, *, read: Read = read_texts) -> None:
        self._printer, self._read = printer, read

    def position(self) -> int:
        return self._printer.tag

    def look(self, after: int, timeout_s: float) -> list[Sight]:
        return [
            Sight(printed.tag, tuple(self._read(printed.picture))) for printed in self._printer.since(after, timeout_s)
        ]


class VirtualGate:
    """Rejects by default, as the real one does without air or without word from the host."""

    def __init__(self) -> None:
        self._allowed: set[int] = set()
        self._lock = threading.Lock()

    def allow(self, tag: int) -> None:
        with self._lock:
            self._allowed.add(tag)

    def lets_through(self, tag: int) -> bool:
        with self._lock:
            return tag in self._allowed
