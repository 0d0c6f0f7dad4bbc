"""What is fuzzed: a parser, the modules whose lines count as paths, where to begin, and what must never happen.

A target raises nothing but Problems, gives back what it read (round trip), and takes no longer than its input deserves.
A new parser is one more entry: the template target joins when `codegen.templates` is there.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import codegen.ai_checks
import codegen.ais
import codegen.compression
import codegen.digital_link
import codegen.element_string
import codegen.epcis_document
import codegen.epcis_hash
import codegen.templates
import codegen.wire
import codegen.written
from codegen import compression, digital_link, element_string, epcis_document, templates
from codegen.wire import decode_many
from foundation.errors import Problem
from tests.codegen.presses import KEYS, RUNS

VECTORS = Path(__file__).parents[1] / "vectors"
TEA = "06901234567892"


@dataclass(frozen=True)
class Target:
    name: str
    run: Callable[[bytes], None]
    modules: tuple[ModuleType, ...]
    seeds: tuple[bytes, ...]
    words: tuple[bytes, ...]


def _link(data: bytes) -> None:
    try:
        link = digital_link.parse(data.decode("utf-8", "replace"))
    except Problem:
        return
    assert digital_link.parse(str(link)) == link
    assert digital_link.canonical(digital_link.parse(str(digital_link.canonical(link)))) == digital_link.canonical(link)
    again = compression.decompress(compression.compress(link))
    assert (again.path, dict(again.elements)) == (link.path, dict(link.elements))


def _compressed(data: bytes) -> None:
    try:
        link, _ = compression.read(data.decode("utf-8", "replace"))
    except Problem:
        return
    for optimise in (False, True):
        again = compression.decompress(compression.compress(link, optimise=optimise))
        assert (again.path, dict(again.elements)) == (link.path, dict(link.elements))


def _elements(data: bytes) -> None:
    try:
        found = element_string.parse(data.decode("utf-8", "replace"))
    except Problem:
        return
    assert element_string.parse(element_string.bracketed(found.elements)).elements == found.elements
    assert dict(element_string.parse(element_string.build(found.elements)).elements) == dict(found.elements)


def _token(data: bytes) -> None:
    decode_many([data.decode("utf-8", "replace")], keys=KEYS, runs=RUNS)


def _template(data: bytes) -> None:
    try:
        templates.parse(data, folder=VECTORS)
    except Problem:
        return


def _epcis(data: bytes) -> None:
    try:
        document = epcis_document.read(data)
    except Problem:
        return
    assert len(document.ids) == len(document.events)
    again = json.dumps({"@context": document.prefixes or "x", "type": "EPCISDocument", "schemaVersion": "2.0",
                        "creationDate": "x", "epcisBody": {"eventList": list(document.events)}})  # fmt: skip
    assert epcis_document.read(again.encode()).ids == document.ids


_CASE = b"(00)369012340000000017"
_LINKS = (
    f"https://id.brand.cn/01/{TEA}/22/2A/10/LOT%2F7/21/A1?17=261231&from=chat#top".encode(),
    b"https://x.cn/a/414/5060917510004/254/R?q", b"HTTPS://ID.BRAND.CN/01/06901234567892/21/KW2QT7PQX4R4TVEYCB98",
    b"https://id.gs1.org/8010/0541234537290A41%23GH33/8011/6639047221", b"https://id.gs1.org/253/3060077601309L",
)  # fmt: skip
_WHOLE = json.loads((VECTORS / "compression.json").read_text())["whole"]
_SHORT = tuple(f"https://id.gs1.org/{one['compressed']}".encode() for one in _WHOLE)
_EVENT = {
    "type": "ObjectEvent",
    "eventTime": "2026-06-01T04:00:00.5Z",
    "eventTimeZoneOffset": "+08:00",
    "action": "ADD",
    "epcList": ["urn:epc:id:sgtin:4012345.011111.987", f"https://x.cn/01/{TEA}/21/5"],
    "bizStep": "commissioning",
    "quantityList": [{"epcClass": f"https://x.cn/01/{TEA}", "quantity": 1.50, "uom": "KGM"}],
    "ilmd": {"ex:a": [1, {"ex:b": None}]},
    "bizTransactionList": [{"type": "po", "bizTransaction": "urn:x:1"}],
    "readPoint": {"id": "geo:1,2"},
}
_LABEL = json.dumps(
    {
        "size_mm": [40, 20],
        "dpi": 600,
        "symbol": {"kind": "qr", "at_mm": [2, 2.5], "modules": 29, "module_dots": 10, "quiet_modules": 4},
        "texts": [{"text": "{product_zh} No. {index}", "at_mm": [17, 2], "width_mm": 22, "height_mm": 3}],
        "pictures": [{"file": "mark.png", "at_mm": [30, 12], "size_mm": [5, 5]}],
    }
).encode()
_DOCUMENT = json.dumps(
    {
        "@context": ["https://x", {"ex": "https://y/"}],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-06-01T00:00:00Z",
        "epcisBody": {"eventList": [_EVENT]},
    }
).encode()
_WORDS = (
    b"/01/",
    b"/21/",
    b"/10/",
    b"%2F",
    b"%",
    b"?17=",
    b"&",
    b";",
    b"(8030)",
    b"\x1d",
    b"]d2",
    b"\\(",
    TEA.encode(),
    b"..",
    b"\xe8\x8c\xb6",
)

TARGETS = {
    target.name: target
    for target in (
        Target(
            "digital-link",
            _link,
            (codegen.digital_link, codegen.element_string, codegen.ais, codegen.ai_checks),
            _LINKS,
            _WORDS,
        ),
        Target(
            "compressed",
            _compressed,
            (codegen.compression, codegen.digital_link),
            _SHORT + _LINKS,
            (*_WORDS, b"AQnYUc1gm"),
        ),
        Target(
            "element-string",
            _elements,
            (codegen.element_string, codegen.ais, codegen.ai_checks),
            (
                _CASE,
                b"]C10106901234567892" + b"10LOT\x1d21A",
                b"(01)06901234567892(10)L\\(7)(17)261231",
                b"255567840973053512",
            ),
            _WORDS,
        ),
        Target(
            "token",
            _token,
            (codegen.written, codegen.wire),
            (*_LINKS, b"KW2QT-7PQX4 R4TVEYCB98", b"JY3N7NGKCZSHJVP0"),
            _WORDS,
        ),
        Target(
            "template",
            _template,
            (codegen.templates,),
            (_LABEL,),
            (b"null", b"-1", b"1e400", b"[]", b"{}", b'"datamatrix"', b"{serial}", b"{", b'"pictures":'),
        ),
        Target(
            "epcis",
            _epcis,
            (codegen.epcis_document, codegen.epcis_hash),
            (_DOCUMENT,),
            (
                b'"ADD"',
                b'"DELETE"',
                b"null",
                b"[]",
                b"{}",
                b"1e400",
                b'"\\ud800"',
                b"-0",
                b'"ex:a":',
                b"urn:epc:id:sscc:4012345.0000000111",
            ),
        ),
    )
}
