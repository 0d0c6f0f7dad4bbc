"""Runs against the adversaries, as they are kept with a version: recall per attack, and the cheapest way around it.

The attacks live in the simulator, which no detector may know; `benchmarks/adversaries.py` plays them, and what it
measured is stored here for the gate and the screen. Who wants a run asks for it; whoever can play takes the oldest. A
run that was taken and not finished within LEASE is taken again.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, update

from antifraud.lab import backtest, reading, versions
from antifraud.lab.tables import lab_rules, lab_runs
from antifraud.lab.versions import Version
from foundation import audit, ids
from foundation.database import ReadTx, Tx

LEASE = timedelta(minutes=15)  # Above what a player allows a run, or one would be played twice.


def asked(tx: ReadTx, slug: str | None, version: int | None = None) -> dict[str, Any]:
    """What `benchmarks/adversaries.py` reads: what is live, and the same with this version of `slug`, or the newest."""
    live = {one.slug: one for one in versions.standing(tx, "live")}
    if slug is None:
        return {"live": _side(live.values()), "draft": None, "slug": None, "version": None}
    one = versions.get(tx, slug, version)
    return {"live": _side(live.values()), "draft": _side((live | {slug: one}).values()), "slug": slug,
            "version": one.version}  # fmt: skip


def _side(some: Iterable[Version]) -> dict[str, Any]:
    rules = [{"slug": one.slug, "version": one.version, "body": dict(one.body)} for one in some if one.kind == "rule"]
    changes = [one.body["changes"] for one in some if one.kind == versions.PARAMS]
    return {"rules": rules, "changes": changes[0] if changes else {}}


def ask(tx: Tx, slug: str, version: int, *, by: str, now: datetime) -> backtest.Run:
    """A run that waits to be played; the one that waits or is played already, if there is one. Raises NotFound."""
    # The row of the rule is the queue: two who ask at once get one run.
    tx.execute(select(lab_rules.c.slug).where(lab_rules.c.slug == slug).with_for_update())
    last = backtest.latest(tx, slug, version, "adversaries")
    if last is not None and last.state in ("waiting", "running"):
        return last
    versions.get(tx, slug, version)
    made = _row(ids.uuid7(now), slug, version, by, now) | {"state": "waiting"}
    tx.execute(insert(lab_runs).values(made))
    audit.record(tx, actor=by, action="lab.adversaries", subject=f"lab:{slug}", after={"version": version}, now=now)
    return backtest.get(tx, made["id"])


def take(tx: Tx, *, now: datetime) -> backtest.Run | None:
    """The oldest run that waits, or whose player is gone, for whoever plays it now."""
    gone = (lab_runs.c.state == "running") & (lab_runs.c.cursor_at < now - LEASE)
    due = select(lab_runs.c.id).where(lab_runs.c.kind == "adversaries", (lab_runs.c.state == "waiting") | gone)
    one = due.order_by(lab_runs.c.asked_at).limit(1).with_for_update(skip_locked=True).scalar_subquery()
    taken = update(lab_runs).where(lab_runs.c.id == one).values(state="running", cursor_at=now)
    found = tx.execute(taken.returning(lab_runs.c.id)).scalar()
    return backtest.get(tx, found) if found else None


def finish(tx: Tx, run_id: UUID, *, report: Mapping[str, Any] | None, failure: str | None = None,
           now: datetime) -> None:  # fmt: skip
    """report: as in `keep`. Neither a report nor a failure: it was interrupted, and waits again."""
    done = {"state": "done", "report": dict(report), "ended_at": now} if report is not None else None
    failed = {"state": "failed", "failure": failure, "ended_at": now} if failure is not None else None
    mine = (lab_runs.c.id == run_id, lab_runs.c.state == "running")
    tx.execute(update(lab_runs).where(*mine).values(done or failed or {"state": "waiting"}))


def keep(tx: Tx, slug: str, version: int, report: Mapping[str, Any], *, by: str, now: datetime) -> backtest.Run:
    """report: {"attacks": {"A1": {"live": share found now, "draft": share found with the version, …}}}."""
    versions.get(tx, slug, version)
    row = _row(ids.uuid7(now), slug, version, by, now)
    tx.execute(insert(lab_runs).values(row | {"state": "done", "ended_at": now, "report": dict(report)}))
    audit.record(tx, actor=by, action="lab.adversaries", subject=f"lab:{slug}", after={"version": version}, now=now)
    return backtest.get(tx, row["id"])


def _row(run_id: UUID, slug: str, version: int, by: str, now: datetime) -> dict[str, Any]:
    what = {"id": run_id, "kind": "adversaries", "slug": slug, "version": version, "progress": {}}
    when = {"since": versions.BEGINNING, "until": now, "asked_at": now, "cursor_at": now}
    return what | when | {"cursor_id": reading.NOBODY, "asked_by": by}
