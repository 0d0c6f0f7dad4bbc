"""The ledger: points are positive integers that move from a source to a target; nothing is ever rewritten.

Every function takes a batch and works in one order: keys (idempotency), then balances in account order with due lots
lapsed, then decisions in the order given, then one statement that writes all. A refusal (too few points, wrong state)
is an outcome and is stored under its key. This is the one door: what belongs to holds is in `holding`, undoing in
`reversing`, the audit in `invariants`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from foundation.database import Tx
from foundation.errors import BadRequest
from loyalty import expiry
from loyalty.accounts import LOTTED, Account, Party
from loyalty.books import About, Books, open_books
from loyalty.holding import hold, holds_of, settle, sweep, void_hold
from loyalty.idempotency import Key, input_hash
from loyalty.invariants import check_invariants
from loyalty.outcomes import Outcome, claimed
from loyalty.reversing import Reversal, reverse

__all__ = [
    "Outcome",
    "Post",
    "Reversal",
    "check_invariants",
    "expire",
    "hold",
    "holds_of",
    "post",
    "reverse",
    "settle",
    "sweep",
    "void_hold",
]
MOST = 10**15  # Of one transfer: a thousand of these still fit a bigint.


@dataclass(frozen=True, slots=True)
class Post:
    """Points to move now. `expiry` (see expiry.py) is the policy of the lot a spendable credit makes."""

    key: Key
    kind: str  # award, burn, adjust
    source: Party
    target: Party
    amount: int
    reason: str
    expiry: str = "never"
    asset: str = "points"
    correlation_id: UUID | None = None
    event_at: datetime | None = None
    group: str = ""  # Posts of one batch with the same group stand or fall together.

    def hash(self) -> bytes:
        """What the request means; when it happened is left out, and no group is not mentioned."""
        return input_hash(
            kind=self.kind,
            source=self.source,
            target=self.target,
            amount=self.amount,
            reason=self.reason,
            expiry=self.expiry,
            asset=self.asset,
            correlation=self.correlation_id,
            **({"group": self.group} if self.group else {}),
        )


def post(tx: Tx, posts: Sequence[Post], *, now: datetime) -> list[Outcome]:
    """Move points, in the order given; outcomes in the same order. Raises BadRequest for what is no transfer at all."""
    for one in posts:
        check(one)
    answers = claimed(tx, posts, now=now)
    fresh = answers.fresh(posts)
    parties = {party for one in fresh for party in (one.source, one.target) if isinstance(party, Account)}
    spenders = {one.source for one in fresh if isinstance(one.source, Account)}
    books = open_books(tx, parties, burning=spenders, assets={one.asset for one in fresh}, now=now)
    groups: dict[str, bool] = {}
    outcomes = answers.decide(posts, lambda one: enter(books, one) if holds_up(books, one, fresh, groups) else FALLEN)
    books.write(tx)
    answers.keep(tx)
    return outcomes


FALLEN = Outcome("refused", "group-refused")


def holds_up(books: Books, one: Post, fresh: Sequence[Post], groups: dict[str, bool]) -> bool:
    """Whether the whole group of a post can be afforded, asked once, when its first post comes up.

    What a post of the group brings in may be spent by a later one of it.
    """
    if not one.group:
        return True
    if one.group not in groups:
        together = [other for other in fresh if other.group == one.group]
        left: dict[Account, int] = {}
        groups[one.group] = all(_afford(books, left, other) for other in together)
    return groups[one.group]


def _afford(books: Books, left: dict[Account, int], one: Post) -> bool:
    for party, amount in ((one.source, -one.amount), (one.target, one.amount)):
        if isinstance(party, Account):
            left[party] = left.get(party, books.balances[party].available) + amount
            if amount < 0 and left[party] < 0:
                return False
    return True


def check(one: Post) -> None:
    if not 0 < one.amount <= MOST:
        raise BadRequest(f"Move a whole number of points from 1 to {MOST}, not {one.amount}.")
    if one.source == one.target:
        raise BadRequest("Move points between two different accounts.")
    expiry.expires_at(one.expiry, one.event_at or datetime.max.replace(year=9000, tzinfo=expiry.BRAND_ZONE))


def enter(books: Books, one: Post) -> Outcome:
    """One transfer into the open books, or the reason why not."""
    about = About(one.reason, one.correlation_id, event_at=one.event_at)
    if isinstance(one.source, Account) and books.available(one.source) < one.amount:
        return Outcome("refused", "too-few-points", amount=one.amount)
    lapses = expiry.expires_at(one.expiry, books.now)
    if isinstance(one.target, Account) and one.target.kind in LOTTED:
        if isinstance(one.source, Account) and one.source.kind in LOTTED:
            raise BadRequest("Move spendable points between members as a burn and an award.")
        transfer_id = books.credit(one.kind, one.source, one.target, one.amount, about, expires_at=lapses)
    elif isinstance(one.source, Account) and one.source.kind in LOTTED:
        transfer_id = books.burn(one.kind, one.source, one.target, one.amount, about)
    else:
        transfer_id = books.move(one.kind, one.source, one.target, one.amount, about, asset=one.asset)
    return Outcome("posted", transfer_id=transfer_id, amount=one.amount)


DUE = text("""
SELECT DISTINCT a.kind, a.owner_ref, a.asset, a.id
FROM (SELECT account_id FROM lots WHERE remaining > 0 AND expires_at <= :now ORDER BY expires_at LIMIT :limit) AS due
JOIN accounts a ON a.id = due.account_id ORDER BY a.id
""")


def expire(tx: Tx, *, now: datetime, limit: int = 1000) -> int:
    """Lapse up to `limit` lots that are due, the nightly sweep; how many points. 0: nothing is due."""
    due = [Account(kind, owner, asset) for kind, owner, asset, _ in tx.execute(DUE, {"now": now, "limit": limit})]
    if not due:
        return 0
    books = open_books(tx, due, burning=due, now=now)
    books.write(tx)
    return books.lapsed
