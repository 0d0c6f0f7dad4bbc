"""What happened to one item: a row only once it did. First seen once, claimed once per face and kind.

`load` is the scan path's one read: it locks the rows that exist, in item order, so batches that share items take turns.
`store` writes what was decided; where a concurrent transaction got there first it raises Stale, the batch rolls back,
and the caller loads and decides again. Nothing is overwritten.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from codegen.identity import Face, ItemNumber
from foundation.bulk import Write, record_set, write_all
from foundation.database import ReadTx, Tx
from foundation.errors import Unavailable

CONSUMER = "consumer"
"""The kind of claim that pays the person who drank it; others (store, guide) stand beside it."""


class Stale(Unavailable):
    """A concurrent transaction got there first; load again and decide again."""

    type = "stale"


@dataclass(frozen=True, slots=True)
class ItemState:
    """All that is known of one item. `claimed_by`, `claimed_at`: the consumer's claim on the run's claim face.

    `authorised`: the regions its dealer may sell in; empty while nobody got it.
    """

    item: ItemNumber
    commissioned: bool = False
    scrapped: bool = False
    voided: bool = False
    recalled: bool = False
    held: bool = False
    first_seen_at: datetime | None = None
    first_seen_region: int | None = None
    first_seen_device: str | None = None
    claimed_by: UUID | None = None
    claimed_at: datetime | None = None
    sscc: str | None = None
    dealer_id: int | None = None
    shipped_at: datetime | None = None
    authorised: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class FirstSeen:
    item: ItemNumber
    at: datetime
    region: int | None
    device: str | None


@dataclass(frozen=True, slots=True)
class Claim:
    item: ItemNumber
    face: Face
    kind: str
    member_id: UUID
    scan_id: UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class Event:
    """One line of an item's timeline; `facts` are plain JSON."""

    at: datetime
    what: str
    facts: Mapping[str, object]


def load(tx: Tx, items: Sequence[ItemNumber], *, now: datetime | None = None) -> dict[ItemNumber, ItemState]:
    """Every item asked for, known or not, in one statement; rows that exist stay locked until the transaction ends.

    now: regions in force at that instant; without it, those nobody has ended.
    """
    if not items:
        return {}
    rows = tx.execute(text(_LOAD), {"items": sorted(set(items)), "now": now})
    return {row.item: _state(row) for row in rows}


def peek(tx: ReadTx, item: ItemNumber, *, now: datetime | None = None) -> ItemState:
    """What is known of one item, locking nothing: for pages that only show."""
    return _state(tx.execute(text(_LOAD.replace(_LOCK, "")), {"items": [item], "now": now}).one())


def _state(row: Row[Any]) -> ItemState:
    return ItemState(
        item=row.item,
        commissioned="commissioned" in row.states,
        scrapped="scrapped" in row.states,
        voided="voided" in row.states,
        recalled="recalled" in row.states,
        held="held" in row.states,
        first_seen_at=row.first_seen_at,
        first_seen_region=row.first_seen_region,
        first_seen_device=row.first_seen_device,
        claimed_by=row.member_id,
        claimed_at=row.claimed_at,
        sscc=row.sscc,
        dealer_id=row.dealer_id,
        shipped_at=row.shipped_at,
        authorised=frozenset(row.regions or ()),
    )


def store(tx: Tx, *, first_seen: Sequence[FirstSeen] = (), claims: Sequence[Claim] = ()) -> None:
    """Write first sightings and claims in one statement, all or nothing. Raises Stale."""
    write_all(tx, storing(first_seen=first_seen, claims=claims))


def storing(*, first_seen: Sequence[FirstSeen] = (), claims: Sequence[Claim] = ()) -> list[Write]:
    """What `store` would write, for a use case that writes more in the same statement.

    ValueError: the caller named one item twice; of a batch only the first scan is the first.
    """
    ordered = sorted(first_seen, key=lambda seen: seen.item)
    _require_distinct([seen.item for seen in ordered])
    taken = sorted(claims, key=lambda claim: (claim.item, claim.face, claim.kind))
    _require_distinct([(claim.item, claim.face, claim.kind) for claim in taken])
    faster = Stale("Another scan of the same item was faster; try again.")
    return [
        Write("first_seen", _STORE_FIRST_SEEN, [_seen_row(seen) for seen in ordered], len(ordered), faster),
        Write("claimed", _STORE_CLAIMS, [_claim_row(claim) for claim in taken], len(taken), faster),
    ]


def _seen_row(seen: FirstSeen) -> dict[str, object]:
    return {"item": seen.item, "at": seen.at, "region": seen.region, "device": seen.device}


def _claim_row(claim: Claim) -> dict[str, object]:
    return {
        "item": claim.item, "face": int(claim.face), "kind": claim.kind, "member_id": claim.member_id,
        "scan_id": claim.scan_id, "at": claim.at,
    }  # fmt: skip


def history(tx: ReadTx, item: int) -> list[Event]:
    """The life of an item, oldest first."""
    return [Event(row.at, row.what, row.facts) for row in tx.execute(text(_HISTORY), {"item": item})]


def _require_distinct(keys: Sequence[object]) -> None:
    if len(set(keys)) != len(keys):
        raise ValueError("one item was first seen or claimed twice in one batch")


# `locked` sorts before it locks, so two batches meet in item order and never wait for each other in a ring.
# Ranges of one kind do not overlap, so the last one that begins at or before an item is the only one that can hold it:
# one step in a btree, where a GiST search compares with every key of a page. A cap lies where its body lies.
_LOCK = "FOR UPDATE OF i"
_LOAD = """
WITH asked AS (
    SELECT item FROM unnest(CAST(:items AS bigint[])) AS a (item)
), locked AS MATERIALIZED (
    SELECT i.* FROM items i JOIN asked USING (item) ORDER BY i.item FOR UPDATE OF i
)
SELECT a.item, l.first_seen_at, l.first_seen_region, l.first_seen_device,
       ARRAY(
           SELECT k.state
           FROM (VALUES ('commissioned'), ('scrapped'), ('voided'), ('recalled'), ('held')) AS k (state),
           LATERAL (SELECT items FROM spans s
                    WHERE s.state = k.state AND s.lifted_at IS NULL AND lower(s.items) <= a.item
                    ORDER BY lower(s.items) DESC LIMIT 1) AS last
           WHERE last.items @> a.item
       ) AS states,
       c.member_id, c.claimed_at, u.sscc, sh.dealer_id, sh.shipped_at, sh.regions
FROM asked a
LEFT JOIN locked l USING (item)
LEFT JOIN LATERAL (
    SELECT items, claim_face FROM runs WHERE lower(items) <= a.item ORDER BY lower(items) DESC LIMIT 1
) r ON r.items @> a.item
LEFT JOIN claims c ON c.item = a.item AND c.face = r.claim_face AND c.kind = 'consumer'
LEFT JOIN LATERAL (
    SELECT caps, lower(bodies) - lower(caps) AS shift FROM code_pairs
    WHERE undone_at IS NULL AND lower(caps) <= a.item ORDER BY lower(caps) DESC LIMIT 1
) k ON k.caps @> a.item
LEFT JOIN LATERAL (
    SELECT items, sscc FROM unit_contents
    WHERE unpacked_at IS NULL AND lower(items) <= a.item + coalesce(k.shift, 0) ORDER BY lower(items) DESC LIMIT 1
) u ON u.items @> a.item + coalesce(k.shift, 0)
LEFT JOIN LATERAL (
    SELECT d.dealer_id, d.shipped_at,
           ARRAY(SELECT region FROM dealer_regions g
                 WHERE g.dealer_id = d.dealer_id
                   AND g.valid_from <= coalesce(CAST(:now AS timestamptz), 'infinity')
                   AND (g.valid_to IS NULL OR g.valid_to > coalesce(CAST(:now AS timestamptz), 'infinity'))) AS regions
    FROM shipment_units su JOIN shipments d ON d.id = su.shipment_id
    WHERE su.sscc = u.sscc ORDER BY d.shipped_at DESC, d.id DESC LIMIT 1
) sh ON true
"""

_STORE_FIRST_SEEN = f"""
INSERT INTO items (item, first_seen_at, first_seen_region, first_seen_device)
SELECT * FROM {record_set("first_seen", "item bigint, at timestamptz, region integer, device text")}
ON CONFLICT DO NOTHING RETURNING 1
"""  # noqa: S608

_CLAIM_COLUMNS = "item bigint, face smallint, kind text, member_id uuid, scan_id uuid, at timestamptz"
_STORE_CLAIMS = f"""
INSERT INTO claims (item, face, kind, member_id, scan_id, claimed_at)
SELECT * FROM {record_set("claimed", _CLAIM_COLUMNS)}
ON CONFLICT DO NOTHING RETURNING 1
"""  # noqa: S608

# A cap has the whereabouts of the body it sits on, found once.
_HISTORY = """
WITH body AS MATERIALIZED (
    SELECT coalesce((SELECT CAST(:item AS bigint) - lower(caps) + lower(bodies) FROM code_pairs
                     WHERE caps @> CAST(:item AS bigint) AND undone_at IS NULL), CAST(:item AS bigint)) AS item
)
SELECT created_at AS at, 'issued' AS what, 0 AS turn,
       jsonb_build_object('run_id', id, 'order_id', order_id, 'gtin', gtin) AS facts
FROM runs WHERE items @> CAST(:item AS bigint)
UNION ALL
SELECT began_at, state, 1, jsonb_build_object('reason', reason, 'by', by, 'first', lower(items), 'end', upper(items))
FROM spans WHERE items @> CAST(:item AS bigint)
UNION ALL
SELECT lifted_at, 'released', 5, jsonb_build_object('from', state, 'reason', lifted_reason, 'by', lifted_by)
FROM spans WHERE items @> CAST(:item AS bigint) AND lifted_at IS NOT NULL
UNION ALL
SELECT paired_at, 'paired', 2, jsonb_build_object('by', paired_by) FROM code_pairs
WHERE caps @> CAST(:item AS bigint) AND undone_at IS NULL OR bodies @> CAST(:item AS bigint) AND undone_at IS NULL
UNION ALL
SELECT packed_at, 'packed', 2, jsonb_build_object('sscc', sscc, 'by', packed_by)
FROM unit_contents
WHERE items @> (SELECT item FROM body) AND unpacked_at IS NULL
   OR items @> (SELECT item FROM body) AND unpacked_at IS NOT NULL
UNION ALL
SELECT unpacked_at, 'unpacked', 3, jsonb_build_object('sscc', sscc, 'by', unpacked_by)
FROM unit_contents WHERE items @> (SELECT item FROM body) AND unpacked_at IS NOT NULL
UNION ALL
SELECT s.shipped_at, 'shipped', 4,
       jsonb_build_object('sscc', c.sscc, 'dealer_id', d.id, 'dealer', d.name, 'document', s.document)
FROM unit_contents c
JOIN shipment_units u ON u.sscc = c.sscc
JOIN shipments s ON s.id = u.shipment_id
JOIN dealers d ON d.id = s.dealer_id
WHERE s.shipped_at >= c.packed_at
  AND (c.items @> (SELECT item FROM body) AND c.unpacked_at IS NULL
       OR c.items @> (SELECT item FROM body) AND s.shipped_at < c.unpacked_at AND c.unpacked_at IS NOT NULL)
UNION ALL
SELECT first_seen_at, 'first_seen', 6, jsonb_build_object('region', first_seen_region, 'device', first_seen_device)
FROM items WHERE item = :item
UNION ALL
SELECT claimed_at, 'claimed', 7,
       jsonb_build_object('face', face, 'kind', kind, 'member_id', member_id, 'scan_id', scan_id)
FROM claims WHERE item = :item
ORDER BY at, turn
"""
