"""What every request leaves behind: its time by route and status, and a span when traces are on."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from prometheus_client import Histogram

from foundation import clock, telemetry
from foundation.observability import request_seconds

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class WatchedRequests:
    """ASGI. Routes are named by their templates, so that no id becomes a label."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._kept: dict[tuple[str, str, int], Histogram] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif telemetry.is_on():
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            with telemetry.request(scope["method"], headers) as span:
                status = await self._timed(scope, receive, send)
                if span is not None:
                    span.update_name(f"{scope['method']} {route_of(scope)}")
                    span.set_attribute("http.response.status_code", status)
        else:
            await self._timed(scope, receive, send)

    async def _timed(self, scope: Scope, receive: Receive, send: Send) -> int:
        began, status = clock.monotonic_s(), 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            self._histogram(scope, status).observe(clock.monotonic_s() - began)
        return status

    def _histogram(self, scope: Scope, status: int) -> Histogram:
        key = (scope["method"], route_of(scope), status)
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = request_seconds.labels(*map(str, key))
        return found


def route_of(scope: Scope) -> str:
    """The template of the path; `unknown` where no route was met."""
    return str(getattr(scope.get("route"), "path", "unknown"))
