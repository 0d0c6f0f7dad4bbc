"""Budgets are spent through leases: one contended update per thousands of points, and never a point too many.

A database session leases a part of what is left (`granted` grows, no further than `total`), then spends its own lease
row by a guarded decrement in the transaction of the award. Sessions, because batches side by side would queue for one
lease, and because the database knows which of them live: what a killed process held goes back at the next need. A lease
that expired is refused to its owner and swept back.

    granted = sum of leases' amounts = spent + unspent in open leases     (I15)
    points that left the budget's account = sum of amount - remaining     (I6)

An *allowance* is a budget without an account: it counts what a cap that everyone shares lets through.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import accumulate
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, insert, select, text, update

from foundation.bulk import Write, record_set
from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest, Conflict, NotFound
from loyalty.tables import accounts, budgets

LEASE = timedelta(minutes=10)
MOST = 1_000_000  # Points of one lease.
SHARES = 4 * 4  # k times the processes expected: leases shrink as the budget drains, down to what is wanted now.


@dataclass(frozen=True, slots=True)
class Budget:
    id: int
    name: str
    account_id: int
    total: int
    granted: int


def session(tx: Tx) -> str:
    """Who leases: this database session, by a name no later one will have."""
    name: str | None = tx.info.get("lease owner")
    if name is None:
        name = tx.info["lease owner"] = str(
            tx.execute(text(f"SELECT {SESSION} WHERE a.pid = pg_backend_pid()")).scalar()
        )
    return name


SESSION = "'session ' || a.pid || ' ' || extract(epoch FROM a.backend_start) FROM pg_stat_activity a"


def add_budget(tx: Tx, *, name: str, total: int, asset: str = "points", now: datetime) -> Budget:
    if total <= 0:
        raise BadRequest("Give the budget at least one point.")
    budget_id = tx.execute(text("SELECT nextval(pg_get_serial_sequence('budgets', 'id'))")).scalar_one()
    account_id = tx.execute(
        insert(accounts)
        .values(kind="budget", asset=asset, owner_ref=f"budget {budget_id}", created_at=now)
        .returning(accounts.c.id)
    ).scalar_one()
    row = {"id": budget_id, "name": name, "account_id": account_id, "total": total, "granted": 0, "created_at": now}
    tx.execute(text(ADD), row)
    return Budget(budget_id, name, account_id, total, 0)


ADD = """
INSERT INTO budgets (id, name, account_id, total, granted, created_at) OVERRIDING SYSTEM VALUE
VALUES (:id, :name, :account_id, :total, :granted, :created_at)
"""


def budget(tx: ReadTx, budget_id: int) -> Budget:
    row = tx.execute(select(budgets).where(budgets.c.id == budget_id)).one_or_none()
    if row is None:
        raise NotFound(f"There is no budget {budget_id}.")
    return Budget(row.id, row.name, row.account_id, row.total, row.granted)


def accounts_of(tx: ReadTx, ids: Iterable[int]) -> dict[int, int]:
    """budget id -> the account its points leave."""
    rows = tx.execute(select(budgets.c.id, budgets.c.account_id).where(budgets.c.id.in_(sorted(set(ids)))))
    return {row.id: row.account_id for row in rows}


def resize(tx: Tx, budget_id: int, total: int) -> None:
    """Another total for a budget nobody spends from yet. Raises BadRequest, Conflict."""
    if total <= 0:
        raise BadRequest("Give the budget at least one point.")
    unspent = update(budgets).where(budgets.c.id == budget_id, budgets.c.granted == 0)
    if not tx.execute(unspent.values(total=total)).rowcount:
        raise Conflict(f"Budget {budget_id} is being spent already; its total stays.")


SPEND = text("""
UPDATE budget_leases SET remaining = remaining - :amount
WHERE budget_id = :budget AND owner = :owner AND open AND remaining >= :amount AND expires_at > :now
""")


# The session's leases of several budgets, locked, as the first part of a larger statement.
LEASED = f"""leased AS MATERIALIZED (
    SELECT l.budget_id, l.remaining FROM {record_set("funds", "budget bigint")}
    JOIN budget_leases l ON l.budget_id = funds_rows.budget AND l.owner = :owner AND l.open
    WHERE l.expires_at > :now ORDER BY l.budget_id FOR UPDATE OF l
)"""  # noqa: S608


@dataclass(slots=True)
class Purse:
    """The leases one transaction has locked, spent in memory and written once; renewed when one is short.

    coming: how many more awards the batch may still make, so that a renewal asks once for all of them. funds: the
    budgets it may spend from. Which lease is short first differs from batch to batch, so the first renewal locks all of
    them in id order, as everybody does.
    """

    tx: Tx
    owner: str
    now: datetime
    left: dict[int, int]
    coming: int = 1
    funds: frozenset[int] = frozenset()
    spent: Counter[int] = field(default_factory=Counter)
    dry: set[int] = field(default_factory=set)
    is_ordered: bool = False

    def spend(self, budget_id: int, amount: int) -> bool:
        """False: the budget does not cover it."""
        if self.left.get(budget_id, 0) < amount and budget_id not in self.dry:
            self._renew(budget_id, amount * self.coming)
            if self.left[budget_id] < amount:
                self.dry.add(budget_id)  # Smaller awards may still fit; nobody asks the budget again in this batch.
        if self.left.get(budget_id, 0) < amount:
            return False
        self.left[budget_id] -= amount
        self.spent[budget_id] += amount
        return True

    def give_back(self, budget_id: int, amount: int) -> None:
        self.left[budget_id] += amount
        self.spent[budget_id] -= amount

    def writing(self) -> Write:
        rows = [
            {"budget": budget_id, "owner": self.owner, "amount": amount}
            for budget_id, amount in sorted(self.spent.items())
            if amount
        ]
        return Write("leases_spent", _SPENT, rows, len(rows))

    def _renew(self, budget_id: int, wanted: int) -> None:
        if not self.is_ordered and len(self.funds) > 1:
            self.tx.execute(IN_ORDER, {"budgets": sorted(self.funds)})
        self.is_ordered = True
        if spent := self.spent.pop(budget_id, 0):
            where = {"budget": budget_id, "owner": self.owner, "now": self.now, "amount": spent}
            assert self.tx.execute(SPEND, where).rowcount, "the lease is locked"
        self.left[budget_id] = lease(self.tx, budget_id, wanted=wanted, now=self.now, owner=self.owner)


_SPENT = f"""
UPDATE budget_leases l SET remaining = l.remaining - leases_spent_rows.amount
FROM {record_set("leases_spent", "budget bigint, owner text, amount bigint")}
WHERE l.budget_id = leases_spent_rows.budget AND l.owner = leases_spent_rows.owner AND l.open
  AND l.remaining >= leases_spent_rows.amount RETURNING 1
"""  # noqa: S608

_allowances: MutableMapping[Engine, dict[tuple[str, int], int]] = WeakKeyDictionary()


def allowances(tx: Tx, wanted: Mapping[str, int], *, now: datetime) -> dict[str, int]:
    """purpose -> budget id of the allowances with these totals; made, or raised to the total, where need be."""
    known = _allowances.setdefault(tx.engine, {})
    found = {purpose: known[purpose, total] for purpose, total in wanted.items() if (purpose, total) in known}
    if missing := sorted(set(wanted) - set(found)):
        totals = {"purposes": missing, "totals": [wanted[one] for one in missing]}
        for row in tx.execute(_ALLOWED, totals).all():
            found[row.purpose] = row.id
            if len(known) > _REMEMBERED:
                known.clear()
            known[row.purpose, wanted[row.purpose]] = row.id
        for purpose in sorted(set(missing) - set(found)):
            # Not remembered: this transaction may still roll back.
            allowance = {"purpose": purpose, "total": wanted[purpose], "now": now}
            found[purpose] = tx.execute(_ALLOW, allowance).scalar_one()
    return found


_REMEMBERED = 10_000
_ALLOWED = text("""
SELECT b.id, b.purpose FROM unnest(CAST(:purposes AS text[]), CAST(:totals AS bigint[])) AS w (purpose, total)
JOIN budgets b ON b.purpose = w.purpose AND b.total >= w.total
WHERE b.xmin::text <> coalesce(pg_current_xact_id_if_assigned()::xid::text, '')
""")
_ALLOW = text("""
INSERT INTO budgets (name, purpose, total, granted, created_at) VALUES ('cap', :purpose, :total, 0, :now)
ON CONFLICT (purpose) WHERE purpose IS NOT NULL DO UPDATE SET total = greatest(budgets.total, excluded.total)
RETURNING id
""")


def spend(tx: Tx, budget_id: int, amounts: Sequence[int], *, now: datetime, owner: str | None = None) -> int:
    """Spend for awards of these points, in order; how many of them the budget still covers.

    Once a budget and transaction, budgets in id order: the owner's lease stays locked until the commit.
    """
    owner = owner or session(tx)
    where = {"budget": budget_id, "owner": owner, "now": now}
    if tx.execute(SPEND, where | {"amount": sum(amounts)}).rowcount:
        return len(amounts)
    there = lease(tx, budget_id, wanted=sum(amounts), now=now, owner=owner)
    sums = list(accumulate(amounts))
    covered = bisect_right(sums, there)
    if covered:
        assert tx.execute(SPEND, where | {"amount": sums[covered - 1]}).rowcount
    return covered


def give_back(tx: Tx, budget_id: int, amount: int, *, owner: str | None = None) -> None:
    """Unspend what this transaction spent too much of."""
    tx.execute(GIVE_BACK, {"budget": budget_id, "owner": owner or session(tx), "amount": amount})


GIVE_BACK = text("""
UPDATE budget_leases SET remaining = remaining + :amount WHERE budget_id = :budget AND owner = :owner AND open
""")

CLOSE = text(f"""
WITH own AS (
    SELECT id, remaining FROM budget_leases WHERE budget_id = :budget AND open AND owner = :owner FOR UPDATE
), expired AS (
    SELECT id, remaining FROM budget_leases WHERE budget_id = :budget AND open AND owner <> :owner
        AND (expires_at <= :now OR owner LIKE 'session %' AND owner NOT IN (SELECT {SESSION}))
        ORDER BY id FOR UPDATE SKIP LOCKED  -- Its owner may be spending it right now.
), closing AS (
    SELECT * FROM own UNION ALL SELECT * FROM expired
), closed AS (
    UPDATE budget_leases l SET open = false, amount = l.amount - c.remaining, remaining = 0
    FROM closing c WHERE l.id = c.id
)
SELECT coalesce(sum(remaining), 0) FROM closing
""")  # noqa: S608

CLOSE_RESTING = text("""
WITH resting AS (
    SELECT id, remaining FROM budget_leases WHERE budget_id = :budget AND open ORDER BY id FOR UPDATE SKIP LOCKED
), closed AS (
    UPDATE budget_leases l SET open = false, amount = l.amount - r.remaining, remaining = 0
    FROM resting r WHERE l.id = r.id
)
SELECT coalesce(sum(remaining), 0) FROM resting
""")

IN_ORDER = text("SELECT id FROM budgets WHERE id = ANY (:budgets) ORDER BY id FOR UPDATE")
LEFT = text("SELECT total - granted FROM budgets WHERE id = :budget FOR UPDATE")
GRANT = text("UPDATE budgets SET granted = granted + :change WHERE id = :budget")
OPEN = text("""
INSERT INTO budget_leases (budget_id, owner, amount, remaining, open, expires_at)
VALUES (:budget, :owner, :amount, :amount, true, :expires_at)
""")


def lease(tx: Tx, budget_id: int, *, wanted: int, now: datetime, owner: str) -> int:
    """A new lease for `owner` in place of its old one; how many points it holds. 0: nothing is left to lease."""
    left = tx.execute(LEFT, {"budget": budget_id}).scalar_one()
    returned = int(tx.execute(CLOSE, {"budget": budget_id, "owner": owner, "now": now}).scalar_one())
    left += returned
    if left < wanted:  # The last points: also those that a session which rests now has leased.
        rest = int(tx.execute(CLOSE_RESTING, {"budget": budget_id}).scalar_one())
        returned, left = returned + rest, left + rest
    size = min(left, max(wanted, min(left // SHARES, MOST)))
    tx.execute(GRANT, {"budget": budget_id, "change": size - returned})
    if size:
        tx.execute(OPEN, {"budget": budget_id, "owner": owner, "amount": size, "expires_at": now + LEASE})
    return int(size)


def sweep(tx: Tx, *, now: datetime) -> int:
    """Close expired leases and return what they hold; how many points came back."""
    expired = text("SELECT DISTINCT budget_id FROM budget_leases WHERE open AND expires_at <= :now ORDER BY budget_id")
    total = 0
    for (budget_id,) in tx.execute(expired, {"now": now}).all():
        tx.execute(LEFT, {"budget": budget_id})  # The budget's lock comes first, as in lease().
        returned = int(tx.execute(CLOSE, {"budget": budget_id, "owner": "", "now": now}).scalar_one())
        tx.execute(GRANT, {"budget": budget_id, "change": -returned})
        total += returned
    return total
