"""One TCP link to a printer: bytes out, frames in. Any failure closes it, and then nobody knows what arrived.

A protocol gives a `cut`: how long the first whole frame in the bytes heard so far is, None when more are needed;
it raises Garbled for bytes no frame can begin with. Question and answer are then out of step, and a new link is the
only cure.
"""

import socket
import time
from collections.abc import Callable
from contextlib import suppress

from printer_jobs.drivers.printer import LinkLost

Cut = Callable[[bytes], int | None]
LONGEST_FRAME = 65_536


class Garbled(ValueError):
    """The printer said what its protocol does not allow."""


class Link:
    """Not for two threads at once. timeout_s: for connecting, for sending, and for one answer."""

    def __init__(self, host: str, port: int, *, timeout_s: float) -> None:
        self.address, self.timeout_s = (host, port), timeout_s
        self._socket: socket.socket | None = None
        self._heard = b""

    @property
    def name(self) -> str:
        return f"{self.address[0]}:{self.address[1]}"

    def open(self) -> None:
        """Closes an older one first. Raises LinkLost."""
        self.close()
        try:
            self._socket = socket.create_connection(self.address, timeout=self.timeout_s)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            raise LinkLost(f"No connection to the printer at {self.name}: {error}.") from error

    def close(self) -> None:
        self._heard = b""
        if self._socket is not None:
            with suppress(OSError):
                self._socket.close()
            self._socket = None

    def send(self, data: bytes) -> None:
        link = self._opened()
        try:
            link.settimeout(self.timeout_s)
            link.sendall(data)
        except OSError as error:
            self.close()  # After half a label nobody knows what the printer holds.
            raise LinkLost(f"The connection to the printer broke while sending: {error}.") from error

    def frame(self, cut: Cut, timeout_s: float | None = None) -> bytes | None:
        """The next whole frame; None when none is complete within the timeout. Raises LinkLost, also for garbage."""
        deadline = time.monotonic() + (self.timeout_s if timeout_s is None else timeout_s)
        while True:
            try:
                end = cut(self._heard)
                if end is None and len(self._heard) > LONGEST_FRAME:
                    raise Garbled(f"{len(self._heard)} bytes without an end")
            except Garbled as error:
                raise self.garbled(str(error)) from error
            if end is not None:
                frame, self._heard = self._heard[:end], self._heard[end:]
                return frame
            left = deadline - time.monotonic()
            data = self.receive(left)
            if data is None and left <= 0:
                return None
            self._heard += data or b""

    def forget(self) -> None:
        """Drop what was heard and not asked for. Raises LinkLost."""
        self._heard = b""
        while self.receive(0.0):
            pass

    def garbled(self, what: str) -> LinkLost:
        """Close the link; the sentence to raise about an answer that is none."""
        self.close()
        return LinkLost(f"The printer at {self.name} answered what its protocol does not allow: {what}.")

    def receive(self, timeout_s: float) -> bytes | None:
        """Whatever comes first, None when nothing does. Raises LinkLost."""
        link = self._opened()
        try:
            link.settimeout(max(timeout_s, 0.001))
            data = link.recv(4096)
        except TimeoutError:
            return None
        except OSError as error:
            self.close()
            raise LinkLost(f"The connection to the printer broke while listening: {error}.") from error
        if not data:
            self.close()
            raise LinkLost("The printer closed the connection.")
        return data

    def _opened(self) -> socket.socket:
        if self._socket is None:
            raise LinkLost("The printer is not connected.")
        return self._socket
