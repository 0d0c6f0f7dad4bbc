"""A route without FastAPI's machinery, for the one request that comes a thousand times a second.

It is declared, documented and refused like every other route; only the way from bytes to arguments and back is short.
Profiled: resolving dependencies, stacks and the answer's model cost more than judging and crediting the scan.
"""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import orjson
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from foundation.errors import Problem
from scan_api import problems
from scan_api.edge import Edge, caller_of, edge_of

MOST_BYTES = 16_384  # Of a body; a scan is a few hundred.
_START: Message = {"type": "http.response.start", "status": 200}
_JSON = (b"content-type", b"application/json")

Endpoint = Callable[..., Awaitable[dict[str, Any]]]


class LeanRoute(APIRoute):
    """For `async def endpoint(scan_id: UUID, body: <model>, caller, edge, accept_language)` answering plain JSON."""

    def __init__(self, *how: Any, **named: Any) -> None:
        super().__init__(*how, **named)
        self._model: type[BaseModel] = self.endpoint.__annotations__["body"]

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in (self.methods or ()):
            await super().handle(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            answer = await self._answer(request)
        except Problem as problem:
            await problems.answer(problem)(scope, receive, send)
        except RequestValidationError as error:
            await problems.answer(problems.invalid(error))(scope, receive, send)
        else:
            body = orjson.dumps(answer)
            await send({**_START, "headers": [_JSON, (b"content-length", b"%d" % len(body))]})
            await send({"type": "http.response.body", "body": body})

    async def _answer(self, request: Request) -> dict[str, Any]:
        edge: Edge = edge_of(request)
        endpoint: Endpoint = self.endpoint
        scan_id = _uuid(request.path_params["scan_id"])
        _require_json(request.headers.get("content-type", ""))
        body = _parsed(self._model, await _read(request))
        return await endpoint(scan_id, body, await caller_of(request), edge, request.headers.get("accept-language"))


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        says = {
            "type": "uuid_parsing",
            "loc": ("path", "scan_id"),
            "msg": "Input should be a valid UUID",
            "input": text,
        }
        raise RequestValidationError([says]) from None


def _parsed(model: type[BaseModel], raw: bytes) -> BaseModel:
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_context=False, include_input=False)
        raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in wrong]) from None


def _require_json(media_type: str) -> None:
    kind = media_type.partition(";")[0].strip().lower()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        says = {"type": "media_type", "loc": ("body",), "msg": "Send JSON, with the content type application/json"}
        raise RequestValidationError([says])


async def _read(request: Request) -> bytes:
    """The body, or a refusal as soon as it is too long; what follows is not read."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MOST_BYTES:
            raise problems.TooLarge(f"The body has more than {MOST_BYTES:,} bytes; a scan needs a few hundred.")
        parts.append(part)
    return b"".join(parts)
