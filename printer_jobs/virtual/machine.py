"""A printer without the metal: a TCP port in, pictures of labels out, faults on demand.

It keeps what a real printer keeps: labels wait in a buffer that outlives the connection, paper runs out in the
middle of a job, a lost link leaves half a label behind, an answer may get lost on its way. A protocol adds
what it hears and what it says; the head, the paper and the mishaps are the same for all.
"""

import socket
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

from printer_jobs.drivers.printer import Fault
from printer_jobs.virtual.label import Format, Unprintable
from printer_jobs.virtual.paper import Paper, Printed
from printer_jobs.virtual.picture import Picture, draw, smudge


class Mishaps:
    """What goes wrong, and when. Ordinals count labels from 1: those of the head as they are burnt, those of the
    link as they are taken."""

    def __init__(self) -> None:
        self.delay_s = 0.0  # a slow head, or the pitch of the products: seconds a label
        self.smudged: set[int] = set()
        self.lost: set[int] = set()  # taken, counted as printed, never on paper
        self.paper_out_after: int | None = None
        self.drop_in_format: int | None = None  # the link breaks before all of this label has arrived
        self.drop_after_format: int | None = None  # it breaks when this label is taken, before the answer
        self.mute_format: int | None = None  # this label is taken and its answer lost, the link lives
        self.reordered = False  # the word that a label is printed overtakes the answer that it was taken
        self.silent = False  # nothing is ever answered
        self.garbage: bytes | None = None  # this instead of every answer
        self.silent_when_faulty = False  # ZPL, as the manual has it: a fault is not answered to ~HS
        self.dumb_when_faulty = False  # and not to ~HQES either


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """One label in the buffer. index: the host's own number for it, where the protocol has one."""

    label: Format
    index: int | None = None


class HungUp(ConnectionError):
    """The link breaks here."""


class Machine:
    """Listens on 127.0.0.1. `with VirtualZplPrinter() as printer: printer.port`."""

    protocol: ClassVar[str]
    buffer: ClassVar[int]  # labels it holds
    prefix: str = ""  # what a coder's template holds of every code

    def __init__(
        self, *, port: int = 0, out: Path | None = None, mishaps: Mishaps | None = None, paper: Paper | None = None
    ) -> None:
        """out: where pictures go. paper: shared with a machine on the same belt. Raises OSError for a port taken."""
        self.mishaps, self.paper = mishaps or Mishaps(), paper or Paper(out)
        self.refused: list[str] = []
        self.taken = self.burnt = 0
        self._faults: set[Fault] = set()
        self._waiting: deque[Job] = deque()
        self._changed, self._talk, self._closing = threading.Condition(), threading.Lock(), False
        self._link: socket.socket | None = None
        self._prepare()
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._serve, self._feed_paper)]
        for thread in self._threads:
            thread.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def options(self) -> dict[str, Any]:
        """What the driver must be told to speak with this machine."""
        return {"timeout_s": 0.5}

    # What a person at the printer does.

    def paper_out(self) -> None:
        self.fail(Fault.PAPER_OUT)

    def ribbon_out(self) -> None:
        self.fail(Fault.RIBBON_OUT)

    def open_head(self) -> None:
        self.fail(Fault.HEAD_OPEN)

    def fail(self, fault: Fault) -> None:
        with self._changed:
            self._faults.add(fault)

    def repair(self) -> None:
        """Paper loaded, ribbon loaded, head closed; printing goes on with what waits in the buffer."""
        with self._changed:
            self._faults.clear()
            self._changed.notify_all()

    def drop_link(self) -> None:
        link = self._link
        if link is not None:
            with suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)

    def power_cycle(self) -> None:
        """Off and on: the link breaks and the buffer is lost."""
        with self._changed:
            self._waiting.clear()
            self._changed.notify_all()
        self._forget()
        self.drop_link()

    # What came out.

    @property
    def tag(self) -> int:
        """The newest label's."""
        return self.paper.tag

    @property
    def texts(self) -> list[str]:
        """Every symbol that ever reached paper, in order."""
        return self.paper.texts

    def since(self, tag: int, timeout_s: float) -> list[Printed]:
        """Labels after `tag`, waiting for the first of them up to the timeout."""
        return self.paper.since(tag, timeout_s)

    def wait_for(self, tag: int, timeout_s: float = 5.0) -> bool:
        """Until that many labels have left the head."""
        return self.paper.wait_for(tag, timeout_s)

    def close(self) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.drop_link()
        for thread in self._threads:
            thread.join(timeout=5)
        self.paper.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # What a protocol adds.

    def _prepare(self) -> None:
        """Its own state, before the first host comes."""

    def _greet(self) -> None:
        """A new link begins."""

    def _hear(self, data: bytes) -> None:
        """Bytes arrived. Answer with `_reply`, take labels with `_take`. HungUp breaks the link; files have none."""

    def _may_print(self) -> bool:
        """Asked under the lock."""
        return True

    def _told(self, job: Job) -> None:
        """This label is on paper and off the buffer: what the protocol says about it, if anything."""

    def _forget(self) -> None:
        """What is lost without power."""

    # The link: one host at a time.

    def _serve(self) -> None:
        while not self._closing:
            try:
                self._link, _ = self._listener.accept()
            except OSError:
                return
            with self._link, suppress(OSError):
                self._link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._greet()
                while data := self._link.recv(4096):
                    self._hear(data)
            self._link = None

    def _reply(self, data: bytes) -> None:
        if self.mishaps.silent:
            return
        self._say(data if self.mishaps.garbage is None else self.mishaps.garbage)

    def _say(self, data: bytes) -> None:
        """Unasked words go out too; nobody may be listening."""
        link = self._link
        if link is not None:
            with self._talk, suppress(OSError):
                link.sendall(data)

    @property
    def full(self) -> bool:
        with self._changed:
            return len(self._waiting) >= self.buffer

    def _take(self, label: Format, answer: bytes, index: int | None = None) -> None:
        """A label has arrived for which there is room."""
        self.taken += 1
        if self.taken == self.mishaps.drop_in_format:
            raise HungUp
        job = self._enqueue(label, index)
        if self.taken == self.mishaps.drop_after_format:
            raise HungUp
        if self.mishaps.reordered:
            with self._changed:
                self._changed.wait_for(lambda: job not in self._waiting or self._closing, 1.0)
        if self.taken != self.mishaps.mute_format:
            self._reply(answer)

    def _enqueue(self, label: Format, index: int | None = None) -> Job:
        """Waits for room: with a full buffer a printer stops reading, and TCP holds the host back."""
        job = Job(label, index)
        with self._changed:
            self._changed.wait_for(lambda: len(self._waiting) < self.buffer or self._closing)
            self._waiting.append(job)
            self._changed.notify_all()
        return job

    # The head.

    def _feed_paper(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._closing or (self._waiting and not self._faults and self._may_print())
                )
                if self._closing:
                    return
                job = self._waiting[0]
            self._burn(job.label)
            with self._changed:
                if self._waiting and self._waiting[0] is job:  # A label half burnt still counts as waiting.
                    self._waiting.popleft()
                self._told(job)
                self._changed.notify_all()

    def _burn(self, label: Format) -> None:
        try:
            picture = draw(label)
        except Unprintable as reason:
            self.refused.append(str(reason))
            return
        for _ in range(label.copies):
            if self.mishaps.delay_s:
                threading.Event().wait(self.mishaps.delay_s)
            self.burnt += 1
            if self.burnt not in self.mishaps.lost:
                self._eject(label, picture)
            if self.burnt == self.mishaps.paper_out_after:
                self.fail(Fault.PAPER_OUT)

    def _eject(self, label: Format, picture: Picture) -> None:
        spoilt = smudge(picture, seed=self.tag + 1) if self.burnt in self.mishaps.smudged else picture
        self.paper.eject(label, spoilt)
