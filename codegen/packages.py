"""The life of a code package (码包): from a request to the scrap list that comes back. Each step is one statement.

    requested --approve--> approved --generate--> generated --hand over--> handed_over --acknowledge--> acknowledged
        |                     |                      |                          |                            |
      refused              revoked                revoked               revoked | expired              revoked | closed

| step      | asks that                                                                                            |
| --------- | ---------------------------------------------------------------------------------------------------- |
| approve   | another person than the one who requested                                                            |
| hand over | a named person; a token is made and shown once, only its hash is kept; it lapses, downloads run out  |
| download  | `handed_over` or `acknowledged`, the token, the time and the count, all in the statement that counts |
| scrap     | codes of this package that never became products; may come in parts until the package is closed     |

A code is in one package only: a range is free again when its package ended and nobody ever downloaded it.
"""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from psycopg.errors import ExclusionViolation
from sqlalchemy import Row, select, text, update
from sqlalchemy.exc import IntegrityError

from codegen import canaries, package_log, rangeset, receivers, runs, spans
from codegen.identity import Face
from codegen.keys import KeyProvider
from codegen.package_files import Compression, Form, Order
from codegen.receivers import Method, Receiver
from codegen.run_index import Run
from codegen.tables import packages
from foundation import audit, ids
from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest, Conflict, NotAllowed, NotFound

TOKEN_DAYS, DOWNLOADS = 7, 3  # As Tencent 优码 does it.
RESUME = timedelta(hours=1)
OPEN = ("requested", "approved", "generated", "handed_over", "acknowledged")
STATES = (*OPEN, "closed", "refused", "revoked", "expired")


class UnknownPackage(NotFound):
    type = "unknown-package"


class PackageElsewhere(Conflict):
    """The package is not in a state from which this step leads on; nothing was changed."""

    type = "package-elsewhere"


class SamePerson(NotAllowed):
    """Who asks for codes does not approve them."""

    type = "same-person"


class RangePacked(Conflict):
    """Some of the codes are in another package already."""

    type = "range-packed"


class BadRange(BadRequest):
    """The places asked for are not in the run."""

    type = "bad-range"


@dataclass(frozen=True, slots=True)
class Package:
    """`first`, `end`: item numbers. `manifest` is None until it was generated."""

    id: int
    run_id: int
    receiver_id: int
    receiver: str
    first: int
    end: int
    face: Face
    form: Form
    compression: Compression
    method: Method
    state: str
    requested_by: str
    requested_at: datetime
    approved_by: str | None
    generated_at: datetime | None
    handed_to: str | None
    handed_over_at: datetime | None
    expires_at: datetime | None
    download_limit: int
    downloads: int
    acknowledged_by: str | None
    acknowledged_at: datetime | None
    ended_by: str | None
    ended_reason: str | None
    manifest: Mapping[str, Any] | None

    @property
    def count(self) -> int:
        return self.end - self.first

    @property
    def file_name(self) -> str:
        return "" if self.manifest is None else str(self.manifest["file"]["name"])


@dataclass(frozen=True, slots=True)
class Download:
    """`id` may be used to go on where the line broke, until `until`."""

    id: UUID
    package: Package
    until: datetime


@dataclass(frozen=True, slots=True)
class Denied:
    """`reason`: token, expired, used-up, state."""

    reason: str


def request(
    tx: Tx,
    *,
    run: Run,
    receiver: Receiver,
    by: str,
    first: int = 1,
    last: int | None = None,
    face: Face = Face.OUTER,
    form: Form = "text",
    compression: Compression = "zstd",
    method: Method | None = None,
    now: datetime,
) -> Package:
    """Ask for places `first` .. `last` of a run (from 1) to be packed. Raises BadRange, RangePacked, NoReceiverKey."""
    end = run.count if last is None else last
    if not 1 <= first <= end <= run.count:
        raise BadRange(f"Run {run.id} has places 1 to {run.count:,}; {first:,} to {end:,} is not among them.")
    if receiver.brand_id != run.brand_id:
        raise BadRange(f"{receiver.name} prints for another brand than that of run {run.id}.")
    if not run.prints(face, run.profile):
        raise runs.NoInnerFace(f"Run {run.id} has no codes under cap or layer; pack its outer face.", run_id=run.id)
    chosen = method or (receiver.keys[0].method if receiver.keys else "cms")
    receivers.live_keys(receiver, chosen)
    try:
        with tx.begin_nested():
            made = tx.execute(
                text(
                    "INSERT INTO packages (run_id, receiver_id, items, face, form, compression, method, state,"
                    " requested_by, requested_at) VALUES (:run, :receiver, int8range(:low, :high), :face, :form,"
                    " :compression, :method, 'requested', :by, :now) RETURNING id"
                ),
                {
                    "run": run.id, "receiver": receiver.id, "low": run.first + first - 1, "high": run.first + end,
                    "face": int(face), "form": form, "compression": compression, "method": chosen, "by": by,
                    "now": now,
                },
            ).scalar_one()  # fmt: skip
    except IntegrityError as error:
        if not isinstance(error.orig, ExclusionViolation):
            raise
        raise RangePacked(_packed(tx, run, first, end)) from error
    _audit(tx, made, "request", by, {"run": run.id, "first": first, "last": end, "receiver": receiver.name}, now)
    return get(tx, made)


def approve(tx: Tx, package_id: int, *, by: str, now: datetime) -> Package:
    """Let a request through. Raises SamePerson, PackageElsewhere, UnknownPackage."""
    done = tx.execute(
        update(packages)
        .where(packages.c.id == package_id, packages.c.state == "requested", packages.c.requested_by != by)
        .values(state="approved", approved_by=by, approved_at=now)
    ).rowcount
    if not done:
        found = get(tx, package_id)
        if found.state == "requested":
            raise SamePerson(f"{by} asked for package {package_id}; somebody else must approve it.")
        raise _elsewhere(found, "approved")
    _audit(tx, package_id, "approve", by, None, now)
    return get(tx, package_id)


def refuse(tx: Tx, package_id: int, *, by: str, reason: str, now: datetime) -> Package:
    return _end(tx, package_id, "refused", ("requested",), by=by, reason=reason, now=now)


def revoke(tx: Tx, package_id: int, *, by: str, reason: str, now: datetime) -> Package:
    """Take a package back: its token opens nothing from now on."""
    states = ("approved", "generated", "handed_over", "acknowledged")
    return _end(tx, package_id, "revoked", states, by=by, reason=reason, now=now)


def prepare(tx: Tx, package_id: int, *, provider: KeyProvider, by: str, now: datetime) -> Order:
    """What to write for an approved package, canaries included; asked again, the same. Raises PackageElsewhere."""
    row = tx.execute(select(packages).where(packages.c.id == package_id).with_for_update()).first()
    found = get(tx, package_id)
    if row is None or found.state != "approved":
        raise _elsewhere(found, "generated")
    index = runs.load_index(tx)
    run = index.get(found.run_id)
    assert run is not None, "a package refers to its run"
    decoys = canaries.issue(tx, package_id=package_id, like=run, provider=provider, by=by, now=now)
    chosen = tuple(row.canary_lines or canaries.choose_lines(found.count))
    tx.execute(
        update(packages).where(packages.c.id == package_id).values(canary_run=decoys.id, canary_lines=list(chosen))
    )
    keys = tuple(receivers.live_keys(receivers.get(tx, found.receiver_id), found.method))
    return Order(
        run, found.first, found.end, found.face, decoys, chosen, found.form, found.compression, keys
    )  # fmt: skip


def generated(tx: Tx, package_id: int, *, manifest: Mapping[str, Any], by: str, now: datetime) -> Package:
    """The file is on disk and this is its manifest. Of two that generated at once, one gets through."""
    after = {"bytes": manifest["file"]["bytes"], "sha256": manifest["file"]["sha256"]}
    values = {"manifest": dict(manifest), "generated_by": by, "generated_at": now}
    return _step(tx, package_id, "generated", ("approved",), values, by=by, after=after, now=now)


def hand_over(
    tx: Tx, package_id: int, *, to: str, by: str, days: int = TOKEN_DAYS, downloads: int = DOWNLOADS, now: datetime
) -> str:
    """Hand a generated package to a person at the receiver. Returns the token they download with, which is not kept."""
    if not to.strip():
        raise BadRequest("Name the person at the receiver who gets the package.")
    if not (1 <= days <= 90 and 1 <= downloads <= 20):
        raise BadRequest("A package can be fetched for 1 to 90 days and 1 to 20 times.")
    token = ids.token_urlsafe(24)
    values = {
        "handed_to": to.strip(), "handed_over_by": by, "handed_over_at": now, "token_hash": _hash(token),
        "expires_at": now + timedelta(days=days), "download_limit": downloads,
    }  # fmt: skip
    after = {"to": to.strip(), "days": days, "downloads": downloads}
    _step(tx, package_id, "handed_over", ("generated",), values, by=by, after=after, now=now)
    return token


def open_download(tx: Tx, package_id: int, *, token: str, address: str, now: datetime) -> Download | Denied:
    """Count one download, if it may be. One statement: of two that race for the last one, one is let in.

    A denial is a value and on record, so the caller commits either way. Raises UnknownPackage.
    """
    let_in = tx.execute(
        update(packages)
        .where(
            packages.c.id == package_id,
            packages.c.state.in_(("handed_over", "acknowledged")),
            packages.c.token_hash == _hash(token),
            packages.c.expires_at > now,
            packages.c.downloads < packages.c.download_limit,
        )
        .values(downloads=packages.c.downloads + 1)
    ).rowcount
    found = get(tx, package_id)
    who = found.handed_to or "unknown"
    if not let_in:
        reason = _why_not(tx, found, token, now) or "used-up"
        package_log.note(tx, package_id, "download-failed", who=who, address=address, detail=reason, now=now)
        return Denied(reason)
    made = ids.uuid7(now)
    package_log.note(tx, package_id, "download", who=who, address=address, download_id=made, now=now)
    return Download(made, found, now + RESUME)


def resume(tx: Tx, download_id: UUID, *, token: str, address: str, now: datetime) -> Download | Denied:
    """Go on with a download that was let in within the hour; costs none. Raises UnknownPackage for an unknown one."""
    begun = package_log.download(tx, download_id)
    if begun is None:
        raise UnknownPackage("There is no such download; begin a new one.")
    found = get(tx, begun.package_id)
    reason = _why_not(tx, found, token, now) or ("expired" if begun.at + RESUME <= now else "")
    action = "download-failed" if reason else "download-resumed"
    package_log.note(tx, found.id, action, who=found.handed_to or "unknown", address=address, detail=reason, now=now)
    return Denied(reason) if reason else Download(download_id, found, begun.at + RESUME)


def look(tx: Tx, package_id: int, *, token: str, address: str, now: datetime) -> Package | Denied:
    """The receiver reads the manifest."""
    found = get(tx, package_id)
    reason = _why_not(tx, found, token, now)
    action = "download-failed" if reason else "manifest"
    package_log.note(tx, found.id, action, who=found.handed_to or "unknown", address=address, detail=reason, now=now)
    return Denied(reason) if reason else found


def admit(tx: Tx, package_id: int, *, token: str, what: str, address: str, now: datetime) -> str | None:
    """Whether the token's holder may `what` (acknowledge, scrap) now; None, or the reason on record why not."""
    found = get(tx, package_id)
    reason = _why_not(tx, found, token, now, lapses=what == "acknowledge")
    note = f"{what}-failed" if reason else what
    package_log.note(tx, found.id, note, who=found.handed_to or "unknown", address=address, detail=reason, now=now)
    return reason or None


def acknowledge(tx: Tx, package_id: int, *, by: str, now: datetime) -> tuple[int, ...]:
    """The receiver opened the package and counted it. Returns the lines of the text that must not be printed."""
    values = {"acknowledged_by": by, "acknowledged_at": now}
    _step(tx, package_id, "acknowledged", ("handed_over",), values, by=by, after=None, now=now)
    row = tx.execute(select(packages.c.canary_lines).where(packages.c.id == package_id)).one()
    return tuple(row.canary_lines)


def return_scrap(tx: Tx, package_id: int, items: spans.Items, *, by: str, now: datetime) -> spans.Outcome:
    """Codes that were spoilt at the plant. What is not of this package is refused with `not-in-package`."""
    row = tx.execute(select(packages.c.state).where(packages.c.id == package_id).with_for_update()).first()
    found = get(tx, package_id)
    if row is None or found.state != "acknowledged":
        raise _elsewhere(found, "given a scrap list")
    asked = rangeset.of(items)
    ours = rangeset.common(asked, [(found.first, found.end)])
    strange = [spans.Refusal(low, high, "not-in-package") for low, high in rangeset.without(asked, ours)]
    outcome = spans.scrap(tx, ours, reason=f"scrap list of package {package_id}", by=by, now=now)
    _audit(tx, package_id, "scrap", by, {"count": outcome.count, "refused": len(outcome.refused) + len(strange)}, now)
    return spans.Outcome(outcome.done, (*outcome.refused, *strange))


def close(tx: Tx, package_id: int, *, by: str, now: datetime) -> Package:
    """All codes are printed or on the scrap list; nothing more is expected of the receiver."""
    return _end(tx, package_id, "closed", ("acknowledged",), by=by, reason="", now=now)


def expire(tx: Tx, *, now: datetime) -> list[int]:
    """End packages nobody acknowledged in time. Returns their ids."""
    rows = tx.execute(
        update(packages)
        .where(packages.c.state == "handed_over", packages.c.expires_at <= now)
        .values(state="expired", ended_by="worker", ended_at=now, ended_reason="nobody acknowledged it in time")
        .returning(packages.c.id)
    )
    gone = sorted(row.id for row in rows)
    for package_id in gone:
        _audit(tx, package_id, "expire", "worker", None, now)
    return gone


def get(tx: ReadTx, package_id: int) -> Package:
    """Raises UnknownPackage."""
    row = tx.execute(text(_SELECT + " WHERE p.id = :id"), {"id": package_id}).first()
    if row is None:
        raise UnknownPackage(f"There is no package {package_id}.", package_id=package_id)
    return _package(row)


def list_packages(tx: ReadTx, *, run_id: int | None = None, limit: int = 500) -> list[Package]:
    """Newest first."""
    rows = tx.execute(
        text(
            _SELECT + " WHERE CAST(:run AS bigint) IS NULL OR p.run_id = :run ORDER BY p.id DESC LIMIT :limit"
        ),
        {"run": run_id, "limit": limit},
    )  # fmt: skip
    return [_package(row) for row in rows]


def files(tx: ReadTx, names: Sequence[str]) -> dict[str, bool]:
    """Which of the file names belong to a package, and whether that package may still be fetched or was."""
    rows = tx.execute(
        text(
            "SELECT manifest->'file'->>'name' AS name, state IN ('refused', 'revoked', 'expired') AS ended"
            " FROM packages WHERE manifest->'file'->>'name' = ANY (CAST(:names AS text[]))"
        ),
        {"names": list(names)},
    )
    return {row.name: not row.ended for row in rows}


_SELECT = (
    "SELECT p.*, lower(p.items) AS first, upper(p.items) AS end, r.name AS receiver"
    " FROM packages p JOIN receivers r ON r.id = p.receiver_id"
)


def _package(row: Row[Any]) -> Package:
    return Package(
        row.id, row.run_id, row.receiver_id, row.receiver, row.first, row.end, Face(row.face), row.form,
        row.compression, row.method, row.state, row.requested_by, row.requested_at, row.approved_by, row.generated_at,
        row.handed_to, row.handed_over_at, row.expires_at, row.download_limit, row.downloads, row.acknowledged_by,
        row.acknowledged_at, row.ended_by, row.ended_reason, row.manifest,
    )  # fmt: skip


def _step(
    tx: Tx,
    package_id: int,
    to: str,
    states: Sequence[str],
    values: Mapping[str, Any],
    *,
    by: str,
    after: object,
    now: datetime,
) -> Package:
    """From one of `states` to `to`, or nothing at all."""
    done = tx.execute(
        update(packages).where(packages.c.id == package_id, packages.c.state.in_(states)).values(state=to, **values)
    ).rowcount
    found = get(tx, package_id)
    if not done:
        raise _elsewhere(found, to)
    _audit(tx, package_id, to.replace("_", "-"), by, after, now)
    return found


def _end(
    tx: Tx, package_id: int, to: str, states: Sequence[str], *, by: str, reason: str, now: datetime
) -> Package:  # fmt: skip
    if to != "closed" and not reason.strip():
        raise BadRequest("Say why: whoever looks at the package later wants to know.")
    values = {"ended_by": by, "ended_at": now, "ended_reason": reason}
    return _step(tx, package_id, to, states, values, by=by, after={"reason": reason}, now=now)


def _elsewhere(found: Package, step: str) -> PackageElsewhere:
    return PackageElsewhere(
        f"Package {found.id} is {found.state.replace('_', ' ')} and cannot be {step.replace('_', ' ')}.",
        state=found.state,
    )


def _why_not(tx: ReadTx, found: Package, token: str, now: datetime, *, lapses: bool = True) -> str:
    """Why the token opens nothing; empty when it does. The token comes first: who has none learns nothing else."""
    kept = tx.execute(select(packages.c.token_hash).where(packages.c.id == found.id)).scalar_one()
    if kept is None or not hmac.compare_digest(kept, _hash(token)):
        return "token"
    if found.state not in ("handed_over", "acknowledged"):
        return "state"
    return "expired" if lapses and found.expires_at is not None and found.expires_at <= now else ""


def _packed(tx: ReadTx, run: Run, first: int, end: int) -> str:
    """Which packages are in the way, by their places in the run."""
    low, high = run.first + first - 1, run.first + end
    others = [
        f"package {one.id} ({one.first - run.first + 1:,} to {one.end - run.first:,}, {one.state.replace('_', ' ')})"
        for one in list_packages(tx, run_id=run.id)
        if one.first < high and low < one.end and (one.state in (*OPEN, "closed") or one.downloads)
    ]
    return f"Codes of run {run.id} are in {', '.join(others[:3])} already; choose other places or revoke it first."


def _audit(tx: Tx, package_id: int, verb: str, by: str, after: object, now: datetime) -> None:
    audit.record(tx, actor=by, action=f"package.{verb}", subject=f"package:{package_id}", after=after, now=now)


def _hash(token: str) -> bytes:
    return sha256(b"package token\0" + token.encode("utf-8", "replace")).digest()
