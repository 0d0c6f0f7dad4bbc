"""A label printer that speaks IPP: jobs in ZPL, remembered with their names and states until it is switched off."""

from typing import ClassVar

from printer_jobs.drivers.ipp_message import (
    ENUM,
    INTEGER,
    JOB,
    KEYWORD,
    NAME,
    OPERATION,
    PRINTER,
    Group,
    Message,
    decode,
    encode,
)
from printer_jobs.drivers.link import Garbled
from printer_jobs.drivers.printer import Fault
from printer_jobs.virtual.label import Format
from printer_jobs.virtual.machine import Job, Machine
from printer_jobs.virtual.zpl_language import Stream

PENDING, COMPLETED, ABORTED = 3, 9, 8
OK, BAD_REQUEST, BUSY = 0x0000, 0x0400, 0x0507
REASONS = {Fault.PAPER_OUT: "media-empty-error", Fault.RIBBON_OUT: "marker-supply-empty-error"}


class VirtualIppPrinter(Machine):
    protocol: ClassVar[str] = "ipp"
    buffer: ClassVar[int] = 4

    def _prepare(self) -> None:
        self._rest = b""
        self.jobs: list[tuple[str, int]] = []  # name and state, by job id - 1

    def _greet(self) -> None:
        self._rest = b""

    def _forget(self) -> None:
        with self._changed:
            self.jobs = [(name, state if state == COMPLETED else ABORTED) for name, state in self.jobs]

    def _told(self, job: Job) -> None:
        if job.index is not None:
            self.jobs[job.index] = (self.jobs[job.index][0], COMPLETED)

    def _hear(self, data: bytes) -> None:
        self._rest += data
        while (head := self._rest.partition(b"\r\n\r\n"))[1]:
            lengths = [line.split(b":")[1] for line in head[0].lower().split(b"\r\n") if b"content-length:" in line]
            length = int(lengths[0]) if lengths else 0
            if len(head[2]) < length:
                return
            self._rest = head[2][length:]
            try:
                self._obey(decode(head[2][:length]))
            except Garbled:
                self._reply(_http(encode(Message(BAD_REQUEST, 0, []))))

    def _obey(self, asked: Message) -> None:
        match asked.code:
            case 0x0002:
                self._print(asked)
            case 0x000A:
                self._reply(_answer(asked, OK, *self._listed(asked.values("which-jobs") == ["completed"])))
            case 0x000B:
                self._reply(_answer(asked, OK, self._state()))
            case _:
                self._reply(_answer(asked, BAD_REQUEST))

    def _print(self, asked: Message) -> None:
        labels = [one for one in Stream().feed(asked.document) if isinstance(one, Format)]
        if self.full:
            self._reply(_answer(asked, BUSY))
        elif len(labels) != 1:
            self._reply(_answer(asked, BAD_REQUEST))
        else:
            with self._changed:
                self.jobs.append((str(asked.values("job-name")[0]), PENDING))
                number = len(self.jobs)
            job: Group = (JOB, [(INTEGER, "job-id", [number]), (ENUM, "job-state", [PENDING])])
            self._take(labels[0], _answer(asked, OK, job), number - 1)

    def _listed(self, completed: bool) -> list[Group]:
        with self._changed:
            return [
                (JOB, [(NAME, "job-name", [name]), (ENUM, "job-state", [state])])
                for name, state in self.jobs
                if (state != PENDING) is completed
            ]

    def _state(self) -> Group:
        with self._changed:
            reasons = [REASONS.get(fault, "cover-open-error") for fault in self._faults] or ["none"]
        state = 3 if reasons == ["none"] else 5
        return PRINTER, [(ENUM, "printer-state", [state]), (KEYWORD, "printer-state-reasons", [*reasons])]


def _answer(asked: Message, status: int, *groups: Group) -> bytes:
    return _http(encode(Message(status, asked.request, [(OPERATION, []), *groups])))


def _http(body: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/ipp\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body
