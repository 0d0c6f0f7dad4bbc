"""Purchases: an order earns by the campaigns of its trigger, once; refunds take back in proportion, and add up.

CSV, UTF-8 with a header: order_id, member, placed_at, paid_yuan, channel, gtins (joined by spaces). The whole file or
nothing: every row is read before the first is written, and a refusal names the row and the column. The order's id is
the key: the same again changes nothing, with other content it is refused.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from itertools import islice
from uuid import UUID

from sqlalchemy import Row, insert, select, text, update

from foundation.bulk import record_set, rows_json
from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest, Conflict, NotFound
from foundation.ids import uuid7
from loyalty import earning, expiry, following, members
from loyalty.csv_rows import rows_of
from loyalty.earning import Award, EarnRequest
from loyalty.idempotency import Key, input_hash
from loyalty.receipts import receipts_of
from loyalty.reversing import Reversal, reverse
from loyalty.tables import order_refunds, orders

COLUMNS = ("order_id", "member", "placed_at", "paid_yuan", "channel", "gtins")
MOST_FEN = 10**11
BATCH = 1_000


class OrderReused(Conflict):
    """The order's id was used for another order."""

    type = "order-reused"


class BadOrderFile(BadRequest):
    """A row of the file cannot be taken, so none was."""

    type = "bad-order-file"


@dataclass(frozen=True, slots=True)
class Order:
    """paid_fen: after discounts and what was paid in points."""

    id: str
    member_id: UUID
    placed_at: datetime
    paid_fen: int
    channel: str = ""
    gtins: tuple[str, ...] = ()

    def hash(self) -> bytes:
        return input_hash(
            member=self.member_id, at=self.placed_at, paid=self.paid_fen, channel=self.channel, gtins=list(self.gtins)
        )


def check(order: Order) -> None:
    """Raises BadRequest."""
    if not 0 < len(order.id) <= 100 or not order.id.isprintable():
        raise BadRequest("order_id: give 1 to 100 printable characters.")
    if not 0 < order.paid_fen <= MOST_FEN:
        raise BadRequest(f"paid_fen: give a whole number of fen from 1 to {MOST_FEN:,}.")
    if order.placed_at.tzinfo is None:
        raise BadRequest("placed_at: give the time with its offset.")
    if len(order.channel) > 40 or not order.channel.isprintable():
        raise BadRequest("channel: give at most 40 printable characters.")
    if len(order.gtins) > 500 or not all(one.isascii() and one.isdigit() and len(one) <= 14 for one in order.gtins):
        raise BadRequest("gtins: give at most 500 product numbers of at most 14 digits.")


def place(tx: Tx, placed: Sequence[Order], *, now: datetime) -> list[Award]:
    """What each order earned, now or when it came first. Raises BadRequest, OrderReused."""
    for one in placed:
        check(one)
    rows = [_row(one, now) for one in {one.id: one for one in reversed(placed)}.values()]
    sent = {"orders": rows_json(sorted(rows, key=lambda row: str(row["id"]))), "now": now}
    fresh = set(tx.execute(_PLACE, sent).scalars())
    kept = {row.id: row for row in tx.execute(select(orders).where(orders.c.id.in_([one.id for one in placed])))}
    for one in placed:
        if bytes(kept[one.id].input_hash) != one.hash():
            raise OrderReused(f"Order {one.id!r} was placed before with other content; give it an id of its own.")
    awards = earning.reward(tx, [_request(one, kept[one.id].correlation_id) for one in placed], now=now)
    earned = {one.id: (one, award) for one, award in zip(placed, awards, strict=True) if one.id in fresh}
    news = [(one.member_id, award.points, one.paid_fen, one.placed_at) for one, award in earned.values()]
    following.ordered(tx, news)
    return awards


_PLACE = text(f"""
INSERT INTO orders (id, member_id, correlation_id, placed_at, paid_fen, refunded_fen, channel, gtins, input_hash,
    created_at)
SELECT id, member_id, correlation_id, placed_at, paid_fen, 0, channel, gtins, CAST(hash AS bytea), :now
FROM {
    record_set(
        "orders",
        "id text, member_id uuid, correlation_id uuid, placed_at timestamptz, paid_fen bigint, "
        "channel text, gtins jsonb, hash text",
    )
}
ON CONFLICT DO NOTHING RETURNING id
""")  # noqa: S608


def _row(one: Order, now: datetime) -> dict[str, object]:
    return {
        "id": one.id,
        "member_id": one.member_id,
        "correlation_id": uuid7(now),
        "placed_at": one.placed_at,
        "paid_fen": one.paid_fen,
        "channel": one.channel,
        "gtins": list(one.gtins),
        "hash": "\\x" + one.hash().hex(),
    }


def _request(one: Order, correlation_id: UUID) -> EarnRequest:
    facts: dict[str, object] = {"spend_fen": one.paid_fen, "gtins": list(one.gtins)}
    if one.channel:
        facts["channel"] = one.channel
    return EarnRequest(
        correlation_id, 0, "", 0, one.member_id, False, "", one.placed_at, facts, scope="order", ref=one.id
    )


def refund(tx: Tx, order_id: str, refund_id: str, amount_fen: int, *, now: datetime) -> int:
    """Take back the points of a part of an order; how many. The same refund again gives the same answer.

    Together the parts take back floor(points x refunded / paid): the last one whatever is left of the whole.
    Raises NotFound, Conflict beyond what was paid, or for a refund id used otherwise.
    """
    order = tx.execute(select(orders).where(orders.c.id == order_id).with_for_update()).one_or_none()
    if order is None:
        raise NotFound(f"There is no order {order_id!r}.")
    before = tx.execute(select(order_refunds).where(order_refunds.c.id == refund_id)).one_or_none()
    if before is not None:
        if (before.order_id, before.amount_fen) != (order_id, amount_fen):
            raise Conflict(f"Refund {refund_id!r} was given before with other content; give it an id of its own.")
        return int(before.points)
    if not 0 < amount_fen <= order.paid_fen - order.refunded_fen:
        raise Conflict(f"Order {order_id!r} has {order.paid_fen - order.refunded_fen} fen left to refund.")
    points = _take_back(tx, order, refund_id, order.refunded_fen + amount_fen, now)
    tx.execute(update(orders).where(orders.c.id == order_id).values(refunded_fen=orders.c.refunded_fen + amount_fen))
    row = {"id": refund_id, "order_id": order_id, "amount_fen": amount_fen, "points": points, "at": now}
    tx.execute(insert(order_refunds).values(**row))
    following.refunded(tx, order.member_id, points=points, spend_fen=amount_fen, placed_at=order.placed_at)
    return points


def _take_back(tx: Tx, order: Row[tuple[object, ...]], refund_id: str, refunded_fen: int, now: datetime) -> int:
    receipt = receipts_of(tx, [order.correlation_id]).get(order.correlation_id)
    wanted = []
    for part in receipt.outcome["parts"] if receipt else ():
        due, was = (part["points"] * fen // order.paid_fen for fen in (refunded_fen, order.refunded_fen))
        if due > was:
            made = UUID(part["transfer_id"])
            wanted.append(Reversal(Key("refund", f"{refund_id} {made}"), made, "refund", due - was))
    return sum(one.amount for one in reverse(tx, wanted, now=now) if one.state == "posted")


def import_csv(tx: Tx, content: bytes, *, now: datetime) -> int:
    """Place all orders of a file; how many rows. Raises BadOrderFile, OrderReused; then nothing was placed."""
    # Read twice: every row is looked at before the first is written, and a million orders are never held at once.
    count = sum(1 for _ in read_csv(content))
    rows = enumerate(read_csv(content), 2)
    for batch in iter(lambda: list(islice(rows, BATCH)), []):
        place(tx, _of_members(tx, batch), now=now)
    return count


def _of_members(tx: ReadTx, batch: Sequence[tuple[int, Order]]) -> list[Order]:
    """Each for whom its member is today: merged since, perhaps. Raises BadOrderFile."""
    today = members.today(tx, [one.member_id for _, one in batch])
    for number, one in batch:
        if one.member_id not in today:
            raise BadOrderFile(f"Row {number}, member: nobody is a member under this id.")
    return [replace(one, member_id=today[one.member_id]) for _, one in batch]


def read_csv(content: bytes) -> Iterator[Order]:
    rows = rows_of(content, BadOrderFile)
    if tuple(next(rows, (1, []))[1]) != COLUMNS:
        raise BadOrderFile(f"Row 1: let the header be {','.join(COLUMNS)}.")
    seen: dict[str, int] = {}
    for number, cells in rows:
        order = _read(number, cells)
        if order.id in seen:
            raise BadOrderFile(f"Row {number}, order_id: {order.id!r} is in row {seen[order.id]} already.")
        seen[order.id] = number
        yield order


def _read(number: int, row: Sequence[str]) -> Order:
    if len(row) != len(COLUMNS):
        raise BadOrderFile(f"Row {number}: it has {len(row)} columns instead of {len(COLUMNS)}.")
    order_id, member, placed_at, paid_yuan, channel, gtins = row
    column, says = "member", "give the member's id"
    try:
        member_id = UUID(member)
        column, says = "placed_at", "write a time as 2026-06-01T09:30:00+08:00"
        at = datetime.fromisoformat(placed_at)
        at = at if at.tzinfo else at.replace(tzinfo=expiry.BRAND_ZONE)
        column, says = "paid_yuan", "write yuan with at most two decimals, such as 12.50"
        fen = _fen(paid_yuan)
    except (ValueError, InvalidOperation):
        raise BadOrderFile(f"Row {number}, {column}: {says}.") from None
    order = Order(order_id, member_id, at, fen, channel, tuple(gtins.split()))
    try:
        check(order)
    except BadRequest as problem:
        raise BadOrderFile(f"Row {number}, {problem}") from None
    return order


def _fen(yuan: str) -> int:
    if len(yuan) > 16 or not yuan.replace(".", "", 1).isdigit() or not yuan.isascii():
        raise ValueError
    fen = Decimal(yuan) * 100
    if fen != int(fen):
        raise ValueError
    return int(fen)
