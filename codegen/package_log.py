"""Who came near a package, and what looks wrong about one: an append-only log and the warnings drawn from it.

| warning          | raised when                                                                    | days |
| ---------------- | ------------------------------------------------------------------------------ | ---- |
| not-acknowledged | handed over and not acknowledged                                               | 3    |
| not-activated    | acknowledged and none of its codes was ever commissioned                       | 14   |
| new-place        | downloaded from an address never seen for a receiver that was seen before      |      |

One warning a package and kind (and address), however often the sweep runs; a person settles it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, insert, select, text, update

from codegen.tables import package_access, package_warnings
from foundation import audit
from foundation.database import ReadTx, Tx

ACKNOWLEDGE_WITHIN = timedelta(days=3)
ACTIVATE_WITHIN = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Access:
    package_id: int
    at: datetime
    who: str
    action: str
    address: str
    detail: str


@dataclass(frozen=True, slots=True)
class Warned:
    """`about`: the address, for new-place."""

    id: int
    package_id: int
    kind: str
    about: str
    raised_at: datetime


def note(
    tx: Tx,
    package_id: int,
    action: str,
    *,
    who: str,
    address: str,
    download_id: UUID | None = None,
    detail: str = "",
    now: datetime,
) -> None:
    """Add one line. `address`: a network address, or the desk somebody sat at (console, cli)."""
    values = {"action": action, "who": who, "address": address, "download_id": download_id, "detail": detail}
    tx.execute(insert(package_access).values(package_id=package_id, at=now, **values))


def accesses(tx: ReadTx, package_id: int) -> list[Access]:
    """Newest first."""
    found = select(package_access).where(package_access.c.package_id == package_id)
    return [_access(row) for row in tx.execute(found.order_by(package_access.c.id.desc()).limit(500))]


def download(tx: ReadTx, download_id: UUID) -> Access | None:
    """The line that began a download."""
    row = tx.execute(
        select(package_access).where(
            package_access.c.download_id == download_id, package_access.c.action == "download"
        )
    ).first()  # fmt: skip
    return _access(row) if row else None


def warn(tx: Tx, *, now: datetime) -> list[Warned]:
    """Look for what is late or strange, and raise what was not raised before. Safe to run twice at once."""
    rows = tx.execute(
        text(_WARN), {"now": now, "acknowledge": now - ACKNOWLEDGE_WITHIN, "activate": now - ACTIVATE_WITHIN}
    )
    new = [Warned(row.id, row.package_id, row.kind, row.about, row.raised_at) for row in rows]
    for one in new:
        after = {"kind": one.kind, "about": one.about}
        audit.record(
            tx, actor="worker", action="package.warn", subject=f"package:{one.package_id}", after=after, now=now
        )
    return new


def warnings(tx: ReadTx, *, package_id: int | None = None) -> list[Warned]:
    """Those nobody settled yet, oldest first."""
    found = select(package_warnings).where(package_warnings.c.settled_at.is_(None)).order_by(package_warnings.c.id)
    if package_id is not None:
        found = found.where(package_warnings.c.package_id == package_id)
    return [Warned(row.id, row.package_id, row.kind, row.about, row.raised_at) for row in tx.execute(found)]


def settle(tx: Tx, warning_id: int, *, by: str, now: datetime) -> bool:
    """Somebody has looked. False: settled before."""
    row = tx.execute(
        update(package_warnings)
        .where(package_warnings.c.id == warning_id, package_warnings.c.settled_at.is_(None))
        .values(settled_at=now, settled_by=by)
        .returning(package_warnings.c.package_id, package_warnings.c.kind)
    ).first()
    if row is not None:
        subject = f"package:{row.package_id}"
        audit.record(tx, actor=by, action="package.settle", subject=subject, after={"kind": row.kind}, now=now)
    return row is not None


def _access(row: Row[Any]) -> Access:
    return Access(row.package_id, row.at, row.who, row.action, row.address, row.detail)


_WARN = """
WITH late AS (
    SELECT id AS package_id, 'not-acknowledged' AS kind, '' AS about FROM packages
    WHERE handed_over_at <= :acknowledge AND acknowledged_at IS NULL AND state IN ('handed_over', 'expired')
    UNION ALL
    SELECT p.id, 'not-activated', '' FROM packages p
    WHERE p.state = 'acknowledged' AND p.acknowledged_at <= :activate
      AND NOT EXISTS (SELECT FROM spans s WHERE s.run_id = p.run_id AND s.state = 'commissioned' AND s.items && p.items)
    UNION ALL
    SELECT DISTINCT p.id, 'new-place', a.address
    FROM package_access a JOIN packages p ON p.id = a.package_id
    WHERE a.action IN ('download', 'download-resumed')
      AND EXISTS (SELECT FROM package_access b JOIN packages q ON q.id = b.package_id
                  WHERE q.receiver_id = p.receiver_id AND b.action = 'download' AND b.id < a.id)
      AND NOT EXISTS (SELECT FROM package_access b JOIN packages q ON q.id = b.package_id
                      WHERE q.receiver_id = p.receiver_id AND b.action IN ('download', 'download-resumed')
                        AND b.address = a.address AND b.id < a.id)
)
INSERT INTO package_warnings (package_id, kind, about, raised_at)
SELECT package_id, kind, about, :now FROM late
ON CONFLICT DO NOTHING
RETURNING id, package_id, kind, about, raised_at
"""
