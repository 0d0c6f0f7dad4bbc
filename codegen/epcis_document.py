"""An EPCIS 2.0 document read and judged before anything is done: size, JSON, shape. Pure.

| limit       | setting               | why                                                 |
| ----------- | --------------------- | --------------------------------------------------- |
| bytes       | ONECODE_EPCIS_MAX_MB  | refused before it is parsed, by whoever receives it |
| events      | ONECODE_EPCIS_EVENTS  | one transaction takes them all or none              |
| EPCs in all | ONECODE_EPCIS_EPCS    | the same                                            |

A refusal names the event (from 0) and the field. Kept here: ObjectEvent, AggregationEvent, TransactionEvent. Sensor
elements and error declarations are kept and told again as they came; they do nothing here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import Any

import orjson
from jsonschema import Draft202012Validator

from codegen import epcis_hash
from foundation.errors import BadRequest, Problem
from foundation.settings import Settings

TYPES = ("ObjectEvent", "AggregationEvent", "TransactionEvent")
MAX_ERRORS = 20

_URI = {"type": "string", "minLength": 3, "maxLength": 500, "pattern": r"^[A-Za-z][A-Za-z0-9+.-]*:[!-~]+$"}
_EPCS = {"type": "array", "items": _URI}
_WORD = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": r"^[!-~]+$"}
_PLACE = {"type": "object", "required": ["id"], "properties": {"id": _URI}}
_QUANTITIES = {
    "type": "array",
    "items": {"type": "object", "required": ["epcClass"], "additionalProperties": False,
              "properties": {"epcClass": _URI, "quantity": {"type": "number", "exclusiveMinimum": 0},
                             "uom": {"type": "string", "pattern": "^[A-Z0-9]{2,3}$"}}},
}  # fmt: skip


def _typed_list(part: str, *, typed: bool) -> dict[str, Any]:
    needed = [part, "type"] if typed else [part]
    properties = {"type": _WORD, part: _URI}
    item = {"type": "object", "required": needed, "additionalProperties": False, "properties": properties}
    return {"type": "array", "items": item}


_EVENT: dict[str, Any] = {
    "type": "object",
    "required": ["type", "eventTime", "eventTimeZoneOffset", "action"],
    "properties": {
        "type": {"enum": list(TYPES)},
        "eventTime": {"type": "string", "maxLength": 40},
        "recordTime": {"type": "string", "maxLength": 40},
        "eventTimeZoneOffset": {"type": "string", "pattern": "^[+-](0[0-9]|1[0-3]):[0-5][0-9]$|^[+-]14:00$"},
        "eventID": _URI,
        "action": {"enum": ["ADD", "OBSERVE", "DELETE"]},
        "epcList": _EPCS,
        "childEPCs": _EPCS,
        "parentID": _URI,
        "quantityList": _QUANTITIES,
        "childQuantityList": _QUANTITIES,
        "bizStep": _WORD,
        "disposition": _WORD,
        "persistentDisposition": {
            "type": "object", "additionalProperties": False,
            "properties": {"set": {"type": "array", "items": _WORD}, "unset": {"type": "array", "items": _WORD}},
        },
        "readPoint": _PLACE,
        "bizLocation": _PLACE,
        "bizTransactionList": _typed_list("bizTransaction", typed=False),
        "sourceList": _typed_list("source", typed=True),
        "destinationList": _typed_list("destination", typed=True),
        "ilmd": {"type": "object"},
        "sensorElementList": {
            "type": "array",
            "items": {
                "type": "object", "required": ["sensorReport"],
                "properties": {
                    "sensorMetadata": {"type": "object"},
                    "sensorReport": {"type": "array", "minItems": 1, "items": {"type": "object"}},
                },
            },
        },
        "errorDeclaration": {
            "type": "object", "required": ["declarationTime"],
            "properties": {
                "declarationTime": {"type": "string", "maxLength": 40},
                "reason": _WORD,
                "correctiveEventIDs": {"type": "array", "items": _URI},
            },
        },
        "certificationInfo": {"anyOf": [_URI, {"type": "array", "items": _URI}]},
        "@context": {},
    },
    "patternProperties": {"^[A-Za-z][A-Za-z0-9_-]*:[A-Za-z]": {}},  # Extensions have a prefix.
    "additionalProperties": False,
}  # fmt: skip
_DOCUMENT: dict[str, Any] = {
    "type": "object",
    "required": ["@context", "type", "schemaVersion", "creationDate", "epcisBody"],
    "properties": {
        "type": {"const": "EPCISDocument"},
        "schemaVersion": {"type": "string", "pattern": r"^2\.[0-9]+(\.[0-9]+)?$"},
        "creationDate": {"type": "string", "maxLength": 40},
        "epcisBody": {"type": "object", "required": ["eventList"], "properties": {"eventList": {"type": "array"}}},
    },
}


@dataclass(frozen=True, slots=True)
class Limits:
    """What one document may hold."""

    max_bytes: int = 8_000_000
    max_events: int = 10_000
    max_epcs: int = 200_000

    @staticmethod
    def of(settings: Settings) -> "Limits":
        return Limits(settings.epcis_max_mb * 1_000_000, settings.epcis_events, settings.epcis_epcs)


_USUAL = Limits()


@dataclass(frozen=True, slots=True)
class Wrong:
    """`event`: its place in the list, from 0; None for the document. `field`: a path such as epcList.3."""

    event: int | None
    field: str
    says: str

    def __str__(self) -> str:
        where = "The document" if self.event is None else f"Event {self.event}"
        return f"{where}, {self.field or 'as a whole'}: {self.says}."


class BadDocument(BadRequest):
    """The EPCIS document cannot be taken; nothing of it was kept. `errors` names events and fields."""

    type = "bad-epcis-document"

    def __init__(self, wrong: Sequence[Wrong]) -> None:
        errors = [{"event": one.event, "field": one.field, "says": one.says} for one in wrong[:MAX_ERRORS]]
        super().__init__(str(wrong[0]), errors=errors)


class DocumentTooLarge(Problem):
    status, type = HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "document-too-large"


@dataclass(frozen=True, slots=True)
class Document:
    events: tuple[Mapping[str, Any], ...]
    ids: tuple[str, ...]
    prefixes: Mapping[str, str]


def read(body: bytes, limits: Limits = _USUAL) -> Document:
    """The document, once every field of it is as it must be. Raises BadDocument, DocumentTooLarge."""
    if len(body) > limits.max_bytes:
        raise too_large(limits)
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadDocument([Wrong(None, f"byte {error.pos}", "this is no JSON")]) from error
    if wrong := _faults(_validator("document"), said, None):
        raise BadDocument(wrong)
    events = said["epcisBody"]["eventList"]
    _require_few(events, limits)
    found = [
        one for at, event in enumerate(events) for one in _faults(_validator("event"), event, at) or _odd(event, at)
    ]
    if found:
        raise BadDocument(found)
    prefixes = _prefixes(said["@context"])
    return Document(tuple(events), tuple(epcis_hash.event_id(event, prefixes) for event in events), prefixes)


def too_large(limits: Limits) -> DocumentTooLarge:
    return DocumentTooLarge(f"An EPCIS document has at most {limits.max_bytes:,} bytes; send several smaller ones.")


def _require_few(events: Sequence[Any], limits: Limits) -> None:
    n_events, most = len(events), limits.max_events
    if not n_events:
        raise BadDocument([Wrong(None, "epcisBody.eventList", "it has no events")])
    if n_events > most:
        raise DocumentTooLarge(f"An EPCIS document has at most {most:,} events, not {n_events:,}; split it.")
    lists = (event.get(name) for event in events if isinstance(event, dict) for name in ("epcList", "childEPCs"))
    n_epcs, most = sum(len(one) for one in lists if isinstance(one, list)), limits.max_epcs
    if n_epcs > most:
        raise DocumentTooLarge(f"An EPCIS document names at most {most:,} EPCs, not {n_epcs:,}; split it.")


@cache
def _validator(of: str) -> Draft202012Validator:
    return Draft202012Validator(_DOCUMENT if of == "document" else _EVENT)


def _faults(validator: Draft202012Validator, value: Any, at: int | None) -> list[Wrong]:
    found = []
    for error in validator.iter_errors(value):
        found.append(Wrong(at, ".".join(map(str, error.absolute_path)), error.message[:160].rstrip(".")))
        if len(found) >= MAX_ERRORS:
            break
    return found


def _odd(event: Mapping[str, Any], at: int) -> list[Wrong]:
    """What a schema cannot say."""
    found = list[Wrong]()
    times = {name: event[name] for name in ("eventTime", "recordTime") if name in event}
    if "errorDeclaration" in event:
        times["errorDeclaration.declarationTime"] = event["errorDeclaration"]["declarationTime"]
    for name, said in times.items():
        try:
            epcis_hash.instant(said)
        except (ValueError, OverflowError):
            found.append(Wrong(at, name, "this is no instant with a time zone"))
    kind, action = event["type"], event["action"]
    if kind == "AggregationEvent" and "parentID" not in event:
        found.append(Wrong(at, "parentID", "an aggregation needs its parent"))
    if kind == "AggregationEvent" and action == "ADD" and not event.get("childEPCs"):
        found.append(Wrong(at, "childEPCs", "an aggregation needs its children"))
    if kind != "AggregationEvent" and not (event.get("epcList") or event.get("quantityList")):
        found.append(Wrong(at, "epcList", "the event is about nothing"))
    if kind == "ObjectEvent" and "parentID" in event:
        found.append(Wrong(at, "parentID", "an object event has no parent"))
    if "ilmd" in event and not (kind == "ObjectEvent" and action == "ADD"):
        found.append(Wrong(at, "ilmd", "only an object event that adds has it"))
    return found


def _prefixes(context: Any) -> dict[str, str]:
    parts: Iterable[Any] = context if isinstance(context, list) else [context]
    return {k: v for part in parts if isinstance(part, dict) for k, v in part.items() if isinstance(v, str)}
