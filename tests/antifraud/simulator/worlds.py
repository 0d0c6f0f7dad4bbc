"""Small worlds, made once for all tests of a file."""

from functools import lru_cache

from antifraud.simulator.parameters import Parameters
from antifraud.simulator.plan import parse
from antifraud.simulator.world import World, simulate


@lru_cache(maxsize=16)
def small(attacks: str = "none", *, seed: int = 3, scale: float = 0.01, **how) -> World:
    return simulate(Parameters(scale=scale, **how), seed=seed, plan=parse(attacks))
