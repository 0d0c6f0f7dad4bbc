"""Budgets burning down: what is left of each, at which pace, and the day it ends if nothing changes."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from nicegui import ui

from console import desk
from console.desk import t
from console.layout import screen, sheet
from foundation import clock
from foundation.database import ReadTx
from loyalty import burning
from loyalty.burning import Burn
from loyalty.expiry import BRAND_ZONE

DAYS = 30
PACE_DAYS = 7  # What the end date is reckoned from.
SHOWN = 40


@ui.page("/budgets")
async def budgets_page() -> None:
    async with screen("budgets") as roles:
        if not roles:
            return
        today = clock.now().astimezone(BRAND_ZONE).date()
        found, spent = await desk.read(lambda tx: _room(tx, today))
        if not found:
            ui.label(t("no-budgets")).classes("sheet")
        with (
            ui.element("div")
            .classes("w-full")
            .style("display: grid; gap: 16px; grid-template-columns: repeat(auto-fill, minmax(min(100%, 22rem), 1fr))")
        ):
            for one in found:
                with sheet(one.name):
                    _draw(one, spent[one.budget_id], today)


def _room(tx: ReadTx, today: date) -> tuple[list[Burn], dict[int, dict[date, int]]]:
    found = burning.budgets(tx)[:SHOWN]
    ids = [one.budget_id for one in found]
    return found, burning.daily(tx, ids, since=today - timedelta(days=DAYS - 1), until=today)


def _draw(one: Burn, spent: Mapping[date, int], today: date) -> None:
    pace = sum(spent.get(today - timedelta(days=ago), 0) for ago in range(PACE_DAYS)) / PACE_DAYS
    ends = burning.ends_on(one, pace, today)
    ui.label(f"{one.left:,}").classes("figure")
    ui.label(t("budget-left-said", left=f"{one.left:,}", total=f"{one.total:,}")).classes("quiet")
    ends_said = t("budget-ends", day=ends.isoformat()) if ends else t("budget-lasts")
    ui.label(f"{t('budget-pace', pace=f'{pace:,.0f}')}；{ends_said}").classes("quiet")
    ui.echart(_burning_down(one, spent, today)).style("height: 12rem")


def _burning_down(one: Burn, spent: Mapping[date, int], today: date) -> dict[str, Any]:
    """What was left at the end of each day, from today's backwards: the books have no other record of it."""
    days = [today - timedelta(days=ago) for ago in range(DAYS)]
    left, values = one.left, []
    for day in days:
        values.append(left)
        left += spent.get(day, 0)
    return {
        "grid": {"left": 8, "right": 8, "top": 16, "bottom": 8, "containLabel": True},
        "tooltip": {"trigger": "axis"},
        "xAxis": {"type": "category", "data": [day.strftime("%m-%d") for day in reversed(days)], "boundaryGap": False},
        "yAxis": {"type": "value", "min": 0, "max": one.total},
        "series": [
            {"type": "line", "name": t("budget-left"), "data": values[::-1], "areaStyle": {"opacity": 0.15},
             "symbol": "none", "itemStyle": {"color": "#0f7b5f"}}
        ],
    }  # fmt: skip
