"""What judging costs: one scan in line, one rule of the rule language, and a night of batches as history grows.

A simulated season with every adversary, judged in batches of 50; processor time of this thread for each batch, shared
among its scans, and of each scan alone. The batches: benchmarks/history.py.
"""

import json
import os
import time
from datetime import UTC, datetime
from typing import Any

import numpy as np

from antifraud.params import Params
from antifraud.simulator.parameters import Parameters
from antifraud.simulator.world import simulate
from benchmarks import history
from benchmarks.inline import Season
from foundation.rules.parse import parse
from foundation.rules.python import predicate
from loyalty.vocabulary import EARN

SCALE, BATCH = 0.03, 50
RULES, ASKED = 40, 20_000


def run() -> dict[str, Any]:
    return in_line() | rules() | history.run()


def in_line() -> dict[str, Any]:
    """Microseconds of processor time a scan, with and without making its facts."""
    events = simulate(Parameters(scale=SCALE), seed=31).events
    warm = Season(events, Params())
    for facts in warm.batches(BATCH):  # The map's grid is known to a process that has run for a while.
        warm.judge(facts)
    season = Season(events, Params())
    gathered, decided = [], []
    for start in range(0, len(events.scans) - BATCH, BATCH):
        begun = time.thread_time_ns()
        facts = season.batch(start, start + BATCH)
        between = time.thread_time_ns()
        season.judge(facts)
        gathered.append((between - begun) / BATCH / 1000)
        decided.append((time.thread_time_ns() - between) / BATCH / 1000)
    alone = one_by_one(Season(events, Params()))
    return {
        "scans": len(events.scans),
        "facts_us": round(float(np.mean(gathered)), 1),
        "decide_us": round(float(np.mean(decided)), 1),
        "decide_p50_us": round(float(np.quantile(alone, 0.5)), 1),
        "decide_p99_us": round(float(np.quantile(alone, 0.99)), 1),
        "decide_p999_us": round(float(np.quantile(alone, 0.999)), 1),
    }


def one_by_one(season: Season) -> list[float]:
    """Microseconds of each decision, its facts already gathered."""
    took = []
    for facts in season.batches(1):
        begun = time.thread_time_ns()
        season.judge(facts)
        took.append((time.thread_time_ns() - begun) / 1000)
    return took


def rules() -> dict[str, Any]:
    """Evaluations a second of compiled rules: forty different ones over the same facts, as a scan meets them."""
    made = [predicate(parse(text, EARN)) for text in texts()]
    facts: dict[str, object] = {
        "gtin": "06901234567892", "nth_scan": 3, "hour": 20, "weekday": 6, "region": 510100, "first_scan": True,
        "at": datetime(2025, 10, 1, 12, tzinfo=UTC),
    }  # fmt: skip
    begun, rounds = time.thread_time_ns(), ASKED // RULES
    for _ in range(rounds):
        for rule in made:
            rule(facts)
    return {"rules": len(made), "rules_per_s": round(rounds * len(made) / (time.thread_time_ns() - begun) * 1e9)}


def texts() -> list[str]:
    """Rules as people write them, each of three conditions."""
    return [f"nth_scan >= {at % 5 + 1} and hour in [18, 19, 20, {at % 24}] and not weekday == {at % 7 + 1}"
            for at in range(RULES)]  # fmt: skip


if __name__ == "__main__":
    os.nice(5)
    print(json.dumps(run()))
