"""A CLARiTY coder that speaks Zipher text: records under the host's index in a buffer that outlives the link.

Without power it forgets buffer, template and its last index. It tells of each print whether asked or not,
as a printer does that another host has set so.
"""

from typing import Any, ClassVar

from printer_jobs.virtual.label import code_alone
from printer_jobs.virtual.machine import Job, Machine

FIELDS = ("CODE", "DATE")


class VirtualZipherPrinter(Machine):
    protocol: ClassVar[str] = "zipher"
    buffer: ClassVar[int] = 10_000
    prefix = "HTTPS://ID.BRAND.CN/01/06901234567892/21/"

    @property
    def options(self) -> dict[str, Any]:
        return super().options | {"allow_unverified": True, "prefix": self.prefix}

    def _prepare(self) -> None:
        self._rest = b""
        self._forget()

    def _forget(self) -> None:
        self.running, self.job, self.most, self.last = False, "", 10, 0

    def _greet(self) -> None:
        self._rest = b""

    def _may_print(self) -> bool:
        return self.running

    def _told(self, job: Job) -> None:
        self.last = job.index or 0
        self._say(b"PRC|\r")

    def _hear(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\r")
        for line in lines:
            if line:
                self._obey(*line.decode("latin-1").split("|"))

    def _obey(self, head: str, *parts: str) -> None:
        match head, parts:
            case "GST", _:
                error = 2 if self._faults else 0
                self._reply(f"STS|{3 if self.running else 4}|{error}|{self.job}|0|{self.burnt}|\r".encode())
            case "GFT", _:
                texts = "".join(f"10|1|{fault.value.replace('-', ' ').upper()}|" for fault in sorted(self._faults))
                self._reply(f"FLT|{len(self._faults)}|{texts}\r".encode())
            case "SST", (state, *_):
                self._set(running=state == "3")
            case "SEL", (job, *_):
                self._set(job=job)
            case "GJF", _:
                self._reply(f"JFL|{len(FIELDS)}|{'|'.join(FIELDS)}|\r".encode())
            case "SHO", (field, *_):
                self._reply(b"ACK\r" if field in FIELDS else b"ERR\r")
            case "SMR", (most, *_):
                self._set(most=int(most))
            case "SCB", _:
                with self._changed:
                    self._waiting.clear()
                self._reply(b"ACK\r")
            case "SID", (index, value, *_):
                self._record(int(index), value)
            case (("SLR" | "SNI" | "SRC" | "SGM"), _):
                self._reply(f"{head}|{self._count(head)}|\r".encode())
            case _:
                self._reply(b"ERR\r")

    def _set(self, **values: Any) -> None:
        with self._changed:
            for name, value in values.items():
                setattr(self, name, value)
            self._changed.notify_all()
        self._reply(b"ACK\r")

    def _record(self, index: int, value: str) -> None:
        with self._changed:
            refused = not self.job or len(self._waiting) >= self.most
        if refused:
            self._reply(b"ERR\r")
        else:
            self._take(code_alone(self.prefix + value), b"ACK\r", index)

    def _count(self, head: str) -> int:
        with self._changed:
            waiting = len(self._waiting)
            following = (self._waiting[0].index or 0) if waiting else self.last + 1
        return {"SLR": self.last, "SNI": following, "SRC": waiting, "SGM": self.most}[head]
