"""Who and what a case's scans join: accounts, phones and networks in columns, a line for every pair one scan had. Pure.

Columns do not need forces: a node stands at the mean height of its neighbours to the left (barycentre, Sugiyama 1981),
so the same scans give the same picture. Of more than MOST nodes, those with one and the same neighbours are one group.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from antifraud.scan_log import Scan

Kind = Literal["account", "device", "network"]
KINDS: tuple[Kind, ...] = ("account", "device", "network")
MOST = 200
Name = tuple[Kind, str]


@dataclass(frozen=True, slots=True)
class Node:
    """kind and place: column, and row in it. many: nodes it stands for; degree: its neighbours."""

    kind: Kind
    name: str
    row: int
    scans: int
    degree: int
    many: int = 1


@dataclass(frozen=True, slots=True)
class Edge:
    """Places in `Graph.nodes`; how many scans had both."""

    left: int
    right: int
    scans: int


@dataclass(frozen=True, slots=True)
class Graph:
    nodes: Sequence[Node]
    edges: Sequence[Edge]

    def rows(self, kind: Kind) -> int:
        return sum(node.kind == kind for node in self.nodes)


def graph(scans: Iterable[Scan], *, most: int = MOST) -> Graph:
    """A scan without an account joins its phone and network alone."""
    joined: Counter[tuple[Name, Name]] = Counter()
    seen: Counter[Name] = Counter()
    for scan in scans:
        device: Name = ("device", scan.device)
        pairs: list[tuple[Name, Name]] = [(device, ("network", scan.address))]
        if scan.member_id is not None:
            pairs.append((("account", str(scan.member_id)), device))
        joined.update(pairs)
        seen.update({name for pair in pairs for name in pair})
    return _laid(joined, seen, Counter(dict.fromkeys(seen, 1)), most)


def _laid(joined: Counter[tuple[Name, Name]], seen: Counter[Name], many: Counter[Name], most: int) -> Graph:
    if len(seen) > most:
        joined, seen, many = _grouped(joined, seen)
    if len(seen) > most:
        joined, seen, many = _cut(joined, seen, many, most)
    near = _near(joined)
    order = _order(seen, near)
    at = {name: place for place, name in enumerate(order)}
    rows: Counter[str] = Counter()
    nodes = []
    for name in order:
        nodes.append(Node(name[0], name[1], rows[name[0]], seen[name], len(near[name]), many[name]))
        rows[name[0]] += 1
    edges = [Edge(at[left], at[right], scans) for (left, right), scans in sorted(joined.items())]
    return Graph(nodes, edges)


def _near(joined: Iterable[tuple[Name, Name]]) -> dict[Name, set[Name]]:
    near: dict[Name, set[Name]] = defaultdict(set)
    for left, right in joined:
        near[left].add(right)
        near[right].add(left)
    return near


def _grouped(
    joined: Counter[tuple[Name, Name]], seen: Counter[Name]
) -> tuple[Counter[tuple[Name, Name]], Counter[Name], Counter[Name]]:
    """Nodes of one kind with the same neighbours become the first of them, outer columns first."""
    many: Counter[Name] = Counter(dict.fromkeys(seen, 1))
    for kind in ("account", "network", "device"):
        near, groups = _near(joined), defaultdict(list)
        for name in sorted(seen):
            if name[0] == kind:
                groups[frozenset(near[name])].append(name)
        stands = {name: group[0] for group in groups.values() for name in group}
        joined = _merged(joined, stands)
        seen, many = _summed(seen, stands), _summed(many, stands)
    return joined, seen, many


def _cut(
    joined: Counter[tuple[Name, Name]], seen: Counter[Name], many: Counter[Name], most: int
) -> tuple[Counter[tuple[Name, Name]], Counter[Name], Counter[Name]]:
    """The best connected stay; the rest of each column is one node."""
    near = _near(joined)
    kept = set(sorted(seen, key=lambda name: (-len(near[name]), -seen[name], name))[: most - len(KINDS)])
    stands: dict[Name, Name] = {name: name if name in kept else (name[0], "…") for name in seen}
    return _merged(joined, stands), _summed(seen, stands), _summed(many, stands)


def _merged(joined: Mapping[tuple[Name, Name], int], stands: Mapping[Name, Name]) -> Counter[tuple[Name, Name]]:
    merged: Counter[tuple[Name, Name]] = Counter()
    for (left, right), scans in joined.items():
        merged[stands.get(left, left), stands.get(right, right)] += scans
    return merged


def _summed(counts: Mapping[Name, int], stands: Mapping[Name, Name]) -> Counter[Name]:
    summed: Counter[Name] = Counter()
    for name, count in counts.items():
        summed[stands.get(name, name)] += count
    return summed


def _order(seen: Counter[Name], near: Mapping[Name, set[Name]]) -> list[Name]:
    """Phones by what they join, accounts and networks beside theirs."""
    devices = sorted((name for name in seen if name[0] == "device"), key=lambda name: (sorted(near[name]), name))
    height = {name: place for place, name in enumerate(devices)}

    def mean(name: Name) -> float:
        places = [height[one] for one in near[name] if one in height]
        return sum(places) / len(places) if places else 0.0

    beside = {
        kind: sorted((name for name in seen if name[0] == kind), key=lambda name: (mean(name), name))
        for kind in ("account", "network")
    }
    return [*beside["account"], *devices, *beside["network"]]
