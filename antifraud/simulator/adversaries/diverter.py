"""A6: dealers who sell part of their cartons where they may not.

They know that stores scan cartons in and that consumers scan packs; the smart ones mix. Shares of 1 to 30 % of cartons,
one to three target prefectures, from some day on. Truth: cartons with the region they went to and the share of their
packs, dealers with share, day and style.
"""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from antifraud.simulator.geography import country
from antifraud.simulator.plan import Attack
from antifraud.simulator.scene import Ground
from antifraud.simulator.streams import Dice, chance

DEALERS = 20
SCANNED_IN = 0.2  # Of diverted cartons a store would have scanned: whoever buys on the side mostly does not.
Whole = NDArray[np.int64]


class Style(IntEnum):
    """How a dealer diverts. HONEST: not at all."""

    HONEST = 0
    PLAIN = 1
    MIXED_LOTS = 2  # every second carton of a lot
    SPLIT = 3  # half of each carton
    CUT = 4  # case codes cut off: no store scans it
    ADJACENT = 5  # next door
    LIQUOR = 6
    THIN = 7  # below the published thresholds; adversary A10


# (share, style) of one dealer after another; plain ones at every share, most at 5 %.
WAYS = (
    (0.05, Style.PLAIN), (0.10, Style.PLAIN), (0.30, Style.PLAIN), (0.02, Style.PLAIN), (0.05, Style.SPLIT),
    (0.05, Style.PLAIN), (0.01, Style.PLAIN), (0.10, Style.ADJACENT), (0.05, Style.PLAIN), (0.10, Style.MIXED_LOTS),
    (0.10, Style.LIQUOR), (0.05, Style.PLAIN), (0.30, Style.CUT), (0.02, Style.PLAIN), (0.05, Style.PLAIN),
    (0.05, Style.CUT), (0.10, Style.PLAIN), (0.30, Style.SPLIT), (0.01, Style.PLAIN), (0.05, Style.PLAIN),
)  # fmt: skip


def tamper(ground: Ground) -> None:
    dice = ground.dice("A6")
    for at, dealer in enumerate(dealers_of_size(ground, dice, ground.size(Attack.A6, DEALERS, 6))):
        share, style = WAYS[at % len(WAYS)]
        divert(ground, dice, dealer, share, style, attack=Attack.A6, targets=int(dice.integers(1, 4)))


def dealers_of_size(ground: Ground, dice: Dice, n: int) -> list[int]:
    """Dealers of at least ordinary size: the small have too little to divert. Never the national one."""
    dealing = ground.supply.dealing
    size = np.where(np.arange(len(dealing.volume)) == dealing.national, 0.0, dealing.volume)
    size[list(ground.marks.diverts)] = 0.0
    size[size < np.median(size)] = 0.0
    n = min(n, int((size > 0).sum()))
    return [int(dealer) for dealer in dice.choice(len(size), n, replace=False, p=size / size.sum())]


def divert(
    ground: Ground, dice: Dice, dealer: int, share: float, style: Style, *, attack: Attack, targets: int
) -> None:
    """Move the dealer's cartons of some days on to stores of a few foreign prefectures."""
    made, since = ground.supply, float(dice.uniform(8, 40))
    chosen = _cartons(ground, dice, dealer, share, style, since)
    regions = _targets(ground, dice, dealer, style, targets)
    if not len(chosen) or not len(regions):
        return
    goal = regions[dice.integers(0, len(regions), len(chosen))]
    store = _stores(ground, dice, goal)
    split = style in (Style.SPLIT, Style.THIN)
    if split:
        made.second_store[chosen], made.share_first[chosen] = store, 0.5
    else:
        made.store[chosen] = store
        made.arrived[chosen] += 2.0
        made.store_scan[chosen] &= chance(dice, 0.0 if style is Style.CUT else SCANNED_IN, len(chosen))
    ground.marks.diverted[chosen], ground.marks.attack[chosen] = goal + 1, attack
    ground.marks.share[chosen] = 0.5 if split else 1.0
    ground.marks.diverts[dealer] = (share, since, style)


def _cartons(ground: Ground, dice: Dice, dealer: int, share: float, style: Style, since: float) -> Whole:
    made = ground.supply
    mine = (made.dealer == dealer) & (made.shipped >= since) & ~made.office & ~made.live & ~ground.marks.resealed
    if style is Style.LIQUOR:
        mine &= np.array([one.liquor for one in ground.parameters.skus])[made.sku]
    if style is Style.MIXED_LOTS:
        lots = np.unique(made.lot[mine])
        return np.flatnonzero(mine & np.isin(made.lot, lots[chance(dice, share, len(lots))]))[::2]
    return np.flatnonzero(mine & chance(dice, share, len(made)))


def _targets(ground: Ground, dice: Dice, dealer: int, style: Style, n: int) -> Whole:
    """Foreign prefectures with stores: next door, or where journeys lead from the dealer's seat."""
    territory = ground.supply.dealing.territory[dealer]
    seat = np.flatnonzero(territory)[:1]
    open_to = np.isin(np.arange(len(territory)), ground.supply.store_region) & ~territory
    drawn = country().near[seat[0]] if style is Style.ADJACENT else country().journeys(dice, np.repeat(seat, 60))
    found = list(dict.fromkeys(drawn[open_to[drawn]].tolist()))
    return np.array(found[:n], dtype=np.int64)


def _stores(ground: Ground, dice: Dice, region: Whole) -> Whole:
    """A store in each of these prefectures, whoever supplies it otherwise."""
    made = ground.supply
    order = np.argsort(made.store_region, kind="stable")
    first = np.searchsorted(made.store_region[order], region, side="left")
    last = np.searchsorted(made.store_region[order], region, side="right")
    return np.asarray(order[first + (dice.random(len(region)) * (last - first)).astype(np.int64)])
