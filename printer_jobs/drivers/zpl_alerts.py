r"""Alerts a ZPL printer sends unasked, ^SX: a fault is known before the next ~HS, and also where ~HS stays silent.

| bytes                              | meaning                                                                          |
| ---------------------------------- | -------------------------------------------------------------------------------- |
| ^XA^SXa,D,Y,Y,address,port^XZ      | tell a over TCP to that address, when it is set and when it clears               |
| a                                  | A paper out, B ribbon out, E head open                                           |
| the alert                          | a line of text with PAPER OUT, RIBBON OUT, HEAD OPEN, and CLEARED when it is over |

Source of the command: Zebra, ZPL II Programming Guide. The words of an alert are general knowledge: what is not
understood is passed over, and a fault is only ever added to what the printer itself answers.
"""  # noqa: E501

import selectors
import socket
from contextlib import suppress

from printer_jobs.drivers.printer import Fault, LinkLost

CONDITIONS = {"A": Fault.PAPER_OUT, "B": Fault.RIBBON_OUT, "E": Fault.HEAD_OPEN}
WORDS = {"PAPER OUT": Fault.PAPER_OUT, "RIBBON OUT": Fault.RIBBON_OUT, "HEAD OPEN": Fault.HEAD_OPEN}
CLEARED = "CLEARED"
LONGEST_ALERT = 4096


class Alerts:
    """A listener for one printer. Nothing runs beside the station: what came is read when it is asked for."""

    def __init__(self, host: str, port: int) -> None:
        """host: this station's address as the printer reaches it. port: 0 = any. Raises LinkLost: it is taken."""
        try:
            self._server = socket.create_server((host, port))
        except OSError as error:
            raise LinkLost(f"Alerts cannot be heard at {host}:{port}: {error.strerror}. Correct alerts.") from error
        self._server.setblocking(False)
        self.host, self.port = host, int(self._server.getsockname()[1])
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._server, selectors.EVENT_READ, b"")
        self._standing: set[Fault] = set()

    def order(self) -> bytes:
        """What the printer must be sent on every new link."""
        formats = [f"^XA^SX{condition},D,Y,Y,{self.host},{self.port}^XZ" for condition in CONDITIONS]
        return "".join(formats).encode("ascii")

    def standing(self) -> frozenset[Fault]:
        """Faults told and not cleared since."""
        while ready := self._selector.select(0):
            for key, _ in ready:
                self._accept() if key.fileobj is self._server else self._read(key)
        return frozenset(self._standing)

    def forget(self) -> None:
        """The printer has answered for itself that it is well."""
        self._standing.clear()

    def close(self) -> None:
        for key in list(self._selector.get_map().values()):
            with suppress(OSError):
                key.fileobj.close()  # type: ignore[union-attr]  # Only sockets are registered.
        self._selector.close()

    def _accept(self) -> None:
        with suppress(OSError):
            link, _ = self._server.accept()
            link.setblocking(False)
            self._selector.register(link, selectors.EVENT_READ, b"")

    def _read(self, key: selectors.SelectorKey) -> None:
        link = key.fileobj
        assert isinstance(link, socket.socket)
        try:
            data = link.recv(LONGEST_ALERT)
        except OSError:
            data = b""
        *lines, rest = (key.data + data).replace(b"\r", b"\n").split(b"\n")
        for line in [*lines, b"" if data else rest]:
            self._hear(line.decode("latin-1").upper())
        if data and len(rest) < LONGEST_ALERT:
            self._selector.modify(link, selectors.EVENT_READ, rest)
        else:
            self._selector.unregister(link)
            link.close()

    def _hear(self, line: str) -> None:
        for words, fault in WORDS.items():
            if words in line:
                (self._standing.discard if CLEARED in line else self._standing.add)(fault)
