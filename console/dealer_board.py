"""Dealers by what is thought of their cartons; its evidence over time, its cartons, what is not concluded."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from math import log
from typing import Any

from nicegui import ui

from antifraud import scoreboard
from antifraud.nights import Verdict
from antifraud.scoreboard import Standing
from codegen import shipments
from codegen.shipments import Dealer
from console import desk, naming
from console.desk import t
from console.layout import local, screen, sheet, table
from foundation import clock
from foundation.database import ReadTx
from loyalty.expiry import BRAND_ZONE

DAYS = 120
CURVES = 6  # Dealers whose evidence is drawn on the board, the gravest.
COLUMNS = (
    "dealer",
    "diverted",
    "likely-cartons",
    "possible-cartons",
    "judged-cartons",
    "e-value",
    "target",
    "concluded",
)
CARTONS = ("sscc", "target", "posterior", "scans", "mix-of", "judged-at")
CURVE_TONES = ("#b3261e", "#1c5d99", "#8a5700", "#6a1b9a", "#00695c", "#455a64")


@ui.page("/scoreboard")
async def board_page() -> None:
    async with screen("scoreboard") as roles:
        if not roles:
            return
        today = _today()
        found, dealers, told = await desk.read(lambda tx: _board(tx, today))
        if not found:
            with sheet(t("scoreboard")):
                ui.label(t("no-nights")).classes("quiet")
            return
        with sheet(t("evidence-over-time")):
            ui.label(t("evidence-why")).classes("quiet")
            named = {one: dealers[one].name if one in dealers else str(one) for one in told}
            ui.echart(curves(told, named, today)).style("height: 18rem")
        with sheet(t("scoreboard")):
            rows = [_row(one, dealers.get(one.dealer_id)) for one in found]
            table(COLUMNS, rows, opens="/scoreboard/", page=25).props("dense")


def _today() -> date:
    return clock.now().astimezone(BRAND_ZONE).date()


def _board(tx: ReadTx, today: date) -> tuple[list[Standing], dict[int, Dealer], dict[int, list[tuple[date, float]]]]:
    found = scoreboard.standings(tx)
    gravest = sorted(found, key=lambda one: -one.log_e)[:CURVES]
    told = scoreboard.evidence(tx, [one.dealer_id for one in gravest], since=today - timedelta(days=DAYS))
    return found, {one.id: one for one in shipments.dealers(tx)}, told


def _row(one: Standing, dealer: Dealer | None) -> dict[str, Any]:
    return {
        "id": one.dealer_id,
        "dealer": dealer.name if dealer else str(one.dealer_id),
        "diverted": f"{one.diverted:,.1f}",
        "likely-cartons": f"{one.likely:,}",
        "possible-cartons": f"{one.possible:,}",
        "judged-cartons": f"{one.judged:,}",
        "e-value": powers(one.log_e),
        "target": naming.place(one.region),
        "concluded": t(conclusion(one, dealer)),
    }


def conclusion(one: Standing, dealer: Dealer | None) -> str:
    """The word for what may be said of a dealer, and no more."""
    if dealer is not None and not dealer.regions:
        return "concluded-no-region"
    if one.listed:
        return "concluded-listed"
    return "concluded-alarms" if one.alarms else "concluded-nothing"


def powers(log_e: float) -> str:
    """An e-value as people compare it: 0.4, 37, 10^6.2."""
    tens = log_e / log(10)
    return f"10^{tens:.1f}" if tens >= 3 else f"{10**tens:,.2g}" if tens < 1 else f"{10**tens:,.0f}"


def curves(told: Mapping[int, Sequence[tuple[date, float]]], named: Mapping[int, str], today: date) -> dict[str, Any]:
    """log10 of the e-values by day, and the threshold."""
    days = [today - timedelta(days=ago) for ago in reversed(range(DAYS))]
    limit = scoreboard.threshold() / log(10)
    series: list[dict[str, Any]] = []
    for (dealer_id, points), tone in zip(told.items(), CURVE_TONES, strict=False):
        by_day = {day: log_e / log(10) for day, log_e in points}
        series.append({
            "type": "line", "name": named[dealer_id], "symbol": "none", "connectNulls": True,
            "itemStyle": {"color": tone}, "lineStyle": {"width": 2},
            "data": [round(by_day[day], 2) if day in by_day else None for day in days],
        })  # fmt: skip
    if series:
        series[0]["markLine"] = {
            "silent": True, "symbol": "none", "lineStyle": {"color": "#16211d", "type": "dashed"},
            "label": {"formatter": t("threshold"), "position": "insideEndTop"}, "data": [{"yAxis": limit}],
        }  # fmt: skip
    return {
        "grid": {"left": 8, "right": 16, "top": 36, "bottom": 8, "containLabel": True},
        "legend": {"top": 0, "type": "scroll"},
        "tooltip": {"trigger": "axis"},
        "xAxis": {"type": "category", "data": [day.strftime("%m-%d") for day in days], "boundaryGap": False},
        "yAxis": {"type": "value", "name": "log₁₀ e", ":max": _beyond(limit)},
        "series": series,
    }


def _beyond(limit: float) -> str:
    """The threshold is in view even where nobody comes near it; the axis is the browser's to draw."""
    return f"value => Math.ceil(Math.max(value.max, {limit + 0.5:.2f}))"


@ui.page("/scoreboard/{dealer_id}")
async def dealer_page(dealer_id: int) -> None:
    async with screen("scoreboard") as roles:
        if not roles:
            return
        today = _today()
        found, dealer, told, cartons = await desk.read(lambda tx: _dealer(tx, dealer_id, today))
        name = dealer.name if dealer else f"{t('dealer')} {dealer_id}"
        with sheet(name):
            if dealer is not None:
                places = "、".join(naming.place(one) for one in sorted(dealer.regions))
                ui.label(f"{t('authorised')}: {places or t('no-region')}").classes("quiet")
            if found is None:
                ui.label(t("no-evidence-of-dealer")).classes("quiet")
                return
            ui.label(
                t("dealer-said", diverted=f"{found.diverted:,.1f}", judged=f"{found.judged:,}", e=powers(found.log_e))
            ).classes("lead q-mt-sm")
            word = conclusion(found, dealer)
            ui.label(t(word)).classes("text-weight-medium q-mt-sm")
            ui.label(t(f"{word}-why")).classes("quiet")
            ui.echart(curves(told, {dealer_id: name}, today)).style("height: 15rem")
        with sheet(t("cartons-of-dealer")):
            draw_cartons(cartons)
            ui.link(t("cases-of-dealer"), f"/?q={name}").classes("text-primary")


def _dealer(
    tx: ReadTx, dealer_id: int, today: date
) -> tuple[Standing | None, Dealer | None, dict[int, list[tuple[date, float]]], list[Verdict]]:
    found = scoreboard.standings(tx, dealer_id=dealer_id)
    told = scoreboard.evidence(tx, [dealer_id], since=today - timedelta(days=DAYS))
    dealer = next((one for one in shipments.dealers(tx) if one.id == dealer_id), None)
    return (found[0] if found else None), dealer, told, scoreboard.verdicts(tx, [dealer_id])


def draw_cartons(cartons: Sequence[Verdict]) -> None:
    """What was thought of each, with what its places rest on."""
    if not cartons:
        ui.label(t("no-cartons")).classes("quiet")
        return
    rows = [
        {
            "id": one.sscc, "sscc": one.sscc, "target": naming.place(one.target), "posterior": f"{one.posterior:.1%}",
            "scans": f"{one.located} / {one.scans}", "judged-at": local(one.judged_at),
            "mix-of": " · ".join(f"{many} {t(f'mix-{method}')}" for method, many in sorted(one.mix.items())),
        }
        for one in cartons
    ]  # fmt: skip
    table(CARTONS, rows, opens="/?q=", page=20).props("dense")
