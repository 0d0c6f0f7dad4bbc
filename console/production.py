"""Runs, and what became of their items."""

from typing import Any

from nicegui import ui

from codegen import runs, spans
from console import desk
from console.desk import t
from console.layout import local, screen, sheet, table
from foundation.database import ReadTx

STATES = ("issued", "commissioned", "scrapped", "voided", "recalled")


@ui.page("/runs")
async def runs_page() -> None:
    async with screen("runs") as roles:
        if not roles:
            return
        chinese = desk.language() == "zh"
        rows = await desk.read(lambda tx: _runs(tx, chinese))
        with sheet(t("runs")):
            _recall("/recall")
            if not rows:
                ui.label(t("no-runs")).classes("quiet")
                return
            table(("id", "product", "order", *STATES), rows, opens="/runs/")


@ui.page("/runs/{run_id}")
async def run_page(run_id: int) -> None:
    async with screen("runs") as roles:
        if not roles:
            return
        first = await desk.read(lambda tx: _first(tx, run_id))
        found = await desk.read(lambda tx: spans.ranges(tx, run_id))
        with sheet(f"{t('run_id')} {run_id}"):
            _recall(f"/recall?run={run_id}")
            rows = [
                {
                    "id": at,
                    "range": f"{span.first - first + 1:,} – {span.end - first:,}",
                    "items": f"{span.end - span.first:,}",
                    "state": t(span.state),
                    "why": span.reason,
                    "time": local(span.began_at),
                }
                for at, span in enumerate(found)
            ]
            if rows:
                table(("range", "items", "state", "why", "time"), rows)
            else:
                ui.label(t("no-spans")).classes("quiet")


def _recall(to: str) -> None:
    """The way to the screen that recalls, voids and releases."""
    ui.button(t("recall-title"), on_click=lambda: ui.navigate.to(to)).props("no-caps outline dense").classes("q-px-md")


def _runs(tx: ReadTx, chinese: bool) -> list[dict[str, Any]]:
    return [
        {
            "id": listed.run.id,
            "product": listed.run.product_zh if chinese else listed.run.product_en,
            "order": listed.order_id,
            **{state: f"{count:,}" for state, count in _counts(tx, listed.run.id).items()},
        }
        for listed in runs.list_runs(tx)
    ]


def _counts(tx: ReadTx, run_id: int) -> dict[str, int]:
    counted = spans.summary(tx, run_id)
    return {state: counted.get(state, 0) for state in STATES}


def _first(tx: ReadTx, run_id: int) -> int:
    """Ranges are shown as places within the run: an item number says nothing to a person."""
    run = runs.load_index(tx).get(run_id)
    if run is None:
        raise runs.UnknownRun(f"There is no run {run_id}.")
    return int(run.first)
