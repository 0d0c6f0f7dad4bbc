"""A network camera over a belt, as its own small server: motion JPEG, with the faults such cameras have."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np
import segno

EMPTY = 120


def label(text, *, side=400, px=6, at=(60, 60), **how):
    """A white label on a grey belt, with one symbol."""
    made = segno.make(text, error=how.pop("error", "m"), boost_error=False, micro=False, **how)
    modules = np.pad(np.array(made.matrix).astype(np.uint8), 4)
    drawn = np.kron(np.where(modules, 25, 235), np.ones((px, px))).astype(np.uint8)
    frame = np.full((side, side), EMPTY, np.uint8)
    frame[at[1] : at[1] + len(drawn), at[0] : at[0] + len(drawn)] = drawn
    return frame


def belt(side=400):
    return np.full((side, side), EMPTY, np.uint8)


@dataclass
class Part:
    """tag: the trigger's number in the header. raw: bytes instead of a JPEG. length: whether the header says it."""

    picture: np.ndarray | None = None
    tag: int | None = None
    raw: bytes = b""
    length: bool = True

    def sent(self) -> bytes:
        body = (
            cv2.imencode(".jpg", self.picture, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
            if self.picture is not None
            else self.raw
        )
        head = b"--frame\r\nContent-Type: image/jpeg\r\n"
        head += b"Content-Length: %d\r\n" % len(body) if self.length else b""
        head += b"X-Tag: %d\r\n" % self.tag if self.tag is not None else b""
        return head + b"\r\n" + body + b"\r\n"


@dataclass
class BeltCamera:
    """parts: what each connection is sent, then it is cut. hold: stays open after that."""

    parts: list[Part] = field(default_factory=list)
    status: int = 200
    content_type: str = "multipart/x-mixed-replace; boundary=frame"
    hold: bool = True
    port: int = 0
    visits: int = 0
    leave: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/stream"


@contextmanager
def belt_camera(**how) -> Iterator[BeltCamera]:
    made = BeltCamera(**how)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            made.visits += 1
            self.send_response(made.status)
            self.send_header("Content-Type", made.content_type)
            self.end_headers()
            for part in list(made.parts):
                self.wfile.write(part.sent())
            if made.hold:
                made.leave.wait(20)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    made.port = server.server_port
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield made
    made.leave.set()
    server.shutdown()
    server.server_close()
