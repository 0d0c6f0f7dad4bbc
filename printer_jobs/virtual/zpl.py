"""A ZPL label printer: formats wait in a buffer, status tells the truth or, as the manual has it, says nothing."""

import socket
from contextlib import suppress
from typing import ClassVar

from printer_jobs.drivers.printer import Fault
from printer_jobs.virtual.label import Format
from printer_jobs.virtual.machine import HungUp, Machine
from printer_jobs.virtual.zpl_language import BadZpl, Immediate, Stream

ALERTS = {Fault.PAPER_OUT: "A", Fault.RIBBON_OUT: "B", Fault.HEAD_OPEN: "E"}
HQ_BITS = {Fault.PAPER_OUT: 0x1, Fault.RIBBON_OUT: 0x2, Fault.HEAD_OPEN: 0x4}


class VirtualZplPrinter(Machine):
    protocol: ClassVar[str] = "zpl"
    buffer: ClassVar[int] = 200  # About 64 kB of small formats.

    def _prepare(self) -> None:
        self._stream, self._heard = Stream(), 0
        self._alerted: dict[str, tuple[str, int]] = {}  # where ^SX wants each condition told

    def fail(self, fault: Fault) -> None:
        super().fail(fault)
        self._alert(fault, "ERROR CONDITION")

    def repair(self) -> None:
        healed = list(self._faults)
        super().repair()
        for fault in healed:
            self._alert(fault, "ERROR CLEARED")

    def _alert(self, fault: Fault, what: str) -> None:
        place = self._alerted.get(ALERTS.get(fault, ""))
        if place is not None:
            with suppress(OSError), socket.create_connection(place, timeout=1) as link:
                link.sendall(f"{what}: {fault.value.replace('-', ' ').upper()}\r\n".encode())

    def _hear(self, data: bytes) -> None:
        half = self._half_before_drop(data)
        self._obey(data if half is None else data[:half])
        if half is not None:
            raise HungUp

    def _half_before_drop(self, data: bytes) -> int | None:
        """Where to cut `data` so that the doomed format arrives by half; None when it is not in it."""
        doomed, at = self.mishaps.drop_in_format, -1
        if doomed is None:
            return None
        while (at := data.find(b"^XA", at + 1)) >= 0:
            self._heard += 1
            if self._heard == doomed:
                self.mishaps.drop_in_format = None
                return at + max((data.find(b"^XZ", at) - at) // 2, 3)
        return None

    def _obey(self, data: bytes) -> None:
        events = self._stream.feed(data)
        while True:
            try:
                event = next(events, None)
            except BadZpl as reason:
                self.refused.append(str(reason))
                events = self._stream.feed(b"")
                continue
            match event:
                case None:
                    return
                case Immediate(command=command):
                    self._answer(command)
                case Format():
                    self._enqueue(event)

    def _answer(self, command: str) -> None:
        faulty = bool(self._faults)
        if command == "HS" and not (faulty and self.mishaps.silent_when_faulty):
            self._reply(self._host_status())
        elif command == "HQES" and not (faulty and self.mishaps.dumb_when_faulty):
            self._reply(self._host_query())
        elif command.startswith("SX"):
            condition, _, _, _, host, port = command[2:].split(",")
            self._alerted[condition] = host, int(port)
        elif command == "JA":
            with self._changed:
                self._waiting.clear()

    def _host_status(self) -> bytes:
        with self._changed:
            waiting = len(self._waiting)
            paper, ribbon, head = (int(fault in self._faults) for fault in HQ_BITS)
        full, half = int(waiting >= self.buffer), int(self._stream.half_format)
        first = f"030,{paper},0,0160,{waiting:03},{full},0,{half},000,0,0,0"
        second = f"001,0,{head},{ribbon},1,2,4,0,00000000,1,000"
        return b"".join(b"\x02" + string.encode() + b"\x03\r\n" for string in (first, second, "1234,0"))

    def _host_query(self) -> bytes:
        with self._changed:
            bits = sum(HQ_BITS[fault] for fault in self._faults)
        lines = (
            "PRINTER STATUS",
            f"ERRORS:         {int(bits > 0)} 00000000 {bits:08X}",
            "WARNINGS:       0 00000000 00000000",
        )
        return b"\x02\r\n" + b"".join(f"  {line}\r\n".encode() for line in lines) + b"\x03\r\n"
