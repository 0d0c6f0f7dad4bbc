"""What the trade is paid: points for a case opened and a bottle sold, a share for the assistant, rebates for dealers.

A version is drafted with its two budgets (points, and fen for rebates) and published by another person; it never
changes, and the version in force when something happened applies, even if it is handled later.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, insert, select, update

from foundation import audit
from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest, Conflict, NotFound
from loyalty import budgets, expiry
from loyalty.tables import campaign_ids
from loyalty.trade_tables import trade_terms

REBATE = "cash_fen"  # The asset of rebates.
MOST = 10**9


class TermsMoved(Conflict):
    """The terms are not in the state this needs, or need another person."""

    type = "terms-moved"


@dataclass(frozen=True, slots=True)
class Promise:
    """Points a case and a sale, of which the assistant gets `assistant_percent`; fen of rebate a case and a sale.

    store_day_points: the most a store earns a day, 0 for no limit. A month's rebate matures mature_days after its end.
    """

    case_points: int = 0
    sale_points: int = 0
    assistant_percent: int = 0
    store_day_points: int = 0
    case_rebate_fen: int = 0
    sale_rebate_fen: int = 0
    mature_days: int = 15


@dataclass(frozen=True, slots=True)
class Terms:
    id: int
    brand_id: int
    state: str
    promise: Promise
    points_budget_id: int
    rebate_budget_id: int
    drafted_by: str
    approved_by: str | None
    in_force_from: datetime | None
    in_force_until: datetime | None

    def matures_at(self, at: datetime) -> datetime:
        """When a rebate that accrued at `at` is paid: days after the end of its month, at the brand's midnight."""
        end_of_month = expiry.expires_at("month_end:0", at)
        assert end_of_month is not None
        return end_of_month + timedelta(days=self.promise.mature_days)


def draft(
    tx: Tx, promise: Promise, *, brand_id: int, budget_points: int, budget_fen: int, by: str, now: datetime
) -> Terms:
    """Terms nobody is paid by yet. Raises BadRequest naming the part that is wrong."""
    for name in Promise.__dataclass_fields__:
        value, most = getattr(promise, name), {"assistant_percent": 100, "mature_days": 3660}.get(name, MOST)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
            raise BadRequest(f"{name}: give a whole number from 0 to {most:,}.")
    if not any((promise.case_points, promise.sale_points, promise.case_rebate_fen, promise.sale_rebate_fen)):
        raise BadRequest("Promise something: points or a rebate, for a case or a sale.")
    points = budgets.add_budget(tx, name="trade points", total=budget_points, now=now)
    rebate = budgets.add_budget(tx, name="trade rebates", total=budget_fen, asset=REBATE, now=now)
    row = {name: getattr(promise, name) for name in Promise.__dataclass_fields__}
    terms_id = tx.execute(select(campaign_ids.next_value())).scalar_one()
    tx.execute(
        insert(trade_terms).values(
            **row, id=terms_id, brand_id=brand_id, state="draft", points_budget_id=points.id,
            rebate_budget_id=rebate.id, drafted_by=by, created_at=now,
        )
    )  # fmt: skip
    audit.record(tx, actor=by, action="trade.draft-terms", subject=f"terms:{terms_id}", after=row, now=now)
    return get(tx, terms_id)


def publish(tx: Tx, terms_id: int, *, by: str, now: datetime) -> Terms:
    """Another person puts them in force; those before end now. Raises TermsMoved, NotFound."""
    one = get(tx, terms_id)
    if one.drafted_by == by:
        raise TermsMoved("Another person has to approve these terms: they spend money.")
    before = update(trade_terms).where(trade_terms.c.brand_id == one.brand_id, trade_terms.c.state == "published")
    tx.execute(before.values(state="retired", in_force_until=now))
    this = update(trade_terms).where(trade_terms.c.id == terms_id, trade_terms.c.state == "draft")
    if not tx.execute(this.values(state="published", approved_by=by, in_force_from=now)).rowcount:
        raise TermsMoved(f"Terms {terms_id} are no draft any more.")
    audit.record(tx, actor=by, action="trade.publish-terms", subject=f"terms:{terms_id}", now=now)
    return get(tx, terms_id)


def at(tx: ReadTx, brand_id: int, when: datetime) -> Terms | None:
    """Those in force then."""
    return at_each(tx, {(brand_id, when)}).get((brand_id, when))


def at_each(tx: ReadTx, asked: Collection[tuple[int, datetime]]) -> dict[tuple[int, datetime], Terms]:
    """Those in force for each brand at each time; a brand without is missing. A brand has few terms in its life."""
    these = trade_terms.c.brand_id.in_({brand_id for brand_id, _ in asked}) & trade_terms.c.in_force_from.isnot(None)
    rows = tx.execute(select(trade_terms).where(these).order_by(trade_terms.c.id)).all()
    found = {
        (brand_id, when): row
        for brand_id, when in asked for row in rows
        if row.brand_id == brand_id and row.in_force_from <= when
        and (row.in_force_until is None or row.in_force_until > when)
    }  # fmt: skip
    return {which: _terms(row) for which, row in found.items()}


def get(tx: ReadTx, terms_id: int) -> Terms:
    """Raises NotFound."""
    row = tx.execute(select(trade_terms).where(trade_terms.c.id == terms_id)).first()
    if row is None:
        raise NotFound(f"There are no terms {terms_id}.")
    return _terms(row)


def every(tx: ReadTx, ids: Sequence[int] | None = None) -> list[Terms]:
    """Newest first; of these ids, or all."""
    query = select(trade_terms).order_by(trade_terms.c.id.desc())
    return [_terms(row) for row in tx.execute(query if ids is None else query.where(trade_terms.c.id.in_(ids)))]


def _terms(row: Row[Any]) -> Terms:
    promise = Promise(**{name: getattr(row, name) for name in Promise.__dataclass_fields__})
    return Terms(
        row.id, row.brand_id, row.state, promise, row.points_budget_id, row.rebate_budget_id, row.drafted_by,
        row.approved_by, row.in_force_from, row.in_force_until,
    )  # fmt: skip
