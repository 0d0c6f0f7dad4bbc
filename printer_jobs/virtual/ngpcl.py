"""A Markem-Imaje coder that speaks NGPCL: one job at a time, done after as many prints as allocated."""

from typing import Any, ClassVar

from printer_jobs.virtual.label import code_alone
from printer_jobs.virtual.machine import Machine


class VirtualNgpclPrinter(Machine):
    protocol: ClassVar[str] = "ngpcl"
    buffer: ClassVar[int] = 1
    prefix = "HTTPS://ID.BRAND.CN/01/06901234567892/21/"

    @property
    def options(self) -> dict[str, Any]:
        return super().options | {"allow_unverified": True, "prefix": self.prefix}

    def _prepare(self) -> None:
        self._rest = b""
        self.fields = {"CODE": ""}

    def _greet(self) -> None:
        self._rest = b""

    def _hear(self, data: bytes) -> None:
        *frames, self._rest = (self._rest + data).split(b"}")
        for frame in frames:
            self._obey(*frame.decode("latin-1").strip("\r\n{~").split("|"))

    def _obey(self, head: str, *parts: str) -> None:
        match head, parts:
            case "JS0", (_, "1", field, value, *_) if not self.full:
                if field in self.fields:
                    self.fields[field] = value
                self._take(code_alone(self.prefix + self.fields["CODE"]), b"{~JS0|}\r")
            case "JS0", _:
                self._reply(b"{~JS1|}\r")
            case "FR", (field, *_) if field in self.fields:
                self._reply(f"{{~FC0|{field}|{self.fields[field]}|}}\r".encode())
            case "FR", _:
                self._reply(b"{~FC1|}\r")
            case "DR", _:
                self._reply(f"{{~DS0|0|1|0|0|0|2|0|000000000|{self._state():02}|1|}}\r".encode())
            case _:
                self._reply(b"{~NK1|}\r")

    def _state(self) -> int:
        with self._changed:
            return 11 if self._faults else 6 if self._waiting else 17
