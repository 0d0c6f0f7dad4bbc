"""A Videojet 1000-line coder that speaks WSI: it sums what it hears, and prints its field again if no new one came."""

from typing import Any, ClassVar

from printer_jobs.virtual.label import code_alone
from printer_jobs.virtual.machine import Job, Machine

STX, ETX = b"\x02", b"\x03"


class VirtualWsiPrinter(Machine):
    protocol: ClassVar[str] = "wsi"
    buffer: ClassVar[int] = 1
    prefix = "HTTPS://ID.BRAND.CN/01/06901234567892/21/"

    @property
    def options(self) -> dict[str, Any]:
        return super().options | {"prefix": self.prefix}

    def product_passes(self) -> None:
        """One more product than codes came: the field is printed again."""
        if self.texts:
            self._enqueue(code_alone(next(text for text in reversed(self.texts) if text.startswith(self.prefix))))

    def _prepare(self) -> None:
        self._rest, self._counter, self._on = b"", 41, False
        self.wrong_sum = False

    def _greet(self) -> None:
        self._rest = b""

    def _may_print(self) -> bool:
        return self._on

    def _told(self, job: Job) -> None:  # noqa: ARG002  Nor does the counter.
        self._counter += 1

    def _forget(self) -> None:
        self._on = False

    def _hear(self, data: bytes) -> None:
        *frames, self._rest = (self._rest + data).split(ETX)
        for frame in frames:
            self._obey(frame[frame.find(STX) + 1 :])

    def _obey(self, body: bytes) -> None:
        total = (sum(body) + self.wrong_sum) % 256
        if body == b"GA":
            with self._changed:
                self._reply(STX + b"%010d" % self._counter + ETX)
        elif body == b"E":
            self._reply(STX + b"000000" + (b"4" if self._faults else b"1") + ETX)
        elif body in (b"O0", b"O1"):
            with self._changed:
                self._on = body == b"O1"
                self._changed.notify_all()
            self._reply(b"$%02X" % total)
        elif body.startswith(b"UCODE\n") and len(body) <= 6 + 50:
            with self._changed:
                self._waiting.clear()  # The field is overwritten; nothing is queued.
            self._take(code_alone(self.prefix + body[6:].decode("latin-1")), b"$%02X" % total)
        else:
            self._reply(b"!%02X" % total)
