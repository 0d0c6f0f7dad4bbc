"""Stations as the office knows them: the API key each calls with, and the public key each signs its record with.

A station sees only its own jobs: the key that calls says which station it is. The public key is registered once, by the
station itself, at its first call; another one is refused until the office enrols the station anew, so a copied disk or
a swapped computer shows.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from foundation import audit
from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest, Conflict, NotAllowed, NotFound


class NotEnrolled(NotAllowed):
    """The API key belongs to no station."""

    type = "station-not-enrolled"


class UnknownStation(NotFound):
    type = "unknown-station"


class KeyTaken(Conflict):
    """The station signs with another key already."""

    type = "station-key-taken"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """key: 32 bytes, Ed25519."""

    key: bytes
    registered_at: datetime
    retired_at: datetime | None


def enrol(tx: Tx, name: str, *, key_id: UUID, by: str, now: datetime) -> UUID | None:
    """Let a station call with an API key, and sign with a key it makes next. Returns the API key it had before.

    Raises BadRequest.
    """
    station = name.strip()
    if not 0 < len(station) <= 100 or not station.isprintable():
        raise BadRequest("A station needs a name of 1 to 100 letters.")
    before = tx.execute(text("SELECT key_id FROM stations WHERE name = :name FOR UPDATE"), {"name": station}).scalar()
    tx.execute(
        text(
            "INSERT INTO stations (name, created_at, key_id) VALUES (:name, :now, :key)"
            " ON CONFLICT (name) DO UPDATE SET key_id = excluded.key_id"
        ),
        {"name": station, "key": key_id, "now": now},
    )
    tx.execute(
        text(
            "UPDATE station_keys k SET retired_at = :now FROM stations s"
            " WHERE s.id = k.station_id AND s.name = :name AND k.retired_at IS NULL"
        ),
        {"name": station, "now": now},
    )
    audit.record(tx, actor=by, action="station-enrolled", subject=f"station:{station}", now=now)
    return before


def dismiss(tx: Tx, name: str, *, by: str, now: datetime) -> UUID | None:
    """The station may not call any more, and signs nothing; its old signatures stay good. Returns its API key, to end.

    Raises UnknownStation.
    """
    row = tx.execute(text("SELECT id, key_id FROM stations WHERE name = :name FOR UPDATE"), {"name": name}).first()
    if row is None:
        raise UnknownStation(f"There is no station {name!r}.")
    place = {"station": row.id, "now": now}
    tx.execute(text("UPDATE stations SET key_id = NULL WHERE id = :station"), place)
    tx.execute(
        text("UPDATE station_keys SET retired_at = :now WHERE station_id = :station AND retired_at IS NULL"), place
    )
    audit.record(tx, actor=by, action="station-dismissed", subject=f"station:{name}", now=now)
    return UUID(str(row.key_id)) if row.key_id else None


def of_key(tx: ReadTx, key_id: UUID) -> str:
    """The station an API key belongs to. Raises NotEnrolled."""
    name = tx.execute(text("SELECT name FROM stations WHERE key_id = :key"), {"key": key_id}).scalar()
    if name is None:
        raise NotEnrolled("This key belongs to no station; enrol the station at the office.")
    return str(name)


def register(tx: Tx, name: str, public_key: bytes, *, now: datetime) -> None:
    """The key the station signs with; the same again changes nothing. Raises UnknownStation, KeyTaken."""
    station = tx.execute(text("SELECT id FROM stations WHERE name = :name FOR UPDATE"), {"name": name}).scalar()
    if station is None:
        raise UnknownStation(f"There is no station {name!r}.")
    known = {one.key: one for one in public_keys(tx, name)}
    if public_key in known and known[public_key].retired_at is None:
        return
    if public_key in known or any(one.retired_at is None for one in known.values()):
        raise KeyTaken(f"Station {name} signs with another key already; enrol it anew if its computer was replaced.")
    tx.execute(
        text("INSERT INTO station_keys (station_id, public_key, registered_at) VALUES (:station, :key, :now)"),
        {"station": station, "key": public_key, "now": now},
    )
    after = {"public_key": public_key.hex()}
    audit.record(tx, actor=name, action="station-key-registered", subject=f"station:{name}", after=after, now=now)


def public_keys(tx: ReadTx, name: str) -> list[PublicKey]:
    """The newest first; older ones still verify the records they signed."""
    rows = tx.execute(
        text(
            "SELECT k.public_key, k.registered_at, k.retired_at FROM station_keys k"
            " JOIN stations s ON s.id = k.station_id WHERE s.name = :name ORDER BY k.registered_at DESC"
        ),
        {"name": name},
    )
    return [PublicKey(bytes(row.public_key), row.registered_at, row.retired_at) for row in rows]
