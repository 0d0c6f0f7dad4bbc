"""From a point back to where it came from: transfer, receipt, item, rule version, campaign; and to what undid it.

The item leads on to its case, dealer and run; those are codegen's to tell, so whoever joins both packages asks there.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text

from foundation.database import ReadTx
from foundation.errors import NotFound


@dataclass(frozen=True, slots=True)
class Lineage:
    """correlation_id: of the scan or order, whose receipt it is; item None: no item was scanned.

    reversed: amount undone so far; lots: (transfer, points) of the credits that a burn drew on.
    """

    transfer_id: UUID
    kind: str
    asset: str
    amount: int
    reason: str
    owner: str
    correlation_id: UUID | None
    trigger: str | None
    item: int | None
    sscc: str | None  # The case, and the store that had it: of what the trade earned.
    partner_id: int | None
    gtin: str | None
    run_id: int | None
    dealer_id: int | None
    campaign_id: int | None
    rule_version: int | None
    rule: Any
    reverses: UUID | None
    reversed: int
    lots: tuple[tuple[UUID, int], ...]


def lineage(tx: ReadTx, transfer_id: UUID) -> Lineage:
    """Raises NotFound."""
    row = tx.execute(_LINEAGE, {"id": transfer_id}).mappings().one_or_none()
    if row is None:
        raise NotFound("There is no such transfer.")
    lots = tuple((lot.lot_id, lot.amount) for lot in tx.execute(_LOTS, {"id": transfer_id}))
    return Lineage(**row, lots=lots)


# A settled hold has no receipt of its own transfer; the correlation is the scan's all the same.
_LINEAGE = text("""
SELECT t.id AS transfer_id, t.kind, t.asset, t.amount, t.reason, coalesce(a.owner_ref, '') AS owner, t.correlation_id,
    r.trigger, r.item, coalesce(s.sscc, o.sscc) AS sscc, coalesce(s.partner_id, o.partner_id) AS partner_id,
    r.facts ->> 'gtin' AS gtin, CAST(r.facts ->> 'run_id' AS bigint) AS run_id,
    coalesce(CAST(r.facts ->> 'dealer_id' AS bigint), s.dealer_id, o.dealer_id) AS dealer_id,
    t.campaign_id, t.rule_version, c.rule, t.reverses,
    (SELECT coalesce(CAST(sum(u.amount) AS bigint), 0) FROM transfers u WHERE u.reverses = t.id) AS reversed
FROM transfers t
LEFT JOIN receipts r ON r.id = t.correlation_id
LEFT JOIN sales s ON s.scan_id = t.correlation_id
LEFT JOIN case_openings o ON o.id = t.correlation_id
LEFT JOIN campaigns c ON c.id = t.campaign_id AND c.version = t.rule_version
LEFT JOIN accounts a ON a.id = CASE WHEN t.target_version IS NULL THEN t.source_id ELSE t.target_id END
WHERE t.id = :id
""")
_LOTS = text("SELECT lot_id, amount FROM lot_uses WHERE transfer_id = :id ORDER BY id")


@dataclass(frozen=True, slots=True)
class Origin:
    """What of a run's, campaign's or dealer's points is still there: counts before a claw-back."""

    members: int
    credited: int
    unspent: int
    pending: int
    receipts: tuple[UUID, ...]


def origin(
    tx: ReadTx, *, run_id: int | None = None, campaign_id: int | None = None, dealer_id: int | None = None
) -> Origin:
    """All that came from one source, for a dry run of `reversing.withdraw(tx, origin.receipts, …)`."""
    row = tx.execute(_ORIGIN, {"run": run_id, "campaign": campaign_id, "dealer": dealer_id}).one()
    return Origin(row.members, int(row.credited), int(row.unspent), int(row.pending), tuple(row.receipts or ()))


_ORIGIN = text("""
WITH found AS (
    SELECT r.id, r.member_id FROM receipts r
    WHERE r.points > 0
      AND (CAST(:run AS bigint) IS NULL OR CAST(r.facts ->> 'run_id' AS bigint) = :run)
      AND (CAST(:dealer AS bigint) IS NULL OR CAST(r.facts ->> 'dealer_id' AS bigint) = :dealer)
      AND (CAST(:campaign AS bigint) IS NULL OR r.outcome @> jsonb_build_object('parts',
           jsonb_build_array(jsonb_build_object('campaign_id', CAST(:campaign AS bigint)))))
), made AS (
    SELECT t.id, t.kind, t.amount FROM transfers t JOIN found f ON f.id = t.correlation_id
    WHERE t.kind IN ('award', 'settle')
)
SELECT (SELECT count(DISTINCT member_id) FROM found) AS members,
    (SELECT coalesce(sum(amount), 0) FROM made) AS credited,
    (SELECT coalesce(sum(l.remaining), 0) FROM made m JOIN lots l ON l.id = m.id) AS unspent,
    (SELECT coalesce(sum(h.amount), 0) FROM holds h JOIN found f ON f.id = h.correlation_id
     WHERE h.state = 'open' AND h.direction = 'earn') AS pending,
    (SELECT array_agg(id ORDER BY id) FROM found) AS receipts
""")
