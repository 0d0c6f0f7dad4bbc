"""How far a campaign of guessers gets: many addresses with few tries each, none of which stands out alone."""

import numpy as np

from antifraud.simulator.visits import Cause
from antifraud.simulator.world import World
from benchmarks.detect.nights import Season
from benchmarks.detect.scoring import Figures, Told

STUBBORN = 100  # Tries of one address; the campaign's make six at most.


def figures(world: World, season: Season) -> Figures:
    """Tries before the night that called for a challenge; all of them if none did."""
    guesses = world.events.scans.take(np.flatnonzero(world.truth.scans.cause == Cause.GUESS))
    network, tries = np.unique(guesses.network, return_counts=True)
    campaign = guesses.take(np.isin(guesses.network, network[tries < STUBBORN]))
    if not len(campaign):
        return {}
    pools = Told.of((alarm for alarm in season.alarms.values() if alarm.code == "HRV_ENUM_POOL"), "pool")
    since = pools.since(campaign.pool)
    honest = np.setdiff1d(pools.keys, campaign.pool)
    return {"tries_per_campaign": float((campaign.at < since).sum()), "campaign_tries": float(len(campaign)),
            "honest_pools_challenged": float(len(honest))}  # fmt: skip
