"""`onecode lab`: rules of the judgement from draft to live and back, tried on history, beside live, against attacks."""

import json
import threading
from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

import typer

from antifraud.findings import Severity
from antifraud.lab import adversaries as library
from antifraud.lab import backtest as backtests
from antifraud.lab import gate, limits, quality, shadow, versions
from antifraud.lab.versions import Version
from foundation import clock, ids
from foundation.database import ReadTx, reading, transaction
from foundation.errors import BadRequest
from foundation.settings import Settings
from scan_api import sparring
from scan_api.commands.options import By, Json, me, print_rows
from scan_api.house import open_house

app = typer.Typer(
    no_args_is_help=True, help="Rules of the judgement from draft to live and back: history, shadow, attacks, gate."
)
Why = Annotated[str, typer.Option("--why", help="A sentence; it is kept.")]
Slug = Annotated[str, typer.Argument(help="The rule's name, or `params` for the thresholds.")]
Nth = Annotated[int, typer.Option("--version", help="Of the rule; by default the newest.")]
SEVERITIES = {"": None, "medium": Severity.MEDIUM, "high": Severity.HIGH, "critical": Severity.CRITICAL}


@app.command("list")
def list_rules(as_json: Json = False) -> None:
    """Every rule: what is live, in shadow, and the newest version."""
    with open_house(Settings.from_environment()) as house, reading(house.engine) as tx:
        found = versions.everything(tx)
    rows = [{"slug": one.slug, "version": one.version, "state": one.state, "by": one.drafted_by, "why": one.why,
             "says": one.sentence("en")} for one in found]  # fmt: skip
    print_rows(rows, as_json)


@app.command()
def draft(
    slug: Slug,
    rule: Annotated[str, typer.Option("--rule", help='Such as: people >= 3 and method == "gps"')] = "",
    change: Annotated[list[str] | None, typer.Option("--set", help="Of `params`: name=number; again for more.")] = None,
    name_zh: Annotated[str, typer.Option("--zh", help="What people call it in Chinese")] = "",
    name_en: Annotated[str, typer.Option("--en", help="and in English")] = "",
    score: Annotated[str, typer.Option(help="clone, harvest, diversion or abuse")] = "abuse",
    weight: Annotated[float, typer.Option(help="Nats it adds to the score, 0 to 7")] = 1.0,
    alert: Annotated[str, typer.Option(help="medium, high or critical; empty alerts nobody")] = "",
    hold: Annotated[bool, typer.Option(help="The reward waits for a person.")] = False,
    budget: Annotated[int, typer.Option(help="Alerts and holds a day; 0 is without end")] = 0,
    why: Why = "",
    by: By = "",
    as_json: Json = False,
) -> None:
    """Write a new version of a rule, or of the thresholds."""
    if alert not in SEVERITIES:
        raise BadRequest(f"There is no alert {alert!r}; it is medium, high, critical, or left out.")
    with open_house(Settings.from_environment()) as house, transaction(house.engine) as tx:
        now = clock.now()
        if slug == versions.PARAMS:
            made = versions.draft_params(tx, _changes(change or []), why=why, by=me(by), now=now)
        else:
            made = versions.draft_rule(
                tx, slug, text=rule, name_zh=name_zh, name_en=name_en, score=score, weight=weight,
                severity=SEVERITIES[alert], hold=hold, budget=budget, why=why, by=me(by), now=now,
            )  # fmt: skip
        library.ask(tx, slug, made.version, by=me(by), now=now)  # On every change.
    _said(made, as_json)


def _changes(pairs: list[str]) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise BadRequest(f"{pair!r}: write --set name=number.")
        try:
            changes[name.strip()] = float(value)
        except ValueError:
            changes[name.strip()] = value.strip()
    return changes


@app.command()
def backtest(
    slug: Slug,
    days: Annotated[int, typer.Option(help="How many days until now")] = 30,
    version: Nth = 0,
    run: Annotated[str, typer.Option("--run", help="The run's id, to ask again for the same one")] = "",
    by: By = "",
    as_json: Json = False,
) -> None:
    """Try a version on history, here and now; stopped, the worker goes on with it."""
    with open_house(Settings.from_environment()) as house:
        with transaction(house.engine) as tx:
            now = clock.now()
            run_id = _uuid(run) if run else ids.uuid7(now)
            one = versions.get(tx, slug, version or None)
            known = backtests.find(tx, run_id)
            since, until = (known.since, known.until) if known else (now - timedelta(days=days), now)
            backtests.ask(tx, run_id, slug, one.version, since=since, until=until, by=me(by), now=now)
        more = True
        while more:
            with transaction(house.engine) as tx:
                more = backtests.go_on(tx, run_id, now=clock.now())
        with reading(house.engine) as tx:
            done = backtests.get(tx, run_id)
    report = dict(done.report or {})
    said = {"run": str(run_id), "state": done.state, "failure": done.failure} | report
    print_rows([said] if not as_json else said, as_json, hide=("days", "examples", "verdicts"))


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise BadRequest(f"{text!r} is no id of a run; it looks like 0198c0de-….") from None


@app.command("shadow")
def start_shadow(
    slug: Slug,
    days: Annotated[int, typer.Option(help="How long; it ends by itself")] = 7,
    version: Nth = 0,
    by: By = "",
    as_json: Json = False,
) -> None:
    """Run a version beside live traffic, without effect."""
    with open_house(Settings.from_environment()) as house, transaction(house.engine) as tx:
        now, one = clock.now(), versions.get(tx, slug, version or None)
        made = versions.start_shadow(tx, slug, one.version, until=now + timedelta(days=days), by=me(by), now=now)
    _said(made, as_json)


@app.command("days")
def list_days(slug: Slug, version: Nth = 0, as_json: Json = False) -> None:
    """What a version said of the scans of each day, in shadow and live."""
    with open_house(Settings.from_environment()) as house, reading(house.engine) as tx:
        found = shadow.days(tx, slug, versions.get(tx, slug, version or None).version)
    print_rows([{"day": str(one.day), "state": one.state, "scans": one.scans, "hits": one.hits, "fresh": one.fresh,
                 "actions": one.actions, "failed": one.failed} for one in found], as_json)  # fmt: skip


@app.command("quality")
def show_quality(
    days: Annotated[int, typer.Option(help="How many days until now")] = 30, as_json: Json = False
) -> None:
    """Precision, recall and overlap of every reason and rule, with 95 % intervals."""
    with open_house(Settings.from_environment()) as house, reading(house.engine) as tx:
        now = clock.now()
        found = quality.measure(tx, since=now - timedelta(days=days), until=now)
    rows = [{"code": one.code, "hits": one.hits, "share": round(one.share, 6), "bad": one.bad, "good": one.good,
             "valuable": one.valuable, "precision": _share(one.precision), "recall": _share(one.recall),
             "alerts": one.alerts, "pivots": one.pivots, "repeat": round(one.repeat, 4)}
            for one in found.codes]  # fmt: skip
    if as_json:
        overlap = [{"codes": list(pair), "scans": many, "share": round(part, 4)}
                   for pair, (many, part) in found.overlap.items()]  # fmt: skip
        print(json.dumps({"scans": found.scans, "audited": found.audited, "codes": rows, "overlap": overlap}))
    else:
        print_rows(rows, as_json)


def _share(share: quality.Share | None) -> list[float] | None:
    return [round(value, 4) for value in (share.value, share.low, share.high)] if share else None


@app.command("gate")
def show_gate(slug: Slug, version: Nth = 0, by: By = "", as_json: Json = False) -> None:
    """What a version has and what it lacks to be published; exit 1 when anything is missing."""
    with open_house(Settings.from_environment()) as house, reading(house.engine) as tx:
        found = gate.checks(tx, versions.get(tx, slug, version or None), by=me(by))
    print_rows([{"check": one.name, "passed": one.passed, "found": one.found, "needs": one.needs,
                 "says": "" if one.passed else one.says} for one in found], as_json)  # fmt: skip
    if not all(one.passed for one in found):
        raise typer.Exit(1)


@app.command()
def publish(slug: Slug, version: Nth = 0, by: By = "", as_json: Json = False) -> None:
    """Let a version count, if every check passes; by another person than who drafted it."""
    with open_house(Settings.from_environment()) as house, transaction(house.engine) as tx:
        one = versions.get(tx, slug, version or None)
        made = gate.publish(tx, slug, one.version, by=me(by), now=clock.now())
    _said(made, as_json)


@app.command()
def rollback(slug: Slug, why: Why = "", by: By = "", as_json: Json = False) -> None:
    """Take the live version back; the one it replaced counts again."""
    with open_house(Settings.from_environment()) as house, transaction(house.engine) as tx:
        live = _live(tx, slug)
        made = versions.roll_back(tx, slug, live.version, why=why, by=me(by), now=clock.now())
    _said(made, as_json)


def _live(tx: ReadTx, slug: str) -> Version:
    for one in versions.of_rule(tx, slug):
        if one.state == "live":
            return one
    raise BadRequest(f"No version of {slug!r} is live.")


@app.command("limits")
def show_limits(
    change: Annotated[str, typer.Option("--set", help="name=number")] = "", by: By = "", as_json: Json = False
) -> None:
    """The limits of the gate; with --set, change one."""
    with open_house(Settings.from_environment()) as house, transaction(house.engine) as tx:
        if change:
            ((name, to),) = _changes([change]).items()
            if not isinstance(to, float):
                raise BadRequest(f"{name}: give a number.")
            limits.change(tx, name, to, by=me(by), now=clock.now())
        found = limits.everything(tx)
    print_rows([{"limit": name, "value": value} for name, value in found.items()], as_json)


@app.command()
def adversaries(
    rule: Annotated[str, typer.Option("--rule", help="Play against its newest version too.")] = "",
    by: By = "",
    as_json: Json = False,
) -> None:
    """Play A1 to A10 in small seeded worlds: recall of each, and the cheapest way around the rule. About a minute."""
    with open_house(Settings.from_environment()) as house:
        begun = clock.now()  # What is published while they play, they did not meet.
        with reading(house.engine) as tx:
            asked = library.asked(tx, rule or None)
        try:
            report = sparring.play(asked, threading.Event())
        except sparring.NotPlayed as problem:
            raise BadRequest(str(problem)) from None
        assert report is not None  # Nobody stops it but Ctrl-C.
        if rule:
            with transaction(house.engine) as tx:
                library.keep(tx, rule, asked["version"], report, by=me(by), now=begun)
    if as_json:
        print(json.dumps(report))
        return
    rows = [{"attack": name} | {key: value for key, value in row.items() if key != "evasion"} | _around(row)
            for name, row in (report["attacks"] | {"honest": report["honest"]}).items()]  # fmt: skip
    print_rows(rows, as_json)


def _around(row: dict[str, Any]) -> dict[str, Any]:
    way = row.get("evasion")
    return {"around it": f"avoid {way['condition']}, {way['changed']:.1%} of scans" if way else ""}


def _said(one: Version, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"slug": one.slug, "version": one.version, "state": one.state, "says": one.sentence("en")}))
    else:
        print(f"{one.slug} version {one.version} is {one.state}: {one.sentence('en')}")
