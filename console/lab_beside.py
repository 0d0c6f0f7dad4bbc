"""A rule beside live traffic, and a live rule as it does: day by day, with a few of the scans it hit."""

from datetime import timedelta
from typing import Any

from nicegui import ui

from antifraud.lab import versions
from antifraud.lab.shadow import Day
from antifraud.lab.versions import Version
from console import desk, naming, refusals, steps, typed
from console.desk import t
from console.lab_sight import ROLE, Sight
from console.layout import local, table
from foundation import clock
from foundation.database import Tx

DAYS = 7
DAYS_SHOWN = 14
COLUMNS = ("day", "state", "scans", "lab-hits", "lab-fresh", "lab-agreement", "lab-failed", "lab-actions")
SAMPLE_COLUMNS = ("time", "verdict", "place", "method", "lab-alone-said")


def ask(one: Version) -> None:
    """How long; it may be begun anew while it runs, with another end."""
    by, says = desk.user_name(), refusals.notice()
    ui.label(t("lab-beside-why")).classes("quiet")
    if one.state not in versions.OPEN:
        return
    with ui.row().classes("w-full items-end gap-3"):
        days = typed.number("lab-shadow-days", DAYS, least=1)
        days.style("flex: 0 1 9rem")

        def begin(tx: Tx) -> Version:
            now = clock.now()
            until = now + timedelta(days=typed.whole(days.value, "days"))
            return versions.start_shadow(tx, one.slug, one.version, until=until, by=by, now=now)

        steps.button("lab-shadow-begin", says, ROLE, begin, look="outline")
        if one.state == "shadow":
            steps.button(
                "lab-shadow-stop", says, ROLE,
                lambda tx: versions.stop_shadow(tx, one.slug, one.version, by=by, now=clock.now()), look="flat",
            )  # fmt: skip


def draw(sight: Sight) -> None:
    one = sight.one
    if one.state == "shadow":
        until = local(one.shadow_until, "%Y-%m-%d %H:%M")
        ui.label(t("lab-shadow-until", until=until)).classes("text-weight-medium")
    if sight.baseline is not None:
        ui.label(t("lab-baseline", share=f"{sight.baseline.most_share:.3%}")).classes("quiet")
    if not sight.days:
        ui.label(t("lab-no-days")).classes("quiet")
        return
    table(COLUMNS, [_day(day) for day in sight.days[::-1]], page=DAYS_SHOWN).props("dense")
    if sight.samples:
        ui.label(t("lab-samples")).classes("heading q-mt-md")
        rows = [
            {"id": str(scan.scan_id), "time": local(scan.received_at), "verdict": t(scan.verdict),
             "place": naming.place(scan.region), "method": naming.method(scan),
             "lab-alone-said": t("lab-alone-yes" if fresh else "lab-alone-no")}
            for fresh, scan in sight.samples
        ]  # fmt: skip
        table(SAMPLE_COLUMNS, rows, opens="/scan/").props("dense")


def _day(day: Day) -> dict[str, Any]:
    agreement = day.agreement
    return {
        "id": f"{day.day}-{day.state}",
        "day": day.day.isoformat(),
        "state": t(f"rule-{day.state}"),
        "scans": f"{day.scans:,}",
        "lab-hits": f"{day.hits:,} ({day.hits / day.scans:.2%})" if day.scans else "0",
        "lab-fresh": f"{day.fresh:,}",
        "lab-agreement": "—" if agreement is None or day.state == "live" else
        t("lab-agreement-said", share=f"{agreement:.1%}", added=f"{day.added:,}", dropped=f"{day.dropped:,}"),
        "lab-failed": f"{day.failed:,}",
        "lab-actions": f"{day.actions:,}",
    }  # fmt: skip
