"""The address on the pack: the consumer page for people, a GS1-conformant resolver for programs. A GET changes nothing.

| asked for                                         | answer                                                       |
| ------------------------------------------------- | ------------------------------------------------------------ |
| linkType=linkset or all, Accept: linkset+json     | 200, the links of all levels                                 |
| linkType=gs1:...                                  | 307 to it, 300 if several fit equally, 404 if there is none  |
| nothing, and the link names one of our items      | 200, the consumer page: it *is* the default link             |
| nothing, and a default link hangs on the key      | 307 to it                                                    |
| nothing, and the key is ours                      | 200, the consumer page                                       |
| a key nobody here knows, under a prefix handed on | 307 to the resolver that handles it, the request whole       |
| a key nobody here knows                           | 404                                                          |
| what is no GS1 Digital Link                       | 400                                                          |

GS1-Conformant Resolver 1.2.0. Every answer carries CORS headers, refusals and redirects too.
"""

from collections.abc import Callable
from http import HTTPStatus

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from sqlalchemy.exc import SQLAlchemyError

from codegen import ais, compression, delegates, digital_link, links, written
from codegen.digital_link import DigitalLink
from codegen.links import Level
from codegen.wire import Genuine
from codegen.written import Written
from foundation import clock
from foundation.database import ReadTx, is_lost, reading
from foundation.errors import BadRequest, DatabaseDown, NotFound, Problem
from scan_api import linksets, page, problems, texts, tickets
from scan_api.edge import Edge, edge_of
from scan_api.page import Said
from scan_api.scanning import peek
from scan_api.texts import Words
from scan_api.tickets import Ticket

router = APIRouter(include_in_schema=False)

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
    "Access-Control-Allow-Headers": "Accept, Accept-Language, Content-Type",
    "Access-Control-Expose-Headers": "Link, Location",
    "Vary": "Accept, Accept-Language",
}
METHODS = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"]


class NoSuchLink(NotFound):
    """Nothing is known of the key, or no link of the type hangs on it."""

    type = "no-such-link"


@router.get("/web/{name}")
def web(name: str, request: Request) -> Response:
    return page.script(request, name)


@router.get("/")
def welcome(request: Request) -> HTMLResponse:
    return _page(request, "welcome", page.WELCOME[_language(request)])


@router.get("/trade")
def trade(request: Request) -> HTMLResponse:
    """The page of stores and dealers: register, open a case, see rewards."""
    return page.served_trade(request)


def answered(work: Callable[[Request, Edge], Response]) -> Callable[[Request], Response]:
    """CORS on every answer, also on refusals; a browser gets a refused link as a page."""

    def inside(request: Request) -> Response:
        response: Response
        if request.method == "OPTIONS":
            response = Response(status_code=204, headers={"Allow": CORS["Access-Control-Allow-Methods"]})
        elif request.method not in ("GET", "HEAD"):
            response = problems.answer(_NotAllowed("A resolver is only read: GET, HEAD or OPTIONS."))
            response.headers["Allow"] = CORS["Access-Control-Allow-Methods"]
        else:
            try:
                response = work(request, edge_of(request))
            except Problem as problem:
                response = _refusal(request, problem)
            except SQLAlchemyError as error:
                if not is_lost(error):
                    raise
                response = problems.answer(
                    DatabaseDown("The database cannot be reached just now; try again.", retry_after_s=2)
                )
        response.headers.update(CORS)
        return response

    inside.__name__ = work.__name__
    return inside


@router.api_route("/.well-known/gs1resolver", methods=METHODS)
@answered
def description(request: Request, edge: Edge) -> Response:
    """Resolver description file, GS1-Conformant Resolver 1.2.0, section 2.12."""
    with reading(edge.house.engine) as tx:
        root = _root(request, tx, edge)
    said = {
        "name": "onecode",
        "resolverRoot": root,
        "supportedPrimaryKeys": ["all"],
        "supportedLinkType": [{"namespace": links.VOCABULARY, "prefix": "gs1:"}],
        "linkTypeDefaultCanBeLinkset": False,
        "jsonLdContextLocation": linksets.CONTEXT,
    }
    return JSONResponse(said)


@answered
def resolve(request: Request, edge: Edge) -> Response:
    """A Digital Link, compressed or not."""
    path, query = _raw(request)
    with reading(edge.house.engine) as tx:
        root = _root(request, tx, edge)
        link, compressed = compression.read(f"{root}{path}" + (f"?{query}" if query else ""))
        return _resolved(request, tx, edge, root, link, query, compressed=compressed)


@router.api_route("/{single}", methods=METHODS)
@answered
def single(request: Request, edge: Edge) -> Response:
    """A compact code, or a whole Digital Link compressed into one segment; anything else is a code with a mistake."""
    path, query = _raw(request)
    if not isinstance(written.read(f"x/{path.strip('/')}"), Written):
        try:
            with reading(edge.house.engine) as tx:
                root = _root(request, tx, edge)
                link = compression.decompress(f"{root}{path}" + (f"?{query}" if query else ""))
                return _resolved(request, tx, edge, root, link, query, compressed=True)
        except BadRequest:
            pass  # No link at all: a person typed a code wrongly, or a page was asked for that is not there.
    with reading(edge.house.engine) as tx:
        return _code_page(request, tx, edge, digital_link.decoded(path.strip("/"), 0))


for key in sorted(ais.KEYS):
    router.add_api_route(f"/{key}/{{rest:path}}", resolve, methods=METHODS)


def _resolved(
    request: Request, tx: ReadTx, edge: Edge, root: str, link: DigitalLink, query: str, *, compressed: bool
) -> Response:
    asked = [part.partition("=")[2] for part in link.others if part.startswith("linkType=")]
    wanted = digital_link.decoded(asked[0], 0) if asked else ""
    verdict, item, name = _looked_up(request, tx, edge, link)
    levels = links.walk(tx, link, item=item, now=clock.now())
    ours = links.is_ours(tx, link)
    if not ours and not any(level.links for level in levels):
        other = links.delegate(tx, link, now=clock.now())
        if other is not None:
            return RedirectResponse(delegates.address(other.href, link), 307)
        raise NoSuchLink(f"Nothing is known here of AI {link.key[0]} {link.key[1]}.")
    headers = {"Link": _link_header(root, link, compressed)}
    accept = request.headers.get("accept", "")
    if wanted in ("linkset", "all") or (not wanted and linksets.LINKSET in accept.lower()):
        return _linkset(root, levels, 200, page=ours, name=name, headers=headers)
    short = links.type_of(wanted) if wanted else "defaultLink"
    if short != "defaultLink":
        return _typed(request, root, levels, short, wanted, query, page=ours, name=name, headers=headers)
    default = linksets.default_of(levels, page=ours)
    if default is not None and not (ours and link.value("21") is not None):
        return RedirectResponse(linksets.with_query(default.href, query), 307, headers)
    serial = link.value("21")
    response = _code_page(request, tx, edge, serial) if serial else _about(request, name, verdict)
    response.headers.update(headers)
    return response


def _typed(
    request: Request, root: str, levels: list[Level], short: str | None, wanted: str, query: str, *,
    page: bool, name: str, headers: dict[str, str],
) -> Response:  # fmt: skip
    languages = linksets.languages_of(request.headers.get("accept-language"))
    mimes = linksets.mimes_of(request.headers.get("accept"))
    found = [] if short is None else linksets.chosen(levels, short, languages, mimes)
    if not found:
        raise NoSuchLink(f"There is no link of type {wanted[:60]!r} here; linkType=linkset lists them all.")
    if len(found) == 1:
        return RedirectResponse(linksets.with_query(found[0].href, query), 307, headers)
    return _linkset(root, [Level(levels[0].path, tuple(found))], 300, page=page, name=name, headers=headers)


def _linkset(
    root: str, levels: list[Level], status: int, *, page: bool, name: str, headers: dict[str, str]
) -> Response:
    context = f'<{linksets.CONTEXT}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'
    said = linksets.linkset(root, levels, page=page, name=name)
    return JSONResponse(said, status, {"Link": f"{headers['Link']}, {context}"}, linksets.LINKSET)


def _link_header(root: str, link: DigitalLink, compressed: bool) -> str:
    """Where the linkset is, and what a compressed link says in full; never one entry a link."""
    whole = linksets.uncompressed(root, link)
    said = f'<{root}{link.path}?linkType=linkset>; rel="linkset"; type="{linksets.LINKSET}"'
    return said + (f', <{whole}>; rel="owl:sameAs"' if compressed else "")


def _looked_up(request: Request, tx: ReadTx, edge: Edge, link: DigitalLink) -> tuple[str, int | None, str]:
    """(verdict, item, name): what its serial and its product say of a link."""
    language = _language(request)
    book = edge.codebook.page(tx)
    gtin = link.value("01")
    run = next((run for run in book.runs if run.gtin == gtin), None) if gtin else None
    name = "" if run is None else run.product_zh if language == "zh" else run.product_en
    serial = link.value("21")
    if gtin is None or serial is None:
        return "welcome", None, name
    verdict, token = peek(tx, serial, codebook=edge.codebook, now=clock.now())
    item = token.item if isinstance(token, Genuine) and token.gtin == gtin else None
    return verdict, item, name


def _raw(request: Request) -> tuple[str, str]:
    """Path and query as they were sent: a Digital Link is decoded only after it was cut into parts."""
    path = request.scope.get("raw_path") or request.scope["path"].encode()
    return path.decode("latin-1").partition("?")[0], request.scope["query_string"].decode("latin-1")


def _root(request: Request, tx: ReadTx, edge: Edge) -> str:
    """Scheme and host people know us by: a brand's host is always https, whatever stands in front of this process."""
    host = request.headers.get("host", "")
    known = edge.codebook.page(tx).keys.hosts
    return f"https://{host}" if (request.url.hostname or "").lower() in known else f"{request.url.scheme}://{host}"


class _NotAllowed(Problem):
    status, type = HTTPStatus.METHOD_NOT_ALLOWED, "method-not-allowed"


def _refusal(request: Request, problem: Problem) -> Response:
    """A person with a phone gets the page; a program the problem. The status is the same."""
    if "text/html" not in request.headers.get("accept", ""):
        return problems.answer(problem)
    refused = _page(request, "unknown", edge_of(request).wording.words("unknown", _language(request)))
    refused.status_code = int(problem.status)
    return refused


def _about(request: Request, name: str, verdict: str) -> HTMLResponse:
    """The page of a product or a unit, where no single item was named."""
    return _page(request, verdict, page.WELCOME[_language(request)], product=name)


def _code_page(request: Request, tx: ReadTx, edge: Edge, serial: str) -> HTMLResponse:
    language, now = _language(request), clock.now()
    # Behind a name of our own on a phone, the host in the address bar is the brand's; on a demo machine it is not,
    # so the serial alone is judged there.
    verdict, token = peek(tx, serial, codebook=edge.codebook, now=now)
    product, brand_id = "", None
    if isinstance(token, Genuine) and verdict != "not_active":
        brand_id = token.run.brand_id
        product = token.run.product_zh if language == "zh" else token.run.product_en
    # What is longer than any code is judged as sent: its first characters are no code either.
    ticket = tickets.issue(serial, key=edge.ticket_key, now=now)
    words = edge.wording.words(verdict, language, brand_id)
    return _page(request, verdict, words, product=product, ticket=ticket)


def _page(
    request: Request, verdict: str, words: Words, *, product: str = "", ticket: Ticket | None = None
) -> HTMLResponse:
    wechat = bool(edge_of(request).house.settings.wechat_app_id)
    return page.served(request, Said(verdict, words, product, ticket, wechat))


def _language(request: Request) -> texts.Language:
    return texts.language_of(request.headers.get("accept-language"))
