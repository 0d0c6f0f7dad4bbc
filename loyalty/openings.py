"""A store opens a case by scanning its label: rewarded once a case, for ever; what is refused stays as evidence.

The opening's id is its sender's: the same again answers the same. What lies in the case belongs to the store from then
on, so that the scan of a bottle finds it. Of two stores that open one case at once the row of the case decides.

| refused             | why                                                                       |
| ------------------- | ------------------------------------------------------------------------- |
| unknown-case        | no case of ours has this number                                           |
| not-a-case          | a pallet, layer or bundle; or a label that was replaced                   |
| not-shipped         | on record as still at the maker's                                         |
| other-dealer        | shipped to another dealer than the store's: evidence of diversion         |
| already-opened      | by this store or another                                                  |
| other-store         | delivered to another store                                                |
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text

from foundation.database import ReadTx, Tx
from foundation.errors import Conflict
from loyalty import trade_terms
from loyalty.idempotency import Key
from loyalty.trade import Partner, Person
from loyalty.trade_rewards import Due, pay
from loyalty.trade_tables import case_openings


class OpeningReused(Conflict):
    """The id was used for another opening; nothing was changed."""

    type = "opening-id-reused"


@dataclass(frozen=True, slots=True)
class Case:
    """What is on record of a unit. level None: there is none. units: itself and all in it.

    formerly: labels it had before, and units whose place it took.
    """

    sscc: str
    level: str | None = None
    brand_id: int | None = None
    dealer_id: int | None = None
    units: Sequence[str] = ()
    formerly: Sequence[str] = ()
    is_retired: bool = False


@dataclass(frozen=True, slots=True)
class Opening:
    """state: opened or refused, with the reason. unpaid: why an opened case brought no points, or empty."""

    id: UUID
    partner_id: int
    member_id: UUID
    sscc: str
    state: str
    reason: str
    dealer_id: int | None
    points: int
    assistant_points: int
    unpaid: str
    at: datetime


def open_case(tx: Tx, opening_id: UUID, case: Case, person: Person, *, device: str, now: datetime) -> Opening:
    """Open a case for the store `person` works for. A refusal is an answer, and stays. Raises OpeningReused."""
    row = {
        "id": opening_id, "partner": person.partner.id, "member": person.member_id, "sscc": case.sscc,
        "device": device, "dealer": case.dealer_id, "now": now,
    }  # fmt: skip
    if tx.execute(_ASK, row).first() is None:
        found = tx.execute(select(case_openings).where(case_openings.c.id == opening_id)).one()
        if (found.member_id, found.sscc) != (person.member_id, case.sscc):
            raise OpeningReused("This id was used for another case; make a new one.")
        return _opening(found)
    why_not = _why_not(tx, case, person.partner) or _take(tx, case, person, now)
    if why_not:
        return _answer(tx, opening_id, state="refused", reason=why_not)
    return _reward(tx, opening_id, case, person, now)


_ASK = text("""
INSERT INTO case_openings (id, partner_id, member_id, sscc, device, state, reason, dealer_id, points, assistant_points,
    rebate_fen, unpaid, at)
VALUES (:id, :partner, :member, :sscc, :device, 'asked', '', :dealer, 0, 0, 0, '', :now)
ON CONFLICT DO NOTHING RETURNING id
""")


def _why_not(tx: ReadTx, case: Case, partner: Partner) -> str:
    if case.level is None:
        return "unknown-case"
    if case.level != "case" or case.is_retired:
        return "not-a-case"
    if case.dealer_id is None:
        return "not-shipped"
    if case.dealer_id != partner.dealer_id:
        return "other-dealer"
    return "already-opened" if tx.execute(_OPENED_BEFORE, {"units": list(case.formerly)}).scalar() else ""


_OPENED_BEFORE = text("""
SELECT EXISTS (SELECT FROM shop_units WHERE sscc = ANY(CAST(:units AS text[])) AND how = 'opened')
""")


def _take(tx: Tx, case: Case, person: Person, now: datetime) -> str:
    """Make the case the store's, by one statement; why that failed."""
    row = {"sscc": case.sscc, "partner": person.partner.id, "by": person.member_id, "now": now}
    if tx.execute(_OPEN, row).first() is None:
        holder = tx.execute(_HOLDER, {"sscc": case.sscc}).one()
        return "already-opened" if holder.how == "opened" else "other-store"
    inner = [one for one in case.units if one != case.sscc]
    tx.execute(_BELONGS, row | {"units": sorted(inner), "how": "opened"})
    return ""


_OPEN = text("""
INSERT INTO shop_units AS u (sscc, case_sscc, partner_id, how, opened_by, since)
VALUES (:sscc, :sscc, :partner, 'opened', :by, :now)
ON CONFLICT (sscc) DO UPDATE SET how = 'opened', opened_by = :by
WHERE u.how = 'delivered' AND u.partner_id = :partner RETURNING sscc
""")
_HOLDER = text("SELECT partner_id, how FROM shop_units WHERE sscc = :sscc")
_BELONGS = text("""
INSERT INTO shop_units AS u (sscc, case_sscc, partner_id, how, opened_by, since)
SELECT unit, CAST(:sscc AS text), CAST(:partner AS bigint), :how, CAST(:by AS uuid), CAST(:now AS timestamptz)
FROM unnest(CAST(:units AS text[])) AS unit
ON CONFLICT (sscc) DO UPDATE SET how = excluded.how, opened_by = excluded.opened_by
WHERE u.partner_id = excluded.partner_id AND u.how = 'delivered'
""")


def _reward(tx: Tx, opening_id: UUID, case: Case, person: Person, now: datetime) -> Opening:
    terms = trade_terms.at(tx, case.brand_id or 0, now)
    if terms is None:
        return _answer(tx, opening_id, state="opened", unpaid="no-terms")
    assistant = person.member_id if person.role == "assistant" else None
    due = Due(
        Key("case-opening", case.sscc), opening_id, "case-opened", terms, person.partner.id, assistant,
        terms.promise.case_points, case.dealer_id, terms.promise.case_rebate_fen, now,
    )  # fmt: skip
    (paid,) = pay(tx, [due], now=now)
    return _answer(
        tx, opening_id, state="opened", points=paid.points, assistant_points=paid.assistant_points,
        rebate_fen=paid.rebate_fen, unpaid=paid.unpaid,
    )  # fmt: skip


def _answer(tx: Tx, opening_id: UUID, **values: object) -> Opening:
    this = case_openings.update().where(case_openings.c.id == opening_id)
    return _opening(tx.execute(this.values(**values).returning(*case_openings.c)).one())


def deliver(tx: Tx, case: Case, partner: Partner, *, now: datetime) -> str:
    """The dealer brought a case to a store, which may sell from it unopened; the same again changes nothing.

    Returns why not, in the words of a refused opening, or empty.
    """
    if why_not := _why_not(tx, case, partner):
        return why_not
    row = {"sscc": case.sscc, "partner": partner.id, "by": None, "now": now, "how": "delivered"}
    tx.execute(_BELONGS, row | {"units": sorted(case.units)})
    holder = tx.execute(_HOLDER, {"sscc": case.sscc}).one()
    return "" if holder.partner_id == partner.id else "other-store"


def of_partner(tx: ReadTx, partner_id: int, *, limit: int = 50) -> list[Opening]:
    """What a store opened and tried to, newest first."""
    query = select(case_openings).where(case_openings.c.partner_id == partner_id)
    return [_opening(row) for row in tx.execute(query.order_by(case_openings.c.id.desc()).limit(limit))]


def refused(tx: ReadTx, *, limit: int = 100) -> list[Opening]:
    """Evidence: openings that were refused, newest first."""
    query = select(case_openings).where(case_openings.c.state == "refused").order_by(case_openings.c.id.desc())
    return [_opening(row) for row in tx.execute(query.limit(limit))]


def _opening(row: Row[Any]) -> Opening:
    return Opening(*(getattr(row, name) for name in Opening.__dataclass_fields__))
