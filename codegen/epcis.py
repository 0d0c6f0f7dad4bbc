"""The life of items and units as EPCIS 2.0 events: made out of what is known, not stored beside it.

| from                        | event                        | bizStep         |
| --------------------------- | ---------------------------- | --------------- |
| spans, commissioned         | ObjectEvent ADD              | commissioning   |
| spans, scrapped or voided   | ObjectEvent DELETE           | decommissioning |
| unit_contents, unit_parents | AggregationEvent ADD, DELETE | packing, unpacking |
| unit_contents, sampled      | ObjectEvent OBSERVE          | inspecting      |
| shipments                   | ObjectEvent OBSERVE          | shipping        |
| arrivals                    | ObjectEvent OBSERVE          | receiving       |
| epcis_events                | as a partner captured it     | any             |

A span of up to LISTED items names each by its Digital Link; a larger one says product and quantity. What a captured
event did is told by that event alone. The order is (time, source, number), which is also where a page continues.

An event made here has the identity of what it says (CBV 2.0, section 8.9). A line that is still running lengthens its
span, so the event of that span says more, later, and under another hash; once the span is complete it stays the same.
Remembering every report of a line apart would cost a row a report, for an event nobody would call complete.
"""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import numpy as np
from sqlalchemy import Row, text

from codegen import epcis_hash
from codegen.epcis_capture import DEALER
from codegen.identity import Profile
from codegen.keys import KeyRing, UnknownEpoch
from codegen.rangeset import Range
from codegen.run_index import Run, RunIndex
from codegen.wire import encode_many
from foundation.database import ReadTx
from foundation.errors import BadRequest

CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
LISTED = 1000
MAX_PAGE = 500


class BadQuery(BadRequest):
    """A parameter of the query is unusable."""

    type = "bad-epcis-query"


@dataclass(frozen=True, slots=True)
class Query:
    """All conditions hold at once; None asks nothing. `since` is included, `before` is not."""

    since: datetime | None = None
    before: datetime | None = None
    biz_steps: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    item: int | None = None
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """`after`: where the next page continues; None: this was the last."""

    events: tuple[Mapping[str, Any], ...]
    after: str | None


def events(
    tx: ReadTx, query: Query, *, keys: KeyRing, runs: RunIndex, offset: timedelta, limit: int = 30, after: str = ""
) -> Page:
    """A page of events as JSON-LD, the oldest first. offset: of the local clock from UTC. Raises BadQuery."""
    at, source, number = _place(after)
    limit = max(1, min(limit, MAX_PAGE))
    rows = tx.execute(
        text(_EVENTS),
        {
            "since": query.since, "before": query.before, "steps": list(query.biz_steps),
            "actions": list(query.actions),
            "types": list(query.types), "item": query.item, "unit": query.unit, "at": at, "source": source,
            "number": number, "limit": limit + 1,
        },
    ).all()  # fmt: skip
    made = tuple(_event(row, keys, runs, offset) for row in rows[:limit])
    return Page(made, _token(rows[limit - 1]) if len(rows) > limit else None)


def document(found: Sequence[Mapping[str, Any]], *, now: datetime, query: bool = False) -> dict[str, Any]:
    """Events as an EPCISDocument, or as what a query answers."""
    body: dict[str, Any] = {"eventList": list(found)}
    if query:
        body = {"queryResults": {"queryName": "SimpleEventQuery", "resultsBody": body}}
    return {
        "@context": [CONTEXT],
        "type": "EPCISQueryDocument" if query else "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": epcis_hash.instant(now.isoformat()),
        "epcisBody": body,
    }


def _event(row: Row[Any], keys: KeyRing, runs: RunIndex, offset: timedelta) -> dict[str, Any]:
    if row.document is not None:
        return dict(row.document)
    event: dict[str, Any] = {
        "type": row.type,
        "eventTime": epcis_hash.instant(row.at.isoformat()),
        "eventTimeZoneOffset": _offset(offset),
        "action": row.action,
        "bizStep": row.step,
    }
    epcs, quantities = _named([(low, high) for low, high in row.items or ()], keys, runs)
    host = next((run.host for low, _ in row.items or () if (run := runs.find(low))), "id.gs1.org")
    epcs += [f"https://{host if row.items else 'id.gs1.org'}/00/{unit}" for unit in row.units or ()]
    listed, counted = ("childEPCs", "childQuantityList") if row.parent else ("epcList", "quantityList")
    if row.parent:
        event["parentID"] = f"https://id.gs1.org/00/{row.parent}"
    event |= {name: found for name, found in ((listed, epcs), (counted, quantities)) if found}
    if row.disposition:
        event["disposition"] = row.disposition
    if row.dealer is not None:
        kind, paper = ("recadv", "arrival") if row.step == "receiving" else ("desadv", "delivery")
        named = f"urn:onecode:{paper}:{quote(row.delivery, safe='')}"
        event["bizTransactionList"] = [{"type": kind, "bizTransaction": named}]
        event["destinationList"] = [{"type": "possessing_party", "destination": f"{DEALER}{row.dealer}"}]
    return {"eventID": epcis_hash.event_id(event)} | event


def _named(ranges: Sequence[Range], keys: KeyRing, runs: RunIndex) -> tuple[list[str], list[dict[str, Any]]]:
    """Items one by one where they are few and can be written, else product and quantity."""
    epcs, quantities = list[str](), list[dict[str, Any]]()
    for low, high in ranges:
        run = runs.find(low)
        if run is None:
            continue
        links = item_links(run, low, high, keys) if high - low <= LISTED else []
        epcs += links
        if not links:
            quantities.append({"epcClass": f"https://{run.host}/01/{run.gtin}", "quantity": high - low})
    return epcs, quantities


def item_links(run: Run, low: int, high: int, keys: KeyRing) -> list[str]:
    """The Digital Links of consecutive items; [] for compact codes and retired keys, which have none."""
    if run.profile is not Profile.STANDARD:
        return []
    try:
        texts = encode_many(np.arange(low, high, dtype=np.uint64), keys=keys, gtin=run.gtin, host=run.host)
    except UnknownEpoch:
        return []
    return [f"https://{run.host}/{one.split('/', 3)[3]}" for one in texts]


def _offset(offset: timedelta) -> str:
    minutes = abs(int(offset.total_seconds())) // 60
    return f"{'-' if offset < timedelta(0) else '+'}{minutes // 60:02d}:{minutes % 60:02d}"


def _token(row: Row[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps([row.at.isoformat(), row.source, row.number]).encode()).decode()


def _place(token: str) -> tuple[datetime | None, int, str]:
    if not token:
        return None, 0, ""
    try:
        at, source, number = json.loads(base64.urlsafe_b64decode(token.encode("ascii")))
        when = datetime.fromisoformat(at)
    except (binascii.Error, ValueError, TypeError, RecursionError) as error:
        raise BadQuery("nextPageToken is not one of ours; ask for the first page again.") from error
    if when.tzinfo is None or not isinstance(source, int) or not isinstance(number, str) or not 0 <= source < 99:
        raise BadQuery("nextPageToken is not one of ours; ask for the first page again.")
    return when, source, number


# Every source gives the same columns; what a capture did carries its mark and is told by the captured event.
_EVENTS = """
WITH found AS (
    SELECT last_at AS at, 1 AS source, lpad(id::text, 20, '0') AS number, 'ObjectEvent' AS type,
           CASE state WHEN 'commissioned' THEN 'ADD' ELSE 'DELETE' END AS action,
           CASE state WHEN 'commissioned' THEN 'commissioning' ELSE 'decommissioning' END AS step,
           CASE state WHEN 'commissioned' THEN 'active' ELSE 'inactive' END AS disposition,
           int8multirange(items) AS items, ARRAY[]::text[] AS units, NULL::text AS parent,
           NULL::bigint AS dealer, NULL::text AS delivery, NULL::jsonb AS document
    FROM spans WHERE state IN ('commissioned', 'scrapped', 'voided') AND by NOT LIKE 'epcis:%'
    UNION ALL
    SELECT packed_at, 2, lpad(id::text, 20, '0'), 'AggregationEvent', 'ADD', 'packing', 'in_progress',
           int8multirange(items), ARRAY[]::text[], sscc, NULL, NULL, NULL
    FROM unit_contents WHERE packed_by NOT LIKE 'epcis:%'
    UNION ALL
    SELECT packed_at, 3, lpad(id::text, 20, '0'), 'AggregationEvent', 'ADD', 'packing', 'in_progress',
           '{}'::int8multirange, ARRAY[sscc], parent_sscc, NULL, NULL, NULL
    FROM unit_parents WHERE packed_by NOT LIKE 'epcis:%'
    UNION ALL
    SELECT s.shipped_at, 4, lpad(s.id::text, 20, '0'), 'ObjectEvent', 'OBSERVE', 'shipping', 'in_transit',
           '{}'::int8multirange,
           (SELECT array_agg(DISTINCT u.outermost_sscc) FROM shipment_units u WHERE u.shipment_id = s.id), NULL,
           s.dealer_id, s.document, NULL
    FROM shipments s WHERE NOT EXISTS (SELECT FROM epcis_events e WHERE e.shipment_id = s.id)
    UNION ALL
    SELECT unpacked_at, 5, lpad(id::text, 20, '0'), 'AggregationEvent', 'DELETE', 'unpacking', 'in_progress',
           int8multirange(items), ARRAY[]::text[], sscc, NULL, NULL, NULL
    FROM unit_contents WHERE unpacked_at IS NOT NULL AND unpacked_by NOT LIKE 'epcis:%'
    UNION ALL
    SELECT unpacked_at, 6, lpad(id::text, 20, '0'), 'AggregationEvent', 'DELETE', 'unpacking', 'in_progress',
           '{}'::int8multirange, ARRAY[sscc], parent_sscc, NULL, NULL, NULL
    FROM unit_parents WHERE unpacked_at IS NOT NULL AND unpacked_by NOT LIKE 'epcis:%'
    UNION ALL
    SELECT unpacked_at, 8, lpad(id::text, 20, '0'), 'ObjectEvent', 'OBSERVE', 'inspecting', NULL,
           int8multirange(items), ARRAY[]::text[], NULL, NULL, NULL, NULL
    FROM unit_contents WHERE unpacked_at IS NOT NULL AND sampled
    UNION ALL
    SELECT r.received_at, 9, lpad(r.id::text, 20, '0'), 'ObjectEvent', 'OBSERVE', 'receiving', 'in_progress',
           '{}'::int8multirange,
           (SELECT array_agg(DISTINCT u.outermost_sscc) FROM arrival_units u WHERE u.arrival_id = r.id), NULL,
           r.dealer_id, r.document, NULL
    FROM arrivals r WHERE r.received_by NOT LIKE 'epcis:%'
    UNION ALL
    SELECT event_time, 7, event_hash, type, action, coalesce(biz_step, ''), disposition, items, units, parent,
           NULL, NULL, document
    FROM epcis_events
)
SELECT at, source, number, type, action, step, disposition, units, parent, dealer, delivery, document,
       (SELECT array_agg(ARRAY[lower(r), upper(r)]) FROM unnest(items) AS r) AS items
FROM found
WHERE (CAST(:since AS timestamptz) IS NULL OR at >= :since) AND (CAST(:before AS timestamptz) IS NULL OR at < :before)
  AND (cardinality(CAST(:steps AS text[])) = 0 OR step = ANY (CAST(:steps AS text[])))
  AND (cardinality(CAST(:actions AS text[])) = 0 OR action = ANY (CAST(:actions AS text[])))
  AND (cardinality(CAST(:types AS text[])) = 0 OR type = ANY (CAST(:types AS text[])))
  AND (CAST(:item AS bigint) IS NULL OR items @> CAST(:item AS bigint) OR source IN (4, 9) AND EXISTS (
       SELECT FROM unit_contents c JOIN (
           SELECT 4 AS source, shipment_id AS id, sscc FROM shipment_units
           UNION ALL SELECT 9, arrival_id, sscc FROM arrival_units) u ON u.sscc = c.sscc
       WHERE c.items @> CAST(:item AS bigint) AND u.source = found.source AND u.id = CAST(number AS bigint)
         AND c.packed_at <= at AND (c.unpacked_at IS NULL OR c.unpacked_at > at)))
  AND (CAST(:unit AS text) IS NULL OR parent = :unit OR :unit = ANY (units))
  AND (CAST(:at AS timestamptz) IS NULL OR (at, source, number) > (CAST(:at AS timestamptz), :source, :number))
ORDER BY at, source, number LIMIT :limit
"""
