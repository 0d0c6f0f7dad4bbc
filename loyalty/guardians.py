"""Children: asked for their year of birth, and given neither points nor advertising until a guardian agrees.

PIPL article 31: data of a person under fourteen may be handled only with a guardian's consent. Whoever gave no year is
treated as grown up; a year once given is not changed by trying another.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import or_, select, update

from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest, Conflict
from loyalty import members as members_of
from loyalty.tables import members

YOUNG = 14
OLDEST = 120
PURPOSE, CHANNEL = "guardian", "web"


class AgeAlreadySaid(Conflict):
    """The year of birth was given before."""

    type = "age-already-said"


def say_birth_year(tx: Tx, member_id: UUID, year: int, *, now: datetime) -> bool:
    """Keep the year; whether the member is a child. Raises BadRequest, AgeAlreadySaid for another year."""
    if not now.year - OLDEST <= year <= now.year:
        raise BadRequest(f"Give the year of birth as four digits, {now.year - OLDEST} to {now.year}.")
    kept = tx.execute(
        update(members)
        .where(members.c.id == member_id, or_(members.c.born_in.is_(None), members.c.born_in == year))
        .values(born_in=year)
    )
    if not kept.rowcount:
        raise AgeAlreadySaid("The year of birth was given before; write to us to correct it.")
    return is_child(year, now=now)


def agree(tx: Tx, member_id: UUID, *, wording: str, now: datetime) -> None:
    """A guardian agrees, to a wording that is kept. Raises Conflict when the member is no child."""
    agreed = tx.execute(
        update(members)
        .where(members.c.id == member_id, members.c.born_in >= now.year - YOUNG)
        .values(guardian_agreed_at=now)
    )
    if not agreed.rowcount:
        raise Conflict("A guardian's consent is for members under fourteen.")
    members_of.consent(tx, member_id, purpose=PURPOSE, channel=CHANNEL, granted=True, wording=wording, now=now)


def withdraw(tx: Tx, member_id: UUID, *, wording: str, now: datetime) -> None:
    """A guardian no longer agrees: as easy as agreeing (article 15)."""
    tx.execute(update(members).where(members.c.id == member_id).values(guardian_agreed_at=None))
    members_of.consent(tx, member_id, purpose=PURPOSE, channel=CHANNEL, granted=False, wording=wording, now=now)


def young(tx: ReadTx, *, now: datetime) -> frozenset[UUID]:
    """Children no guardian has agreed for: no points, no marketing."""
    rows = tx.execute(
        select(members.c.id).where(
            members.c.born_in >= now.year - YOUNG,
            members.c.born_in.is_not(None),
            members.c.guardian_agreed_at.is_(None),
        )
    )
    return frozenset(rows.scalars())


def may_market(tx: ReadTx, member_id: UUID, *, channel: str, now: datetime) -> bool:
    """Whether advertising may be sent: consent on this channel, and no child without a guardian's."""
    row = tx.execute(select(members.c.born_in, members.c.guardian_agreed_at).where(members.c.id == member_id)).first()
    if row is None or (row.born_in and is_child(row.born_in, now=now) and row.guardian_agreed_at is None):
        return False
    return members_of.has_consented(tx, member_id, purpose="marketing", channel=channel)


def is_child(year: int, *, now: datetime) -> bool:
    """Only the year is known: until the end of the year they turn fourteen, they may be thirteen."""
    return now.year - year <= YOUNG
