"""Appeals: a consumer who was refused sends two photos, a person looks, and an accepted appeal pays once.

                 raise_appeal              accept (the case's action)
    (no appeal) -------------> open --------------------------------> accepted
                                |  the case is closed without it
                                +------------------------------------> declined

One appeal a scan, for ever: the primary key; and one a pack and person, unless it was declined: scanned again, it is
the same pack. Every move names the state it expects, so of two reviewers one pays. What is paid is what the campaign
in force at the scan would have paid; what that scan holds already is released instead. A code that is unknown, forged
or unreadable names no item: the refused scan is the evidence, and the reviewer says which product the photos show.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, select, update
from sqlalchemy.dialects.postgresql import insert

from antifraud import alerts, regions, scan_log
from antifraud.alerts import DUE
from antifraud.findings import Alert, Reason, Severity
from antifraud.scan_log import Scan
from codegen import brands, gs1, runs
from foundation import audit
from foundation.database import ReadTx, Tx
from foundation.errors import Conflict, NotFound
from loyalty import earning, guardians, holding
from loyalty.awards import Seeds
from loyalty.earning import EarnRequest
from scan_api.tables import appeals

CODE, CODE_UNKNOWN = "APL_CONSUMER", "APL_UNKNOWN"
CODES = frozenset({CODE, CODE_UNKNOWN})
UNKNOWN = "unknown"  # The verdict of codes that are forged, foreign, mistyped or never issued alike.
REFUSED = frozenset({"claimed", "suspicious", "void", "not_active", "expired"})
SHOWN = 80  # Characters of an unknown code that a reviewer is shown.
SEVERITY = Severity.MEDIUM
NAMES = ("photo", "receipt")


class NoSuchScan(NotFound):
    """There is no such scan, or it is somebody else's; which is not told."""

    type = "no-such-scan"


class NothingToAppeal(Conflict):
    """The scan was not refused."""

    type = "nothing-to-appeal"


class CannotPay(Conflict):
    """The appeal is right and cannot be paid as things stand."""

    type = "appeal-cannot-pay"


@dataclass(frozen=True, slots=True)
class Appeal:
    """folder: where the photos lie; None once they were deleted. points: what the decision paid or released.

    item None: the code names none, and gtin is the product a reviewer saw on the photos.
    """

    scan_id: UUID
    member_id: UUID | None
    item: int | None
    verdict: str
    state: str
    folder: str | None
    raised_at: datetime
    due_at: datetime
    decided_at: datetime | None
    decided_by: str | None
    points: int
    pack: str | None
    gtin: str | None


def scan_of(tx: ReadTx, scan_id: UUID, *, member_id: UUID, device: str | None) -> Scan:
    """The caller's own scan: made signed in, or on this phone before anybody had. Raises NoSuchScan."""
    found = scan_log.by_ids(tx, [scan_id])
    mine = found and (found[0].member_id == member_id or (found[0].member_id is None and found[0].device == device))
    if not mine:
        raise NoSuchScan("There is no such scan of yours.")
    return found[0]


def may_appeal(scan: Scan) -> bool:
    if scan.verdict == UNKNOWN:
        return True
    return scan.item is not None and scan.gtin is not None and (scan.verdict in REFUSED or scan.reward_state == "held")


def pack_of(scan: Scan) -> str | None:
    """What the person holds in their hand; None where nothing could be read, so nothing tells two packs apart."""
    if scan.verdict != UNKNOWN:
        return f"item:{scan.item}"
    written = scan.text.strip()
    return f"code:{hashlib.sha256(written.encode()).hexdigest()}" if written else None


def raise_appeal(tx: Tx, scan: Scan, *, member_id: UUID, folder: str, now: datetime) -> Appeal:
    """Open the appeal of a scan and call a person; raised before: as it stands, whose `folder` is then not the new one.

    Raises NothingToAppeal.
    """
    if not may_appeal(scan):
        raise NothingToAppeal("This scan was not refused; there is nothing to appeal.")
    row = {"scan_id": scan.scan_id, "member_id": member_id, "verdict": scan.verdict, "pack": pack_of(scan)}
    row |= {"item": None if scan.verdict == UNKNOWN else scan.item}
    row |= {"state": "open", "folder": folder, "raised_at": now, "due_at": now + DUE[SEVERITY]}
    added = tx.execute(insert(appeals).values(**row).on_conflict_do_nothing().returning(appeals.c.scan_id)).first()
    if added is not None:
        alerts.raise_alerts(tx, [_alert(scan)], now=now)
        audit.record(
            tx, actor="consumer", action="appeal.raise", subject=pivot(scan.scan_id), after={"verdict": scan.verdict},
            now=now,
        )  # fmt: skip
    raised = standing(tx, scan, member_id=member_id)
    # Declined in the moment between: then this is a new one.
    return raised or raise_appeal(tx, scan, member_id=member_id, folder=folder, now=now)


def standing(tx: ReadTx, scan: Scan, *, member_id: UUID) -> Appeal | None:
    """The appeal of this scan, or of the same pack scanned another time by the same person."""
    of_pack = (appeals.c.member_id == member_id) & (appeals.c.pack == pack_of(scan)) & (appeals.c.state != "declined")
    found = select(appeals).where((appeals.c.scan_id == scan.scan_id) | of_pack)
    row = tx.execute(found.order_by((appeals.c.scan_id == scan.scan_id).desc()).limit(1)).first()
    return _appeal(row) if row is not None else None


def pivot(scan_id: UUID) -> str:
    return f"appeal:{scan_id}"


def _alert(scan: Scan) -> Alert:
    about, item = Reason(CODE, {"verdict": scan.verdict}, 0.0), scan.item
    if scan.verdict == UNKNOWN:
        about, item = Reason(CODE_UNKNOWN, {"code": scan.text.strip()[:SHOWN] or None}, 0.0), None
    return Alert(
        about, SEVERITY, pivot(scan.scan_id), scan.scan_id, item, scan.sscc, scan.dealer_id, scan.params_version
    )


def of_scans(tx: ReadTx, scan_ids: Sequence[UUID]) -> dict[UUID, Appeal]:
    rows = tx.execute(select(appeals).where(appeals.c.scan_id.in_(scan_ids)).order_by(appeals.c.scan_id))
    return {row.scan_id: _appeal(row) for row in rows}


def of_pivot(tx: ReadTx, about: str) -> Appeal | None:
    """The appeal a case is about; None for a case about something else."""
    kind, _, scan_id = about.partition(":")
    return of_scans(tx, [UUID(scan_id)]).get(UUID(scan_id)) if kind == "appeal" else None


def accept(
    tx: Tx, scan_id: UUID, *, by: str, reason: str, seeds: Seeds | None = None, product: str | None = None,
    now: datetime,
) -> int:  # fmt: skip
    """Accept an open appeal and pay it; the points. 0: it was decided before, by whoever was quicker.

    seeds: of campaigns with random awards. product: the GTIN the photos show, where the code names no item.
    Raises CannotPay, UnknownProduct, NotAGtin, WrongCheckDigit, and then nothing is decided.
    """
    gtin = _product(tx, scan_id, product)
    decided = _decide(tx, scan_id, "accepted", by=by, now=now, gtin=gtin)
    if decided is None:
        return 0
    points = _pay(tx, decided, seeds, now=now)
    tx.execute(update(appeals).where(appeals.c.scan_id == scan_id).values(points=points))
    after = {"reason": reason, "points": points} | ({"gtin": gtin} if gtin else {})
    audit.record(tx, actor=by, action="appeal.accept", subject=pivot(scan_id), after=after, now=now)
    return points


def _product(tx: ReadTx, scan_id: UUID, product: str | None) -> str | None:
    """The 14 digits of the product an appeal of an unknown code is about; None where the item says it."""
    if _of(tx, scan_id).item is not None:
        return None
    if not product:
        raise CannotPay("This code names no product: say which one the photos show, then accept the appeal.")
    brands.of_product(tx, product)
    return gs1.gtin14(product)


def decline(tx: Tx, scan_id: UUID, *, by: str, reason: str, now: datetime) -> bool:
    """False: it was decided before."""
    if _decide(tx, scan_id, "declined", by=by, now=now) is None:
        return False
    audit.record(tx, actor=by, action="appeal.decline", subject=pivot(scan_id), after={"reason": reason}, now=now)
    return True


def _decide(tx: Tx, scan_id: UUID, state: str, *, by: str, now: datetime, gtin: str | None = None) -> Appeal | None:
    row = tx.execute(
        update(appeals)
        .where(appeals.c.scan_id == scan_id, appeals.c.state == "open")
        .values(state=state, decided_at=now, decided_by=by, gtin=gtin)
        .returning(*appeals.c)
    ).first()
    return _appeal(row) if row is not None else None


def _pay(tx: Tx, appeal: Appeal, seeds: Seeds | None, *, now: datetime) -> int:
    member_id = appeal.member_id
    assert member_id is not None, "an open appeal has a person"
    if member_id in guardians.young(tx, now=now):
        raise CannotPay("This member is under fourteen and no guardian has agreed; decline, or ask the guardian first.")
    settled = holding.settled_for(tx, appeal.scan_id)
    if settled:
        return settled  # Released meanwhile by another case: paid once is paid.
    holds = holding.holds_of(tx, [appeal.scan_id]).get(appeal.scan_id, [])
    if holds:
        return sum(one.amount for one in holding.settle(tx, holds, reason="appeal", now=now).values())
    (scan,) = scan_log.by_ids(tx, [appeal.scan_id])
    paid = earning.compensate(tx, _request(tx, scan, appeal, member_id), seeds=seeds, now=now)
    if paid.state != "credited":
        raise CannotPay(
            f"No points can be paid for this scan: {paid.reason}. Decline the appeal, or fund the campaign."
        )
    return paid.points


def _request(tx: ReadTx, scan: Scan, appeal: Appeal, member_id: UUID) -> EarnRequest:
    """What the scan would have asked for, had it not been refused."""
    province = regions.province_of(scan.region) if scan.region else None
    known: dict[str, object] = {"region": scan.region, "province": province, "dealer_id": scan.dealer_id}
    run = None if appeal.item is None else runs.load_index(tx).find(appeal.item)
    gtin = scan.gtin if run else appeal.gtin
    assert gtin is not None, "an item of ours has a product, and an accepted appeal of no item too"
    if run:
        known |= {"brand_id": run.brand_id, "produced_on": run.produced_on}
    else:
        known |= {"brand_id": brands.of_product(tx, gtin).id, "gtin": gtin}
    return EarnRequest(
        scan_id=scan.scan_id, item=appeal.item or 0, gtin=gtin, run_id=run.id if run else 0, member_id=member_id,
        hold=False, hold_reason="", at=scan.received_at,
        facts={name: value for name, value in known.items() if value is not None}, device=scan.device,
    )  # fmt: skip


def forget(tx: Tx, member_id: UUID, *, now: datetime) -> list[str]:
    """A member is erased: open appeals are declined, nothing names the person. Returns the folders to delete."""
    rows = tx.execute(select(appeals).where(appeals.c.member_id == member_id).order_by(appeals.c.scan_id)).all()
    for row in rows:
        decline(tx, row.scan_id, by="erasure", reason="the member was erased", now=now)
    tx.execute(update(appeals).where(appeals.c.member_id == member_id).values(member_id=None, folder=None, pack=None))
    return [row.folder for row in rows if row.folder is not None]


def let_photos_go(tx: Tx, *, decided_before: datetime) -> None:
    """Appeals decided long ago name their photos no more; a chore deletes what nobody names."""
    old = (appeals.c.decided_at < decided_before, appeals.c.folder.is_not(None))
    tx.execute(update(appeals).where(*old).values(folder=None))


def folders(tx: ReadTx, among: Sequence[str]) -> set[str]:
    """Those of the folders an appeal names."""
    return set(tx.execute(select(appeals.c.folder).where(appeals.c.folder.in_(among))).scalars()) if among else set()


def _of(tx: ReadTx, scan_id: UUID) -> Appeal:
    return _appeal(tx.execute(select(appeals).where(appeals.c.scan_id == scan_id)).one())


def _appeal(row: Row[tuple[object, ...]]) -> Appeal:
    return Appeal(**row._mapping)
