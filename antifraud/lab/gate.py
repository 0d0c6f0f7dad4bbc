"""The gate before a rule counts: each check with what was found, what is needed, and what to do if it is not met.

| check        | passes when                                                                          |
| ------------ | ------------------------------------------------------------------------------------ |
| backtest     | a back-test of this version is done and covers enough days with scans                |
| shadow       | it ran beside live on enough days with scans                                         |
| healthy      | it failed on hardly any scan, in either                                              |
| people       | it touches few enough people not known to be bad, in 30 days                         |
| points, yuan | it holds little enough, in 30 days                                                   |
| adversaries  | played against what is live now, no attack is found less often                       |
| person       | somebody else than who drafted it and who asked publishes                            |

A rule that neither alerts nor holds touches nobody; it passes the same checks. Thresholds cannot be asked of a snapshot
that was judged with others, so for them the worlds of the adversaries stand in for history: `adversaries` and `person`,
and `honest`: hardly more honest scans are held, slowed down or call a person than by what is live.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from antifraud.lab import backtest, limits, shadow, versions
from antifraud.lab.versions import PARAMS, LabMoved, Version
from foundation import audit
from foundation.database import ReadTx, Tx

MONTH_DAYS = 30
Number = float | str | None


@dataclass(frozen=True, slots=True)
class Check:
    """needs, found: as people read them; found None: not measured yet. says: what is missing, in one sentence."""

    name: str
    passed: bool
    found: Number
    needs: Number
    says: str


class GateClosed(LabMoved):
    """The version may not be published yet; the sentence names the first thing that is missing."""

    type = "gate-closed"


def checks(tx: ReadTx, one: Version, *, by: str | None = None) -> list[Check]:
    """All of the table, in its order. by: who would publish."""
    most = limits.everything(tx)
    if one.kind == PARAMS:
        return [_adversaries(tx, one, most["recall_lost"]), _honest(tx, one, most["honest_more"]), _person(one, by)]
    run = backtest.latest(tx, one.slug, one.version, state="done")
    report = run.report if run and run.report else None
    found = [_backtest(run, most), _shadow(tx, one, most), _healthy(tx, one, report, most)]
    return [*found, *_radius(run, most), _adversaries(tx, one, most["recall_lost"]), _person(one, by)]


def ask(tx: Tx, slug: str, version: int, *, by: str, now: datetime) -> Version:
    """Call a second person, once every check but theirs passes. Raises GateClosed, LabMoved, NotFound."""
    found = checks(tx, versions.get(tx, slug, version))
    _closed([check for check in found if not check.passed and check.name != "person"])
    return versions.ask(tx, slug, version, by=by, now=now)


def _closed(missing: list[Check]) -> None:
    if missing:
        raise GateClosed(missing[0].says, missing=[check.name for check in missing])


def publish(tx: Tx, slug: str, version: int, *, by: str, now: datetime) -> Version:
    """Let the version count from the next scans on, if every check passes. Raises GateClosed, LabMoved, NotFound."""
    one = versions.get(tx, slug, version)
    asked = checks(tx, one, by=by)
    _closed([check for check in asked if not check.passed])
    live = versions.make_live(tx, slug, version, by=by, now=now)
    said = {check.name: [check.found, check.needs] for check in asked}
    audit.record(tx, actor=by, action="lab.gate", subject=f"lab:{slug}", after={"version": version} | said, now=now)
    return live


def _backtest(run: backtest.Run | None, most: dict[str, float]) -> Check:
    needs = most["backtest_days"]
    if run is None or run.report is None:
        return Check("backtest", False, None, needs, f"Run a back-test over at least {needs:g} days.")
    enough = run.days >= needs and run.report["scans"] > 0
    scans = run.report["scans"]
    says = f"The back-test covers {run.days:.1f} days and {scans:,} scans; at least {needs:g} days are needed."
    return Check("backtest", enough, round(run.days, 1), needs, says)


def _shadow(tx: ReadTx, one: Version, most: dict[str, float]) -> Check:
    seen = sum(day.scans > 0 for day in shadow.days(tx, one.slug, one.version, state="shadow"))
    needs = most["shadow_days"]
    says = f"It ran beside live on {seen} days with scans; {needs:g} are needed."
    return Check("shadow", seen >= needs, seen, needs, says)


def _healthy(tx: ReadTx, one: Version, report: object, most: dict[str, float]) -> Check:
    days = shadow.days(tx, one.slug, one.version)
    scans, failed = sum(day.scans for day in days), sum(day.failed for day in days)
    if isinstance(report, dict):
        scans, failed = scans + report["scans"], failed + report["failed"]
    share, needs = failed / scans if scans else None, most["failed_share"]
    says = f"It failed on {failed:,} of {scans:,} scans; at most a share of {needs:g} is allowed. Correct the rule."
    passed = share is not None and share <= needs
    return Check("healthy", passed, share, needs, says if scans else "It was asked of no scan yet.")


def _radius(run: backtest.Run | None, most: dict[str, float]) -> list[Check]:
    """People, points and money of 30 days, as the back-test's days have them on average."""
    asked = (("people", "honest", "honest_people", 1.0), ("points", "points", "points", 1.0),
             ("yuan", "worth_fen", "yuan", 100.0))  # fmt: skip
    found = []
    for name, column, limit, per in asked:
        needs = most[limit]
        if run is None or run.report is None:
            found.append(Check(name, False, None, needs, "The back-test says whom it touches; run one."))
            continue
        value = run.report[column] / per * MONTH_DAYS / max(1.0, run.days)
        says = (
            f"In 30 days it would touch {value:,.0f} {_UNITS[name]}; at most {needs:,.0f} are allowed. Narrow the rule."
        )
        found.append(Check(name, value <= needs, round(value, 1), needs, says))
    return found


_UNITS = {"people": "people not known to be bad", "points": "points", "yuan": "yuan"}


def _adversaries(tx: ReadTx, one: Version, allowed: float) -> Check:
    report = _played(tx, one)
    if report is None:
        says = f"Run the adversaries against it and what is live now: onecode lab adversaries --rule {one.slug}."
        return Check("adversaries", False, None, allowed, says)
    lost = {name: row["live"] - row["draft"] for name, row in report["attacks"].items()}
    worst = max(lost, key=lambda name: lost[name], default="")
    share = max(0.0, lost.get(worst, 0.0))
    says = f"It finds {share:.1%} less of {worst} than what is live; at most {allowed:.1%} may be lost."
    return Check("adversaries", share <= allowed, round(share, 4), allowed, says)


def _played(tx: ReadTx, one: Version) -> Mapping[str, Any] | None:
    """What came of the adversaries; None when something else became live since, for it was not what they met."""
    run = backtest.latest(tx, one.slug, one.version, "adversaries", state="done")
    changed = versions.live_changed_at(tx)
    return run.report if run is not None and (changed is None or run.asked_at >= changed) else None


def _honest(tx: ReadTx, one: Version, allowed: float) -> Check:
    report = _played(tx, one)
    if report is None:
        return Check("honest", False, None, allowed, "The adversaries' worlds say how many honest scans it touches.")
    row = report["honest"]
    more = max(0.0, row["draft"] - row["live"])
    says = f"It touches {more:.2%} more of the honest scans than what is live; at most {allowed:.2%} are allowed."
    return Check("honest", more <= allowed, round(more, 6), allowed, says)


def _person(one: Version, by: str | None) -> Check:
    two = " and ".join(behind(one))
    says = f"Another person than {two} has to publish it."
    return Check("person", by is not None and by not in behind(one), by, f"≠ {two}", says)


def behind(one: Version) -> list[str]:
    """Who drafted it and who asked for it: neither is the second person."""
    return list(dict.fromkeys(name for name in (one.drafted_by, one.asked_by) if name))
