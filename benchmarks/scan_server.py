"""The real application with more routes beside it: two empty endpoints, and the ordinary build.

empty     an ordinary FastAPI endpoint that takes a scan's request, signed in and validated, and answers as one
          is answered, having done nothing: no verifying, no judging, no crediting, no database
bare      the smallest there is: three fields in, the same three out
ordinary  what a careful team writes first: an async SQLAlchemy session per request, one transaction, the same SQL
          work (the very same use case, for a batch of one)
"""

import sys
from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

from fastapi import Header
from fastapi.routing import APIRoute
from pydantic import BaseModel
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from antifraud.decision import Params
from foundation import clock
from foundation.database import ReadTx, Tx, reading
from foundation.settings import Settings
from scan_api import texts
from scan_api.app import make_app, serve
from scan_api.codebook import Codebook, Page
from scan_api.edge import TheCaller, TheEdge
from scan_api.house import House, open_house
from scan_api.routes.scans import ScanIn, ScanOut
from scan_api.scanning import ScanResult, handle_scans


class Kept(Codebook):
    """Read once: the ordinary build spends nothing on it, and an event loop never waits for its lock."""

    def page(self, tx: ReadTx) -> Page:
        return self._page or self.reload(tx)


class Bare(BaseModel):
    text: str
    device: str
    claim: bool


async def bare(body: Bare) -> Bare:
    return body


async def empty(
    scan_id: UUID,
    body: ScanIn,  # noqa: ARG001 parsed and validated, then left alone
    caller: TheCaller,  # noqa: ARG001
    edge: TheEdge,  # noqa: ARG001
    accept_language: Annotated[str | None, Header()] = None,
) -> ScanOut:
    answer = {
        "scan_id": str(scan_id),
        "verdict": "genuine",
        "reward": {"points": 10, "state": "credited", "reason": "first-scan"},
        "product": {"gtin": "06901234567892", "zh": "茶", "en": "tea"},
        "first_scan": {"at": "2026-06-01T04:00:00+00:00", "place": {"zh": "成都市", "en": "Chengdu"}},
    }
    words = texts.words("genuine", texts.language_of(accept_language))
    return ScanOut.model_validate(ScanOut.of(ScanResult(scan_id, answer), words))


def ordinary(house: House) -> Callable[..., Any]:
    kept = Kept(house.keys)
    with reading(house.engine) as tx:
        kept.reload(tx)
    sessions = create_async_engine(house.url, pool_size=16, max_overflow=0)

    async def answer(scan_id: UUID, body: ScanIn, caller: TheCaller) -> ScanOut:
        attempt = body.attempt(scan_id, caller, key=bytes(32), now=clock.now())

        def work(connection: Connection) -> list[ScanResult]:
            tx = Tx(ReadTx(connection))
            return handle_scans(tx, [attempt], codebook=kept, params=Params(), now=clock.now())

        async with AsyncSession(sessions) as session, session.begin():
            (result,) = await (await session.connection()).run_sync(work)
        words = texts.words(result.answer["verdict"], texts.language_of(None))
        return ScanOut.model_validate(ScanOut.of(result, words))

    return answer


def main() -> None:
    with open_house(Settings.from_environment(), pool=8) as house:
        app = make_app(house)
        # Before everything else, so that no router is asked first.
        app.router.routes[:0] = [
            APIRoute("/bench/bare", bare, methods=["POST"]),
            APIRoute("/bench/empty/{scan_id}", empty, methods=["PUT"]),
            APIRoute("/bench/ordinary/{scan_id}", ordinary(house), methods=["PUT"]),
        ]
        serve(app, host="127.0.0.1", port=int(sys.argv[1]))


if __name__ == "__main__":
    main()
