"""The identity of an EPCIS event: the hash of what it says, however it is written. Pure. CBV 2.0, section 8.9.

    ni:///sha-256;<SHA-256 of the pre-hash string, hexadecimal>?ver=CBV2.0

The pre-hash string is every field in the standard's order, `name=value` without anything between; lists are sorted;
instants are UTC with milliseconds; GS1 keys are canonical Digital Links of the finest level; words of the vocabulary
are web addresses. eventID, recordTime and errorDeclaration do not count. Extensions follow, by their full names.
"""

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import quote, unquote

from codegen import compression, digital_link
from codegen.gs1 import check_digit
from foundation.errors import BadRequest

VOCABULARY = "https://ref.gs1.org/cbv/"
ORDER = (
    "eventTime", "eventTimeZoneOffset", "epcList", "parentID", "inputEPCList", "childEPCs", "quantityList",
    "childQuantityList", "inputQuantityList", "outputEPCList", "outputQuantityList", "action", "transformationID",
    "bizStep", "disposition", "persistentDisposition", "readPoint", "bizLocation", "bizTransactionList", "sourceList",
    "destinationList",
)  # fmt: skip
IGNORED = frozenset({"type", "eventID", "recordTime", "errorDeclaration", "@context"})
_WORDS = {"bizStep": "BizStep-", "disposition": "Disp-", "set": "Disp-", "unset": "Disp-"}
_TYPES = {"bizTransactionList": "BTT-", "sourceList": "SDT-", "destinationList": "SDT-"}
_URNS = {"urn:epcglobal:cbv:bizstep:": "BizStep-", "urn:epcglobal:cbv:disp:": "Disp-", "urn:epcglobal:cbv:btt:": "BTT-",
         "urn:epcglobal:cbv:sdt:": "SDT-"}  # fmt: skip
# What follows urn:epc:id: -> (digits of the key without its check digit, AI, AI of the rest).
_EPC = re.compile(r"urn:epc:(?:id|class):(?P<scheme>[a-z]+):(?P<rest>[0-9]+(?:\.[^.]*)*)", re.ASCII)
_FINEST = {"01": (("21",), ("235",), ("10",)), "8006": (("21",), ("10",))}


def event_id(event: Mapping[str, Any], prefixes: Mapping[str, str] | None = None) -> str:
    """The event's hash identifier. prefixes: what the document's context says a prefix stands for."""
    said = pre_hash(event, prefixes or {}).encode()
    return f"ni:///sha-256;{hashlib.sha256(said).hexdigest()}?ver=CBV2.0"


def pre_hash(event: Mapping[str, Any], prefixes: Mapping[str, str]) -> str:
    known = "".join(_field(name, event[name]) for name in ORDER if name in event)
    others = {name: value for name, value in event.items() if name not in ORDER and name not in IGNORED}
    ilmd = others.pop("ilmd", None)
    tail = ("ilmd" + _extensions(ilmd, prefixes) if ilmd else "") + _extensions(others, prefixes)
    return f"eventType={event['type']}{known}{tail}"


def canonical_key(uri: str) -> str:
    """A GS1 key in an EPC URN or a Digital Link of any host as its canonical Digital Link; other URIs as they are."""
    if uri.startswith("urn:epc:"):
        return _from_urn(uri) or uri
    if not uri.startswith(("http://", "https://")):
        return uri
    try:
        link = compression.read(uri)[0] if "/" in uri[8:] else None
    except BadRequest:
        return uri
    if link is None:
        return uri
    held = dict(link.qualifiers)
    kept = next((one for one in _FINEST.get(link.key[0], ()) if set(one) <= set(held)), None)
    finest = (
        [(ai, held[ai]) for ai in kept] if kept else [pair for pair in link.qualifiers if link.key[0] not in _FINEST]
    )
    return digital_link.CANONICAL_STEM + "".join(f"/{ai}/{quote(value, safe='')}" for ai, value in (link.key, *finest))


def instant(text: str) -> str:
    """UTC to the millisecond, half a millisecond rounded up. Raises ValueError."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("no time zone")
    at = at.astimezone(UTC) + timedelta(microseconds=500)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def _field(name: str, value: Any) -> str:
    if name == "eventTime":
        return f"eventTime={instant(value)}"
    if name in ("epcList", "childEPCs", "inputEPCList", "outputEPCList"):
        return name + "".join(sorted(f"epc={canonical_key(epc)}" for epc in value)) if value else ""
    if name in ("readPoint", "bizLocation"):
        return f"{name}id={canonical_key(value['id'])}"
    if name.endswith("uantityList"):
        return name + "".join(sorted(map(_quantity, value))) if value else ""
    if name in _TYPES:
        return name + "".join(sorted(_typed(name, one) for one in value)) if value else ""
    if name == "persistentDisposition":
        parts = [f"{part}={_word(one, 'Disp-')}" for part in ("set", "unset") for one in sorted(value.get(part, []))]
        return name + "".join(parts)
    if name in _WORDS:
        return f"{name}={_word(value, _WORDS[name])}"
    return f"{name}={canonical_key(value)}"


def _quantity(element: Mapping[str, Any]) -> str:
    said = f"quantityElementepcClass={canonical_key(element['epcClass'])}"
    said += f"quantity={_number(element['quantity'])}" if "quantity" in element else ""
    return said + (f"uom={element['uom']}" if "uom" in element else "")


def _typed(name: str, element: Mapping[str, Any]) -> str:
    kind = f"type={_word(element['type'], _TYPES[name])}" if "type" in element else ""
    part = name.removesuffix("List")
    return f"{kind}{part}={canonical_key(element[part])}"


def _word(value: str, group: str) -> str:
    for urn, prefix in _URNS.items():
        if value.startswith(urn):
            return VOCABULARY + prefix + value.removeprefix(urn)
    return value if ":" in value else VOCABULARY + group + value


def _extensions(values: Mapping[str, Any], prefixes: Mapping[str, str]) -> str:
    return "".join(sorted(_extension(name, value, prefixes) for name, value in values.items() if name != "@context"))


def _extension(name: str, value: Any, prefixes: Mapping[str, str]) -> str:
    prefix, colon, local = name.partition(":")
    full = f"{{{prefixes[prefix]}}}{local}" if colon and prefix in prefixes else name
    if isinstance(value, Mapping):
        return full + _extensions(value, prefixes)
    if isinstance(value, list):
        return "".join(sorted(_extension(name, one, prefixes) for one in value))
    return f"{full}={_number(value)}"


def _number(value: Any) -> str:
    """Numbers without needless zeros, words as they are, trimmed."""
    if isinstance(value, bool):
        return str(value).lower()
    try:
        number = Decimal(str(value).strip())
        return f"{number.normalize():f}" if number.is_finite() and abs(number.adjusted()) < 40 else str(value).strip()
    except InvalidOperation:
        return canonical_key(str(value).strip())


def _from_urn(uri: str) -> str | None:
    match = _EPC.fullmatch(uri)
    if match is None:
        return None
    company, *rest = match["rest"].split(".")
    first, tail = [*rest, ""][0], ".".join(rest[1:])
    stem = digital_link.CANONICAL_STEM

    def with_check(digits: str, size: int) -> str:
        return digits + str(check_digit(digits)) if digits.isdecimal() and len(digits) == size else "?"

    serial = quote(unquote(tail), safe="")
    known = {
        "sgtin": f"/01/{with_check(first[:1] + company + first[1:], 13)}/21/{serial}",
        "lgtin": f"/01/{with_check(first[:1] + company + first[1:], 13)}/10/{serial}",
        "sscc": f"/00/{with_check(first[:1] + company + first[1:], 17)}",
        "sgln": f"/414/{with_check(company + first, 12)}" + (f"/254/{serial}" if tail not in ("", "0") else ""),
        "pgln": f"/417/{with_check(company + first, 12)}",
        "gdti": f"/253/{with_check(company + first, 12)}{serial}",
        "grai": f"/8003/0{with_check(company + first, 12)}{serial}",
        "giai": f"/8004/{company}{quote(unquote('.'.join(rest)), safe='')}",
    }.get(match["scheme"])
    return None if known is None or "?" in known else stem + known
