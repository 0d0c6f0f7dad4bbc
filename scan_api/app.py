"""The FastAPI application: routes, problems, and the edge they share for the life of the process."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

import uvicorn
from fastapi import FastAPI

from codegen.epcis_document import Limits
from foundation import telemetry
from printer_jobs.reports import MOST_STORY
from scan_api import bodies, contract, problems
from scan_api.bodies import BoundedBodies
from scan_api.edge import Edge
from scan_api.house import House
from scan_api.routes import (
    appeals,
    cases,
    challenges,
    deliveries,
    epcis,
    exports,
    health,
    inspections,
    line,
    links,
    members,
    orders,
    packages,
    partners,
    pools,
    privacy,
    prizes,
    resolver,
    rewards,
    scans,
    sign_in,
    story,
    trade,
    units,
    webhooks,
)  # fmt: skip
from scan_api.watching import WatchedRequests


def make_app(house: House) -> FastAPI:
    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        edge = app.state.edge = Edge(house)
        watches = [asyncio.create_task(edge.keep_standing()), asyncio.create_task(edge.door.watch())]
        yield
        for watch in watches:
            watch.cancel()
            with suppress(asyncio.CancelledError):
                await watch
        await asyncio.to_thread(edge.close)
        await asyncio.to_thread(telemetry.stop)

    app = FastAPI(
        title="onecode",
        version="1",
        lifespan=life,
        docs_url="/docs",
        redoc_url=None,
        generate_unique_id_function=contract.operation_name,
    )
    problems.install(app)
    contract.describe(app)
    app.add_middleware(BoundedBodies, most=partial(_most_bytes, house))
    app.add_middleware(WatchedRequests)
    scans.mount(app)
    app.include_router(health.router)
    app.include_router(challenges.router)
    app.include_router(sign_in.router)
    app.include_router(members.router)
    app.include_router(privacy.router)
    app.include_router(story.router)
    app.include_router(appeals.router)
    app.include_router(prizes.router)
    app.include_router(pools.router)
    app.include_router(rewards.router)
    app.include_router(orders.router)
    app.include_router(trade.router)
    app.include_router(exports.router)
    app.include_router(partners.router)
    app.include_router(webhooks.router)
    app.include_router(packages.router)
    app.include_router(line.router)
    app.include_router(links.router)
    app.include_router(units.router)
    app.include_router(deliveries.router)
    app.include_router(cases.router)
    app.include_router(inspections.router)
    app.include_router(epcis.router)
    app.include_router(resolver.router)  # Last: its /{single} matches every short path.
    return app


def _most_bytes(house: House, path: str) -> int:
    """What a body may hold: little, but for photos, documents and the story of a job."""
    most = {
        "/epcis/capture": Limits.of(house.settings).max_bytes,
        "/v1/line/": MOST_STORY,
        "/v1/appeals/": appeals.MOST_BYTES,
        "/v1/inspections/": inspections.MOST_BYTES,
        "/v1/trade/notices/": trade.MOST_BYTES,
        orders.FILES: orders.MOST_FILE_BYTES,
    }
    return next((size for start, size in most.items() if path.startswith(start)), bodies.MOST_BYTES)


def serve(app: FastAPI, *, host: str, port: int) -> None:
    """Run one API process until it is told to stop.

    What is loaded by now stays for good, so the collector need not look at it again, nor look often: what a scan
    leaves behind is freed by its own count. Profiled: the collector was a sixth of a scan.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 1_000)
    uvicorn.run(
        app, host=host, port=port, loop="uvloop", http="httptools", access_log=False, log_config=None,
        proxy_headers=False, server_header=False, backlog=4096,
    )  # fmt: skip
