"""The PLC at the gate: a shift register by the belt's encoder, a pusher that fires unless told otherwise, a reject bin.

Products come by `trigger`; the belt moves by `advance`, in encoder steps. A product that reaches the gate without its
PASS is pushed out. Faults: a pusher that is stuck open, a bin without a sensor, silence, a cut link.
"""

import socket
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field

TO_GATE, TO_BIN = 100, 10  # Encoder steps from photocell to gate, from gate to bin.


@dataclass
class VirtualPlc:
    """stuck_open: the pusher lets everything through. blind_bin: the bin's sensor is dirty. silent: answers nothing."""

    stuck_open: bool = False
    blind_bin: bool = False
    silent: bool = False
    shipped: list[int] = field(default_factory=list)
    rejected: list[int] = field(default_factory=list)
    encoder: int = 0

    def __post_init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self._allowed: set[int] = set()
        self._belt: deque[tuple[int, int]] = deque()
        self._falling: deque[tuple[int, int]] = deque()
        self._links: list[socket.socket] = []
        self._lock = threading.Lock()
        self.heard: list[str] = []
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._server.getsockname()[1])

    @property
    def stations(self) -> int:
        return len(self._links)

    def trigger(self, tag: int) -> None:
        """A product passes the photocell."""
        with self._lock:
            self._belt.append((tag, self.encoder))
        self._tell(f"TRIGGER {tag} {self.encoder}")

    def advance(self, steps: int) -> None:
        """The belt moves; whatever reaches the gate is decided there and then."""
        for _ in range(steps):
            with self._lock:
                self.encoder += 1
                at_gate = [self._belt.popleft()[0] for _ in range(self._due(self._belt, TO_GATE))]
                in_bin = [self._falling.popleft()[0] for _ in range(self._due(self._falling, TO_BIN))]
            for tag in at_gate:
                self._decide(tag)
            for tag in in_bin:
                if not self.blind_bin:
                    self._tell(f"BIN {tag}")

    def cut(self) -> None:
        """The link breaks; the gate goes on alone, and rejects."""
        for link in list(self._links):
            with suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)  # Closing alone would leave the thread that reads from it in peace.
            link.close()
        self._links.clear()

    def close(self) -> None:
        self.cut()
        self._server.close()

    def _due(self, row: deque[tuple[int, int]], distance: int) -> int:
        return sum(self.encoder - since >= distance for _, since in row)

    def _decide(self, tag: int) -> None:
        with self._lock:
            opens = tag in self._allowed or self.stuck_open
            (self.shipped if opens else self.rejected).append(tag)
            if not opens:
                self._falling.append((tag, self.encoder))
        self._tell(f"GATE {tag} {'OPEN' if opens else 'FIRED'}")

    def _tell(self, line: str) -> None:
        if self.silent:
            return
        for link in list(self._links):
            try:
                link.sendall(line.encode() + b"\n")
            except OSError:
                self._links.remove(link)

    def _serve(self) -> None:
        while True:
            try:
                link, _ = self._server.accept()
            except OSError:
                return
            self._links.append(link)
            threading.Thread(target=self._listen, args=(link,), daemon=True).start()

    def _listen(self, link: socket.socket) -> None:
        try:
            with link, link.makefile("r", encoding="ascii") as lines:
                for line in lines:
                    self._hear(line.strip())
        except (OSError, ValueError):
            pass
        if link in self._links:
            self._links.remove(link)

    def _hear(self, line: str) -> None:
        self.heard.append(line)
        if line == "PING":
            self._tell("PONG")
        elif line.startswith("PASS "):
            with self._lock:
                self._allowed.add(int(line[5:]))
