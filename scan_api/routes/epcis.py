"""EPCIS 2.0: capture what partners saw, and ask for the life of items. Producers and keys."""

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from codegen import epcis, epcis_capture, epcis_document
from codegen.epcis import BadQuery
from codegen.epcis_capture import Captured, UnknownCapture
from codegen.epcis_document import BadDocument, DocumentTooLarge, Limits
from foundation import clock, ids
from foundation.database import ReadTx, reading, transaction
from foundation.errors import NotAllowed, NotSignedIn, TooMany
from scan_api.edge import Edge, TheEdge
from scan_api.problems import problems
from scan_api.staff import Caller, staff_or_key

router = APIRouter(prefix="/epcis", tags=["epcis"])
MayCapture = Annotated[Caller, Depends(staff_or_key("producer", scope="epcis:capture"))]
MayRead = Annotated[Caller, Depends(staff_or_key("producer", scope="epcis:read"))]
_VERSIONS = {"GS1-EPCIS-Version": "2.0.0", "GS1-CBV-Version": "2.0.0"}


class Events(JSONResponse):
    media_type = "application/ld+json"


@router.post(
    "/capture", status_code=202, responses=problems(BadDocument, DocumentTooLarge, NotSignedIn, NotAllowed, TooMany)
)
async def post_capture(request: Request, edge: TheEdge, caller: MayCapture) -> Response:
    """Take a document, all of it or nothing. An event that was taken before changes nothing."""
    body = await request.body()  # `bodies.py` stops one that is too large while it streams in.
    done = await run_in_threadpool(_capture, edge, body, caller.name)
    headers = {"Location": f"/epcis/capture/{done.id}", **_VERSIONS}
    return JSONResponse(_job(done), 202, headers)


@router.get("/capture/{capture_id}", responses=problems(UnknownCapture, NotSignedIn, NotAllowed, TooMany))
def get_capture(capture_id: UUID, edge: TheEdge, _: MayCapture) -> Response:
    """What became of a capture. A refused one was answered at once and is not kept."""
    with reading(edge.house.engine) as tx:
        return JSONResponse(_job(epcis_capture.find_capture(tx, capture_id)), 200, _VERSIONS)


@router.get("/events", response_class=Events, responses=problems(BadQuery, NotSignedIn, NotAllowed, TooMany))
def get_events(
    request: Request,
    edge: TheEdge,
    _: MayRead,
    ge_event_time: Annotated[datetime | None, Query(alias="GE_eventTime")] = None,
    lt_event_time: Annotated[datetime | None, Query(alias="LT_eventTime")] = None,
    eq_biz_step: Annotated[list[str] | None, Query(alias="EQ_bizStep")] = None,
    eq_action: Annotated[list[str] | None, Query(alias="EQ_action")] = None,
    event_type: Annotated[list[str] | None, Query(alias="eventType")] = None,
    match_epc: Annotated[str | None, Query(alias="MATCH_anyEPC", max_length=500)] = None,
    match: Annotated[str | None, Query(alias="MATCH_epc", max_length=500)] = None,
    per_page: Annotated[int, Query(alias="perPage", ge=1, le=epcis.MAX_PAGE)] = 30,
    token: Annotated[str, Query(alias="nextPageToken", max_length=500)] = "",
) -> Response:
    """Events, the oldest first; the Link header leads to the next page."""
    now = clock.now()
    for at in (ge_event_time, lt_event_time):
        if at is not None and at.tzinfo is None:
            raise BadQuery("GE_eventTime and LT_eventTime need a time zone.")
    offset = now.astimezone(edge.house.settings.zone).utcoffset()
    assert offset is not None
    with reading(edge.house.engine) as tx:
        page = edge.codebook.page(tx)
        item, unit = _thing(tx, edge, match or match_epc)
        steps = tuple(filter(None, map(epcis_capture.word, eq_biz_step or ())))
        query = epcis.Query(
            ge_event_time, lt_event_time, steps, tuple(eq_action or ()),
            tuple(event_type or ()), item, unit,
        )  # fmt: skip
        found = epcis.events(tx, query, keys=page.keys, runs=page.runs, offset=offset, limit=per_page, after=token)
    headers = dict(_VERSIONS)
    if found.after is not None:
        pairs = [(name, value) for name, value in request.query_params.multi_items() if name != "nextPageToken"]
        headers["Link"] = f'</epcis/events?{urlencode([*pairs, ("nextPageToken", found.after)])}>; rel="next"'
    return Events(epcis.document(found.events, now=now, query=True), 200, headers)


def _capture(edge: Edge, body: bytes, by: str) -> Captured:
    now = clock.now()
    document = epcis_document.read(body, Limits.of(edge.house.settings))
    with transaction(edge.house.engine) as tx:
        page = edge.codebook.page(tx)
        return epcis_capture.capture(
            tx, document, capture_id=ids.uuid7(now), keys=page.keys, runs=page.runs, by=by, now=now
        )


def _thing(tx: ReadTx, edge: Edge, epc: str | None) -> tuple[int | None, str | None]:
    """The item or the unit that MATCH_epc names."""
    if epc is None:
        return None, None
    page = edge.codebook.page(tx)
    try:
        named = epcis_capture.things([epc], keys=page.keys, runs=page.runs)
    except epcis_capture.NotOurs as refused:
        raise BadQuery(f"MATCH_epc: {refused.says}.") from refused
    return (named.items[0][0], None) if named.items else (None, named.units[0])


def _job(done: Captured) -> dict[str, Any]:
    return {
        "captureID": str(done.id),
        "createdAt": done.captured_at.isoformat(), "finishedAt": done.captured_at.isoformat(),
        "running": False, "success": True, "captureErrorBehaviour": "rollback", "errors": [],
        "events": done.n_events, "knownBefore": done.n_known,
    }  # fmt: skip
