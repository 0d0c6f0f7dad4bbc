"""Accounts, phones and networks that a case's scans join, in three columns; a thick line is many scans."""

from html import escape
from math import log2

from nicegui import ui

from antifraud.case_graph import KINDS, Graph, Node, graph
from console.case_file import File
from console.desk import t
from console.layout import sheet

ROW, TOP, WIDTH, MARGIN = 24, 34, 640, 96
TALLEST = 960  # Many rows stand closer, so that the whole is seen at once.
TONES = {"account": "#0f7b5f", "device": "#1c5d99", "network": "#8a5700"}
LABELLED = 44  # Rows up to which each node carries its name; beyond that the name is its title.


def draw_graph(file: File) -> None:
    found = graph(file.scans)
    with sheet(t("graph")):
        if len(found.nodes) < 2:
            ui.label(t("graph-nothing")).classes("quiet")
            return
        ui.label(t("graph-said", **{kind: _count(found, kind) for kind in KINDS})).classes("quiet")
        with ui.element("div").style("width: 100%; overflow: auto; max-height: 34rem"):
            ui.html(svg(found), sanitize=False).classes("w-full")


def _count(found: Graph, kind: str) -> int:
    return sum(node.many for node in found.nodes if node.kind == kind)


def svg(found: Graph) -> str:
    """Rows spread over the height of the longest column."""
    most = max(found.rows(kind) for kind in KINDS)
    height = TOP + min(ROW * max(most, 2), TALLEST) + 10
    places = [_place(node, found.rows(node.kind), height) for node in found.nodes]
    heads = "".join(
        f'<text x="{_x(kind)}" y="18" text-anchor="middle" class="graph-head">{escape(t(f"graph-{kind}"))}</text>'
        for kind in KINDS
    )
    lines = "".join(_line(places[edge.left], places[edge.right], edge.scans) for edge in found.edges)
    dots = "".join(_dot(node, place, found.rows(node.kind)) for node, place in zip(found.nodes, places, strict=True))
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(t("graph"))}" '
        f'style="width:100%;min-width:28rem;height:auto">{heads}{lines}{dots}</svg>'
    )


def _x(kind: str) -> float:
    return MARGIN + KINDS.index(kind) * (WIDTH - 2 * MARGIN) / (len(KINDS) - 1)


def _place(node: Node, rows: int, height: float) -> tuple[float, float]:
    return _x(node.kind), TOP + (node.row + 0.5) * (height - TOP - 10) / rows


def _line(left: tuple[float, float], right: tuple[float, float], scans: int) -> str:
    (x1, y1), (x2, y2) = left, right
    middle, thick = (x1 + x2) / 2, min(1 + log2(scans), 6)
    path = f"M{x1:.0f} {y1:.1f}C{middle:.0f} {y1:.1f} {middle:.0f} {y2:.1f} {x2:.0f} {y2:.1f}"
    look = f'fill="none" stroke="#9db5ab" stroke-opacity=".6" stroke-width="{thick:.1f}"'
    return f'<path d="{path}" {look}><title>×{scans}</title></path>'


def _dot(node: Node, place: tuple[float, float], rows: int) -> str:
    x, y = place
    name = f"×{node.many}" if node.many > 1 else f"…{node.name[-6:]}"
    title = f"{t(f'graph-{node.kind}')} {name} · {t('graph-node', scans=node.scans, degree=node.degree)}"
    radius = min(4 + log2(node.scans + node.many), 10, max(2.5, 0.45 * TALLEST / rows))
    anchor, dx = {"account": ("end", -14), "device": ("middle", 0), "network": ("start", 14)}[node.kind]
    shown = node.many > 1 or rows <= LABELLED
    dy = -radius - 2 if node.kind == "device" else 4
    label = (
        f'<text x="{x + dx:.0f}" y="{y + dy:.1f}" text-anchor="{anchor}" class="graph-name">{escape(name)}</text>'
        if shown
        else ""
    )
    loud = ' stroke="#b3261e" stroke-width="2.5"' if node.degree > 2 and node.kind == "device" else ""
    return (
        f'<g><circle cx="{x:.0f}" cy="{y:.1f}" r="{radius:.1f}" fill="{TONES[node.kind]}"{loud}>'
        f"<title>{escape(title)}</title></circle>{label}</g>"
    )
