"""Staff at the API: name and password over HTTP Basic, the same accounts as the console's, and the roles that may."""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass

from fastapi import Request

from foundation import clock
from foundation.database import transaction
from foundation.errors import NotAllowed, NotSignedIn
from scan_api import auth
from scan_api.edge import edge_of


@dataclass(frozen=True, slots=True)
class Staff:
    name: str
    roles: frozenset[str]


def staff_with(*roles: str) -> Callable[[Request], Staff]:
    """A dependency: whoever calls is on the staff and has one of the roles, or is a supervisor."""

    def of(request: Request) -> Staff:
        name, password = _basic(request.headers.get("authorization"))
        with transaction(edge_of(request).house.engine) as tx:  # Committed either way: a failure counts.
            found = auth.check_staff(tx, name, password, now=clock.now())
        if found is None:
            raise NotSignedIn("The name or password is not right, or is locked for a while.")
        if not found & {*roles, "supervisor"}:
            raise NotAllowed(f"This needs the role {' or '.join(roles)}; ask a supervisor.")
        return Staff(name, found)

    return of


def _basic(header: str | None) -> tuple[str, str]:
    scheme, _, coded = (header or "").partition(" ")
    try:
        name, colon, password = base64.b64decode(coded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        name = colon = password = ""
    if scheme.lower() != "basic" or not colon or "\0" in name:
        raise NotSignedIn("Send the name and password of a member of staff (HTTP Basic).")
    return name, password
