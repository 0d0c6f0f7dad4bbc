"""R-P5: the densest block of accounts and what they share (FRAUDAR, Hooi 2016): phones, networks, payees, cartons.

    score(S) = sum of 1 / log(d + 5) over edges in S / number of nodes in S,  d the degree of the column

The column weight makes popular networks cheap, so hiding among honest people buys little. Nodes of least weight go
first; the best set on the way is within a factor 2 of the densest. Above 20 000 nodes whole layers go at once
(Bahmani 2012), then one by one, O(E log V). Chance: the same degrees with the columns dealt out again; the block
must be denser than the densest of those by 1.3.
"""

import heapq
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from antifraud.batch.proof import BatchFinding, found
from antifraud.columns import Outcome, Scans
from antifraud.findings import Severity
from antifraud.params import Params

__all__ = ["Block", "densest", "edges", "judge_blocks"]

Whole = NDArray[np.int64]
Real = NDArray[np.float64]
COLUMNS = ("device", "network", "payee", "carton")
ONE_BY_ONE = 20_000
LAYER = 1.05


@dataclass(frozen=True, slots=True)
class Block:
    """nodes: numbers of the nodes that stay, rising."""

    score: float
    nodes: Whole


def judge_blocks(scans: Scans, params: Params, rng: np.random.Generator) -> list[BatchFinding]:
    """The densest block of these scans (a night's window), if chance does not make one so dense. rng: seeded."""
    users, columns, kinds = edges(scans)
    if not len(users):
        return []
    names, user = np.unique(users, return_inverse=True)
    user, columns = user.ravel().astype(np.int64), columns + len(names)
    block = densest(user, columns)
    members = block.nodes[block.nodes < len(names)]
    if len(members) < params.batch.block_users:
        return []
    chance = max(densest(user, _dealt(columns, kinds, rng)).score for _ in range(params.batch.block_shuffles))
    if block.score < params.batch.block_over_chance * chance:
        return []
    accounts = names[members]
    rows = np.flatnonzero(np.isin(scans.account, accounts))
    values = {
        "accounts": len(accounts), "shared": len(block.nodes) - len(members), "score": round(block.score, 4),
        "chance": round(chance, 4),
    }  # fmt: skip
    return [found(
        "ABU_DENSE_BLOCK", Severity.HIGH, f"block:{int(accounts[0])}", values, 4 * np.log(block.score / chance) + 2,
        at=scans.at[rows].max(), scans=rows, cartons=(), holds=True, people=accounts.tolist(),
    )]  # fmt: skip


def edges(scans: Scans) -> tuple[Whole, Whole, Whole]:
    """(account, number of the column, its kind) of each different tie; columns of one account tie nobody."""
    fit = (scans.account != 0) & (scans.outcome == Outcome.VALID)
    parts, base = [], 0
    for kind, name in enumerate(COLUMNS):
        value = getattr(scans, name)
        rows = np.flatnonzero(fit & (value != 0))
        ties = np.unique(np.column_stack([scans.account[rows], value[rows]]), axis=0)
        _, column, degree = np.unique(ties[:, 1], return_inverse=True, return_counts=True)
        shared = degree[column.ravel()] >= 2
        _, column = np.unique(column.ravel()[shared], return_inverse=True)
        parts.append((ties[shared, 0], column.ravel() + base, np.full(int(shared.sum()), kind)))
        base += int(column.max()) + 1 if len(column) else 0
    users, columns, kinds = (np.concatenate(part) for part in zip(*parts, strict=True))
    return users, columns.astype(np.int64), kinds


def _dealt(columns: Whole, kinds: Whole, rng: np.random.Generator) -> Whole:
    """The columns of each kind dealt out again: everybody keeps a degree, nobody keeps company."""
    dealt = columns.copy()
    for kind in np.unique(kinds).tolist():
        mine = np.flatnonzero(kinds == kind)
        dealt[mine] = columns[rng.permutation(mine)]
    return dealt


def densest(one: Whole, two: Whole) -> Block:
    """The densest block of a bipartite graph; two: the columns, whose numbers are above those of `one`."""
    nodes = int(two.max()) + 1
    degree = np.bincount(two, minlength=nodes)
    weight = 1 / np.log(degree[two] + 5)
    alive, best = np.ones(nodes, dtype=bool), Block(-1.0, np.zeros(0, dtype=np.int64))
    alive[np.bincount(one, minlength=nodes) + degree == 0] = False
    while alive.sum() > ONE_BY_ONE:
        kept = alive[one] & alive[two]
        heft = np.bincount(one[kept], weight[kept], nodes) + np.bincount(two[kept], weight[kept], nodes)
        score = float(weight[kept].sum() / alive.sum())
        if score > best.score:
            best = Block(score, np.flatnonzero(alive))
        alive &= heft > LAYER * score
    kept = alive[one] & alive[two]
    last = _peeled(one[kept], two[kept], weight[kept], np.flatnonzero(alive))
    return last if last.score > best.score else best


def _peeled(one: Whole, two: Whole, weight: Real, nodes: Whole) -> Block:
    """One node at a time, the lightest first; the best set on the way."""
    if not len(nodes):
        return Block(0.0, nodes)
    ties: dict[int, list[tuple[int, float]]] = {node: [] for node in nodes.tolist()}
    for a, b, w in zip(one.tolist(), two.tolist(), weight.tolist(), strict=True):
        ties[a].append((b, w))
        ties[b].append((a, w))
    heft = {node: sum(w for _, w in mine) for node, mine in ties.items()}
    heap = [(w, node) for node, w in heft.items()]
    heapq.heapify(heap)
    gone: set[int] = set()
    order: list[int] = []
    total = float(weight.sum())
    best, best_at = total / len(nodes), 0
    while len(gone) < len(nodes) - 1:
        w, node = heapq.heappop(heap)
        if node in gone or w != heft[node]:
            continue
        gone.add(node)
        order.append(node)
        total -= w
        for other, tie in ties[node]:
            if other not in gone:
                heft[other] -= tie
                heapq.heappush(heap, (heft[other], other))
        score = total / (len(nodes) - len(gone))
        if score > best + 1e-12:
            best, best_at = score, len(order)
    return Block(best, np.setdiff1d(nodes, np.array(order[:best_at], dtype=np.int64)))
