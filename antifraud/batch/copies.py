"""R-C3: is it one item that moves, or several that stay? The likelihood of the visits, one person after the other.

    H0  x_i ~ (1 - tau) N(x_{i-1}, s^2 + D dt) + tau' u        one item: it roams, now and then it is sent
    H1  x_i ~ sum over sources w_j N(src_j, s^2) + w_new u     items sold at a few places, met in order
    flag when log(H1 / H0) > log((1 - pi)(1 - f) / (pi f)),  pi = 1e-5, f = .05: 14.5

u is a visit anywhere, one in the area of China; a move faster than a flight has tau' = tau / 1000. Each person's first
located visit counts, so that a picture scanned again and again at home says nothing. A first visit to a second place
costs both sides the same; each return there is evidence of about 12. Sources are met in order, none is fitted to what
comes later, so several sources need no penalty. Simulated, one item moved by honest buyers and one gift: see the tests.
"""

import math

import numpy as np
from numpy.typing import NDArray

from antifraud.batch.fixes import LEAST_SIGMA, region_of_many
from antifraud.batch.items import Touched, Visits
from antifraud.batch.memory import groups
from antifraud.batch.proof import BatchFinding, found, ordered
from antifraud.batch.travel import distant
from antifraud.evidence import item_subject
from antifraud.findings import Severity
from antifraud.location import KM_PER_DEG
from antifraud.params import Params

__all__ = ["bar", "judge_copies", "simultaneity"]

Real = NDArray[np.float64]
ANYWHERE = 1 / 4e6  # per km2: where people live.
TOO_FAST = 1e-3
NEW = 0.1  # weight of a source not met yet
DAY_US = 86_400e6


def bar(params: Params) -> float:
    """What the log likelihood ratio must pass."""
    prior, miss = params.batch.copied, params.batch.single_share
    return math.log((1 - prior) * (1 - miss) / (prior * miss))


def judge_copies(touched: Touched, params: Params) -> list[BatchFinding]:
    """The touched codes that several items explain better than one."""
    visits = distant(touched, 10 * params.batch.near_km)
    order = np.lexsort((visits.seq, visits.person, visits.item))
    first = np.ones(len(order), dtype=bool)
    person, item = visits.person[order], visits.item[order]
    first[1:] = (person[1:] != person[:-1]) | (item[1:] != item[:-1])
    kept = visits.take(np.sort(order[first]))
    index = groups(kept.item)
    findings = []
    for one in np.flatnonzero(index.sizes >= 3).tolist():
        mine = kept.take(slice(int(index.starts[one]), int(index.stops[one])))
        llr, sources = simultaneity(mine, params)
        if llr > bar(params):
            findings.append(_several(mine, llr, sources, params))
    return ordered(findings)


def simultaneity(visits: Visits, params: Params) -> tuple[float, int]:
    """(log likelihood ratio of several items against one, how many places they were seen at)."""
    lat0 = float(visits.lat[0])
    x = np.column_stack([
        (visits.lon - visits.lon[0]) * KM_PER_DEG * math.cos(math.radians(lat0)), (visits.lat - lat0) * KM_PER_DEG,
    ])  # fmt: skip
    error = np.maximum(LEAST_SIGMA[visits.method], visits.sigma_km) ** 2 + params.batch.near_km**2
    sources, counts, llr = [x[0]], [1], 0.0
    for at in range(1, len(x)):
        days = float(visits.at[at] - visits.at[at - 1]) / DAY_US
        one = _moved(x[at], x[at - 1], float(error[at] + error[at - 1]), days, params)
        off = np.array([float(((x[at] - source) ** 2).sum()) for source in sources])
        kernels = _gauss(off, float(error[at]))
        weights = (1 - NEW) * np.array(counts) / sum(counts)
        llr += math.log((weights * kernels).sum() + NEW * ANYWHERE) - math.log(one)
        nearest = int(np.argmin(off))
        if off[nearest] <= 9 * error[at]:
            counts[nearest] += 1
        else:
            sources.append(x[at])
            counts.append(1)
    return llr, len(sources)


def _moved(here: Real, there: Real, error: float, days: float, params: Params) -> float:
    """Density of the next visit of one item."""
    off = float(((here - there) ** 2).sum())
    kmh = (math.sqrt(off) - 3 * math.sqrt(error)) / (24 * days + params.travel_slack_s / 3600)
    sent = params.batch.gift_share * (TOO_FAST if kmh > params.air_kmh else 1.0)
    roams = float(_gauss(np.array([off]), error + params.batch.roam_km2_day * max(0.0, days))[0])
    return (1 - params.batch.gift_share) * roams + sent * ANYWHERE


def _gauss(off2: Real, variance: float) -> Real:
    return np.asarray(np.exp(-off2 / (2 * variance)) / (2 * np.pi * variance))


def _several(mine: Visits, llr: float, sources: int, params: Params) -> BatchFinding:
    regions = sorted(set(region_of_many(mine.lat, mine.lon).tolist()))
    values = {
        "people": len(mine), "places": sources, "regions": len(regions), "llr": round(llr, 2),
        "limit_llr": round(bar(params), 2),
    }  # fmt: skip
    return found(
        "CLN_SIMULTANEOUS", Severity.HIGH, item_subject(int(mine.item[0])), values, llr,
        at=mine.at[-1], scans=mine.seq, cartons=np.unique(mine.carton[mine.carton != 0]), holds=True,
    )  # fmt: skip
