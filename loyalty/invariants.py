"""What must be true of the books at every commit; asserted by the tests after each step and by a nightly job.

Numbers are those of the ledger's list: I1 zero sums (by the shape of a transfer; here: both ends exist and share the
asset), I2 balances, I3 lots, I5 chains, I6 and I15 budgets, I12 outcomes, I13 holds, I14 reversals. I4 is a primary
key, I7 prizes and I8 payouts, I9 to I11 belong to replay, seals and reports.
"""

from sqlalchemy import text

from foundation.database import ReadTx

# Each query finds rows that break the sentence; its first column names one.
CHECKS = {
    "I1: transfer {0} begins or ends at an account that does not exist or holds another asset": """
        SELECT t.id FROM transfers t LEFT JOIN accounts s ON s.id = t.source_id
        LEFT JOIN accounts g ON g.id = t.target_id
        WHERE s.asset IS DISTINCT FROM t.asset OR g.asset IS DISTINCT FROM t.asset""",
    "I2: the balance of account {0} is not the sum of its entries": """
        SELECT b.account_id FROM balances b LEFT JOIN entries e USING (account_id)
        GROUP BY b.account_id, b.available HAVING b.available <> coalesce(sum(e.amount), 0)""",
    "I2: the lots of account {0} do not add up to what is available": """
        SELECT b.account_id FROM balances b JOIN accounts a ON a.id = b.account_id AND a.kind IN ('member', 'trade')
        LEFT JOIN lots l ON l.account_id = b.account_id
        GROUP BY b.account_id, b.available HAVING coalesce(sum(l.remaining), 0) <> greatest(b.available, 0)""",
    "I2: what is pending or reserved on account {0} is not the sum of its open holds": """
        SELECT b.account_id FROM balances b
        JOIN accounts a ON a.id = b.account_id AND a.kind IN ('member_pending', 'member_reserved', 'trade_pending')
        LEFT JOIN holds h ON h.owner_ref = a.owner_ref AND h.asset = a.asset AND h.state = 'open'
            AND h.direction = CASE a.kind WHEN 'member_reserved' THEN 'spend' ELSE 'earn' END
        GROUP BY b.account_id, b.available HAVING b.available <> coalesce(sum(h.amount), 0)""",
    "I3: lot {0} gave more or less than its uses say": """
        SELECT l.id FROM lots l LEFT JOIN lot_uses u ON u.lot_id = l.id
        GROUP BY l.id HAVING l.amount - l.remaining <> coalesce(sum(u.amount), 0)""",
    "I5: the chain of account {0} has a gap or a wrong sum": """
        SELECT b.account_id FROM balances b LEFT JOIN (
            SELECT account_id, count(*) AS steps, max(version) AS last,
                   bool_and(after = before + amount AND version = nth) AS right_sums
            FROM (SELECT account_id, amount, after, version, row_number() OVER turn AS nth,
                         lag(after, 1, CAST(0 AS bigint)) OVER turn AS before
                  FROM entries WINDOW turn AS (PARTITION BY account_id ORDER BY version)) AS chains
            GROUP BY account_id) AS c USING (account_id)
        WHERE coalesce(c.steps, 0) <> b.version OR c.last IS DISTINCT FROM nullif(b.version, 0)
            OR NOT coalesce(right_sums, true)""",
    "I6: budget {0} spent other than its leases say": """
        SELECT g.id FROM budgets g
        WHERE g.account_id IS NOT NULL
          AND (SELECT coalesce(sum(amount), 0) FROM transfers WHERE source_id = g.account_id)
           <> (SELECT coalesce(sum(amount - remaining), 0) FROM budget_leases WHERE budget_id = g.id)""",
    "I15: budget {0} granted other than its leases hold, or beyond its total": """
        SELECT g.id FROM budgets g LEFT JOIN budget_leases l ON l.budget_id = g.id
        GROUP BY g.id HAVING g.granted <> coalesce(sum(l.amount), 0) OR g.granted > g.total""",
    "I12: key {0} has no outcome": "SELECT scope || ' ' || key FROM idempotency WHERE outcome IS NULL",
    "I13: hold {0} was not ended once, whole": """
        SELECT h.id FROM holds h LEFT JOIN transfers t ON t.hold_id = h.id AND t.kind IN ('settle', 'void', 'release')
        GROUP BY h.id HAVING coalesce(sum(t.amount), 0) <> CASE h.state WHEN 'open' THEN 0 ELSE h.amount END
            OR coalesce(sum(t.amount) FILTER (WHERE t.kind = 'settle'), 0) <> h.posted""",
    "I14: transfer {0} was reversed beyond its amount or other than its remainder says": """
        SELECT r.transfer_id FROM reversibles r JOIN transfers t ON t.id = r.transfer_id
        LEFT JOIN transfers u ON u.reverses = t.id
        GROUP BY r.transfer_id, r.remaining, t.amount HAVING t.amount - r.remaining <> coalesce(sum(u.amount), 0)""",
    "I7: prize pool {0} gave other than its draws say": """
        SELECT z.pool_id FROM prizes z LEFT JOIN prize_draws d USING (pool_id, place)
        GROUP BY z.pool_id, z.place, z.quantity, z.remaining HAVING z.quantity - z.remaining <> count(d.item)
        UNION ALL
        SELECT p.id FROM prize_pools p LEFT JOIN prize_draws d ON d.pool_id = p.id
        GROUP BY p.id, p.draws HAVING p.draws <> count(d.item) OR p.draws <> coalesce(max(d.nth), 0)""",
    "I8: payout {0} is not one transfer of its amount": """
        SELECT p.id FROM payouts p LEFT JOIN transfers t ON t.id = p.transfer_id
        WHERE p.state = 'paid' AND (t.amount IS DISTINCT FROM p.amount_fen OR t.asset <> 'cash_fen'
            OR t.correlation_id <> p.win_id)""",
    "I8: transfer {0} of a payout belongs to none": """
        SELECT k.transfer_id FROM idempotency k LEFT JOIN payouts p ON p.transfer_id = k.transfer_id
        WHERE k.scope = 'payout' AND p.order_no IS DISTINCT FROM k.key""",
    "I8: win {0} was paid more than once": """
        SELECT win_id FROM payouts WHERE state = 'paid' GROUP BY win_id HAVING count(*) > 1""",
}


def check_invariants(tx: ReadTx) -> list[str]:
    """One sentence for each kind of broken row, naming the first; empty: the books are true."""
    broken = []
    for sentence, query in CHECKS.items():
        # Materialised, or the planner hopes to find a first row soon and joins a million transfers row by row.
        first = tx.execute(text(f"WITH broken AS MATERIALIZED ({query}) SELECT * FROM broken LIMIT 1")).scalar()  # noqa: S608
        if first is not None:
            broken.append(sentence.format(first))
    return broken
