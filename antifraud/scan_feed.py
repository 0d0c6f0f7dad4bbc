"""The log of scans as a feed for other systems: every scan once, in one order, whatever is being written meanwhile.

The order is (received_at, scan_id); scan ids alone follow the phones' clocks. A page ends at a horizon before which no
transaction is still open, so that nothing can be committed behind a reader's back. The index on received_at is a BRIN,
which finds blocks by time: the reader looks through windows that grow until the page is full.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import Row, select, tuple_

from antifraud.tables import scans
from foundation.database import ReadTx, settled_before

DELAY = timedelta(seconds=2)  # More than the clocks of API hosts and database differ; `onecode check` looks.
BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)
FIRST_WINDOW = timedelta(seconds=1)
GROWTH = 8
NOBODY = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Place:
    """Up to and with which scan a reader has read."""

    at: datetime = BEGINNING
    scan_id: UUID = NOBODY


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One scan. No text of the code, for whoever holds that may use it; no address beyond the network's region."""

    scan_id: UUID
    received_at: datetime
    verdict: str
    reasons: Sequence[str]
    item: int | None
    face: int | None
    gtin: str | None
    sscc: str | None
    dealer_id: int | None
    member_id: UUID | None
    region: int | None
    lat: float | None
    lon: float | None
    sigma_km: float | None
    method: str | None
    claim: bool
    reward_points: int
    reward_state: str
    params_version: str


NAMES = tuple(Line.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class Page:
    """lines in order; where to read on; complete: nothing more is ready at this moment."""

    lines: Sequence[Line]
    place: Place
    complete: bool


def page(tx: ReadTx, place: Place, *, limit: int, now: datetime) -> Page:
    """The scans after `place`, at most `limit`."""
    horizon = settled_before(tx, now, delay=DELAY)
    found: list[Line] = []
    window = FIRST_WINDOW
    while len(found) < limit and place.at < horizon:
        end = min(place.at + window, horizon)
        rows = _between(tx, place, end, limit - len(found))
        found += [_line(row) for row in rows]
        # A window that was not cut short is read for good: nothing will appear in it.
        place = Place(end) if len(found) < limit else Place(found[-1].received_at, found[-1].scan_id)
        window *= GROWTH
    return Page(found, place, complete=len(found) < limit)


def _between(tx: ReadTx, place: Place, end: datetime, limit: int) -> Sequence[Row[tuple[object, ...]]]:
    after = tuple_(scans.c.received_at, scans.c.scan_id) > tuple_(place.at, place.scan_id)
    columns = [scans.c[name] for name in NAMES]
    wanted = select(*columns).where(scans.c.received_at >= place.at, scans.c.received_at < end, after)
    return tx.execute(wanted.order_by(scans.c.received_at, scans.c.scan_id).limit(limit)).all()


def _line(row: Row[tuple[object, ...]]) -> Line:
    return Line(**{name: getattr(row, name) for name in NAMES})
