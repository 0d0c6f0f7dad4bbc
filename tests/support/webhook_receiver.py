"""A webhook receiver with every vice: it answers, refuses, hangs, drips, floods, lies about its length, redirects."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Receiver:
    port: int = 0
    manners: str = "answers"
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    leave: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"


@contextmanager
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(made))
    server.daemon_threads = True
    made.port = server.server_port
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield made
    made.leave.set()
    server.shutdown()
    server.server_close()


def _handler(made: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            made.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            with suppress(BrokenPipeError, ConnectionResetError):
                getattr(self, made.manners)()

        def answers(self) -> None:
            self._say(200, b"thanks\r\n\x1b[31m")

        def refuses(self) -> None:
            self._say(500, b"no")

        def redirects(self) -> None:
            self.send_response(307)
            self.send_header("Location", "http://169.254.169.254/latest/meta-data")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def hangs(self) -> None:
            made.leave.wait(30)

        def drips(self) -> None:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while not made.leave.wait(0.05):
                self.wfile.write(b"X-Drip: drop\r\n")

        def floods(self) -> None:
            self.send_response(200)
            self.end_headers()
            until = time.monotonic() + 20
            while not made.leave.is_set() and time.monotonic() < until:
                self.wfile.write(b"flood" * 100_000)

        def lies(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            self.wfile.write(b"short")

        def _say(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    return Handler
