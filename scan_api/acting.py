"""What actions on a case do outside the judgement: rewards that wait, and a dealer's rebates.

The judgement knows no points: here its actions `hold_points` and `rebate_hold` reach them. Importing this file is what
makes them whole; everything else goes through `antifraud.case_actions`.
"""

from dataclasses import replace
from datetime import datetime
from math import ceil
from uuid import UUID

from antifraud import alerts, case_actions, dealer_notices, door_flags, freezing, scan_log
from antifraud.action_effects import EFFECTS, ActedOn, Action, Details, Effect
from antifraud.scan_log import Scan
from antifraud.signals import network, storable
from codegen import hierarchy, runs
from codegen.rangeset import Range
from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest
from loyalty import holding, pausing, rebates
from loyalty.rebates import WithholdingMoved
from scan_api import trading

DAY_S = 86_400


def act(
    tx: Tx, case_id: int, kind: str, subject: str, *, until: datetime, by: str, reason: str,
    inspector: str | None = None, now: datetime,
) -> Action:  # fmt: skip
    """`case_actions.act` for whoever names a subject only: the codes of an item, case, pallet or run are found.

    Raises NoSuchCase, ActedOn, BadRequest, and as its kind does: UnknownUnit, UnknownRun, NoEvidence, DealerNotHeard.
    """
    details: dict[str, object] = {"inspector": inspector} if inspector else {}
    if kind == freezing.KIND:
        items = codes_of(tx, subject)
        return case_actions.freeze(tx, case_id, subject, items, until=until, by=by, reason=reason, now=now)
    return case_actions.act(tx, case_id, kind, subject, until=until, by=by, reason=reason, details=details, now=now)


def codes_of(tx: ReadTx, subject: str) -> list[Range]:
    """The items of item:N, sscc:N or run:N. Raises BadRequest, UnknownUnit, UnknownRun."""
    kind, _, name = subject.partition(":")
    if kind == "sscc":
        return hierarchy.everything_in(tx, name)[1]
    if kind not in ("item", "run") or not name.isascii() or not name.isdecimal() or int(name) >= 1 << 62:
        raise BadRequest("Name what to freeze as item:…, sscc:… or run:…, with its number.")
    if kind == "item":
        return [(int(name), int(name) + 1)]
    run = runs.find_run(tx, int(name)).run
    return [(run.first, run.first + run.count)]


def _hold(tx: Tx, one: Action, by: str, now: datetime) -> Details:
    """What comes is held at the door; what is pending of the same subject in this case stops maturing."""
    at_the_door = door_flags.EFFECT_OF_HOLD.begin(tx, one, by, now)
    paused = pausing.pause(tx, _pending(tx, one))
    return {**at_the_door, "paused": {str(hold_id): due.isoformat() for hold_id, due in paused.items()}}


def _go_on(tx: Tx, one: Action, by: str, now: datetime) -> None:
    door_flags.EFFECT_OF_HOLD.end(tx, one, by, now)
    paused: dict[str, str] = one.details.get("paused", {})
    pausing.resume(tx, {UUID(hold_id): datetime.fromisoformat(due) for hold_id, due in sorted(paused.items())})


def _pending(tx: ReadTx, one: Action) -> list[UUID]:
    kind, _, name = one.subject.partition(":")
    if kind == "member":
        return pausing.of_owner(tx, _member(name))
    scans = scan_log.by_ids(tx, sorted({raised.scan_id for raised in alerts.of_case(tx, one.case_id, limit=10_000)}))
    mine = [scan.scan_id for scan in scans if _is_about(scan, kind, name)]
    return sorted(hold_id for found in holding.holds_of(tx, mine).values() for hold_id in found)


def _member(name: str) -> UUID:
    try:
        return UUID(name)
    except ValueError:
        raise BadRequest(f"{name!r} is no member's id; copy it from the member's page.") from None


def _is_about(scan: Scan, kind: str, name: str) -> bool:
    named = {
        "device": storable(scan.device), "address": storable(network(scan.address)), "item": str(scan.item),
        "sscc": scan.sscc,
    }  # fmt: skip
    return named.get(kind) == name


def _grounds(tx: ReadTx, one: Action) -> None:
    """A rebate waits only on evidence, and only after the dealer was heard."""
    dealer_id, region = dealer_notices.subject_of(tx, one.case_id)
    if one.subject != f"dealer:{dealer_id}:{region}":
        raise BadRequest(f"Case {one.case_id} is about dealer {dealer_id} and region {region}; hold that dealer's.")
    trading.require_grounds(tx, one.case_id, now=one.at)


def _withhold(tx: Tx, one: Action, by: str, now: datetime) -> Details:
    dealer_id, region = dealer_notices.subject_of(tx, one.case_id)
    days = ceil((one.until - now).total_seconds() / DAY_S)
    try:
        asked = rebates.propose(
            tx, dealer_id=dealer_id, region=region, case_id=one.case_id, reason=one.reason, days=days, by=one.by,
            now=now,
        )  # fmt: skip
    except WithholdingMoved as taken:
        raise ActedOn(taken.detail) from taken
    return {"withholding": rebates.approve(tx, asked.id, by=by, now=now).id}


def _let_go(tx: Tx, one: Action, by: str, now: datetime) -> None:
    if one.state == "active":
        rebates.lift(tx, int(one.details["withholding"]), by=by, now=now)


EFFECTS["hold_points"] = replace(door_flags.EFFECT_OF_HOLD, begin=_hold, end=_go_on)
EFFECTS["rebate_hold"] = Effect(_withhold, _let_go, takes_two=lambda _: True, check=_grounds)
