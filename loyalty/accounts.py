"""The chart of accounts: who can hold points, and the balance rows a transaction has locked.

| kind                                                         | balance row | owner                         |
| ------------------------------------------------------------ | ----------- | ----------------------------- |
| member, member_pending, member_reserved                      | yes         | a member's id                 |
| trade, trade_pending                                         | yes         | a trade partner: `store:7`    |
| issuer, redeemed, expired, recovered, written_off, adjustment | no         | nobody: one a kind and asset  |
| budget                                                       | no          | one a budget                  |

Without a balance row there is nothing to queue for: a thousand awards a second leave the issuer side by side.
Rows are locked in account-id order everywhere, so two batches that cross cannot deadlock.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import NamedTuple

from sqlalchemy import select, text

from foundation.database import ReadTx, Tx
from loyalty.tables import accounts, balances

LOTTED = ("member", "trade")  # What is spendable hangs on lots that expire.


class System(IntEnum):
    """Accounts every asset has, counted from its first (see assets.py)."""

    ISSUER = 1
    REDEEMED = 2
    EXPIRED = 3
    RECOVERED = 4
    WRITTEN_OFF = 5
    ADJUSTMENT = 6

    def of(self, first_account: int) -> int:
        return first_account + self - 1


class Account(NamedTuple):
    """An account with a balance row, as callers name it."""

    kind: str
    owner: str
    asset: str = "points"


def spendable(owner: str, asset: str = "points") -> Account:
    """Where what an owner earns can be spent. A partner of the trade says what it is (`store:7`); a member is an id."""
    return Account("trade" if is_partner(owner) else "member", owner, asset)


def pending(owner: str, asset: str = "points") -> Account:
    """Where it waits until it matures."""
    return Account("trade_pending" if is_partner(owner) else "member_pending", owner, asset)


def is_partner(owner: str) -> bool:
    return ":" in owner


Party = Account | System | int  # An int is the account id of a budget.


@dataclass(slots=True)
class Balance:
    """A locked balance row as this transaction leaves it."""

    id: int
    available: int
    floor: int
    version: int
    locked_version: int


LOCK = text("""
SELECT a.kind, a.owner_ref, a.asset, b.account_id, b.available, b.floor, b.version
FROM unnest(CAST(:kinds AS text[]), CAST(:owners AS text[]), CAST(:assets AS text[])) AS w (kind, owner_ref, asset)
JOIN accounts a USING (owner_ref, kind, asset)
JOIN balances b ON b.account_id = a.id
ORDER BY b.account_id
FOR UPDATE OF b
""")

# A concurrent transaction may open the same accounts: then ours waits for its commit and adds nothing.
OPEN = text("""
WITH opened AS (
    INSERT INTO accounts (kind, owner_ref, asset, created_at)
    SELECT kind, owner_ref, asset, :now
    FROM unnest(CAST(:kinds AS text[]), CAST(:owners AS text[]), CAST(:assets AS text[])) AS w (kind, owner_ref, asset)
    ORDER BY owner_ref, kind, asset
    ON CONFLICT ON CONSTRAINT accounts_one_per_owner DO NOTHING
    RETURNING id
)
INSERT INTO balances (account_id, available, floor, version) SELECT id, 0, 0, 0 FROM opened
""")


def lock(tx: Tx, wanted: Iterable[Account], *, now: datetime) -> dict[Account, Balance]:
    """The balance rows of these accounts, locked; accounts nobody has used yet are opened."""
    names = sorted(set(wanted))
    if not names:
        return {}
    found = _locked(tx, names)
    missing = [name for name in names if name not in found]
    if not missing:
        return found
    open_accounts(tx, missing, now=now)
    return _locked(tx, names)


def open_accounts(tx: Tx, names: Iterable[Account], *, now: datetime) -> None:
    tx.execute(OPEN, columns(sorted(set(names))) | {"now": now})


def read(tx: ReadTx, owner: str, *, asset: str = "points") -> dict[str, tuple[int, int]]:
    """kind -> (account id, available) of the accounts `owner` has; nothing is locked."""
    rows = tx.execute(
        select(accounts.c.kind, accounts.c.id, balances.c.available)
        .join(balances, balances.c.account_id == accounts.c.id)
        .where(accounts.c.owner_ref == owner, accounts.c.asset == asset)
    )
    return {kind: (account_id, available) for kind, account_id, available in rows}


def available(tx: ReadTx, owners: Collection[str], *, kind: str, asset: str = "points") -> dict[str, int]:
    """What each owner has on accounts of a kind; who has no such account is missing. Nothing is locked."""
    query = (
        select(accounts.c.owner_ref, balances.c.available)
        .join(balances, balances.c.account_id == accounts.c.id)
        .where(accounts.c.owner_ref.in_(owners), accounts.c.kind == kind, accounts.c.asset == asset)
    )
    return {row.owner_ref: int(row.available) for row in tx.execute(query)}


def allow_debt(tx: Tx, name: Account, most: int, *, now: datetime) -> None:
    """Let a balance fall to -most; later earnings repay it first, and nothing can be spent while it is negative."""
    balance = lock(tx, [name], now=now)[name]
    tx.execute(balances.update().where(balances.c.account_id == balance.id).values(floor=-most))


def columns(names: list[Account]) -> dict[str, object]:
    return {
        "kinds": [name.kind for name in names],
        "owners": [name.owner for name in names],
        "assets": [name.asset for name in names],
    }


def _locked(tx: Tx, names: list[Account]) -> dict[Account, Balance]:
    return {
        Account(kind, owner, asset): Balance(account_id, available, floor, version, version)
        for kind, owner, asset, account_id, available, floor, version in tx.execute(LOCK, columns(names))
    }
