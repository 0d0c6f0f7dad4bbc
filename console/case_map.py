"""Where the scans of a case were: each a disc as wide as its uncertainty, over the regions the dealer may sell in.

Drawn by Leaflet from our own outlines, without tiles, so it works offline. For orientation only: a display map needs
the brand's own approval number (审图号).
"""

from collections.abc import Collection, Sequence
from functools import cache
from typing import Any, Literal

from nicegui import ui

from antifraud import regions
from antifraud.considerations import at_home
from antifraud.location import LOCATED
from antifraud.scan_log import Scan
from console.desk import t

TONES = {"home": "#0f7b5f", "away": "#b3261e", "unknown": "#546e7a"}


def draw_map(scans: Sequence[Scan], authorised: Collection[int]) -> None:
    located = [scan for scan in scans if scan.lat is not None and scan.lon is not None]
    if not located:
        ui.label(t("no-place")).classes("quiet")
        return
    options = {"zoomControl": True, "attributionControl": False, "minZoom": 3, "maxZoom": 9}
    drawn = ui.leaflet(center=(35.5, 104.0), zoom=4, options=options).style("height: 22rem; background: #eaf1f4")
    drawn.clear_layers()
    outline = {"color": "#b9c6c0", "weight": 1, "fillColor": "#ffffff", "fillOpacity": 1}
    drawn.generic_layer(name="geoJSON", args=[_drawn("province"), {"style": outline}])
    allowed = {"color": "#0f7b5f", "weight": 1, "fillColor": "#0f7b5f", "fillOpacity": 0.18}
    drawn.generic_layer(name="geoJSON", args=[_outlines(frozenset(authorised)), {"style": allowed}])
    for scan in located:
        tone = TONES[_standing(scan, frozenset(authorised))]
        disc = {"radius": max(1000 * (scan.sigma_km or 0), 1), "color": tone, "weight": 1, "fillOpacity": 0.12}
        if scan.method not in LOCATED:  # A network's address points at no town.
            disc |= {"dashArray": "5 6", "fillOpacity": 0.03}
        drawn.generic_layer(name="circle", args=[[scan.lat, scan.lon], disc])
        dot = {"radius": 5, "color": "#ffffff", "weight": 1.5, "fillColor": tone, "fillOpacity": 0.95}
        drawn.generic_layer(name="circleMarker", args=[[scan.lat, scan.lon], dot])
    _look_at(drawn, located)
    with ui.row().classes("items-center gap-x-4 gap-y-1 quiet q-mt-sm"):
        if authorised:
            _legend("width: 1rem; height: .8rem; background: #0f7b5f40; border: 1px solid #0f7b5f", "authorised")
        for standing in sorted({_standing(scan, frozenset(authorised)) for scan in located}):
            look = f"width: .7rem; height: .7rem; border-radius: 50%; background: {TONES[standing]}"
            _legend(look, f"map-{standing}")
        ui.label(t("map-circle"))
        ui.label(t("orientation"))


def _legend(look: str, word: str) -> None:
    with ui.row().classes("items-center gap-1 no-wrap"):
        ui.element("span").style(look)
        ui.label(t(word))


def _standing(scan: Scan, territory: frozenset[int]) -> str:
    """Whether a reliable place lies in the territory; unknown where either is missing."""
    if not territory or scan.method not in LOCATED or scan.region is None:
        return "unknown"
    return "home" if at_home(scan.region, territory) else "away"


def _look_at(drawn: ui.leaflet, scans: Sequence[Scan]) -> None:
    """Every scan in view, and enough around them to know where one is."""
    lats = [scan.lat for scan in scans if scan.lat is not None]
    lons = [scan.lon for scan in scans if scan.lon is not None]
    corners = [[min(lats) - 3, min(lons) - 3], [max(lats) + 3, max(lons) + 3]]
    drawn.on("init", lambda: drawn.run_map_method("fitBounds", corners))


@cache
def _outlines(wanted: frozenset[int]) -> dict[str, Any]:
    every = _drawn("prefecture")
    return {**every, "features": [one for one in every["features"] if one["properties"]["code"] in wanted]}


@cache
def _drawn(level: Literal["province", "prefecture"]) -> dict[str, Any]:
    """Read once: unpacking the outlines took most of a second of every case."""
    return regions.geojson(level)
