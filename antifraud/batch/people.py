"""R-C1: more people than one pack meets. Hypothesis: k packs carry the code, each is scanned with probability s.

Power = 1 - BinomCDF(m - 1; k, s). A genuine code meets 1 + Poisson(lambda) people; lambda is learnt for each SKU from
the share of its codes that met one person only, which copies hardly move. The limit m is the least whose Poisson tail
is rare enough, and never below the in-line ones: lambda = .08 gives 5 (1.6e-6 false flags a code) and, where two
of the people were apart, 3 (0.3 % before dispersion); lambda = .25, gift liquor, gives 6 and 4.
Simulated: 20 000 gift codes, every tenth move across the country: 7.5e-4 flags a code, all of the second kind.

Measured on a busy core: folding 0.9 us a scan, judging 0.1 us; four of five codes have one visit and cost nothing.
"""

import math
from collections.abc import Mapping
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, poisson

from antifraud.batch.fixes import masses
from antifraud.batch.items import Touched, Visits, people, sku_of
from antifraud.batch.proof import BatchFinding, found, ordered
from antifraud.columns import Cartons, Scans
from antifraud.evidence import item_subject
from antifraud.findings import Severity
from antifraud.params import Params

__all__ = ["apart", "as_scans", "judge_people", "limits", "power"]

Whole = NDArray[np.int64]
PRIOR_CODES = 1000  # How many codes the prior of lambda is worth.


def power(m: int, k: int, s: float) -> float:
    """P(at least m of k copies are scanned)."""
    return float(binom.sf(m - 1, k, s))


def limits(crowd: Whole, params: Params) -> tuple[int, int]:
    """(people alone, people of whom two were apart) that are too many. crowd: codes by the people they met."""
    alone = crowd[1] + PRIOR_CODES * math.exp(-params.batch.extra_people)
    rate = -math.log(alone / (crowd[1:].sum() + PRIOR_CODES))
    many = int(poisson.isf(params.batch.many_false, rate)) + 2
    spread = int(poisson.isf(params.batch.spread_false, rate)) + 2
    return max(params.users_many, many), max(params.users_spread, spread)


def judge_people(touched: Touched, cartons: Cartons, params: Params, crowds: Mapping[int, Whole]) -> list[BatchFinding]:
    """The touched codes that met too many people."""
    visits, index = touched.visits, touched.items
    met = people(visits, index)
    sku = sku_of(visits.carton[index.starts], cartons)
    findings = []
    for one in np.flatnonzero(met >= min(params.users_many, params.users_spread)).tolist():
        many, spread = limits(crowds[int(sku[one])], params)
        mine = visits.take(slice(int(index.starts[one]), int(index.stops[one])))
        mine = mine.take(mine.paying)
        if met[one] >= many:
            findings.append(_crowd("CLN_USERS_MANY", Severity.HIGH, mine, int(met[one]), many))
        elif met[one] >= spread and apart(mine, params.spread_overlap):
            findings.append(_crowd("CLN_USERS_SPREAD", Severity.MEDIUM, mine, int(met[one]), spread))
    return ordered(findings)


def _crowd(code: str, severity: Severity, mine: Visits, met: int, limit: int) -> BatchFinding:
    values = {"people": met, "limit_people": limit}
    return found(
        code, severity, item_subject(int(mine.item[0])), values, math.log(met / limit) + 1,
        at=mine.at[-1], scans=mine.seq, cartons=np.unique(mine.carton[mine.carton != 0]), holds=True,
    )  # fmt: skip


def apart(visits: Visits, overlap: float) -> bool:
    """Whether two different people's fixes share less than `overlap` of where they may have been."""
    spread = masses(as_scans(visits))
    seen = [
        (int(visits.person[row]), {int(spread.region[k]): float(spread.mass[k]) for k in at})
        for row, at in _rows(spread.row)
    ]
    return any(
        one != other and sum(min(mass, b.get(region, 0.0)) for region, mass in a.items()) < overlap
        for (one, a), (other, b) in combinations(seen, 2)
    )


def _rows(row: Whole) -> list[tuple[int, list[int]]]:
    return [(int(one), np.flatnonzero(row == one).tolist()) for one in np.unique(row)]


def as_scans(visits: Visits) -> Scans:
    """The visits as scans, for whoever asks where they were."""
    n = len(visits)
    whole, flag = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=bool)
    return Scans(
        at=visits.at, told=visits.at, item=visits.item, outcome=np.zeros(n, dtype=np.uint8), claim_face=visits.paying,
        claimed=visits.claimed, value_fen=whole, carton=visits.carton, person=visits.person, account=whole,
        device=visits.device, network=visits.network, pool=whole, payee=visits.payee, lat=visits.lat, lon=visits.lon,
        sigma_km=visits.sigma_km, method=np.where(flag | (visits.cell < 0), 0, visits.method).astype(np.uint8),
        accuracy_m=np.full(n, np.nan), environment=np.zeros(n, dtype=np.uint8),
    )  # fmt: skip
