r"""ZPL II over TCP 9100: one format per label, status on the same socket.

Source of every byte: Zebra, ZPL II Programming Guide (P/N 45541L), by command name.

| bytes                                  | meaning                                                                     |
| -------------------------------------- | --------------------------------------------------------------------------- |
| labels, made by `codegen.symbols`      |                                                                             |
| ^XA … ^XZ                              | one format; the printer acknowledges nothing                                |
| ^CI28                                  | field data is UTF-8                                                         |
| ^PWw ^LLh                              | label width and length in dots                                              |
| ^FOx,y                                 | field origin in dots                                                        |
| ^BQN,2,m,l,k                           | QR model 2, m dots a module, level l, mask k of ISO/IEC 18004, 7 if empty   |
| ^FDMA,text^FS                          | QR data: error correction level M, input mode A(utomatic)                   |
| ^BYw ^BCN,h,N,N,N,D                    | Code 128, w dots a module, h dots high, mode D = GS1-128 with (AI) in data  |
| ^A0N,h,w                               | scalable font, h by w dots                                                  |
| ^FH_ … _XX                             | hex escape in field data: ^ ~ _ and control characters                      |
| ^PQ1                                   | one label; a counter falling to zero is then the number printed             |
| ~HS                                    | host status: three strings STX … ETX CR LF                                  |
|   1: aaa,b,c,dddd,eee,f,g,h,iii,j,k,l  | b paper out, c pause, eee formats in buffer, f buffer full, j corrupt RAM,  |
|                                        | k under temperature, l over temperature                                     |
|   2: mmm,n,o,p,q,r,s,t,uuuuuuuu,v,www  | o head up, p ribbon out, uuuuuuuu labels remaining                          |
|   3: xxxx,y                            | password, static RAM                                                        |
| ~HQES                                  | PRINTER STATUS / ERRORS: f gggggggg nnnnnnnn / WARNINGS: …                  |
|   last word, nibble 1 (rightmost)      | 1 media out, 2 ribbon out, 4 head open, 8 cutter                            |
|   nibble 2                             | 1 head too hot, 2 motor too hot, 4 bad element, 8 head detection            |
|   nibble 3                             | 1 firmware configuration, 2 thermistor                                      |
|   nibble 4                             | 1 jam on retract, 2 presenter, 4 paper feed, 8 clear path failed            |

The manual says ~HS is not answered on media out, ribbon out, head open or a hot head; real printers
differ. So flags or silence are both accepted: on silence ~HQES is asked, and on silence again the
printer is NOT_RESPONDING. Not yet tried on a Zebra printer: `verified` stays False.
"""

import re
from dataclasses import asdict, replace
from typing import Final

from codegen import symbols
from printer_jobs.drivers.link import Cut, Garbled, Link
from printer_jobs.drivers.printer import Capabilities, CaseLabel, Fault, ItemLabel, Label, LinkLost, PrinterStatus
from printer_jobs.drivers.zpl_alerts import Alerts

PORT: Final = 9100
STX, ETX = b"\x02", b"\x03"
HOST_STATUS, HOST_QUERY = b"~HS", b"~HQES"
HS_STRINGS = 3

HS_FIRST = re.compile(rb"\d{3},[01],[01],\d{4},\d{3},[01],[01],[01],\d{3},[01],[01],[01]")
HS_SECOND = re.compile(rb"\d{3},[01],[01],[01],[01],.,.,[01],\d{8},[01],\d{3}")
HS_THIRD = re.compile(rb"\d{4},[01]")
HQ_ERRORS = re.compile(rb"ERRORS:\s+([01])\s+([0-9A-Fa-f]{8})\s+([0-9A-Fa-f]{8})")

HQ_BITS: dict[int, Fault] = {
    0x0001: Fault.PAPER_OUT,
    0x0002: Fault.RIBBON_OUT,
    0x0004: Fault.HEAD_OPEN,
    0x0008: Fault.CUTTER,
    0x0010: Fault.HEAD_TOO_HOT,
    0x0020: Fault.MOTOR_TOO_HOT,
    0x0040: Fault.HEAD_ELEMENT,
    0x0080: Fault.HEAD_ELEMENT,
    0x0100: Fault.MEMORY,
    0x0200: Fault.HEAD_TOO_HOT,
    0x1000: Fault.JAM,
    0x2000: Fault.JAM,
    0x4000: Fault.JAM,
    0x8000: Fault.JAM,
}

CAPABILITIES = Capabilities(
    queue=8,
    queue_readable=True,  # eee and uuuuuuuu of ~HS
    print_event=False,  # alert K counts jobs and names none
    event_identified=False,
    resumable=False,
    longest_field=3072,  # ^FD
    static_prefix=False,  # a stored format recalled by ^XF could hold it; the whole label is 200 bytes, so it need not
    verified=False,
    documented=True,
    case_labels=True,
)


class GarbledStatus(Garbled):
    """The printer answered ~HS with something the manual does not allow."""


def format_of(label: Label, *, mask: int | None = None) -> bytes:
    """The label as one ZPL format, UTF-8. mask: 0-7 of ISO/IEC 18004, None = ZPL's default.

    Raises DoesNotFit for a symbol larger than the label, NotAnSscc and WrongCheckDigit for a bad case number.
    """
    match label:
        case ItemLabel(code=code, name=name, note=note):
            return symbols.label_zpl(code, name=name, note=note, mask=mask).encode()
        case CaseLabel():
            return symbols.case_label_zpl(**asdict(label)).encode()


def parse_host_status(answer: bytes) -> PrinterStatus:
    """The three strings of ~HS. Raises GarbledStatus when they are not what the table allows."""
    strings = [part.split(ETX)[0] for part in answer.split(STX)[1:]]
    if len(strings) != HS_STRINGS:
        raise GarbledStatus(f"~HS has {len(strings)} strings instead of {HS_STRINGS}.")
    for string, form in zip(strings, (HS_FIRST, HS_SECOND, HS_THIRD), strict=True):
        if not form.fullmatch(string):
            raise GarbledStatus(f"~HS string {string!r} has not the form of the manual.")
    first, second = strings[0].split(b","), strings[1].split(b",")
    flags = {
        Fault.PAPER_OUT: first[1],
        Fault.PAUSED: first[2],
        Fault.MEMORY: first[9],
        Fault.TEMPERATURE: max(first[10], first[11]),
        Fault.HEAD_OPEN: second[2],
        Fault.RIBBON_OUT: second[3],
    }
    return PrinterStatus(
        faults=frozenset(fault for fault, flag in flags.items() if flag == b"1"),
        waiting=int(first[4]) + int(second[8]),
        buffer_full=first[5] == b"1",
    )


def parse_host_query(answer: bytes) -> PrinterStatus:
    """The ERRORS line of ~HQES. It says nothing about the queue, so the printer is never proven idle by it."""
    found = HQ_ERRORS.search(answer)
    if found is None:
        raise GarbledStatus("~HQES has no ERRORS line.")
    bits = int(found[3], 16)
    faults = {fault for bit, fault in HQ_BITS.items() if bits & bit}
    # An error we have no name for, or none at all although ~HS was not answered, still is no working printer.
    return PrinterStatus(faults=frozenset(faults or {Fault.NOT_RESPONDING}), waiting=None)


class ZplPrinter:
    """One printer on one socket. Not for two threads at once."""

    capabilities = CAPABILITIES

    def __init__(
        self, host: str, port: int = PORT, *, timeout_s: float = 1.0, mask: int | None = None, alerts: str = ""
    ) -> None:
        """alerts: host:port at which this station hears the printer's alerts, "" = it only asks."""
        self.mask, self._link = mask, Link(host, port, timeout_s=timeout_s)
        self._alerts_at = alerts
        self._alerts: Alerts | None = None

    def connect(self) -> None:
        self._link.open()
        if self._alerts_at:
            self._alerts = self._alerts or _listener(self._alerts_at)
            self._link.send(self._alerts.order())

    def begin(self) -> None:
        """Every format carries its own template."""

    def print(self, label: Label) -> None:
        self._send(format_of(label, mask=self.mask))

    def status(self) -> PrinterStatus:
        try:
            status = self._status()
            return self._with_alerts(status)
        except GarbledStatus as error:
            raise self._link.garbled(str(error)) from error

    def close(self) -> None:
        self._link.close()
        if self._alerts:
            self._alerts.close()
            self._alerts = None

    def _status(self) -> PrinterStatus:
        answer = self._ask(HOST_STATUS, _host_status_end)
        if answer is not None:
            return parse_host_status(answer)
        answer = self._ask(HOST_QUERY, _host_query_end)
        if answer is not None:
            return parse_host_query(answer)
        return PrinterStatus(faults=frozenset({Fault.NOT_RESPONDING}), waiting=None)

    def _with_alerts(self, status: PrinterStatus) -> PrinterStatus:
        """An alert names what a silent printer does not; an answer without a fault is newer than an alert."""
        if self._alerts is None:
            return status
        told = self._alerts.standing()
        if status.ready:
            self._alerts.forget()
            return status
        return replace(status, faults=status.faults | told)

    def _send(self, data: bytes) -> None:
        self._link.send(data)

    def _ask(self, question: bytes, end: Cut) -> bytes | None:
        """None when the printer stays silent for the timeout."""
        self._link.forget()  # The late answer to an earlier question is not the answer to this one.
        self._link.send(question)
        return self._link.frame(end)


def _listener(place: str) -> Alerts:
    host, _, port = place.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65_535:
        raise LinkLost(f"The option alerts is this station's host:port, such as 10.0.0.9:9200, not {place!r}.")
    return Alerts(host, int(port))


def _host_status_end(heard: bytes) -> int | None:
    return len(heard) if heard.count(ETX) >= HS_STRINGS else None


def _host_query_end(heard: bytes) -> int | None:
    return len(heard) if HQ_ERRORS.search(heard) and heard.endswith(ETX + b"\r\n") else None
