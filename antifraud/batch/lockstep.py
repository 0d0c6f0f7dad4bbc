"""R-P4: accounts that act together, day by day (after SynchroTrap, published precision above 99 %).

An account's day is a set of (place of 5 km2, quarter of an hour); without a fix the network is its place. Two
accounts are alike if their sets have a Jaccard index of .5 and share three; a ring is a component of ten alike.
Places where more than 200 met in a quarter are crowds and tie nobody. A whole day is judged when the next one
begins, exactly by a sparse product, beyond 100 000 accounts by MinHash (64 permutations, 16 bands of 4: a pair at .5
is met with p = .64, and a ring of ten hangs together by many pairs).
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array, triu
from scipy.sparse.csgraph import connected_components

from antifraud.batch.fixes import located
from antifraud.batch.items import DAY_US
from antifraud.batch.proof import BatchFinding, found, ordered
from antifraud.columns import Environment, Scans
from antifraud.findings import Severity
from antifraud.params import Params

__all__ = ["LockstepState", "judge_lockstep", "rings"]

Whole = NDArray[np.int64]
QUARTER_US = 900_000_000
CELLS_PER_DEG = 45  # 2.5 x 2.1 km at 30 degrees north, the area of an H3 cell of resolution 7
PERMUTATIONS, BANDS = 64, 16
PRIME = (1 << 31) - 1


@dataclass(slots=True)
class LockstepState:
    """days: day -> pieces of (account, tuple, row), not judged yet."""

    scans: int = 0
    days: dict[int, list[tuple[Whole, Whole, Whole]]] = field(default_factory=dict)


def judge_lockstep(scans: Scans, params: Params, state: LockstepState, *, close: bool = False) -> list[BatchFinding]:
    """The rings of the days that are over. close: the last day is over too."""
    rows = np.flatnonzero(scans.account != 0)
    tuples, known = _tuples(scans, rows)
    rows, tuples = rows[known], tuples[known]
    day = scans.at[rows] // DAY_US
    for one in np.unique(day).tolist():
        mine = rows[day == one]
        piece = (scans.account[mine], tuples[day == one], mine + state.scans)
        state.days.setdefault(one, []).append(piece)
    state.scans += len(scans)
    today = max(state.days, default=0)
    over = sorted(one for one in state.days if close or one < today)
    findings = []
    for one in over:
        account, what, row = (np.concatenate(part) for part in zip(*state.days.pop(one), strict=True))
        findings += [_ring(ring, account, row, one, params) for ring in rings(account, what, params)]
    return ordered(findings)


def _tuples(scans: Scans, rows: Whole) -> tuple[Whole, NDArray[np.bool_]]:
    """A number for (place, quarter of an hour) of each row, and whether there is a place."""
    fit = located(scans)[rows]
    lat, lon = np.where(fit, scans.lat[rows], 0.0), np.where(fit, scans.lon[rows], 0.0)
    cell = (np.floor(lat * CELLS_PER_DEG) + 5000) * 20_000 + np.floor(lon * CELLS_PER_DEG) + 10_000
    own = (scans.network[rows] != 0) & ((scans.environment[rows] & Environment.CARRIER_NAT) == 0)
    place = np.where(fit, cell.astype(np.int64), -scans.network[rows])
    mixed = place * 2_654_435_761 ^ (scans.at[rows] // QUARTER_US) * 40_503_000_017  # wraps; equal only by chance 2^-60
    return mixed, fit | own


def rings(account: Whole, what: Whole, params: Params) -> list[Whole]:
    """Sets of accounts, each sorted. account, what: (n,) who did which tuple; doubles do not matter."""
    limits = params.batch
    both = np.unique(np.column_stack([account, what]), axis=0)
    accounts, who = np.unique(both[:, 0], return_inverse=True)
    sizes = np.bincount(who.ravel())
    active = sizes[who.ravel()] >= limits.lockstep_tuples  # Profiled: most accounts scan once a day and end here.
    both, who = both[active], who.ravel()[active]
    _, tuples, met = np.unique(both[:, 1], return_inverse=True, return_counts=True)
    shared = (met[tuples.ravel()] >= 2) & (met[tuples.ravel()] <= limits.lockstep_crowd)
    who, tuples = who[shared], tuples.ravel()[shared]
    if not len(who):
        return []
    some, compact = np.unique(who, return_inverse=True)
    matrix = csr_array((np.ones(len(who)), (compact.ravel(), tuples)))
    one, two = _candidates(matrix, len(some) > limits.lockstep_exact_until)
    inter = np.asarray(matrix[one].multiply(matrix[two]).sum(axis=1)).ravel() if len(one) else np.zeros(0)
    union = sizes[some[one]] + sizes[some[two]] - inter
    alike = (inter >= limits.lockstep_tuples) & (inter >= limits.lockstep_jaccard * union)
    ties = coo_array((np.ones(int(alike.sum())), (one[alike], two[alike])), shape=(len(some), len(some)))
    _, label = connected_components(ties, directed=False)
    counts = np.bincount(label)
    return [accounts[some[label == big]] for big in np.flatnonzero(counts >= limits.lockstep_accounts).tolist()]


def _candidates(matrix: csr_array, many: bool) -> tuple[Whole, Whole]:
    """Pairs of rows worth comparing."""
    if many:
        return _minhash(matrix)
    product = triu(matrix @ matrix.T, k=1).tocoo()
    return product.row.astype(np.int64), product.col.astype(np.int64)


def _minhash(matrix: csr_array) -> tuple[Whole, Whole]:
    """Pairs of neighbours in a bucket of any band. Seeded by the number of the permutation: the same every night."""
    rng = np.random.default_rng(PERMUTATIONS)
    a, b = rng.integers(1, PRIME, PERMUTATIONS), rng.integers(0, PRIME, PERMUTATIONS)
    starts = matrix.indptr[:-1].astype(np.int64)
    columns = matrix.indices.astype(np.int64)
    rows_per = PERMUTATIONS // BANDS
    pairs = []
    for band in range(BANDS):
        key = np.zeros(matrix.shape[0], dtype=np.int64)
        for k in range(band * rows_per, (band + 1) * rows_per):
            key = key * 1_000_003 ^ np.minimum.reduceat((columns * a[k] + b[k]) % PRIME, starts)
        order = np.argsort(key, kind="stable")
        same = np.flatnonzero(key[order][1:] == key[order][:-1])
        pairs.append(np.sort(np.column_stack([order[same], order[same + 1]]), axis=1))
    found_pairs = np.unique(np.concatenate(pairs), axis=0)
    return found_pairs[:, 0], found_pairs[:, 1]


def _ring(ring: Whole, account: Whole, row: Whole, day: int, params: Params) -> BatchFinding:
    rows = np.sort(row[np.isin(account, ring)])
    values = {"accounts": len(ring), "limit": params.batch.lockstep_accounts, "scans": len(rows)}
    return found(
        "ABU_LOCKSTEP", Severity.HIGH, f"ring:{int(ring[0])}", values, 4 + np.log(len(ring) / 10),
        at=(day + 1) * DAY_US, scans=rows, holds=True, people=ring.tolist(),
    )  # fmt: skip
