"""Retailers, dealers and the people who work for them: members of their own kind (bC 一体化).

    register ──> pending ── approve, by staff of the brand ──> approved ── close ──> closed;   or refuse ──> refused
    enrolled by staff for an owner: as registered, and somebody else approves
    join ──> asked ── accept, by the owner or the brand ──> bound ── leave, or ended by the owner ──> ended
A store belongs to one dealer. Its code, dealer and region never change: whoever moves registers anew. A person works
for one partner at a time, from one instant to another, so what was done is always done for somebody. Owners of points:
`store:<partner>`, `dealer:<dealer>`, `assistant:<member>`; nothing here touches a person's own consumer points.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text, update

from foundation import audit
from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest, Conflict, NotAllowed, NotFound
from loyalty.trade_tables import trade_partners, trade_people

KINDS = ("store", "dealer")
CODE = re.compile(r"[A-Z0-9][A-Z0-9-]{2,19}")


class NoSuchPartner(NotFound):
    type = "no-such-partner"


class PartnerExists(Conflict):
    """The code is taken, or the person works for somebody already."""

    type = "partner-exists"


class PartnerMoved(Conflict):
    """The registration or the person is not in the state this needs."""

    type = "partner-moved"


class NotAPartner(NotAllowed):
    """Only for people of an approved store or dealer."""

    type = "not-a-partner"


@dataclass(frozen=True, slots=True)
class Partner:
    """dealer_id: whose store it is, or the dealer itself. region: the prefecture it stands in.

    enrolled_by: who of the staff registered it for its owner; None when the owner did.
    """

    id: int
    kind: str
    dealer_id: int
    code: str
    name: str
    region: int
    state: str
    reason: str | None
    created_at: datetime
    enrolled_by: str | None = None

    @property
    def owner(self) -> str:
        """Whose points the partner's are."""
        return store(self.id) if self.kind == "store" else dealer(self.dealer_id)


@dataclass(frozen=True, slots=True)
class Person:
    """A member who works for a partner; since None: asked, and not accepted yet."""

    id: int
    partner: Partner
    member_id: UUID
    role: str
    state: str
    since: datetime | None
    until: datetime | None


def store(partner_id: int) -> str:
    return f"store:{partner_id}"


def dealer(dealer_id: int) -> str:
    return f"dealer:{dealer_id}"


def assistant(member_id: UUID) -> str:
    return f"assistant:{member_id}"


def register(
    tx: Tx, *, kind: str, dealer_id: int, code: str, name: str, region: int, member_id: UUID, now: datetime,
    enrolled_by: str | None = None,
) -> Person:  # fmt: skip
    """Ask the brand to let a store or dealer in, with its owner; the same again answers the same.

    The caller has looked that there is such a dealer, allowed in that region. Raises BadRequest, PartnerExists.
    """
    code, name = code.strip().upper(), " ".join(name.split())
    if kind not in KINDS or not CODE.fullmatch(code) or not 1 <= len(name) <= 80 or not name.isprintable():
        raise BadRequest("Give a kind (store or dealer), a code of 3 to 20 letters and digits, and a name.")
    row = {"kind": kind, "dealer": dealer_id, "code": code, "name": name, "region": region, "now": now}
    row["by"] = enrolled_by
    partner_id = tx.execute(_REGISTER, row).scalar()
    if partner_id is None:
        mine = of_member(tx, member_id)
        said = (kind, dealer_id, code, name, region)
        if mine and (mine.partner.kind, mine.partner.dealer_id, mine.partner.code, mine.partner.name,
                     mine.partner.region) == said:  # fmt: skip
            return mine
        raise PartnerExists(f"The code {code} is taken; ask the dealer for a code of your own.")
    _ask(tx, partner_id, member_id, "owner", now)
    if enrolled_by is not None:
        audit.record(
            tx, actor=enrolled_by, action="trade.enrol", subject=f"partner:{partner_id}", after={"code": code}, now=now
        )
    return _mine(tx, member_id)


# The constraint first, the look-up after: of two who take one code, one waits and reads the other.
_REGISTER = text("""
INSERT INTO trade_partners (kind, dealer_id, code, name, region, state, created_at, enrolled_by)
VALUES (:kind, :dealer, :code, :name, :region, 'pending', :now, :by)
ON CONFLICT (code) WHERE state <> 'refused' DO NOTHING RETURNING id
""")


def approve(tx: Tx, partner_id: int, *, by: str, now: datetime) -> Partner:
    """Staff of the brand let the partner in, and its owner with it. Raises PartnerMoved, NoSuchPartner."""
    if get(tx, partner_id).enrolled_by == by:
        raise PartnerMoved("Another person has to approve: whoever enrolled it cannot.")
    decided = _decide(tx, partner_id, "pending", "approved", "", by, now)
    asked = update(trade_people).where(
        trade_people.c.partner_id == partner_id, trade_people.c.role == "owner", trade_people.c.state == "asked"
    )
    tx.execute(asked.values(state="bound", since=now))
    return decided


def refuse(tx: Tx, partner_id: int, *, by: str, reason: str, now: datetime) -> Partner:
    """Raises BadRequest without a reason, PartnerMoved, NoSuchPartner."""
    return _dismiss(tx, partner_id, "pending", "refused", reason, by, now)


def close(tx: Tx, partner_id: int, *, by: str, reason: str, now: datetime) -> Partner:
    """It earns no more; what it has it keeps. Raises BadRequest without a reason, PartnerMoved, NoSuchPartner."""
    return _dismiss(tx, partner_id, "approved", "closed", reason, by, now)


def _dismiss(tx: Tx, partner_id: int, expected: str, state: str, reason: str, by: str, now: datetime) -> Partner:
    if not reason.strip():
        raise BadRequest("Write a sentence that says why; the partner reads it.")
    decided = _decide(tx, partner_id, expected, state, reason, by, now)
    people = update(trade_people).where(trade_people.c.partner_id == partner_id, trade_people.c.state != "ended")
    tx.execute(people.values(state="ended", until=now, ended_by=by))
    return decided


def _decide(tx: Tx, partner_id: int, expected: str, state: str, reason: str, by: str, now: datetime) -> Partner:
    this = update(trade_partners).where(trade_partners.c.id == partner_id, trade_partners.c.state == expected)
    values = {"state": state, "reason": reason or None, "decided_by": by, "decided_at": now}
    row = tx.execute(this.values(values).returning(*trade_partners.c)).first()
    if row is None:
        raise PartnerMoved(f"The partner is {get(tx, partner_id).state}; load it again before you go on.")
    audit.record(tx, actor=by, action=f"trade.{state}", subject=f"partner:{partner_id}", after=reason or None, now=now)
    return _partner(row)


def join(tx: Tx, code: str, *, member_id: UUID, now: datetime) -> Person:
    """Ask to work for an approved partner; the same again answers the same. Raises NoSuchPartner, PartnerExists."""
    partner_id = of_code(tx, code).id
    mine = of_member(tx, member_id)
    if mine is None or mine.partner.id != partner_id:
        _ask(tx, partner_id, member_id, "assistant", now)
    return _mine(tx, member_id)


def _ask(tx: Tx, partner_id: int, member_id: UUID, role: str, now: datetime) -> None:
    row = {"partner": partner_id, "member": member_id, "role": role, "now": now}
    if tx.execute(_ASK, row).first() is None:
        raise PartnerExists("A person works for one store or dealer at a time; leave the other first.")


_ASK = text("""
INSERT INTO trade_people (partner_id, member_id, role, state, asked_at) VALUES (:partner, :member, :role, 'asked', :now)
ON CONFLICT (member_id) WHERE state <> 'ended' DO NOTHING RETURNING id
""")


def accept(tx: Tx, person_id: int, *, partner_id: int, by: str, now: datetime) -> None:
    """The owner, or the brand, takes somebody on. Raises PartnerMoved."""
    _person_step(tx, person_id, partner_id, ["asked"], {"state": "bound", "since": now}, "trade.accept", by, now)


def end(tx: Tx, person_id: int, *, partner_id: int, by: str, now: datetime) -> None:
    """Somebody no longer works there, or is not taken on; an owner takes a registration back. Raises PartnerMoved.

    The owner of an approved store stays as long as the store does: the brand closes it.
    """
    role = tx.execute(select(trade_people.c.role).where(trade_people.c.id == person_id)).scalar()
    if role == "owner" and get(tx, partner_id).state == "approved":
        raise PartnerMoved("The owner stays as long as the store does; ask the brand to close it.")
    if role == "owner":
        _decide(tx, partner_id, "pending", "refused", "withdrawn", by, now)
    values = {"state": "ended", "until": now, "ended_by": by}
    _person_step(tx, person_id, partner_id, ["asked", "bound"], values, "trade.end", by, now)


def _person_step(
    tx: Tx, person_id: int, partner_id: int, expected: Sequence[str], values: dict[str, object], action: str, by: str,
    now: datetime,
) -> None:  # fmt: skip
    this = update(trade_people).where(
        trade_people.c.id == person_id, trade_people.c.partner_id == partner_id, trade_people.c.state.in_(expected)
    )
    if not tx.execute(this.values(values)).rowcount:
        raise PartnerMoved("There is nobody like this to decide about; load the page again.")
    audit.record(tx, actor=by, action=action, subject=f"partner:{partner_id}", after={"person": person_id}, now=now)


def forget(tx: Tx, member_id: UUID, *, now: datetime) -> bool:
    """An erased member works for nobody any more. False: they never did."""
    here = update(trade_people).where(trade_people.c.member_id == member_id, trade_people.c.state != "ended")
    tx.execute(here.values(state="ended", until=now, ended_by="erasure"))
    return (
        tx.execute(select(trade_people.c.id).where(trade_people.c.member_id == member_id).limit(1)).first() is not None
    )


def of_member(tx: ReadTx, member_id: UUID) -> Person | None:
    """For whom a member works, or asked to."""
    found = select(trade_people).where(trade_people.c.member_id == member_id, trade_people.c.state != "ended")
    row = tx.execute(found).first()
    return _person(row, get(tx, row.partner_id)) if row else None


def _mine(tx: ReadTx, member_id: UUID) -> Person:
    found = of_member(tx, member_id)
    assert found is not None, "it was just written"
    return found


def working(tx: ReadTx, member_id: UUID, *, role: str | None = None, kind: str | None = None) -> Person:
    """The person, bound to an approved partner of that kind in that role. Raises NotAPartner."""
    found = of_member(tx, member_id)
    if found is None or found.state != "bound" or found.partner.state != "approved":
        raise NotAPartner("This is for people of an approved store or dealer; register or join one first.")
    if role not in (None, found.role) or kind not in (None, found.partner.kind):
        raise NotAPartner(f"This is for {'the ' + role if role else 'people'} of a {kind or 'partner'}.")
    return found


def people(tx: ReadTx, partner_id: int) -> list[Person]:
    """Who works for a partner or asked to, owners first."""
    partner = get(tx, partner_id)
    found = select(trade_people).where(trade_people.c.partner_id == partner_id, trade_people.c.state != "ended")
    rows = tx.execute(found.order_by(trade_people.c.role.desc(), trade_people.c.id))
    return [_person(row, partner) for row in rows]


def get(tx: ReadTx, partner_id: int) -> Partner:
    """Raises NoSuchPartner."""
    row = tx.execute(select(trade_partners).where(trade_partners.c.id == partner_id)).first()
    if row is None:
        raise NoSuchPartner(f"There is no partner {partner_id}.")
    return _partner(row)


def of_code(tx: ReadTx, code: str, *, kind: str | None = None) -> Partner:
    """The approved partner with a code. Raises NoSuchPartner."""
    this = (trade_partners.c.code == code.strip().upper(), trade_partners.c.state == "approved")
    row = tx.execute(select(trade_partners).where(*this)).first()
    if row is None or kind not in (None, row.kind):
        raise NoSuchPartner(f"There is no approved {kind or 'store or dealer'} with this code; ask its owner for it.")
    return _partner(row)


def partners(tx: ReadTx, *, state: str | None = None, limit: int = 500) -> list[Partner]:
    """Newest first."""
    query = select(trade_partners).order_by(trade_partners.c.id.desc()).limit(limit)
    rows = tx.execute(query.where(trade_partners.c.state == state) if state else query)
    return [_partner(row) for row in rows]


def _partner(row: Row[Any]) -> Partner:
    return Partner(
        row.id, row.kind, row.dealer_id, row.code, row.name, row.region, row.state, row.reason, row.created_at,
        row.enrolled_by,
    )  # fmt: skip


def _person(row: Row[Any], partner: Partner) -> Person:
    return Person(row.id, partner, row.member_id, row.role, row.state, row.since, row.until)
