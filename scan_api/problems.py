"""Every refusal is a problem document (RFC 9457) with a stable type, and never a stack trace."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from foundation.database import is_lost
from foundation.errors import BadRequest, DatabaseDown, NotSignedIn, Problem
from foundation.observability import log

MEDIA_TYPE = "application/problem+json"


class InvalidBody(BadRequest):
    """A field is missing, unknown, of the wrong type or out of range; `errors` names each."""

    status, type = HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-body"


class TooLarge(BadRequest):
    """The body has more bytes than the route reads."""

    status, type = HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body-too-large"


def answer(problem: Problem) -> JSONResponse:
    headers = {}
    if "retry_after_s" in problem.members:
        headers["Retry-After"] = str(problem.members["retry_after_s"])
    if isinstance(problem, NotSignedIn):
        headers["WWW-Authenticate"] = problem.challenge
    return JSONResponse(problem.document(), int(problem.status), headers, MEDIA_TYPE)


def invalid(error: RequestValidationError) -> InvalidBody:
    """Names each field that is wrong, never what it held."""
    wrong = [{"at": ".".join(str(part) for part in one["loc"]), "says": one["msg"]} for one in error.errors()[:20]]
    first = wrong[0] if wrong else {"at": "body", "says": "invalid"}
    return InvalidBody(f"{first['at']}: {first['says']}.", errors=wrong)


def problems(*kinds: type[Problem]) -> dict[int | str, dict[str, Any]]:
    """What a route can answer with besides its result, for the OpenAPI document."""
    content = {MEDIA_TYPE: {"schema": {"type": "object", "required": ["type", "title", "status", "detail"]}}}
    said: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        earlier = said.get(int(kind.status))
        description = f"{earlier['description']}, {kind.type}" if earlier else kind.type
        said[int(kind.status)] = {"description": description, "content": content}
    return said


def install(app: FastAPI) -> None:
    @app.exception_handler(Problem)
    async def on_problem(_: Request, problem: Problem) -> JSONResponse:
        return answer(problem)

    @app.exception_handler(RequestValidationError)
    async def on_invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        return answer(invalid(error))

    @app.exception_handler(HTTPException)
    async def on_http(_: Request, error: HTTPException) -> JSONResponse:
        status = HTTPStatus(error.status_code)
        body = {
            "type": f"urn:onecode:problem:{status.phrase.lower().replace(' ', '-')}",
            "title": status.phrase,
            "status": int(status),
            "detail": f"{status.description or status.phrase}.",
        }
        return JSONResponse(body, int(status), dict(error.headers or {}), MEDIA_TYPE)

    @app.exception_handler(SQLAlchemyError)
    async def on_database(request: Request, error: SQLAlchemyError) -> JSONResponse:
        if is_lost(error):
            return answer(DatabaseDown("The database cannot be reached just now; try again.", retry_after_s=2))
        return await on_defect(request, error)

    @app.exception_handler(Exception)
    async def on_defect(request: Request, error: Exception) -> JSONResponse:
        log(__name__).error("defect", path=request.url.path, exc_info=error)
        return answer(Problem("Something went wrong on our side; it was logged and nothing was half done."))
