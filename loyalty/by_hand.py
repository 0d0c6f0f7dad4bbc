"""What is given and taken by hand: asked for by one person, done by another, on record with both names and why.

    asked ── approve, by another ──> done       each line: done, or too-few-points or erased and nothing moved
       └── refuse, by anybody ──> refused

| kind   | a line is                                | done, it is                                                 |
| points | a member and points, negative to take    | one `adjust` transfer from or to the adjustment account     |
| coupon | a member and the terms                   | one coupon                                                  |
| rebate | a dealer and fen of what has matured     | one `burn`; a line the bank sends back is reversed          |

All lines are done in one transaction under keys of their own, so that no request is ever done by half or twice. A
member who was merged meanwhile is served as who they are today.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from foundation import audit
from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest, Conflict, NotFound
from loyalty import coupons, ledger, members, rebates, reversing, trade
from loyalty.accounts import Account, System, spendable
from loyalty.hand_tables import hand_lines, hand_requests
from loyalty.idempotency import Key
from loyalty.ledger import Post
from loyalty.outcomes import Outcome
from loyalty.reversing import Reversal
from loyalty.trade_terms import REBATE

MOST_LINES = 10_000
MOST_POINTS = 1_000_000  # Of one line; a slip of the keyboard is larger.


class HandMoved(Conflict):
    """The request is not in the state this needs, another waits for the same, or another person is needed."""

    type = "hand-moved"


@dataclass(frozen=True, slots=True)
class Request:
    """why: for those who decide; reference: a ticket, a mail, the bank's paper. amount: points or fen of all lines."""

    id: int
    kind: str
    why: str
    reference: str
    state: str
    asked_by: str
    asked_at: datetime
    ended_by: str | None
    ended_at: datetime | None
    refusal: str | None
    lines: int
    amount: int


@dataclass(frozen=True, slots=True)
class Line:
    """owner_ref: a member's id or `dealer:7`. made_id: the transfer or the coupon. terms: of a coupon."""

    nth: int
    owner_ref: str
    amount: int
    terms: Mapping[str, Any] | None
    outcome: str
    made_id: UUID | None


def ask_points(
    tx: Tx, lines: Sequence[tuple[UUID, int]], *, why: str, reference: str = "", by: str, now: datetime
) -> Request:
    """Give points, or take them with a negative number. Raises BadRequest, NotFound for a member nobody knows."""
    for member, amount in lines:
        if not 0 < abs(amount) <= MOST_POINTS:
            raise BadRequest(f"Member {member}: give a whole number of points up to {MOST_POINTS:,}, not {amount:,}.")
    _known(tx, [member for member, _ in lines])
    rows = [{"owner_ref": str(member), "amount": amount, "terms": None} for member, amount in lines]
    return _ask(tx, "points", rows, why, reference, by, now)


def ask_coupons(
    tx: Tx, who: Sequence[UUID], terms: Mapping[str, Any], *, why: str, reference: str = "", by: str, now: datetime
) -> Request:
    """A coupon for each. Raises BadRequest for the terms, NotFound for a member nobody knows."""
    coupons.check_terms(terms)
    _known(tx, who)
    rows = [{"owner_ref": str(member), "amount": 0, "terms": dict(terms)} for member in who]
    return _ask(tx, "coupon", rows, why, reference, by, now)


def ask_rebates(tx: Tx, dealer_ids: Iterable[int], *, why: str, reference: str = "", by: str, now: datetime) -> Request:
    """Pay dealers all that has matured; who has nothing is left out. Raises BadRequest if nobody has, HandMoved."""
    due = [(trade.dealer(one), rebates.balance_fen(tx, one)) for one in sorted(set(dealer_ids))]
    rows = [{"owner_ref": owner, "amount": fen, "terms": None} for owner, fen in due if fen > 0]
    if not rows:
        raise BadRequest("No rebate has matured; there is nothing to pay.")
    return _ask(tx, "rebate", rows, why, reference, by, now)


def _known(tx: ReadTx, who: Sequence[UUID]) -> None:
    if missing := sorted(set(who) - set(members.today(tx, who))):
        raise NotFound(f"There is no member {missing[0]}; look the id up on the member's page.")


def _ask(
    tx: Tx, kind: str, rows: Sequence[Mapping[str, Any]], why: str, reference: str, by: str, now: datetime
) -> Request:
    if not why.strip():
        raise BadRequest("Write a sentence that says why; whoever approves reads it.")
    if not 0 < len(rows) <= MOST_LINES:
        raise BadRequest(f"Put 1 to {MOST_LINES:,} lines into a request, not {len(rows):,}.")
    head = {"kind": kind, "why": why.strip(), "reference": reference.strip(), "state": "asked"}
    made = insert(hand_requests).values(head | {"asked_by": by, "asked_at": now})
    request_id = int(tx.execute(made.returning(hand_requests.c.id)).scalar_one())
    fixed = {"request_id": request_id, "outcome": "waiting"}
    try:
        with tx.begin_nested():
            tx.execute(insert(hand_lines), [{**row, **fixed, "nth": nth} for nth, row in enumerate(rows, 1)])
    except IntegrityError as taken:
        raise HandMoved("A payment to one of these dealers waits already; end that one first.") from taken
    return _told(tx, request_id, "ask", by, now)


def approve(tx: Tx, request_id: int, *, key: bytes, by: str, now: datetime) -> Request:
    """Another person agrees and it is done, at once and whole. key: coupons' codes are made with it.

    Raises HandMoved, NotFound.
    """
    if get(tx, request_id).asked_by == by:
        raise HandMoved("Another person has to agree: whoever asked for it cannot.")
    _end(tx, request_id, state="done", ended_by=by, ended_at=now)
    kind, waiting = get(tx, request_id).kind, lines_of(tx, request_id)
    coupon = kind == "coupon"
    made = _issue(tx, request_id, waiting, key, now) if coupon else _move(tx, request_id, kind, waiting, now)
    _settle(tx, request_id, made)
    return _told(tx, request_id, "approve", by, now)


def refuse(tx: Tx, request_id: int, *, by: str, reason: str, now: datetime) -> Request:
    """Nothing moves; who asked may take it back this way too. Raises BadRequest without a reason, HandMoved."""
    if not reason.strip():
        raise BadRequest("Write a sentence that says why; it is kept with the decision.")
    _end(tx, request_id, state="refused", ended_by=by, ended_at=now, refusal=reason.strip())
    tx.execute(update(hand_lines).where(hand_lines.c.request_id == request_id).values(outcome="refused"))
    return _told(tx, request_id, "refuse", by, now)


def give_back(tx: Tx, request_id: int, nth: int, *, by: str, reason: str, now: datetime) -> Line:
    """The bank sent a rebate back: the dealer has it again and it can be paid anew. Raises BadRequest, HandMoved."""
    if not reason.strip():
        raise BadRequest("Write what the bank said; it is kept with the payment.")
    this = (hand_lines.c.request_id == request_id, hand_lines.c.nth == nth)
    rebate = select(hand_requests.c.id).where(hand_requests.c.kind == "rebate")
    sent = update(hand_lines).where(*this, hand_lines.c.outcome == "done", hand_lines.c.request_id.in_(rebate))
    row = tx.execute(sent.values(outcome="returned").returning(*hand_lines.c)).first()
    if row is None:
        raise HandMoved(f"Line {nth} of request {request_id} is no rebate that was paid.")
    undone = Reversal(Key("by-hand-back", f"{request_id}.{nth}"), row.made_id, "rebate-returned")
    [outcome] = reversing.reverse(tx, [undone], now=now)
    assert outcome.state == "posted", outcome
    subject = f"by-hand:{request_id}"
    audit.record(tx, actor=by, action="by-hand.give-back", subject=subject, after={"nth": nth, "why": reason}, now=now)
    return _line(row)


def _end(tx: Tx, request_id: int, **values: object) -> None:
    """The guarded step that two people race for."""
    this = update(hand_requests).where(hand_requests.c.id == request_id, hand_requests.c.state == "asked")
    if not tx.execute(this.values(**values)).rowcount:
        raise HandMoved(f"The request is {get(tx, request_id).state} already; load it again.")


Made = dict[int, tuple[str, UUID | None]]  # nth -> outcome and what was made.


def _issue(tx: Tx, request_id: int, waiting: Sequence[Line], key: bytes, now: datetime) -> Made:
    today, made = members.today(tx, [UUID(one.owner_ref) for one in waiting]), Made()
    for one in waiting:
        who = today.get(UUID(one.owner_ref))
        if who is None:
            made[one.nth] = "erased", None
            continue
        source = f"by-hand:{request_id}.{one.nth}"
        coupon = coupons.issue(tx, member_id=who, terms=one.terms or {}, source=source, key=key, now=now)
        made[one.nth] = "done", coupon.id
    return made


def _move(tx: Tx, request_id: int, kind: str, waiting: Sequence[Line], now: datetime) -> Made:
    owners = {one.owner_ref: one.owner_ref for one in waiting}
    if kind == "points":
        today = members.today(tx, [UUID(owner) for owner in owners])
        owners = {owner: str(today[UUID(owner)]) for owner in owners if UUID(owner) in today}
    able = [one for one in waiting if one.owner_ref in owners]
    posts = [_post(request_id, kind, one, owners[one.owner_ref]) for one in able]
    outcomes = zip(able, ledger.post(tx, posts, now=now), strict=True)
    gone = {one.nth: ("erased", None) for one in waiting if one.owner_ref not in owners}
    return gone | {one.nth: _became(outcome) for one, outcome in outcomes}


def _post(request_id: int, kind: str, one: Line, owner: str) -> Post:
    key = Key("by-hand", f"{request_id}.{one.nth}")
    if kind == "rebate":
        account = spendable(owner, REBATE)
        return Post(key, "burn", account, System.REDEEMED, one.amount, "rebate-paid", asset=REBATE)
    member = Account("member", owner)
    if one.amount > 0:
        return Post(key, "adjust", System.ADJUSTMENT, member, one.amount, "goodwill")
    return Post(key, "adjust", member, System.ADJUSTMENT, -one.amount, "correction")


def _became(outcome: Outcome) -> tuple[str, UUID | None]:
    return ("done", outcome.transfer_id) if outcome.state == "posted" else (outcome.reason, None)


def _settle(tx: Tx, request_id: int, made: Made) -> None:
    this = update(hand_lines).where(hand_lines.c.request_id == request_id, hand_lines.c.nth == bindparam("at"))
    rows = [{"at": nth, "became": outcome, "id_made": made_id} for nth, (outcome, made_id) in made.items()]
    tx.execute(this.values(outcome=bindparam("became"), made_id=bindparam("id_made")), rows)


def get(tx: ReadTx, request_id: int) -> Request:
    """Raises NotFound."""
    row = tx.execute(_requests().where(hand_requests.c.id == request_id)).first()
    if row is None:
        raise NotFound(f"There is no request {request_id}.")
    return _request(row)


def requests(tx: ReadTx, *, state: str | None = None, before: int | None = None, limit: int = 100) -> list[Request]:
    """Newest first; those before an id."""
    query = _requests().order_by(hand_requests.c.id.desc()).limit(limit)
    if state is not None:
        query = query.where(hand_requests.c.state == state)
    if before is not None:
        query = query.where(hand_requests.c.id < before)
    return [_request(row) for row in tx.execute(query)]


def lines_of(tx: ReadTx, request_id: int) -> list[Line]:
    query = select(hand_lines).where(hand_lines.c.request_id == request_id).order_by(hand_lines.c.nth)
    return [_line(row) for row in tx.execute(query)]


def _requests() -> Any:
    of_it = hand_lines.c.request_id == hand_requests.c.id
    many = select(func.count()).where(of_it).scalar_subquery()
    total = select(func.coalesce(func.sum(hand_lines.c.amount), 0)).where(of_it).scalar_subquery()
    return select(hand_requests, many.label("lines"), total.label("amount"))


def _request(row: Row[Any]) -> Request:
    return Request(*(getattr(row, name) for name in Request.__dataclass_fields__))


def _line(row: Row[Any]) -> Line:
    return Line(row.nth, row.owner_ref, row.amount, row.terms, row.outcome, row.made_id)


def _told(tx: Tx, request_id: int, action: str, by: str, now: datetime) -> Request:
    one = get(tx, request_id)
    after = {"kind": one.kind, "lines": one.lines, "amount": int(one.amount), "why": one.why, "refusal": one.refusal}
    audit.record(tx, actor=by, action=f"by-hand.{action}", subject=f"by-hand:{one.id}", after=after, now=now)
    return one
