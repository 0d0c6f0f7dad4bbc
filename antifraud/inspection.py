"""Inspections: people go where a look settles most, and what they find teaches the rules.

              plan, each night; or an action on a case
    (nothing) ----------------------------------------> open -- report(found) --> done
                                                         |  undone, or its day is long over
                                                         +--------------------------------> withdrawn

Which cartons are in doubt is what the night judged of them (`carton_verdicts`); where they are, the last located scans
of their items. A result labels what was alerted about these cartons; what nobody was alerted to is labelled as well.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from typing import Any, Literal, get_args
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Row, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from antifraud import alerts, scan_log, tours
from antifraud.action_effects import EFFECTS, ActedOn, Action, Details, Effect
from antifraud.case_tables import inspections, inspectors
from antifraud.labels import of_visit
from antifraud.location import LOCATED
from antifraud.tours import Place, Sighting, Tour
from foundation import audit
from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest, Conflict, NotFound

Found = Literal["diverted", "at_home", "copied", "genuine", "not_there"]
FOUND: tuple[Found, ...] = get_args(Found)
OUTCOMES = {
    "diverted": "confirmed_risk", "copied": "confirmed_risk", "at_home": "false_positive", "genuine": "false_positive",
    "not_there": "inconclusive",
}  # fmt: skip
KIND = "inspector_task"
ZONE = ZoneInfo("Asia/Shanghai")
EVENING = 20  # Tomorrow's tours are made from eight o'clock on.
KEPT = timedelta(days=7)  # After its day an open task is withdrawn: the place is planned anew.
MOST_CARTONS = 5000
MOST_NOTE = 2000
_LOCK = 0x696E7370  # "insp": one planner at a time.


class NoSuchInspection(NotFound):
    """There is none, or it is another inspector's."""

    type = "no-such-inspection"


class InspectionMoved(Conflict):
    """It was reported or withdrawn already."""

    type = "inspection-moved"


@dataclass(frozen=True, slots=True)
class Inspector:
    name: str
    lat: float
    lon: float
    most_km: float
    most_visits: int
    is_away: bool


@dataclass(frozen=True, slots=True)
class Inspection:
    """turn: its place in the day's tour; km: of the whole tour; bits: what it is expected to settle.

    subject: place:…, sscc:… or item:…; inner_scan_id: the scan of the code under the cap that was made there.
    """

    id: int
    day: date
    inspector: str
    turn: int
    subject: str
    cartons: Sequence[str]
    lat: float
    lon: float
    bits: float
    km: float
    case_id: int | None
    state: str
    made_at: datetime
    found: Found | None
    inner_scan_id: UUID | None
    folder: str | None
    note: str | None
    ended_by: str | None
    ended_at: datetime | None


def set_inspector(tx: Tx, one: Inspector, *, by: str, now: datetime) -> None:
    """Somebody who visits, from where, how far a day. Raises BadRequest."""
    if not one.name.strip() or not (-90 <= one.lat <= 90 and -180 <= one.lon <= 180):
        raise BadRequest("An inspector has a name and a base: latitude and longitude.")
    if one.most_km <= 0 or one.most_visits <= 0:
        raise BadRequest("Say how many kilometres and visits a day holds; somebody who cannot go is away.")
    values = {field.name: getattr(one, field.name) for field in fields(Inspector)} | {"set_by": by, "set_at": now}
    tx.execute(
        upsert(inspectors).values(values).on_conflict_do_update(index_elements=["name"], set_=values)
    )  # fmt: skip
    audit.record(tx, actor=by, action="inspector.set", subject=f"inspector:{one.name}", after=_said(one), now=now)


def _said(one: Inspector) -> dict[str, Any]:
    return {field.name: getattr(one, field.name) for field in fields(Inspector)}


def list_inspectors(tx: ReadTx) -> list[Inspector]:
    rows = tx.execute(select(inspectors).order_by(inspectors.c.name))
    return [Inspector(**{field.name: getattr(row, field.name) for field in fields(Inspector)}) for row in rows]


def plan_tomorrow(tx: Tx, *, now: datetime) -> int:
    """In the evening, the tours of tomorrow; how many visits. Safe to run again: a planned day stays as it is."""
    here = now.astimezone(ZONE)
    return plan(tx, here.date() + timedelta(days=1), now=now) if here.hour >= EVENING else 0


def plan(tx: Tx, day: date, *, now: datetime) -> int:
    """Make the tours of a day that has none yet; how many visits."""
    tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    _withdraw_old(tx, day, now)
    if tx.execute(select(inspections.c.id).where(inspections.c.day == day).limit(1)).first() is not None:
        return 0
    busy = set(tx.execute(select(inspections.c.subject).where(inspections.c.state == "open")).scalars())
    candidates = [place for place in tours.places(_sightings(tx), now=now) if place.name not in busy]
    people = [one for one in list_inspectors(tx) if not one.is_away]
    made = tours.plan([Tour(one.name, (one.lat, one.lon), one.most_km, one.most_visits, []) for one in people],
                      candidates)  # fmt: skip
    rows = [_row(tour, turn, place, day, now) for tour in made for turn, place in enumerate(tour.stops, 1)]
    if rows:
        tx.execute(insert(inspections), rows)
    return len(rows)


def _row(tour: Tour, turn: int, place: Place, day: date, now: datetime) -> dict[str, Any]:
    return {
        "day": day, "inspector": tour.inspector, "turn": turn, "subject": place.name, "cartons": list(place.cartons),
        "lat": place.lat, "lon": place.lon, "bits": place.bits, "km": round(tour.km, 1), "state": "open",
        "made_at": now,
    }  # fmt: skip


def _withdraw_old(tx: Tx, day: date, now: datetime) -> None:
    old = (inspections.c.state == "open", inspections.c.day < day - KEPT)
    tx.execute(update(inspections).where(*old).values(state="withdrawn", ended_by="clock", ended_at=now))


def _sightings(tx: ReadTx) -> list[Sighting]:
    """The cartons in doubt with the last located scan of each; none before a night has judged any."""
    if tx.execute(text("SELECT to_regclass('carton_verdicts')")).scalar() is None:
        return []
    rows = tx.execute(_DOUBTFUL, {"located": sorted(LOCATED), "limit": MOST_CARTONS})
    return [Sighting(row.sscc, row.posterior, row.lat, row.lon, row.received_at) for row in rows]


# An inspection that found out about a carton since it was judged has settled it.
_DOUBTFUL = text("""
SELECT v.sscc, v.posterior, s.lat, s.lon, s.received_at
FROM carton_verdicts v CROSS JOIN LATERAL (
    SELECT lat, lon, received_at FROM scans
    WHERE scans.sscc = v.sscc AND method = ANY (:located) AND lat IS NOT NULL ORDER BY received_at DESC LIMIT 1
) AS s
WHERE v.posterior BETWEEN 0.01 AND 0.999 AND NOT EXISTS (
    SELECT FROM inspections i WHERE i.state = 'done' AND i.found <> 'not_there' AND v.sscc = ANY (i.cartons))
ORDER BY abs(v.posterior - 0.5), v.sscc LIMIT :limit
""")


def tour(tx: ReadTx, inspector: str, *, day: date) -> list[Inspection]:
    """What an inspector does that day and what is still open from before, in turn."""
    mine = select(inspections).where(inspections.c.inspector == inspector)
    mine = mine.where((inspections.c.day == day) | ((inspections.c.state == "open") & (inspections.c.day < day)))
    return [_inspection(row) for row in tx.execute(mine.order_by(inspections.c.day, inspections.c.turn))]


def of_day(tx: ReadTx, day: date) -> list[Inspection]:
    rows = tx.execute(
        select(inspections).where(inspections.c.day == day).order_by(inspections.c.inspector, inspections.c.turn)
    )
    return [_inspection(row) for row in rows]


def of_case(tx: ReadTx, case_id: int) -> list[Inspection]:
    rows = tx.execute(select(inspections).where(inspections.c.case_id == case_id).order_by(inspections.c.id))
    return [_inspection(row) for row in rows]


def get(tx: ReadTx, inspection_id: int) -> Inspection:
    """Raises NoSuchInspection."""
    row = tx.execute(select(inspections).where(inspections.c.id == inspection_id)).first()
    if row is None:
        raise NoSuchInspection(f"There is no inspection {inspection_id}.")
    return _inspection(row)


def report(
    tx: Tx,
    inspection_id: int,
    found: Found,
    *,
    inner_scan_id: UUID | None = None,
    folder: str | None = None,
    note: str = "",
    by: str,
    now: datetime,
) -> Inspection:
    """What was found there, once; it becomes labels. Raises NoSuchInspection, InspectionMoved, BadRequest."""
    if found not in FOUND:
        raise BadRequest(f"What was found is one of {', '.join(FOUND)}.")
    if len(note) > MOST_NOTE:
        raise BadRequest(f"A note has at most {MOST_NOTE} characters.")
    if inner_scan_id is not None and not scan_log.by_ids(tx, [inner_scan_id]):
        raise BadRequest("There is no such scan; scan the code under the cap first, and send the id of that scan.")
    values = {
        "state": "done", "found": found, "inner_scan_id": inner_scan_id, "folder": folder, "note": note,
        "ended_by": by, "ended_at": now,
    }  # fmt: skip
    open_one = update(inspections).where(inspections.c.id == inspection_id, inspections.c.state == "open")
    row = tx.execute(open_one.values(values).returning(inspections)).first()
    if row is None:
        state = get(tx, inspection_id).state
        raise InspectionMoved(f"Inspection {inspection_id} is {state}; there is nothing to report any more.")
    done = _inspection(row)
    of_visit(tx, done.cartons, about=_about(found), outcome=OUTCOMES[found], by=by, now=now)
    after = {"found": found, "inspection": done.id, "subject": done.subject}
    subject = f"case:{done.case_id}" if done.case_id else f"inspection:{done.id}"
    audit.record(tx, actor=by, action="inspection.report", subject=subject, after=after, now=now)
    return done


def _about(found: Found) -> str:
    """Which rules a visit tells about: where goods are, or whether they are ours."""
    match found:
        case "diverted" | "at_home":
            return "DIV_"
        case "copied" | "genuine":
            return "CLN_"
        case "not_there":
            return ""


def folders(tx: ReadTx, among: Sequence[str]) -> set[str]:
    """Those of the folders that hold pictures of a visit."""
    found = select(inspections.c.folder).where(inspections.c.folder.in_(among))
    return {folder for folder in tx.execute(found).scalars() if folder} if among else set()


# --- the action: a visit for a case -----------------------------------------------------------------------------------


def _begin(tx: Tx, one: Action, by: str, now: datetime) -> Details:  # noqa: ARG001
    """For whoever is named in the details, else whose base is nearest; where the case's goods were seen last."""
    raised = alerts.of_case(tx, one.case_id, limit=10_000)
    seen = [scan for scan in scan_log.by_ids(tx, sorted({alert.scan_id for alert in raised})) if scan.lat is not None]
    if not seen:
        raise BadRequest("No scan of this case has a place, so there is nowhere to go.")
    last = max(seen, key=lambda scan: (scan.received_at, scan.scan_id))
    assert last.lat is not None
    assert last.lon is not None
    here = (last.lat, last.lon)
    person = _nearest(list_inspectors(tx), here, one.details.get("inspector"))
    row = {
        "day": now.astimezone(ZONE).date(), "inspector": person.name, "turn": 0, "subject": one.subject,
        "cartons": sorted({alert.sscc for alert in raised if alert.sscc}), "lat": last.lat, "lon": last.lon,
        "bits": 0.0, "km": round(2 * tours.road_km((person.lat, person.lon), here), 1), "case_id": one.case_id,
        "state": "open", "made_at": now,
    }  # fmt: skip
    made = tx.execute(upsert(inspections).values(row).on_conflict_do_nothing().returning(inspections.c.id)).scalar()
    if made is None:
        raise ActedOn(f"Somebody is on the way to {one.subject} already.")
    return {"inspection": made, "inspector": person.name}


def _nearest(people: Iterable[Inspector], here: tuple[float, float], named: str | None) -> Inspector:
    able = [one for one in people if (one.name == named if named else not one.is_away)]
    if not able:
        raise BadRequest(f"There is no inspector {named}." if named else "No inspector is there; set one up first.")
    return min(able, key=lambda one: (tours.road_km((one.lat, one.lon), here), one.name))


def _end(tx: Tx, one: Action, by: str, now: datetime) -> None:
    """Withdrawn when nobody went yet; a result stays."""
    if one.state == "active":
        still = (inspections.c.id == one.details["inspection"], inspections.c.state == "open")
        tx.execute(update(inspections).where(*still).values(state="withdrawn", ended_by=by, ended_at=now))


EFFECTS[KIND] = Effect(_begin, _end)


def _inspection(row: Row[Any]) -> Inspection:
    return Inspection(**{field.name: getattr(row, field.name) for field in fields(Inspection)})
