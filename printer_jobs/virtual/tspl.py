"""A TSPL label printer: a few commands, one label buffer, status bytes at any time."""

import re
from typing import Any, ClassVar

from printer_jobs.drivers.printer import Fault
from printer_jobs.virtual.label import BarField, Field, Format, QrField, TextField
from printer_jobs.virtual.machine import Machine

QRCODE = re.compile(r'QRCODE (\d+),(\d+),([HQML]),(\d+),A,0,"([^"]*)"')
BARCODE = re.compile(r'BARCODE (\d+),(\d+),"EAN128",(\d+),\d,\d,(\d+),\d+,"(\d\d)([^"]*)"')
TEXT = re.compile(r'TEXT (\d+),(\d+),"\d",0,\d,\d,"([^"]*)"')
SIZE = re.compile(r"SIZE (\d+) mm,(\d+) mm")
QUESTION = re.compile(rb"\x1b!([S?])")
MEDIA = {Fault.PAPER_OUT: 0x41, Fault.RIBBON_OUT: 0x44, Fault.HEAD_OPEN: 0x60}
SHORT = {Fault.PAPER_OUT: 0x04, Fault.RIBBON_OUT: 0x08, Fault.HEAD_OPEN: 0x01}


class VirtualTsplPrinter(Machine):
    protocol: ClassVar[str] = "tspl"
    buffer: ClassVar[int] = 50

    @property
    def options(self) -> dict[str, Any]:
        return super().options | {"allow_unverified": True}

    def _prepare(self) -> None:
        self._greet()

    def _greet(self) -> None:
        self._rest, self._size, self._fields = b"", (0, 0), list[Field]()

    def _hear(self, data: bytes) -> None:
        self._rest += data
        while self._rest:
            question = QUESTION.match(self._rest)
            line, end, rest = self._rest.partition(b"\r\n")
            if question:
                self._rest = self._rest[question.end() :]
                self._reply(self._status() if question[1] == b"S" else bytes([self._short()]))
            elif end:
                self._rest = rest
                self._obey(line.decode("latin-1"))
            else:
                return

    def _obey(self, line: str) -> None:
        if found := SIZE.fullmatch(line):
            self._size = int(found[1]) * 8, int(found[2]) * 8
        elif line == "CLS":
            self._fields = []
        elif found := QRCODE.fullmatch(line):
            self._fields.append(QrField(int(found[1]), int(found[2]), int(found[4]), found[3], 7, found[5]))
        elif found := BARCODE.fullmatch(line):
            x, y, height, module = (int(found[at]) for at in range(1, 5))
            self._fields.append(BarField(x, y, module, height, True, f"({found[5]}){found[6]}"))
        elif found := TEXT.fullmatch(line):
            self._fields.append(TextField(int(found[1]), int(found[2]), 24, found[3]))
        elif line == "PRINT 1,1":
            self._take(Format(*self._size, 1, tuple(self._fields)), b"")

    def _status(self) -> bytes:
        with self._changed:
            state = 0x45 if self._faults else 0x50 if self._waiting else 0x40
            media = 0x40
            for fault in self._faults:
                media |= MEDIA[fault]
        return bytes([0x02, state, 0x48 if self.full else 0x40, 0x40, media, 0x03]) + b"\r\n"

    def _short(self) -> int:
        with self._changed:
            return sum(SHORT[fault] for fault in self._faults) + (0x20 if self._waiting else 0)
