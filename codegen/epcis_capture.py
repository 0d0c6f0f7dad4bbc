"""Take an EPCIS document: every event does what it says to our items and units, or none is kept.

| event                           | what it does                     | refused when                               |
| ------------------------------- | -------------------------------- | ------------------------------------------ |
| ObjectEvent ADD                 | commissions the items            | not issued; commissioned, scrapped or void |
| ObjectEvent OBSERVE             | shipping to a dealer ships units | not commissioned by then; unknown          |
|                                 | receiving by a dealer takes them | not commissioned by then; unknown          |
| ObjectEvent DELETE              | voids the items                  | not commissioned; void already             |
| AggregationEvent ADD, DELETE    | packs, unpacks                   | packed elsewhere; not in there             |
| TransactionEvent, other OBSERVE | nothing                          | not commissioned by then; unknown          |

An event's identity is the hash of what it says: sent again it changes nothing, in whatever document. Shipping and
receiving name the dealer as destination `urn:onecode:dealer:<id>` and the paper as their first business transaction.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy import insert, select, text

from codegen import arrivals, epcis_hash, hierarchy, rangeset, shipments, spans, wire
from codegen import units as unit_book
from codegen.digital_link import parse
from codegen.epcis_document import TYPES, BadDocument, Document, Wrong
from codegen.hierarchy import UnknownUnit
from codegen.keys import KeyRing
from codegen.rangeset import Range
from codegen.run_index import RunIndex
from codegen.tables import epcis_captures, epcis_events
from codegen.wire import Genuine
from foundation import audit
from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest, NotFound, Problem

DEALER = "urn:onecode:dealer:"
FUTURE = timedelta(hours=24)


class UnknownCapture(NotFound):
    type = "unknown-capture"


@dataclass(frozen=True, slots=True)
class Captured:
    """`n_known`: events that had been taken before, and were not taken again."""

    id: UUID
    captured_by: str
    captured_at: datetime
    n_events: int
    n_known: int


@dataclass(frozen=True, slots=True)
class _Things:
    items: list[Range]
    units: list[str]


class NotOurs(Exception):
    """An event cannot do what it says; `field` of it and why."""

    def __init__(self, field: str, says: str) -> None:
        super().__init__(says)
        self.field, self.says = field, says


def capture(
    tx: Tx, document: Document, *, capture_id: UUID, keys: KeyRing, runs: RunIndex, by: str, now: datetime
) -> Captured:
    """Take every event in order, all or none. Raises BadDocument naming events and fields."""
    # The same event twice at once is one. One lock for all brands: documents are bounded, and EPCs name any brand.
    tx.execute(text("SELECT pg_advisory_xact_lock(hashtext('epcis capture'))"))
    known = _known(tx, document.ids)
    tx.execute(
        insert(epcis_captures).values(
            id=capture_id, captured_by=by, captured_at=now, n_events=len(document.events), n_known=0
        )
    )
    wrong, n_known = list[Wrong](), 0
    for at, (event, hash_id) in enumerate(zip(document.events, document.ids, strict=True)):
        if hash_id in known:
            n_known += 1
            continue
        known.add(hash_id)
        try:
            _take(tx, event, hash_id, capture_id=capture_id, keys=keys, runs=runs, now=now)
        except NotOurs as refused:
            wrong.append(Wrong(at, refused.field, refused.says))
        except Problem as problem:
            wrong.append(Wrong(at, "", problem.detail.rstrip(".")))
    if wrong:
        raise BadDocument(wrong)  # Rolls back whatever the other events did.
    tx.execute(text("UPDATE epcis_captures SET n_known = :n WHERE id = :id"), {"n": n_known, "id": capture_id})
    after = {"events": len(document.events), "known": n_known}
    audit.record(tx, actor=by, action="epcis.capture", subject=f"capture:{capture_id}", after=after, now=now)
    return Captured(capture_id, by, now, len(document.events), n_known)


def find_capture(tx: ReadTx, capture_id: UUID) -> Captured:
    """What became of a capture. Raises UnknownCapture: never made, or refused and therefore not kept."""
    row = tx.execute(select(epcis_captures).where(epcis_captures.c.id == capture_id)).first()
    if row is None:
        raise UnknownCapture(f"There is no capture {capture_id}.")
    return Captured(row.id, row.captured_by, row.captured_at, row.n_events, row.n_known)


def things(epcs: Sequence[str], *, keys: KeyRing, runs: RunIndex, field: str = "epcList") -> _Things:
    """The items and units that EPCs name. Raises NotOurs naming the first that is none of ours."""
    items, units = list[int](), list[str]()
    for at, epc in enumerate(epcs):
        uri = epcis_hash.canonical_key(epc)
        try:
            link = parse(uri)
        except BadRequest as error:
            raise NotOurs(f"{field}.{at}", f"{epc[:80]} is no GS1 identifier") from error
        if link.key[0] == "00":
            units.append(link.key[1])
            continue
        serial = link.value("21")
        token = wire.decode(serial, keys=keys, runs=runs) if link.key[0] == "01" and serial else None
        if not isinstance(token, Genuine) or token.gtin != link.key[1]:
            raise NotOurs(f"{field}.{at}", f"{epc[:80]} is not an item or unit of ours")
        items.append(token.item)
    return _Things(rangeset.of(items), units)


def _take(
    tx: Tx, event: Mapping[str, Any], hash_id: str, *, capture_id: UUID, keys: KeyRing, runs: RunIndex, now: datetime
) -> None:
    when = datetime.fromisoformat(event["eventTime"])
    if when > now + FUTURE:
        raise NotOurs("eventTime", "the event has not happened yet")
    field = "childEPCs" if event["type"] == "AggregationEvent" else "epcList"
    named = things(event.get(field, ()), keys=keys, runs=runs, field=field)
    parent = things([event["parentID"]], keys=keys, runs=runs, field="parentID").units if "parentID" in event else []
    if "parentID" in event and not parent:
        raise NotOurs("parentID", "a parent is a case or pallet (SSCC)")
    shipment = _DO[event["type"], event["action"]](tx, event, named, parent, f"epcis:{capture_id}", when)
    tx.execute(
        text(_INSERT),
        {
            "hash": hash_id, "capture": capture_id, "at": when, "now": now, "type": event["type"],
            "action": event["action"], "step": word(event.get("bizStep")), "disp": word(event.get("disposition")),
            "items": rangeset.literal(named.items), "units": [*named.units, *parent],
            "parent": parent[0] if parent else None, "shipment": shipment,
        },
    )  # fmt: skip
    kept = {name: value for name, value in event.items() if name != "@context"} | {"recordTime": now.isoformat()}
    tx.execute(
        epcis_events.update().where(epcis_events.c.event_hash == hash_id).values(document=kept | {"eventID": hash_id})
    )


def word(value: str | None) -> str | None:
    """`shipping` for the bare word, its URN and its web address."""
    return None if value is None else value.rpartition(":")[2].rpartition("BizStep-")[2].rpartition("Disp-")[2]


def _commission(tx: Tx, _: Any, named: _Things, __: Any, by: str, when: datetime) -> None:
    if named.units:
        raise NotOurs("epcList", f"unit {named.units[0]} begins when something is packed into it")
    for refusal in spans.commission(tx, named.items, by=by, now=when).refused:
        says = {
            "commissioned": "is commissioned already",
            "not-issued": "was never issued",
            "run-closed": "belongs to a closed run",
        }
        raise NotOurs("epcList", f"item {refusal.first} {says.get(refusal.reason, 'is ' + refusal.reason)}")


def _decommission(tx: Tx, event: Any, named: _Things, parent: Any, by: str, when: datetime) -> None:
    _observe(tx, event, named, parent, by, when)
    for refusal in spans.void(tx, named.items, reason=event.get("bizStep", "decommissioned"), by=by, now=when).refused:
        raise NotOurs("epcList", f"item {refusal.first} is {refusal.reason} already")


def _observe(tx: Tx, event: Any, named: _Things, parent: list[str], by: str, when: datetime) -> int | None:
    rows = tx.execute(
        text(
            "SELECT lower(items), upper(items) FROM spans WHERE state = 'commissioned' AND began_at <= :at"
            " AND items && CAST(:asked AS int8multirange)"
        ),
        {"asked": rangeset.literal(named.items), "at": when},
    )
    unborn = rangeset.without(named.items, rangeset.of((low, high) for low, high in rows))
    if unborn:
        raise NotOurs("epcList", f"item {unborn[0][0]} was not commissioned by then")
    for unit in [*named.units, *parent]:
        hierarchy.contents(tx, unit)  # Raises UnknownUnit.
    dealer = next(
        (one["destination"] for one in event.get("destinationList", ()) if one["destination"].startswith(DEALER)), None
    )
    step = word(event.get("bizStep"))
    if step not in ("shipping", "receiving") or dealer is None or event["type"] != "ObjectEvent":
        return None
    documents = [one["bizTransaction"] for one in event.get("bizTransactionList", ())]
    number = dealer.removeprefix(DEALER)
    if not documents or not number.isdecimal() or len(number) > 15:
        raise NotOurs("destinationList", f"{step} names its dealer by number, and its paper as a bizTransaction")
    if named.items:
        raise NotOurs("epcList", "cases and pallets are shipped and received, not single items")
    if step == "receiving":
        arrivals.receive(tx, dealer_id=int(number), units=named.units, document=documents[0], by=by, now=when)
        return None
    return shipments.ship(tx, dealer_id=int(number), units=named.units, document=documents[0], now=when).id


def _pack(tx: Tx, _: Any, named: _Things, parent: list[str], by: str, when: datetime) -> None:
    if named.items and named.units:
        raise NotOurs("childEPCs", "a unit holds items or units, not both")
    level = _level(tx, parent[0], named)
    packed = hierarchy.pack(tx, sscc=parent[0], level=level, items=named.items, units=named.units, by=by, now=when)
    for refusal in packed.refused:
        what = refusal.what if isinstance(refusal.what, str) else f"item {refusal.what[0]}"
        where = f" in {refusal.unit}" if refusal.unit else ""
        raise NotOurs("childEPCs", f"{what} is {refusal.reason}{where}")


def _level(tx: ReadTx, parent: str, named: _Things) -> hierarchy.Level:
    """A parent keeps its level; a new one is a case of items or bundles, or a pallet of what ranks higher."""
    levels = unit_book.levels(tx, [parent, *named.units])
    guessed: hierarchy.Level = (
        "case" if set(levels.values()) <= {"bundle"} and len(levels) == len(named.units) else "pallet"
    )
    return levels.get(parent, guessed)


def _unpack(tx: Tx, _: Any, named: _Things, parent: list[str], by: str, when: datetime) -> None:
    everything = not named.items and not named.units
    items, units = (None, None) if everything else (named.items, named.units)
    out = hierarchy.unpack(tx, sscc=parent[0], items=items, units=units, by=by, now=when)
    if out != rangeset.count(named.items) + len(named.units) and not everything:
        raise NotOurs("childEPCs", f"not all of them lie in {parent[0]}")


_Do = Callable[[Tx, Any, _Things, list[str], str, datetime], int | None]
_KINDS = [(kind, action) for kind in TYPES for action in ("ADD", "OBSERVE", "DELETE")]
_DOERS = {
    ("ObjectEvent", "ADD"): _commission,
    ("ObjectEvent", "DELETE"): _decommission,
    ("AggregationEvent", "ADD"): _pack,
    ("AggregationEvent", "DELETE"): _unpack,
}
_DO = cast(dict[tuple[str, str], _Do], dict.fromkeys(_KINDS, _observe) | _DOERS)


def _known(tx: ReadTx, ids: Sequence[str]) -> set[str]:
    rows = tx.execute(
        text("SELECT event_hash FROM epcis_events WHERE event_hash = ANY (CAST(:ids AS text[]))"), {"ids": list(ids)}
    )
    return {row.event_hash for row in rows}


_INSERT = """
INSERT INTO epcis_events (event_hash, capture_id, event_time, record_time, type, action, biz_step, disposition, items,
                          units, parent, shipment_id, document)
VALUES (:hash, :capture, :at, :now, :type, :action, :step, :disp, CAST(:items AS int8multirange), :units, :parent,
        :shipment, '{}')
"""

__all__ = [
    "DEALER",
    "Captured",
    "NotOurs",
    "UnknownCapture",
    "UnknownUnit",
    "capture",
    "find_capture",
    "things",
    "word",
]
