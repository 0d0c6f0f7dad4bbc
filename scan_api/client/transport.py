"""How the client speaks: JSON over HTTP, problems as exceptions, and patience where trying again is safe.

GET, PUT and DELETE mean the same when sent twice, so they are sent again when the server is away or says when to come
back; a POST never is.
"""

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any

import httpx

AGAIN = frozenset({429, 503})
SAFE = frozenset({"GET", "PUT", "DELETE"})
LONGEST_WAIT_S = 10.0


class ApiProblem(Exception):
    """What the server refused. type: its stable name, without the `urn:onecode:problem:` before it."""

    def __init__(self, status: int, document: Mapping[str, Any]) -> None:
        self.status = status
        self.type = str(document.get("type", "")).removeprefix("urn:onecode:problem:")
        self.detail = str(document.get("detail", ""))
        self.document = document
        super().__init__(f"{status} {self.type}: {self.detail}")


class Transport:
    """token: a member's sign-in or an API key. tries: how often a safe call is sent at most."""

    def __init__(
        self,
        base_url: str,
        *,
        token: str = "",
        tries: int = 3,
        timeout_s: float = 10.0,
        http: httpx.Client | None = None,
    ) -> None:
        self._http = http or httpx.Client(base_url=base_url, timeout=timeout_s)
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._tries = tries

    def call(self, method: str, path: str, *, query: Mapping[str, Any] | None = None, body: Any = None) -> Any:
        """The answer's JSON; None for an empty one. Raises ApiProblem, httpx.HTTPError."""
        params = {name: value for name, value in (query or {}).items() if value is not None}
        for left in range(self._tries - 1, -1, -1):
            answer = self._http.request(method, path, params=params, json=body, headers=self._headers)
            if answer.status_code < 400:
                return answer.json() if answer.content else None
            problem = ApiProblem(answer.status_code, _document(answer))
            wait_s = _wait_s(answer)
            if not left or method not in SAFE or answer.status_code not in AGAIN or wait_s > LONGEST_WAIT_S:
                raise problem
            time.sleep(wait_s)
        raise AssertionError("tries is at least one")

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> "Transport":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _document(answer: httpx.Response) -> Mapping[str, Any]:
    try:
        said = answer.json()
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _wait_s(answer: httpx.Response) -> float:
    said = answer.headers.get("retry-after", "")
    return float(said) if said.isdecimal() else 0.5
