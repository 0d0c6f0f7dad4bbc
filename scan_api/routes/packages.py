"""Code packages for the plants that print them: a token from the hand-over opens one package, so often and so long.

POST /v1/packages/{id}/downloads          counts one download, answers with its id
GET  /v1/package-downloads/{download_id}  the file; Range requests go on where the line broke, for an hour
GET  /v1/packages/{id}/manifest           the signed manifest
POST /v1/packages/{id}/acknowledgement    answers with the lines that must not be printed
POST /v1/packages/{id}/scrap              codes that never became products
"""

import asyncio
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Path, Request
from fastapi.responses import FileResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from codegen import keys as keyring
from codegen import packages, recalls, runs
from codegen.packages import Denied, Download, PackageElsewhere, UnknownPackage
from foundation import clock
from foundation.database import Tx, transaction
from foundation.errors import NotAllowed, NotSignedIn
from scan_api import packaging
from scan_api.edge import Edge, TheEdge, address_of, edge_of
from scan_api.packaging import PackageFileMissing
from scan_api.problems import problems

router = APIRouter(prefix="/v1", tags=["packages"])
MAX_SCRAP_LINES = 100_000


class NoPackageToken(NotSignedIn):
    """The token opens no such package; whether there is one is not told."""

    type = "no-package-token"


class PackageDenied(NotAllowed):
    """The token is right and the package may not be had: expired, used-up, or its state."""

    type = "package-denied"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AcknowledgementIn(_Strict):
    by: str = Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]+$")


class ScrapIn(_Strict):
    """Codes, item numbers, places in the run, or ranges FIRST-LAST."""

    by: str = Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]+$")
    lines: list[Annotated[str, Field(max_length=512)]] = Field(max_length=MAX_SCRAP_LINES)


class DownloadOut(BaseModel):
    download_id: UUID
    name: str
    bytes: int
    sha256: str
    until: datetime


class AcknowledgementOut(BaseModel):
    not_to_print: list[int]


class RefusalOut(BaseModel):
    first: int
    end: int
    reason: str


class ScrapOut(BaseModel):
    scrapped: int
    refused: list[RefusalOut]


def token_of(authorization: Annotated[str | None, Header()] = None) -> str:
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise NoPackageToken("Send the token of the hand-over as a bearer token.")
    return token.strip()


async def caller_address(request: Request) -> str:
    """Not the caller of the member routes: a plant's token is nobody's session."""
    return address_of(request, edge_of(request).house.settings.trusted_proxies)


Token = Annotated[str, Depends(token_of)]
Address = Annotated[str, Depends(caller_address)]
PackageId = Annotated[int, Path(ge=1, lt=1 << 63)]
DENIALS = problems(NoPackageToken, PackageDenied, PackageFileMissing)


@router.post("/packages/{package_id}/downloads", status_code=201, responses=DENIALS)
async def begin_download(package_id: PackageId, token: Token, address: Address, edge: TheEdge) -> DownloadOut:
    """Begin a download; it is counted now."""
    return await asyncio.to_thread(_begin, edge, package_id, token, address)


@router.get("/package-downloads/{download_id}", response_class=FileResponse, responses=DENIALS)
async def fetch(download_id: UUID, token: Token, address: Address, edge: TheEdge) -> FileResponse:
    """The encrypted file, whole or the range asked for."""
    return await asyncio.to_thread(_fetch, edge, download_id, token, address)


@router.get("/packages/{package_id}/manifest", responses=DENIALS)
async def manifest(package_id: PackageId, token: Token, address: Address, edge: TheEdge) -> Response:
    """The signed manifest, for `onecode package verify`."""
    body = await asyncio.to_thread(_manifest, edge, package_id, token, address)
    return Response(body, media_type="application/json")


@router.post("/packages/{package_id}/acknowledgement", responses=DENIALS | problems(PackageElsewhere))
async def acknowledge(
    package_id: PackageId, body: AcknowledgementIn, token: Token, address: Address, edge: TheEdge
) -> AcknowledgementOut:
    """Say that the package was opened and counted."""
    lines = await asyncio.to_thread(_acknowledge, edge, package_id, body.by, token, address)
    return AcknowledgementOut(not_to_print=list(lines))


@router.post("/packages/{package_id}/scrap", responses=DENIALS | problems(PackageElsewhere, recalls.BadScope))
async def return_scrap(package_id: PackageId, body: ScrapIn, token: Token, address: Address, edge: TheEdge) -> ScrapOut:
    """Return the scrap list, at once or in parts. A line that names no code refuses the whole list."""
    return await asyncio.to_thread(_scrap, edge, package_id, body, token, address)


def _begin(edge: Edge, package_id: int, token: str, address: str) -> DownloadOut:
    with transaction(edge.house.engine) as tx:
        opened = _known(lambda: packages.open_download(tx, package_id, token=token, address=address, now=clock.now()))
    let_in = _let_in(opened)
    told: Any = let_in.package.manifest
    return DownloadOut(
        download_id=let_in.id, name=told["file"]["name"], bytes=told["file"]["bytes"], sha256=told["file"]["sha256"],
        until=let_in.until,
    )  # fmt: skip


def _fetch(edge: Edge, download_id: UUID, token: str, address: str) -> FileResponse:
    with transaction(edge.house.engine) as tx:
        opened = _known(lambda: packages.resume(tx, download_id, token=token, address=address, now=clock.now()))
    package = _let_in(opened).package
    path = packaging.file_of(edge.house, package)
    return FileResponse(path, media_type="application/octet-stream", filename=package.file_name)


def _manifest(edge: Edge, package_id: int, token: str, address: str) -> bytes:
    with transaction(edge.house.engine) as tx:
        found = _known(lambda: packages.look(tx, package_id, token=token, address=address, now=clock.now()))
    if isinstance(found, Denied):
        raise _problem(found.reason)
    return packaging.manifest_text(found)


def _acknowledge(edge: Edge, package_id: int, by: str, token: str, address: str) -> tuple[int, ...]:
    _admit(edge, package_id, token, "acknowledge", address)
    with transaction(edge.house.engine) as tx:
        return packages.acknowledge(tx, package_id, by=by, now=clock.now())


def _scrap(edge: Edge, package_id: int, body: ScrapIn, token: str, address: str) -> ScrapOut:
    _admit(edge, package_id, token, "scrap", address)
    with transaction(edge.house.engine) as tx:
        items = _items(edge, tx, package_id, body.lines)
        outcome = packages.return_scrap(tx, package_id, items, by=body.by, now=clock.now())
    refused = [RefusalOut(first=one.first, end=one.end, reason=one.reason) for one in outcome.refused]
    return ScrapOut(scrapped=outcome.count, refused=refused)


def _items(edge: Edge, tx: Tx, package_id: int, lines: list[str]) -> list[tuple[int, int]]:
    index, found = runs.load_index(tx), packages.get(tx, package_id)
    run = index.get(found.run_id)
    assert run is not None, "a package refers to its run"
    items, wrong = recalls.read_list(lines, run=run, ring=keyring.load_ring(tx, edge.house.keys), index=index)
    if wrong:
        raise recalls.BadScope(f"Line {wrong[0][0]}: {wrong[0][1]}", line=wrong[0][0])
    return items


def _admit(edge: Edge, package_id: int, token: str, what: str, address: str) -> None:
    """In a transaction of its own: what was tried is on record even when the work is refused."""
    with transaction(edge.house.engine) as tx:
        reason = _known(
            lambda: packages.admit(tx, package_id, token=token, what=what, address=address, now=clock.now())
        )
    if reason is not None:
        raise _problem(reason)


def _known(work: Any) -> Any:
    """A package that is not there answers like a wrong token."""
    try:
        return work()
    except UnknownPackage as unknown:
        raise _problem("token") from unknown


def _let_in(opened: Download | Denied) -> Download:
    if isinstance(opened, Denied):
        raise _problem(opened.reason)
    return opened


def _problem(reason: str) -> NoPackageToken | PackageDenied:
    if reason == "token":
        return NoPackageToken("This token opens no such package; ask the brand for a new one.")
    return PackageDenied(f"This package may not be had any more ({reason}); ask the brand.", reason=reason)
