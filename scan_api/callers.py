"""Other systems at the edge: which API key is calling, whether it may, and how often."""

import asyncio
from collections.abc import Awaitable, Callable

from fastapi import Request

from foundation import clock
from foundation.database import transaction
from foundation.errors import NotSignedIn
from foundation.limits import Rate
from scan_api import api_keys
from scan_api.api_keys import ApiKey, Scope
from scan_api.edge import Edge, edge_of

KEY_RATE = Rate(burst=200, every_s=0.05)


def key_with(scope: Scope) -> Callable[[Request], Awaitable[ApiKey]]:
    """A dependency: the caller's key, if it has this scope. Raises NotSignedIn, ScopeMissing, TooMany."""

    async def key(request: Request) -> ApiKey:
        scheme, _, text = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise NotSignedIn("Send an API key as a bearer token.")
        return await asyncio.to_thread(check, edge_of(request), text.strip(), scope)

    return key


def check(edge: Edge, text: str, scope: Scope) -> ApiKey:
    """The key that `text` is, if it has the scope. Raises NotSignedIn, ScopeMissing, TooMany."""
    with transaction(edge.house.engine) as tx:
        found = api_keys.check(tx, text, scope, now=clock.now())
    edge.take({f"api-key:{found.id}": KEY_RATE})
    return found
