"""A ZPL label printer without the metal: a TCP port in, pictures of labels out, faults on demand.

It keeps what a real printer keeps: formats wait in a buffer that outlives the connection, paper runs
out in the middle of a job, a lost link leaves half a format behind, status tells the truth or, as the
manual has it, says nothing. Labels are numbered from 1 in the order they leave the head; a `tag` is
that number, as a trigger photocell would count it.

    python -m printer_jobs.virtual.zpl --port 9100 --out labels/
"""

import argparse
import socket
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import cv2
import numpy as np

from printer_jobs.drivers.printer import Fault
from printer_jobs.virtual.zpl_language import BadZpl, BarField, Format, Immediate, QrField, Stream
from printer_jobs.virtual.zpl_picture import Picture, draw, smudge

BUFFER_FORMATS = 200  # About 64 kB of small formats; beyond it a printer stops reading and TCP holds the host back.
KEPT_IN_MEMORY = 500
HQ_BITS = {Fault.PAPER_OUT: 0x1, Fault.RIBBON_OUT: 0x2, Fault.HEAD_OPEN: 0x4}


@dataclass(frozen=True, slots=True)
class Printed:
    """texts: what was really on the label, smudged or not; the test's truth, not the camera's."""

    tag: int
    texts: tuple[str, ...]
    picture: Picture


class Mishaps:
    """What goes wrong, and when. Ordinals count labels from 1 as the host sends them."""

    def __init__(self) -> None:
        self.delay_s = 0.0  # a slow head: seconds a label
        self.smudged: set[int] = set()
        self.lost: set[int] = set()  # taken, counted as printed, never on paper
        self.paper_out_after: int | None = None
        self.drop_in_format: int | None = None  # the link breaks after half of this format has arrived
        self.silent_when_faulty = (
            False  # the manual's behaviour: ~HS is not answered on paper out, ribbon out, head open
        )
        self.dumb_when_faulty = False  # and ~HQES neither


class VirtualZplPrinter:
    """A printer listening on 127.0.0.1. `with VirtualZplPrinter() as printer: printer.port`."""

    def __init__(self, *, port: int = 0, out: Path | None = None, mishaps: Mishaps | None = None) -> None:
        self.mishaps, self.out = mishaps or Mishaps(), out
        self.printed: deque[Printed] = deque(maxlen=KEPT_IN_MEMORY)
        self.texts: list[str] = []  # every symbol that ever reached paper, in order
        self.refused: list[str] = []
        self._faults: set[Fault] = set()
        self._waiting: deque[Format] = deque()
        self._changed = threading.Condition()
        self._stream, self._heard, self._ordinal, self._tag, self._closing = Stream(), 0, 0, self._last_tag(), False
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]
        self._link: socket.socket | None = None
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._serve, self._feed_paper)]
        for thread in self._threads:
            thread.start()

    # What a person at the printer does.

    def paper_out(self) -> None:
        self._set(Fault.PAPER_OUT)

    def ribbon_out(self) -> None:
        self._set(Fault.RIBBON_OUT)

    def open_head(self) -> None:
        self._set(Fault.HEAD_OPEN)

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

    def wait_for(self, tag: int, timeout_s: float = 5.0) -> bool:
        """Until that many labels have left the head."""
        with self._changed:
            return self._changed.wait_for(lambda: self._tag >= tag, timeout_s)

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

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # The link: one host at a time, as port 9100 has it.

    def _serve(self) -> None:
        while not self._closing:
            try:
                self._link, _ = self._listener.accept()
            except OSError:
                return
            with self._link, suppress(OSError):
                self._link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._listen(self._link)
            self._link = None

    def _listen(self, link: socket.socket) -> None:
        while data := link.recv(4096):
            half = self._half_before_drop(data)
            self._take(link, data if half is None else data[:half])
            if half is not None:
                return

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

    def _take(self, link: socket.socket, data: bytes) -> None:
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
                    self._answer(link, command)
                case Format():
                    self._enqueue(event)

    def _enqueue(self, label: Format) -> None:
        with self._changed:
            self._changed.wait_for(lambda: len(self._waiting) < BUFFER_FORMATS or self._closing)
            self._waiting.append(label)
            self._changed.notify_all()

    def _answer(self, link: socket.socket, command: str) -> None:
        faulty = bool(self._faults)
        if command == "HS" and not (faulty and self.mishaps.silent_when_faulty):
            link.sendall(self._host_status())
        elif command == "HQES" and not (faulty and self.mishaps.dumb_when_faulty):
            link.sendall(self._host_query())
        elif command == "JA":
            with self._changed:
                self._waiting.clear()

    def _host_status(self) -> bytes:
        with self._changed:
            waiting = len(self._waiting)
            paper, ribbon, head = (int(fault in self._faults) for fault in HQ_BITS)
        full, half = int(waiting >= BUFFER_FORMATS), int(self._stream.half_format)
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

    # The head.

    def _feed_paper(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closing or (self._waiting and not self._faults))
                if self._closing:
                    return
                label = self._waiting[0]
            self._burn(label)
            with self._changed:
                if (
                    self._waiting and self._waiting[0] is label
                ):  # Only now off the queue: a label half burnt still counts as waiting.
                    self._waiting.popleft()
                self._changed.notify_all()

    def _burn(self, label: Format) -> None:
        try:
            picture = draw(label)
        except BadZpl as reason:
            self.refused.append(str(reason))
            return
        for _ in range(label.copies):
            if self.mishaps.delay_s:
                threading.Event().wait(self.mishaps.delay_s)
            self._ordinal += 1
            if self._ordinal not in self.mishaps.lost:
                self._eject(label, picture)
            if self._ordinal == self.mishaps.paper_out_after:
                self._set(Fault.PAPER_OUT)

    def _eject(self, label: Format, picture: Picture) -> None:
        tag = self._tag + 1
        if self._ordinal in self.mishaps.smudged:
            picture = smudge(picture, seed=tag)
        if self.out is not None:
            save(self.out, tag, picture)
        texts = tuple(field.text for field in label.fields if isinstance(field, QrField | BarField))
        with self._changed:
            self._tag = tag
            self.printed.append(Printed(tag, texts, picture))
            self.texts.extend(texts)
            self._changed.notify_all()

    @property
    def tag(self) -> int:
        """The newest label's."""
        return self._tag

    def since(self, tag: int, timeout_s: float) -> list[Printed]:
        """Labels after `tag`, waiting for the first of them up to the timeout."""
        with self._changed:
            self._changed.wait_for(lambda: self._tag > tag or self._closing, timeout_s)
            return [printed for printed in self.printed if printed.tag > tag]

    def _set(self, fault: Fault) -> None:
        with self._changed:
            self._faults.add(fault)

    def _last_tag(self) -> int:
        """Counting goes on over a restart, so that a tag names one label for good."""
        if self.out is None:
            return 0
        self.out.mkdir(parents=True, exist_ok=True)
        return max((int(path.stem.split("-")[1]) for path in self.out.glob("label-*.png")), default=0)


def save(folder: Path, tag: int, picture: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> None:
    """As label-<tag>.png, whole or not at all: the camera may look at any moment."""
    ok, png = cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_BILEVEL, 1])
    if not ok:
        raise OSError(f"The picture of label {tag} could not be written as PNG.")
    half = folder / f".label-{tag:08}.part"
    half.write_bytes(png.tobytes())
    half.rename(folder / f"label-{tag:08}.png")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="A virtual ZPL printer: labels sent to the port become pictures.")
    parser.add_argument("--port", type=int, default=9100)
    parser.add_argument("--out", type=Path, required=True, help="folder for the pictures")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds a label")
    chosen = parser.parse_args(arguments)
    mishaps = Mishaps()
    mishaps.delay_s = chosen.delay
    try:
        printer = VirtualZplPrinter(port=chosen.port, out=chosen.out, mishaps=mishaps)
    except OSError as error:
        print(f"Port {chosen.port} cannot be opened: {error.strerror}. Choose another with --port.")  # noqa: T201
        return 1
    with printer:
        print(f"Printing what arrives on 127.0.0.1:{printer.port} into {chosen.out}. Ctrl-C stops.", flush=True)  # noqa: T201
        with suppress(KeyboardInterrupt):
            threading.Event().wait()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
