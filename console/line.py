"""The line as the plant manager sees it: stations, their jobs, and whether every code is accounted for."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from nicegui import ui

from console import corrections, desk
from console.desk import t
from console.layout import local, screen, sheet, table
from foundation import clock
from printer_jobs import jobs, minutes, plant
from printer_jobs.jobs import JobStatus, StationStatus
from printer_jobs.minutes import LineMinute

HOURS = 8
KEYS = ("station", "job", "state", "leased", "commissioned", "scrapped", "voided", "balance", "heard")


@ui.page("/line")
async def line_page() -> None:
    async with screen("line") as roles:
        if not roles:
            return
        with sheet(t("line")):
            await _jobs()
            ui.timer(3, _jobs.refresh)
        await corrections.waiting()


@ui.refreshable
async def _jobs() -> None:
    stations = await desk.read(jobs.list_stations)
    if not stations:
        ui.label(t("no-line")).classes("quiet")
        return
    rows = [_row(station) for station in stations]
    table(KEYS, rows, opens="/line/")


def _row(station: StationStatus) -> dict[str, Any]:
    row: dict[str, Any] = {"id": station.name, "station": station.name, "heard": local(station.heard_at)}
    if (job := station.job) is None:
        return row
    balance = job.balance
    return row | {
        "job": f"#{job.id} · {job.product_zh if desk.language() == 'zh' else job.product_en}",
        "state": t(f"job-{job.state}"),
        "leased": f"{balance.leased:,}",
        "commissioned": f"{balance.commissioned:,}",
        "scrapped": f"{balance.scrapped:,}",
        "voided": f"{balance.void:,}",
        "balance": job.discrepancy or "✓",
    }


@ui.page("/line/{station}")
async def station_page(station: str) -> None:
    async with screen("line") as roles:
        if not roles:
            return
        await _station(station)


async def _station(name: str) -> None:
    now = clock.now()
    since = now - timedelta(hours=HOURS)
    found = next((one for one in await desk.read(jobs.list_stations) if one.name == name), None)
    if found is None:
        ui.label(t("no-line")).classes("sheet")
        return
    seen = await desk.read(lambda tx: plant.of_station(tx, name, since=since))
    mine = await desk.read(lambda tx: jobs.open_jobs(tx, name))
    with sheet(f"{t('line')} · {name}"):
        shares = minutes.oee(seen, now=now)
        with ui.row().classes("w-full gap-8"):
            for word, value in (
                ("passed-8h", f"{sum(one.passed for one in seen):,}"),
                ("rejected-8h", f"{sum(one.rejected for one in seen):,}"),
                ("availability", _share(shares.availability)),
                ("performance", _share(shares.performance)),
                ("quality", _share(shares.quality)),
            ):
                with ui.column().classes("gap-0"):
                    ui.label(value).classes("text-h4")
                    ui.label(t(word)).classes("quiet")
        if minutes.sinking(seen):
            ui.label(t("grades-sink")).classes("text-negative text-weight-medium")
        if seen:
            ui.echart(_chart(seen)).classes("w-full").style("height: 20rem")
        else:
            ui.label(t("no-labels")).classes("quiet")
    with sheet(t("reconciliation")):
        if mine:
            table(BOOKS, [_books(job) for job in mine])
        else:
            ui.label(t("no-open-jobs")).classes("quiet")


BOOKS = ("job", "leased", "commissioned", "sampled", "scrapped", "voided", "returned", "open-codes", "balance")


def _books(job: JobStatus) -> dict[str, Any]:
    balance = job.balance
    product = job.product_zh if desk.language() == "zh" else job.product_en
    return {
        "id": job.id, "job": f"#{job.id} · {product}", "leased": f"{balance.leased:,}",
        "commissioned": f"{balance.commissioned:,}", "sampled": f"{balance.sampled:,}",
        "scrapped": f"{balance.scrapped:,}", "voided": f"{balance.void:,}", "returned": f"{balance.returned:,}",
        "open-codes": f"{balance.open:,}", "balance": job.discrepancy or ("✓" if balance.proven else "…"),
    }  # fmt: skip


def _share(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"


def _chart(seen: Sequence[LineMinute]) -> dict[str, Any]:
    """Labels a minute as bars, passed under rejected; the mean grade as a line over them."""
    times = [local(one.at, "%H:%M") for one in seen]
    grades = [None if one.grade is None else round(one.grade, 2) for one in seen]
    bars = {"type": "bar", "stack": "labels", "barCategoryGap": "10%"}
    return {
        "tooltip": {"trigger": "axis"},
        "legend": {"bottom": 0},
        "grid": {"left": 48, "right": 48, "top": 16, "bottom": 56},
        "xAxis": {"type": "category", "data": times},
        "yAxis": [{"type": "value"}, {"type": "value", "min": 0, "max": 4, "interval": 1}],
        "series": [
            {**bars, "name": t("commissioned"), "data": [one.passed for one in seen], "color": "#0063a8"},
            {**bars, "name": t("rejected"), "data": [one.rejected for one in seen], "color": "#b3200f"},
            {"type": "line", "name": t("print-grade"), "yAxisIndex": 1, "data": grades, "showSymbol": False,
             "connectNulls": True, "color": "#b85c00"},
        ],
    }  # fmt: skip
