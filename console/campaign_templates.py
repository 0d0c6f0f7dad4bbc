"""Campaigns a brand runs every year, as a start for a form: every field stays open, and the figures are suggestions."""

from dataclasses import dataclass
from typing import Any

from loyalty.campaigns import Terms

__all__ = ["TEMPLATES", "Template"]


@dataclass(frozen=True, slots=True)
class Template:
    """What the form is filled with. gives: the award as it is typed; award: the same as JSON."""

    zh: str
    en: str
    rule: str
    trigger: str
    stacking: str
    kind: str
    gives: str
    award: dict[str, Any]

    def terms(self, starts_at: Any) -> Terms:
        return Terms(
            self.zh, self.en, self.rule, self.award, starts_at, None, trigger=self.trigger, stacking=self.stacking
        )


TEMPLATES = (
    Template("扫码得积分", "Points for a scan", "true", "scan", "base", "fixed", "10", {"kind": "fixed", "points": 10}),
    Template("节假日双倍积分", "Double points on holidays", "is_holiday", "scan", "multiplier", "times", "2",
             {"kind": "times", "factor": "2"}),
    Template("连续七天奖励", "Seven days in a row", "streak_days == 7", "scan", "bonus", "fixed", "20",
             {"kind": "fixed", "points": 20}),
    Template("消费一元一分", "A point a yuan", "true", "order", "base", "per_yuan", "0=1",
             {"kind": "per_yuan", "slices": [[0, "1"]]}),
    Template("生日礼", "Birthday gift", "true", "birthday", "base", "fixed", "50", {"kind": "fixed", "points": 50}),
    Template("问卷奖励", "Thanks for a survey", "true", "survey", "base", "fixed", "20",
             {"kind": "fixed", "points": 20}),
)  # fmt: skip
"""What nearly every brand begins with: scans, holidays, streaks, purchases, birthdays, surveys."""
