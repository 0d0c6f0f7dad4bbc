"""Dealer to region: more scans than its honest leak explains. Corroborates; it is no proof of its own.

O: people seen there. E: people of the dealer x its honest share out of home x where strays of such a dealer go (near by
and where everybody's go; its own past does not count, or a diverter would explain itself away). Pearson residual
(O - E) / sqrt(phi E) > 4 with E >= 5; phi, at least 1, is how much honest flows scatter beyond Poisson: the median of
their squares over that of a chi-square.
"""

import numpy as np

from antifraud.batch.cartons import CartonState, Judged, Route
from antifraud.batch.proof import BatchFinding, found, ordered
from antifraud.batch.territory import codes
from antifraud.findings import Severity
from antifraud.params import Params

__all__ = ["judge_flows"]

CHI2_MEDIAN = 0.4549


def judge_flows(judged: Judged, route: Route, params: Params, state: CartonState) -> list[BatchFinding]:
    """The flows of the touched dealers that stand out from all flows."""
    touched = set(route.cartons.dealer[judged.row].tolist())
    latest = int(judged.buyers.at.max()) if len(judged.buyers) else 0
    climate, common = state.climate, state.climate.everywhere(params)
    owners = dict(zip(route.territories.dealer.tolist(), route.territories.home, strict=True))
    dealers = sorted(set(owners) & set(climate.seen))
    if not dealers:
        return []
    seen = np.array([climate.seen[dealer] for dealer in dealers])
    expected = np.array([
        climate.scans[dealer] * common * climate.strays(dealer, owners[dealer], params, own=False) for dealer in dealers
    ])  # fmt: skip
    fit = expected >= params.batch.flow_expected
    residual = np.where(fit, (seen - expected) / np.sqrt(np.maximum(expected, 1e-9)), 0.0)
    phi = max(1.0, float(np.median(residual[fit] ** 2)) / CHI2_MEDIAN) if fit.any() else 1.0
    findings = []
    high = np.argwhere(residual / np.sqrt(phi) > params.batch.flow_residual)
    for row, place in high.tolist():
        if dealers[row] in touched:
            values = {
                "dealer": dealers[row], "region": int(codes()[place]), "scans": round(float(seen[row, place]), 1),
                "expected": round(float(expected[row, place]), 1),
                "residual": round(float(residual[row, place] / np.sqrt(phi)), 2), "limit": params.batch.flow_residual,
            }  # fmt: skip
            pivot = f"dealer:{dealers[row]}:{values['region']}"
            findings.append(found("DIV_FLOW_EXCESS", Severity.MEDIUM, pivot, values, 2.0, at=latest))
    return ordered(findings)
