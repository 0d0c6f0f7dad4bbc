"""The file of a case for whoever is not in this room: a dealer who answers, an auditor, a court.

    pack   = facts of the case, alerts with their sentences and numbers, scans, deliveries, considerations, versions
    scan n = its row, `previous` = hash of scan n-1, `hash` = SHA-256 over RFC 8785 of the row without `hash`
    first previous = SHA-256("onecode evidence 1 case=<id>")
    signature      = Ed25519 of the platform over RFC 8785 of everything else (codegen.manifests)

Names nobody: a person is the first 12 hex digits of SHA-256(case id, phone), the same within one pack alone. Item
numbers are text, for they are longer than a JSON number holds. Whoever has the public key checks it without us.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from antifraud import alerts, cases, reasons, regions
from antifraud.alerts import Raised
from antifraud.case_scans import scans_of
from antifraud.cases import Case
from antifraud.considerations import consider
from antifraud.scan_log import Scan
from codegen import manifests, shipments
from codegen.keys import KeyProvider
from codegen.shipments import Delivery
from foundation.database import ReadTx

FORMAT: Final = "onecode evidence 1"
LANGUAGES: Final = ("zh", "en")
MOST_ALERTS = 1_000
Pack = dict[str, Any]


def gather(tx: ReadTx, case_id: int, provider: KeyProvider, *, now: datetime) -> Pack:
    """The signed pack of a case as it stands. Raises NoSuchCase."""
    case = cases.case(tx, case_id)
    raised = alerts.of_case(tx, case_id, limit=MOST_ALERTS)
    scans = scans_of(tx, case.pivot, raised)
    ssccs = sorted({scan.sscc for scan in scans if scan.sscc} | {alert.sscc for alert in raised if alert.sscc})
    deliveries = shipments.deliveries_of(tx, ssccs)
    concerned = {alert.dealer_id for alert in raised if alert.dealer_id is not None}
    dealers = [one for one in shipments.dealers(tx) if one.id in concerned]
    authorised = sorted({region for dealer in dealers for region in dealer.regions})
    body: Pack = {
        "format": FORMAT,
        "made_at": now.isoformat(),
        "case": _case(case),
        "dealers": [{"id": one.id, "name": one.name, "regions": [_region(code) for code in sorted(one.regions)]}
                    for one in dealers],
        "alerts": [_alert(alert) for alert in raised],
        "deliveries": [_delivery(one) for one in deliveries],
        "scans": chained(case_id, scans),
        "considered": considered(scans, authorised, deliveries),
        "versions": {"map": regions.version(), "rules": sorted({scan.params_version for scan in scans})},
    }  # fmt: skip
    return manifests.sign(body, provider)


def considered(
    scans: Sequence[Scan], authorised: Sequence[int], deliveries: Sequence[Delivery]
) -> list[dict[str, Any]]:
    """What else may explain it, with numbers, in both languages."""
    to = len({one.dealer_id for one in deliveries})
    both = [consider(scans, authorised, dealers=to, lang=lang) for lang in LANGUAGES]
    return [
        {"what": zh.what, "weakens": zh.weakens, "values": dict(en.values), "zh": zh.says("zh"), "en": en.says("en")}
        for zh, en in zip(*both, strict=True)
    ]


def chained(case_id: int, scans: Sequence[Scan]) -> list[dict[str, Any]]:
    """The scans in their order, each with the hash of the one before it."""
    previous, rows = _genesis(case_id), []
    for scan in scans:
        row = _scan(case_id, scan) | {"previous": previous}
        previous = hashlib.sha256(rfc8785.dumps(row)).hexdigest()
        rows.append(row | {"hash": previous})
    return rows


def faults(pack: Mapping[str, Any], key: Ed25519PublicKey) -> list[str]:
    """What is wrong with a pack, each in a sentence; empty when it is whole."""
    if pack.get("format") != FORMAT:
        return [f"This is no evidence pack: its format is not {FORMAT!r}."]
    wrong = (
        [] if manifests.signed_by(dict(pack), key) else ["The signature is not that key's, or something was changed."]
    )
    previous = _genesis(int(pack["case"]["id"]))
    for number, row in enumerate(pack["scans"], start=1):
        body = {name: value for name, value in row.items() if name != "hash"}
        if row["previous"] != previous or hashlib.sha256(rfc8785.dumps(body)).hexdigest() != row["hash"]:
            return [*wrong, f"The chain of scans breaks at scan {number}."]
        previous = row["hash"]
    return wrong


def _genesis(case_id: int) -> str:
    return hashlib.sha256(f"{FORMAT} case={case_id}".encode()).hexdigest()


def _case(case: Case) -> dict[str, Any]:
    return {
        "id": case.id, "about": case.pivot, "state": case.state, "severity": case.severity.name,
        "codes": sorted(case.codes), "opened_at": case.opened_at.isoformat(),
        "first_seen_at": case.first_seen_at.isoformat(), "last_seen_at": case.last_seen_at.isoformat(),
        "outcome": case.outcome, "reason": case.reason,
        "closed_at": case.closed_at.isoformat() if case.closed_at else None,
    }  # fmt: skip


def _alert(alert: Raised) -> dict[str, Any]:
    return {
        "raised_at": alert.raised_at.isoformat(), "code": alert.code, "severity": alert.severity.name,
        "sscc": alert.sscc, "values": _plain(alert.details), "contribution": alert.contribution,
        **{lang: reasons.describe(alert.code, alert.details, lang) for lang in LANGUAGES},
    }  # fmt: skip


def _scan(case_id: int, scan: Scan) -> dict[str, Any]:
    return {
        "scan": str(scan.scan_id), "at": scan.received_at.isoformat(), "verdict": scan.verdict,
        "item": None if scan.item is None else str(scan.item), "sscc": scan.sscc,
        "region": _region(scan.region) if scan.region else None, "method": scan.method,
        "lat": scan.lat, "lon": scan.lon, "sigma_km": scan.sigma_km, "person": _person(case_id, scan.device),
        "reasons": list(scan.reasons), "rules": scan.params_version, "features": _plain(scan.features),
        "contributions": _plain(scan.contributions),
    }  # fmt: skip


def _delivery(one: Delivery) -> dict[str, Any]:
    return asdict(one) | {"shipped_at": one.shipped_at.isoformat()}


def _region(code: int) -> dict[str, Any]:
    return {"code": code, **{lang: regions.name(code, lang) for lang in LANGUAGES}}


def _person(case_id: int, device: str) -> str:
    return hashlib.sha256(f"{case_id}\0{device}".encode()).hexdigest()[:12]


def _plain(value: Any) -> Any:
    """As RFC 8785 can carry it: whole numbers beyond 2^53 and everything unknown become text."""
    match value:
        case None | bool() | str() | float():
            return value
        case int():
            return value if abs(value) < 1 << 53 else str(value)
        case UUID() | datetime():
            return str(value)
        case Mapping():
            return {str(name): _plain(one) for name, one in value.items()}
        case _:
            return [_plain(one) for one in value]
