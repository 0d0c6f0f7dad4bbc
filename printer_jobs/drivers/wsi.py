r"""Videojet 1000-line CIJ over WSI, TCP 3100 (3102 for head 2): one user field, set again for every product.

Source of every byte: Videojet 462115-01 Rev AD, a publication of the maker. Not yet tried on a coder.

| bytes                               | answer                         | meaning                                            |
| ----------------------------------- | ------------------------------ | -------------------------------------------------- |
| 02 TYPE DATA 03                     | $XX done, !XX refused          | data 20h-7Fh, 0Ah separates; XX: hex of the sum    |
|                                     |                                | mod 256 of the bytes between 02 and 03, as heard   |
| U name 0A data                      |                                | user field, name ≤ 30, data ≤ 50                   |
| M name                              |                                | choose the message                                 |
| O1 O0                               |                                | print on, off                                      |
| GA                                  | 02 8 or 10 digits 03           | print counter                                      |
| E                                   | 02 EEEEEE A 03                 | errors; A: bit 2 red, bit 1 amber, bit 0 green     |

The coder has no queue and tells of no print: the field is printed on every product until it is set again. So a new
code goes out only when the counter has risen by one, printing is off until the first code of a link is set and after
the last, and a counter that rises by more means a code was printed twice: the line stops. Slow lines only, with a camera.
"""  # noqa: E501

from contextlib import suppress
from typing import Final

from printer_jobs.drivers.link import Garbled, Link
from printer_jobs.drivers.printer import Busy, Capabilities, Fault, Label, LabelRefused, LinkLost, PrinterStatus
from printer_jobs.drivers.wording import Wording

PORT: Final = 3100
STX, ETX = b"\x02", b"\x03"
RED = 4

CAPABILITIES = Capabilities(
    queue=1,
    queue_readable=False,
    print_event=True,  # the counter, read
    event_identified=False,
    resumable=False,
    longest_field=50,
    static_prefix=True,
    verified=False,
    documented=True,
)


class WsiPrinter:
    """message: to choose for a job, "" = as it stands. field: the user field. prefix: what the message holds of it."""

    capabilities = CAPABILITIES

    def __init__(
        self,
        host: str,
        port: int = PORT,
        *,
        timeout_s: float = 1.0,
        message: str = "",
        field: str = "CODE",
        prefix: str = "",
    ) -> None:
        self.message, self.field = message, field
        self._wording = Wording(prefix, CAPABILITIES.longest_field)
        self._link = Link(host, port, timeout_s=timeout_s)
        self._taken, self._start, self._on = 0, 0, False

    def connect(self) -> None:
        self._link.open()
        self._order(b"O0", "it does not switch printing off")
        self._taken, self._start, self._on = 0, self._counter(), False

    def begin(self) -> None:
        if self.message:
            self._order(b"M" + self.message.encode("ascii", "replace"), f"it has no message {self.message}")

    def print(self, label: Label) -> None:
        text = self._wording.text(label)
        if self._printed() < self._taken:
            raise Busy
        self._order(f"U{self.field}\n{text}".encode("ascii"), f"its message has no field {self.field} for {text}")
        self._taken += 1
        if not self._on:
            self._order(b"O1", "it does not switch printing on")
            self._on = True

    def status(self) -> PrinterStatus:
        self._link.forget()
        self._link.send(STX + b"E" + ETX)
        frame = self._link.frame(_end)
        if frame is None:
            return PrinterStatus(frozenset({Fault.NOT_RESPONDING}), None)
        errors = frame[1:-1]
        if frame[:1] != STX or len(errors) != 7 or not errors[6:].isdigit():
            raise self._link.garbled(f"{frame[:40]!r} for its status")
        printed = self._printed()
        faults = {Fault.OTHER} if int(errors[6:]) & RED else set()
        if printed > self._taken:
            faults.add(Fault.REPEATED)
        return PrinterStatus(frozenset(faults), max(0, self._taken - printed), printed=min(printed, self._taken))

    def close(self) -> None:
        with suppress(LinkLost, LabelRefused):
            if self._on:
                self._order(b"O0", "it does not switch printing off")
        self._on = False
        self._link.close()

    def _printed(self) -> int:
        """Prints since the link was opened."""
        return self._counter() - self._start

    def _counter(self) -> int:
        self._link.send(STX + b"GA" + ETX)
        frame = self._link.frame(_end) or b""
        digits = frame[1:-1]
        if frame[:1] != STX or not digits.isdigit() or len(digits) not in (8, 10):
            raise self._link.garbled(f"{frame[:40]!r} for its print counter")
        return int(digits)

    def _order(self, body: bytes, refusal: str) -> None:
        """Raises LabelRefused for `!`, LinkLost for silence and for the sum of something else than was sent."""
        self._link.send(STX + body + ETX)
        frame = self._link.frame(_end) or b""
        if frame[:1] not in (b"$", b"!"):
            raise self._link.garbled(repr(frame[:40]) if frame else "nothing")
        if frame[1:].upper() != b"%02X" % checksum(body):
            raise self._link.garbled(f"the sum {frame[1:].decode('ascii', 'replace')} of something we did not send")
        if frame[:1] == b"!":
            raise LabelRefused(f"The printer refuses: {refusal}.")


def checksum(body: bytes) -> int:
    """Sum mod 256 of the bytes between STX and ETX: Q is 51h."""
    return sum(body) % 256


def _end(heard: bytes) -> int | None:
    if not heard:
        return None
    if heard[:1] in (b"$", b"!"):
        return 3 if len(heard) >= 3 else None
    if heard[:1] == STX:
        at = heard.find(ETX)
        return None if at < 0 else at + 1
    raise Garbled(repr(heard[:40]))
