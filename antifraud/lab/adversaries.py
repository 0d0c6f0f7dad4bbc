"""Runs against the adversaries, as they are kept with a version: recall per attack, and the cheapest way around it.

The attacks live in the simulator, which no detector may know; `benchmarks/adversaries.py` plays them, and what it
measured is stored here for the gate and the screen.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import insert

from antifraud.lab import backtest, reading, versions
from antifraud.lab.tables import lab_runs
from antifraud.lab.versions import Version
from foundation import audit, ids
from foundation.database import ReadTx, Tx


def asked(tx: ReadTx, slug: str | None) -> dict[str, Any]:
    """What `benchmarks/adversaries.py` reads: what is live, and the same with the newest version of `slug` in it."""
    live = {one.slug: one for one in versions.standing(tx, "live")}
    if slug is None:
        return {"live": _side(live.values()), "draft": None, "slug": None, "version": None}
    one = versions.get(tx, slug)
    return {"live": _side(live.values()), "draft": _side((live | {slug: one}).values()), "slug": slug,
            "version": one.version}  # fmt: skip


def _side(some: Iterable[Version]) -> dict[str, Any]:
    rules = [{"slug": one.slug, "version": one.version, "body": dict(one.body)} for one in some if one.kind == "rule"]
    changes = [one.body["changes"] for one in some if one.kind == versions.PARAMS]
    return {"rules": rules, "changes": changes[0] if changes else {}}


def keep(tx: Tx, slug: str, version: int, report: Mapping[str, Any], *, by: str, now: datetime) -> backtest.Run:
    """report: {"attacks": {"A1": {"live": share found now, "draft": share found with the version, …}}}."""
    versions.get(tx, slug, version)
    run_id = ids.uuid7(now)
    row = {"id": run_id, "kind": "adversaries", "slug": slug, "version": version, "state": "done", "progress": {}}
    when = {"since": versions.BEGINNING, "until": now, "asked_at": now, "ended_at": now, "cursor_at": now}
    what = {"cursor_id": reading.NOBODY, "asked_by": by, "report": dict(report)}
    tx.execute(insert(lab_runs).values(row | when | what))
    audit.record(tx, actor=by, action="lab.adversaries", subject=f"lab:{slug}", after={"version": version}, now=now)
    return backtest.get(tx, run_id)
