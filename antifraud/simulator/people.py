"""Everybody who holds a phone: consumers, waiters and shopkeepers, and the people attackers send.

Names are opaque numbers of disjoint ranges; what a person is, is not in them. Attackers join the same cast, so nothing
but their deeds tells them apart.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from antifraud.simulator.geography import PLACES, country
from antifraud.simulator.parameters import Methods, Parameters
from antifraud.simulator.streams import Dice, chance, stream

ACCOUNT, DEVICE, NETWORK, PAYEE = 1_000_000_000, 2_000_000_000, 3_000_000_000, 5_000_000_000
CARRIER = 4_000_000_000
PEOPLE_PER_NETWORK = 60
POOLS = 240  # operator x browser x entry page
SAME_PAYEE = 0.005  # Families that share a purse.
BUSINESS, LISTED = 1, 2
REGISTERED = 0.8  # Of businesses: the brand knows them as such. Assumption.
GPS, FUZZY, BY_ADDRESS, DENIED = 1, 2, 4, 0  # As columns.METHODS; an address is found out per scan.

Whole = NDArray[np.int64]


@dataclass(slots=True)
class People:
    """One row a person. region, place: home. account: 0 for who never signs in. skew_us: what their clock is wrong by.

    second_device, switched_us: the phone they use from then on; 0 for most. environment: bits of Environment.
    kind: the attack they belong to, 0 for honest.
    business: BUSINESS, or LISTED whom somebody put among them; 0 for all others.
    """

    region: Whole
    place: Whole
    account: Whole
    device: Whole
    second_device: Whole
    switched_us: Whole
    network: Whole
    pool: Whole
    payee: Whole
    method: Whole
    skew_us: Whole
    environment: Whole
    kind: Whole
    business: Whole

    def __len__(self) -> int:
        return len(self.region)


class Cast:
    """The people so far. `join` adds some and says their numbers; the first `consumers` are ordinary, by home."""

    def __init__(self, parameters: Parameters, seed: int) -> None:
        dice = stream(seed, "people")
        total = parameters.count(parameters.people, 2 * len(country()))
        region = np.sort(np.append(np.arange(len(country())), country().anywhere(dice, total - len(country()))))
        self.consumers = total
        self._parts = [_ordinary(parameters, dice, region, 0)]
        self._parameters, self._size = parameters, total
        self.first = np.searchsorted(region, np.arange(len(country())))
        self.homes = np.bincount(region, minlength=len(country()))

    def __len__(self) -> int:
        return self._size

    def resident(self, dice: Dice, region: Whole) -> Whole:
        """A consumer who lives in each of these prefectures; some scan far more than others."""
        count = self.homes[region]
        return self.first[region] + np.minimum((dice.random(len(region)) ** 1.5 * count).astype(np.int64), count - 1)

    def join(self, dice: Dice, region: Whole, *, signed_in: bool | None = None, **known: Whole | int) -> Whole:
        """People with these homes, ordinary but for what is `known` of them. Returns their numbers."""
        people = _ordinary(self._parameters, dice, region, self._size)
        if signed_in is not None:
            people.account[:] = ACCOUNT + np.arange(self._size, self._size + len(region)) if signed_in else 0
        for name, value in known.items():
            getattr(people, name)[:] = value
        self._parts.append(people)
        self._size += len(region)
        return np.arange(self._size - len(region), self._size)

    def people(self) -> People:
        """Everybody, in one table."""
        if len(self._parts) > 1:
            names = [one.name for one in fields(People)]
            whole = {name: np.concatenate([getattr(part, name) for part in self._parts]) for name in names}
            self._parts = [People(**whole)]
        return self._parts[0]


def _ordinary(parameters: Parameters, dice: Dice, region: Whole, first: int) -> People:
    n = len(region)
    number = np.arange(first, first + n)
    nobody = np.zeros(n, dtype=np.int64)
    near = number // PEOPLE_PER_NETWORK
    return People(
        region=region.astype(np.int64), place=dice.integers(0, PLACES, n),
        account=np.where(chance(dice, parameters.signed_in, n), ACCOUNT + number, 0),
        device=DEVICE + number, second_device=nobody.copy(), switched_us=nobody.copy(), network=NETWORK + near,
        pool=1 + (dice.random(n) ** 2 * POOLS).astype(np.int64),
        payee=PAYEE + number - chance(dice, SAME_PAYEE, n).astype(np.int64) * (number > 0),
        method=_methods(parameters.methods, dice, n), skew_us=_skew(parameters, dice, n),
        environment=nobody.copy(), kind=nobody.copy(), business=nobody.copy(),
    )  # fmt: skip


def _methods(methods: Methods, dice: Dice, n: int) -> Whole:
    drawn = dice.random(n)
    steps = np.cumsum([methods.gps, methods.fuzzy, methods.denied])
    kinds = np.array([GPS, FUZZY, DENIED, BY_ADDRESS])
    return kinds[np.searchsorted(steps, drawn, side="right")]


def _skew(parameters: Parameters, dice: Dice, n: int) -> Whole:
    """Seconds for most; hours or years for a few."""
    usual = dice.normal(0, 4e6, n)
    wrong = dice.choice([-1, 1], n) * 10 ** dice.uniform(9, 14, n)  # 17 minutes to 3 years
    return np.rint(np.where(chance(dice, parameters.skewed_clock, n), wrong, usual)).astype(np.int64)


def registered(cast: Cast, seed: int) -> Whole:
    """Accounts, or phones, that the brand's records hold to be restaurants and shops; rising."""
    people = cast.people()
    known = chance(stream(seed, "registry"), REGISTERED, len(people)) & (people.business == BUSINESS)
    rows = np.flatnonzero(known | (people.business == LISTED))
    return np.unique(np.where(people.account[rows] != 0, people.account[rows], people.device[rows]))
