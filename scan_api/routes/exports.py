"""Raw scans for a brand's own warehouse: page by page from a cursor, every scan once, as JSON or as lines of it."""

import asyncio
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Query, Response
from pydantic import AwareDatetime, BaseModel

from antifraud import scan_feed
from antifraud.scan_feed import Line, Page, Place
from foundation import clock
from foundation.database import reading
from foundation.errors import NotSignedIn, TooMany
from scan_api.api_keys import ApiKey, ScopeMissing
from scan_api.callers import key_with
from scan_api.edge import Edge, TheEdge
from scan_api.exports import WrongCursor, read_cursor, write_cursor
from scan_api.problems import problems

router = APIRouter(prefix="/v1/exports", tags=["systems"])

MOST = 1000
LINES = "application/x-ndjson"


class ScanLine(BaseModel):
    scan_id: UUID
    received_at: AwareDatetime
    verdict: str
    reasons: list[str]
    item: int | None
    face: int | None
    gtin: str | None
    sscc: str | None
    dealer_id: int | None
    member_id: UUID | None
    region: int | None
    lat: float | None
    lon: float | None
    sigma_km: float | None
    method: str | None
    claim: bool
    reward_points: int
    reward_state: str
    params_version: str


class ScanPage(BaseModel):
    """next_cursor: where to read on, also when nothing more is ready yet; complete: nothing more is ready yet."""

    scans: list[ScanLine]
    next_cursor: str
    complete: bool


@router.get(
    "/scans",
    response_model=ScanPage,
    responses=problems(WrongCursor, NotSignedIn, ScopeMissing, TooMany) | {200: {"content": {LINES: {}}}},
)
async def scans(
    edge: TheEdge,
    _: Annotated[ApiKey, Depends(key_with("scans:read"))],
    cursor: Annotated[str | None, Query(max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 500,
    form: Annotated[Literal["json", "ndjson"], Query(json_schema_extra={"x-client-omit": True})] = "json",
) -> Response:
    """Scans in the order they were received, each once. As lines, the cursor is in the header Onecode-Next-Cursor."""
    key = edge.house.purpose_key("export cursor")
    place = read_cursor(cursor, key) if cursor else Place()
    page = await asyncio.to_thread(_page, edge, place, limit)
    on = write_cursor(page.place, key)
    if form == "ndjson":
        lines = b"".join(orjson.dumps(_out(line), option=orjson.OPT_APPEND_NEWLINE) for line in page.lines)
        return Response(lines, media_type=LINES, headers={"Onecode-Next-Cursor": on})
    body = {"scans": [_out(line) for line in page.lines], "next_cursor": on, "complete": page.complete}
    return Response(orjson.dumps(body), media_type="application/json")


def _page(edge: Edge, place: Place, limit: int) -> Page:
    with reading(edge.house.engine) as tx:
        return scan_feed.page(tx, place, limit=limit, now=clock.now())


def _out(line: Line) -> dict[str, Any]:
    return {name: getattr(line, name) for name in scan_feed.NAMES}
