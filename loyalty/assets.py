"""What is counted: spendable points, growth, cash in fen, coupons, and whatever a brand adds. A row an asset.

Each asset has six system accounts of its own (issuer, redeemed, expired, recovered, written off, adjustment), numbered
from `first_account`: so a transfer finds its other side without a query.
"""

from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import datetime
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, select, text

from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest, Conflict
from loyalty.tables import assets

SYSTEM_KINDS = ("issuer", "redeemed", "expired", "recovered", "written_off", "adjustment")


class UnknownAsset(BadRequest):
    """Nothing of this name is counted here."""

    type = "unknown-asset"


@dataclass(frozen=True, slots=True)
class Asset:
    """unit: what an amount of it is called; amounts are whole minor units."""

    name: str
    unit_zh: str
    unit_en: str
    first_account: int


_known: MutableMapping[Engine, Mapping[str, int]] = WeakKeyDictionary()


def list_assets(tx: ReadTx) -> list[Asset]:
    return [Asset(*row) for row in tx.execute(select(assets).order_by(assets.c.first_account))]


def first_accounts(tx: ReadTx, wanted: Iterable[str] = ()) -> Mapping[str, int]:
    """asset -> its first system account. Assets never change, so they are read once. Raises UnknownAsset."""
    known = _known.get(tx.engine, {})
    missing = set(wanted) - known.keys()
    if missing or not known:
        rows = tx.execute(_FIRST_ACCOUNTS).all()
        known = {row.name: row.first_account for row in rows}
        if unknown := sorted(missing - known.keys()):
            raise UnknownAsset(f"There is no asset {unknown[0]!r}; known: {', '.join(sorted(known))}.")
        # What this very transaction added may still roll back: it is used but not remembered.
        _known[tx.engine] = {row.name: row.first_account for row in rows if not row.is_ours}
    return known


_FIRST_ACCOUNTS = text("""
SELECT name, first_account, coalesce(xmin::text = pg_current_xact_id_if_assigned()::xid::text, false) AS is_ours
FROM assets
""")


def add_asset(tx: Tx, *, name: str, unit_zh: str, unit_en: str, now: datetime) -> Asset:
    """Count something new. Raises BadRequest, and Conflict for a name that is taken."""
    if not (name.isascii() and name.isidentifier() and len(name) <= 40):
        raise BadRequest("Name an asset with at most 40 letters, digits and underscores.")
    tx.execute(text("LOCK TABLE assets IN SHARE ROW EXCLUSIVE MODE"))
    if name in {one.name for one in list_assets(tx)}:
        raise Conflict(f"There is an asset {name!r} already.")
    row = {"name": name, "unit_zh": unit_zh, "unit_en": unit_en, "now": now, "kinds": list(SYSTEM_KINDS)}
    return Asset(name, unit_zh, unit_en, int(tx.execute(_ADD, row).scalar_one()))


_ADD = text("""
WITH added AS (
    INSERT INTO assets (name, unit_zh, unit_en, first_account)
    SELECT :name, :unit_zh, :unit_en, max(first_account) + 6 FROM assets RETURNING name, first_account
), opened AS (
    INSERT INTO accounts (id, kind, asset, owner_ref, created_at)
    SELECT first_account + place - 1, kind, name, '', :now
    FROM added, unnest(CAST(:kinds AS text[])) WITH ORDINALITY AS k (kind, place)
)
SELECT first_account FROM added
""")
