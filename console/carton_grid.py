"""The carton lies open: a cell a bottle, coloured by where it was scanned; who did is a letter."""

from collections.abc import Sequence
from html import escape

from nicegui import ui

from antifraud.carton_view import Cell, Standing, width
from console import naming
from console.case_file import Carton
from console.desk import t
from console.layout import local, sheet

LOOKS: dict[Standing, str] = {
    "unseen": "background:#f4f6f5;color:#8a9691;border:1px dashed #cdd8d3",
    "home": "background:#d9efe5;border:1px solid #0f7b5f",
    "away": "background:#f9dcd6;border:1px solid #b3261e",
    "nowhere": "background:#eceff1;border:1px solid #90a4ae",
}


def draw_cartons(cartons: Sequence[Carton]) -> None:
    for carton in cartons:
        with sheet(f"{t('sscc')} {carton.sscc}"):
            _said(carton)
            columns = width(len(carton.cells))
            cells = "".join(_cell(cell, number) for number, cell in enumerate(carton.cells, start=1))
            ui.html(
                f'<div role="list" aria-label="{escape(t("carton-view"))}" class="carton" '
                f'style="--wide:{columns}">{cells}</div>',
                sanitize=False,
            ).classes("w-full")
            _legend()


def _said(carton: Carton) -> None:
    counts = {one: sum(cell.standing == one for cell in carton.cells) for one in LOOKS}
    people = {person for cell in carton.cells for person in cell.people}
    to = carton.dealer.name if carton.dealer else t("no-dealer")
    where = "、".join(naming.place(region) for region in sorted(carton.dealer.regions)[:4]) if carton.dealer else ""
    ui.label(f"{t('shipped-to')} {to}" + (f"（{where}）" if where else "")).classes("quiet")
    seen = len(carton.cells) - counts["unseen"]
    numbers = {"seen": seen, "all": len(carton.cells) + carton.more, "people": len(people)}
    known = carton.dealer is not None and bool(carton.dealer.regions)
    said = t("carton-said", **numbers, away=counts["away"]) if known else t("carton-said-lost", **numbers)
    ui.label(said).classes("q-mb-sm")
    if carton.more:
        ui.label(t("carton-more", more=carton.more)).classes("quiet")


def _cell(cell: Cell, number: int) -> str:
    where = naming.place(cell.region) if cell.region else t(f"standing-{cell.standing}")
    people = " ".join(cell.people[:4]) + (f" +{len(cell.people) - 4}" if len(cell.people) > 4 else "")
    copied = f'<span class="carton-copied">{escape(t("copied"))}</span>' if cell.copied else ""
    title = f"{naming.item(cell.item)} · {t(f'standing-{cell.standing}')}" + (
        f" · {where} · {people} · ×{cell.scans} · {local(cell.first_at)}" if cell.scans else ""
    )
    inner = f"<b>{escape(where)}</b><span>{escape(people)}</span>{copied}" if cell.scans else ""
    return (
        f'<div role="listitem" title="{escape(title)}" aria-label="{escape(title)}" class="carton-cell" '
        f'style="{LOOKS[cell.standing]}"><small>{number}</small>{inner}</div>'
    )


def _legend() -> None:
    with ui.row().classes("gap-4 q-mt-sm"):
        for standing, look in LOOKS.items():
            with ui.row().classes("items-center gap-1 no-wrap"):
                ui.element("span").style(f"width: 1rem; height: .8rem; border-radius: 3px; {look}")
                ui.label(t(f"standing-{standing}")).classes("quiet")
