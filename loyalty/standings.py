"""What earn rules ask of a member beyond the balance: how many scans, how many days in a row, tier, segments.

The row is counted up where it is read, in the statement that takes the keys, so the n-th scan is the n-th whoever
races. Tiers and segments are set by whoever works them out (segments.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from foundation.bulk import record_set
from foundation.database import Tx
from loyalty.calendar import Birthday

# A part of the larger statement: the keys that were taken are counted for their members, in member order. A day that
# follows the last one lengthens the streak, the same or an earlier one (a scan handled late) leaves it.
STANDINGS = f"""standings AS (
    INSERT INTO member_standings AS s (member_id, scans, streak_days, last_on, segments)
    SELECT c.member, sum(c.counts), max(c.counts), max(c.day), '{{}}'
    FROM {record_set("claims", "scope text, key text, member uuid, counts int, day date").replace("claims_rows", "c")}
    JOIN taken USING (scope, key)
    GROUP BY c.member ORDER BY c.member
    ON CONFLICT (member_id) DO UPDATE SET scans = s.scans + excluded.scans,
        streak_days = CASE WHEN excluded.scans = 0 OR s.last_on >= excluded.last_on THEN s.streak_days
                           WHEN s.last_on = excluded.last_on - 1 THEN s.streak_days + 1 ELSE 1 END,
        last_on = greatest(s.last_on, excluded.last_on)
    RETURNING member_id, scans, streak_days, tier, segments
)"""  # noqa: S608

# How the rows come back, with the birthday that lies with the member.
AS_JSON = """(SELECT json_agg(json_build_array(s.member_id, s.scans, s.streak_days, s.tier, s.segments, m.birth_month,
    m.birth_day, m.birth_lunar, m.birthday_said_at)) FROM standings s LEFT JOIN members m ON m.id = s.member_id)"""


@dataclass(slots=True)
class Standing:
    """scans: this batch's included; `nth` counts through those of the batch."""

    nth: int
    streak_days: int
    tier: str | None
    segments: list[str]
    birthday: Birthday | None

    def facts(self, day: date, *, counts: bool, now: datetime) -> dict[str, object]:
        """Of the member's next event in the batch."""
        self.nth += counts
        known: dict[str, object] = {
            "nth_scan": self.nth,
            "streak_days": self.streak_days,
            "member_is_new": self.nth <= 1,
            "segments": self.segments,
        }
        if self.tier is not None:
            known["tier"] = self.tier
        if self.birthday is not None:
            known["is_birthday"] = self.birthday.falls_on(day, now=now)
        return known


def read(rows: Sequence[Sequence[Any]] | None, counted: Mapping[str, int]) -> dict[str, Standing]:
    """By member, before the batch. counted: how many of a member's events in it count as scans."""
    found = {}
    for member, scans, streak, tier, segments, month, day, lunar, said_at in rows or ():
        birthday = Birthday(month, day, lunar, datetime.fromisoformat(said_at)) if month else None
        found[member] = Standing(scans - counted.get(member, 0), streak, tier, segments, birthday)
    return found


_SET = """
INSERT INTO member_standings (member_id, scans, streak_days, {column}, {other})
VALUES (:member, 0, 0, :value, :empty)
ON CONFLICT (member_id) DO UPDATE SET {column} = excluded.{column}
"""
_SET_TIER = text(_SET.format(column="tier", other="segments"))
_SET_SEGMENTS = text(_SET.format(column="segments", other="tier"))


def set_tier(tx: Tx, member_id: UUID, tier: str | None) -> None:
    """What rules see as `tier` from now on."""
    tx.execute(_SET_TIER, {"member": member_id, "value": tier, "empty": []})


def set_segments(tx: Tx, member_id: UUID, segments: Sequence[str]) -> None:
    tx.execute(_SET_SEGMENTS, {"member": member_id, "value": sorted(set(segments)), "empty": None})
