"""Who may at a route that staff and other systems share: a member of staff by role, or an API key by scope.

Staff send name and password over HTTP Basic, the same accounts as the console's; a system sends its key as a bearer
token. What is done is on record under the name of whoever did it: `Mei`, or `key:ERP`.
"""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from fastapi import Request

from foundation import clock
from foundation.database import transaction
from foundation.errors import NotAllowed, NotSignedIn
from scan_api import auth, callers
from scan_api.api_keys import Scope
from scan_api.edge import edge_of


class NotLetIn(NotSignedIn):
    """Neither a member of staff nor a system with a key."""

    challenge: ClassVar[str] = 'Bearer realm="onecode", Basic realm="onecode", charset="UTF-8"'


class PersonNeeded(NotAllowed):
    """A system may propose; a person decides."""

    type = "person-needed"


@dataclass(frozen=True, slots=True)
class Caller:
    """`name`: as it stands in the audit trail."""

    name: str

    def person(self, says: str) -> "Caller":
        """This caller, if it is a person. Raises PersonNeeded, which says what a system may do."""
        if self.name.startswith("key:"):
            raise PersonNeeded(says)
        return self


def staff_or_key(*roles: str, scope: Scope) -> Callable[[Request], Caller]:
    """A dependency: a member of staff with one of the roles, a supervisor, or a key with the scope.

    Raises NotLetIn, NotAllowed, ScopeMissing, TooMany.
    """

    def of(request: Request) -> Caller:
        scheme, _, rest = request.headers.get("authorization", "").partition(" ")
        match scheme.lower():
            case "bearer":
                return _system(request, rest.strip(), scope)
            case "basic":
                return _person(request, rest.strip(), roles)
            case _:
                raise NotLetIn("Send an API key as a bearer token, or a name and password of staff (HTTP Basic).")

    return of


def _system(request: Request, text: str, scope: Scope) -> Caller:
    try:
        return Caller(f"key:{callers.check(edge_of(request), text, scope).name}")
    except NotSignedIn as refused:
        raise NotLetIn(refused.detail) from refused


def _person(request: Request, coded: str, roles: tuple[str, ...]) -> Caller:
    name, password = _basic(coded)
    with transaction(edge_of(request).house.engine) as tx:  # Committed either way: a failure counts.
        found = auth.check_staff(tx, name, password, now=clock.now())
    if found is None:
        raise NotLetIn("The name or password is not right, or is locked for a while.")
    if not found & {*roles, "supervisor"}:
        raise NotAllowed(f"This needs the role {' or '.join(roles)}; ask a supervisor.")
    return Caller(name)


def _basic(coded: str) -> tuple[str, str]:
    try:
        name, colon, password = base64.b64decode(coded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        name = colon = password = ""
    if not colon or "\0" in name:
        raise NotLetIn("The header holds no name and password; send NAME:PASSWORD in base64 (HTTP Basic).")
    return name, password
