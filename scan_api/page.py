"""The consumer page as it is served: one HTML with its styles inside, one script, and what the pack says already in it.

The page of stores and dealers is served the same way, with a script of its own over the same base.

The styles are inlined so that nothing stands between the first byte and the first paint, and allowed by their hash. The
script is served under the hash of its content and kept for ever. A page that names a code carries a ticket
instead.
"""

import base64
import gzip
import hashlib
import html
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse

from foundation.errors import NotFound
from scan_api import texts
from scan_api.texts import Language, Words
from scan_api.tickets import Ticket

WEB = Path(__file__).parent / "web"
# What each page is made of; the scripts of one are one as they are served.
PAGES = {
    "page": ("page.html", ("words.js", "scan.js", "screens.js")),
    "trade": ("trade.html", ("trade_words.js", "scan.js", "trade.js")),
}
# What may be there or not, by the path that serves it: the page offers only what is.
OFFERS = {
    "check-in": "/v1/me/check-in", "referral": "/v1/me/referral", "rewards": "/v1/rewards", "tier": "/v1/me/tier",
}  # fmt: skip
FOR_EVER = "public, max-age=31536000, immutable"
WELCOME: dict[Language, Words] = {
    "zh": Words("查验商品", "输入包装上的字符，或用手机相机扫描包装上的二维码。"),
    "en": Words("Check a product", "Type the characters on the pack, or scan its code with your camera."),
}


TRADE: dict[Language, Words] = {
    "zh": Words("门店与经销商", "请打开 JavaScript 后使用本页。"),
    "en": Words("Stores and dealers", "Switch on JavaScript to use this page."),
}


@dataclass(frozen=True, slots=True)
class Said:
    """What a page says before its script runs. ticket: of a page that names a code."""

    verdict: str
    words: Words
    product: str = ""
    ticket: Ticket | None = None
    wechat: bool = False


@dataclass(frozen=True, slots=True)
class _Built:
    page: str
    script: bytes
    script_name: str
    headers: dict[str, str]


def served(request: Request, said: Said) -> HTMLResponse:
    """The page, in the language and the encoding the browser asks for."""
    language = texts.language_of(request.headers.get("accept-language"))
    return _answer(request, _built("page"), _values(said, language, offers(request.app)))


def served_trade(request: Request) -> HTMLResponse:
    """The page of stores and dealers."""
    language = texts.language_of(request.headers.get("accept-language"))
    words = TRADE[language]
    values = {
        "lang": language, "switch": _other(language), "brand": words.title, "title": words.title,
        "noscript": words.text,
    }  # fmt: skip
    return _answer(request, _built("trade"), values)


def _answer(request: Request, built: "_Built", values: dict[str, str]) -> HTMLResponse:
    page, headers = built.page, dict(built.headers)
    for name, value in values.items():
        page = page.replace("{{" + name + "}}", html.escape(value))
    body = page.encode()
    if "gzip" in request.headers.get("accept-encoding", ""):
        body, headers = gzip.compress(body, 6, mtime=0), headers | {"Content-Encoding": "gzip"}
    return HTMLResponse(body, headers=headers)


def script(request: Request, name: str) -> Response:
    """A script of this version. Raises NotFound for any other name."""
    built = next((one for one in map(_built, PAGES) if one.script_name == name), None)
    if built is None:
        raise NotFound("There is no such file.")
    headers = {"Cache-Control": FOR_EVER, "X-Content-Type-Options": "nosniff", "Vary": "Accept-Encoding"}
    kind = "text/javascript; charset=utf-8"
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(built.script, media_type=kind, headers=headers | {"Content-Encoding": "gzip"})
    return Response(gzip.decompress(built.script), media_type=kind, headers=headers)


def offers(app: FastAPI) -> str:
    """The names of OFFERS this program has routes for."""
    paths = app.openapi()["paths"]  # Kept after the first time; app.routes does not name what a router brought.
    return " ".join(name for name, path in OFFERS.items() if path in paths)


def _other(language: Language) -> str:
    return "English" if language == "zh" else "中文"


def _values(said: Said, language: Language, has: str) -> dict[str, str]:
    return {
        "lang": language,
        "switch": _other(language),
        "brand": "一物一码" if language == "zh" else "One item, one code",
        "title": said.words.title,
        "text": said.words.text,
        "verdict": said.verdict,
        "product": said.product,
        "scan": str(said.ticket.scan_id) if said.ticket else "",
        "ticket": said.ticket.sealed if said.ticket else "",
        "has": has,
        "wechat": "1" if said.wechat else "",
        "noscript": texts.NO_SCRIPT[language] if said.ticket else texts.NO_SCRIPT_WELCOME[language],
    }


@cache
def _built(which: str) -> _Built:
    """The files of a page as they are served, put together once a process."""
    frame, scripts = PAGES[which]
    styles, written = (WEB / "page.css").read_text().strip(), b"".join((WEB / one).read_bytes() for one in scripts)
    name = f"{which}.{hashlib.sha256(written).hexdigest()[:12]}.js"
    page = (WEB / frame).read_text().replace("{{styles}}", styles).replace("{{script}}", f"/web/{name}")
    digest = base64.b64encode(hashlib.sha256(styles.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; script-src 'self'; style-src 'sha256-{digest}'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    headers = {
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Permissions-Policy": "geolocation=(self), microphone=()",
        "Cache-Control": "no-store",
        "Vary": "Accept-Encoding, Accept-Language",
    }
    return _Built(page, gzip.compress(written, 9, mtime=0), name, headers)
