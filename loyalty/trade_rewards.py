"""What a case opened or a bottle sold brings the store, its assistant and the dealer: once a key, in one batch.

| who       | what                                  | account                | when spendable                       |
| --------- | ------------------------------------- | ---------------------- | ------------------------------------ |
| store     | points, less the assistant's share    | trade `store:…`        | at once                              |
| assistant | a share in percent of the points      | trade `assistant:…`    | at once                              |
| dealer    | a rebate in fen                       | trade_pending, a hold  | days after the month, unless withheld |

All three carry the id of the scan or opening, so what undoes that undoes them. In one order as everywhere: keys, the
stores' counters of the day, budgets, balances in account order; a rebate whose budget is spent leaves the points be.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from uuid import UUID

from foundation.bulk import write_all
from foundation.database import Tx
from loyalty import budgets, caps, rebates, trade
from loyalty.accounts import Account, pending, spendable
from loyalty.books import About, Books, open_books
from loyalty.caps import Counter
from loyalty.expiry import BRAND_ZONE
from loyalty.holding import Hold, place
from loyalty.idempotency import Key, claim, input_hash, keep
from loyalty.trade_terms import REBATE, Terms

CAP = "store day points"


@dataclass(frozen=True, slots=True)
class Due:
    """store None: nobody's points; why says so. assistant: who has a share, None where the owner did it."""

    key: Key
    correlation_id: UUID
    reason: str  # case-opened, shop-sale
    terms: Terms
    store: int | None
    assistant: UUID | None
    points: int
    dealer_id: int | None
    rebate_fen: int
    at: datetime
    why: str = ""

    @property
    def counter(self) -> Counter:
        return Counter(self.terms.id, CAP, f"store:{self.store}", self.at.astimezone(BRAND_ZONE).date().isoformat())

    def hash(self) -> bytes:
        return input_hash(store=self.store, assistant=self.assistant, points=self.points, rebate=self.rebate_fen)


@dataclass(frozen=True, slots=True)
class Paid:
    """points: the store's part. unpaid: why there are no points, in one stable word, or empty."""

    points: int = 0
    assistant_points: int = 0
    rebate_fen: int = 0
    unpaid: str = ""


def pay(tx: Tx, dues: Sequence[Due], *, now: datetime) -> list[Paid]:
    """Pay each, in the order given; what was paid before under the same key is answered as it was then."""
    if not dues:
        return []
    earlier = claim(tx, {one.key: one.hash() for one in dues}, now=now)
    fresh = [one for one in dues if one.key not in earlier]
    counters = caps.lock(tx, [one.counter for one in fresh if _is_capped(one)])
    decided = _decide(tx, fresh, counters, now=now)
    withheld = rebates.withheld(tx, {one.dealer_id for one in fresh if one.dealer_id is not None})
    books = open_books(tx, {account for one in fresh for account in _accounts(one, decided[one.key])}, now=now)
    accounts_of = budgets.accounts_of(tx, {fund for one in fresh for fund in _funds(one)})
    transfers = {one.key: _enter(books, one, decided[one.key], accounts_of, withheld) for one in fresh}
    write_all(tx, [caps.counting(counters), *books.writing()], now=now)
    keep(tx, {key: (asdict(paid), transfers[key]) for key, paid in decided.items()})
    then = {key: Paid(**found.outcome) for key, found in earlier.items()}  # type: ignore[arg-type]
    return [(decided | then)[one.key] for one in dues]


def _is_capped(one: Due) -> bool:
    return one.store is not None and one.points > 0 and one.terms.promise.store_day_points > 0


def _funds(one: Due) -> tuple[int, int]:
    return one.terms.points_budget_id, one.terms.rebate_budget_id


def _decide(tx: Tx, fresh: Sequence[Due], counters: dict[Counter, int], *, now: datetime) -> dict[Key, Paid]:
    """What each gets; counters stand afterwards as they will be written."""
    decided = {one.key: _within_cap(one, counters) for one in fresh}
    wanted: dict[int, list[tuple[Key, str, int]]] = {}
    for one in fresh:
        paid, (points_fund, rebate_fund) = decided[one.key], _funds(one)
        for fund, what, amount in (
            (points_fund, "points", paid.points + paid.assistant_points), (rebate_fund, "rebate", paid.rebate_fen),
        ):  # fmt: skip
            if amount:
                wanted.setdefault(fund, []).append((one.key, what, amount))
    by_key = {one.key: one for one in fresh}
    for fund, asked in sorted(wanted.items()):
        covered = budgets.spend(tx, fund, [amount for _, _, amount in asked], now=now)
        for key, what, amount in asked[covered:]:
            decided[key] = _unfunded(by_key[key], decided[key], what, amount, counters)
    return decided


def _within_cap(one: Due, counters: dict[Counter, int]) -> Paid:
    rebate = one.rebate_fen if one.dealer_id is not None else 0
    if one.store is None or not one.points:
        return Paid(rebate_fen=rebate, unpaid=one.why)
    if _is_capped(one):
        if counters[one.counter] + one.points > one.terms.promise.store_day_points:
            return Paid(rebate_fen=rebate, unpaid="capped")
        counters[one.counter] += one.points
    share = one.points * one.terms.promise.assistant_percent // 100 if one.assistant else 0
    return Paid(one.points - share, share, rebate)


def _unfunded(one: Due, paid: Paid, what: str, amount: int, counters: dict[Counter, int]) -> Paid:
    if what == "rebate":
        return replace(paid, rebate_fen=0)
    if _is_capped(one):
        counters[one.counter] -= amount
    return Paid(rebate_fen=paid.rebate_fen, unpaid="budget-exhausted")


def _accounts(one: Due, paid: Paid) -> list[Account]:
    found = []
    if paid.points:
        found.append(spendable(trade.store(one.store or 0)))
    if paid.assistant_points and one.assistant:
        found.append(spendable(trade.assistant(one.assistant)))
    if paid.rebate_fen and one.dealer_id is not None:
        found.append(pending(trade.dealer(one.dealer_id), REBATE))
    return found


def _enter(
    books: Books, one: Due, paid: Paid, accounts_of: Mapping[int, int], withheld: set[int]
) -> UUID | None:  # fmt: skip
    """The transfers of one into the open books; the first one's id."""
    about, made = About(one.reason, one.correlation_id, one.terms.id, event_at=one.at), list[UUID]()
    points, rebate = (accounts_of[fund] for fund in _funds(one))
    for account, amount in zip(_accounts(one, paid), _amounts(paid), strict=True):
        if account.kind == "trade":
            made.append(books.credit("award", points, account, amount, about, expires_at=None))
        else:
            due = None if one.dealer_id in withheld else one.terms.matures_at(books.now)
            hold = Hold(one.key, "earn", account.owner, amount, one.reason, rebate, REBATE, mature_at=due)
            placed = place(books, hold, about)
            assert placed.transfer_id is not None
            made.append(placed.transfer_id)
    return made[0] if made else None


def _amounts(paid: Paid) -> list[int]:
    return [amount for amount in (paid.points, paid.assistant_points, paid.rebate_fen) if amount]
