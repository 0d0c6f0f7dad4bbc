"""For the orchestra around us: is the process alive, can it work, what has it counted."""

import asyncio

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from foundation import database, schema
from foundation.errors import DatabaseDown, SchemaBehind
from scan_api.edge import TheEdge
from scan_api.problems import problems

router = APIRouter(tags=["health"])


@router.get("/health/live")
async def live() -> dict[str, str]:
    """The process answers; a database that is away is no reason to restart it."""
    return {"state": "live"}


@router.get("/health/ready", responses=problems(DatabaseDown, SchemaBehind))
async def ready(edge: TheEdge) -> dict[str, str]:
    """The database answers and stands at this program's schema."""
    try:
        await asyncio.to_thread(database.check, edge.house.engine)
    except DatabaseDown as down:
        # Its own sentence names host and user: right for a terminal, not for whoever asks over the network.
        raise DatabaseDown("The database cannot be reached just now.", retry_after_s=2) from down
    await asyncio.to_thread(schema.require, edge.house.engine)
    return {"state": "ready"}


@router.get("/metrics", include_in_schema=False)
async def metrics() -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
