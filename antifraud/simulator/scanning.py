"""From opened packs to visits: first scans, others at the table, repeats, shelf scans, mistyped codes, duplicates."""

import numpy as np
from numpy.typing import NDArray

from antifraud.columns import Outcome
from antifraud.simulator.days import MINUTE, waking
from antifraud.simulator.parameters import Parameters
from antifraud.simulator.people import Cast
from antifraud.simulator.shopping import Basket, FirstScans, Packs, column
from antifraud.simulator.streams import Dice, chance, stream
from antifraud.simulator.supply import Supply
from antifraud.simulator.visits import Cause, Visits, at_place, joined, visits

SHELF_SCANS = 0.15  # A pack whose public face is scanned in the shop, mean. Assumption.
COMPANION_AT_PLACE = 0.8
LATE_DUPLICATE = 0.2
ALONE = 0.9  # Wrong codes that are followed by the right one. Assumption.

Real = NDArray[np.float64]


def of_buyers(seed: int, packs: Packs, basket: Basket, first: FirstScans) -> Visits:
    """The first scan of every scanned pack."""
    dice, purchase = stream(seed, "scans"), first.purchase
    at = at_place(dice, basket.region[purchase], basket.place[purchase])
    return visits(first.day, packs.item[first.pack], basket.buyer[purchase], at, basket.cause[purchase],
                  home=basket.at_home[purchase])  # fmt: skip


def of_companions(
    parameters: Parameters, seed: int, packs: Packs, basket: Basket, first: FirstScans, cast: Cast
) -> Visits:
    """Further people who scan a scanned code: mostly at the same table, some at their own home nearby."""
    dice = stream(seed, "companions")
    many = dice.poisson(column(parameters.skus, "extra_people")[packs.sku[first.pack]])
    rows = np.repeat(np.arange(len(first.pack)), many)
    purchase = first.purchase[rows]
    region = basket.region[purchase]
    who = cast.resident(dice, region)
    here = chance(dice, COMPANION_AT_PLACE, len(rows))
    place = np.where(here, basket.place[purchase], cast.people().place[who])
    day = np.where(here, first.day[rows] + dice.exponential(20 * MINUTE, len(rows)),
                   waking(dice, first.day[rows] + 1 + dice.exponential(1.0, len(rows))))  # fmt: skip
    return visits(day, packs.item[first.pack[rows]], who, at_place(dice, region, place), Cause.COMPANION, home=~here)


def on_shelves(parameters: Parameters, seed: int, supply: Supply, packs: Packs, basket: Basket, cast: Cast) -> Visits:
    """The public face of a two-faced product, scanned in the shop before it is sold. It pays nothing."""
    dice = stream(seed, "shelves")
    two = np.array([one.two_faces for one in parameters.skus])[packs.sku]
    pack = np.repeat(np.flatnonzero(two), dice.poisson(SHELF_SCANS * parameters.scan_rate, int(two.sum())))
    purchase = packs.purchase[pack]
    store = basket.store[purchase]
    region, since = supply.store_region[store], supply.arrived[packs.carton[pack]] + 1
    day = waking(dice, since + dice.random(len(pack)) * np.maximum(0, basket.sold[purchase] - since))
    at = at_place(dice, region, supply.store_place[store])
    return visits(day, packs.item[pack], cast.resident(dice, region), at, Cause.SHELF, claim_face=False)


def again(parameters: Parameters, seed: int, done: Visits) -> Visits:
    """People who scan the same code once more, where they were; and phones that send the same scan twice."""
    dice = stream(seed, "repeats")
    rows = np.repeat(np.arange(len(done)), dice.geometric(parameters.repeat_stop, len(done)) - 1)
    repeated = done.take(rows)
    day = repeated.day + dice.exponential(0.3, len(rows))
    repeats = _same(repeated, day, day, Cause.REPEAT)
    rows = np.flatnonzero(chance(dice, parameters.duplicate, len(done)))
    late = chance(dice, LATE_DUPLICATE, len(rows))
    delay = np.where(late, dice.exponential(1.0, len(rows)), dice.exponential(5 * MINUTE, len(rows)))
    sent = done.take(rows)
    return joined([repeats, _same(sent, sent.day + delay, sent.told, Cause.DUPLICATE)])


def _same(old: Visits, day: Real, told: Real, cause: Cause) -> Visits:
    return visits(day, old.item, old.who, (old.lat, old.lon), cause, outcome=old.outcome, claim_face=old.claim_face,
                  home=old.home, network=old.network, told=told)  # fmt: skip


def mistyped(parameters: Parameters, seed: int, done: Visits) -> Visits:
    """Dirt and typing: a wrong code, once or a few times, shortly before the right one."""
    dice = stream(seed, "mistyped")
    rows = np.repeat(np.arange(len(done)), _tries(parameters, dice, len(done)))
    old = done.take(rows)
    day = old.day - dice.exponential(1.0, len(rows)) * MINUTE
    nothing = np.zeros(len(rows), dtype=np.int64)
    return visits(day, nothing, old.who, (old.lat, old.lon), Cause.WRONG_CODE, outcome=Outcome.BAD_TAG, home=old.home)


def _tries(parameters: Parameters, dice: Dice, n: int) -> NDArray[np.int64]:
    """How many wrong codes come before each scan: on average the parameter, nine in ten of them alone."""
    return np.where(chance(dice, parameters.wrong_code * ALONE, n), dice.geometric(ALONE, n), 0)
