"""WeChat's open platform as a separate small server: web authorisation as documented, with the documented faults.

A browser that is sent to `authorize` comes back with a code for whoever `person` is. Codes work once, for five minutes.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

APP_ID, SECRET = "wx0123456789abcdef", "0123456789abcdef0123456789abcdef"


@dataclass
class WeChatServer:
    """fault: an errcode to answer every exchange with, or `hangs`, `garbage`, `http500`."""

    port: int = 0
    person: str = "li"
    unionids: bool = True
    snapshot: bool = False
    fault: int | str = 0
    codes: dict[str, str] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    leave: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "ONECODE_WECHAT_APP_ID": APP_ID,
            "ONECODE_WECHAT_SECRET": SECRET,
            "ONECODE_WECHAT_OPEN": self.url,
            "ONECODE_WECHAT_API": self.url,
        }


@contextmanager
def wechat_server() -> Iterator[WeChatServer]:
    made = WeChatServer()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(made))
    made.port = server.server_port
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield made
    made.leave.set()
    server.shutdown()
    server.server_close()


def _handler(made: WeChatServer) -> type[BaseHTTPRequestHandler]:
    numbers = count(1)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            made.asked.append(parts.path)
            if parts.path == "/connect/oauth2/authorize":
                self._authorize(query)
            elif parts.path == "/sns/oauth2/access_token":
                self._exchange(query)
            else:
                self._say({"errcode": 404, "errmsg": "no such path"})

        def _authorize(self, query: dict[str, str]) -> None:
            needed = {"appid", "redirect_uri", "response_type", "scope", "state"}
            if set(query) != needed or query["appid"] != APP_ID or query["response_type"] != "code":
                self._say({"errcode": 10003, "errmsg": "redirect_uri domain mismatch"})
                return
            code = f"code{next(numbers):028}"
            made.codes[code] = made.person
            self.send_response(302)
            self.send_header(
                "Location", f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"
            )
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _exchange(self, query: dict[str, str]) -> None:
            if made.fault == "hangs":
                made.leave.wait(30)
                return
            if made.fault == "http500":
                self._say({}, status=500)
            elif made.fault == "garbage":
                self._say(["no", "object"])
            elif made.fault:
                self._say({"errcode": made.fault, "errmsg": "fault, rid: 0"})
            else:
                self._say(self._token(query))

        def _token(self, query: dict[str, str]) -> dict[str, Any]:
            if query.get("appid") != APP_ID:
                return {"errcode": 40013, "errmsg": "invalid appid, rid: 0"}
            if query.get("secret") != SECRET:
                return {"errcode": 40125, "errmsg": "invalid appsecret, rid: 0"}
            code = query.get("code", "")
            if code in made.used:
                return {"errcode": 40163, "errmsg": "code been used, rid: 0"}
            if code not in made.codes or query.get("grant_type") != "authorization_code":
                return {"errcode": 40029, "errmsg": "invalid code, rid: 0"}
            made.used.add(code)
            person = made.codes[code]
            said: dict[str, Any] = {
                "access_token": "ACCESS", "expires_in": 7200, "refresh_token": "REFRESH", "openid": f"o-{person}",
                "scope": "snsapi_base",
            }  # fmt: skip
            if made.unionids:
                said["unionid"] = f"u-{person}"
            if made.snapshot:
                said["is_snapshotuser"] = 1
            return said

        def _say(self, body: Any, *, status: int = 200) -> None:
            raw = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/plain")  # As the real one does.
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: Any) -> None:
            pass

    return Handler
