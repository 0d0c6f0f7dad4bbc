"""Thresholds as data: which numbers of `Params` a draft may change, between which bounds, and what changes. Pure.

What only the batch detectors read is written with `batch.` before its name; its bounds are a tenth and ten times what
the program says, and no share leaves 0..1.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from antifraud.params import BatchParams, Params
from foundation.errors import BadRequest

LOGISTICS = ("partial", "packing", "shipping")
BATCH = "batch."


class BadThreshold(BadRequest):
    """A threshold nobody knows, of another kind, or out of its bounds."""

    type = "bad-threshold"


@dataclass(frozen=True, slots=True)
class Threshold:
    """default: what the program says. low, high: bounds of a number, both allowed."""

    name: str
    default: float | str
    low: float
    high: float
    zh: str
    en: str


# name: (low, high, what it is in Chinese and English, with its unit)
_IN_LINE: Mapping[str, tuple[float, float, str, str]] = {
    "users_many": (3, 50, "同码人数上限（人）", "people of one code, anywhere"),
    "users_spread": (2, 50, "同码分散人数上限（人）", "people of one code, two of them far apart"),
    "spread_overlap": (0.001, 0.5, "位置重合视为分散的上限", "overlap of two fixes that are far apart"),
    "travel_from_km": (50, 2000, "不可能位移的起算距离（公里）", "distance from which travel is judged (km)"),
    "ground_kmh": (200, 600, "地面最高速度（公里/小时）", "the fastest train (km/h)"),
    "air_kmh": (600, 1500, "飞行最高速度（公里/小时）", "the fastest flight (km/h)"),
    "travel_slack_s": (0, 7200, "位移时间余量（秒）", "slack of travel (s)"),
    "honest_invalid": (0.005, 0.2, "正常无效码比例", "honest share of wrong codes"),
    "guesser_invalid": (0.5, 0.9999, "试码者无效码比例", "a guesser's share of wrong codes"),
    "enumeration_alpha": (1e-9, 1e-3, "试码误报率", "false alarms of guessing"),
    "enumeration_beta": (1e-4, 0.2, "试码漏报率", "misses of guessing"),
    "enumeration_memory_s": (600, 604_800, "试码记忆时长（秒）", "memory of guesses (s)"),
    "block_s": (600, 604_800, "试码限制时长（秒）", "block of a guesser (s)"),
    "pair_s": (30, 7200, "内外码配对时长（秒）", "time between the two codes of a bottle (s)"),
    "diverted": (1e-4, 0.3, "窜货先验比例", "prior share of diverted cases"),
    "out_of_home": (0.005, 0.3, "正常外出扫码比例", "honest share of scans out of home"),
    "carton_notice": (0.2, 0.99, "箱级提示线", "posterior of a notice"),
    "carton_task": (0.5, 0.999, "箱级核查线", "posterior of a visit"),
}


def _batch(name: str, default: float) -> Threshold:
    high = default * 10
    return Threshold(
        BATCH + name, default, default / 10, min(1.0, high) if default <= 1 else high, f"批量：{name}", f"batch: {name}"
    )


def _known() -> dict[str, Threshold]:
    plain = Params()
    found = {name: Threshold(name, getattr(plain, name), *bounds) for name, bounds in _IN_LINE.items()}
    found["logistics"] = Threshold(
        "logistics", plain.logistics, 0, 0, "物流记录的完整程度", "how complete logistics are"
    )
    for one in fields(BatchParams):
        made = _batch(one.name, getattr(plain.batch, one.name))
        found[made.name] = made
    return found


KNOWN: Mapping[str, Threshold] = _known()


def checked(changes: Mapping[str, Any]) -> dict[str, Any]:
    """The changes as they are kept, whole numbers whole. Raises BadThreshold with what to write."""
    if not changes:
        raise BadThreshold("Change at least one threshold.")
    made = {name: _one(name, value) for name, value in sorted(changes.items())}
    both = params(made)
    if not both.carton_notice <= both.carton_task:
        raise BadThreshold("carton_notice may not be above carton_task: a notice comes before a visit.")
    if not both.users_spread <= both.users_many:
        raise BadThreshold("users_spread may not be above users_many: distance asks for fewer people.")
    if not both.ground_kmh < both.air_kmh:
        raise BadThreshold("ground_kmh must be below air_kmh: a train is slower than a flight.")
    return made


def _one(name: str, value: Any) -> Any:
    known = KNOWN.get(name)
    if known is None:
        raise BadThreshold(f"There is no threshold {name!r}; known: {', '.join(KNOWN)}.")
    if name == "logistics":
        if value not in LOGISTICS:
            raise BadThreshold(f"logistics is one of {', '.join(LOGISTICS)}.")
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or not known.low <= value <= known.high:
        raise BadThreshold(f"{name}: give a number from {known.low:g} to {known.high:g}, not {value!r}.")
    if isinstance(known.default, int) and value != int(value):
        raise BadThreshold(f"{name}: give a whole number, not {value!r}.")
    return int(value) if isinstance(known.default, int) else float(value)


def params(changes: Mapping[str, Any], base: Params | None = None) -> Params:
    """`base`, or what the program says, with those of these changes that the program knows."""
    base, known = base or Params(), {name: value for name, value in changes.items() if name in KNOWN}
    batch = {name.removeprefix(BATCH): value for name, value in known.items() if name.startswith(BATCH)}
    plain = {name: value for name, value in known.items() if not name.startswith(BATCH)}
    return replace(base, **plain, batch=replace(base.batch, **batch))


def diff(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """(name, value before, value after) of every threshold that differs, by name; what is not changed is default."""
    names = sorted((before.keys() | after.keys()) & KNOWN.keys())
    pairs = [(name, before.get(name, KNOWN[name].default), after.get(name, KNOWN[name].default)) for name in names]
    return [(name, old, new) for name, old, new in pairs if old != new]
