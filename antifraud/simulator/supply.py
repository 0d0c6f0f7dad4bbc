"""Where every carton truly went: made in runs, sent to dealers in lots, sold by stores. Diverters move it afterwards.

Cartons stand in the order they were made, so those of a run are neighbours and their packs a range of item numbers.
Between some cartons stands a canary: a number that is in the code package and was never printed.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from antifraud.simulator.dealing import REASSIGNED_DAY, Dealing, deal
from antifraud.simulator.geography import country
from antifraud.simulator.parameters import Parameters
from antifraud.simulator.streams import Dice, among, chance, stream

FIRST_ITEM = 1 << 36  # Epoch 1, index 0: item = epoch << 36 | index.
RUN_CARTONS = 400
LOT_CARTONS = 10
MADE_UNTIL = 0.83  # Of the time: what is made later would not be sold any more.
CANARY_EVERY = 40  # cartons

Whole = NDArray[np.int64]
Real = NDArray[np.float64]
Flag = NDArray[np.bool_]


class Channel(IntEnum):
    """How a store sells, and to whom."""

    SHOP = 0
    RESTAURANT = 1
    OWNER = 2  # The owner scans for customers.
    TOURIST = 3
    BORDER = 4
    CAMPUS = 5


CHANNEL_SHARES = {Channel.RESTAURANT: 0.04, Channel.OWNER: 0.02, Channel.TOURIST: 0.01, Channel.BORDER: 0.03,
                  Channel.CAMPUS: 0.005}  # fmt: skip


@dataclass(slots=True)
class Supply:
    """C cartons in the order made. Days are floats since the start; regions are places in `country().codes`.

    store: where it is sold; second_store: where its later packs are, when share_first is below 1 (split by a diverter).
    store_scan: whether the store scanned it in. office: shared by a room of people. live: sold by live stream.
    """

    run: Whole
    sku: Whole
    first_item: Whole
    count: Whole
    packed: Real
    lot: Whole
    dealer: Whole
    shipped: Real
    arrived: Real
    store: Whole
    second_store: Whole
    share_first: Real
    store_scan: Flag
    office: Flag
    live: Flag
    canaries: Whole
    dealing: Dealing
    store_region: Whole
    store_place: Whole
    store_dealer: Whole
    store_channel: Whole

    def __len__(self) -> int:
        return len(self.run)


def make(parameters: Parameters, seed: int) -> Supply:
    """The honest supply: every carton in a store of the dealer it was sent to."""
    dice, network = stream(seed, "supply"), deal(parameters, stream(seed, "dealers"))
    run, sku, packed = _runs(parameters, stream(seed, "runs"))
    count = np.array([one.per_carton for one in parameters.skus], dtype=np.int64)[sku]
    first, canaries = _numbers(dice, count)
    lot, dealer, shipped = _lots(parameters, dice, run, packed, network)
    store_region, store_place, store_dealer, channel = _stores(parameters, stream(seed, "stores"), network)
    n = len(run)
    arrived = shipped + 1.5 + dice.exponential(parameters.transit, n)
    store = stores_of(dice, store_dealer, dealer, network)
    _hand_over(network, store_region[store], shipped, dealer, lot)
    return Supply(
        run, sku, first, count, packed, lot, dealer, shipped, arrived, store, store.copy(), np.ones(n),
        chance(dice, parameters.store_scans, n), chance(dice, 0.004, n) & (count >= 12), chance(dice, 0.006, n),
        canaries, network, store_region, store_place, store_dealer, channel,
    )  # fmt: skip


def _runs(parameters: Parameters, dice: Dice) -> tuple[Whole, Whole, Real]:
    """(run, sku, day packed) of each carton: runs of one product, in the order they were made."""
    total = parameters.count(parameters.cartons, 60)
    size = min(RUN_CARTONS, max(4, total // (4 * len(parameters.skus))))
    shares = np.array([one.carton_share for one in parameters.skus])
    skus = np.repeat(np.arange(len(shares)), np.maximum(1, np.rint(shares / shares.sum() * total / size)).astype(int))
    skus = dice.permutation(skus)
    begun = np.sort(dice.random(len(skus))) * parameters.days * MADE_UNTIL
    run = np.repeat(np.arange(len(skus)), size)
    within = np.tile(np.arange(size) / size, len(skus))
    return run + 1, skus[run].astype(np.int64), begun[run] + within * 0.7  # One shift a run.


def _numbers(dice: Dice, count: Whole) -> tuple[Whole, Whole]:
    """First item number of each carton, and the canaries between them."""
    gap = chance(dice, 1 / CANARY_EVERY, len(count)).astype(np.int64)
    gap[0] = 1  # Also the smallest world has one.
    first = FIRST_ITEM + np.cumsum(count + gap) - count
    return first, first[gap == 1] - 1


def _lots(parameters: Parameters, dice: Dice, run: Whole, packed: Real, network: Dealing) -> tuple[Whole, Whole, Real]:
    """(lot, dealer, day shipped) of each carton: neighbours of one run go together to one dealer."""
    fresh = chance(dice, 1 / LOT_CARTONS, len(run)) | np.append(True, run[1:] != run[:-1])
    lot = np.cumsum(fresh) - 1
    n = int(lot[-1]) + 1
    ready = np.maximum.reduceat(packed, np.flatnonzero(fresh))
    shipped = ready + 0.5 + dice.exponential(parameters.pack_to_ship, n)
    dealer = np.searchsorted(np.cumsum(network.volume), dice.random(n) * network.volume.sum(), side="right")
    return lot + 1, np.minimum(dealer, len(network.volume) - 1)[lot], shipped[lot]


def _stores(parameters: Parameters, dice: Dice, network: Dealing) -> tuple[Whole, Whole, Whole, Whole]:
    """(region, place, dealer, channel) of each store, those of a dealer together and each with one at least."""
    n_dealers = len(network.volume)
    total = parameters.count(parameters.stores, 3 * n_dealers)
    spread = network.volume / network.volume.sum()
    dealer = np.sort(np.append(np.arange(n_dealers), dice.choice(n_dealers, total - n_dealers, p=spread)))
    region = network.home_region(dice, dealer)
    channel = np.zeros(total, dtype=np.int64)
    rows = dice.permutation(total)
    for kind, share in CHANNEL_SHARES.items():
        some, rows = np.split(rows, [max(1, round(share * total))])
        channel[some] = kind
    return region, dice.integers(0, country().place_lat.shape[1], total), dealer, channel


def _hand_over(network: Dealing, region: Whole, shipped: Real, dealer: Whole, lot: Whole) -> None:
    """From its day on the heir supplies the shops of a prefecture that changed hands, in shipments of its own."""
    for loser, lost, heir in network.moved:
        rows = np.flatnonzero((dealer == loser) & (region == lost) & (shipped >= REASSIGNED_DAY))
        dealer[rows] = heir
        lot[rows] = int(lot.max()) + 1 + np.unique(lot[rows], return_inverse=True)[1]


def stores_of(dice: Dice, store_dealer: Whole, dealer: Whole, network: Dealing) -> Whole:
    """A store of each of these dealers; the first of a dealer's are the larger."""
    every = np.arange(len(network.volume))
    first, last = np.searchsorted(store_dealer, every), np.searchsorted(store_dealer, every, side="right")
    return among(dice, first[dealer], (last - first)[dealer], skew=1.4)
