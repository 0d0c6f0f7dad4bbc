"""Holds: points that are seen but not yet spendable (earn), or set aside for a redemption under way (spend).

    open ── settle ──> posted    earn: pending -> member, a lot from now on; spend: reserved -> redeemed
         ── void ────> voided    earn: pending -> recovered; spend: reserved -> member, the lots it came from
         ── sweep ───> posted    an earn hold that matured
                       lapsed    a spend hold nobody finished: as void
Posting less than the amount gives up the rest as `void` would. Nothing leaves a final state: the state is changed by
one guarded statement under the row's lock, so the hold's id is the idempotency key of whatever ends it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, func, select, text

from foundation import facts
from foundation.database import ReadTx, Tx
from foundation.facts import Fact
from loyalty import expiry, wins
from loyalty.accounts import Account, System, is_partner, pending, spendable
from loyalty.books import About, Books, open_books
from loyalty.idempotency import Key, input_hash
from loyalty.outcomes import Outcome, claimed
from loyalty.tables import holds

ENDS = {"posted": "settle", "voided": "void", "lapsed": "void"}


@dataclass(frozen=True, slots=True)
class Hold:
    """Points of `owner` to hold: earned from a budget or issuer account, or set aside from their own."""

    key: Key
    direction: str  # earn, spend
    owner: str
    amount: int
    reason: str
    source: System | int = System.ISSUER  # Of an earn hold.
    asset: str = "points"
    mature_at: datetime | None = None  # None: a person decides.
    lapses_at: datetime | None = None
    expiry: str = "never"
    correlation_id: UUID | None = None

    def hash(self) -> bytes:
        return input_hash(
            direction=self.direction,
            owner=self.owner,
            amount=self.amount,
            source=self.source,
            asset=self.asset,
            expiry=self.expiry,
            correlation=self.correlation_id,
        )


def hold(tx: Tx, wanted: Sequence[Hold], *, now: datetime) -> list[Outcome]:
    """Hold points, in the order given. `transfer_id` of a posted outcome is the hold's id."""
    answers = claimed(tx, wanted, now=now)
    fresh = answers.fresh(wanted)
    spenders = {spendable(one.owner, one.asset) for one in fresh if one.direction == "spend"}
    books = open_books(tx, {waiting(one) for one in fresh}, burning=spenders, now=now)
    outcomes = answers.decide(wanted, lambda one: place(books, one, About(one.reason, one.correlation_id)))
    books.write(tx)
    answers.keep(tx)
    return outcomes


def place(books: Books, one: Hold, about: About, hold_id: UUID | None = None) -> Outcome:
    """One hold into the open books, or the reason why not."""
    if one.direction == "earn":
        hold_id = books.move("hold", one.source, waiting(one), one.amount, about, asset=one.asset, transfer_id=hold_id)
    elif books.available(spender := spendable(one.owner, one.asset)) < one.amount:
        return Outcome("refused", "too-few-points", amount=one.amount)
    else:
        hold_id = books.burn("hold", spender, waiting(one), one.amount, about)
    books.holds.append((
        hold_id, one.direction, one.asset, one.owner, one.amount, one.mature_at, one.lapses_at, one.expiry, one.reason,
        about.correlation_id, about.campaign_id, about.rule_version,
    ))  # fmt: skip
    return Outcome("posted", transfer_id=hold_id, amount=one.amount)


def waiting(one: Hold | Row[tuple[object, ...]]) -> Account:
    owner = one.owner if isinstance(one, Hold) else one.owner_ref
    return pending(owner, one.asset) if one.direction == "earn" else Account("member_reserved", owner, one.asset)


def settle(tx: Tx, hold_ids: Sequence[UUID] | Mapping[UUID, int], *, reason: str, now: datetime) -> dict[UUID, Outcome]:
    """Post holds: whole, or the amounts given by id. What is already ended is refused as it stands, or replayed."""
    return end(tx, hold_ids, "posted", reason=reason, now=now)


def void_hold(tx: Tx, hold_ids: Sequence[UUID], *, reason: str, now: datetime) -> dict[UUID, Outcome]:
    """Give the holds up: earned points are recovered, reserved ones return to their lots."""
    return end(tx, hold_ids, "voided", reason=reason, now=now)


def sweep(tx: Tx, *, now: datetime, limit: int = 500) -> int:
    """Post what has matured and lapse what nobody finished; how many holds. Two sweepers share the work."""
    matured, lapsed = due(tx, "mature_at", now, limit), due(tx, "lapses_at", now, limit)
    ended = end(tx, matured, "posted", reason="matured", now=now)
    ended |= end(tx, [one for one in lapsed if one not in ended], "lapsed", reason="lapsed", now=now)
    return len(ended)


def due(tx: Tx, column: str, now: datetime, limit: int) -> list[UUID]:
    when = holds.c[column]
    query = select(holds.c.id).where(holds.c.state == "open", when <= now).order_by(when).limit(limit)
    return list(tx.execute(query.with_for_update(skip_locked=True)).scalars())


END = text("""
UPDATE holds SET state = e.state, posted = e.posted, decided_reason = :reason, decided_at = :now
FROM unnest(CAST(:ids AS uuid[]), CAST(:states AS text[]), CAST(:posted AS bigint[])) AS e (id, state, posted)
WHERE holds.id = e.id AND holds.state = 'open'
""")


def end(
    tx: Tx, wanted: Sequence[UUID] | Mapping[UUID, int], state: str, *, reason: str, now: datetime
) -> dict[UUID, Outcome]:
    """Bring holds to a final state. Rows are locked in id order, then balances, as everywhere."""
    found = {row.id: row for row in lock(tx, wanted)}
    amounts = wanted if isinstance(wanted, Mapping) else {hold_id: row.amount for hold_id, row in found.items()}
    outcomes = {hold_id: standing(found.get(hold_id), state, amounts.get(hold_id, 0)) for hold_id in wanted}
    opened = [found[hold_id] for hold_id, outcome in outcomes.items() if outcome is None]
    parties = {party for row in opened for party in (waiting(row), spendable(row.owner_ref, row.asset))}
    # What lapsed must be gone before points return to its lot, or the lot's days of grace would revive it.
    receivers = {spendable(row.owner_ref, row.asset) for row in opened if row.direction == "spend"}
    books = open_books(tx, parties, burning=receivers, now=now)
    for row in opened:
        posted = amounts[row.id] if state == "posted" else 0
        outcomes[row.id] = close(tx, books, row, posted, reason=reason)
    books.write(tx)
    if opened:
        ends = {
            "ids": [row.id for row in opened],
            "states": [state] * len(opened),
            "posted": [amounts[row.id] if state == "posted" else 0 for row in opened],
        }
        assert tx.execute(END, ends | {"reason": reason, "now": now}).rowcount == len(opened)
        earned = [row for row in opened if row.direction == "earn"]
        facts.announce(tx, [_fact(row, state) for row in earned if not is_partner(row.owner_ref)], now=now)
        # What a scan won shares the fate of what it earned.
        scans = [row.correlation_id for row in earned if row.correlation_id is not None]
        wins.release(tx, scans) if state == "posted" else wins.void(tx, scans, reason=reason, now=now)
    return {hold_id: outcome for hold_id, outcome in outcomes.items() if outcome is not None}


def _fact(row: Row[tuple[object, ...]], state: str) -> Fact:
    kind = "reward.credited" if state == "posted" else "reward.withdrawn"
    body = {"member_id": row.owner_ref, "hold_id": str(row.id), "points": row.amount}
    return Fact(kind, f"member:{row.owner_ref}", body)


def lock(tx: Tx, ids: Iterable[UUID]) -> Sequence[Row[tuple[object, ...]]]:
    query = select(holds).where(holds.c.id.in_(list(ids))).order_by(holds.c.id)
    return tx.execute(query.with_for_update()).all()


def standing(row: Row[tuple[object, ...]] | None, state: str, amount: int) -> Outcome | None:
    """None: open, go on. Otherwise the answer: the same end again is a replay, another end is refused."""
    if row is None:
        return Outcome("refused", "no-such-hold")
    if state == "posted" and not 0 < amount <= row.amount:
        return Outcome("refused", "amount-beyond-the-hold", amount=amount)
    if row.state == "open":
        return None
    if row.state == state and (state != "posted" or row.posted == amount):
        return Outcome("posted", transfer_id=row.id, amount=row.posted or row.amount, replay=True)
    return Outcome("refused", f"already-{row.state}", amount=amount)


def close(tx: Tx, books: Books, row: Row[tuple[object, ...]], posted: int, *, reason: str) -> Outcome:
    about = About(
        reason, row.correlation_id, row.campaign_id, row.rule_version, hold_id=row.id, event_at=row.created_at
    )
    source, owner = waiting(row), spendable(row.owner_ref, row.asset)
    transfer_id: UUID | None = None
    if posted and row.direction == "earn":
        lapses = expiry.expires_at(row.expiry, books.now)
        transfer_id = books.credit("settle", source, owner, posted, about, expires_at=lapses)
    elif posted:
        transfer_id = books.move("settle", source, System.REDEEMED, posted, about, asset=row.asset)
    if rest := row.amount - posted:
        if row.direction == "earn":
            gone = books.move("void", source, System.RECOVERED, rest, about, asset=row.asset)
        else:
            drawn = books.drawn(tx, row.id)
            gone = books.give_back("release", source, owner, drawn, rest, replace(about, reverses=row.id))
        transfer_id = transfer_id or gone
    return Outcome("posted", transfer_id=transfer_id, amount=posted or row.amount)


def holds_of(tx: ReadTx, correlation_ids: Sequence[UUID], *, of_partners: bool = False) -> dict[UUID, list[UUID]]:
    """The open holds made under these correlation ids (scan ids), for whoever decides a case.

    of_partners: what dealers earned by these scans too; a decision about a consumer neither pays nor takes that.
    """
    query = select(holds.c.correlation_id, holds.c.id, holds.c.owner_ref).where(
        holds.c.correlation_id.in_(list(correlation_ids)), holds.c.state == "open"
    )
    found: dict[UUID, list[UUID]] = {}
    for correlation_id, hold_id, owner in tx.execute(query.order_by(holds.c.id)):
        if of_partners or not is_partner(owner):
            found.setdefault(correlation_id, []).append(hold_id)
    return found


def settled_for(tx: ReadTx, correlation_id: UUID) -> int:
    """Points of holds made under this correlation id (a scan id) that were posted by now."""
    posted = select(func.coalesce(func.sum(holds.c.posted), 0)).where(
        holds.c.correlation_id == correlation_id, holds.c.state == "posted"
    )
    return int(tx.execute(posted).scalar_one())
