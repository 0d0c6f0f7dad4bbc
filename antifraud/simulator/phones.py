"""What a phone tells of a visit: a fix with its error and method, a clock, a network. Errors: parameters.Methods."""

import numpy as np
from numpy.typing import NDArray

from antifraud.columns import METHODS, Environment
from antifraud.location import ACCURACY_SIGMAS, KM_PER_DEG, SIGMA_KM
from antifraud.simulator import people
from antifraud.simulator.parameters import Methods
from antifraud.simulator.people import People
from antifraud.simulator.streams import Dice, chance
from antifraud.simulator.visits import Visits

RAYLEIGH = 1.1774  # median / sigma
CARRIER_NETWORKS = 24  # a province's shared addresses
AT_HOME_ON_WIFI = 0.4
GPS, FUZZY, IP_FIXED, IP_MOBILE = (METHODS.index(one) for one in ("gps", "fuzzy", "ip_fixed", "ip_mobile"))

Whole = NDArray[np.int64]
Real = NDArray[np.float64]


def networks(dice: Dice, visits: Visits, cast: People, province: Whole) -> tuple[Whole, NDArray[np.bool_]]:
    """(network, whether it is a mobile operator's shared one) of each visit."""
    wifi = visits.home & chance(dice, AT_HOME_ON_WIFI, len(visits))
    carrier = people.CARRIER + province * 100 + dice.integers(0, CARRIER_NETWORKS, len(visits))
    own = np.where(wifi, cast.network[visits.who], carrier)
    given = visits.network != 0
    return np.where(given, visits.network, own), ~wifi & ~given


def fixes(
    methods: Methods, dice: Dice, visits: Visits, cast: People, mobile: NDArray[np.bool_]
) -> tuple[Real, Real, Real, NDArray[np.uint8], Real]:
    """(lat, lon, sigma_km, method, accuracy_m) as reported. Fixes that are not known are NaN."""
    n = len(visits)
    method = cast.method[visits.who]
    method = np.where(method == people.BY_ADDRESS, np.where(mobile, IP_MOBILE, IP_FIXED), method)
    method = np.where(visits.forged, GPS, method)
    error_km, accuracy_m = np.zeros(n), np.full(n, np.nan)
    for kind, draw in ((GPS, _gps), (FUZZY, _fuzzy), (IP_FIXED, _fixed), (IP_MOBILE, _mobile)):
        rows = np.flatnonzero(method == kind)
        error_km[rows], accuracy_m[rows] = draw(methods, dice, len(rows))
    error_km[visits.forged], accuracy_m[visits.forged] = 0.0, 0.0
    turn = dice.uniform(0, 2 * np.pi, n)
    lat = visits.lat + error_km * np.sin(turn) / KM_PER_DEG
    lon = visits.lon + error_km * np.cos(turn) / (KM_PER_DEG * np.cos(np.radians(visits.lat)))
    nothing = method == people.DENIED
    lat[nothing], lon[nothing] = np.nan, np.nan
    table = np.array([SIGMA_KM.get(one, np.nan) for one in METHODS])
    told = (
        np.nan_to_num(accuracy_m) / 1000 / ACCURACY_SIGMAS
    )  # As location.from_report: never narrower than the method.
    sigma = np.maximum(table[method], told)
    return np.clip(lat, -90, 90), lon, sigma, method.astype(np.uint8), accuracy_m


def _gps(methods: Methods, dice: Dice, n: int) -> tuple[Real, Real]:
    median_m = dice.uniform(*methods.gps_median_m, n)
    near = dice.rayleigh(1.0, n) * median_m / RAYLEIGH / 1000
    cell = chance(dice, methods.gps_tail, n)
    far = dice.uniform(*methods.gps_tail_km, n)
    honest = chance(dice, 0.5, n)  # Half of the fixes by radio cell say so.
    accuracy = np.where(cell & honest, far * 1000, np.round(dice.uniform(5, 30, n)))
    return np.where(cell, far, near), accuracy


def _fuzzy(methods: Methods, dice: Dice, n: int) -> tuple[Real, Real]:
    return methods.fuzzy_median_km * dice.lognormal(0, methods.fuzzy_log_sd, n), np.full(n, np.nan)


def _fixed(methods: Methods, dice: Dice, n: int) -> tuple[Real, Real]:
    median = dice.uniform(*methods.ip_fixed_median_km, n)
    return np.minimum(3000, median * dice.lognormal(0, methods.ip_fixed_log_sd, n)), np.full(n, np.nan)


def _mobile(methods: Methods, dice: Dice, n: int) -> tuple[Real, Real]:
    median = dice.uniform(*methods.ip_mobile_median_km, n)
    return np.minimum(3000, median * dice.lognormal(0, methods.ip_mobile_log_sd, n)), np.full(n, np.nan)


def devices(at_us: Whole, visits: Visits, cast: People) -> Whole:
    """The phone in hand: a second one from the day it changed hands."""
    who = visits.who
    switched = (cast.second_device[who] != 0) & (at_us >= cast.switched_us[who])
    return np.where(switched, cast.second_device[who], cast.device[who])


def environment(visits: Visits, cast: People, mobile: NDArray[np.bool_]) -> NDArray[np.uint8]:
    return (cast.environment[visits.who] | np.where(mobile, Environment.CARRIER_NAT, 0)).astype(np.uint8)
