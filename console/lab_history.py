"""A back-test on the screen: asked for over some days, worked off in the background, told when it is done."""

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any

from nicegui import ui

from antifraud.lab import backtest, quality
from antifraud.lab.backtest import Run
from antifraud.lab.versions import Version
from console import desk, naming, refusals, steps, typed
from console.desk import t
from console.lab_sight import ROLE
from console.layout import local, table
from console.rule_lab import bars
from foundation import clock, ids
from foundation.database import Tx
from loyalty.expiry import BRAND_ZONE

DAYS = 30
OVERLAPS = 12
COLUMNS = ("reason-code", "lab-both", "lab-of-mine", "lab-of-theirs")


def ask(one: Version) -> None:
    """From the first day to the end of the last, or to now; asked twice by an impatient hand, it still runs once."""
    by, today = desk.user_name(), clock.now().astimezone(BRAND_ZONE).date()
    ui.label(t("lab-history-why")).classes("quiet")
    says = refusals.notice()
    with ui.row().classes("w-full items-end gap-3"):
        since, until = typed.day("since", today - timedelta(days=DAYS)), typed.day("until", today)

        def begin(tx: Tx) -> Run:
            now = clock.now()
            first = typed.read_day(since.value, "from")
            last = typed.read_day(until.value, "to") + timedelta(days=1)
            begins, ends = (datetime.combine(day, time(), BRAND_ZONE) for day in (first, last))
            return backtest.ask(
                tx, ids.uuid7(now), one.slug, one.version, since=begins, until=min(ends, now), by=by, now=now
            )

        steps.button("lab-begin", says, ROLE, begin, then=lambda _: None)


def draw(run: Run | None) -> None:
    if run is None:
        ui.label(t("lab-no-run")).classes("quiet")
        return
    span = f"{local(run.since, '%Y-%m-%d %H:%M')} – {local(run.until, '%Y-%m-%d %H:%M')}"
    ui.label(t("lab-run-said", span=span, by=run.asked_by, at=local(run.asked_at))).classes("quiet q-mt-sm")
    if run.state == "failed":
        ui.label(t("lab-run-failed", why=run.failure)).classes("text-negative").props('role="alert"')
    elif run.report is None:
        scans = run.progress.get("scans", 0)
        ui.linear_progress(value=run.part, show_value=False, size="12px").props("rounded").mark("progress")
        ui.label(t("lab-run-goes", part=f"{run.part:.0%}", scans=f"{scans:,}")).classes("quiet")
    else:
        _report(run, run.report)


def _report(run: Run, report: Mapping[str, Any]) -> None:
    if not report["scans"]:
        ui.label(t("lab-run-empty")).classes("text-warning")
        return
    precise = quality.precision(report["bad"], report["good"])
    recall = report.get("recall")
    figures([
        ("lab-hits", f"{report['hits']:,}", t("lab-of-scans", scans=f"{report['scans']:,}",
                                              share=f"{report['hits'] / report['scans']:.3%}")),
        ("lab-fresh", f"{report['fresh']:,}", t("lab-fresh-why")),
        ("precision", *_share(precise.value if precise else None, (precise.low, precise.high) if precise else None,
                              t("lab-decided", bad=report["bad"], good=report["good"]))),
        ("lab-recall", *_share(recall[0] if recall else None, (recall[1], recall[2]) if recall else None,
                               t("lab-recall-why" if recall else "lab-recall-none"))),
        ("lab-failed", f"{report['failed']:,}", t("lab-failed-why")),
    ])  # fmt: skip
    ui.label(t("lab-radius", days=f"{run.days:.1f}")).classes("heading q-mt-md")
    figures([
        ("lab-people", f"{report['people']:,}", t("lab-people-why")),
        ("lab-honest", f"{report['honest']:,}", t("lab-honest-why")),
        ("lab-held-points", f"{report['points']:,}", t("lab-held-why", held=f"{report['held']:,}")),
        ("lab-yuan", typed.yuan(report["worth_fen"]), t("lab-yuan-why")),
    ])  # fmt: skip
    if report["live"] is not None:
        ui.label(
            t(
                "lab-against-live",
                version=report["live"],
                added=f"{report['added']:,}",
                dropped=f"{report['dropped']:,}",
            )
        ).classes("q-mt-md")
    if report["days"]:
        ui.label(t("lab-hits-by-day")).classes("heading q-mt-md")
        names = span_of(run)
        bars([day[5:] for day in names], [report["days"].get(day, 0) for day in names], t("lab-hits"))
    _overlap(report)
    _examples(report)


def span_of(run: Run) -> list[str]:
    """Every day of a run on the brand's clock, those without a hit too."""
    first, last = (at.astimezone(BRAND_ZONE).date() for at in (run.since, run.until - timedelta(microseconds=1)))
    return [(first + timedelta(days=one)).isoformat() for one in range((last - first).days + 1)]


def figures(of: list[tuple[str, str, str]]) -> None:
    """(word, figure, what it means) beside each other."""
    with ui.row().classes("w-full gap-6 q-mt-sm items-start"):
        for word, value, why in of:
            with ui.column().classes("gap-0").style("max-width: 15rem"):
                ui.label(t(word)).classes("quiet")
                ui.label(value).classes("figure").mark(word)
                ui.label(why).classes("quiet")


def _share(value: float | None, ends: tuple[float, float] | None, why: str) -> tuple[str, str]:
    if value is None or ends is None:
        return "—", why
    return f"{value:.0%}", f"{t('lab-interval', low=f'{ends[0]:.0%}', high=f'{ends[1]:.0%}')} {why}"


def _overlap(report: Mapping[str, Any]) -> None:
    """With which reasons it speaks together, the commonest first."""
    both, spoke = report.get("overlap", {}), report.get("spoke", {})
    if not both:
        return
    ui.label(t("lab-overlap")).classes("heading q-mt-md")
    ui.label(t("lab-overlap-why")).classes("quiet")
    ranked = sorted(both.items(), key=lambda pair: (-pair[1], pair[0]))[:OVERLAPS]
    table(COLUMNS, [
        {"id": code, "reason-code": naming.reason(code), "lab-both": f"{many:,}",
         "lab-of-mine": f"{many / report['hits']:.0%}", "lab-of-theirs": f"{many / spoke[code]:.0%}"}
        for code, many in ranked
    ]).props("dense")  # fmt: skip


def _examples(report: Mapping[str, Any]) -> None:
    if not report["examples"]:
        return
    ui.label(t("lab-examples")).classes("heading q-mt-md")
    with ui.row().classes("w-full gap-3"):
        for at, (_, scan_id, outcome) in enumerate(report["examples"], 1):
            said = f" · {t(outcome)}" if outcome else ""
            ui.link(f"{t('lab-scan')} {at}{said}", f"/scan/{scan_id}").classes("text-primary")
