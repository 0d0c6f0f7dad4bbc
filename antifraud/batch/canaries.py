"""R-H4: a number that was never printed and stands in one code package only. Whoever scans it has seen the file.

False alarms: a guess, about 1e-9, provided the printer's feed really skips them. One scan proves it.
"""

import numpy as np

from antifraud.batch.memory import groups
from antifraud.batch.proof import BatchFinding, found, ordered
from antifraud.columns import Outcome, Scans
from antifraud.findings import Severity

__all__ = ["judge_canaries"]


def judge_canaries(scans: Scans, first_row: int = 0) -> list[BatchFinding]:
    """One finding a canary scanned in this batch. first_row: the number of its first scan."""
    rows = np.flatnonzero(scans.outcome == Outcome.CANARY)
    rows = rows[np.argsort(scans.item[rows], kind="stable")]
    index = groups(scans.item[rows])
    spans = zip(index.keys.tolist(), index.starts.tolist(), index.stops.tolist(), strict=True)
    return ordered(
        found(
            "PKG_LEAK", Severity.CRITICAL, f"canary:{item}", {"item": item, "scans": stop - start}, 20.0,
            at=scans.at[rows[start]], scans=rows[start:stop] + first_row,
        )
        for item, start, stop in spans
    )  # fmt: skip
