"""What the in-line judgement did in a season: whom it slowed down, and whose points it held."""

import numpy as np

from antifraud.findings import Severity
from antifraud.params import Params
from antifraud.simulator.visits import Cause
from antifraud.simulator.world import World
from benchmarks.detect.scoring import MONTHS, Figures, honest_freezes
from benchmarks.inline import Season

BATCH = 50


def figures(world: World, params: Params) -> Figures:
    season = Season(world.events, params)
    decisions = [decision for facts in season.batches(BATCH) for decision in season.judge(facts)]
    held = np.array([one.hold for one in decisions], dtype=bool)
    throttled = np.array([one.throttle for one in decisions], dtype=bool)
    alerts = {(alert.reason.code, alert.pivot) for one in decisions for alert in one.alerts
              if alert.severity >= Severity.MEDIUM}  # fmt: skip
    early = np.array([(one.hold_reason or "").startswith("HRV_") for one in decisions], dtype=bool)
    honest = len(np.unique(world.events.scans.person)) - len(world.truth.actors)
    clean = world.truth.scans.attack == 0
    return {
        "tries_per_actor": _tries(world, throttled),
        "honest_throttled_per_10k_scans": 1e4 * float(throttled[clean].mean()),
        "freezes_per_10k_honest_a_month": 1e4 * honest_freezes(world, held) / honest / MONTHS,
        "freezes_without_unshipped": 1e4 * honest_freezes(world, held & ~early) / honest / MONTHS,
        "alerts_per_10k_scans": 1e4 * len(alerts) / len(decisions),
    }


def _tries(world: World, throttled: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> float | None:
    """The most wrong codes any stubborn guesser got in before it was slowed down."""
    guesses = np.flatnonzero(world.truth.scans.cause == Cause.GUESS)
    network = world.events.scans.network[guesses]
    most = 0
    for one in np.unique(network).tolist():
        mine = throttled[guesses[network == one]]
        if len(mine) > 6:
            most = max(most, int(np.argmax(mine)) + 1 if mine.any() else len(mine))
    return float(most) if most else None
