"""A dealer's rebates: they accrue per case and sale, mature after their month, and wait while evidence is looked at.

    proposed ── approve, by another ──> held ── ask_release ──> releasing ── release, by another ──> released
       └── drop ──> dropped               └────────── its end comes ──────────> lapsed: as released
While a dealer is withheld from, no rebate of theirs matures (its hold has no due time, so a person decides);
released or lapsed, each is due as it was, or at once. Nothing is confiscated here, by silence or otherwise: what a
scan brought goes back only with that scan (`reversing.withdraw`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from foundation import audit, facts
from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest, Conflict, NotFound
from foundation.facts import Fact
from loyalty import accounts, trade
from loyalty.expiry import BRAND_ZONE
from loyalty.trade_tables import withholdings
from loyalty.trade_terms import REBATE

MOST_DAYS = 180
LIVE = ("proposed", "held", "releasing")


class WithholdingMoved(Conflict):
    """It is not in the state this needs, there is one already, or another person is needed."""

    type = "withholding-moved"


@dataclass(frozen=True, slots=True)
class Withholding:
    """region: where the evidence says the goods went; case_id: the file of the evidence."""

    id: int
    dealer_id: int
    region: int
    case_id: int
    state: str
    reason: str
    proposed_by: str
    proposed_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    lapses_at: datetime
    release_asked_by: str | None
    release_reason: str | None
    ended_by: str | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Month:
    """Fen by what became of them; month YYYY-MM on the brand's calendar. waiting: until due; withheld: for a person."""

    month: str
    accrued: int
    matured: int
    waiting: int
    withheld: int
    withdrawn: int
    due_at: datetime | None


def propose(
    tx: Tx, *, dealer_id: int, region: int, case_id: int, reason: str, days: int, by: str, now: datetime
) -> Withholding:
    """Ask that a dealer's rebates wait; nothing happens before another person agrees. BadRequest, WithholdingMoved."""
    if not reason.strip() or not 1 <= days <= MOST_DAYS:
        raise BadRequest(f"Write a sentence that says why, and for how many days, 1 to {MOST_DAYS}.")
    row = {
        "dealer_id": dealer_id, "region": region, "case_id": case_id, "state": "proposed", "reason": reason,
        "proposed_by": by, "proposed_at": now, "lapses_at": now + timedelta(days=days),
    }  # fmt: skip
    try:
        with tx.begin_nested():
            made = tx.execute(insert(withholdings).values(row).returning(*withholdings.c)).one()
    except IntegrityError as taken:
        raise WithholdingMoved("There is a withholding for this dealer and region already; work that one.") from taken
    return _told(tx, _withholding(made), "propose", by, now, reason=reason, case_id=case_id)


def approve(tx: Tx, withholding_id: int, *, by: str, now: datetime) -> Withholding:
    """Another person agrees: from now on nothing of the dealer matures. Raises WithholdingMoved, NotFound."""
    one = get(tx, withholding_id)
    if one.proposed_by == by:
        raise WithholdingMoved("Another person has to agree: whoever proposed it cannot.")
    if one.lapses_at <= now:
        raise WithholdingMoved("Its end has come; propose a new one.")
    held = _step(tx, withholding_id, ("proposed",), state="held", approved_by=by, approved_at=now)
    _stop(tx, held.dealer_id)
    return _told(tx, held, "approve", by, now)


def drop(tx: Tx, withholding_id: int, *, by: str, reason: str, now: datetime) -> Withholding:
    """A proposal nobody agreed to. Raises BadRequest without a reason, WithholdingMoved, NotFound."""
    _require(reason)
    dropped = _step(tx, withholding_id, ("proposed",), state="dropped", ended_by=by, ended_at=now)
    return _told(tx, dropped, "drop", by, now, reason=reason)


def ask_release(tx: Tx, withholding_id: int, *, by: str, reason: str, now: datetime) -> Withholding:
    """Ask that the rebates be paid. Raises BadRequest without a reason, WithholdingMoved, NotFound."""
    _require(reason)
    asked = _step(tx, withholding_id, ("held",), state="releasing", release_asked_by=by, release_reason=reason)
    return _told(tx, asked, "ask-release", by, now, reason=reason)


def release(tx: Tx, withholding_id: int, *, by: str, now: datetime) -> Withholding:
    """Another person agrees: the rebates mature as they would have. Raises WithholdingMoved, NotFound."""
    if get(tx, withholding_id).release_asked_by == by:
        raise WithholdingMoved("Another person has to agree: whoever asked for the release cannot.")
    released = _step(tx, withholding_id, ("releasing",), state="released", ended_by=by, ended_at=now)
    _go_on(tx, released.dealer_id, now)
    return _told(tx, released, "release", by, now)


def lift(tx: Tx, withholding_id: int, *, by: str, now: datetime) -> bool:
    """The action it followed from ended or was undone: as if its end had come. False: it had ended already."""
    row = tx.execute(
        update(withholdings)
        .where(withholdings.c.id == withholding_id, withholdings.c.state.in_(LIVE))
        .values(state="lapsed", ended_by=by, ended_at=now)
        .returning(*withholdings.c)
    ).first()
    if row is not None:
        _go_on(tx, row.dealer_id, now)
        _told(tx, _withholding(row), "lapse", by, now)
    return row is not None


def sweep(tx: Tx, *, now: datetime, limit: int = 100) -> int:
    """Let what came to its end lapse, proposals included; keep back what accrued meanwhile. How many lapsed."""
    due = select(withholdings).where(withholdings.c.state.in_(LIVE), withholdings.c.lapses_at <= now)
    rows = tx.execute(due.order_by(withholdings.c.id).limit(limit).with_for_update(skip_locked=True)).all()
    for row in rows:
        lapsed = _step(tx, row.id, LIVE, state="lapsed", ended_by="worker", ended_at=now)
        _go_on(tx, lapsed.dealer_id, now)
        _told(tx, lapsed, "lapse", "worker", now)
    # A rebate entered beside the approval may have missed it; it matures days later at the earliest.
    for dealer_id in tx.execute(select(withholdings.c.dealer_id).where(_holds()).distinct()).scalars():
        _stop(tx, dealer_id)
    return len(rows)


def _holds() -> Any:
    return withholdings.c.state.in_(("held", "releasing"))


def withheld(tx: ReadTx, dealer_ids: Iterable[int]) -> set[int]:
    """Those of these dealers of whom nothing matures now."""
    found = select(withholdings.c.dealer_id).where(withholdings.c.dealer_id.in_(list(dealer_ids)), _holds())
    return set(tx.execute(found).scalars())


def _stop(tx: Tx, dealer_id: int) -> None:
    tx.execute(_STOP, {"owner": trade.dealer(dealer_id)})


_STOP = text("""
UPDATE holds SET mature_at = NULL WHERE owner_ref = :owner AND state = 'open' AND mature_at IS NOT NULL
""")


def _go_on(tx: Tx, dealer_id: int, now: datetime) -> None:
    if not withheld(tx, [dealer_id]):
        tx.execute(_GO_ON, {"owner": trade.dealer(dealer_id), "now": now, "zone": BRAND_ZONE.key})


_DUE = """(date_trunc('month', h.created_at AT TIME ZONE :zone) + interval '1 month'
    + t.mature_days * interval '1 day') AT TIME ZONE :zone"""
_GO_ON = text(f"""
UPDATE holds h SET mature_at = greatest(CAST(:now AS timestamptz), {_DUE}) FROM trade_terms t
WHERE t.id = h.campaign_id AND h.owner_ref = :owner AND h.state = 'open' AND h.mature_at IS NULL
""")  # noqa: S608


def months(tx: ReadTx, dealer_id: int) -> list[Month]:
    """What a dealer's rebates came to, newest month first."""
    rows = tx.execute(_MONTHS, {"owner": trade.dealer(dealer_id), "zone": BRAND_ZONE.key})
    return [
        Month(row.month, int(row.accrued), int(row.matured), int(row.waiting), int(row.withheld), int(row.withdrawn),
              row.due_at)
        for row in rows
    ]  # fmt: skip


_MONTHS = text("""
SELECT to_char(created_at AT TIME ZONE :zone, 'YYYY-MM') AS month, sum(amount) AS accrued, sum(posted) AS matured,
    coalesce(sum(amount) FILTER (WHERE state = 'open' AND mature_at IS NOT NULL), 0) AS waiting,
    coalesce(sum(amount) FILTER (WHERE state = 'open' AND mature_at IS NULL), 0) AS withheld,
    coalesce(sum(amount - posted) FILTER (WHERE state <> 'open'), 0) AS withdrawn,
    max(mature_at) FILTER (WHERE state = 'open') AS due_at
FROM holds WHERE owner_ref = :owner AND direction = 'earn' GROUP BY 1 ORDER BY 1 DESC
""")


def balance_fen(tx: ReadTx, dealer_id: int) -> int:
    """Matured and not paid out yet."""
    return accounts.read(tx, trade.dealer(dealer_id), asset=REBATE).get("trade", (0, 0))[1]


def get(tx: ReadTx, withholding_id: int) -> Withholding:
    """Raises NotFound."""
    row = tx.execute(select(withholdings).where(withholdings.c.id == withholding_id)).first()
    if row is None:
        raise NotFound(f"There is no withholding {withholding_id}.")
    return _withholding(row)


def of_dealer(tx: ReadTx, dealer_id: int | None = None) -> list[Withholding]:
    """Newest first; of one dealer, or of all."""
    query = select(withholdings).order_by(withholdings.c.id.desc()).limit(500)
    rows = tx.execute(query if dealer_id is None else query.where(withholdings.c.dealer_id == dealer_id))
    return [_withholding(row) for row in rows]


def _require(reason: str) -> None:
    if not reason.strip():
        raise BadRequest("Write a sentence that says why; it is kept with the decision.")


def _step(tx: Tx, withholding_id: int, expected: tuple[str, ...], **values: object) -> Withholding:
    this = update(withholdings).where(withholdings.c.id == withholding_id, withholdings.c.state.in_(expected))
    row = tx.execute(this.values(**values).returning(*withholdings.c)).first()
    if row is None:
        raise WithholdingMoved(f"The withholding is {get(tx, withholding_id).state}; load it again.")
    return _withholding(row)


def _told(tx: Tx, one: Withholding, action: str, by: str, now: datetime, **after: object) -> Withholding:
    """On record, and told to whoever listens: a dealer learns of it, with its end."""
    subject = f"dealer:{one.dealer_id}"
    kept = {"withholding": one.id, "state": one.state} | after
    audit.record(tx, actor=by, action=f"rebates.{action}", subject=subject, after=kept, now=now)
    if one.state in ("held", "released", "lapsed") and one.approved_by is not None:
        kind = "rebates.withheld" if one.state == "held" else "rebates.released"
        body = {"dealer_id": one.dealer_id, "region": one.region, "until": one.lapses_at.isoformat()}
        facts.announce(tx, [Fact(kind, subject, body)], now=now)
    return one


def _withholding(row: Row[Any]) -> Withholding:
    return Withholding(*(getattr(row, name) for name in Withholding.__dataclass_fields__))
