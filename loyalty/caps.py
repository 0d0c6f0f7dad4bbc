"""Caps: at most so many times, or points, for a member, a device, a product or everyone, in a day, week, month or ever.

| per              | counted in                                  | why                                             |
| ---------------- | ------------------------------------------- | ----------------------------------------------- |
| member, device   | a row each (cap_counters), locked           | hardly ever shared                              |
| product, everyone | an allowance spent by leases (budgets.py)  | one row would be everyone's: batches would queue |

Both are exact at every commit. A cap that leaves room for a part pays it if it says `part`; otherwise nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import text

from foundation.bulk import Write, record_set, rows_json
from foundation.database import Tx
from foundation.errors import BadRequest

PRIVATE = ("member", "device")
SHARED = ("product", "everyone")
WINDOWS = ("day", "week", "month", "year", "ever")
UNITS = ("times", "points")


@dataclass(frozen=True, slots=True)
class Cap:
    per: str
    window: str
    most: int
    unit: str = "times"
    part: bool = False

    @property
    def name(self) -> str:
        """The same for a cap that was raised: what was used before counts on."""
        return f"{self.per} {self.window} {self.unit}"

    @property
    def is_shared(self) -> bool:
        return self.per in SHARED

    def uses(self, points: int) -> int:
        return points if self.unit == "points" else 1

    def to_json(self) -> dict[str, object]:
        return {"per": self.per, "window": self.window, "most": self.most, "unit": self.unit, "part": self.part}


class Counter(NamedTuple):
    """One counter of one cap."""

    campaign_id: int
    cap: str
    subject: str
    period: str

    @property
    def purpose(self) -> str:
        """The name of the allowance, where everyone shares it."""
        return "\t".join(["cap", str(self.campaign_id), self.cap, self.subject, self.period])


def read(stored: Sequence[Mapping[str, Any]]) -> tuple[Cap, ...]:
    """The caps of a JSON form. Raises BadRequest naming what does not fit."""
    return tuple(_read(one) for one in stored)


def _read(one: Mapping[str, Any]) -> Cap:
    if unknown := sorted(set(one) - {"per", "window", "most", "unit", "part"}):
        raise BadRequest(f"A cap has no {unknown[0]!r}.")
    cap = Cap(
        str(one.get("per")),
        str(one.get("window")),
        one.get("most", 0),
        one.get("unit", "times"),
        one.get("part", False),
    )
    for word, known in ((cap.per, PRIVATE + SHARED), (cap.window, WINDOWS), (cap.unit, UNITS)):
        if word not in known:
            raise BadRequest(f"A cap is not by {word!r}; known: {', '.join(known)}.")
    if not isinstance(cap.most, int) or isinstance(cap.most, bool) or not 0 < cap.most <= 10**12:
        raise BadRequest("Cap at one or more.")
    if cap.part is not False and (cap.part is not True or cap.unit != "points" or cap.is_shared):
        raise BadRequest("Only a cap on the points of a member or device can pay a part.")
    return cap


def are_no_tighter(new: Sequence[Cap], old: Sequence[Cap]) -> bool:
    """Whether everything `old` let through passes `new` too."""
    before = {cap.name: cap for cap in old}
    return all(
        cap.name in before and cap.most >= before[cap.name].most and cap.part >= before[cap.name].part for cap in new
    )


def period(window: str, day: date) -> str:
    """The brand's day, ISO week, month or year as text; empty for ever."""
    match window:
        case "day":
            return day.isoformat()
        case "week":
            year, week, _ = day.isocalendar()
            return f"{year}-W{week:02d}"
        case "month":
            return f"{day:%Y-%m}"
        case "year":
            return f"{day:%Y}"
    return ""


# Two parts of the larger statement that reads what a batch needs: rows that are there are locked in order, rows that
# are not are made. A row somebody else made meanwhile is in neither, and `relock` is asked for it.
_WANTED = record_set("counters", "campaign_id bigint, cap text, subject text, period text")
COUNTED = f"""counted AS (
    SELECT c.campaign_id, c.cap, c.subject, c.period, c.used
    FROM {_WANTED}
    JOIN cap_counters c USING (campaign_id, cap, subject, period)
    WHERE (SELECT count(*) FROM standings) >= 0
    ORDER BY c.campaign_id, c.cap, c.subject, c.period FOR UPDATE OF c
), begun AS (
    INSERT INTO cap_counters (campaign_id, cap, subject, period, used)
    SELECT r.campaign_id, r.cap, r.subject, r.period, 0
    FROM {_WANTED.replace("counters_rows", "r")}
    WHERE (SELECT count(*) FROM counted) >= 0 AND (r.campaign_id, r.cap, r.subject, r.period) NOT IN
        (SELECT campaign_id, cap, subject, period FROM counted)
    ORDER BY r.campaign_id, r.cap, r.subject, r.period
    ON CONFLICT DO NOTHING RETURNING campaign_id, cap, subject, period, used
)"""  # noqa: S608

_RELOCK = text(f"""
SELECT c.* FROM {_WANTED}
JOIN cap_counters c USING (campaign_id, cap, subject, period)
ORDER BY c.campaign_id, c.cap, c.subject, c.period FOR UPDATE OF c
""")  # noqa: S608


def rows(counters: Iterable[Counter]) -> list[dict[str, object]]:
    return [one._asdict() for one in sorted(counters)]


def relock(tx: Tx, wanted: Iterable[Counter]) -> dict[Counter, int]:
    found = tx.execute(_RELOCK, {"counters": rows_json(rows(wanted))})
    return {Counter(*row[:4]): row[4] for row in found}


def lock(tx: Tx, wanted: Iterable[Counter]) -> dict[Counter, int]:
    """How far these counters are used, locked in order; those nobody has used yet are begun."""
    names = sorted(set(wanted))
    if not names:
        return {}
    tx.execute(_BEGIN, {"counters": rows_json(rows(names))})
    return relock(tx, names)


_BEGIN = text(f"""
INSERT INTO cap_counters (campaign_id, cap, subject, period, used)
SELECT counters_rows.*, 0 FROM {_WANTED} ORDER BY campaign_id, cap, subject, period ON CONFLICT DO NOTHING
""")  # noqa: S608


def counting(used: Mapping[Counter, int]) -> Write:
    """What counters this transaction locked stand at now."""
    changed = [one._asdict() | {"used": used[one]} for one in sorted(used)]
    return Write("caps_counted", _COUNTED, changed, len(changed))


_COUNTED = f"""
UPDATE cap_counters c SET used = caps_counted_rows.used
FROM {record_set("caps_counted", "campaign_id bigint, cap text, subject text, period text, used bigint")}
WHERE c.campaign_id = caps_counted_rows.campaign_id AND c.cap = caps_counted_rows.cap
  AND c.subject = caps_counted_rows.subject AND c.period = caps_counted_rows.period RETURNING 1
"""  # noqa: S608
