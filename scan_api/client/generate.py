"""Writes `api.py` from the OpenAPI document: a TypedDict a schema, a method an operation. `make client` runs it.

Headers and cookies are the transport's business and left out, as are operations that answer a browser with a redirect
and parameters marked `x-client-omit`. What the contract has and this file does not know is an error, never a guess.
"""

import re
import sys
import textwrap
from collections.abc import Mapping
from typing import Any

from scan_api.app import make_app

HEAD = '''"""The API as typed calls. Generated from the contract by `make client`: change the routes, not this file."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict
from urllib.parse import quote

from scan_api.client.transport import Transport
'''
PLAIN = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}


def source(document: Mapping[str, Any]) -> str:
    """The text of `api.py`, before it is formatted."""
    schemas = document["components"]["schemas"]
    parts = [HEAD, *(_schema(name, schemas[name]) for name in sorted(schemas) if name != "Problem")]
    parts.append('class Client(Transport):\n    """One method an operation; see the documentation of each path."""\n')
    for path, methods in document["paths"].items():
        parts += [_method(path, verb, operation) for verb, operation in methods.items() if _returns_data(operation)]
    return "\n\n".join(parts)


def _schema(name: str, schema: Mapping[str, Any]) -> str:
    required = set(schema.get("required", ()))
    lines = [f"class {name}(TypedDict):"]
    if described := schema.get("description"):
        lines.append(f'    """{_sentence(described, 4)}"""\n')
    for field, of in schema["properties"].items():
        kind = type_of(of)
        lines.append(f"    {field}: {kind if field in required else f'NotRequired[{kind}]'}")
    return "\n".join(lines)


def type_of(schema: Mapping[str, Any]) -> str:
    """The Python type of a schema. Raises ValueError for what is not known here."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "enum" in schema or "const" in schema:
        return f"Literal[{', '.join(repr(value) for value in schema.get('enum', [schema.get('const')]))}]"
    if "anyOf" in schema:
        return " | ".join(type_of(one) for one in schema["anyOf"])
    match schema.get("type"):
        case "array":
            return f"list[{type_of(schema['items'])}]"
        case "object":
            inner = schema.get("additionalProperties")
            return f"dict[str, {type_of(inner)}]" if isinstance(inner, dict) and inner else "dict[str, Any]"
        case str() as plain if plain in PLAIN:
            return PLAIN[plain]
        case None if not set(schema) - {"title", "description"}:
            return "Any"
    raise ValueError(f"This schema is not known to the generator: {schema}")


def _returns_data(operation: Mapping[str, Any]) -> bool:
    return not any(status.startswith("3") for status in operation["responses"])


def _method(path: str, verb: str, operation: Mapping[str, Any]) -> str:
    inputs = [one for one in operation.get("parameters", ()) if one["in"] in ("path", "query")]
    inputs = [one for one in inputs if not one["schema"].get("x-client-omit")]
    in_path = [one["name"] for one in inputs if one["in"] == "path"]
    in_query = [one for one in inputs if one["in"] == "query"]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    arguments = ["self", *(f"{one['name']}: {type_of(one['schema'])}" for one in inputs if one["in"] == "path")]
    arguments += [f"body: {type_of(body)}"] if body else []
    arguments += ["*"] if in_query else []
    arguments += [f"{one['name']}: {_optional(one)} = None" for one in in_query]
    returns = _answer(operation)
    call = [repr(verb.upper()), _path(path, in_path)]
    asked = ", ".join(f"{one['name']!r}: {one['name']}" for one in in_query)
    call += [f"query={{{asked}}}"] if in_query else []
    call += ["body=body"] if body else []
    kept = f"        answer: {returns} = self.call({', '.join(call)})\n        return answer"
    done = f"        self.call({', '.join(call)})"
    return (
        f"    def {operation['operationId']}({', '.join(arguments)}) -> {returns}:\n"
        f'        """{_sentence(operation.get("description", operation["summary"]), 8)}"""\n'
        f"{done if returns == 'None' else kept}"
    )


def _optional(parameter: Mapping[str, Any]) -> str:
    kind = type_of(parameter["schema"])
    return kind if kind.endswith("None") else f"{kind} | None"


def _answer(operation: Mapping[str, Any]) -> str:
    for status, response in operation["responses"].items():
        if status.startswith("2"):
            schema = response.get("content", {}).get("application/json", {}).get("schema")
            return type_of(schema) if schema is not None else "None"
    raise ValueError(f"{operation['operationId']} never succeeds")


def _path(path: str, names: list[str]) -> str:
    if not names:
        return repr(path)
    filled = re.sub(r"\{(\w+)\}", lambda found: "{quote(str(" + found[1] + "), safe='')}", path)
    return f'f"{filled}"'


def _sentence(text: str, indent: int) -> str:
    words = " ".join(text.split("\n\n")[0].split()).replace('"""', "'''")
    return f"\n{' ' * indent}".join(textwrap.wrap(words, 110 - indent))


def document() -> dict[str, Any]:
    """The contract of this program; no house is opened for it."""
    return make_app(None).openapi()  # type: ignore[arg-type]


if __name__ == "__main__":
    sys.stdout.write(source(document()))
