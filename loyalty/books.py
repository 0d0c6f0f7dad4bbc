"""The open books of one transaction: balances locked, moves decided in Python, everything written in one statement.

Open, move, write. Nothing here asks whether a move is wanted; `ledger` and `earning` decide, the books keep count:
each move gives the balance rows it touches their next version, spendable points come from lots in burn order
(earliest expiry, oldest, id; never-expiring last), and lots that are due lapse before anything else is done.
Debt is a negative balance: it implies no lots, and what comes in repays it before it makes a lot.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text

from foundation.bulk import Write, record_set, write_all
from foundation.database import Tx
from foundation.ids import uuid7
from loyalty.accounts import LOTTED, Account, Balance, Party, System, lock
from loyalty.assets import first_accounts

GRACE = timedelta(days=30)  # Points returned to a lot that lapsed meanwhile stay spendable this long.


@dataclass(slots=True)
class Lot:
    id: UUID
    account_id: int
    amount: int
    remaining: int
    expires_at: datetime | None
    created_at: datetime
    is_new: bool = False

    @property
    def burn_order(self) -> tuple[bool, datetime, datetime, UUID]:
        return self.expires_at is None, self.expires_at or self.created_at, self.created_at, self.id


@dataclass(frozen=True, slots=True)
class About:
    """What a transfer is told about itself; the ledger stores it and never reads it."""

    reason: str
    correlation_id: UUID | None = None
    campaign_id: int | None = None
    rule_version: int | None = None
    reverses: UUID | None = None
    hold_id: UUID | None = None
    event_at: datetime | None = None


@dataclass(slots=True)
class Books:
    now: datetime
    balances: dict[Account, Balance]
    first_accounts: Mapping[str, int] = field(default_factory=dict)  # Of each asset's system accounts.
    lots: dict[int, dict[UUID, Lot]] = field(default_factory=dict)
    moves: list[tuple[object, ...]] = field(default_factory=list)
    uses: list[tuple[UUID, UUID, int]] = field(default_factory=list)
    holds: list[tuple[object, ...]] = field(default_factory=list)
    touched_lots: dict[UUID, Lot] = field(default_factory=dict)
    draws: dict[UUID, list[tuple[Lot, int]]] = field(default_factory=dict)
    lapsed: int = 0

    def available(self, account: Account) -> int:
        return max(0, self.balances[account].available)

    def room(self, account: Account) -> int:
        """How far the balance may still fall; more than is available where debt is allowed."""
        return self.balances[account].available - self.balances[account].floor

    def move(
        self,
        kind: str,
        source: Party,
        target: Party,
        amount: int,
        about: About,
        *,
        asset: str = "points",
        transfer_id: UUID | None = None,
    ) -> UUID:
        """Take `amount` from source to target, lots aside. The transfer's id."""
        assert amount > 0
        transfer_id = transfer_id or uuid7(self.now)
        source_id, source_after, source_version = self._turn(source, -amount, asset)
        target_id, target_after, target_version = self._turn(target, amount, asset)
        self.moves.append((
            transfer_id, kind, asset, amount, source_id, target_id, source_after, source_version, target_after,
            target_version, about.correlation_id, about.reverses, about.hold_id, about.campaign_id, about.rule_version,
            about.reason, about.event_at or self.now,
        ))  # fmt: skip
        return transfer_id

    def credit(
        self,
        kind: str,
        source: Party,
        target: Account,
        amount: int,
        about: About,
        *,
        expires_at: datetime | None,
        transfer_id: UUID | None = None,
    ) -> UUID:
        """Spendable points arrive: a lot of what is left after debt."""
        transfer_id = self.move(kind, source, target, amount, about, asset=target.asset, transfer_id=transfer_id)
        balance = self.balances[target]
        lot = Lot(transfer_id, balance.id, amount, amount, expires_at, self.now, is_new=True)
        self.lots.setdefault(balance.id, {})[lot.id] = lot
        self.touched_lots[lot.id] = lot
        repaid = amount - min(amount, max(0, balance.available))
        self._use(lot, transfer_id, repaid)
        return transfer_id

    def burn(
        self, kind: str, source: Account, target: Party, amount: int, about: About, *, first: UUID | None = None
    ) -> UUID:
        """Spendable points leave, from the lot `first` if it has any, then in burn order."""
        lots = self.lots[self.balances[source].id]  # KeyError: the books were not opened for burning this account.
        transfer_id = self.move(kind, source, target, amount, about, asset=source.asset)
        left = amount
        for lot in sorted(lots.values(), key=lambda lot: (lot.id != first, lot.burn_order)):
            left -= self._use(lot, transfer_id, min(left, lot.remaining))
        return transfer_id

    def drawn(self, tx: Tx, transfer_id: UUID, *settled: UUID) -> list[tuple[Lot, int]]:
        """The lots a transfer drew on and what of each has not been given back, last drawn first."""
        if transfer_id not in self.draws:
            rows = tx.execute(USED_LOTS, {"transfers": [transfer_id, *settled]}).all()
            self.draws[transfer_id] = [(self._known(Lot(*row[:6])), row[6]) for row in rows]
        return self.draws[transfer_id]

    def give_back(
        self, kind: str, source: Party, target: Account, drawn: list[tuple[Lot, int]], amount: int, about: About
    ) -> UUID:
        """Points return to the lots they were `drawn` from, with their expiry, or days of grace if that has passed."""
        transfer_id = self.move(kind, source, target, amount, about, asset=target.asset)
        owed = amount - min(amount, max(0, self.balances[target].available))  # Debt made meanwhile is repaid first.
        for at, (lot, net) in enumerate(drawn):
            part = min(net, amount)
            drawn[at] = lot, net - part
            amount -= part
            self._use(lot, transfer_id, -part)
            owed -= self._use(lot, transfer_id, min(owed, part))
            if part and lot.expires_at is not None and lot.expires_at <= self.now:
                lot.expires_at = self.now + GRACE
        return transfer_id

    def pass_on(self, source: Account, target: Account, about: About) -> int:
        """Everything spendable moves to another account of the same person, each lot with its own expiry.

        One transfer a lot; what is owed on `target` is repaid first. Returns how many points moved.
        """
        moved = 0
        for lot in sorted(self.lots[self.balances[source].id].values(), key=lambda lot: lot.burn_order):
            amount = min(lot.remaining, self.available(source))
            if not amount:
                continue
            transfer_id = self.burn("adjust", source, target, amount, about, first=lot.id)
            balance = self.balances[target]
            copy = Lot(transfer_id, balance.id, amount, amount, lot.expires_at, self.now, is_new=True)
            self.lots.setdefault(balance.id, {})[copy.id] = copy
            self.touched_lots[copy.id] = copy
            self._use(copy, transfer_id, amount - min(amount, max(0, balance.available)))
            moved += amount
        return moved

    def lapse_due_lots(self) -> None:
        """Expire what is due of the lots loaded."""
        for account, balance in self.balances.items():
            due = [lot for lot in self.lots.get(balance.id, {}).values() if _is_due(lot, self.now) and lot.remaining]
            if not due:
                continue
            total = sum(lot.remaining for lot in due)
            transfer_id = self.move("expire", account, System.EXPIRED, total, About("expired"), asset=account.asset)
            for lot in due:
                self._use(lot, transfer_id, lot.remaining)
            self.lapsed += total

    def write(self, tx: Tx) -> None:
        """Everything at once. The rows are locked, so the versions cannot have moved."""
        write_all(tx, self.writing(), now=self.now)

    def writing(self) -> list[Write]:
        """What `write` would write, for a use case that writes more in the same statement."""
        if not self.moves:
            return []
        turned = [balance for balance in self.balances.values() if balance.version != balance.locked_version]
        made = [lot for lot in self.touched_lots.values() if lot.is_new]
        kept = sorted((lot for lot in self.touched_lots.values() if not lot.is_new), key=lambda lot: lot.id)
        return [
            Write("moved", MOVED, _named(MOVE_COLUMNS, self.moves), len(self.moves)),
            Write("lots_made", LOTS_MADE, [_lot(lot) for lot in made], len(made)),
            Write("lots_kept", LOTS_KEPT, [_lot(lot) for lot in kept], len(kept)),
            Write("lots_used", LOTS_USED, _named(USE_COLUMNS, self.uses), len(self.uses)),
            Write("points_held", POINTS_HELD, _named(HOLD_COLUMNS, self.holds), len(self.holds)),
            Write("balances_turned", BALANCES_TURNED, [_balance(one) for one in turned], len(turned)),
        ]

    def _turn(self, party: Party, amount: int, asset: str) -> tuple[int, int | None, int | None]:
        if isinstance(party, Account):
            assert party.asset == asset
            balance = self.balances[party]
            balance.available += amount
            balance.version += 1
            return balance.id, balance.available, balance.version
        return (party.of(self.first_accounts[asset]) if isinstance(party, System) else party), None, None

    def _known(self, lot: Lot) -> Lot:
        """The lot as these books have it; they may have drawn on it already."""
        return self.lots.setdefault(lot.account_id, {}).setdefault(lot.id, lot)

    def _use(self, lot: Lot, transfer_id: UUID, amount: int) -> int:
        if amount:
            lot.remaining -= amount
            self.touched_lots[lot.id] = lot
            self.uses.append((transfer_id, lot.id, amount))
        return amount


def open_books(
    tx: Tx, accounts: Iterable[Account], *, burning: Iterable[Account] = (), assets: Iterable[str] = (), now: datetime
) -> Books:
    """Lock the balances; load the lots of `burning`, a new statement that sees what the lock waited for.

    assets: of transfers that touch system accounts only. Raises UnknownAsset.
    """
    spenders = set(burning)
    opened = {*accounts, *spenders}
    systems = first_accounts(tx, {*assets, *(account.asset for account in opened)})
    books = Books(now, lock(tx, opened, now=now), systems)
    ids = {books.balances[account].id for account in spenders if account.kind in LOTTED}
    books.lots = {account_id: {} for account_id in ids}
    for lot in _load(tx, LIVE_LOTS, sorted(ids)) if ids else ():
        books.lots[lot.account_id][lot.id] = lot
    books.lapse_due_lots()
    return books


def _load(tx: Tx, statement: object, ids: list[int]) -> Iterator[Lot]:
    for row in tx.execute(statement, {"accounts": ids}):  # type: ignore[call-overload]
        yield Lot(*row)


def _is_due(lot: Lot, now: datetime) -> bool:
    return lot.expires_at is not None and lot.expires_at <= now


def _named(columns: str, rows: Iterable[tuple[object, ...]]) -> list[dict[str, object]]:
    """Rows with the names of a column list such as `item bigint, at timestamptz`."""
    names = [column.split()[0] for column in columns.split(",")]
    return [dict(zip(names, row, strict=True)) for row in rows]


def _lot(lot: Lot) -> dict[str, object]:
    return {
        "id": lot.id, "account_id": lot.account_id, "amount": lot.amount, "remaining": lot.remaining,
        "expires_at": lot.expires_at,
    }  # fmt: skip


def _balance(one: Balance) -> dict[str, object]:
    return {"id": one.id, "available": one.available, "version": one.version, "locked_version": one.locked_version}


LIVE_LOTS = text("""
SELECT id, account_id, amount, remaining, expires_at, created_at FROM lots
WHERE account_id = ANY(CAST(:accounts AS bigint[])) AND remaining > 0
""")

# A settled spend hold drew its lots when it was placed; what undoes either names it in `reverses`.
USED_LOTS = text(
    """
SELECT l.id, l.account_id, l.amount, l.remaining, l.expires_at, l.created_at, u.net
FROM (SELECT lot_id, CAST(sum(amount) AS bigint) AS net, min(id) AS first FROM lot_uses
      WHERE transfer_id = ANY(CAST(:transfers AS uuid[]))
         OR transfer_id IN (SELECT id FROM transfers WHERE reverses = ANY(CAST(:transfers AS uuid[])))
      GROUP BY lot_id) u
JOIN lots l ON l.id = u.lot_id WHERE u.net > 0 ORDER BY u.first DESC
"""
)

MOVE_COLUMNS = (
    "id uuid, kind text, asset text, amount bigint, source_id bigint, target_id bigint, source_after bigint,"
    " source_version bigint, target_after bigint, target_version bigint, correlation_id uuid, reverses uuid,"
    " hold_id uuid, campaign_id bigint, rule_version integer, reason text, event_at timestamptz"
)
MOVED = f"""
INSERT INTO transfers (id, kind, asset, amount, source_id, target_id, source_after, source_version, target_after,
    target_version, correlation_id, reverses, hold_id, campaign_id, rule_version, reason, event_at, created_at)
SELECT moved_rows.*, :now FROM {record_set("moved", MOVE_COLUMNS)} RETURNING 1
"""  # noqa: S608

LOTS_MADE = f"""
INSERT INTO lots (id, account_id, amount, remaining, expires_at, created_at)
SELECT id, account_id, amount, remaining, expires_at, :now
FROM {record_set("lots_made", "id uuid, account_id bigint, amount bigint, remaining bigint, expires_at timestamptz")}
RETURNING 1
"""  # noqa: S608

LOTS_KEPT = f"""
UPDATE lots SET remaining = lots_kept_rows.remaining, expires_at = lots_kept_rows.expires_at
FROM {record_set("lots_kept", "id uuid, remaining bigint, expires_at timestamptz")}
WHERE lots.id = lots_kept_rows.id RETURNING 1
"""  # noqa: S608

USE_COLUMNS = "transfer_id uuid, lot_id uuid, amount bigint"
LOTS_USED = f"""
INSERT INTO lot_uses (transfer_id, lot_id, amount)
SELECT lots_used_rows.* FROM {record_set("lots_used", USE_COLUMNS)} RETURNING 1
"""  # noqa: S608

HOLD_COLUMNS = (
    "id uuid, direction text, asset text, owner_ref text, amount bigint, mature_at timestamptz, lapses_at timestamptz,"
    " expiry text, reason text, correlation_id uuid, campaign_id bigint, rule_version integer"
)
POINTS_HELD = f"""
INSERT INTO holds (id, direction, asset, owner_ref, amount, mature_at, lapses_at, expiry, reason, correlation_id,
    campaign_id, rule_version, posted, state, created_at)
SELECT points_held_rows.*, 0, 'open', :now FROM {record_set("points_held", HOLD_COLUMNS)} RETURNING 1
"""  # noqa: S608

BALANCES_TURNED = f"""
UPDATE balances SET available = balances_turned_rows.available, version = balances_turned_rows.version
FROM {record_set("balances_turned", "id bigint, available bigint, version bigint, locked_version bigint")}
WHERE balances.account_id = balances_turned_rows.id AND balances.version = balances_turned_rows.locked_version
RETURNING 1
"""  # noqa: S608
