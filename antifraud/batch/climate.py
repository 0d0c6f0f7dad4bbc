"""What honest scans of a dealer's cartons look like: how many are out of home, on which days, and where they are.

h(dealer, day) is the dealer's share, drawn towards everybody's, times how that day compares with others: on holidays
everybody travels. g(dealer, region) says where strays go: near by, to where all strays go, and where this dealer's own
went before (a leak over a border is learnt here). Only *lone* strays teach: a region one person of a carton was in.
People of one carton who meet in one region are what diversion looks like, and must not teach that it is normal.
"""

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from antifraud.batch.territory import codes, distances_km
from antifraud.params import Params

__all__ = ["Climate", "nearness", "uniform"]

Whole = NDArray[np.int64]
Real = NDArray[np.float64]
UNIFORM, NEAR, COMMON = 0.3, 0.4, 0.3  # what the prior of g is made of
WORTH = 2000.0  # scans; what the brand-wide prior of h is worth
DAYS_LEAST, DAYS_MOST = 1.0, 4.0
H_LEAST = 0.01


@dataclass(slots=True)
class Climate:
    """Sums over all people kept. scans: by dealer; days: day -> [people, lone strays]; flows: dealer -> by region.

    seen: dealer -> all foreign mass by region, lone or not, which the flow view compares with what is expected.
    """

    scans: dict[int, float] = field(default_factory=dict)
    days: dict[int, Real] = field(default_factory=dict)
    flows: dict[int, Real] = field(default_factory=dict)
    seen: dict[int, Real] = field(default_factory=dict)

    def fold(self, dealer: Whole, day: Whole, foreign: Real, region: Whole, lone: Real, sign: int) -> None:
        """dealer, day: (n,). foreign: (n, k) foreign mass in `region`; lone: the same, 0 where a neighbour was too."""
        for one in np.unique(dealer).tolist():
            mine = dealer == one
            self.scans[one] = self.scans.get(one, 0.0) + sign * int(mine.sum())
            for sums, mass in ((self.flows, lone), (self.seen, foreign)):
                more = np.bincount(region[mine].ravel(), mass[mine].ravel(), minlength=len(codes()))
                sums[one] = sums.get(one, np.zeros(len(codes()))) + sign * more
        stray = lone.sum(axis=1)
        for one in np.unique(day).tolist():
            mine = day == one
            more = np.array([mine.sum(), stray[mine].sum()])
            self.days[one] = self.days.get(one, np.zeros(2)) + sign * more

    def everywhere(self, params: Params) -> float:
        """The brand's honest share out of home."""
        strays, people = (sum(float(day[k]) for day in self.days.values()) for k in (1, 0))
        return _round((WORTH * params.out_of_home + strays) / (WORTH + people))

    def home(self, dealer: Whole, day: Whole, params: Params) -> Real:
        """h of each (dealer, day)."""
        common, own, other = self.everywhere(params), params.batch.home_scans, params.batch.day_scans
        share = {
            one: float((own * common + self.flows[one].sum()) / (own + self.scans[one]))
            for one in np.unique(dealer).tolist() if one in self.flows
        }  # fmt: skip
        worth = {
            one: min(DAYS_MOST, max(DAYS_LEAST, self._day(one, other, common) / common))
            for one in np.unique(day).tolist() if one in self.days
        }  # fmt: skip
        h = _each(dealer, share, common) * _each(day, worth, 1.0)
        return np.asarray(np.round(np.clip(h, H_LEAST, params.batch.home_most), 6), dtype=np.float64)

    def _day(self, day: int, worth: float, common: float) -> float:
        people, strays = self.days[day].tolist()
        return float((worth * common + strays) / (worth + people))

    def strays(self, dealer: int, home: NDArray[np.bool_], params: Params, *, own: bool = True) -> Real:
        """g of a dealer over all regions: 0 at home, 1 in all. own: whether its own past counts."""
        total = sum(self.flows.values(), np.zeros(len(codes())))
        mine = self.flows.get(dealer, np.zeros(len(codes())))
        common = np.where(home, 0.0, np.maximum(0.0, total - mine) + 1.0)
        prior = UNIFORM * uniform(home) + NEAR * nearness(home.tobytes()) + COMMON * common / max(1e-12, common.sum())
        past = np.where(home, 0.0, np.maximum(0.0, mine)) if own else 0.0 * common
        worth = params.batch.flow_scans
        return np.asarray(np.round((worth * prior + past) / (worth + past.sum()), 9))


def _each(key: Whole, values: dict[int, float], otherwise: float) -> Real:
    keys, inverse = np.unique(key, return_inverse=True)
    return np.array([float(values.get(one, otherwise)) for one in keys.tolist()])[inverse]


def uniform(home: NDArray[np.bool_]) -> Real:
    """g when nothing is known: any region that is not home alike."""
    return np.where(home, 0.0, 1 / max(1, int((~home).sum())))


@lru_cache(maxsize=4096)
def nearness(home: bytes) -> Real:
    """g by distance from the nearest home seat, falling with its power 1.5 beyond 50 km."""
    flags = np.frombuffer(home, dtype=bool)
    if not flags.any():
        return uniform(flags)
    pull = np.where(flags, 0.0, (50 + distances_km()[flags].min(axis=0)) ** -1.5)
    return np.asarray(pull / pull.sum())


def _round(value: float) -> float:
    """Sums taken in another order end in other digits; what is decided must not."""
    return round(value, 6)
