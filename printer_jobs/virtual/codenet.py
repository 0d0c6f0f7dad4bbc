"""A Domino coder that speaks Codenet: three codes in its queue, one byte after each print, if it was asked for."""

from typing import Any, ClassVar

from printer_jobs.virtual.label import code_alone
from printer_jobs.virtual.machine import Job, Machine

ESC, EOT, ACK, NAK = b"\x1b", b"\x04", b"\x06", b"\x15"


class VirtualCodenetPrinter(Machine):
    protocol: ClassVar[str] = "codenet"
    buffer: ClassVar[int] = 3
    prefix = "HTTPS://ID.BRAND.CN/01/06901234567892/21/"

    @property
    def options(self) -> dict[str, Any]:
        return super().options | {"allow_unverified": True, "prefix": self.prefix}

    def _prepare(self) -> None:
        self._rest, self._tells = b"", False

    def _greet(self) -> None:
        self._rest, self._tells = b"", False  # Print-done is lost with the link.

    def _told(self, job: Job) -> None:  # noqa: ARG002  The event names no label.
        if self._tells:
            self._say(b"2")

    def _hear(self, data: bytes) -> None:
        *frames, self._rest = (self._rest + data).split(EOT)
        for frame in frames:
            self._obey(frame[frame.find(ESC) + 1 :])

    def _obey(self, command: bytes) -> None:
        if command == b"1C?":
            self._reply(ESC + b"1C" + (b"201" if self._faults else b"000") + b"00000" + EOT)
        elif command == b"OE00000":
            with self._changed:
                self._waiting.clear()
            self._reply(ACK)
        elif command == b"I12":
            self._tells = True
            self._reply(ACK)
        elif command.startswith(b"OE"):
            self._queue(command[2:6], command[6:])
        else:
            self._reply(NAK + b"009")

    def _queue(self, length: bytes, data: bytes) -> None:
        if not length.isdigit() or int(length) != len(data):
            self._reply(NAK + b"009")
        elif self.full:
            self._reply(NAK + b"000")
        else:
            self._take(code_alone(self.prefix + data.decode("latin-1")), ACK)
