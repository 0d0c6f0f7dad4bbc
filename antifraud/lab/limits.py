"""Limits of the publish gate: what the program says unless somebody changed them; every change is audited."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from antifraud.lab.tables import lab_limits
from foundation import audit
from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest

USUAL: Mapping[str, float] = {
    "backtest_days": 14,  # of history a back-test covers, at least
    "shadow_days": 3,  # with scans, beside live, at least
    "honest_people": 50,  # touched in 30 days, at most
    "points": 20_000,  # held in 30 days, at most
    "yuan": 2_000,  # the same in money, prizes included
    "failed_share": 0.001,  # of scans a rule may fail on
    "recall_lost": 0.0,  # of any adversary, against what is live
    "honest_more": 0.0005,  # of honest scans that other thresholds may touch more than what is live
    "fen_per_point": 1.0,  # what a point is worth
    "baseline_scans": 1_000,  # a hit share is trusted from so many on
}


class BadLimit(BadRequest):
    type = "bad-limit"


def value(tx: ReadTx, name: str) -> float:
    return everything(tx)[name]


def everything(tx: ReadTx) -> dict[str, float]:
    return {**USUAL, **{row.name: row.value for row in tx.execute(select(lab_limits)) if row.name in USUAL}}


def change(tx: Tx, name: str, to: float, *, by: str, now: datetime) -> None:
    """Raises BadLimit."""
    if name not in USUAL:
        raise BadLimit(f"There is no limit {name!r}; the limits are {', '.join(USUAL)}.")
    if not 0 <= to < 1e12:
        raise BadLimit(f"{name}: give a number of 0 or more.")
    before = value(tx, name)
    row = {"value": to, "changed_by": by, "changed_at": now}
    new = insert(lab_limits).values(name=name, **row)
    tx.execute(new.on_conflict_do_update(index_elements=["name"], set_=row))
    said = ({"name": name, "value": before}, {"name": name, "value": to})
    audit.record(tx, actor=by, action="lab.limit", subject="lab:limits", before=said[0], after=said[1], now=now)
