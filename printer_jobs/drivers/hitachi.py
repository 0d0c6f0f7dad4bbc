r"""Hitachi CIJ in communication-buffer mode, overwrite disabled: a new text is taken when the one before is printed.

Sources: the maker's RX2, UX Twin and PH manuals. That ENQ is refused for as long as a text waits is our reading of
them, the clear command differs by model (76h behind ESC2 on some) and nothing was tried, so `documented` is False.

| bytes (hex)                        | answer       | meaning                                                               |
| ---------------------------------- | ------------ | --------------------------------------------------------------------- |
| 05 (ENQ)                           | 06, or 15    | ready for a text; the one before waits for its product                |
| 02 10 31 text 03 (STX DLE item ETX)| 06, or 15    | the text of item 1, ≤ 80 characters                                   |
| 02 1B 2D 03                        | 06           | empty the buffer, only while not printing                             |

A coder that takes the next text has printed the last one: that is all it says of printing. What the manual advises
after a fault, sending the text again, is not done: the number becomes unknown.
"""  # noqa: E501

from typing import Final

from printer_jobs.drivers.link import Garbled, Link
from printer_jobs.drivers.printer import Busy, Capabilities, Fault, Label, LabelRefused, PrinterStatus
from printer_jobs.drivers.wording import Wording

PORT: Final = 4001  # of the serial converter; Hitachi sets none
ENQ, ACK, NAK = b"\x05", b"\x06", b"\x15"
STX, ETX, ITEM_1, CLEAR = b"\x02", b"\x03", b"\x101", b"\x1b\x2d"

CAPABILITIES = Capabilities(
    queue=1,
    queue_readable=False,
    print_event=True,  # by readiness
    event_identified=False,
    resumable=False,
    longest_field=80,
    static_prefix=True,
    verified=False,
    documented=False,
)


class HitachiPrinter:
    capabilities = CAPABILITIES

    def __init__(self, host: str, port: int = PORT, *, timeout_s: float = 1.0, prefix: str = "") -> None:
        self._wording = Wording(prefix, CAPABILITIES.longest_field)
        self._link = Link(host, port, timeout_s=timeout_s)
        self._taken = 0

    def connect(self) -> None:
        self._link.open()
        self._taken = 0

    def begin(self) -> None:
        if self._ask(STX + CLEAR + ETX) == NAK:
            raise LabelRefused("The printer does not empty its buffer while it prints: stop it by hand.")

    def print(self, label: Label) -> None:
        text = self._wording.text(label)
        if self._ask(ENQ) == NAK:
            raise Busy
        if self._ask(STX + ITEM_1 + text.encode("ascii") + ETX) == NAK:
            raise LabelRefused(f"The printer refuses {text}: choose communication-buffer mode, overwrite disabled.")
        self._taken += 1

    def status(self) -> PrinterStatus:
        self._link.send(ENQ)
        answer = self._link.frame(_end)
        if answer is None:
            return PrinterStatus(frozenset({Fault.NOT_RESPONDING}), None)
        waiting = int(answer == NAK)
        return PrinterStatus(frozenset(), waiting, printed=max(0, self._taken - waiting))

    def close(self) -> None:
        self._link.close()

    def _ask(self, data: bytes) -> bytes:
        self._link.send(data)
        answer = self._link.frame(_end)
        if answer is None:
            raise self._link.garbled("nothing")
        return answer


def _end(heard: bytes) -> int | None:
    if heard and heard[:1] not in (ACK, NAK):
        raise Garbled(repr(heard[:40]))
    return 1 if heard else None
