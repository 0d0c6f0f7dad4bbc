"""R-C4: victim clusters. Where copies are sold, buyer after buyer finds the reward "already claimed".

A victim: the code was claimed by U1; later U2 scans it, both located, over 20 km apart, with no phone, network or payee
in common. Victims are counted by carton, run and region. Poisson scan statistic, C victims in all, e expected here:

    LLR_Z = c log(c / e) + (C - c) log((C - c) / (C - e))  if c > e, else 0

p by Monte-Carlo: 999 times, C victims are spread over the claims at random and the largest LLR of any zone is kept, so
that looking at many zones is paid for. Flag at p <= .01: one false cluster in a hundred nights without copies.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from antifraud.batch.fixes import far_km, radius_km, region_of_many
from antifraud.batch.items import Touched, Visits, row_of
from antifraud.batch.memory import among, groups
from antifraud.batch.proof import BatchFinding, found, ordered
from antifraud.columns import Cartons
from antifraud.findings import Severity, Value
from antifraud.params import Params

__all__ = ["Victims", "judge_victims", "victims"]

Whole = NDArray[np.int64]
Real = NDArray[np.float64]
KINDS = ("carton", "run", "region")


@dataclass(slots=True)
class Victims:
    """By kind of zone: zone -> (claims that could have met a copy, victims). A region is the victim's."""

    exposed: dict[str, dict[int, int]] = field(default_factory=lambda: {kind: {} for kind in KINDS})
    harmed: dict[str, dict[int, int]] = field(default_factory=lambda: {kind: {} for kind in KINDS})
    latest: int = 0
    explained: set[int] = field(default_factory=set)

    def fold(self, touched: Touched, cartons: Cartons, known: Iterable[int] = ()) -> None:
        """Take what the touched codes say now in place of what they said before.

        known: codes somebody was told of, as copied or as claimed by a thief: their victims are explained.
        """
        before = touched.before.take(~among(touched.before.item, self.explained))
        self.explained.update(known)
        now = touched.visits.take(~among(touched.visits.item, self.explained))
        for visits, sign in ((before, -1), (now, 1)):
            claims = np.flatnonzero(visits.claimed & (visits.cell >= 0))
            for counts, rows in ((self.exposed, claims), (self.harmed, victims(visits, 20.0))):
                for kind, zone in _zones(visits, rows, cartons):
                    _add(counts[kind], zone, sign)
        if len(touched.visits):
            self.latest = max(self.latest, int(touched.visits.at.max()))


def _zones(visits: Visits, rows: Whole, cartons: Cartons) -> Iterator[tuple[str, Whole]]:
    at = row_of(visits.carton[rows], cartons)
    known = at >= 0
    yield "carton", visits.carton[rows][known]
    yield "run", cartons.run[at[known]]
    yield "region", region_of_many(visits.lat[rows], visits.lon[rows])


def _add(counts: dict[int, int], zone: Whole, sign: int) -> None:
    for one, many in zip(*(part.tolist() for part in np.unique(zone, return_counts=True)), strict=True):
        counts[one] = counts.get(one, 0) + sign * many


def victims(visits: Visits, km: float) -> Whole:
    """The rows of the first victim of each code that has one."""
    index = groups(visits.item)
    claims = np.flatnonzero(visits.claimed)
    claim = np.full(len(index), -1)
    claim[index.of[claims[::-1]]] = claims[::-1]  # The first claim stays.
    mine = claim[index.of]
    later = np.flatnonzero((mine >= 0) & (np.arange(len(visits)) > mine) & visits.paying & (visits.cell >= 0))
    mine = mine[later]
    apart = visits.cell[mine] >= 0
    for name in ("person", "device", "network", "payee"):
        values = getattr(visits, name)
        apart &= (values[later] != values[mine]) | (values[later] == 0)
    apart &= visits.person[later] != visits.person[mine]
    later, mine = later[apart], mine[apart]
    reach = radius_km(visits.method, visits.sigma_km)
    off = far_km(visits.lat[mine], visits.lon[mine], visits.lat[later], visits.lon[later]) - reach[mine] - reach[later]
    far = later[off > km]
    firsts: Whole = far[np.unique(visits.item[far], return_index=True)[1]]
    return firsts


def judge_victims(state: Victims, params: Params, rng: np.random.Generator) -> list[BatchFinding]:
    """The zones with more victims than chance puts into any zone. rng: seeded by the caller."""
    findings = []
    for kind in KINDS:
        harmed = {zone: many for zone, many in sorted(state.harmed[kind].items()) if many and zone}
        total, exposed = sum(harmed.values()), _exposed(state, kind, harmed)
        if not harmed or not exposed:
            continue
        zones = np.array(sorted(exposed))
        share = np.array([exposed[zone] for zone in zones.tolist()], dtype=float)
        share /= share.sum()
        counts = np.array([harmed.get(zone, 0) for zone in zones.tolist()])
        seen = _llr(counts, total * share, total)
        chance = _chance(share, total, params.batch.victim_replicates, rng)
        for one in np.flatnonzero((seen > 0) & (counts >= params.batch.victim_least)).tolist():
            p = (1 + int((chance >= seen[one]).sum())) / (1 + len(chance))
            if p <= params.batch.victim_p / len(KINDS):
                expected = float(total * share[one])
                findings.append(_cluster(kind, int(zones[one]), int(counts[one]), expected, seen[one], p, state))
    return ordered(findings)


def _exposed(state: Victims, kind: str, harmed: dict[int, int]) -> dict[int, int]:
    """Claims by zone; a zone with victims and no claim of its own had at least as many that could have met them."""
    exposed = {zone: many for zone, many in state.exposed[kind].items() if many > 0 and zone}
    return exposed | {zone: max(many, exposed.get(zone, 0)) for zone, many in harmed.items()}


def _llr(c: Whole, e: Real, total: int) -> Real:
    """The scan statistic of zones with c of `total` victims where e were expected."""
    rest, spare = total - c, total - e
    with np.errstate(divide="ignore", invalid="ignore"):
        inner = np.where(c > 0, c * np.log(c / e), 0.0)
        outer = np.where(rest > 0, rest * np.log(rest / spare), 0.0)
    return np.asarray(np.where(c > e, inner + outer, 0.0))


def _chance(share: Real, total: int, replicates: int, rng: np.random.Generator) -> Real:
    """The largest statistic of any zone, `total` victims thrown at random, each time anew."""
    best = np.zeros(replicates)
    edges = np.cumsum(share)
    for at in range(replicates):
        drawn = np.searchsorted(edges, rng.random(total) * edges[-1], side="right")
        zone, counts = np.unique(np.minimum(drawn, len(share) - 1), return_counts=True)
        best[at] = _llr(counts, total * share[zone], total).max()
    return best


def _cluster(
    kind: str, zone: int, count: int, expected: float, llr: float, p: float, state: Victims
) -> BatchFinding:  # fmt: skip
    values: dict[str, Value] = {"zone": kind, "victims": count, "expected": round(expected, 2)}
    values |= {"llr": round(llr, 2), "p": round(p, 4)}
    if kind == "region":
        values["region"] = zone
    return found(
        "CLN_VICTIM_CLUSTER", Severity.HIGH, f"{kind}:{zone}", values, llr, at=state.latest,
        cartons=[zone] if kind == "carton" else (),
    )  # fmt: skip
