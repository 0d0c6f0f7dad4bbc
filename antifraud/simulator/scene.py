"""The world while it is being made: what an adversary may look at and change. It sees more than a real one would, and
each adversary's file says what it uses."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from antifraud.simulator.days import micros
from antifraud.simulator.parameters import Parameters
from antifraud.simulator.people import Cast
from antifraud.simulator.plan import Attack, Plan
from antifraud.simulator.shopping import Basket, FirstScans, Packs
from antifraud.simulator.streams import Dice, stream
from antifraud.simulator.supply import Supply
from antifraud.simulator.truth import HARVESTED, Marks, TrueItems

Whole = NDArray[np.int64]
Real = NDArray[np.float64]


@dataclass(slots=True)
class Ground:
    """Before anything is sold: cartons may still be moved, people hired, marks left in the truth."""

    parameters: Parameters
    seed: int
    plan: Plan
    supply: Supply
    cast: Cast
    marks: Marks

    def dice(self, part: str) -> Dice:
        return stream(self.seed, part)

    def hire(self, dice: Dice, region: Whole, attack: Attack, *, signed_in: bool = True, **known: Whole | int) -> Whole:
        """People who work for an attack; numbers in the cast."""
        return self.cast.join(dice, region, signed_in=signed_in, kind=int(attack), **known)

    def size(self, attack: Attack, full: float, least: int = 1) -> int:
        """How many of something this attack has in this world, of `full` at scale and strength 1."""
        return self.plan.count(attack, full * self.parameters.scale, least)


@dataclass(slots=True)
class Scene(Ground):
    """After everything was sold and opened: codes may be scanned."""

    packs: Packs
    basket: Basket
    first: FirstScans

    def caps(self, dice: Dice, n: int, *, liquor: bool = False) -> tuple[Whole, Real]:
        """(packs, day opened) of at most n packs that were opened and not scanned, by the day, no two alike.

        Their codes are in the rubbish or still on the bottle: what a collector pays for.
        """
        spirits = np.array([one.liquor for one in self.parameters.skus])[self.packs.sku]
        opened = self.basket.opened[self.packs.purchase]
        free = (spirits == liquor) & (opened < self.parameters.days - 12)
        free[self.first.pack] = False
        free[np.searchsorted(self.packs.item, self.taken())] = False
        chosen = dice.permutation(np.flatnonzero(free))[:n]
        chosen = chosen[np.argsort(opened[chosen], kind="stable")]
        return chosen, opened[chosen]

    def taken(self) -> Whole:
        """Items an adversary already has."""
        return np.concatenate([np.empty(0, dtype=np.int64), *(one.item for one in self.marks.items)])

    def mark(self, item: Whole, attack: Attack, day: Real, *, kind: int = HARVESTED, packs: Whole | int = 1) -> None:
        """Write down whose deed this was."""
        n = len(item)
        kinds, attacks = np.full(n, kind), np.full(n, int(attack))
        many = np.broadcast_to(np.asarray(packs, dtype=np.int64), (n,)).copy()
        self.marks.items.append(TrueItems(item=item, kind=kinds, attack=attacks, packs=many, since_us=micros(day)))
