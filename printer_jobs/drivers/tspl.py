r"""TSPL label printers (TSC and many clones) over TCP 9100: one job per label, status bytes on the same socket.

Status bytes from the makers' manuals; the job commands are general knowledge, so `documented` is False. Not tried.

| bytes (hex; text in quotes)                | answer                          | meaning                                    |
| ------------------------------------------ | ------------------------------- | ------------------------------------------ |
| "SIZE w mm,h mm" "GAP 2 mm,0 mm" "CLS"     |                                 | a label begins; every line ends CR LF      |
| QRCODE x,y,M,cell,A,0,"text"               |                                 | QR, level M, automatic mode                |
| BARCODE x,y,"EAN128",h,0,0,n,w,"00…"       |                                 | GS1-128                                    |
| TEXT x,y,"3",0,1,1,"text"                  |                                 | ASCII words; other letters need a font     |
| PRINT 1,1                                  |                                 | one label                                  |
| 1B 21 53                                   | 02 b1 b2 b3 b4 03 0D 0A         | b1 40 ready 60 pause 42 backing 43 cutting |
|                                            |                                 | 45 error 46 feed 4B 4C waits 50 57 prints; |
|                                            |                                 | b2 48 buffer full; b3 41 head hot 42 motor |
|                                            |                                 | hot 44 head 48 cutter 50 memory; b4 41     |
|                                            |                                 | paper 42 jam 44 ribbon 48 ribbon jam 60 head open |
| 1B 21 3F                                   | one byte                        | asked on silence: 01 head open 02 jam 04 paper |
|                                            |                                 | 08 ribbon 10 pause 20 prints 40 cover 80 other |

It says that it prints, never how much waits: `waiting` is 1 while it prints and unknown when it is ready.
"""  # noqa: E501

from typing import Final

from codegen.symbols import CASE_LABEL_MM, LABEL_MM, case_link, grouped
from printer_jobs.drivers.link import Garbled, Link
from printer_jobs.drivers.printer import Capabilities, CaseLabel, Fault, ItemLabel, Label, LabelRefused, PrinterStatus

PORT: Final = 9100
STATUS, SHORT_STATUS = b"\x1b!S", b"\x1b!?"
STX, ETX = b"\x02", b"\x03"
PAUSE, ERROR, PRINTING, FULL = 0x60, 0x45, (0x42, 0x43, 0x46, 0x4B, 0x4C, 0x50, 0x57), 0x48
KNOWN_STATES = (0x40, PAUSE, ERROR, *PRINTING)
MACHINE_BITS = {
    0x01: Fault.HEAD_TOO_HOT,
    0x02: Fault.MOTOR_TOO_HOT,
    0x04: Fault.HEAD_ELEMENT,
    0x08: Fault.CUTTER,
    0x10: Fault.MEMORY,
}
MEDIA_BITS = {
    0x01: Fault.PAPER_OUT,
    0x02: Fault.JAM,
    0x04: Fault.RIBBON_OUT,
    0x08: Fault.JAM,
    0x20: Fault.HEAD_OPEN,
}
SHORT_BITS = {
    0x01: Fault.HEAD_OPEN,
    0x02: Fault.JAM,
    0x04: Fault.PAPER_OUT,
    0x08: Fault.RIBBON_OUT,
    0x10: Fault.PAUSED,
    0x40: Fault.HEAD_OPEN,
    0x80: Fault.OTHER,
}
SHORT_PRINTING = 0x20
DOTS_PER_MM = 8

CAPABILITIES = Capabilities(
    queue=4,
    queue_readable=False,
    print_event=False,
    event_identified=False,
    resumable=False,
    longest_field=None,
    static_prefix=False,
    verified=False,
    documented=False,
    case_labels=True,
)


def job_of(label: Label) -> bytes:
    """The label as one job. Raises LabelRefused for a quote in the code."""
    match label:
        case ItemLabel(code=code):
            size, lines = LABEL_MM, [_qr(20, 20, 5, code), _words(220, 100, grouped(code)[:12])]
        case CaseLabel(sscc=sscc, host=host, gtin=gtin, count=count, digsig=digsig):
            bars = f'BARCODE 80,720,"EAN128",256,0,0,4,4,"00{sscc}"'
            # A signed link is longer, so its modules are smaller: 6 dots are still 0.75 mm.
            link = _qr(40, 280, 6 if digsig else 8, case_link(sscc, host, digsig))
            size, lines = CASE_LABEL_MM, [_words(40, 120, f"GTIN {gtin} x {count}"), link, bars]
    start = [f"SIZE {size[0]} mm,{size[1]} mm", "GAP 2 mm,0 mm", "CLS"]
    return "".join(f"{line}\r\n" for line in [*start, *lines, "PRINT 1,1"]).encode("ascii")


def parse_status(answer: bytes) -> PrinterStatus:
    """Eight bytes of ESC ! S. Raises Garbled."""
    if len(answer) != 8 or answer[:1] != STX or answer[5:] != ETX + b"\r\n" or answer[1] not in KNOWN_STATES:
        raise Garbled(f"{answer!r} for its status")
    state, buffer, machine, media = answer[1:5]
    faults = {fault for bit, fault in MACHINE_BITS.items() if machine & bit}
    faults |= {fault for bit, fault in MEDIA_BITS.items() if media & bit}
    if state == PAUSE:
        faults.add(Fault.PAUSED)
    if state == ERROR and not faults:
        faults.add(Fault.OTHER)
    return PrinterStatus(frozenset(faults), 1 if state in PRINTING else None, buffer_full=buffer == FULL)


def parse_short_status(byte: int) -> PrinterStatus:
    """The one byte of ESC ! ?."""
    faults = frozenset(fault for bit, fault in SHORT_BITS.items() if byte & bit)
    return PrinterStatus(faults, 1 if byte & SHORT_PRINTING else None)


class TsplPrinter:
    capabilities = CAPABILITIES

    def __init__(self, host: str, port: int = PORT, *, timeout_s: float = 1.0) -> None:
        self._link = Link(host, port, timeout_s=timeout_s)

    def connect(self) -> None:
        self._link.open()

    def begin(self) -> None:
        """Every job carries its own template."""

    def print(self, label: Label) -> None:
        self._link.send(job_of(label))

    def status(self) -> PrinterStatus:
        self._link.forget()
        self._link.send(STATUS)
        answer = self._link.frame(_status_end)
        try:
            if answer is not None:
                return parse_status(answer)
            self._link.send(SHORT_STATUS)
            short = self._link.frame(lambda heard: 1 if heard else None)
            if short is not None:
                return parse_short_status(short[0])
        except Garbled as error:
            raise self._link.garbled(str(error)) from error
        return PrinterStatus(frozenset({Fault.NOT_RESPONDING}), None)

    def close(self) -> None:
        self._link.close()


def _status_end(heard: bytes) -> int | None:
    if heard and heard[:1] != STX:
        raise Garbled(repr(heard[:40]))
    return 8 if len(heard) >= 8 else None


def _qr(x: int, y: int, cell: int, text: str) -> str:
    if '"' in text or not text.isascii() or not text.isprintable():
        raise LabelRefused(f"The code {text!r} cannot be sent to a TSPL printer: it has a quote or a foreign letter.")
    return f'QRCODE {x},{y},M,{cell},A,0,"{text}"'


def _words(x: int, y: int, text: str) -> str:
    return f'TEXT {x},{y},"3",0,1,1,"{text}"'
