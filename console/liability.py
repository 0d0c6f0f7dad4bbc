"""What the brand owes in points: by month of issue, by month of lapse, and how much will never be asked for."""

from typing import Any

from nicegui import ui

from console import desk
from console.desk import t
from console.layout import screen, sheet, table
from console.rule_lab import bars
from console.spreadsheets import table_of
from foundation import clock
from loyalty import liability
from loyalty.liability import Cohort, Liability

PARTS = ("issued", "redeemed", "expired", "reversed", "outstanding")
COLORS = ("#0f7b5f", "#b7791f", "#8a938f", "#2b6cb0")


@ui.page("/liability")
async def liability_page() -> None:
    async with screen("liability") as roles:
        if not roles:
            return
        found = await desk.read(lambda tx: liability.report(tx, now=clock.now()))
        with sheet(t("liability")):
            if not found.cohorts:
                ui.label(t("no-points")).classes("quiet")
                return
            _figures(found)
            ui.echart(_stacked(found.cohorts)).style("height: 16rem")
        with sheet(t("lapsing")):
            bars([month if month != "never" else t("never") for month, _ in found.lapsing],
                 [points for _, points in found.lapsing], t("points"))  # fmt: skip
        with sheet(t("cohorts")):
            ui.button(t("download-csv"), on_click=lambda: _download(found)).props("no-caps outline dense")
            rows = [{"id": one.month, "month": one.month} | _numbers(one) for one in reversed(found.cohorts)]
            table(("month", *PARTS), rows, page=12)


def _figures(found: Liability) -> None:
    with ui.row().classes("w-full gap-6"):
        for word, value in (
            ("outstanding", f"{found.outstanding:,}"),
            ("liability-expected", f"{found.expected:,.0f}"),
            ("breakage", f"{found.breakage:,.0f}"),
            ("redemption-rate", f"{found.rate:.1%}"),
        ):
            with ui.column().classes("gap-0"):
                ui.label(value).classes("figure")
                ui.label(t(word)).classes("quiet")
    between = t("redemption-between", lowest=f"{found.lowest:.1%}", highest=f"{found.highest:.1%}")
    ui.label(between).classes("quiet q-mt-sm")


def _numbers(one: Cohort) -> dict[str, str]:
    return {part: f"{getattr(one, part):,}" for part in PARTS}


def _stacked(cohorts: tuple[Cohort, ...]) -> dict[str, Any]:
    """A bar a month of issue, in the parts its points have become."""
    parts = ("outstanding", "redeemed", "expired", "reversed")
    return {
        "grid": {"left": 8, "right": 8, "top": 40, "bottom": 8, "containLabel": True},
        "legend": {"data": [t(part) for part in parts], "top": 0},
        "tooltip": {"trigger": "axis"},
        "xAxis": {"type": "category", "data": [one.month for one in cohorts]},
        "yAxis": {"type": "value"},
        "series": [
            {"type": "bar", "stack": "all", "name": t(part), "data": [getattr(one, part) for one in cohorts],
             "itemStyle": {"color": color}}
            for part, color in zip(parts, COLORS, strict=True)
        ],
    }  # fmt: skip


def _download(found: Liability) -> None:
    rows = ((one.month, *(getattr(one, part) for part in PARTS)) for one in found.cohorts)
    ui.download.content(table_of(("month", *PARTS), rows), "liability.csv", "text/csv")
