"""What the brand's records say of the supply: nearly all of it, with the errors that records have.

A wrong parent swaps the packs of two cartons of one run; a wrong dealer puts a carton into another dealer's shipment;
an unrecorded shipment leaves its cartons in the warehouse for ever.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from antifraud.columns import Cartons, Dealers, StoreScans
from antifraud.simulator.days import micros
from antifraud.simulator.dealing import REASSIGNED_DAY, Dealing
from antifraud.simulator.geography import country
from antifraud.simulator.parameters import Parameters
from antifraud.simulator.streams import Dice, chance, stream
from antifraud.simulator.supply import Supply

CARTON, STORE = 1, 1  # Numbers on record begin at 1: 0 is nothing.
BESIDE = 3  # cartons: what is mixed up at the packing table stood there together.

Whole = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Records:
    """cartons: as written down. swapped: per true carton, the carton its packs are recorded in (mostly itself).

    misdirected, unrecorded: per carton.
    """

    cartons: Cartons
    swapped: Whole
    misdirected: NDArray[np.bool_]
    unrecorded: NDArray[np.bool_]


def keep(parameters: Parameters, seed: int, supply: Supply) -> Records:
    dice = stream(seed, "records")
    n, until = len(supply), float(parameters.days)
    swapped = _swaps(dice, parameters.wrong_parent, supply)
    lost = chance(dice, parameters.unrecorded, int(supply.lot.max()) + 1)
    if parameters.unrecorded > 0:
        lost[dice.integers(1, len(lost))] = True  # Also the smallest world has one.
    unrecorded = lost[supply.lot]
    misdirected = ~unrecorded & chance(dice, parameters.wrong_dealer, n)
    other = np.where(misdirected, dice.permutation(n), np.arange(n))
    shipped = ~unrecorded & (supply.shipped < until)
    cartons = Cartons(
        carton=CARTON + np.arange(n),
        run=supply.run,
        sku=supply.sku + 1,
        dealer=np.where(shipped, supply.dealer[other] + 1, 0),
        shipment=np.where(shipped, supply.lot[other], 0),
        first_item=supply.first_item[swapped],
        count=supply.count,
        packed_at=np.where(supply.packed < until, micros(supply.packed), 0),
        shipped_at=np.where(shipped, micros(supply.shipped), 0),
    )
    return Records(cartons, swapped, misdirected & (supply.dealer != supply.dealer[other]), unrecorded)


def _swaps(dice: Dice, share: float, supply: Supply) -> Whole:
    """Pairs of cartons of one run, close to each other on the line, whose contents are recorded crosswise."""
    swapped = np.arange(len(supply))
    first = np.flatnonzero(chance(dice, share / 2, len(supply)))
    if share > 0 and not len(first):
        first = np.array([0])
    second = np.minimum(first + dice.integers(1, BESIDE + 1, len(first)), len(supply) - 1)
    taken: set[int] = set()
    for a, b in zip(first.tolist(), second.tolist(), strict=True):
        if a != b and supply.run[a] == supply.run[b] and not {a, b} & taken:
            swapped[a], swapped[b] = b, a
            taken |= {a, b}
    return swapped


def carton_on_record(records: Records, supply: Supply, item: Whole) -> Whole:
    """The carton each item is recorded in, 0 for none: a canary, or no number of ours."""
    at = np.searchsorted(supply.first_item, item, side="right") - 1
    inside = (at >= 0) & (item < supply.first_item[at] + supply.count[at])
    return np.where(inside, records.cartons.carton[records.swapped[at]], 0)


def dealers(dealing: Dealing) -> Dealers:
    """Agreements with their dates. The national dealer holds whole provinces, by their codes."""
    codes, table = country().codes, {}
    change = int(micros(np.array(REASSIGNED_DAY)))
    leaving = {dealer: region for dealer, region, _ in dealing.moved}
    for dealer, held in enumerate(dealing.territory):
        regions = frozenset(codes[held].tolist())
        if dealer == dealing.national:
            regions = frozenset(code // 10_000 * 10_000 for code in regions)
        table[dealer + 1] = [(0, change if dealer in leaving else 0, regions)]
    for dealer, region, heir in dealing.moved:
        before = table[dealer + 1][0][2]
        table[dealer + 1].append((change, 0, before - {int(codes[region])}))
        table[heir + 1].append((change, 0, frozenset({int(codes[region])})))
    return Dealers({dealer: tuple(rows) for dealer, rows in table.items()})


def store_scans(parameters: Parameters, seed: int, supply: Supply, records: Records) -> StoreScans:
    """Stores that scan a carton when it comes in, in the order of time. The label on a carton is the true one."""
    dice = stream(seed, "store scans")
    day = supply.arrived + 0.3 + dice.exponential(0.5, len(supply))
    rows = np.flatnonzero(supply.store_scan & (day < parameters.days))
    rows = rows[np.argsort(day[rows], kind="stable")]
    store, china = supply.store[rows], country()
    region, place = supply.store_region[store], supply.store_place[store]
    return StoreScans(at=micros(day[rows]), carton=records.cartons.carton[rows], store=STORE + store,
                      lat=china.place_lat[region, place], lon=china.place_lon[region, place])  # fmt: skip
