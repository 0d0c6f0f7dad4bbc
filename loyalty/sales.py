"""A consumer's scan is a sale of the store that has the case: it, its assistant and its dealer are rewarded, once.

    follow leaves a row of a certain scan ──> waiting ── sweep ──> counted: paid, or unpaid with the reason
Away from the scan's path, and in transactions of its own: what it locks is the trade's. The store is the one to which
the case was delivered, or whose people opened it, before the scan; opening a case later earns for later sales only.

| unpaid           | why the store gets nothing                                                              |
| ---------------- | --------------------------------------------------------------------------------------- |
| no-store         | nobody opened the case, or the store is closed                                          |
| own-scan         | the buyer works there, or the phone opened cases there: no rebate for the dealer either |
| withdrawn        | the consumer's points were taken back meanwhile: no rebate either                       |
| capped           | the store has had its points of the day                                                 |
| budget-exhausted | the brand's budget is spent                                                             |
| no-terms         | nothing was promised then                                                               |
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text

from foundation.bulk import Write, record_set, write_all
from foundation.database import Tx
from loyalty import trade_terms
from loyalty.idempotency import Key
from loyalty.trade_rewards import Due, Paid, pay
from loyalty.trade_terms import Terms


def note(tx: Tx, scans: Sequence[Row[Any]]) -> None:
    """Leave a sale for each certain scan of a packed item, where its brand promises the trade something."""
    rows = [
        {"item": row.item, "scan_id": row.scan_id, "buyer": row.member_id, "brand_id": row.brand_id,
         "dealer_id": row.dealer_id, "sscc": row.sscc, "at": row.at}
        for row in sorted(scans, key=lambda row: row.item or 0) if row.sscc is not None
    ]  # fmt: skip
    write_all(tx, [Write("noted", _NOTED, rows)])


_SALE = "item bigint, scan_id uuid, buyer uuid, brand_id bigint, dealer_id bigint, sscc text, at timestamptz"
_NOTED = f"""
INSERT INTO sales (item, scan_id, buyer, brand_id, dealer_id, sscc, at, state, points, assistant_points, rebate_fen,
    unpaid)
SELECT noted_rows.*, 'waiting', 0, 0, 0, '' FROM {record_set("noted", _SALE)}
WHERE brand_id IN (SELECT brand_id FROM trade_terms WHERE state = 'published')
ON CONFLICT DO NOTHING RETURNING 1
"""  # noqa: S608


def sweep(tx: Tx, *, now: datetime, limit: int = 500) -> int:
    """Reward what waits, in item order; how many sales. Two sweepers share the work."""
    rows = tx.execute(_WAITING, {"limit": limit}).all()
    terms = trade_terms.at_each(tx, {(row.brand_id, row.at) for row in rows})
    dues = [_due(row, terms.get((row.brand_id, row.at))) for row in rows]
    paid = dict(zip([one.key for one in dues if one], pay(tx, [one for one in dues if one], now=now), strict=True))
    counted = [
        _counted(row, paid[one.key] if one else Paid(unpaid="no-terms")) for row, one in zip(rows, dues, strict=True)
    ]
    write_all(tx, [Write("sales_counted", _COUNTED, counted, len(counted))])
    return len(rows)


# A phone is known by the receipt of its scan; whether the consumer's own points still stand, by what reversed them.
_WAITING = text("""
SELECT s.item, s.scan_id, s.brand_id, s.dealer_id, s.at, p.id AS partner_id, p.dealer_id AS store_dealer, a.member_id
    AS assistant,
    EXISTS (SELECT FROM trade_people w WHERE w.partner_id = p.id AND w.member_id = s.buyer AND w.since <= s.at
            AND (w.until IS NULL OR w.until > s.at))
    OR EXISTS (SELECT FROM receipts r JOIN case_openings o ON o.device = r.facts ->> 'device'
               WHERE r.id = s.scan_id AND o.partner_id = p.id AND o.state = 'opened') AS is_own,
    EXISTS (SELECT FROM transfers t JOIN transfers u ON u.reverses = t.id
            WHERE t.correlation_id = s.scan_id AND t.kind IN ('award', 'settle')) AS is_withdrawn
FROM sales s
LEFT JOIN shop_units u ON u.sscc = s.sscc AND u.since <= s.at
LEFT JOIN trade_partners p ON p.id = u.partner_id AND p.state = 'approved'
LEFT JOIN trade_people a ON a.partner_id = p.id AND a.member_id = u.opened_by AND a.role = 'assistant'
    AND a.state = 'bound'
WHERE s.state = 'waiting' ORDER BY s.item LIMIT :limit FOR UPDATE OF s SKIP LOCKED
""")


def _due(row: Row[Any], terms: Terms | None) -> Due | None:
    if terms is None:
        return None
    why = "withdrawn" if row.is_withdrawn else "own-scan" if row.is_own else "" if row.partner_id else "no-store"
    counts = why in ("", "no-store")
    return Due(
        Key("sale", str(row.item)), row.scan_id, "shop-sale", terms, row.partner_id if not why else None, row.assistant,
        terms.promise.sale_points if not why else 0, row.dealer_id, terms.promise.sale_rebate_fen if counts else 0,
        row.at, why,
    )  # fmt: skip


def _counted(row: Row[Any], paid: Paid) -> dict[str, object]:
    return {
        "item": row.item, "partner_id": row.partner_id, "points": paid.points,
        "assistant_points": paid.assistant_points, "rebate_fen": paid.rebate_fen, "unpaid": paid.unpaid,
    }  # fmt: skip


_COUNTED_COLUMNS = (
    "item bigint, partner_id bigint, points bigint, assistant_points bigint, rebate_fen bigint, unpaid text"
)
_COUNTED = f"""
UPDATE sales s SET state = 'counted', partner_id = c.partner_id, points = c.points,
    assistant_points = c.assistant_points, rebate_fen = c.rebate_fen, unpaid = c.unpaid
FROM {record_set("sales_counted", _COUNTED_COLUMNS).replace("sales_counted_rows", "c")}
WHERE s.item = c.item RETURNING 1
"""  # noqa: S608
