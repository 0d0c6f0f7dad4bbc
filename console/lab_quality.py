"""How good every reason and rule is: precision and recall with their intervals, and which say the same."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from nicegui import ui

from antifraud.lab import quality
from antifraud.lab.quality import Quality, Report, Share
from console import desk, naming
from console.desk import t
from console.layout import screen, sheet, table
from foundation import clock
from foundation.database import ReadTx

SPANS = (7, 30, 90)
PAIRS = 30
FRESH_S = 60.0  # A month of scans is counted once a minute, for whoever looks.
COLUMNS = ("reason-code", "lab-hits", "lab-share", "precision", "lab-recall", "lab-alerted", "lab-repeat")
PAIR_COLUMNS = ("reason-code", "lab-other", "lab-both", "lab-of-rarer")

_counting = asyncio.Lock()
_last: dict[int, tuple[float, Report]] = {}


@ui.page("/lab-quality")
async def quality_page(days: int = 30) -> None:
    async with screen("lab-room") as roles:
        if not roles:
            return
        span = days if days in SPANS else 30
        found = await _measured(span)
        with sheet(t("lab-quality")):
            ui.label(t("lab-quality-why")).classes("quiet")
            with ui.row().classes("items-center gap-3 q-my-sm"):
                for one in SPANS:
                    look = "unelevated" if one == span else "flat"
                    ui.button(t("lab-last-days", days=one)).props(
                        f"no-caps dense {look} href='/lab-quality?days={one}'"
                    )
            ui.label(t("lab-measured-on", scans=f"{found.scans:,}", audited=f"{found.audited:,}")).classes("quiet")
            if found.codes:
                ranked = sorted(found.codes, key=lambda one: -one.hits)
                table(COLUMNS, [_row(one) for one in ranked], page=25).props("dense")
            else:
                ui.label(t("lab-nothing-spoke")).classes("q-mt-sm")
        if found.overlap:
            with sheet(t("lab-overlap")):
                ui.label(t("lab-redundant")).classes("quiet")
                table(PAIR_COLUMNS, pairs(found.overlap)).props("dense")


async def _measured(days: int) -> Report:
    """At most FRESH_S old, counted by one for all."""

    def count(tx: ReadTx) -> Report:
        now = clock.now()
        return quality.measure(tx, since=now - timedelta(days=days), until=now)

    async with _counting:
        if days not in _last or clock.monotonic_s() - _last[days][0] > FRESH_S:
            _last[days] = (clock.monotonic_s(), await desk.read(count))
        return _last[days][1]


def _row(one: Quality) -> dict[str, Any]:
    return {
        "id": one.code,
        "reason-code": naming.reason(one.code),
        "lab-hits": f"{one.hits:,}",
        "lab-share": f"{one.share:.3%}",
        "precision": told(one.precision),
        "lab-recall": told(one.recall),
        "lab-alerted": f"{one.alerts:,}",
        "lab-repeat": f"{one.repeat:.0%}" if one.alerts else "—",
    }


def told(share: Share | None) -> str:
    """`64% (39%–84%)`, or a dash where nothing says."""
    return f"{share.value:.0%} ({share.low:.0%}–{share.high:.0%})" if share else "—"


def pairs(overlap: Mapping[tuple[str, str], tuple[int, float]]) -> list[dict[str, Any]]:
    """Those that most nearly say the same first."""
    ranked = sorted(overlap.items(), key=lambda pair: (-pair[1][1], -pair[1][0], pair[0]))[:PAIRS]
    return [
        {"id": f"{one} {other}", "reason-code": naming.reason(one), "lab-other": naming.reason(other),
         "lab-both": f"{many:,}", "lab-of-rarer": f"{part:.0%}"}
        for (one, other), (many, part) in ranked
    ]  # fmt: skip
