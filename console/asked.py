"""What one person looks at in the queue: what the address asks for, the page they are on, and what was read for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from antifraud import case_queue
from antifraud.case_queue import FAMILIES, PAGE, Mark, Sought
from antifraud.cases import Case, Cursor
from antifraud.findings import Severity
from console import desk, finding, naming, pulse
from foundation import clock
from foundation.database import ReadTx

ME = "me"


@dataclass(slots=True)
class Asked:
    """What the address says. Unknown values ask for nothing."""

    severity: str = ""
    family: str = ""
    kind: str = ""
    who: str = ""
    overdue: str = ""
    snoozed: str = ""
    q: str = ""

    def sought(self, tx: ReadTx, me: str) -> Sought:
        grave = self.severity.isdigit() and int(self.severity) in set(Severity)
        return Sought(
            severity=Severity(int(self.severity)) if grave else None,
            family=self.family if self.family in FAMILIES else None,
            kind=self.kind if self.kind in naming.KINDS else None,
            assignee=me if self.who == ME else self.who or None,
            overdue=bool(self.overdue),
            snoozed=bool(self.snoozed),
            found=finding.understand(tx, self.q) if self.q.strip() else None,
        )

    def address(self) -> str:
        said = {name: getattr(self, name) for name in self.__dataclass_fields__ if getattr(self, name)}
        return "/" + (f"?{urlencode(said)}" if said else "")


@dataclass(slots=True)
class Shown:
    found: list[Case]
    counts: Mapping[Severity, tuple[int, int]]
    dealers: Mapping[int, str]
    people: list[str]


@dataclass(slots=True)
class Room:
    """One person's view. pages: where each page before this one began."""

    asked: Asked
    me: str
    after: Cursor | None = None
    pages: list[Cursor | None] = field(default_factory=list)
    mark: Mark | None = None
    shown: Shown | None = None

    async def look(self) -> Shown:
        """Read the page anew."""
        self.mark = await pulse.mark()
        self.shown = await desk.read(self._read)
        return self.shown

    def _read(self, tx: ReadTx) -> Shown:
        now = clock.now()
        sought = self.asked.sought(tx, self.me)
        found = case_queue.page(tx, sought, now=now, limit=PAGE + 1, after=self.after)
        return Shown(found, case_queue.counts(tx, sought, now=now), naming.dealers(tx), case_queue.people(tx))
