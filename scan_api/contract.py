"""The OpenAPI document: the contract other programs are generated from, so it says what really comes back.

Every operation may answer a problem document: 400 no JSON, 401 a bad sign-in, 413 too large, 422 wrong fields, 503.
Operations are named `<subject>_<function>`, and those names are as stable as paths.
"""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

MEDIA_TYPE = "application/problem+json"
ALWAYS = {
    "400": "bad-request",
    "401": "not-signed-in",
    "413": "body-too-large",
    "422": "invalid-body",
    "503": "unavailable",
}
METHODS = frozenset({"get", "put", "post", "delete", "patch"})
PROBLEM = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457: `type` is stable and for programs, `detail` is one sentence for a person.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "retry_after_s": {"type": "integer"},
    },
}
SCHEMES = {
    "member": {"type": "http", "scheme": "bearer", "description": "What signing in returned."},
    "api_key": {"type": "http", "scheme": "bearer", "description": "A key that begins with ock_."},
    "staff": {"type": "http", "scheme": "basic", "description": "Name and password of the console."},
}


def operation_name(route: APIRoute) -> str:
    """`webhooks_replay` for the function `replay` of routes/webhooks.py."""
    subject = route.endpoint.__module__.rpartition(".")[2]
    return f"{subject}_{route.name}"


def describe(app: FastAPI) -> None:
    """Make the application's document say what its problem handlers do."""
    plain: Callable[[], dict[str, Any]] = app.openapi

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _finished(plain())
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _finished(said: dict[str, Any]) -> dict[str, Any]:
    components = said.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):  # FastAPI's own, which no answer of ours has.
        schemas.pop(name, None)
    schemas["Problem"] = PROBLEM
    components["securitySchemes"] = SCHEMES
    for path, methods in said["paths"].items():
        for method in METHODS & methods.keys():
            _finish(path, methods[method])
    return said


def _finish(path: str, operation: dict[str, Any]) -> None:
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    responses = operation["responses"]
    responses.pop("422", None)
    for status, kind in ALWAYS.items():
        responses.setdefault(status, {"description": kind})
    for status, response in responses.items():
        if int(status) >= 400:
            response["content"] = content
    if "systems" in operation.get("tags", ()):
        operation["security"] = [{"api_key": []}]
    elif {"links", "epcis", "deliveries"} & set(operation.get("tags", ())):
        operation["security"] = [{"api_key": []}, {"staff": []}]
    elif path.startswith(("/v1/me/", "/v1/trade/")):
        operation["security"] = [{"member": []}]
    elif path.startswith("/v1/scans/"):
        operation["security"] = [{}, {"member": []}]
