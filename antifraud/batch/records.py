"""Is the record wrong rather than the dealer? A carton written into another delivery surfaces abroad and is no crime.

Cartons that were printed one after the other leave together. One whose printing neighbours all left in another delivery
is the odd one of its own, and if it is scanned where the dealer of that other delivery sells, the likelier story is a
slip at the gate or at the packing table. So "it truly went to a neighbour's dealer X" is a third hypothesis beside
"sold at home" and "diverted":

    HX  it went to X      qX(home of X) = 1 - h          qX(r) = h / regions
    ratio = sum over X of rho(X) prod over people of  qX(person) / q0(person)

rho: of a carton whose neighbours within SPAN all left otherwise .3; of any other, for a neighbour's dealer, .002.
Assumptions: one carton in a hundred is recorded to another delivery (DSCSA: event files err in 2 % and more), one in a
hundred has no neighbour in its own delivery anyway, and one in five of those packed crosswise stood where two
deliveries meet.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from antifraud.batch.mixture import Seen
from antifraud.columns import Cartons
from antifraud.location import FLOOR
from antifraud.params import Params

__all__ = ["SPAN", "Neighbours", "misrecorded", "neighbours"]

Whole = NDArray[np.int64]
Real = NDArray[np.float64]
SPAN = 3  # cartons before and after


@dataclass(frozen=True, slots=True)
class Neighbours:
    """row: (n, 2 SPAN) rows of a neighbour of each other dealer, -1 for none.

    odd: two neighbours or more have left, and none of them in the carton's own delivery.
    """

    row: Whole
    odd: NDArray[np.bool_]

    def prior(self, at: Whole, params: Params) -> Real:
        """rho of these cartons and each neighbour's dealer, (len(at), 2 SPAN)."""
        known = self.row[at] >= 0
        rho = np.where(self.odd[at], params.batch.misrecorded_odd, params.batch.misrecorded_beside)
        return np.where(known, (rho / np.maximum(1, known.sum(axis=1)))[:, None], 0.0)


def neighbours(cartons: Cartons) -> Neighbours:
    """Of every carton in the table, among those of its run that are in the table too."""
    n = len(cartons)
    order = np.lexsort((cartons.first_item, cartons.run))
    run, dealer, shipment = cartons.run[order], cartons.dealer[order], cartons.shipment[order]
    row = np.full((n, 2 * SPAN), -1)
    met = np.zeros((n, 2 * SPAN), dtype=np.int64)
    together, left = np.zeros(n, dtype=bool), np.zeros(n, dtype=np.int64)
    for column, step in enumerate((*range(-SPAN, 0), *range(1, SPAN + 1))):
        mine = np.arange(max(0, -step), max(max(0, -step), n - max(0, step)))
        other = mine + step
        gone = (run[mine] == run[other]) & (shipment[other] != 0) & (dealer[other] != 0)
        together[mine] |= gone & (shipment[mine] == shipment[other])
        left[mine] += gone
        news = gone & (dealer[other] != dealer[mine]) & (met[mine] != dealer[other][:, None]).all(axis=1)
        met[mine[news], column] = dealer[other[news]]
        row[mine[news], column] = order[other[news]]
    back = np.empty(n, dtype=np.int64)
    back[order] = np.arange(n)
    return Neighbours(row[back], (~together & (left >= 2) & (shipment != 0))[back])


def misrecorded(
    seen: Seen, cartons: Whole, near: Neighbours, of: Whole, home: NDArray[np.bool_], params: Params
) -> Real:
    """log of the sum over neighbours' dealers of rho times the likelihood ratio of each carton; -inf where none is.

    cartons: rows of the table, one for each number in seen.carton. of, home: of the territories.
    """
    answer = np.full(len(cartons), -np.inf)
    at_home = (seen.mass * (1 - seen.away)).sum(axis=1)
    abroad = np.bincount(seen.carton[at_home <= 0.5], minlength=len(cartons)) > 0
    people = np.flatnonzero(abroad[seen.carton])
    if not len(people):
        return answer
    who, mass, region, h = seen.carton[people], seen.mass[people], seen.region[people], seen.h[people]
    astray = (mass * seen.away[people] * seen.g[people]).sum(axis=1)
    q0 = np.log((1 - h) * np.maximum(at_home[people], FLOOR) + h * astray)
    rho = near.prior(cartons, params)
    for column in range(rho.shape[1]):
        there = near.row[cartons, column]
        territory = np.where(there >= 0, of[there], -1)
        theirs = mass * home[territory[who][:, None], region]
        strays = (mass.sum(axis=1) - theirs.sum(axis=1)) / home.shape[1]
        qx = np.log((1 - h) * np.maximum(theirs.sum(axis=1), FLOOR) + h * strays)
        told = abroad & (territory >= 0) & (rho[:, column] > 0)
        ratio = np.bincount(who, qx - q0, minlength=len(cartons))[told] + np.log(rho[told, column])
        answer[told] = np.logaddexp(answer[told], ratio)
    return answer
