"""Who attacks, one file each: what they do, what they know, and what they leave in the truth."""

from collections.abc import Callable, Mapping

from antifraud.simulator.adversaries import (
    adaptive,
    cloner,
    diverter,
    farm,
    guesser,
    insider,
    leak,
    recycler,
    referrers,
    resealer,
)
from antifraud.simulator.plan import Attack
from antifraud.simulator.scene import Ground, Scene
from antifraud.simulator.visits import Visits

BY_SUPPLY: Mapping[Attack, Callable[[Ground], None]] = {
    Attack.A5: resealer.tamper,
    Attack.A6: diverter.tamper,
    Attack.A10: adaptive.tamper,
}
BY_SCANS: Mapping[Attack, Callable[[Scene], Visits]] = {
    Attack.A1: cloner.act,
    Attack.A2: guesser.act,
    Attack.A3: recycler.act,
    Attack.A4: leak.act,
    Attack.A5: resealer.act,
    Attack.A7: farm.act,
    Attack.A8: referrers.act,
    Attack.A9: insider.act,
    Attack.A10: adaptive.act,
}
