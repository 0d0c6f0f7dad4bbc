"""Every word a screen asks for is there, once, in both languages, with the same places to fill in."""

import ast
import re
from pathlib import Path
from string import Formatter

import pytest

from antifraud import similar
from antifraud.case_graph import KINDS as GRAPHED
from antifraud.case_queue import FAMILIES
from antifraud.cases import OUTCOMES
from antifraud.lab import limits, thresholds
from antifraud.lab.fused import SCORES
from antifraud.measures import LIMITED
from antifraud.reasons import SENTENCES
from console import carton_grid, case_why, lab_draft, lab_sight, naming, payouts, questions, redemptions, words
from console.words import say
from loyalty import awards, campaigns, caps, coupons, prizes, rewards, tiers

CONSOLE = Path(words.__file__).parent
KINDS = {
    "award-": awards.KINDS, "award-hint-": awards.KINDS, "award-said-": awards.KINDS, "trigger-": campaigns.TRIGGERS,
    "stacking-": campaigns.STACKING, "per-": caps.PRIVATE + caps.SHARED, "window-": caps.WINDOWS, "unit-": caps.UNITS,
    "prize-": prizes.KINDS, "say-": prizes.DISCLOSED, "reward-": rewards.KINDS, "coupon-": coupons.KINDS,
    "coupon-said-": coupons.KINDS, "metric-": tiers.METRICS, "payout-": payouts.STATES,
    "redemption-": redemptions.STATES, "campaign-": ("draft", "submitted", "published", "retired", "scheduled", "over"),
    "pool-": ("draft", "published", "revealed", "held"), "coupon-is-": ("issued", "used", "expired", "void"),
    "win-": ("won", "held", "waiting", "paying", "paid", "voided", "failed"), "via-": ("phone", "wechat"),
    "tried-": ("paid", "not-matched", "smaller-factor", "excluded", "gives-nothing", "capped", "budget-exhausted"),
    "family-": FAMILIES, "": naming.KINDS + OUTCOMES + tuple(SENTENCES), "measure-": LIMITED, "mix-": case_why.METHODS,
    "standing-": tuple(carton_grid.LOOKS), "graph-": GRAPHED, "alike-": tuple(similar.WEIGHTS),
    "because-": tuple(f"{one}-{number}" for one in OUTCOMES for number in (1, 2, 3)), "while-": questions.WHILES,
    "lab-is-": tuple(lab_sight.TONES), "lab-score-": SCORES, "lab-alert-": tuple(lab_draft.ALERTS),
    "lab-limit-": tuple(limits.USUAL), "lab-logistics-": thresholds.LOGISTICS, "lab-play-": ("waiting", "running"),
    "gate-": ("backtest", "shadow", "healthy", "people", "points", "yuan", "adversaries", "honest"),
    "attack-": (*(f"A{number}" for number in range(1, 11)), "honest"), "rule-": ("live", "shadow"),
    "lab.": ("draft", "backtest", "shadow", "shadow-stopped", "shadow-ended", "adversaries", "ask", "refuse", "publish",
             "gate", "roll-back", "live-again", "retire", "trip", "mute"),
    "why-": ("ended", "not-yet", "tier", "sold-out", "limit", "too-few-points"),
}  # fmt: skip


def asked() -> set[str]:
    """The keys that screens name outright in `t("…")`."""
    trees = [ast.parse(file.read_text()) for file in CONSOLE.glob("*.py")]
    calls = [one for tree in trees for one in ast.walk(tree) if isinstance(one, ast.Call) and one.args]
    named = [one.args[0] for one in calls if isinstance(one.func, ast.Name) and one.func.id == "t"]
    return {one.value for one in named if isinstance(one, ast.Constant)}


@pytest.mark.parametrize("key", sorted(asked() | {f"{of}{one}" for of, kinds in KINDS.items() for one in kinds}))
def test_what_screens_ask_for_is_said(key):
    assert key in words._WORDS


def test_no_word_is_said_twice():
    """A key of two files, or twice in one, would silently be whichever comes last."""
    texts = [file.read_text() for file in CONSOLE.glob("*words.py")]
    keys = [key for text in texts for key in re.findall(r'^    "([^"]+)": \(', text, re.MULTILINE)]
    assert sorted(keys) == sorted(set(keys))
    assert set(keys) == set(words._WORDS)


def test_both_languages_fill_in_the_same():
    def places(text: str) -> set[str | None]:
        return {name for _, name, _, _ in Formatter().parse(text) if name}

    for key, (zh, en) in words._WORDS.items():
        if not key.startswith("problem-"):  # There a language may leave out the detail.
            assert places(zh) == places(en), key
    assert say("award-said-fixed", "en", factor=3, by="", steps="") == "3 points"
