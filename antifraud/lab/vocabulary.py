"""What a detection rule may speak of: the snapshot of one scan as it was judged, never what became known later.

| from          | facts                                                                          |
| ------------- | ------------------------------------------------------------------------------ |
| the judgement | verdict, reasons, and the features it stored with the scan                     |
| the scan      | what the phone said and what the code says, by the columns of the log          |
| the instant   | hour and weekday on the brand's clock                                          |

In line a rule reads them off the decision, on history off the row of the log; both go through `Seen`, so they agree.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from antifraud.regions import province_of
from antifraud.signals import Facts
from codegen.wire import Genuine
from foundation.rules.ast import Declared, Kind, Type, Vocabulary
from foundation.rules.python import BRAND_ZONE


@dataclass(frozen=True, slots=True)
class Seen:
    """One scan as it was judged. codes: of the built-in reasons; at: when it was judged."""

    verdict: str
    codes: Sequence[str]
    features: Mapping[str, Any]
    at: datetime
    gtin: str | None
    face: int | None
    dealer_id: int | None
    packed: bool
    region: int | None
    sigma_km: float | None
    claim: bool
    signed_in: bool


def of_decision(verdict: str, codes: Sequence[str], features: Mapping[str, Any], facts: Facts, now: datetime) -> Seen:
    token, state, place = facts.token, facts.state, facts.attempt.location
    genuine = token if isinstance(token, Genuine) else None
    return Seen(
        verdict, codes, features, now,
        gtin=genuine.gtin if genuine else None,
        face=int(genuine.face) if genuine else None,
        dealer_id=state.dealer_id if state else None,
        packed=state is not None and state.sscc is not None,
        region=facts.region,
        sigma_km=place.sigma_km if place else None,
        claim=facts.attempt.claim,
        signed_in=facts.attempt.member_id is not None,
    )  # fmt: skip


COLUMNS = (
    "scan_id", "received_at", "verdict", "reasons", "features", "gtin", "face", "dealer_id", "sscc", "region",
    "sigma_km", "claim", "member_id", "device", "item", "reward_points", "reward_state",
)  # fmt: skip
"""Of the log, what `of_row` and those who count hits need."""


def of_row(row: Any) -> Seen:
    """row: COLUMNS of the log by name. Codes of rules are left out: no rule speaks of another."""
    return Seen(
        row.verdict, [code for code in row.reasons if not code.startswith(CODE)], row.features, row.received_at,
        gtin=row.gtin, face=row.face, dealer_id=row.dealer_id, packed=row.sscc is not None, region=row.region,
        sigma_km=row.sigma_km, claim=row.claim, signed_in=row.member_id is not None,
    )  # fmt: skip


CODE = "RULE_"


def code_of(slug: str) -> str:
    """The reason code of a rule: `night-claims` is RULE_NIGHT_CLAIMS."""
    return CODE + slug.replace("-", "_").upper()


Reading = Callable[[Seen], object]


def _feature(name: str) -> Reading:
    return lambda seen: seen.features.get(name)


def _exact(name: str) -> Reading:
    """A decimal feature: the digits that were stored, so that live and history compare the same number."""

    def read(seen: Seen) -> object:
        value = seen.features.get(name)
        return Decimal(repr(value)) if isinstance(value, float) else value

    return read


def _sigma(seen: Seen) -> object:
    return None if seen.sigma_km is None else Decimal(repr(seen.sigma_km))


@dataclass(frozen=True, slots=True)
class Field:
    """unit: what a number counts, in Chinese and English; empty for what is no quantity."""

    declared: Declared
    read: Reading
    unit: tuple[str, str] = ("", "")


def _field(kind: Kind, zh: str, en: str, read: Reading, unit: tuple[str, str] = ("", ""), many: bool = False) -> Field:
    return Field(Declared(Type(kind, many), zh, en), read, unit)


PEOPLE, NATS, SHARE = ("人", "people"), ("奈特", "nats"), ("0 到 1", "0 to 1")
FIELDS: Mapping[str, Field] = {
    "verdict": _field(Kind.STRING, "判定", "the verdict", lambda seen: seen.verdict),
    "reasons": _field(Kind.STRING, "内置理由代码", "the built-in reasons", lambda seen: seen.codes, many=True),
    "people": _field(Kind.INT, "扫过此码的人数", "the people who scanned the code", _feature("people"), PEOPLE),
    "places": _field(Kind.INT, "此码出现的地点数", "the places of the code", _feature("places"), ("处", "places")),
    "age_min": _field(
        Kind.INT, "距首次扫码", "the time since the first scan", _feature("age_min"), ("分钟", "minutes")
    ),
    "shipped_days": _field(Kind.INT, "距发货", "the time since shipment", _feature("shipped_days"), ("天", "days")),
    "device_llr": _field(
        Kind.DECIMAL, "手机的试码证据", "the phone's evidence of guessing", _exact("device_llr"), NATS
    ),
    "address_llr": _field(
        Kind.DECIMAL, "网络的试码证据", "the network's evidence of guessing", _exact("address_llr"), NATS
    ),
    "carton": _field(Kind.DECIMAL, "整箱窜货概率", "the probability of diversion", _exact("carton"), SHARE),
    "carton_least": _field(
        Kind.DECIMAL,
        "去掉最关键一人的窜货概率",
        "the same without the most telling person",
        _exact("carton_least"),
        SHARE,
    ),
    "carton_people": _field(Kind.INT, "扫过此箱的人数", "the people of the case", _feature("carton_people"), PEOPLE),
    "method": _field(Kind.STRING, "定位方式", "the way of locating", lambda seen: seen.features.get("method")),
    "sigma_km": _field(Kind.DECIMAL, "定位误差", "the error of the fix", _sigma, ("公里", "km")),
    "region": _field(Kind.INT, "扫码城市代码", "the prefecture code", lambda seen: seen.region),
    "province": _field(
        Kind.INT, "扫码省份代码", "the province code", lambda seen: province_of(seen.region) if seen.region else None
    ),
    "gtin": _field(Kind.STRING, "商品条码", "the product", lambda seen: seen.gtin),
    "face": _field(Kind.INT, "码面（0 外码，1 内码）", "the face (0 outer, 1 inner)", lambda seen: seen.face),
    "dealer_id": _field(Kind.INT, "经销商", "the dealer", lambda seen: seen.dealer_id),
    "packed": _field(Kind.BOOL, "有装箱记录", "the item is packed on record", lambda seen: seen.packed),
    "claim": _field(Kind.BOOL, "要求领奖", "a reward is asked for", lambda seen: seen.claim),
    "signed_in": _field(Kind.BOOL, "已登录", "the person is signed in", lambda seen: seen.signed_in),
    "hour": _field(Kind.INT, "扫码钟点", "the hour of the scan", lambda seen: seen.at.astimezone(BRAND_ZONE).hour),
    "weekday": _field(
        Kind.INT,
        "扫码星期（1 至 7）",
        "the weekday (1 to 7)",
        lambda seen: seen.at.astimezone(BRAND_ZONE).isoweekday(),
    ),
}
CATALOGUE = Vocabulary({name: field.declared for name, field in FIELDS.items()})
