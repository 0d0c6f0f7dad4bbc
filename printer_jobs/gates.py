"""The gate behind the camera, over a line of text to the PLC that moves it: rejected unless told otherwise.

One line a message, ASCII, fields apart by one space, LF at the end; TCP, the station calls the PLC.

| message                | from    | meaning                                                         |
| ---------------------- | ------- | --------------------------------------------------------------- |
| HELLO station          | station | first line of a connection                                      |
| PASS tag               | station | its product may go on; sent once the journal has it             |
| TRIGGER tag encoder    | PLC     | a product passed the photocell, at this step of the encoder     |
| GATE tag OPEN or FIRED | PLC     | what the gate did with it: let it through, or pushed it out     |
| BIN tag                | PLC     | the sensor at the reject bin saw it fall                        |
| PING, PONG             | either  | every second; three seconds of silence are a broken link        |

The PLC follows each product from photocell to gate by the encoder in a shift register, never by time, and pushes out
whatever no PASS named: a station that is slow, stopped or gone rejects everything. The books of the gate must agree:

    triggers = opened + fired + still between photocell and gate        fired = seen in the bin + still falling

A product that should have been pushed out and never fell into the bin went to the customer: that stops the line. The
books begin with the first product the station hears of: what was on the belt before was decided by an earlier run. A
PLC that was switched off counts from the beginning again; the line stops, so that no old PASS meets a new product.
This is the plain form for a PLC that is programmed with the line; a plant with OPC UA or Modbus puts a converter there.
"""

import socket
import threading
from contextlib import suppress
from dataclasses import dataclass, field

from foundation import clock
from foundation.observability import log
from printer_jobs.equipment import Trouble

PING_S, SILENT_S, RETRY_S, CONNECT_S = 1.0, 3.0, 1.0, 3.0
FALLING = 8  # So many products later one that was pushed out has fallen, or never will.
LONGEST = 200


class GateAway(ConnectionError):
    """The PLC does not answer: everything is rejected meanwhile."""


@dataclass(slots=True)
class GateBooks:
    """What the gate says it did, by tag. late: opened without our PASS, or pushed out against it."""

    triggers: int = 0
    opened: int = 0
    fired: int = 0
    binned: int = 0
    newest: int = 0
    first: int | None = None
    falling: dict[int, int] = field(default_factory=dict)
    against: list[int] = field(default_factory=list)

    @property
    def between(self) -> int:
        """Products between photocell and gate."""
        return self.triggers - self.opened - self.fired

    def lost(self) -> list[int]:
        """Tags that were pushed out so long ago that the bin must have seen them, and did not."""
        return [tag for tag, since in self.falling.items() if self.triggers - since > FALLING]


class PlcGate:
    """`allow` as every gate has it. One connection, opened again for as long as the station runs."""

    def __init__(self, host: str, port: int, station: str) -> None:
        self._address, self._station = (host, port), station
        self.books = GateBooks()
        self._allowed: set[int] = set()
        self._waiting: list[int] = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._link: socket.socket | None = None
        self._fell: str | None = None
        self._heard = clock.monotonic_s()
        self._thread = threading.Thread(target=self._keep, name="gate", daemon=True)
        self._thread.start()

    @property
    def connected(self) -> bool:
        return self._link is not None and clock.monotonic_s() - self._heard < SILENT_S

    def allow(self, tag: int) -> None:
        """Never raises: what cannot be said is a reject, and shows in the books."""
        with self._lock:
            self._allowed.add(tag)
            link = self._link
        if link is not None:
            self._say(link, f"PASS {tag}")

    def trouble(self) -> Trouble | None:
        """When the gate is away or its books do not agree; None while all is well."""
        if not self.connected:
            return Trouble("The gate does not answer, so it rejects everything; look at its power and its cable.")
        with self._lock:
            lost, against = self.books.lost(), list(self.books.against)
        if self._fell is not None:
            return Trouble(self._fell, stops=True, why="COUNT")
        if lost:
            sentence = f"Label {lost[0]} was rejected and never fell into the bin; search the belt behind the gate."
            return Trouble(sentence, stops=True)
        if against:
            sentence = f"The gate let label {against[0]} through without a PASS; take it off and check the gate."
            return Trouble(sentence, stops=True)
        return None

    def close(self) -> None:
        self._stop.set()
        if (link := self._link) is not None:
            with suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)  # Wakes the thread that listens.
            link.close()
        self._thread.join(CONNECT_S + 1)

    def _keep(self) -> None:
        while not self._stop.is_set():
            try:
                self._converse()
            except OSError as error:
                log(__name__).warning("the gate is away; everything is rejected", error=str(error))
            self._link = None
            self._stop.wait(RETRY_S)

    def _converse(self) -> None:
        with socket.create_connection(self._address, timeout=CONNECT_S) as link:
            link.settimeout(PING_S)
            self._say(link, f"HELLO {self._station}")
            self._link, self._heard = link, clock.monotonic_s()
            kept = b""
            while not self._stop.is_set():
                try:
                    chunk = link.recv(4096)
                except TimeoutError:
                    if clock.monotonic_s() - self._heard > SILENT_S:
                        raise GateAway("the PLC has been silent for three seconds") from None
                    self._say(link, "PING")
                    continue
                if not chunk:
                    raise GateAway("the PLC ended the connection")
                self._heard = clock.monotonic_s()
                *lines, kept = (kept + chunk).split(b"\n")
                for line in lines:
                    self._hear(link, line.decode("ascii", "replace").strip())
                if len(kept) > LONGEST:
                    raise GateAway("what answers there is no gate: its lines do not end")

    def _hear(self, link: socket.socket, line: str) -> None:
        match line.split(" "):
            case ["PING"]:
                self._say(link, "PONG")
            case ["PONG"]:
                pass
            case ["TRIGGER", tag, encoder] if tag.isdigit() and encoder.isdigit():
                self._triggered(int(tag))
            case ["GATE", tag, ("OPEN" | "FIRED") as did] if tag.isdigit():
                self._gated(int(tag), did)
            case ["BIN", tag] if tag.isdigit():
                with self._lock:
                    self.books.binned += 1
                    self.books.falling.pop(int(tag), None)
            case _:
                log(__name__).warning("the gate said what no gate says", line=line[:80])

    def _triggered(self, tag: int) -> None:
        with self._lock:
            if tag < self.books.newest:
                self._allowed.clear()
                self._fell = (
                    f"The gate counts from the beginning again: product {tag} after {self.books.newest}. Empty the belt"
                    " up to the gate and see that the camera counts with it."
                )
            if self.books.first is None:
                self.books.first = tag
            self.books.triggers += 1
            self.books.newest = max(self.books.newest, tag)

    def _gated(self, tag: int, did: str) -> None:
        with self._lock:
            if self.books.first is None or tag < self.books.first:
                return
            if did == "OPEN":
                self.books.opened += 1
                if tag not in self._allowed:
                    self.books.against.append(tag)
            else:
                self.books.fired += 1
                self.books.falling[tag] = self.books.triggers
            self._allowed.discard(tag)

    def _say(self, link: socket.socket, line: str) -> None:
        try:
            link.sendall(line.encode("ascii") + b"\n")
        except OSError:
            link.close()  # The thread that listens notices, and opens another.
