"""The real application with two more routes beside it: an empty endpoint, and the ordinary build.

The ordinary build is what a careful team writes first: an async SQLAlchemy session per request, one transaction, the
same SQL work (the very same use case, for a batch of one).
"""

import sys
from collections.abc import Callable
from typing import Any
from uuid import UUID

import uvicorn
from fastapi.routing import APIRoute
from pydantic import BaseModel
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from antifraud.decision import Params
from foundation import clock
from foundation.database import ReadTx, Tx, reading
from foundation.settings import Settings
from scan_api import texts
from scan_api.app import make_app
from scan_api.codebook import Codebook, Page
from scan_api.edge import TheCaller
from scan_api.house import open_house
from scan_api.routes.scans import ScanIn, ScanOut
from scan_api.scanning import ScanResult, handle_scans


class Kept(Codebook):
    """Read once: the ordinary build spends nothing on it, and an event loop never waits for its lock."""

    def page(self, tx: ReadTx) -> Page:
        return self._page or self.reload(tx)


class Empty(BaseModel):
    text: str
    device: str
    claim: bool


def main() -> None:
    with open_house(Settings.from_environment(), pool=8) as house:
        app = make_app(house)
        kept = Kept(house.keys)
        with reading(house.engine) as tx:
            kept.reload(tx)
        sessions = create_async_engine(house.url, pool_size=16, max_overflow=0)

        async def empty(body: Empty) -> Empty:
            return body

        async def ordinary(scan_id: str, body: ScanIn, caller: TheCaller) -> ScanOut:
            attempt = body.attempt(UUID(scan_id), caller)

            def work(connection: Connection) -> list[ScanResult]:
                tx = Tx(ReadTx(connection))
                return handle_scans(tx, [attempt], codebook=kept, params=Params(), now=clock.now())

            async with AsyncSession(sessions) as session, session.begin():
                (result,) = await (await session.connection()).run_sync(work)
            return ScanOut.model_validate(ScanOut.of(result, texts.language_of(None)))

        # Before the resolver's catch-all of short paths.
        app.router.routes.insert(0, _route("/bench/empty", empty, "POST"))
        app.router.routes.insert(0, _route("/bench/ordinary/{scan_id}", ordinary, "PUT"))
        uvicorn.run(app, port=int(sys.argv[1]), loop="uvloop", http="httptools", access_log=False, log_level="error")


def _route(path: str, endpoint: Callable[..., Any], method: str) -> APIRoute:
    return APIRoute(path, endpoint, methods=[method])


if __name__ == "__main__":
    main()
