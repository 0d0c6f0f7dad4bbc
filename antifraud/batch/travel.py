"""R-C2: one code in two places at once, all pairs of its visits. Both by phone, by different people and phones.

d_lo = max(0, distance - R1 - R2), v = d_lo / (time + 10 min); medium above 350 km/h (the fastest train), high above
900 (a flight), from 300 km on. The same place by two satellite fixes: no false alarm; a network address never counts.
It bounds copies scanned at the same time: a gift that arrives days later is slow.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from antifraud.batch.fixes import far_km, radius_km, region_of_many
from antifraud.batch.items import Touched, Visits, pairs
from antifraud.batch.memory import groups
from antifraud.batch.proof import BatchFinding, found, ordered
from antifraud.columns import METHODS
from antifraud.evidence import item_subject
from antifraud.findings import Severity
from antifraud.location import KM_PER_DEG
from antifraud.params import Params

__all__ = ["distant", "judge_travel"]

Real = NDArray[np.float64]


def distant(touched: Touched, km: float) -> Visits:
    """The located visits of the items that have two this far apart; cheap, and a little generous."""
    rows = np.flatnonzero(touched.visits.cell >= 0)
    visits = touched.visits.take(rows)
    if not len(visits):
        return visits
    index = groups(visits.item)
    tall = np.maximum.reduceat(visits.lat, index.starts) - np.minimum.reduceat(visits.lat, index.starts)
    wide = np.maximum.reduceat(visits.lon, index.starts) - np.minimum.reduceat(visits.lon, index.starts)
    return visits.take((np.hypot(tall, wide) * KM_PER_DEG >= km)[index.of])


@dataclass(frozen=True, slots=True)
class _Pair:
    kmh: float
    km: float
    apart_s: float
    earlier: int
    later: int


def judge_travel(touched: Touched, params: Params) -> list[BatchFinding]:
    """The fastest pair of each touched code, where no pack travels so fast."""
    visits = distant(touched, params.travel_from_km)
    one, two = pairs(groups(visits.item))
    strangers = visits.person[one] != visits.person[two]
    strangers &= (visits.device[one] != visits.device[two]) | (visits.device[one] == 0)
    one, two = one[strangers], two[strangers]
    reach = radius_km(visits.method, visits.sigma_km)
    km = far_km(visits.lat[one], visits.lon[one], visits.lat[two], visits.lon[two]) - reach[one] - reach[two]
    apart_s = np.abs(visits.at[two] - visits.at[one]) / 1e6
    kmh = np.maximum(0.0, km) / ((apart_s + params.travel_slack_s) / 3600)
    fast = np.flatnonzero((km >= params.travel_from_km) & (kmh > params.ground_kmh))
    order = fast[np.lexsort((-fast, kmh[fast], visits.item[one[fast]]))]
    last = np.append(np.diff(visits.item[one[order]]) != 0, True)[: len(order)]
    worst = [_Pair(kmh[k], km[k], apart_s[k], int(one[k]), int(two[k])) for k in order[last].tolist()]
    return ordered(_impossible(visits, pair, params) for pair in worst)


def _impossible(visits: Visits, pair: _Pair, params: Params) -> BatchFinding:
    ends = [pair.earlier, pair.later]
    flying = pair.kmh > params.air_kmh
    regions = region_of_many(visits.lat[ends], visits.lon[ends]).tolist()
    methods = [METHODS[visits.method[end]] for end in ends]
    values = {
        "kmh": round(pair.kmh), "limit_kmh": round(params.air_kmh if flying else params.ground_kmh),
        "km": round(pair.km), "minutes": round(pair.apart_s / 60), "from_region": regions[0], "to_region": regions[1],
        "mix": {method: methods.count(method) for method in sorted(set(methods))},
    }  # fmt: skip
    return found(
        "CLN_TRAVEL_AIR" if flying else "CLN_TRAVEL_GROUND", Severity.HIGH if flying else Severity.MEDIUM,
        item_subject(int(visits.item[pair.later])), values, math.log(pair.kmh / params.ground_kmh),
        at=visits.at[pair.later], scans=visits.seq[ends], cartons=np.unique(visits.carton[ends]), holds=True,
    )  # fmt: skip
