"""A Hitachi coder in communication-buffer mode: not ready while a text waits for its product."""

from typing import Any, ClassVar

from printer_jobs.virtual.label import code_alone
from printer_jobs.virtual.machine import Machine

ENQ, ACK, NAK, STX, ETX = b"\x05", b"\x06", b"\x15", b"\x02", b"\x03"


class VirtualHitachiPrinter(Machine):
    protocol: ClassVar[str] = "hitachi"
    buffer: ClassVar[int] = 1
    prefix = "HTTPS://ID.BRAND.CN/01/06901234567892/21/"

    @property
    def options(self) -> dict[str, Any]:
        return super().options | {"allow_unverified": True, "prefix": self.prefix}

    def _prepare(self) -> None:
        self._rest = b""

    def _greet(self) -> None:
        self._rest = b""

    def _hear(self, data: bytes) -> None:
        self._rest += data
        while self._rest:
            if self._rest[:1] == STX:
                frame, end, rest = self._rest.partition(ETX)
                if not end:
                    return
                self._rest = rest
                self._obey(frame[1:])
            else:
                first, self._rest = self._rest[:1], self._rest[1:]
                if first == ENQ:
                    self._reply(NAK if self.full else ACK)

    def _obey(self, body: bytes) -> None:
        if body == b"\x1b\x2d":
            with self._changed:
                self._waiting.clear()
            self._reply(ACK)
        elif body.startswith(b"\x101") and len(body) <= 82 and not self.full:
            self._take(code_alone(self.prefix + body[2:].decode("latin-1")), ACK)
        else:
            self._reply(NAK)
