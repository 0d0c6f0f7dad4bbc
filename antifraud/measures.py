"""Why an alert, in numbers: each value beside the threshold it met, what share of the suspicion it carries. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from antifraud.alerts import Raised
from antifraud.regions import Language

LIMIT = "limit"
LIMITED = ("posterior", "residual", "count", "accounts", "cartons", "people")  # What a bare `limit` is the limit of.
# How often an honest pack, carton or phone gets this far, where that was simulated: the docstrings of the detectors.
HONEST: Mapping[str, tuple[float, Mapping[Language, str]]] = {
    "DIV_CARTON_TASK": (1e-4, {"zh": "未窜货的箱（模拟）", "en": "of cartons that stayed at home, simulated"}),
    "CLN_USERS_MANY": (2e-5, {"zh": "被扫过的正品码（按设计）", "en": "of genuine scanned codes, by design"}),
    "HRV_ENUMERATION": (1e-6, {"zh": "输错 3% 的手机（按设计）", "en": "of phones that mistype 3 %, by design"}),
    "DIV_DEALER_EVIDENCE": (
        1.5e-3, {"zh": "守约经销商，180 天内（模拟）", "en": "of honest dealers in 180 days, simulated"},
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Measure:
    """value met limit; both as they were kept with the alert."""

    name: str
    value: float
    limit: float


def measures(values: Mapping[str, Any]) -> list[Measure]:
    """Every pair of a number and its threshold: `limit_kmh` is that of `kmh`, a bare `limit` of the one known."""
    found = []
    for name, limit in values.items():
        if name == LIMIT:
            of = next((one for one in LIMITED if one in values), None)
        elif name.startswith(f"{LIMIT}_"):
            of = name.removeprefix(f"{LIMIT}_")
        else:
            continue
        if of is not None and _number(values.get(of)) and _number(limit):
            found.append(Measure(of, float(values[of]), float(limit)))
    return found


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def newest(raised: Sequence[Raised]) -> list[Raised]:
    """The last alert of each reason, the one that says most first."""
    last = {alert.code: alert for alert in raised}
    return sorted(last.values(), key=lambda alert: (-alert.contribution, alert.code))


def shares(raised: Sequence[Raised]) -> dict[str, float]:
    """code -> its part of what speaks for the suspicion, 0..1; evidence in nats adds up."""
    weights = {alert.code: max(alert.contribution, 0.0) for alert in newest(raised)}
    total = sum(weights.values())
    return {code: weight / total if total else 0.0 for code, weight in weights.items()}
