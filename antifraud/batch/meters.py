"""How evidence about many cartons and many dealers adds up, so that it may be looked at any day. Pure.

    E = sum over g of w_g (g / h0)^x ((1 - g) / (1 - h0))^(n - x)      alarm at E >= 1 / alpha

Under the null E is a non-negative martingale with mean 1, so it passes 1/alpha once in its life with probability alpha,
however often one looks (Ville). Only x and n matter: the state is two numbers. A carton counts from the moment it may
be judged, as 0, and turns to 1 when it is flagged; so what is seen early is never more than the martingale.
"""

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["at_least", "e_bh", "e_value", "log_e"]

Whole = NDArray[np.int64]
Real = NDArray[np.float64]
GRID, GRID_TO = 40, 0.6
SMALL = 0.01  # Posteriors below are summed and treated as rare events.


@lru_cache(maxsize=4096)
def _grid(h0: float, least: float) -> tuple[Real, Real]:
    """(log g/h0, log (1-g)/(1-h0)) on a geometric grid from 2 h0, or `least`, to .6, all of one weight."""
    g = np.geomspace(max(2 * h0, least), GRID_TO, GRID)
    return np.log(g / h0), np.log((1 - g) / (1 - h0))


def log_e(x: Whole | Real, n: Whole, h0: float, least: float = 0.0) -> Real:
    """log of the e-value of x flagged of n, arrays of any one shape. least: the smallest share that is of interest.

    x may be a sum of posteriors: (g/h0)^x ((1-g)/(1-h0))^(1-x) lies below the chord from x = 0 to x = 1, so its mean
    is at most 1 while the mean of x is at most h0.
    """
    hit, miss = _grid(h0, least)
    terms = np.multiply.outer(x, hit) + np.multiply.outer(n - x, miss) - math.log(GRID)
    top = terms.max(axis=-1)
    return np.asarray(top + np.log(np.exp(terms - top[..., None]).sum(axis=-1)))


def e_value(x: int, n: int, h0: float) -> float:
    return math.exp(min(700.0, float(log_e(np.array(x), np.array(n), h0))))


def e_bh(e: Real, q: float) -> NDArray[np.bool_]:
    """Which of n hypotheses to reject at false discovery rate q, whatever their dependence (Wang and Ramdas 2022).

    The largest k with e_(k) >= n / (k q), e sorted falling.
    """
    order = np.argsort(np.negative(e), kind="stable")
    ranks = np.arange(1, len(e) + 1)
    passing = np.flatnonzero(e[order] >= len(e) / (ranks * q))
    rejected = np.zeros(len(e), dtype=bool)
    if len(passing):
        rejected[order[: passing[-1] + 1]] = True
    return rejected


def at_least(p: Sequence[float], rest: float, confidence: float) -> int:
    """The largest x with P(X >= x) >= confidence, X the number of cartons diverted.

    X = sum of independent trials p (Poisson-binomial, exact), plus a Poisson of mean `rest` for the many small ones.
    """
    mass = np.ones(1)
    for one in p:
        mass = np.convolve(mass, np.array([1 - one, one]))
    if rest > 0:
        k = np.arange(int(rest + 10 * math.sqrt(rest) + 10))
        logs = k * math.log(rest) - rest - np.array([math.lgamma(one + 1) for one in k])
        mass = np.convolve(mass, np.exp(logs))
    tail = np.cumsum(mass[::-1])[::-1]
    return int(np.flatnonzero(tail >= confidence - 1e-12)[-1])
