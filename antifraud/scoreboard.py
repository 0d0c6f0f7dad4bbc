"""Dealers by what the nights think of their cartons. Read-only; `nights` has the rows.

A dealer stands by the sum of what is thought of its cartons, never by a share of foreign scans. Towards one region e is
an e-value: it may be looked at on any day, and 1/alpha is passed by an honest dealer with probability alpha in its
whole life. Who is listed has been compared with all others at a false discovery rate (e-BH); who is not listed is not
concluded upon.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Row, text

from antifraud.nights import Verdict
from antifraud.params import Params
from antifraud.regions import Region
from foundation.database import ReadTx

LIKELY, POSSIBLE = 0.9, 0.5  # Posteriors of a task and of a notice.
MOST = 500


@dataclass(frozen=True, slots=True)
class Standing:
    """A dealer on the last day its meters changed. diverted: expected cartons; log_e: of its gravest region.

    region: where most of them went, None when nothing says.
    """

    dealer_id: int
    day: date
    region: Region | None
    log_e: float
    judged: int
    diverted: float
    listed: bool
    likely: int = 0  # cartons with a posterior of a task
    possible: int = 0  # and of a notice

    @property
    def log10_e(self) -> float:
        return self.log_e / math.log(10)

    @property
    def alarms(self) -> bool:
        """Its own evidence passes the threshold, whether or not it is listed among all."""
        return self.log_e >= threshold()


def threshold(params: Params | None = None) -> float:
    """log e from which a dealer's own evidence alarms."""
    return -math.log((params or Params()).batch.dealer_alpha)


def standings(tx: ReadTx, *, dealer_id: int | None = None, limit: int = MOST) -> list[Standing]:
    """Every dealer judged, the most diverted cartons first."""
    rows = tx.execute(_STANDINGS, {"dealer": dealer_id, "most": limit})
    counts = _counts(tx)
    return [_standing(row, counts.get(row.dealer_id, (0, 0))) for row in rows]


_STANDINGS = text("""
SELECT m.dealer_id, m.day, max(m.log_e) AS log_e, max(m.cartons) AS cartons, sum(m.diverted) AS diverted,
    bool_or(m.listed) AS listed, (array_agg(m.region ORDER BY m.diverted DESC, m.region))[1] AS region
FROM dealer_meters m
JOIN (SELECT dealer_id, max(day) AS day FROM dealer_meters
      WHERE CAST(:dealer AS bigint) IS NULL OR dealer_id = :dealer GROUP BY dealer_id) last
    ON last.dealer_id = m.dealer_id AND last.day = m.day
GROUP BY m.dealer_id, m.day ORDER BY diverted DESC, m.dealer_id LIMIT :most
""")


def _counts(tx: ReadTx) -> dict[int, tuple[int, int]]:
    rows = tx.execute(_COUNTS, {"likely": LIKELY, "possible": POSSIBLE})
    return {row.dealer_id: (row.likely, row.possible) for row in rows}


_COUNTS = text("""
SELECT dealer_id, count(*) FILTER (WHERE posterior >= :likely) AS likely,
    count(*) FILTER (WHERE posterior < :likely) AS possible
FROM carton_verdicts WHERE dealer_id IS NOT NULL AND posterior >= :possible GROUP BY dealer_id
""")


def _standing(row: Row[Any], counts: tuple[int, int]) -> Standing:
    return Standing(
        row.dealer_id, row.day, row.region or None, row.log_e, row.cartons, row.diverted, row.listed, *counts
    )


def evidence(tx: ReadTx, dealer_ids: Collection[int], *, since: date) -> dict[int, list[tuple[date, float]]]:
    """dealer -> (day, log e) in order."""
    found: dict[int, list[tuple[date, float]]] = {one: [] for one in dealer_ids}
    for row in tx.execute(_EVIDENCE, {"dealers": sorted(dealer_ids), "since": since}):
        found[row.dealer_id].append((row.day, row.log_e))
    return found


_EVIDENCE = text("""
SELECT dealer_id, day, max(log_e) AS log_e FROM dealer_meters
WHERE dealer_id = ANY (:dealers) AND day >= :since GROUP BY dealer_id, day ORDER BY dealer_id, day
""")


def verdicts(
    tx: ReadTx, dealer_ids: Sequence[int], *, target: Region | None = None, least: float = POSSIBLE, limit: int = 100
) -> list[Verdict]:
    """Cartons of these dealers, the most suspicious first."""
    asked = {"dealers": list(dealer_ids), "target": target, "least": least, "most": limit}
    return [Verdict(**row._mapping) for row in tx.execute(_VERDICTS, asked)]


_VERDICTS = text("""
SELECT sscc, dealer_id, posterior, target, scans, located, mix, judged_at FROM carton_verdicts
WHERE dealer_id = ANY (:dealers) AND posterior >= :least AND (CAST(:target AS integer) IS NULL OR target = :target)
ORDER BY posterior DESC, sscc LIMIT :most
""")


def flow_days(tx: ReadTx) -> tuple[date, date] | None:
    """The first and the last day on record."""
    row = tx.execute(text("SELECT min(day), max(day) FROM flows")).one()
    return None if row[0] is None else (row[0], row[1])
