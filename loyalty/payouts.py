"""Money that leaves by a channel: the number is committed before the call, and never replaced while its fate is open.

    queued ── take ──> sending ── record ──> accepted · confirming ──> paid
       ▲                  │  ▲                                     ──> failed · cancelled   (the channel's word, final)
       │                  │  └── take: ask by number; send the same number again if the channel never heard of it
    limits, breaker       └── an error, a time-out, a lost reply ──> unknown ── a day later ──> person ── ask_again ──>

Whoever takes a payout holds it for LEASE: a process that dies between sending and recording is replaced, and its
successor asks first. Only the channel's SUCCESS moves money in the books: one transfer under the key ("payout",
number), in the transaction that says paid. Before the call stand the limits of the law and of the channel (see
payout_limits), and the breaker of the pool; what exceeds a limit waits here for the next day.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import Row, insert, select, text, update

from foundation import audit, facts
from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest, Conflict
from foundation.facts import Fact
from foundation.ids import uuid7
from foundation.observability import log
from loyalty import ledger, wins
from loyalty.accounts import System
from loyalty.idempotency import Key
from loyalty.ledger import Post
from loyalty.payout_limits import day_of, within_limits
from loyalty.prize_tables import payouts, prize_pools

LEASE = timedelta(seconds=60)  # Longer than a call may take.
CLAIM_UNTIL = timedelta(days=30)  # After the end of a pool.
UNKNOWN_UNTIL = timedelta(hours=24)
OPEN = ("sending", "unknown", "accepted", "confirming")
FINAL = ("paid", "failed", "cancelled")
PAUSES_S = (5, 15, 60, 300, 600)
_TURN = 0x7061796F7574  # "payout": one taker at a time, or two would each see room below a limit.


class PayoutMoved(Conflict):
    """The payout is not in the state this needs."""

    type = "payout-moved"


@dataclass(frozen=True, slots=True)
class Owed:
    win_id: UUID
    pool_id: int
    member_id: UUID
    amount_fen: int


@dataclass(frozen=True, slots=True)
class Due:
    """A payout in our hands until the lease ends. is_new: it was never sent, so there is nothing to ask."""

    id: UUID
    order_no: str
    member_id: UUID
    amount_fen: int
    is_new: bool


@dataclass(frozen=True, slots=True)
class Order:
    """What the channel is asked to pay; to_whom: the person's id there. name: only where the channel demands it."""

    order_no: str
    amount_fen: int
    to_whom: str
    remark: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What the channel said of a payout.

    state: `accepted`, `confirming` (the member has to agree), `paid`, `failed`, `cancelled`; `absent`: it never heard
    of the number; `unknown`: no answer to rely on; `refused`: the same words would be refused again.
    """

    state: str
    said: str = ""
    bill_no: str | None = None
    package: str | None = None
    amount_fen: int | None = None
    at: datetime | None = None


class Channel(Protocol):
    """Both calls may be made any number of times with the same number. They never raise for what the channel does."""

    def send(self, order: Order) -> Told: ...

    def ask(self, order_no: str) -> Told: ...


def queue(tx: Tx, owed: Sequence[Owed], *, now: datetime) -> list[UUID]:
    """Payouts with their numbers, to be sent after this transaction. A win has at most one that is not given up."""
    ids = [uuid7(now) for _ in owed]
    rows = [
        {"id": id_, "order_no": id_.hex, "win_id": one.win_id, "pool_id": one.pool_id, "member_id": one.member_id,
         "amount_fen": one.amount_fen, "day": day_of(now), "state": "queued", "tries": 0, "due_at": now, "said": "",
         "created_at": now}
        for id_, one in zip(ids, owed, strict=True)
    ]  # fmt: skip
    if rows:
        tx.execute(insert(payouts), rows)
    return ids


def take(tx: Tx, *, now: datetime, limit: int = 20) -> list[Due]:
    """The payouts to send or ask about next, ours until LEASE is over. [] while another process takes."""
    if not tx.execute(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _TURN}).scalar_one():
        return []
    due = select(payouts).where(payouts.c.due_at <= now).order_by(payouts.c.due_at, payouts.c.id)
    asking = tx.execute(due.where(payouts.c.state.in_(OPEN)).limit(limit)).all()
    held = select(prize_pools.c.id).where(prize_pools.c.held_at.is_not(None))
    waiting = due.where(payouts.c.state == "queued", payouts.c.pool_id.not_in(held)).limit(limit)
    sending = within_limits(tx, tx.execute(waiting).all(), now)
    hold = {"tries": payouts.c.tries + 1, "due_at": now + LEASE}
    _set(tx, asking, hold)
    _set(tx, sending, hold | {"state": "sending", "sent_at": now, "day": day_of(now)})
    return [_due(row, is_new=False) for row in asking] + [_due(row, is_new=True) for row in sending]


def _set(tx: Tx, rows: Sequence[Row[Any]], values: dict[str, Any]) -> None:
    if rows:
        tx.execute(update(payouts).where(payouts.c.id.in_([row.id for row in rows])).values(**values))


def _due(row: Row[Any], *, is_new: bool) -> Due:
    return Due(row.id, row.order_no, row.member_id, row.amount_fen, is_new)


def record(tx: Tx, due: Due, told: Told, *, now: datetime) -> str:
    """Write down what the channel said; the state the payout has now. Said twice, or late, it changes nothing."""
    row = tx.execute(select(payouts).where(payouts.c.id == due.id).with_for_update()).one()
    if row.state in FINAL:
        return str(row.state)
    values = _values(row, told, now)
    if values["state"] == "paid":
        values |= {"transfer_id": _move(tx, row, now), "paid_at": told.at or now}
    if values["state"] in FINAL:
        values["decided_at"] = now
        state = "paid" if values["state"] == "paid" else "failed"
        wins.move(tx, [row.win_id], ["paying"], state, reason=told.said, now=now)
    tx.execute(update(payouts).where(payouts.c.id == due.id).values(**values))
    if values["state"] == "person" != row.state:
        _call_a_person(tx, row, values["said"], now=now)
    return str(values["state"])


def _values(row: Row[Any], told: Told, now: datetime) -> dict[str, Any]:
    kept = {"said": told.said, "bill_no": told.bill_no or row.bill_no, "package": told.package or row.package}
    state = "unknown" if told.state == "absent" else told.state
    if told.amount_fen not in (None, row.amount_fen):
        state, kept["said"] = "person", f"the channel speaks of {told.amount_fen} fen, not {row.amount_fen}"
    if state == "refused" or (state == "unknown" and now - row.sent_at >= UNKNOWN_UNTIL):
        state = "person"
    pause = timedelta(seconds=PAUSES_S[min(row.tries, len(PAUSES_S)) - 1])
    return kept | {"state": state, "due_at": now + pause}


def _move(tx: Tx, row: Row[Any], now: datetime) -> UUID:
    """The one transfer of a payout: cash promised, handed over."""
    post = Post(
        Key("payout", row.order_no), "award", System.ISSUER, System.REDEEMED, row.amount_fen, "prize", asset="cash_fen",
        correlation_id=row.win_id,
    )  # fmt: skip
    (outcome,) = ledger.post(tx, [post], now=now)
    assert outcome.transfer_id is not None, outcome
    return outcome.transfer_id


def _call_a_person(tx: Tx, row: Row[Any], said: str, *, now: datetime) -> None:
    body = {"payout_id": str(row.id), "amount_fen": row.amount_fen, "said": said}
    facts.announce(tx, [Fact("payout.stuck", f"payout:{row.id}", body)], now=now)
    log(__name__).error("a payout waits for a person", payout=str(row.id), said=said)


def ask_again(tx: Tx, payout_id: UUID, *, by: str, reason: str, now: datetime) -> None:
    """A person looked at a payout that waited for one: ask the channel anew. Raises PayoutMoved, BadRequest."""
    if not reason.strip():
        raise BadRequest("Write a sentence that says what you found at the channel.")
    waiting = update(payouts).where(payouts.c.id == payout_id, payouts.c.state == "person")
    if not tx.execute(waiting.values(state="unknown", due_at=now)).rowcount:
        raise PayoutMoved("This payout waits for nobody.")
    audit.record(
        tx, actor=by, action="payout.ask-again", subject=f"payout:{payout_id}", after={"reason": reason}, now=now
    )


def hurry(tx: Tx, order_nos: Iterable[str], *, now: datetime) -> int:
    """The channel let us know that something happened: ask now. It is not believed itself, so it may come twice."""
    these = update(payouts).where(payouts.c.order_no.in_(list(order_nos)), payouts.c.state.in_(OPEN))
    return tx.execute(these.values(due_at=now)).rowcount


def list_payouts(
    tx: ReadTx, *, state: str | None = None, before: UUID | None = None, limit: int = 200
) -> list[Row[Any]]:
    """The newest payouts, those of one state if asked; the next page is `before` the last one's id."""
    query = select(payouts).order_by(payouts.c.id.desc()).limit(limit)
    if state:
        query = query.where(payouts.c.state == state)
    return list(tx.execute(query if before is None else query.where(payouts.c.id < before)).all())
