"""Honest people who look like thieves by where they buy: restaurants, offices, borders, campuses, live streams.

Each bends the purchases of its stores or cartons. How many of each: supply.CHANNEL_SHARES; how strongly: below.
All of it assumption.
"""

import numpy as np
from numpy.typing import NDArray

from antifraud.simulator.days import MINUTE, MOVE_IN, waking
from antifraud.simulator.geography import PLACES, country
from antifraud.simulator.parameters import Parameters
from antifraud.simulator.people import BUSINESS, NETWORK, Cast
from antifraud.simulator.shopping import Basket
from antifraud.simulator.streams import Dice, chance, stream
from antifraud.simulator.supply import Channel, Supply
from antifraud.simulator.visits import Cause

OWNER_SCANS, TOURISTS, NEIGHBOURS = 0.5, 0.6, 0.3
RESTAURANT_RATE, OFFICE_RATE = 0.8, 0.7
WAITERS, COLLEAGUES, STUDENTS = 2, 20, 60
MOVERS = 3_000  # students who bring packs from home, at scale 1
CAMPUS_NETWORK = NETWORK + 900_000_000
OFFICE_NETWORK = NETWORK + 950_000_000

Whole = NDArray[np.int64]


def bend(parameters: Parameters, seed: int, supply: Supply, basket: Basket, cast: Cast) -> None:
    """All of them, on the purchases of a world."""
    channel = supply.store_channel[basket.store]
    for kind, how in _AT.items():
        how(stream(seed, kind.name), supply, basket, np.flatnonzero(channel == kind), cast)
    _offices(stream(seed, "offices"), supply, basket, np.flatnonzero(supply.office[basket.carton]), cast)
    _live(stream(seed, "live"), basket, np.flatnonzero(supply.live[basket.carton]), cast)
    _move_in(parameters, stream(seed, "move in"), supply, basket, cast)


def _restaurants(dice: Dice, supply: Supply, basket: Basket, rows: Whole, cast: Cast) -> None:
    """A banquet: a waiter's one phone takes the caps of two evenings, thirty at a time."""
    staff = _staff(dice, supply, basket.store[rows], WAITERS, cast, business=BUSINESS)
    evening = (basket.carton[rows] * 7 + dice.integers(0, 2, len(rows)) * 3) % 10  # Two evenings a carton.
    day = np.floor(supply.arrived[basket.carton[rows]] + 2 + evening)
    _in_store(supply, basket, rows, staff, Cause.RESTAURANT)
    basket.opened[rows] = day + 20.5 / 24 + dice.exponential(15 * MINUTE, len(rows))
    basket.scan_rate[rows] = RESTAURANT_RATE


def _owners(dice: Dice, supply: Supply, basket: Basket, rows: Whole, cast: Cast) -> None:
    """The owner scans for customers who cannot be bothered."""
    rows = rows[chance(dice, OWNER_SCANS, len(rows))]
    _in_store(supply, basket, rows, _staff(dice, supply, basket.store[rows], 1, cast, business=BUSINESS), Cause.OWNER)


def _tourists(dice: Dice, supply: Supply, basket: Basket, rows: Whole, cast: Cast) -> None:
    """Buyers from everywhere: half open it on the spot, half at home."""
    rows = rows[chance(dice, TOURISTS, len(rows))]
    who = cast.resident(dice, country().journeys(dice, supply.store_region[basket.store[rows]]))
    spot = chance(dice, 0.5, len(rows))
    _in_store(supply, basket, rows[spot], who[spot], Cause.TOURIST)
    basket.hand_over(rows[~spot], who[~spot], cast, Cause.TOURIST)
    basket.opened[rows[~spot]] = waking(dice, basket.opened[rows[~spot]] + dice.uniform(1, 5, int((~spot).sum())))


def _borders(dice: Dice, supply: Supply, basket: Basket, rows: Whole, cast: Cast) -> None:
    """A shop at a border: some of its customers live in one and the same other prefecture."""
    rows = rows[chance(dice, NEIGHBOURS, len(rows))]
    store = basket.store[rows]
    neighbour = country().near[supply.store_region[store], store % 2]
    basket.hand_over(rows, cast.resident(dice, neighbour), cast, Cause.BORDER)


def _campuses(dice: Dice, supply: Supply, basket: Basket, rows: Whole, cast: Cast) -> None:
    """Students on one shared address."""
    students = _staff(dice, supply, basket.store[rows], STUDENTS, cast, network=CAMPUS_NETWORK)
    _in_store(supply, basket, rows, students, Cause.CAMPUS)
    basket.at_home[rows] = True


def _offices(dice: Dice, supply: Supply, basket: Basket, rows: Whole, cast: Cast) -> None:
    """A carton in a room: twenty people, one place, one address, two days."""
    cartons, which = np.unique(basket.carton[rows], return_inverse=True)
    region = np.repeat(supply.store_region[supply.store[cartons]], COLLEAGUES)
    place = np.repeat(dice.integers(0, PLACES, len(cartons)), COLLEAGUES)
    network = np.repeat(OFFICE_NETWORK + cartons, COLLEAGUES)
    first = cast.join(dice, region, place=place, network=network)[:1]
    who = (int(first[0]) if len(first) else 0) + which * COLLEAGUES + dice.integers(0, COLLEAGUES, len(rows))
    basket.hand_over(rows, who, cast, Cause.OFFICE)
    arrived = np.floor(supply.arrived[basket.carton[rows]]) + 2 + dice.integers(0, 2, len(rows))
    basket.opened[rows], basket.scan_rate[rows] = arrived + dice.uniform(9, 18, len(rows)) / 24, OFFICE_RATE


def _live(dice: Dice, basket: Basket, rows: Whole, cast: Cast) -> None:
    """A live stream with the brand's leave: parcels to everywhere."""
    basket.hand_over(rows, cast.resident(dice, country().anywhere(dice, len(rows))), cast, Cause.LIVE_STREAM)
    basket.opened[rows] = waking(dice, basket.opened[rows] + dice.uniform(2, 5, len(rows)))


def _move_in(parameters: Parameters, dice: Dice, supply: Supply, basket: Basket, cast: Cast) -> None:
    """In the first week of September students open at college what their parents bought at home."""
    bought = (basket.sold > MOVE_IN[0] - 20) & (basket.sold < MOVE_IN[1]) & (basket.cause == Cause.LOCAL)
    rows = dice.permutation(np.flatnonzero(bought))[: parameters.count(MOVERS, 5)]
    campus = dice.choice(np.flatnonzero(supply.store_channel == Channel.CAMPUS), len(rows))
    region, place = supply.store_region[campus], supply.store_place[campus]
    who = cast.join(dice, region, place=place, network=CAMPUS_NETWORK + campus)
    basket.hand_over(rows, who, cast, Cause.MOVE_IN)
    basket.opened[rows] = waking(dice, dice.uniform(*MOVE_IN, len(rows)))


def _in_store(supply: Supply, basket: Basket, rows: Whole, who: Whole, cause: Cause) -> None:
    store = basket.store[rows]
    basket.buyer[rows], basket.region[rows], basket.place[rows] = (
        who,
        supply.store_region[store],
        supply.store_place[store],
    )
    basket.cause[rows], basket.at_home[rows] = cause, False


def _staff(
    dice: Dice, supply: Supply, store: Whole, each: int, cast: Cast, *, network: int = 0, business: int = 0
) -> Whole:
    """One of the `each` people of every one of these stores; they join the cast and share a network if one is given."""
    stores, which = np.unique(store, return_inverse=True)
    every = np.repeat(stores, each)
    region, place = supply.store_region[every], supply.store_place[every]
    who = cast.join(dice, region, place=place, business=business)
    if network:
        cast.people().network[who] = network + every
    return np.asarray(who[which * each + dice.integers(0, each, len(store))], dtype=np.int64) if len(who) else store


_AT = {
    Channel.RESTAURANT: _restaurants, Channel.OWNER: _owners, Channel.TOURIST: _tourists, Channel.BORDER: _borders,
    Channel.CAMPUS: _campuses,
}  # fmt: skip
