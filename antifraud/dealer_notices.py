"""A dealer's right of reply: what the file says, in numbers, until when to answer, and the answer kept as evidence.

                  send (an action)              reply, by the dealer
    (no notice) ------------------> sent -----------------------------> replied
                                      |  the action is undone
                                      +------------------------> withdrawn

A rebate may be withheld once the dealer replied or the deadline passed: `heard`. One reply a notice, and its documents
are never replaced. The notice is the action `dealer_notice` on `dealer:<id>:<region>`, which ends at its deadline.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, func, insert, select, update

from antifraud import alerts, cases
from antifraud.action_effects import EFFECTS, Action, Details, Effect
from antifraud.alerts import Raised
from antifraud.case_tables import dealer_notices
from foundation import audit, facts
from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest, Conflict, NotFound
from foundation.facts import Fact

KIND = "dealer_notice"
LEAST_NOTICE = timedelta(days=3)
SURE = 0.99
MOST_TEXT = 4000  # Characters.


class NoSuchNotice(NotFound):
    """There is no such notice, or it is another dealer's; which is not told."""

    type = "no-such-notice"


class NoticeAnswered(Conflict):
    """It was answered before, withdrawn, or its deadline has passed."""

    type = "notice-answered"


@dataclass(frozen=True, slots=True)
class Notice:
    """counts: cartons, sure (of them), scans; confidence: the mean posterior of its cartons, 0 to 1.

    folder and documents: where the pictures of the reply lie, and their names.
    """

    id: int
    case_id: int
    dealer_id: int
    region: int
    counts: dict[str, int]
    confidence: float
    text: str
    sent_by: str
    sent_at: datetime
    deadline: datetime
    withdrawn_at: datetime | None
    reply: str | None
    folder: str | None
    documents: Sequence[str]
    replied_by: str | None
    replied_at: datetime | None


def subject_of(tx: ReadTx, case_id: int) -> tuple[int, int]:
    """The dealer and the region a case is about. Raises NoSuchCase, BadRequest."""
    kind, _, rest = cases.case(tx, case_id).pivot.partition(":")
    dealer_id, _, region = rest.partition(":")
    if kind != "dealer" or not (dealer_id.isdecimal() and region.isdecimal()):
        raise BadRequest(f"Case {case_id} is not about a dealer and a region; take the case that is.")
    return int(dealer_id), int(region)


def counted(raised: Sequence[Raised]) -> tuple[dict[str, int], float]:
    """(counts, confidence) of the alerts of a case; of a carton the latest says how likely it went astray. Pure."""
    cartons = {one.sscc: _posterior(one) for one in raised if one.sscc}
    sure = sum(value >= SURE for value in cartons.values())
    counts = {"cartons": len(cartons), "sure": sure, "scans": len({one.scan_id for one in raised})}
    return counts, round(sum(cartons.values()) / len(cartons), 4) if cartons else 0.0


def _posterior(one: Raised) -> float:
    found = one.details.get("least") or one.details.get("posterior") or 0.0
    return min(1.0, max(0.0, float(found)))


def heard(tx: ReadTx, case_id: int, *, now: datetime) -> bool:
    """Whether the dealer of this case was told, and replied or let the deadline pass."""
    done = select(func.count()).where(
        dealer_notices.c.case_id == case_id,
        dealer_notices.c.withdrawn_at.is_(None),
        dealer_notices.c.replied_at.is_not(None) | (dealer_notices.c.deadline <= now),
    )
    return bool(tx.execute(done.select_from(dealer_notices)).scalar_one())


def reply(
    tx: Tx,
    notice_id: int,
    *,
    dealer_id: int,
    text: str,
    folder: str | None,
    documents: Sequence[str],
    by: str,
    now: datetime,
) -> Notice:
    """The dealer answers, once, before the deadline. Raises NoSuchNotice, NoticeAnswered, BadRequest."""
    if not text.strip() or len(text) > MOST_TEXT:
        raise BadRequest(f"Write what you have to say, in at most {MOST_TEXT} characters.")
    answer = {"reply": text, "folder": folder, "documents": list(documents), "replied_by": by, "replied_at": now}
    row = tx.execute(
        update(dealer_notices)
        .where(
            dealer_notices.c.id == notice_id,
            dealer_notices.c.dealer_id == dealer_id,
            dealer_notices.c.replied_at.is_(None),
            dealer_notices.c.withdrawn_at.is_(None),
            dealer_notices.c.deadline > now,
        )
        .values(answer)
        .returning(dealer_notices)
    ).first()
    if row is None:
        found = of_dealer_by_id(tx, notice_id, dealer_id=dealer_id)
        ended = "was answered" if found.replied_at else "was withdrawn" if found.withdrawn_at else "has ended"
        raise NoticeAnswered(f"Notice {notice_id} {ended}; write to the brand if there is more to say.")
    _told(tx, "dealer.replied", _notice(row), by, now, documents=len(documents))
    return _notice(row)


def of_dealer_by_id(tx: ReadTx, notice_id: int, *, dealer_id: int) -> Notice:
    """Raises NoSuchNotice."""
    row = tx.execute(
        select(dealer_notices).where(dealer_notices.c.id == notice_id, dealer_notices.c.dealer_id == dealer_id)
    ).first()
    if row is None:
        raise NoSuchNotice("There is no such notice to you.")
    return _notice(row)


def of_dealer(tx: ReadTx, dealer_id: int) -> list[Notice]:
    """What a dealer was told, newest first, without what was withdrawn."""
    found = select(dealer_notices).where(
        dealer_notices.c.dealer_id == dealer_id, dealer_notices.c.withdrawn_at.is_(None)
    )
    return [_notice(row) for row in tx.execute(found.order_by(dealer_notices.c.id.desc()).limit(200))]


def of_case(tx: ReadTx, case_id: int) -> list[Notice]:
    """Oldest first, withdrawn ones included."""
    found = select(dealer_notices).where(dealer_notices.c.case_id == case_id).order_by(dealer_notices.c.id)
    return [_notice(row) for row in tx.execute(found)]


def folders(tx: ReadTx, among: Sequence[str]) -> set[str]:
    """Those of the folders that hold documents of a reply."""
    found = select(dealer_notices.c.folder).where(dealer_notices.c.folder.in_(among))
    return set(tx.execute(found).scalars()) if among else set()


# --- the action -----------------------------------------------------------------------------------------------------


def _check(tx: ReadTx, one: Action) -> None:
    dealer_id, region = subject_of(tx, one.case_id)
    if one.subject != f"dealer:{dealer_id}:{region}":
        raise BadRequest(f"Case {one.case_id} is about dealer {dealer_id} and region {region}; tell that dealer.")
    if one.until - one.at < LEAST_NOTICE:
        raise BadRequest(f"A dealer has at least {LEAST_NOTICE.days} days to reply; choose a later deadline.")


def _begin(tx: Tx, one: Action, by: str, now: datetime) -> Details:
    dealer_id, region = subject_of(tx, one.case_id)
    counts, confidence = counted(alerts.of_case(tx, one.case_id, limit=10_000))
    row = {
        "case_id": one.case_id, "dealer_id": dealer_id, "region": region, "counts": counts, "confidence": confidence,
        "text": one.reason, "sent_by": by, "sent_at": now, "deadline": one.until, "documents": [],
    }  # fmt: skip
    sent = _notice(tx.execute(insert(dealer_notices).values(row).returning(dealer_notices)).one())
    _told(tx, "dealer.notified", sent, by, now, deadline=sent.deadline.isoformat())
    return {"notice": sent.id}


def _end(tx: Tx, one: Action, by: str, now: datetime) -> None:  # noqa: ARG001
    """Undone before its deadline: withdrawn, unless the dealer answered; a reply stays evidence."""
    if one.state == "active" and now < one.until:
        these = (dealer_notices.c.id == one.details["notice"], dealer_notices.c.replied_at.is_(None))
        tx.execute(update(dealer_notices).where(*these).values(withdrawn_at=now))


EFFECTS[KIND] = Effect(_begin, _end, check=_check)


def _told(tx: Tx, kind: str, one: Notice, by: str, now: datetime, **more: object) -> None:
    body = {"notice_id": one.id, "case_id": one.case_id, "dealer_id": one.dealer_id, "region": one.region} | more
    audit.record(tx, actor=by, action=kind, subject=f"case:{one.case_id}", after=body, now=now)
    facts.announce(tx, [Fact(kind, f"dealer:{one.dealer_id}", body)], now=now)


def _notice(row: Row[Any]) -> Notice:
    return Notice(**{field.name: getattr(row, field.name) for field in fields(Notice)})
