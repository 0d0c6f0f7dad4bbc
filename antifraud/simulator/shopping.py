"""Honest life: packs are bought together, opened, scanned, scanned again, shown to others and carried about.

A purchase is a few neighbouring packs of a carton bought by one person. Journeys and parcels take a purchase elsewhere;
stores of a special kind bend it (`gatherings`). Then each pack is scanned, or not.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from antifraud.simulator.days import MINUTE, holiday, waking
from antifraud.simulator.geography import country
from antifraud.simulator.parameters import Parameters, Sku
from antifraud.simulator.people import Cast
from antifraud.simulator.streams import Dice, chance, stream
from antifraud.simulator.supply import Supply
from antifraud.simulator.visits import Cause

Whole = NDArray[np.int64]
Real = NDArray[np.float64]


@dataclass(slots=True)
class Packs:
    """Every pack there is, in item order: its number, carton (place in the supply), purchase, and what it is."""

    item: Whole
    carton: Whole
    purchase: Whole
    sku: Whole


@dataclass(slots=True)
class Basket:
    """One row a purchase. sold, opened: days. region, place: where the packs are opened; buyer: whose phone is there.

    scan_rate: chance that a pack of it is scanned. at_home: whether the place is the buyer's own.
    """

    carton: Whole
    store: Whole
    sold: Real
    opened: Real
    buyer: Whole
    region: Whole
    place: Whole
    cause: Whole
    scan_rate: Real
    at_home: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.carton)

    def hand_over(self, rows: Whole, who: Whole, cast: Cast, cause: Cause) -> None:
        """These purchases are opened by others, at their homes."""
        people = cast.people()
        self.buyer[rows], self.region[rows], self.place[rows] = who, people.region[who], people.place[who]
        self.cause[rows], self.at_home[rows] = cause, True


def column(skus: tuple[Sku, ...], name: str) -> Real:
    return np.array([getattr(one, name) for one in skus], dtype=np.float64)


def packs_of(parameters: Parameters, seed: int, supply: Supply) -> Packs:
    """The packs, and which were bought together."""
    dice = stream(seed, "purchases")
    carton = np.repeat(np.arange(len(supply)), supply.count)
    position = np.arange(len(carton)) - np.repeat(np.cumsum(supply.count) - supply.count, supply.count)
    sku = supply.sku[carton]
    fresh = ~chance(dice, column(parameters.skus, "joint")[sku], len(carton)) | (position == 0)
    return Packs(supply.first_item[carton] + position, carton, np.cumsum(fresh) - 1, sku)


def sell(parameters: Parameters, seed: int, supply: Supply, packs: Packs, cast: Cast) -> Basket:
    """Who bought what, and where it was opened."""
    dice = stream(seed, "shopping")
    carton = packs.carton[np.flatnonzero(np.diff(packs.purchase, prepend=-1))]
    n = len(carton)
    store = np.where(chance(dice, supply.share_first[carton], n), supply.store[carton], supply.second_store[carton])
    sold = supply.arrived[carton] + 1 + dice.exponential(parameters.on_shelf, n)
    opened = waking(dice, sold + 1 + dice.exponential(parameters.to_opening, n))
    home = supply.store_region[store]
    buyer = cast.resident(dice, home)
    rate = column(parameters.skus, "scan_rate")[supply.sku[carton]] * parameters.scan_rate
    local = np.full(n, Cause.LOCAL, dtype=np.int64)
    place, at_home = cast.people().place[buyer], np.ones(n, dtype=bool)
    basket = Basket(carton, store, sold, opened, buyer, home.copy(), place, local, rate, at_home)
    _travel(parameters, dice, supply, basket, home)
    _reroute(parameters, dice, supply, basket, cast)
    return basket


def _travel(parameters: Parameters, dice: Dice, supply: Supply, basket: Basket, home: Whole) -> None:
    """Some buyers open what they bought on a journey, outside of all the dealer's prefectures."""
    dealer = supply.store_dealer[basket.store]
    away = supply.dealing.out_of_home[dealer] * np.where(holiday(basket.opened), parameters.holiday_factor, 1.0)
    rows = np.flatnonzero(chance(dice, away, len(basket)))
    goal = country().journeys(dice, home[rows])
    for _ in range(8):  # A journey inside the territory is no journey; a few tries leave almost none.
        inside = supply.dealing.territory[dealer[rows], goal]
        goal[inside] = country().journeys(dice, home[rows][inside])
    basket.region[rows], basket.cause[rows], basket.at_home[rows] = goal, Cause.TRAVEL, False
    basket.place[rows] = dice.integers(0, country().place_lat.shape[1], len(rows))


def _reroute(parameters: Parameters, dice: Dice, supply: Supply, basket: Basket, cast: Cast) -> None:
    rate = column(parameters.skus, "rerouted")[supply.sku[basket.carton]]
    rows = np.flatnonzero(chance(dice, rate, len(basket)))
    who = cast.resident(dice, country().anywhere(dice, len(rows)))
    basket.hand_over(rows, who, cast, Cause.REROUTED)
    basket.opened[rows] = waking(dice, basket.opened[rows] + dice.uniform(1, 8, len(rows)))  # The parcel's journey.


@dataclass(slots=True)
class FirstScans:
    """The first scan of each scanned pack: which pack, which purchase, when."""

    pack: Whole
    purchase: Whole
    day: Real


def first_scans(parameters: Parameters, seed: int, packs: Packs, basket: Basket) -> FirstScans:
    """Packs of one purchase are scanned minutes apart."""
    dice = stream(seed, "opening")
    scanned = chance(dice, basket.scan_rate[packs.purchase], len(packs.item))
    pack = np.flatnonzero(scanned & (basket.opened[packs.purchase] < parameters.days))
    purchase = packs.purchase[pack]
    return FirstScans(pack, purchase, basket.opened[purchase] + dice.exponential(2 * MINUTE, len(pack)))
