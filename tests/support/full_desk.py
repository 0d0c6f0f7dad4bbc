"""A desk as full as a bad month leaves it: ten thousand open cases of realistic kinds, with the scans behind them.

    python -m tests.support.full_desk URL [cases]     fills an empty, migrated database

The same seed gives the same cases. Everything goes the way alerts go: scans are recorded, alerts raised on them.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from sqlalchemy import Engine

from antifraud import regions, scan_log
from antifraud.alerts import raise_alerts
from antifraud.findings import Alert, Reason, Severity
from antifraud.scan_log import Scan
from codegen import brands, shipments
from codegen.identity import item_number
from foundation import clock, database, ids
from foundation.database import Tx, transaction

CASES, HOURS, SEED = 10_000, 72, 20261126
EPOCH, GTIN = 9, "06901234567892"
DEALERS = 120  # one in each of as many prefectures
# How often each kind of alert opens a case, in parts of a hundred, and how grave it is.
KINDS = (
    ("CLN_TRAVEL_AIR", Severity.HIGH, 14), ("CLN_TRAVEL_GROUND", Severity.MEDIUM, 18),
    ("CLN_USERS_MANY", Severity.HIGH, 8), ("CLN_USERS_SPREAD", Severity.MEDIUM, 12),
    ("HRV_ENUMERATION", Severity.HIGH, 9), ("HRV_BEFORE_PACK", Severity.CRITICAL, 2),
    ("HRV_NOT_SHIPPED", Severity.MEDIUM, 11), ("DIV_CARTON_TASK", Severity.MEDIUM, 20),
    ("ABU_DEVICE_REUSE", Severity.MEDIUM, 6),
)  # fmt: skip
METHODS = (("gps", 0.0085, 7), ("fuzzy", 2.55, 3))


@dataclass(frozen=True)
class _Place:
    lat: float
    lon: float
    region: int


def fill(engine: Engine, how_many: int = CASES, *, now: datetime | None = None, seed: int = SEED) -> None:
    """Raise alerts until `how_many` cases are open; in transactions of an hour each."""
    now, chance = now or clock.now(), Random(seed)
    with transaction(engine) as tx:
        scan_log.ensure_partitions(tx, now)
        dealers = _dealers(tx, now)
    share, rest = divmod(how_many, HOURS)
    for hour in range(HOURS):
        at = now - timedelta(hours=HOURS - hour, minutes=chance.randrange(60))
        made = list(_alerts(chance, share + (hour < rest), hour * (share + 1), dealers, at))
        with transaction(engine) as tx:
            scan_log.record(tx, [scan for scan, _ in made])
            raise_alerts(tx, [alert for _, alert in made], now=at)


def _dealers(tx: Tx, now: datetime) -> list[int]:
    known = brands.list_brands(tx)
    brand = known[0] if known else brands.add_brand(tx, name="山泉", host="id.brand.cn", now=now)
    homes = regions.prefectures()[:DEALERS]
    made = [
        shipments.add_dealer(tx, brand_id=brand.id, name=f"{home.zh}商贸", regions=[home.code], now=now)
        for home in homes
    ]
    return [dealer.id for dealer in made]


def _alerts(
    chance: Random, how_many: int, first: int, dealers: list[int], at: datetime
) -> Iterator[tuple[Scan, Alert]]:
    """As many pivots as asked, each with one to three alerts."""
    codes, severities = [code for code, _, _ in KINDS], {code: severity for code, severity, _ in KINDS}
    for number in range(first, first + how_many):
        code = chance.choices(codes, [weight for _, _, weight in KINDS])[0]
        seat = _SEATS[(number // DEALERS * 37 + number) % len(_SEATS)]  # Of each dealer another one every time.
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            scan = _scan(chance, number, code, seat, dealers, at)
            yield scan, Alert(
                reason=Reason(code, _values(chance, code, scan), round(chance.uniform(1, 6), 2)),
                severity=severities[code], pivot=_pivot(code, number, scan), scan_id=scan.scan_id, item=scan.item,
                sscc=scan.sscc, dealer_id=scan.dealer_id, params_version="default",
            )  # fmt: skip


def _scan(chance: Random, number: int, code: str, seat: _Place, dealers: list[int], at: datetime) -> Scan:
    method, sigma_km, _ = chance.choices(METHODS, [weight for _, _, weight in METHODS])[0]
    when = at - timedelta(seconds=chance.randrange(3600))
    item = item_number(EPOCH, number)
    return Scan(
        scan_id=ids.uuid7(when), input_hash=number.to_bytes(32, "big"), received_at=when,
        text=f"HTTPS://ID.BRAND.CN/01/{GTIN}/21/{number:020}", verdict="suspicious", reasons=[code], item=item,
        gtin=GTIN, sscc=_sscc(number // 24), dealer_id=dealers[number % len(dealers)], device=f"device-{number % 4999}",
        address=f"10.{number % 200}.{number % 250}.0", lat=seat.lat, lon=seat.lon, sigma_km=sigma_km, method=method,
        region=seat.region, answer={"verdict": "suspicious"}, params_version="default", features={}, contributions={},
    )  # fmt: skip


def _pivot(code: str, number: int, scan: Scan) -> str:
    """As the detectors name it."""
    if code.startswith("DIV_"):
        return f"dealer:{scan.dealer_id}:{scan.region}"
    if code.startswith(("HRV_ENUM", "ABU_")):
        return f"device:device-{number}"
    return f"item:{scan.item}"


def _values(chance: Random, code: str, scan: Scan) -> dict[str, str | int | float | bool | None]:
    other = chance.choice(_SEATS).region
    match code:
        case "CLN_TRAVEL_AIR" | "CLN_TRAVEL_GROUND":
            limit = 900 if code.endswith("AIR") else 350
            return {"minutes": chance.randrange(1, 90), "km": chance.randrange(400, 3000), "from_region": other,
                    "to_region": scan.region, "kmh": chance.randrange(limit, 9000), "limit_kmh": limit}  # fmt: skip
        case "DIV_CARTON_TASK":
            posterior = round(chance.uniform(0.9, 1), 4)
            return {"sscc": scan.sscc, "region": scan.region, "people": chance.randrange(2, 8), "agree": 2,
                    "posterior": posterior, "least": round(posterior * 0.6, 4), "limit": 0.9}  # fmt: skip
        case "CLN_USERS_MANY" | "CLN_USERS_SPREAD":
            return {"people": chance.randrange(5, 20), "limit_people": 5 if code.endswith("MANY") else 3}
        case "HRV_ENUMERATION":
            return {"invalid": chance.randrange(6, 90), "honest_share": 0.03}
        case _:
            return {}


def _sscc(number: int) -> str:
    body = f"3690123{number:010}"
    total = sum(int(digit) * (3 if at % 2 == 0 else 1) for at, digit in enumerate(body))
    return body + str(-total % 10)


_SEATS = [_Place(place.lat, place.lon, place.code) for place in regions.prefectures()]


if __name__ == "__main__":
    fill(database.engine(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else CASES)
