"""The FastAPI application: routes, problems, and the edge they share for the life of the process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI

from scan_api import problems
from scan_api.edge import Edge
from scan_api.house import House
from scan_api.routes import health, members, resolver, scans


def make_app(house: House) -> FastAPI:
    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        edge = app.state.edge = Edge(house)
        revoked = asyncio.create_task(edge.keep_revoked_fresh())
        yield
        revoked.cancel()
        with suppress(asyncio.CancelledError):
            await revoked
        await asyncio.to_thread(edge.close)

    app = FastAPI(title="onecode", version="1", lifespan=life, docs_url="/docs", redoc_url=None)
    problems.install(app)
    scans.mount(app)
    app.include_router(health.router)
    app.include_router(members.router)
    app.include_router(resolver.router)  # Last: its /{compact} matches every short path.
    return app
