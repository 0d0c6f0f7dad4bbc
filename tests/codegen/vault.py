"""A stand-in for HashiCorp Vault's transit engine: HMAC with a key it never tells, and the ways it fails."""

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = "hvs.only-the-platform-has-this"
NAME = "onecode"
KEYS = {1: b"the first version" * 2, 2: b"the second version" * 2}


class Vault(ThreadingHTTPServer):
    """`faults` are answered first, one a request: an HTTP status, "slow" or "nonsense". `sealed` ends only by hand."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Desk)
        self.faults: list[int | str] = []
        self.sealed, self.asked = False, 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/transit/{NAME}"


class _Desk(BaseHTTPRequestHandler):
    server: Vault

    def do_POST(self) -> None:
        self.server.asked += 1
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.server.sealed:
            return self._say(503, {"errors": ["Vault is sealed"]})
        if self.server.faults:
            fault = self.server.faults.pop(0)
            if fault == "slow":
                time.sleep(1)
            return self._say(200, {"data": {}}) if isinstance(fault, str) else self._say(fault, {"errors": ["no"]})
        if self.headers["X-Vault-Token"] != TOKEN:
            return self._say(403, {"errors": ["permission denied"]})
        if self.path != f"/v1/transit/hmac/{NAME}/sha2-256":
            return self._say(404, {"errors": []})
        version = body.get("key_version") or max(KEYS)
        made = hmac.digest(KEYS[version], base64.b64decode(body["input"]), hashlib.sha256)
        return self._say(200, {"data": {"hmac": f"vault:v{version}:{base64.b64encode(made).decode()}"}})

    def _say(self, status: int, body: object) -> None:
        try:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())
        except BrokenPipeError:
            pass

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def running() -> Iterator[Vault]:
    vault = Vault()
    thread = threading.Thread(target=vault.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield vault
    finally:
        vault.shutdown()
        thread.join()
        vault.server_close()
