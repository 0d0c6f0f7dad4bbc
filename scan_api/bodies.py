"""No body is larger than it may be: refused by its announced length, or while it streams in where it announces none.

A body with a Content-Length costs nothing here; the server never hands over more than was announced.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from scan_api.problems import TooLarge, answer

MOST_BYTES = 64 * 1024

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class BoundedBodies:
    """ASGI: the application sees whole bodies that are not too large, or nothing.

    most: how many bytes may be sent to a path.
    """

    def __init__(self, app: App, *, most: Callable[[str], int]) -> None:
        self._app, self._most = app, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = self._most(scope["path"])
        announced = next((value for name, value in scope["headers"] if name == b"content-length"), None)
        if announced is not None and announced.isdigit():
            if len(announced) > 12 or int(announced) > most:
                await self._refuse(most, scope, receive, send)
            else:
                await self._app(scope, receive, send)
            return
        first = await self._whole(most, receive)
        if first is None:
            await self._refuse(most, scope, receive, send)
        else:
            await self._app(scope, _again(first, receive), send)

    async def _whole(self, most: int, receive: Receive) -> Message | None:
        """The body in one message; None once it is too large, the rest unread."""
        parts: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return message
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > most:
                return None
            if not message.get("more_body", False):
                return {"type": "http.request", "body": b"".join(parts), "more_body": False}

    async def _refuse(self, most: int, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = answer(TooLarge(f"A body here has at most {most} bytes."))
        refusal.headers["Connection"] = "close"  # The rest of the body is not waited for.
        await refusal(scope, receive, send)


def _again(first: Message, receive: Receive) -> Receive:
    waiting = [first]

    async def receive_again() -> Message:
        return waiting.pop() if waiting else await receive()

    return receive_again
