"""What a batch detector says: a finding, when the evidence sufficed, and the rows that prove it.

Rows are numbered in the order they were folded, from 0 over all batches of a detector's life, so the same events give
the same numbers whatever the batches were. Findings stand in one order: the same events, byte-identical findings.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

import numpy as np
import orjson

from antifraud.findings import Finding, Reason, Severity, Value

__all__ = ["BatchFinding", "canonical", "found", "ordered"]

SHOWN = 50  # Rows a finding names; its values say how many there are.


@dataclass(frozen=True, slots=True)
class BatchFinding:
    """at: microseconds UTC of the latest row of its proof. scans: row numbers; cartons: ids. At most SHOWN of each.

    people: of a ring, whom it is about; nobody where the pivot says it.
    """

    finding: Finding
    at: int
    scans: tuple[int, ...] = ()
    cartons: tuple[int, ...] = ()
    people: tuple[int, ...] = ()

    @property
    def code(self) -> str:
        return self.finding.reason.code

    @property
    def pivot(self) -> str:
        return self.finding.pivot or ""

    @property
    def values(self) -> Mapping[str, Value]:
        return self.finding.reason.values


def found(
    code: str, severity: Severity, pivot: str, values: Mapping[str, Value], contribution: float,
    *, at: int, scans: Iterable[int] = (), cartons: Iterable[int] = (), holds: bool = False,
    people: Iterable[int] = (),
) -> BatchFinding:  # fmt: skip
    """contribution: evidence in nats."""
    plain = {name: value.item() if isinstance(value, np.generic) else value for name, value in values.items()}
    finding = Finding(Reason(code, plain, round(float(contribution), 4)), severity, pivot, holds)
    rows, units = ([int(one) for one in some][:SHOWN] for some in (scans, cartons))
    return BatchFinding(finding, int(at), tuple(rows), tuple(units), tuple(int(one) for one in people))


def ordered(findings: Iterable[BatchFinding]) -> list[BatchFinding]:
    """In the one order: when, what, whom."""
    return sorted(findings, key=lambda one: (one.at, one.code, one.pivot))


def canonical(findings: Iterable[BatchFinding]) -> bytes:
    """The findings as bytes: equal if and only if they say the same."""
    return orjson.dumps([asdict(one) for one in ordered(findings)], option=orjson.OPT_SORT_KEYS)
