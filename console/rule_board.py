"""How every rule does: how often it fires against its usual, what people decided, and when the nights last ran."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from nicegui import ui

from antifraud import nights, rule_health
from antifraud.lab import versions as lab
from antifraud.lab.versions import Version
from antifraud.lab.vocabulary import code_of
from antifraud.nights import NightRun
from antifraud.rule_health import Decided, Health
from console import desk, naming
from console.desk import t
from console.layout import local, screen, sheet, table
from foundation import clock
from foundation.database import ReadTx
from loyalty.expiry import BRAND_ZONE

COLUMNS = (
    "reason-code",
    "rule-state",
    "fired-today",
    "rate",
    "usual-rate",
    "trend",
    "decided-each",
    "precision",
    "last-fired",
)
LATE_H = {"nightly": 26.0, "near": 0.5}  # Hours after which a run is missing.
FRESH_S = 60.0  # A month of scans is counted once a minute, for whoever looks.
ODD = 3.0  # Times the usual rate.
HEIGHT, WIDTH = 22, 110
TREND = """<q-td :props="props"><svg width="110" height="22" role="img" :aria-label="props.row.trendSaid">
<polyline :points="props.value" fill="none" stroke="#0f7b5f" stroke-width="1.5"/></svg></q-td>"""
RATE = """<q-td :props="props"><span :class="props.row.odd ? 'text-negative text-weight-medium' : ''">{{ props.value }}
</span></q-td>"""

Told = tuple[list[Health], dict[str, Version]]
"""The health of every code; code -> the live or shadow version of a rule that people wrote."""

_counting = asyncio.Lock()
_last: list[tuple[float, Told]] = []


@ui.page("/rule-health")
async def health_page() -> None:
    async with screen("rule-health") as roles:
        if not roles:
            return
        await _board()
        ui.timer(FRESH_S, _board.refresh)


@ui.refreshable
async def _board() -> None:
    now = clock.now()
    (found, written), runs = await _health(now), await desk.read(nights.last_runs)
    with sheet(t("nights")):
        _nights(list(runs.values()), now)
    with sheet(t("rule-health")):
        ui.label(t("rule-health-why", days=rule_health.DAYS)).classes("quiet")
        drawn = table(COLUMNS, [_row(one, written.get(one.code)) for one in found]).props("dense")
        drawn.add_slot("body-cell-trend", TREND)
        drawn.add_slot("body-cell-rate", RATE)


async def _health(now: datetime) -> Told:
    """At most FRESH_S old, counted by one for all."""

    def count(tx: ReadTx) -> Told:
        versions = [*lab.standing(tx, "shadow"), *lab.standing(tx, "live")]  # Of two, the live one is told.
        written = {code_of(one.slug): one for one in versions if one.kind == "rule"}
        today = now.astimezone(BRAND_ZONE).date()
        return rule_health.health(tx, today=today, now=now, more=written), written

    async with _counting:
        if not _last or clock.monotonic_s() - _last[0][0] > FRESH_S / 2:
            _last[:] = [(clock.monotonic_s(), await desk.read(count))]
        return _last[0][1]


def _nights(runs: Sequence[NightRun], now: datetime) -> None:
    if not runs:
        ui.label(t("no-nights")).classes("quiet")
    for night in runs:
        behind = (now - night.until).total_seconds() / 3600
        bad = night.state == "failed" or behind > LATE_H[night.kind]
        with ui.row().classes("items-center gap-2"):
            ui.icon("error" if bad else "check_circle", color="negative" if bad else "positive")
            ui.label(t(f"night-{night.kind}")).classes("text-weight-medium")
            ui.label(f"{t(f'night-{night.state}')} · {local(night.begun_at)}").classes("quiet")
            ui.label(t("night-said", lag=_hours(behind), scans=f"{night.scans:,}", alerts=f"{night.alerts:,}"))
        if night.error:
            ui.label(night.error).classes("text-negative")


def _hours(hours: float) -> str:
    return t("in-minutes", minutes=round(hours * 60)) if hours < 2 else t("in-hours", hours=round(hours))


def _row(one: Health, written: Version | None) -> dict[str, Any]:
    usual, rate = one.usual, one.rate
    low, high = one.decided.interval
    told = one.decided.precision
    return {
        "id": one.code,
        "reason-code": naming.reason(one.code) if written is None else str(written.body[f"name_{desk.language()}"]),
        "rule-state": t("rule-live" if written is None else f"rule-{written.state}"),
        "fired-today": f"{one.hits[-1]:,}",
        "rate": _rate(rate),
        "usual-rate": _rate(usual),
        "odd": rate is not None and bool(usual) and rate > ODD * (usual or 0.0),
        "trend": _points([rate or 0.0 for rate in one.rates]),
        "trendSaid": ", ".join(_rate(rate) for rate in one.rates[-7:]),
        "decided-each": _each(one.decided),
        "precision": "—" if told is None else f"{told:.0%} ({low:.0%}–{high:.0%})",
        "last-fired": local(one.last_fired_at),
    }


def _rate(rate: float | None) -> str:
    return "—" if rate is None else f"{rate:.2f}"


def _each(decided: Decided) -> str:
    """Shares of the outcomes, the commonest first: `确认有风险 60%`."""
    if not decided.all:
        return "—"
    ranked = sorted(decided.by_outcome.items(), key=lambda pair: (-pair[1], pair[0]))
    return " · ".join(f"{t(outcome)} {many / decided.all:.0%}" for outcome, many in ranked) + f"（{decided.all}）"


def _points(values: Sequence[float]) -> str:
    """A little line of the days, of its own height."""
    top = max(values, default=0.0) or 1.0
    step = WIDTH / max(1, len(values) - 1)
    return " ".join(f"{at * step:.1f},{HEIGHT - 2 - (HEIGHT - 4) * one / top:.1f}" for at, one in enumerate(values))
