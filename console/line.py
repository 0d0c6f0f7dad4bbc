"""The line as the plant manager sees it: stations, their jobs, and whether every code is accounted for."""

from typing import Any

from nicegui import ui

from console import desk
from console.desk import t
from console.layout import local, screen, sheet, table
from printer_jobs import jobs
from printer_jobs.jobs import StationStatus

KEYS = ("station", "job", "state", "leased", "commissioned", "scrapped", "voided", "balance", "heard")


@ui.page("/line")
async def line_page() -> None:
    async with screen("line") as roles:
        if not roles:
            return
        with sheet(t("line")):
            await _jobs()
            ui.timer(3, _jobs.refresh)


@ui.refreshable
async def _jobs() -> None:
    stations = await desk.read(jobs.list_stations)
    if not stations:
        ui.label(t("no-line")).classes("quiet")
        return
    rows = [_row(station) for station in stations]
    table(KEYS, rows)


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
