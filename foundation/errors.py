"""What could not be done, as a problem a caller can act on (RFC 9457).

A verdict is a value; an exception means the work could not be done, and rolls the transaction back.

    Problem                      500  problem               a sentence that says what to do
    ├── BadRequest               400  bad-request           the words are wrong: say which
    ├── NotSignedIn              401  not-signed-in
    ├── NotAllowed               403  not-allowed
    ├── NotFound                 404  not-found
    ├── Conflict                 409  conflict              same id, other content; or the state moved on
    ├── TooMany                  429  too-many
    └── Unavailable              503  unavailable           try again later: nothing was done
        ├── DatabaseDown         503  database-down
        └── SchemaBehind         503  schema-behind

Packages add their own leaves under these. `type` is stable for ever: programs branch on it.
"""

from http import HTTPStatus
from typing import ClassVar


class Problem(Exception):
    """One clear sentence for a person, a stable type for a program."""

    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR
    type: ClassVar[str] = "problem"

    def __init__(self, detail: str, /, **members: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.members = members

    @property
    def title(self) -> str:
        return self.type.replace("-", " ").capitalize()

    def document(self) -> dict[str, object]:
        """The body of an application/problem+json answer."""
        return {
            "type": f"urn:onecode:problem:{self.type}",
            "title": self.title,
            "status": int(self.status),
            "detail": self.detail,
            **self.members,
        }


class BadRequest(Problem):
    status, type = HTTPStatus.BAD_REQUEST, "bad-request"


class NotSignedIn(Problem):
    """`challenge`: how to sign in here, for WWW-Authenticate (RFC 9110, section 11.6.1)."""

    status, type = HTTPStatus.UNAUTHORIZED, "not-signed-in"
    challenge: ClassVar[str] = "Bearer"


class NotAllowed(Problem):
    status, type = HTTPStatus.FORBIDDEN, "not-allowed"


class NotFound(Problem):
    status, type = HTTPStatus.NOT_FOUND, "not-found"


class Conflict(Problem):
    status, type = HTTPStatus.CONFLICT, "conflict"


class TooMany(Problem):
    """Called too often; `retry_after_s` says when to come back."""

    status, type = HTTPStatus.TOO_MANY_REQUESTS, "too-many"


class Unavailable(Problem):
    """Nothing was done; the same call may succeed later."""

    status, type = HTTPStatus.SERVICE_UNAVAILABLE, "unavailable"


class DatabaseDown(Unavailable):
    type = "database-down"


class SchemaBehind(Unavailable):
    """The database was migrated by another version than this program."""

    type = "schema-behind"
