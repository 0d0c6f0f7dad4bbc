"""Undoing: a transfer the other way, never an edit; together never more than the original.

| undone                   | way back            | lots                                          |
| ------------------------ | ------------------- | --------------------------------------------- |
| credit                   | member -> recovered | first the lot it made, then burn order        |
| burn, settled spend hold | redeemed -> member  | back to the lots it came from                 |

What the member has already spent is, by policy, left (`within_balance`: the shortfall is written off), owed
(`unlimited`, down to the floor of the balance), or nothing credited is touched at all (`only_pending`: refused, for
points that matured are the member's). A hold is not reversed but voided: `withdraw` does both for a scan or an order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, select, text

from foundation.database import Tx
from loyalty import holding
from loyalty.accounts import LOTTED, Account, System
from loyalty.books import About, Books, open_books
from loyalty.idempotency import Key, input_hash
from loyalty.outcomes import Outcome, claimed
from loyalty.tables import accounts, transfers

REVERSIBLE = ("award", "settle", "adjust", "burn")


@dataclass(frozen=True, slots=True)
class Reversal:
    """amount None: all that is left of the transfer."""

    key: Key
    transfer_id: UUID
    reason: str
    amount: int | None = None
    policy: str = "within_balance"  # or unlimited, or only_pending

    def hash(self) -> bytes:
        return input_hash(transfer=self.transfer_id, amount=self.amount, policy=self.policy, reason=self.reason)


# The row appears with the first reversal, so that awards pay nothing for it; its lock is what two reversals race for.
OPEN = text("""
INSERT INTO reversibles (transfer_id, remaining)
SELECT id, amount FROM unnest(CAST(:ids AS uuid[]), CAST(:amounts AS bigint[])) AS o (id, amount) ORDER BY id
ON CONFLICT DO NOTHING
""")
LEFT = text("""
SELECT transfer_id, remaining FROM reversibles WHERE transfer_id = ANY(CAST(:ids AS uuid[]))
ORDER BY transfer_id FOR UPDATE
""")
TAKE = text("""
UPDATE reversibles SET remaining = t.remaining FROM unnest(CAST(:ids AS uuid[]), CAST(:left AS bigint[]))
AS t (transfer_id, remaining) WHERE reversibles.transfer_id = t.transfer_id
""")


def reverse(tx: Tx, reversals: Sequence[Reversal], *, now: datetime) -> list[Outcome]:
    """Undo transfers, in the order given; the amount of an outcome is what was undone, written off included."""
    answers = claimed(tx, reversals, now=now)
    originals = load(tx, [one.transfer_id for one in answers.fresh(reversals)])
    left = lock_left(tx, originals)
    members = {owner(original) for original in originals.values()}
    books = open_books(tx, members, burning=members, now=now)
    outcomes = answers.decide(reversals, lambda one: undo(tx, books, originals, left, one))
    books.write(tx)
    if left:
        tx.execute(TAKE, {"ids": list(left), "left": list(left.values())})
    answers.keep(tx)
    return outcomes


Original = Row[tuple[object, ...]]


def load(tx: Tx, ids: Sequence[UUID]) -> dict[UUID, Original]:
    """The transfers with the spendable account they credit or debit."""
    query = (
        select(transfers, accounts.c.kind.label("owner_kind"), accounts.c.owner_ref)
        .join(accounts, accounts.c.id.in_([transfers.c.source_id, transfers.c.target_id]))
        .where(transfers.c.id.in_(ids), transfers.c.kind.in_(REVERSIBLE))
        .where(accounts.c.kind.in_(LOTTED) | ((accounts.c.kind == "member_reserved") & (transfers.c.kind == "settle")))
    )
    return {row.id: row for row in tx.execute(query)}


def owner(original: Original) -> Account:
    kind = "member" if original.owner_kind == "member_reserved" else original.owner_kind
    return Account(kind, original.owner_ref, original.asset)


def lock_left(tx: Tx, originals: dict[UUID, Original]) -> dict[UUID, int]:
    """What of each transfer has not been undone yet, locked."""
    if not originals:
        return {}
    ids = list(originals)
    tx.execute(OPEN, {"ids": ids, "amounts": [originals[one].amount for one in ids]})
    return {row.transfer_id: row.remaining for row in tx.execute(LEFT, {"ids": ids})}


def undo(tx: Tx, books: Books, originals: dict[UUID, Original], left: dict[UUID, int], one: Reversal) -> Outcome:
    """One transfer back into the open books, or the reason why not."""
    original = originals.get(one.transfer_id)
    if original is None:
        return Outcome("refused", "not-reversible")
    amount = left[original.id] if one.amount is None else one.amount
    if not 0 < amount <= left[original.id]:
        return Outcome("refused", "already-reversed" if left[original.id] == 0 else "more-than-is-left", amount=amount)
    left[original.id] -= amount
    about = About(
        one.reason, original.correlation_id, original.campaign_id, original.rule_version, reverses=original.id
    )
    account = owner(original)
    spent_by_hold = original.owner_kind == "member_reserved"
    if spent_by_hold or original.source_id == books.balances[account].id:
        drawn = books.drawn(tx, original.hold_id if spent_by_hold else original.id, original.id)
        transfer_id = books.give_back("return", original.target_id, account, drawn, amount, about)
        return Outcome("posted", transfer_id=transfer_id, amount=amount)
    if one.policy == "only_pending":
        left[original.id] += amount
        return Outcome("refused", "not-pending", amount=amount)
    return claw_back(books, account, original, amount, about, one.policy)


def withdraw(
    tx: Tx, correlation_ids: Sequence[UUID], *, reason: str, policy: str = "within_balance", now: datetime
) -> dict[UUID, int]:
    """Take back what scans or orders earned: open holds are voided, credits reversed by `policy`.

    Returns the member's points per id; what a store, its assistant and a dealer earned by the same scan goes with them.
    """
    taken = dict.fromkeys(correlation_ids, 0)
    of_members = {hold_id for ids in holding.holds_of(tx, correlation_ids).values() for hold_id in ids}
    found = holding.holds_of(tx, correlation_ids, of_partners=True)
    opened = {hold_id: of for of, ids in found.items() for hold_id in ids}
    for hold_id, outcome in holding.void_hold(tx, sorted(opened), reason=reason, now=now).items():
        taken[opened[hold_id]] += outcome.amount if outcome.state == "posted" and hold_id in of_members else 0
    made = tx.execute(CREDITED, {"ids": list(correlation_ids)}).all()
    wanted = [Reversal(Key("withdraw", f"{row.id} {policy}"), row.id, reason, policy=policy) for row in made]
    for row, outcome in zip(made, reverse(tx, wanted, now=now), strict=True):
        if row.is_members and outcome.state == "posted" and not outcome.replay:
            taken[row.correlation_id] += outcome.amount
    return taken


CREDITED = text("""
SELECT t.id, t.correlation_id, a.kind = 'member' AS is_members FROM transfers t JOIN accounts a ON a.id = t.target_id
WHERE t.correlation_id = ANY(CAST(:ids AS uuid[])) AND t.kind IN ('award', 'settle') ORDER BY t.id
""")


def claw_back(books: Books, account: Account, original: Original, amount: int, about: About, policy: str) -> Outcome:
    there = books.room(account) if policy == "unlimited" else books.available(account)
    clawed = min(amount, max(0, there))
    made: UUID | None = None
    if clawed:
        made = books.burn("reverse", account, System.RECOVERED, clawed, about, first=original.id)
    if spent := amount - clawed:
        written = books.move("write_off", System.WRITTEN_OFF, System.RECOVERED, spent, about, asset=original.asset)
        made = made or written
    return Outcome("posted", "written-off" if spent else "", made, amount)
