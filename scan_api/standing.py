"""What an API process knows of everyone without asking: ended sessions, children no guardian agreed for, and who must
prove that they are no program.

Read twice a second, so that a session ended anywhere stops working everywhere within that time. Only what was ended
since the last reading is read; a minute of overlap catches a transaction that committed late.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Engine

from antifraud import door_flags
from foundation.database import reading
from loyalty import guardians
from scan_api import auth

EVERY_S = 0.5
OVERLAP = timedelta(minutes=1)


class Standing:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._revoked: frozenset[UUID] = frozenset()
        self._young: frozenset[UUID] = frozenset()
        self.challenged: Mapping[str, datetime] = {}
        self._read_until: datetime | None = None

    def work(self, *, now: datetime) -> None:
        """One reading."""
        since = self._read_until - OVERLAP if self._read_until else None
        with reading(self._engine) as tx:
            ended = auth.revoked(tx, since=since, now=now)
            self._young = guardians.young(tx, now=now)
            self.challenged = door_flags.challenged(tx, now=now)
        if not ended <= self._revoked:
            self._revoked |= ended
        self._read_until = now

    def is_ended(self, session_id: UUID) -> bool:
        return session_id in self._revoked

    def end(self, session_id: UUID) -> None:
        """This process need not wait for the next reading to refuse a session that was just ended here."""
        self._revoked |= {session_id}

    def is_young(self, member_id: UUID | None) -> bool:
        """Whether no points may be given to this member: a child whose guardian has not agreed."""
        return member_id in self._young

    def grew(self, member_id: UUID, *, young: bool) -> None:
        """What was just learned here of a member's age or guardian."""
        self._young = self._young | {member_id} if young else self._young - {member_id}
