"""The belt under a virtual printer: a camera over its labels and the gate behind the camera."""

import threading

from printer_jobs.equipment import Read, Sight, Trouble, read_texts
from printer_jobs.examiner import Optics, examine
from printer_jobs.virtual.machine import Machine
from printer_jobs.virtual.paper import Paper, Printed


class BeltEye:
    """Reads each label as it leaves the head, from memory."""

    def __init__(self, printer: Machine | Paper, *, read: Read = read_texts, optics: Optics | None = None) -> None:
        self._printer, self._read, self._optics = printer, read, optics
        self.kept: list[tuple[int, str]] = []

    def keep(self, tag: int, why: str) -> None:
        self.kept.append((tag, why))

    def trouble(self) -> Trouble | None:
        return None

    def resume(self, after: int) -> None:
        """Its labels carry their tags."""

    def close(self) -> None:
        """There is nothing to let go."""

    def position(self) -> int:
        return self._printer.tag

    def look(self, after: int, timeout_s: float) -> list[Sight]:
        return [self._sight(printed) for printed in self._printer.since(after, timeout_s)]

    def _sight(self, printed: Printed) -> Sight:
        if self._optics is None:
            return Sight(printed.tag, tuple(self._read(printed.picture)))
        return Sight.of(printed.tag, examine(printed.picture, self._optics))


class VirtualGate:
    """Rejects by default, as the real one does without air or without word from the host."""

    def __init__(self) -> None:
        self._allowed: set[int] = set()
        self._lock = threading.Lock()

    def allow(self, tag: int) -> None:
        with self._lock:
            self._allowed.add(tag)

    def trouble(self) -> Trouble | None:
        return None

    def close(self) -> None:
        """There is nothing to let go."""

    def lets_through(self, tag: int) -> bool:
        with self._lock:
            return tag in self._allowed
