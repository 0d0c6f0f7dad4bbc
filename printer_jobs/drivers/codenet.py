r"""Domino Codenet over TCP 7000: a short queue of codes in the coder, one anonymous byte after every print.

Sources: public drivers and notes, and the log of an Ax350i; the maker's manual CS00145 is confidential and was not seen,
so `documented` is False. Set the printer's *Send response = On Processed*.

| bytes (hex; text in quotes)                | answer                             | meaning                              |
| ------------------------------------------ | ---------------------------------- | ------------------------------------ |
| 1B cmd … 04                                | 06, or 06 "000"; 15, or 15 + 3 digits | every frame                       |
| 1B "OE" 4-digit length, data ≤ 1024, 04    | 15 or 15 "000": the queue is full  | queue one code                       |
| 1B "OE0000" 30 04                          |                                    | empty the queue of the TCP host      |
| 1B "I1" 32 04                              | then 32 after every print          | print-done on head 1, lost with the link |
| 1B "1C?" 04                                | 1B "1C" SSS B HHMM 04              | status: SSS 1xx warning, 2xx no printing |
| 1B "ON1" 2-digit length, name, 04          |                                    | choose the label                     |
| 15 + digits                                | 007 range 008 017 label 009 syntax 013 letter 016 load 024 checksum 027 off 050 busy 051 internal | refusals |

Inside 1B … 04 a 32 is data, outside it is the event. The events carry no number: the oldest queued code is meant. A
new link begins with an empty queue, so that the mirror and the printer agree; what waited in it is unknown for good.
"""  # noqa: E501

from typing import Final

from printer_jobs.drivers.link import Garbled, Link
from printer_jobs.drivers.printer import Busy, Capabilities, Fault, Label, LabelRefused, PrinterStatus
from printer_jobs.drivers.wording import Wording

PORT: Final = 7000
ESC, EOT, ACK, NAK, PRINTED = b"\x1b", b"\x04", b"\x06", b"\x15", b"2"
CLEAR, PRINT_DONE, STATUS = b"OE00000", b"I12", b"1C?"
FULL = ("", "000")
NAK_CODE_S = 0.05  # Older heads send no digits behind 15; those that do send them at once.
STATUS_LENGTH = 12
REFUSALS = {
    "007": "a value is out of range",
    "008": "there is no such label",
    "009": "the printer does not understand the command: check the model",
    "013": "the code has a letter its label cannot hold",
    "016": "the label cannot be loaded",
    "017": "there is no such label",
    "024": "the checksum is wrong",
    "027": "printing is switched off: switch it on at the printer",
    "050": "the printer is busy with something else: wait for it",
    "051": "the printer has an internal error: switch it off and on",
}

CAPABILITIES = Capabilities(
    queue=3,
    queue_readable=False,  # a refusal when full, and the host's mirror
    print_event=True,
    event_identified=False,
    resumable=False,
    longest_field=1024,
    static_prefix=True,
    verified=False,
    documented=False,
)


class CodenetPrinter:
    """label: the stored label to choose for a job, "" = as it stands. prefix: what that label holds of the code."""

    capabilities = CAPABILITIES

    def __init__(
        self, host: str, port: int = PORT, *, timeout_s: float = 1.0, label: str = "", prefix: str = ""
    ) -> None:
        self.label = label
        self._wording = Wording(prefix, CAPABILITIES.longest_field)
        self._link = Link(host, port, timeout_s=timeout_s)
        self._offered = self._taken = self._printed = 0

    def connect(self) -> None:
        self._link.open()
        self._order(CLEAR)
        self._order(PRINT_DONE)
        self._offered = self._taken = self._printed = 0

    def begin(self) -> None:
        if self.label:
            self._order(b"ON1%02d%b" % (len(self.label), self.label.encode("ascii", "replace")))

    def print(self, label: Label) -> None:
        data = self._wording.text(label).encode("ascii")
        self._offered = self._taken + 1  # Its print may be told before it is acknowledged.
        refusal = self._ask(b"OE%04d%b" % (len(data), data))
        if refusal in FULL:
            self._offered = self._taken
            raise Busy
        if refusal is not None:
            raise _refused(refusal)
        self._taken += 1

    def status(self) -> PrinterStatus:
        self._link.send(ESC + STATUS + EOT)
        frame = self._next()
        if frame is None:
            return PrinterStatus(frozenset({Fault.NOT_RESPONDING}), None, printed=self._printed)
        if not frame.startswith(ESC + b"1C") or len(frame) != STATUS_LENGTH or not frame[3:6].isdigit():
            raise self._link.garbled(f"{frame[:40]!r} for its status")
        faults = {Fault.OTHER} if frame[3:4] == b"2" else set()
        return PrinterStatus(frozenset(faults), self._taken - self._printed, printed=self._printed)

    def close(self) -> None:
        self._link.close()

    def _order(self, command: bytes) -> None:
        refusal = self._ask(command)
        if refusal is not None:
            raise _refused(refusal)

    def _ask(self, command: bytes) -> str | None:
        """None: done. Otherwise the digits of the refusal, possibly none. Raises LinkLost for silence: was it heard?"""
        self._link.send(ESC + command + EOT)
        frame = self._next()
        if frame == ACK:
            return None
        if frame == NAK:
            return (self._link.frame(_code_end, NAK_CODE_S) or b"").decode("ascii")
        raise self._link.garbled("nothing" if frame is None else repr(frame[:40]))

    def _next(self) -> bytes | None:
        """The next answer; prints told meanwhile are counted. A print nothing was queued for is not ours."""
        while (frame := self._link.frame(_end)) is not None:
            if frame == PRINTED:
                self._printed = min(self._printed + 1, self._offered)
            elif frame != b"000":
                return frame
        return None


def _end(heard: bytes) -> int | None:
    first = heard[:1]
    if not first:
        return None
    if first in (ACK, NAK, PRINTED):
        return 1
    if first == ESC:
        at = heard.find(EOT)
        return None if at < 0 else at + 1
    if b"000".startswith(heard[:3]):  # 06 "000" in the fixed style
        return 3 if len(heard) >= 3 else None
    raise Garbled(repr(heard[:40]))


def _code_end(heard: bytes) -> int | None:
    """Behind 15: every refusal begins with 0, a print told right behind it is a 2."""
    if heard and heard[:1] != b"0":
        return 0
    return 3 if len(heard) >= 3 and heard[:3].isdigit() else None


def _refused(code: str) -> LabelRefused:
    return LabelRefused(f"The printer refuses with {code or 'no reason'}: {REFUSALS.get(code, 'see its manual')}.")
