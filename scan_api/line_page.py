"""The operator's page over HTTP, on the plant's own computer: it needs neither platform nor network.

Whoever stands at the line may press its buttons, so it listens on this computer unless told otherwise. News come by one
open answer (server-sent events), at most four a second; nobody polls.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Request, Response
from fastapi import Path as InPath
from fastapi.responses import HTMLResponse, JSONResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from foundation.errors import NotFound, Problem
from scan_api import problems
from scan_api.line_desk import Job, LineDesk

WEB = Path(__file__).parent / "web" / "line"
KINDS = {"line.css": "text/css", "line.js": "text/javascript"}
AT_MOST_EVERY_S = 0.25
ALIVE_S = 10.0
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}


class BinIn(BaseModel):
    """counted: what lay in the reject bin."""

    model_config = ConfigDict(extra="forbid")

    counted: int = Field(ge=0, le=1_000_000)


def make_page(desk: LineDesk) -> FastAPI:
    """The application of one line's page."""
    app = FastAPI(title="Line", docs_url=None, redoc_url=None, openapi_url=None)

    @app.exception_handler(Problem)
    async def refused(_: Request, problem: Problem) -> Response:
        return problems.answer(problem)

    @app.middleware("http")
    async def only_from_here(request: Request, call_next: Any) -> Response:
        """A page of another site may not press the buttons: its requests say where they come from."""
        origin = request.headers.get("origin")
        if origin is not None and origin.split("//")[-1] != request.headers.get("host"):
            return JSONResponse({"detail": "The line is not steered from other pages."}, 403)
        answer: Response = await call_next(request)
        return answer

    @app.get("/")
    async def page() -> HTMLResponse:
        return HTMLResponse((WEB / "line.html").read_text(), headers=HEADERS)

    @app.get("/web/{name}")
    async def web(name: str) -> Response:
        if name not in KINDS:
            raise NotFound("There is no such file.")
        return Response((WEB / name).read_bytes(), media_type=KINDS[name], headers=HEADERS)

    @app.get("/state")
    async def state() -> dict[str, Any]:
        return desk.shown()

    @app.get("/events")
    async def events(request: Request) -> StreamingResponse:
        return StreamingResponse(_news(desk, request), media_type="text/event-stream", headers=HEADERS)

    @app.get("/jobs")
    async def jobs() -> list[dict[str, Any]]:
        return [_job(one) for one in await asyncio.to_thread(desk.jobs)]

    @app.post("/jobs/{job_id}/start", status_code=204)
    async def start(job_id: Annotated[int, InPath(ge=1)]) -> None:
        known = await asyncio.to_thread(desk.jobs)
        job = next((one for one in known if one.id == job_id), None) or (desk.job if desk.job else None)
        if job is None or job.id != job_id:
            raise NotFound(f"This line has no open job {job_id}.")
        await asyncio.to_thread(desk.start, job)

    @app.post("/stop", status_code=204)
    async def stop() -> None:
        await asyncio.to_thread(desk.stop)

    @app.post("/bin", status_code=204)
    async def check_bin(body: BinIn) -> None:
        await asyncio.to_thread(desk.check_bin, body.counted)

    @app.post("/shift", status_code=204)
    async def next_shift() -> None:
        await asyncio.to_thread(desk.next_shift)

    @app.post("/practice/happen/{trouble}", status_code=204)
    async def happen(trouble: str) -> None:
        await asyncio.to_thread(desk.happen, trouble)

    @app.post("/practice/mend", status_code=204)
    async def mend() -> None:
        await asyncio.to_thread(desk.mend)

    @app.get("/report.pdf")
    async def report(lang: Literal["zh", "en"] = "zh") -> Response:
        name = f'inline; filename="shift-{desk.log.began:%Y%m%d-%H%M}.pdf"'
        made = await asyncio.to_thread(desk.report, lang)
        return Response(made, media_type="application/pdf", headers=HEADERS | {"Content-Disposition": name})

    return app


async def _news(desk: LineDesk, request: Request) -> AsyncIterator[str]:
    seen = -1
    while not await request.is_disconnected():
        version = await asyncio.to_thread(desk.wait, seen, ALIVE_S)
        if version == seen:
            yield ": alive\n\n"
            continue
        seen = version
        yield f"data: {json.dumps(desk.shown(), ensure_ascii=False)}\n\n"
        await asyncio.sleep(AT_MOST_EVERY_S)


def _job(job: Job) -> dict[str, Any]:
    return {"id": job.id, "zh": job.product_zh, "en": job.product_en, "left": job.left}
