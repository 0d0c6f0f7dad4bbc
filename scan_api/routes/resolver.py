"""The consumer page: what the camera opens. A GET changes nothing; the page's own request makes the scan."""

import html
from functools import cache
from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from codegen.wire import Genuine
from foundation import clock
from foundation.database import reading
from foundation.errors import NotFound
from scan_api import texts
from scan_api.edge import TheEdge
from scan_api.scanning import peek

router = APIRouter(include_in_schema=False)

WEB = Path(__file__).parent.parent / "web"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
_KINDS = {"page.css": "text/css; charset=utf-8", "page.js": "text/javascript; charset=utf-8"}
_WELCOME: dict[texts.Language, texts.Words] = {
    "zh": texts.Words("查验商品", "输入包装上的字符，或用手机相机扫描包装上的二维码。"),
    "en": texts.Words("Check a product", "Type the characters on the pack, or scan its code with your camera."),
}


@router.get("/web/{name}")
def web(name: str) -> Response:
    if name not in _KINDS:
        raise NotFound("There is no such file.")
    return Response(_file(name), media_type=_KINDS[name], headers={"Cache-Control": "public, max-age=3600"})


@router.get("/")
def welcome(request: Request) -> HTMLResponse:
    language = texts.language_of(request.headers.get("accept-language"))
    return _page(language, "welcome", _WELCOME[language])


@router.get("/01/{gtin}/21/{serial}")
def digital_link(gtin: str, serial: str, request: Request, edge: TheEdge) -> HTMLResponse:
    return _code_page(f"{_host(request)}/01/{gtin}/21/{serial}", request, edge)


@router.get("/{compact}")
def compact(compact: str, request: Request, edge: TheEdge) -> HTMLResponse:
    return _code_page(f"{_host(request)}/{compact}", request, edge)


def _host(request: Request) -> str:
    return request.url.hostname or ""


def _code_page(path: str, request: Request, edge: TheEdge) -> HTMLResponse:
    language = texts.language_of(request.headers.get("accept-language"))
    # Behind a name of our own on a phone, the host in the address bar is the brand's; on a demo machine it is not,
    # so the serial alone is judged there.
    serial = path.rsplit("/", 1)[-1]
    with reading(edge.house.engine) as tx:
        verdict, token = peek(tx, serial, codebook=edge.codebook, now=clock.now())
    product = ""
    if isinstance(token, Genuine) and verdict != "not_active":
        product = token.run.product_zh if language == "zh" else token.run.product_en
    return _page(language, verdict, texts.words(verdict, language), code=serial, product=product)


def _page(
    language: texts.Language, verdict: str, words: texts.Words, *, code: str = "", product: str = ""
) -> HTMLResponse:
    values = {
        "lang": language,
        "other": "en" if language == "zh" else "zh",
        "switch": "English" if language == "zh" else "中文",
        "brand": "一物一码" if language == "zh" else "One item, one code",
        "title": words.title,
        "text": words.text,
        "verdict": verdict,
        "code": code,
        "product": product,
        "first": "",
        "noscript": texts.NO_SCRIPT[language] if code else "",
    }
    page = _file("page.html").decode()
    for name, value in values.items():
        page = page.replace("{{" + name + "}}", html.escape(value))
    return HTMLResponse(page, headers=HEADERS)


@cache
def _file(name: str) -> bytes:
    return (WEB / name).read_bytes()
