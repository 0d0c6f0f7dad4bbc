"""Alibaba Cloud's short-message gateway as a separate small server: it checks every signature, and has bad days.

The signature is computed here from the documentation, not by the code under test.
"""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, quote

KEY_ID, KEY = "LTAI-test", "test-secret"


@dataclass
class Gateway:
    """fault: a Code to refuse with; `silent` (delivers, never answers), `slow` (no answer, nothing delivered)."""

    port: int = 0
    fault: str = ""
    delivered: list[tuple[str, str]] = field(default_factory=list)
    nonces: set[str] = field(default_factory=set)
    requests: int = 0
    leave: threading.Event = field(default_factory=threading.Event)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "ONECODE_SMS": "aliyun",
            "ONECODE_SMS_URL": f"http://127.0.0.1:{self.port}",
            "ONECODE_SMS_KEY_ID": KEY_ID,
            "ONECODE_SMS_KEY": KEY,
            "ONECODE_SMS_SIGNATURE": "山泉茶业",
            "ONECODE_SMS_TEMPLATE": "SMS_1",
            "ONECODE_SMS_NOTICE_TEMPLATE": "SMS_2",
        }


@contextmanager
def sms_gateway() -> Iterator[Gateway]:
    made = Gateway()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(made))
    server.daemon_threads = True
    made.port = server.server_port
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield made
    made.leave.set()
    server.shutdown()
    server.server_close()


def _signature(form: dict[str, str]) -> str:
    def encode(value: str) -> str:
        return quote(value, safe="").replace("+", "%20").replace("*", "%2A").replace("%7E", "~")

    query = "&".join(f"{encode(name)}={encode(form[name])}" for name in sorted(form) if name != "Signature")
    digest = hmac.new((KEY + "&").encode(), f"POST&%2F&{encode(query)}".encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def _handler(made: Gateway) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            form = dict(parse_qsl(body, keep_blank_values=True))
            made.requests += 1
            code = self._judge(form)
            if code == "OK" and made.fault in ("", "silent"):
                made.nonces.add(form["SignatureNonce"])
                made.delivered.append((form["PhoneNumbers"], " ".join(json.loads(form["TemplateParam"]).values())))
            if made.fault == "silent" or made.fault == "slow":
                self.close_connection = True  # Hangs up without a word, as a time-out at a proxy does.
                return
            if code == "OK" and made.fault:
                code = made.fault
            raw = json.dumps({"RequestId": "R", "Code": code, "Message": code, "BizId": "1"}).encode()
            self.send_response(200 if code == "OK" or code.startswith("isv.") else 400)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def _judge(self, form: dict[str, str]) -> str:
            if form.get("AccessKeyId") != KEY_ID:
                return "InvalidAccessKeyId.NotFound"
            if form.get("Signature") != _signature(form):
                return "SignatureDoesNotMatch"
            sent = datetime.strptime(form["Timestamp"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
            if abs(datetime.now(UTC) - sent) > timedelta(minutes=15):
                return "InvalidTimeStamp.Expired"
            if form["SignatureNonce"] in made.nonces:
                return "SignatureNonceUsed"
            known = form.get("Action") == "SendSms" and form.get("Version") == "2017-05-25"
            return "OK" if known else "InvalidVersion"

        def log_message(self, *_: Any) -> None:
            pass

    return Handler
