"""Appeals: a consumer who was refused sends two photos, a person looks, and an accepted appeal pays once.

                 raise_appeal              accept (the case's action)
    (no appeal) -------------> open --------------------------------> accepted
                                |  the case is closed without it
                                +------------------------------------> declined

One appeal a scan, for ever: the primary key. Every move names the state it expects, so of two reviewers one pays. What
is paid is what the campaign in force at the scan would have paid; what that scan holds already is released instead.
"""

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
from codegen import runs
from foundation import audit
from foundation.database import ReadTx, Tx
from foundation.errors import Conflict, NotFound
from loyalty import earning, guardians, holding
from loyalty.awards import Seeds
from loyalty.earning import EarnRequest
from scan_api.tables import appeals

CODE = "APL_CONSUMER"
REFUSED = frozenset({"claimed", "suspicious", "void", "not_active", "expired"})
SEVERITY = Severity.MEDIUM
NAMES = ("photo", "receipt")


class NoSuchScan(NotFound):
    """There is no such scan, or it is somebody else's; which is not told."""

    type = "no-such-scan"


class NothingToAppeal(Conflict):
    """The scan was not refused, or is of no item of ours."""

    type = "nothing-to-appeal"


class CannotPay(Conflict):
    """The appeal is right and cannot be paid as things stand."""

    type = "appeal-cannot-pay"


@dataclass(frozen=True, slots=True)
class Appeal:
    """folder: where the photos lie; None once they were deleted. points: what the decision paid or released."""

    scan_id: UUID
    member_id: UUID | None
    item: int
    verdict: str
    state: str
    folder: str | None
    raised_at: datetime
    due_at: datetime
    decided_at: datetime | None
    decided_by: str | None
    points: int


def scan_of(tx: ReadTx, scan_id: UUID, *, member_id: UUID, device: str | None) -> Scan:
    """The caller's own scan: made signed in, or on this phone before anybody had. Raises NoSuchScan."""
    found = scan_log.by_ids(tx, [scan_id])
    mine = found and (found[0].member_id == member_id or (found[0].member_id is None and found[0].device == device))
    if not mine:
        raise NoSuchScan("There is no such scan of yours.")
    return found[0]


def may_appeal(scan: Scan) -> bool:
    return scan.item is not None and scan.gtin is not None and (scan.verdict in REFUSED or scan.reward_state == "held")


def raise_appeal(tx: Tx, scan: Scan, *, member_id: UUID, folder: str, now: datetime) -> Appeal:
    """Open the appeal of a scan and call a person; raised before: as it stands, whose `folder` is then not the new one.

    Raises NothingToAppeal.
    """
    if not may_appeal(scan) or scan.item is None:
        raise NothingToAppeal("This scan was not refused; there is nothing to appeal.")
    row = {"scan_id": scan.scan_id, "member_id": member_id, "item": scan.item, "verdict": scan.verdict}
    row |= {"state": "open", "folder": folder, "raised_at": now, "due_at": now + DUE[SEVERITY]}
    added = tx.execute(insert(appeals).values(**row).on_conflict_do_nothing().returning(appeals.c.scan_id)).first()
    if added is not None:
        alerts.raise_alerts(tx, [_alert(scan)], now=now)
        audit.record(
            tx, actor="consumer", action="appeal.raise", subject=pivot(scan.scan_id), after={"verdict": scan.verdict},
            now=now,
        )  # fmt: skip
    return _of(tx, scan.scan_id)


def pivot(scan_id: UUID) -> str:
    return f"appeal:{scan_id}"


def _alert(scan: Scan) -> Alert:
    reason = Reason(CODE, {"verdict": scan.verdict}, 0.0)
    return Alert(
        reason, SEVERITY, pivot(scan.scan_id), scan.scan_id, scan.item, scan.sscc, scan.dealer_id, scan.params_version
    )


def of_scans(tx: ReadTx, scan_ids: Sequence[UUID]) -> dict[UUID, Appeal]:
    rows = tx.execute(select(appeals).where(appeals.c.scan_id.in_(scan_ids)).order_by(appeals.c.scan_id))
    return {row.scan_id: _appeal(row) for row in rows}


def of_pivot(tx: ReadTx, about: str) -> Appeal | None:
    """The appeal a case is about; None for a case about something else."""
    kind, _, scan_id = about.partition(":")
    return of_scans(tx, [UUID(scan_id)]).get(UUID(scan_id)) if kind == "appeal" else None


def accept(tx: Tx, scan_id: UUID, *, by: str, reason: str, seeds: Seeds | None = None, now: datetime) -> int:
    """Accept an open appeal and pay it; the points. 0: it was decided before, by whoever was quicker.

    seeds: of campaigns with random awards. Raises CannotPay, and then nothing is decided.
    """
    decided = _decide(tx, scan_id, "accepted", by=by, now=now)
    if decided is None:
        return 0
    points = _pay(tx, decided, seeds, now=now)
    tx.execute(update(appeals).where(appeals.c.scan_id == scan_id).values(points=points))
    after = {"reason": reason, "points": points}
    audit.record(tx, actor=by, action="appeal.accept", subject=pivot(scan_id), after=after, now=now)
    return points


def decline(tx: Tx, scan_id: UUID, *, by: str, reason: str, now: datetime) -> bool:
    """False: it was decided before."""
    if _decide(tx, scan_id, "declined", by=by, now=now) is None:
        return False
    audit.record(tx, actor=by, action="appeal.decline", subject=pivot(scan_id), after={"reason": reason}, now=now)
    return True


def _decide(tx: Tx, scan_id: UUID, state: str, *, by: str, now: datetime) -> Appeal | None:
    row = tx.execute(
        update(appeals)
        .where(appeals.c.scan_id == scan_id, appeals.c.state == "open")
        .values(state=state, decided_at=now, decided_by=by)
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
    paid = earning.compensate(tx, _request(tx, scan, member_id), seeds=seeds, now=now)
    if paid.state != "credited":
        raise CannotPay(
            f"No points can be paid for this scan: {paid.reason}. Decline the appeal, or fund the campaign."
        )
    return paid.points


def _request(tx: ReadTx, scan: Scan, member_id: UUID) -> EarnRequest:
    """What the scan would have asked for, had it not been refused."""
    assert scan.item is not None
    assert scan.gtin is not None
    run = runs.load_index(tx).find(scan.item)
    assert run is not None, "an item of ours has a run"
    province = regions.province_of(scan.region) if scan.region else None
    known: dict[str, object] = {"brand_id": run.brand_id, "region": scan.region, "province": province}
    known |= {"dealer_id": scan.dealer_id, "produced_on": run.produced_on}
    return EarnRequest(
        scan_id=scan.scan_id, item=scan.item, gtin=scan.gtin, run_id=run.id, member_id=member_id, hold=False,
        hold_reason="", at=scan.received_at, facts={name: value for name, value in known.items() if value is not None},
        device=scan.device,
    )  # fmt: skip


def forget(tx: Tx, member_id: UUID, *, now: datetime) -> list[str]:
    """A member is erased: open appeals are declined, nothing names the person. Returns the folders to delete."""
    rows = tx.execute(select(appeals).where(appeals.c.member_id == member_id).order_by(appeals.c.scan_id)).all()
    for row in rows:
        decline(tx, row.scan_id, by="erasure", reason="the member was erased", now=now)
    tx.execute(update(appeals).where(appeals.c.member_id == member_id).values(member_id=None, folder=None))
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
