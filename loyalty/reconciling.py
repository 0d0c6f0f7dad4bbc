"""The channel's own list of a day against ours: every payout is one line, every line one payout.

A difference is written down once and calls a person; nothing is corrected from the bill. A line of a payout that is
still open here only makes it be asked about at once: the channel's answer decides, as always.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.dialects.postgresql import insert

from foundation import facts
from foundation.database import ReadTx, Tx
from foundation.facts import Fact
from foundation.observability import log
from loyalty import payouts
from loyalty.expiry import BRAND_ZONE
from loyalty.prize_tables import payout_bills, payout_findings
from loyalty.prize_tables import payouts as payout_rows

MIDNIGHT = timedelta(minutes=5)  # Paid so close before midnight, it may stand in the bill of the next day.


@dataclass(frozen=True, slots=True)
class BillLine:
    order_no: str
    amount_fen: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Finding:
    order_no: str
    says: str


def reconcile(tx: Tx, day: date, lines: Sequence[BillLine], *, now: datetime) -> list[Finding]:
    """Compare, mark what matches, keep what does not. The same bill again finds the same and adds nothing."""
    ours = _ours(tx, [line.order_no for line in lines])
    matched = [line.order_no for line in lines if _matches(line, ours.get(line.order_no))]
    tx.execute(update(payout_rows).where(payout_rows.c.order_no.in_(matched)).values(reconciled_at=now))
    found = [*_from_their_side(lines, ours), *_from_our_side(tx, day)]
    payouts.hurry(tx, [line.order_no for line in lines], now=now)
    row = {"lines": len(lines), "amount_fen": sum(line.amount_fen for line in lines), "findings": len(found)}
    kept = insert(payout_bills).values(day=day, reconciled_at=now, **row)
    tx.execute(kept.on_conflict_do_update(index_elements=["day"], set_=row | {"reconciled_at": now}))
    _keep(tx, day, found, now=now)
    return found


def is_reconciled(tx: ReadTx, day: date) -> bool:
    return tx.execute(select(payout_bills.c.day).where(payout_bills.c.day == day)).first() is not None


def bills(tx: ReadTx, *, limit: int = 31) -> list[Row[Any]]:
    """The newest days compared: lines, amount_fen and findings of each."""
    return list(tx.execute(select(payout_bills).order_by(payout_bills.c.day.desc()).limit(limit)).all())


def findings(tx: ReadTx, *, limit: int = 200) -> list[Row[Any]]:
    """What differed, newest first: day, order_no, says."""
    return list(tx.execute(select(payout_findings).order_by(payout_findings.c.id.desc()).limit(limit)).all())


def _ours(tx: ReadTx, order_nos: Sequence[str]) -> dict[str, Row[Any]]:
    rows = tx.execute(select(payout_rows).where(payout_rows.c.order_no.in_(order_nos)))
    return {row.order_no: row for row in rows}


def _matches(line: BillLine, row: Row[Any] | None) -> bool:
    return row is not None and row.state == "paid" and row.amount_fen == line.amount_fen


def _from_their_side(lines: Sequence[BillLine], ours: dict[str, Row[Any]]) -> Iterator[Finding]:
    for order_no, times in Counter(line.order_no for line in lines).items():
        if times > 1:
            yield Finding(order_no, f"the channel paid it {times} times")
    for line in lines:
        row = ours.get(line.order_no)
        if row is None:
            yield Finding(line.order_no, f"the channel paid {line.amount_fen} fen under a number that is not ours")
        elif row.amount_fen != line.amount_fen:
            yield Finding(line.order_no, f"the channel paid {line.amount_fen} fen, not {row.amount_fen}")
        elif row.state in ("failed", "cancelled"):
            yield Finding(line.order_no, f"the channel paid what is {row.state} here")


def _from_our_side(tx: ReadTx, day: date) -> Iterator[Finding]:
    ends = datetime.combine(day + timedelta(days=1), time(), BRAND_ZONE) - MIDNIGHT
    missing = select(payout_rows.c.order_no, payout_rows.c.amount_fen).where(
        payout_rows.c.paid_at >= ends - timedelta(days=1), payout_rows.c.paid_at < ends,
        payout_rows.c.reconciled_at.is_(None),
    )  # fmt: skip
    for order_no, amount_fen in tx.execute(missing.order_by(payout_rows.c.order_no)):
        yield Finding(order_no, f"{amount_fen} fen paid here are not in the channel's bill")


def _keep(tx: Tx, day: date, found: Sequence[Finding], *, now: datetime) -> None:
    if not found:
        return
    rows = [{"day": day, "order_no": one.order_no, "says": one.says, "at": now} for one in found]
    tx.execute(insert(payout_findings).values(rows).on_conflict_do_nothing())
    body = {"day": day.isoformat(), "findings": len(found)}
    facts.announce(tx, [Fact("payouts.differ", f"bill:{day}", body)], now=now)
    log(__name__).error("the channel's bill differs from the payouts", day=day.isoformat(), findings=len(found))
