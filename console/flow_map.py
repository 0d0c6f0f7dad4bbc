"""From region to region: an arrow as wide as its excess over what honest leaks explain, as red as its evidence.

Our own outlines of the provinces, drawn as one SVG, so it works offline. For orientation only.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from functools import cache
from html import escape
from math import cos, hypot, radians
from typing import Any

from nicegui import ui

from antifraud import nights, regions, scoreboard
from antifraud.nights import Flow, Verdict
from antifraud.regions import Region
from codegen import shipments
from console import desk, naming
from console.dealer_board import draw_cartons
from console.desk import t
from console.layout import screen, sheet, table
from foundation.database import ReadTx

WINDOWS = (7, 30, 90)
DRAWN = 40  # Arrows, the strongest.
STRONG = 10.0  # Nats from which an arrow is fully red.
WEST, EAST, SOUTH, NORTH = 73.0, 136.0, 17.0, 54.0
SCALE = 14.0  # Units a degree of latitude.
BEND = 0.18  # Of its length, so that there and back are two arrows.
SQUEEZE = cos(radians(35))
COLUMNS = ("from-region", "to-region", "flow-cartons", "flow-expected", "flow-excess", "flow-llr")


@ui.page("/flows")
async def flows_page(days: int = 30) -> None:
    async with screen("flows") as roles:
        if not roles:
            return
        window = days if days in WINDOWS else WINDOWS[1]
        found, last = await desk.read(lambda tx: _flows(tx, window))
        with sheet(t("flows")):
            ui.label(t("flows-why")).classes("quiet")
            with ui.row().classes("gap-2 q-my-sm"):
                for one in WINDOWS:
                    look = "unelevated" if one == window else "outline"
                    ui.button(
                        t("last-days", days=one), on_click=lambda _, one=one: ui.navigate.to(f"/flows?days={one}")
                    ).props(f"no-caps dense {look} padding='2px 10px'")
            if not found:
                ui.label(t("no-flows" if last else "no-nights")).classes("quiet")
                return
            ui.html(svg(found[:DRAWN]), sanitize=False).classes("w-full")
            ui.label(t("orientation")).classes("quiet")
        with sheet():
            table(COLUMNS, [_row(flow) for flow in found], opens="/flows/", page=20).props("dense")


def _flows(tx: ReadTx, window: int) -> tuple[list[Flow], date | None]:
    """Of the last `window` days that have any."""
    days = scoreboard.flow_days(tx)
    if days is None:
        return [], None
    found = nights.flows_between(tx, days[1] - timedelta(days=window - 1), days[1])
    return [flow for flow in found if flow.from_region != flow.to_region], days[1]


def _row(flow: Flow) -> dict[str, Any]:
    return {
        "id": f"{flow.from_region}-{flow.to_region}",
        "from-region": naming.place(flow.from_region),
        "to-region": naming.place(flow.to_region),
        "flow-cartons": f"{flow.cartons:,.1f}",
        "flow-expected": f"{flow.expected:,.1f}",
        "flow-excess": f"{_excess(flow):+,.1f}",
        "flow-llr": f"{flow.llr:+.1f}",
    }


def _excess(flow: Flow) -> float:
    """Cartons beyond what honest strays explain."""
    return flow.cartons - flow.expected


def svg(flows: Sequence[Flow]) -> str:
    """Provinces, and over them the arrows, the weakest first so that the strongest lie on top."""
    width, height = (EAST - WEST) * SQUEEZE * SCALE, (NORTH - SOUTH) * SCALE
    most = max((_excess(flow) for flow in flows), default=1.0)
    arrows = "".join(_arrow(flow, most) for flow in reversed(flows) if _excess(flow) > 0)
    return (
        f'<svg viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{escape(t("flows"))}" '
        f'style="width:100%;max-height:34rem;background:#eaf1f4;border-radius:8px">{_land()}{arrows}</svg>'
    )


def _at(lon: float, lat: float) -> tuple[float, float]:
    return (lon - WEST) * SQUEEZE * SCALE, (NORTH - lat) * SCALE


@cache
def _land() -> str:
    """One path for all provinces."""
    rings = [
        ring
        for one in regions.geojson("province")["features"]
        for polygon in one["geometry"]["coordinates"]
        for ring in polygon
        if len(ring) > 6
    ]
    paths = ("M" + "L".join("{:.1f} {:.1f}".format(*_at(lon, lat)) for lon, lat in ring) + "Z" for ring in rings)
    return f'<path d="{"".join(paths)}" fill="#fff" stroke="#b9c6c0" stroke-width=".7"/>'


def _arrow(flow: Flow, most: float) -> str:
    """A bow from seat to seat with a head; a link to the cartons behind it."""
    start, end = _seat(flow.from_region), _seat(flow.to_region)
    if start is None or end is None:
        return ""
    (x1, y1), (x2, y2) = start, end
    cx, cy = (x1 + x2) / 2 - (y2 - y1) * BEND, (y1 + y2) / 2 + (x2 - x1) * BEND
    wide = 1.2 + 7 * _excess(flow) / most
    along = hypot(x2 - cx, y2 - cy) or 1.0
    ux, uy = (x2 - cx) / along, (y2 - cy) / along
    head = min(4 + wide, along)
    bx, by = x2 - ux * head, y2 - uy * head
    half = head / 2
    tip = " ".join(f"{x:.1f},{y:.1f}" for x, y in ((x2, y2), (bx - uy * half, by + ux * half),
                                                   (bx + uy * half, by - ux * half)))  # fmt: skip
    tone, path = _tone(flow.llr), f"M{x1:.1f} {y1:.1f}Q{cx:.1f} {cy:.1f} {bx:.1f} {by:.1f}"
    numbers = t("flow-said", cartons=f"{flow.cartons:,.1f}", expected=f"{flow.expected:,.1f}", llr=f"{flow.llr:+.1f}")
    said = escape(f"{naming.place(flow.from_region)} → {naming.place(flow.to_region)}: {numbers}")
    return (
        f'<a href="/flows/{flow.from_region}-{flow.to_region}" aria-label="{said}">'
        f'<g opacity=".85"><title>{said}</title>'
        f'<path d="{path}" fill="none" stroke="{tone}" stroke-width="{wide:.1f}"/>'
        f'<polygon points="{tip}" fill="{tone}"/><circle cx="{x1:.1f}" cy="{y1:.1f}" r="3.5" fill="{tone}"/></g></a>'
    )


def _seat(region: Region) -> tuple[float, float] | None:
    place = regions.place(region)
    return None if place is None else _at(place.lon, place.lat)


def _tone(llr: float) -> str:
    """Grey where the evidence is nothing, red from STRONG nats."""
    share = max(0.0, min(1.0, llr / STRONG))
    grey, red = (144, 164, 174), (179, 38, 30)
    mixed = (round(low + share * (high - low)) for low, high in zip(grey, red, strict=True))
    return "#" + "".join(f"{one:02x}" for one in mixed)


@ui.page("/flows/{between}")
async def flow_page(between: str) -> None:
    async with screen("flows") as roles:
        if not roles:
            return
        origin, _, target = between.partition("-")
        if not (origin.isdigit() and target.isdigit()):
            ui.label(t("not-there")).classes("sheet")
            return
        cartons = await desk.read(lambda tx: _behind(tx, int(origin), int(target)))
        with sheet(f"{naming.place(int(origin))} → {naming.place(int(target))}"):
            ui.label(t("flow-cartons-why")).classes("quiet q-mb-sm")
            draw_cartons(cartons)
            ui.link(t("flows-back"), "/flows").classes("text-primary")


def _behind(tx: ReadTx, origin: Region, target: Region) -> list[Verdict]:
    """Cartons of the dealers at home in `origin` that are thought to have gone to `target`."""
    home = {origin, regions.province_of(origin)}
    dealers = [one.id for one in shipments.dealers(tx) if home & one.regions]
    return scoreboard.verdicts(tx, dealers, target=target)
